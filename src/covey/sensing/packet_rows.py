"""From packets to rows: the device's own packets, and after each of them the features of its streams."""

from array import array

from covey.core import FEATURE_NAMES, PACKET_BYTES, Streams
from covey.sensing.blocks import BLOCK_ROWS, Block, Note, NoteKind, counted
from covey.sensing.device_address import DeviceFilter
from covey.sensing.feature_columns import columns_of

STREAMS = 1024  # of each kind, unless told otherwise: more than a device speaks to, in 0.7 MB


class PacketRows:
    """Features of one device's streams; the state goes on from block to block."""

    def __init__(
        self,
        feature_names: tuple[str, ...] | None = None,
        device: str | None = None,
        seed: int = 0,
        capacity: int = STREAMS,
    ) -> None:
        """All 115 features without `feature_names`; all packets without `device`, a MAC or IP address."""
        columns = None if feature_names is None else columns_of(feature_names, FEATURE_NAMES, "packets")
        self.feature_names = FEATURE_NAMES if feature_names is None else feature_names
        self.filter = None if device is None else DeviceFilter.of(device)
        self._streams = Streams(capacity, seed, columns)
        self._rows = self._room(BLOCK_ROWS)

    def block(self, packets: bytearray, n: int) -> Block:
        """The rows of n packets (n * 72 bytes, written to where a device is chosen); valid until the next call."""
        if self.filter is not None:
            n = self.filter.keep(packets, n)
        d = len(self.feature_names)
        if n * d > len(self._rows):
            self._rows = self._room(n)
        block = Block(n, memoryview(packets)[: n * PACKET_BYTES], self._rows[: n * d])
        if n:
            self._streams.update(block.packets, n, block.rows)
        return block

    def notes(self) -> tuple[Note, ...]:
        """What the streams and the choice of a device have to say."""
        counts = self._streams.counts
        dropped = 0 if self.filter is None else self.filter.dropped
        return counted(
            Note(
                NoteKind.BACKWARDS,
                counts.backwards,
                f"{counts.backwards:,} packets are older than the one before them; no time passed for these",
            ),
            Note(
                NoteKind.EVICTED,
                counts.evictions,
                f"{counts.evictions:,} streams gave way to newer ones: more were alive than fit",
            ),
            Note(NoteKind.NOT_OF_DEVICE, dropped, f"{dropped:,} packets are not from or to the device"),
        )

    def _room(self, n: int) -> memoryview:
        return memoryview(array("f", bytes(4 * n * len(self.feature_names))))
