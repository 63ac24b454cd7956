"""What the devices of a cohort compute: sketches in the statistics round, then training, in one call of the core.

A device's rows never leave this module except as messages, the real bytes that would travel.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from covey.core import (
    CLIENT_FIELDS,
    CLIENT_RESULT_FIELDS,
    UPDATE_HEADER_FIELDS,
    Job,
    Loss,
    Rows,
    Status,
    decode_updates,
    read_updates,
    run,
)
from covey.io import Stopwatch
from covey.models import ModelVersion
from covey.protocol import Arrays, Assignment, Equipment, SendTasks, recipe_of
from covey.simulation.flights import Flight
from covey.simulation.variates import DeviceVariates
from covey.telemetry import Dataset, Population, SketchRule, Targets, sketch, to_wire
from covey.training import device_variates, reach_of
from covey.wire import Task, TaskKind

CLIENT = np.dtype(CLIENT_FIELDS)
RESULT = np.dtype(CLIENT_RESULT_FIELDS)
HEADER = np.dtype(UPDATE_HEADER_FIELDS)

Rows32 = NDArray[np.uint32]


@dataclass(slots=True, eq=False)
class Cohorts:
    """The rows of a population and what is done with them."""

    dataset: Dataset
    targets: Targets
    population: Population
    rule: SketchRule
    threads: int
    training_clock: Stopwatch
    variates: DeviceVariates
    first_task: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))  # the first full one
    equipment: Equipment | None = None  # that it brought, the same on all devices
    encoded: Rows | None = None
    trained: int = 0  # devices that trained
    failed: int = 0  # of these, devices whose training diverged

    def n_rows(self, devices: Rows32) -> NDArray[np.int64]:
        """Training rows of devices (n), (n)."""
        rows: NDArray[np.int64] = self.population.n_rows[devices]
        return rows

    def assign(self, tasks: SendTasks) -> Assignment | None:
        """What the devices make of the bytes of their tasks; None in the statistics round.

        A device's first full Task tells it the encoding, which never changes. Both kinds of a round's tasks have the
        same model, so the short one is read for all where there is one.
        """
        task = Task.decode(tasks.short or tasks.full)
        if isinstance(task, Task) and task.kind is TaskKind.STATISTICS:
            return None
        assignment = Assignment.of(task, self.equipment) if isinstance(task, Task) else task
        if not isinstance(assignment, Assignment):
            raise TypeError(f"the coordinator sent a Task that is {assignment.label}")
        if self.encoded is None:
            self.first_task = np.frombuffer(tasks.full, np.uint8)
            self.equipment = assignment.equipment
            self._encode(assignment.equipment.version)
        return assignment

    def arrays(self) -> Arrays:
        """What its devices keep, for a checkpoint."""
        return {"first_task": self.first_task, **self.variates.arrays()}

    def restore(self, arrays: Arrays) -> None:
        """Take over what `arrays` gave."""
        self.variates = DeviceVariates.from_arrays(arrays)
        task = Task.decode(arrays["first_task"].tobytes()) if arrays["first_task"].size else None
        equipment = Equipment.of(task) if isinstance(task, Task) else None
        if isinstance(equipment, Equipment):
            self.first_task, self.equipment = arrays["first_task"].astype(np.uint8), equipment
            self._encode(equipment.version)

    def _encode(self, version: ModelVersion) -> None:
        """Encode all rows; every device does this with its own."""
        inputs = self.population.gather(version.encoding.encode(self.dataset.x))
        labels = self.targets.y[self.population.rows].astype(np.int32)
        is_classifier = version.spec.loss in (Loss.SOFTMAX_CE, Loss.BCE)
        self.encoded = Rows(inputs, inputs.shape[0], labels=labels if is_classifier else None)

    def sketch(self, flight: Flight, rows: Rows32, counters: Rows32) -> NDArray[np.bool_]:
        """Write the sketches of a flight's `rows` (m) into it; which of them worked: all, (m)."""
        messages = []
        for row, counter in zip(rows.tolist(), counters.tolist(), strict=True):
            held = self.population.client_rows(int(flight.devices[row]))
            messages.append(to_wire(sketch(self.dataset.x[held], self.rule), flight.round, counter).encode())
        flight.add(rows, messages)
        return np.ones(rows.size, np.bool_)

    def train(self, flight: Flight, rows: Rows32, counters: Rows32) -> NDArray[np.bool_]:
        """Train a flight's `rows` (m) and write their updates into it; which of them worked, (m)."""
        assignment = flight.assignment
        if assignment is None or self.encoded is None:
            raise ValueError("there is nothing to train before the statistics round is over")
        task, variate = assignment.task, assignment.variate
        devices = flight.devices[rows]
        clients = np.zeros(rows.size, CLIENT)
        clients["first_row"] = self.population.first_row[devices]
        clients["n_rows"] = self.population.n_rows[devices]
        clients["counter"] = counters
        clients["seed"] = flight.tasks.seeds[rows]
        corrections = None
        if variate is not None:
            corrections = variate - self.variates.of(devices, variate.size)
            places = 4 * variate.size * np.arange(rows.size, dtype=np.uint64)
            clients["correction"] = corrections.ctypes.data + places
        results = np.zeros(rows.size, RESULT)
        whole = rows.size == flight.devices.size
        messages = flight.content if whole else np.empty(rows.size * flight.stride, np.uint8)
        job = Job(
            model=assignment.equipment.version.spec.core,
            arguments=assignment.arguments,
            rows=self.encoded,
            parameters=assignment.parameters,
            clients=clients,
            results=results,
            recipe=recipe_of(task),
            round=task.round,
            digest=task.digest,
            messages=messages,
            message_stride=flight.stride,
        )
        with self.training_clock:
            run(job, self.threads)
        del corrections
        if not whole:
            flight.content.reshape(-1, flight.stride)[rows] = messages.reshape(-1, flight.stride)
        flight.sizes[rows] = results["message_size"]
        worked: NDArray[np.bool_] = results["status"] == Status.OK
        self.trained += worked.size
        self.failed += int((~worked).sum())
        return worked

    def move_variates(self, flight: Flight, rows: Rows32) -> None:
        """Devices at a flight's `rows` (m) take over the control variates that their updates lead to."""
        assignment = flight.assignment
        if assignment is None or assignment.variate is None:
            return
        n_parameters = assignment.variate.size
        offsets = flight.offsets[rows]
        headers = np.zeros(rows.size, HEADER)
        read_updates(flight.content, offsets, flight.sizes[rows], n_parameters, headers)
        updates = np.zeros((rows.size, n_parameters), np.float32)
        decode_updates(flight.content, offsets, headers, n_parameters, updates)
        devices = flight.devices[rows]
        arguments, scale = assignment.arguments, assignment.equipment.step_scale
        reach = reach_of(arguments, headers["num_examples"])
        own = self.variates.of(devices, n_parameters)
        self.variates.keep(devices, device_variates(own, assignment.variate, updates, reach, scale))
