"""Rounds in the air: what was asked of a cohort, what fate has for it, and the bytes of its messages.

A flight lasts until the last of its messages and receipts has arrived or is lost, which may be rounds later.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covey.protocol import RECEIPT_BYTES, Assignment, SendTasks
from covey.simulation.mishaps import RoundMishaps
from covey.simulation.traits import Traits

Milliseconds = NDArray[np.uint64]

#: Thirty years: what takes longer never ends, and sums of such times stay far from NEVER.
LONGEST_MS = 1e12


@dataclass(slots=True, eq=False)
class Flight:
    """One round's cohort of n devices; a device is known by its row in the columns."""

    tasks: SendTasks
    assignment: Assignment | None  # what its devices made of the tasks' bytes; None in the statistics round
    traits: Traits
    mishaps: RoundMishaps
    training_ms: Milliseconds  # (n)
    content: NDArray[np.uint8]  # the bytes of all messages
    offsets: NDArray[np.uint64]  # (n): where a device's message begins
    sizes: NDArray[np.uint32]  # (n): of the messages; before they are made, the least they can be
    stride: int = 0  # bytes from one update to the next; 0 for sketches, which differ widely

    @property
    def round(self) -> int:
        """The round it belongs to."""
        return self.tasks.task.round

    @property
    def devices(self) -> NDArray[np.uint32]:
        """Its devices (n), ascending."""
        return self.tasks.devices

    def add(self, rows: NDArray[np.uint32], messages: list[bytes]) -> None:
        """Add messages of different lengths (m) for `rows` (m)."""
        sizes = np.array([len(message) for message in messages], np.uint32)
        self.offsets[rows] = self.content.size + np.cumsum(sizes, dtype=np.uint64) - sizes
        self.sizes[rows] = sizes
        self.content = np.concatenate((self.content, np.frombuffer(b"".join(messages), np.uint8)))

    def rows_of(self, devices: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """The rows of some of its devices (m), (m)."""
        return np.searchsorted(self.devices, devices).astype(np.uint32)

    def task_arrival_ms(self, now_ms: int) -> Milliseconds:
        """When the tasks sent now reach their devices, (n)."""
        travel = travel_ms(self.traits.latency_ms, self.tasks.sizes, self.traits.downlink_bytes_per_s)
        return self.traits.reached_ms(travel + np.uint64(now_ms))

    def uplink_ms(self, rows: NDArray[np.uint32]) -> Milliseconds:
        """How long the messages of `rows` (m) travel, (m); those not made yet as short as they can be."""
        traits = self.traits
        return travel_ms(traits.latency_ms[rows], self.sizes[rows], traits.uplink_bytes_per_s[rows])

    def receipt_ms(self, rows: NDArray[np.uint32]) -> Milliseconds:
        """How long receipts for `rows` (m) travel, (m)."""
        traits = self.traits
        sizes = np.full(rows.size, RECEIPT_BYTES, np.uint32)
        return travel_ms(traits.latency_ms[rows], sizes, traits.downlink_bytes_per_s[rows])


def travel_ms(latency_ms: Milliseconds, sizes: NDArray[np.uint32], bytes_per_s: NDArray[np.float64]) -> Milliseconds:
    """How long n messages of so many bytes travel, (n), in whole milliseconds."""
    with np.errstate(over="ignore"):
        lasts = np.minimum(sizes * (1000.0 / bytes_per_s), LONGEST_MS)
    return latency_ms + np.ceil(lasts).astype(np.uint64)


def training_ms(
    steps_rows: NDArray[np.int64], rows_per_s: NDArray[np.float64], slowness: NDArray[np.float64]
) -> Milliseconds:
    """How long n devices train on so many rows in all, (n), in whole milliseconds, 1 at least."""
    with np.errstate(over="ignore"):
        lasts = np.minimum(steps_rows * slowness * (1000.0 / rows_per_s), LONGEST_MS)
    return np.maximum(1, np.ceil(lasts)).astype(np.uint64)
