"""Features of packets' streams: the 115 columns of N-BaIoT, kept in fixed memory. Formulas are in docs/SPEC.md.

Source: Mirsky et al., "Kitsune: An Ensemble of Autoencoders for Online Network Intrusion Detection", NDSS 2018; the
columns are those of Meidan et al., "N-BaIoT", IEEE Pervasive Computing 17(3), 2018.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from covey.core.buffers import readable, releasing_views, writable
from covey.core.status import Status, checked, ffi, lib

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_HOST = ("weight", "mean", "variance")
_PAIR = ("weight", "mean", "std", "magnitude", "radius", "covariance", "pcc")
STREAM_GROUPS = {"MI_dir": _HOST, "H": _HOST, "HH": _PAIR, "HH_jit": _HOST, "HpHp": _PAIR}
STREAM_WINDOWS = ("L5", "L3", "L1", "L0.1", "L0.01")
FEATURE_NAMES: tuple[str, ...] = tuple(
    f"{group}_{window}_{statistic}"
    for group, statistics in STREAM_GROUPS.items()
    for window in STREAM_WINDOWS
    for statistic in statistics
)
FEATURES = len(FEATURE_NAMES)
MAX_STREAMS = int(lib.COVEY_MAX_STREAMS)


@dataclass(frozen=True, slots=True)
class StreamCounts:
    """`covey_streams_counts` of covey_watch.h; `streams` in use are those of MI, H, HH and HpHp."""

    packets: int
    backwards: int
    evictions: int
    capacity: int
    streams: tuple[int, int, int, int]


def streams_size(capacity: int) -> int:
    """Bytes of memory for `capacity` streams of each kind; CoreError unless it is in 1..MAX_STREAMS."""
    size = lib.covey_streams_size(capacity) if 0 < capacity <= MAX_STREAMS else 0
    if size == 0:
        checked(Status.ARGUMENT, f"making a table of {capacity} streams (1 to {MAX_STREAMS})")
    return int(size)


class Streams:
    """A table of streams: give it packets in order, take one row of features a packet.

    columns: features by their index in FEATURE_NAMES, in the order of a row; None for all. What no column needs is not
    computed. seed: keys the hash of addresses and changes no feature; give each device its own.
    """

    def __init__(self, capacity: int = 1024, seed: int = 0, columns: Sequence[int] | None = None) -> None:
        self.size_bytes = streams_size(capacity)
        self.columns = tuple(range(FEATURES)) if columns is None else tuple(columns)
        if not self.columns or len(self.columns) > FEATURES or not all(0 <= c < FEATURES for c in self.columns):
            checked(Status.ARGUMENT, f"choosing {len(self.columns)} columns (1 to {FEATURES}, each below {FEATURES})")
        self._columns: Any = ffi.NULL if columns is None else ffi.new("uint8_t[]", self.columns)
        self._memory = ffi.new("uint64_t[]", (self.size_bytes + 7) // 8)
        status = lib.covey_streams_init(self._memory, self.size_bytes, capacity, seed & 0xFFFF_FFFF_FFFF_FFFF)
        checked(status, "making a table of streams")

    @property
    def counts(self) -> StreamCounts:
        """What the table has seen so far."""
        counts = ffi.new("covey_streams_counts *")
        checked(lib.covey_streams_count(self._memory, counts), "counting streams")
        return StreamCounts(counts.packets, counts.backwards, counts.evictions, counts.capacity, tuple(counts.streams))

    @releasing_views
    def update(self, packets: "ReadableBuffer", n: int, rows: "WriteableBuffer") -> None:
        """Take the first `n` of `packets` (72 bytes each) and write their rows, (n, len(columns)) float32."""
        source = readable("covey_packet", packets, None, "packets")
        if not 0 <= n <= len(source):
            checked(Status.ARGUMENT, f"taking {n} of {len(source)} packets into streams")
        width = len(self.columns)
        target = writable("float", rows, n * width, "rows")
        status = lib.covey_streams_update(self._memory, source, n, self._columns, width, target)
        checked(status, f"taking {n} packets into streams")
