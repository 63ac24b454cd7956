"""Capture files (pcap or pcapng, packed with gzip or not), read as their bytes come: a row a packet."""

from collections.abc import Iterator
from typing import ClassVar

from covey.core import PACKET_BYTES, CaptureDamageError, CaptureReader, Status
from covey.errors import Code, SourceError
from covey.sensing.blocks import BLOCK_ROWS, Block, Note, NoteKind, counted
from covey.sensing.incoming import Incoming
from covey.sensing.packet_rows import PacketRows
from covey.wire import SourceKind

MAGICS = (
    b"\xa1\xb2\xc3\xd4",
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
    b"\x4d\x3c\xb2\xa1",
    b"\xa1\xb2\xcd\x34",  # the modified pcap of an old libpcap, whose records are longer
    b"\x34\xcd\xb2\xa1",
    b"\x0a\x0d\x0d\x0a",
)
_CODES = {Status.VERSION: Code.CAPTURE_LINK, Status.LENGTH: Code.CAPTURE_LENGTH}


class CaptureSource:
    """The packets of a capture, and the features after each.

    Packets before damage come first, then the SourceError that names its offset. A capture that ends within a record is
    read up to there: a note.
    """

    kind: ClassVar = SourceKind.PACKETS

    def __init__(self, incoming: Incoming, rows: PacketRows) -> None:
        """`incoming` begins with one of MAGICS."""
        self.feature_names = rows.feature_names
        self._incoming = incoming
        self._rows = rows
        self._reader = CaptureReader()
        self._left_bytes = 0

    def blocks(self) -> Iterator[Block]:
        """All packets, in the order of the file."""
        # No memoryviews here: Python 3.11 crashes when it collects an exception whose frames hold C buffers of one.
        memory = bytearray(BLOCK_ROWS * PACKET_BYTES)
        rest = b""
        for chunk in self._incoming.chunks():
            if not chunk:
                yield self._rows.block(memory, 0)
                continue
            rest += chunk
            n = BLOCK_ROWS
            while n:  # damage is told by the call after the last packets before it
                consumed, n = self._feed(rest, memory)
                rest = rest[consumed:]
                if n:
                    yield self._rows.block(memory, n)
        self._left_bytes = len(rest)
        self._check_end()

    def notes(self) -> tuple[Note, ...]:
        """What was counted."""
        counts = self._reader.counts
        cut_off = bool(self._left_bytes) or self._incoming.is_cut_off
        return counted(
            Note(
                NoteKind.CUT_OFF,
                int(cut_off),
                f"the capture is cut off within a record behind byte {counts.offset:,}",
            ),
            Note(NoteKind.TRUNCATED, counts.truncated, f"{counts.truncated:,} packets were captured in part only"),
            Note(NoteKind.MALFORMED, counts.malformed, f"{counts.malformed:,} packets contradict themselves"),
            Note(NoteKind.OTHER, counts.other, f"{counts.other:,} packets are neither IP nor ARP"),
            Note(NoteKind.SKIPPED, counts.skipped, f"{counts.skipped:,} packets of an unknown link type were left out"),
            *self._rows.notes(),
        )

    def _feed(self, data: bytes, packets: bytearray) -> tuple[int, int]:
        try:
            return self._reader.feed(data, packets)
        except CaptureDamageError as error:
            name = self._incoming.name
            raise SourceError(
                _CODES.get(error.status, Code.CAPTURE_DAMAGED),
                f"{name}: {error.cause}",
                f"{self._reader.counts.packets:,} packets before it were read",
                where=f"{name}, byte {error.offset}",
            ) from error

    def _check_end(self) -> None:
        name, n = self._incoming.name, self._reader.counts.packets
        if not n and not self._reader.counts.skipped:
            what = "is cut off before its first packet" if self._left_bytes else "holds no packets"
            raise SourceError(Code.SOURCE_EMPTY, f"{name} is a capture, but {what}", where=name)
        chosen = self._rows.filter
        if chosen is not None and not chosen.kept:
            raise chosen.absent(name)
