"""The device machines of a whole population: one array of 64-byte records, stepped many at a time by the core."""

import numpy as np
from numpy.typing import NDArray

from covey.core import DEVICE_FIELDS, EFFECT_FIELDS, EVENT_FIELDS, DeviceState, EventKind, handle_many
from covey.simulation.calendar import Rows

RECORD = np.dtype(DEVICE_FIELDS)
MACHINE_EVENT = np.dtype(EVENT_FIELDS)
EFFECT = np.dtype(EFFECT_FIELDS)

#: First wait for a receipt: longer than a slow link's way there and back, shorter than a round.
RETRY_MS = 30_000


class Machines:
    """A device of the population is its number; its record is the same 64 bytes as on a real device."""

    def __init__(self, records: NDArray[np.void]) -> None:
        self.records = records

    @classmethod
    def of(cls, n_devices: int) -> "Machines":
        """Devices as they leave the factory."""
        records = np.zeros(n_devices, RECORD)
        records["retry_ms"] = RETRY_MS
        return cls(records)

    @classmethod
    def from_bytes(cls, content: NDArray[np.generic]) -> "Machines":
        """From the bytes of all records."""
        return cls(np.ascontiguousarray(content.astype(np.uint8, copy=False)).view(RECORD).copy())

    def handle(self, events: Rows, digests: NDArray[np.void]) -> NDArray[np.void]:
        """Give each event (n) of the calendar to its device, in order; effects (n). `digests` (n) matter for tasks."""
        told = np.zeros(events.size, MACHINE_EVENT)
        told["kind"] = events["kind"]
        told["round"] = events["round"]
        told["counter"] = events["counter"]
        told["value"] = events["value"]
        told["digest"] = digests
        effects = np.zeros(events.size, EFFECT)
        handle_many(
            self.records, np.ascontiguousarray(events["device"]), told, np.ascontiguousarray(events["time_ms"]), effects
        )
        return effects

    def deadlines_ms(self, devices: NDArray[np.uint32]) -> NDArray[np.uint64]:
        """When devices (n) lose patience, (n); 0: they wait for nothing."""
        deadlines: NDArray[np.uint64] = self.records["deadline_ms"][devices]
        return deadlines

    def are_sending(self, devices: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which of devices (n) have an update to get rid of, (n)."""
        sending: NDArray[np.bool_] = self.records["state"][devices] == DeviceState.SENDING
        return sending


def is_void(events: Rows, machines: Machines) -> NDArray[np.bool_]:
    """Deadlines (of n events) that were moved or dropped since, (n)."""
    void: NDArray[np.bool_] = events["kind"] == EventKind.DEADLINE
    void &= machines.deadlines_ms(events["device"]) != events["time_ms"]
    return void
