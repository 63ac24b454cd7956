"""How a round takes off: traits and mishaps of its cohort, and a buffer for its messages."""

import numpy as np
from numpy.typing import NDArray

from covey.protocol import SendTasks, recipe_of
from covey.simulation.cohorts import Cohorts
from covey.simulation.flights import Flight, training_ms
from covey.simulation.mishaps import Mishaps
from covey.simulation.traits import FleetTraits
from covey.training import Trainer


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
        if tasks.version is None:
            lasts = training_ms(rows, traits.rows_per_s, mishaps.slowness)
            empty = np.zeros(0, np.uint8)
            return Flight(tasks, traits, mishaps, lasts, empty, np.zeros(n, np.uint64), np.zeros(n, np.uint32))
        lasts = training_ms(self._trainer.rows_for(rows), traits.rows_per_s, mishaps.slowness)
        n_parameters = tasks.version.spec.n_parameters
        recipe = recipe_of(tasks.task)
        stride = recipe.message_size(n_parameters)
        least = np.full(n, recipe.payload_size(n_parameters), np.uint32)
        offsets = np.arange(n, dtype=np.uint64) * np.uint64(stride)
        return Flight(tasks, traits, mishaps, lasts, self._buffer(n * stride), offsets, least, stride)

    def reuse(self, flight: Flight) -> None:
        """Take back the buffer of a flight that has landed."""
        if flight.stride:
            self._spare = [flight.content]

    def _buffer(self, size: int) -> NDArray[np.uint8]:
        fitting = [spare for spare in self._spare if spare.size == size]
        self._spare = []
        return fitting[0] if fitting else np.empty(size, np.uint8)
