"""How a round takes off: traits and mishaps of its cohort, and a buffer for its messages."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from covey.errors import Code, JournalError
from covey.protocol import Arrays, SendTasks, recipe_of
from covey.simulation.cohorts import Cohorts
from covey.simulation.flights import Flight, training_ms
from covey.simulation.mishaps import Mishaps
from covey.simulation.traits import FleetTraits
from covey.training import Trainer
from covey.wire import Task, Verdict


class Launcher:
    """Makes flights; buffers of those that have landed are used again, as fresh memory costs more than the sum."""

    def __init__(self, traits: FleetTraits, mishaps: Mishaps, trainer: Trainer) -> None:
        self.traits = traits
        self.mishaps = mishaps
        self._trainer = trainer
        self._spare: list[NDArray[np.uint8]] = []

    def launch(self, tasks: SendTasks, cohorts: Cohorts) -> Flight:
        """The flight of these tasks, its messages still to be made."""
        n = tasks.devices.size
        traits = self.traits.traits(tasks.devices)
        mishaps = self.mishaps.of_round(tasks.devices, tasks.task.round)
        rows = cohorts.n_rows(tasks.devices)
        assignment = cohorts.assign(tasks)
        if assignment is None:
            lasts = training_ms(rows, traits.rows_per_s, mishaps.slowness)
            empty = np.zeros(0, np.uint8)
            return Flight(tasks, None, traits, mishaps, lasts, empty, np.zeros(n, np.uint64), np.zeros(n, np.uint32))
        lasts = training_ms(self._trainer.rows_for(rows), traits.rows_per_s, mishaps.slowness)
        n_parameters = assignment.parameters.size
        recipe = recipe_of(tasks.task)
        stride = recipe.message_size(n_parameters)
        least = np.full(n, recipe.payload_size(n_parameters), np.uint32)
        offsets = np.arange(n, dtype=np.uint64) * np.uint64(stride)
        return Flight(tasks, assignment, traits, mishaps, lasts, self._buffer(n * stride), offsets, least, stride)

    def relaunch(self, arrays: Arrays, cohorts: Cohorts) -> Flight:
        """The flight that `flight_arrays` was taken of."""
        full, short = arrays["task.full"].tobytes(), arrays["task.short"].tobytes()
        task = Task.decode(full or short)
        if isinstance(task, Verdict):
            raise JournalError(Code.JOURNAL_CORRUPT, "the checkpoint holds a Task that is none")
        devices = arrays["devices"].astype(np.uint32)
        tasks = SendTasks(
            devices=devices,
            seeds=arrays["seeds"].astype(np.uint64),
            is_equipped=arrays["is_equipped"].astype(np.bool_),
            task=replace(task, model=None, parameters=None, variate=None, step_scale=None),
            full=full,
            short=short,
        )
        return Flight(
            tasks,
            cohorts.assign(tasks),
            self.traits.traits(devices),
            self.mishaps.of_round(devices, task.round),
            arrays["training_ms"].astype(np.uint64),
            arrays["content"].astype(np.uint8),
            arrays["offsets"].astype(np.uint64),
            arrays["sizes"].astype(np.uint32),
            int(arrays["stride"][0]),
        )

    def reuse(self, flight: Flight) -> None:
        """Take back the buffer of a flight that has landed."""
        if flight.stride:
            self._spare = [flight.content]

    def _buffer(self, size: int) -> NDArray[np.uint8]:
        fitting = [spare for spare in self._spare if spare.size == size]
        self._spare = []
        return fitting[0] if fitting else np.empty(size, np.uint8)


def flight_arrays(flight: Flight) -> Arrays:
    """A flight for a checkpoint; its traits and mishaps follow from the seed."""
    tasks = flight.tasks
    return {
        "devices": tasks.devices,
        "seeds": tasks.seeds,
        "is_equipped": tasks.is_equipped,
        "task.full": np.frombuffer(tasks.full, np.uint8),
        "task.short": np.frombuffer(tasks.short, np.uint8),
        "training_ms": flight.training_ms,
        "content": flight.content,
        "offsets": flight.offsets,
        "sizes": flight.sizes,
        "stride": np.array([flight.stride], np.int64),
    }
