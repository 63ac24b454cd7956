"""What the devices of a cohort compute: sketches in the statistics round, then training, in one call of the core.

A device's rows never leave this module except as messages, the real bytes that would travel.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from covey.core import Rows
from covey.io import Stopwatch
from covey.models import ModelVersion
from covey.protocol import (
    CLIENT,
    Arrays,
    Assignment,
    Equipment,
    SendTasks,
    moved_variates,
    sketch_message,
    train_clients,
    training_rows,
)
from covey.simulation.flights import Flight
from covey.simulation.variates import DeviceVariates
from covey.telemetry import Dataset, Population, SketchRule, Targets
from covey.wire import Task, TaskKind

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
        self.encoded = training_rows(version, inputs, labels)

    def sketch(self, flight: Flight, rows: Rows32, counters: Rows32) -> NDArray[np.bool_]:
        """Write the sketches of a flight's `rows` (m) into it; which of them worked: all, (m)."""
        messages = []
        for row, counter in zip(rows.tolist(), counters.tolist(), strict=True):
            held = self.population.client_rows(int(flight.devices[row]))
            messages.append(sketch_message(self.dataset.x[held], self.rule, flight.round, counter))
        flight.add(rows, messages)
        return np.ones(rows.size, np.bool_)

    def train(self, flight: Flight, rows: Rows32, counters: Rows32) -> NDArray[np.bool_]:
        """Train a flight's `rows` (m) and write their updates into it; which of them worked, (m)."""
        assignment = flight.assignment
        if assignment is None or self.encoded is None:
            raise ValueError("there is nothing to train before the statistics round is over")
        devices, variate = flight.devices[rows], assignment.variate
        clients = np.zeros(rows.size, CLIENT)
        clients["first_row"] = self.population.first_row[devices]
        clients["n_rows"] = self.population.n_rows[devices]
        clients["counter"] = counters
        clients["seed"] = flight.tasks.seeds[rows]
        own = None if variate is None else self.variates.of(devices, variate.size)
        whole = rows.size == flight.devices.size
        messages = flight.content if whole else np.empty(rows.size * flight.stride, np.uint8)
        with self.training_clock:
            done = train_clients(assignment, self.encoded, clients, own, messages, self.threads)
        if not whole:
            flight.content.reshape(-1, flight.stride)[rows] = messages.reshape(-1, flight.stride)
        flight.sizes[rows] = done.sizes
        self.trained += done.worked.size
        self.failed += int((~done.worked).sum())
        return done.worked

    def move_variates(self, flight: Flight, rows: Rows32) -> None:
        """Devices at a flight's `rows` (m) take over the control variates that their updates lead to."""
        assignment = flight.assignment
        if assignment is None or assignment.variate is None:
            return
        devices = flight.devices[rows]
        own = self.variates.of(devices, assignment.variate.size)
        moved = moved_variates(assignment, own, flight.content, flight.offsets[rows], flight.sizes[rows])
        self.variates.keep(devices, moved)
