"""Rows as they are offered to a local store: views of a block's memory, and where a row goes."""

import sys
from array import array
from dataclasses import dataclass

from covey.sensing.store import Pool

PACKET_BYTES = 72


@dataclass(slots=True)
class StoreCounts:
    """What became of rows since the start."""

    offered: int = 0
    kept: int = 0  # written over older ones, many of them
    dropped: int = 0  # while the store could not be written
    alerts: int = 0


@dataclass(frozen=True, slots=True)
class OfferedBlock:
    """Views of a block's memory."""

    packets: memoryview
    rows: memoryview
    scores: "array[float]"
    threshold: float | None

    def time_ns(self, row: int) -> int:
        """When a row's packet came: the first field of `covey_packet`."""
        return int.from_bytes(self.packets[row * PACKET_BYTES : row * PACKET_BYTES + 8], sys.byteorder, signed=True)

    def packet(self, row: int) -> bytes:
        """Its `covey_packet`."""
        return bytes(self.packets[row * PACKET_BYTES : (row + 1) * PACKET_BYTES])

    def features(self, row: int, size: int) -> bytes:
        """Its features, of `size` bytes."""
        return bytes(self.rows[row * size : (row + 1) * size])


@dataclass(frozen=True, slots=True)
class Berth:
    """Where a row belongs."""

    pool: Pool
    share: str  # its stratum or group
    slot: int = 0
    alert: str | None = None
