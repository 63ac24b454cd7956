"""Packets as a CSV table: a line a packet, columns in any order. What packets do not tell is left out.

Columns: time and size are needed; source and destination (addresses, both or neither), source_mac and destination_mac,
source_port and destination_port, protocol (a name or the number of IP) may be missing, as a column or in a line. Other
columns are let be, and counted. Names that tshark gives its fields are understood too.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import ClassVar

from covey.core import PACKET_BYTES, Packet, PacketKind
from covey.errors import Code, CoreError, SourceError
from covey.sensing.blocks import BLOCK_ROWS, Block, Note, NoteKind, counted
from covey.sensing.incoming import Incoming, shortened
from covey.sensing.packet_rows import PacketRows
from covey.sensing.packets_of import ETHER_TYPES, LARGEST_SIZE, address_kind, protocol_number
from covey.sensing.tables import CsvTable
from covey.sensing.times import UNITS_NS, parse_time
from covey.wire import SourceKind

#: Column: other names for it.
COLUMNS = {
    "time": ("timestamp", "ts", *UNITS_NS),
    "size": ("size_bytes", "length", "frame.len"),
    "source": ("src", "source_ip", "src_ip", "ip.src"),
    "destination": ("dst", "destination_ip", "dst_ip", "ip.dst"),
    "source_mac": ("src_mac", "eth.src"),
    "destination_mac": ("dst_mac", "eth.dst"),
    "source_port": ("src_port", "sport", "tcp.srcport", "udp.srcport"),
    "destination_port": ("dst_port", "dport", "tcp.dstport", "udp.dstport"),
    "protocol": ("proto", "ip.proto"),
}
NEEDED = ("time", "size")
_COLUMN_OF = {name: column for column, others in COLUMNS.items() for name in (column, *others)}
ARP = "arp"


def is_packet_header(names: tuple[str, ...]) -> bool:
    """Whether a table with these columns is one of packets."""
    columns = {_COLUMN_OF.get(name.lower()) for name in names}
    return columns >= set(NEEDED) and bool(columns & {"source", "destination", "source_mac", "destination_mac"})


class PacketCsvSource:
    """The packets of a table, and the features after each."""

    kind: ClassVar = SourceKind.PACKETS

    def __init__(self, incoming: Incoming, rows: PacketRows) -> None:
        """Reads the header; SourceError where a column is missing or stands twice."""
        self.feature_names = rows.feature_names
        self._incoming = incoming
        self._rows = rows
        self._table = CsvTable(incoming)
        self._places: dict[str, int] = {}
        self._unit_ns: int | None = None
        self._unused: list[str] = []
        for place, name in enumerate(self._table.columns):
            column = _COLUMN_OF.get(name.lower())
            if column is None:
                self._unused.append(name)
            elif column in self._places:
                other = self._table.columns[self._places[column]]
                raise incoming.fault(Code.SOURCE_COLUMN, 1, f"{other!r} and {name!r} are both the {column}")
            else:
                self._places[column] = place
                self._unit_ns = UNITS_NS.get(name.lower()) if column == "time" else self._unit_ns
        for column in NEEDED:
            if column not in self._places:
                raise incoming.fault(Code.SOURCE_COLUMN, 1, f"there is no column {column!r}")

    def blocks(self) -> Iterator[Block]:
        """All packets, in the order of the table."""
        memory, n, is_empty = bytearray(BLOCK_ROWS * PACKET_BYTES), 0, True
        for row in self._table.rows():
            if row is not None:
                memory[n * PACKET_BYTES : (n + 1) * PACKET_BYTES] = self._packet(*row)
                n, is_empty = n + 1, False
            if row is None or n == BLOCK_ROWS:
                yield self._rows.block(memory, n)
                n = 0
        if n:
            yield self._rows.block(memory, n)
        name = self._incoming.name
        if is_empty:
            raise SourceError(Code.SOURCE_EMPTY, f"{name} is a table of packets, but holds none", where=name)
        chosen = self._rows.filter
        if chosen is not None and not chosen.kept:
            raise chosen.absent(name)

    def notes(self) -> tuple[Note, ...]:
        """What was counted."""
        unused = len(self._unused)
        cut = self._table.cut_off or self._incoming.is_cut_off
        return counted(
            Note(NoteKind.CUT_OFF, int(cut), "the table is cut off within its last line"),
            Note(NoteKind.UNUSED_COLUMNS, unused, shortened(f"columns that are not used: {', '.join(self._unused)}")),
            *self._rows.notes(),
        )

    def _packet(self, number: int, fields: list[str]) -> bytes:
        """The 72 bytes of a line."""
        given = {column: fields[place].strip() for column, place in self._places.items()}
        time_ns = parse_time(given["time"], self._unit_ns)
        if time_ns is None:
            raise self._fault(Code.SOURCE_TIME, number, f"{given['time']!r} is no time")
        source, destination = given.get("source", ""), given.get("destination", "")
        protocol = given.get("protocol", "")
        kind = _kind(source, destination, protocol)
        if kind is None:
            raise self._fault(
                Code.SOURCE_VALUE, number, f"{source!r} and {destination!r} are not two addresses of one kind"
            )
        is_arp = protocol.lower() == ARP
        protocol_is = 0 if is_arp or not protocol else protocol_number(protocol)
        if protocol_is is None:
            raise self._fault(Code.SOURCE_VALUE, number, f"{protocol!r} is no protocol of IP")
        try:
            return Packet(
                time_ns=time_ns,
                size_bytes=self._whole(number, "size", given["size"], LARGEST_SIZE),
                source=source,
                destination=destination,
                source_mac=given.get("source_mac", ""),
                destination_mac=given.get("destination_mac", ""),
                source_port=self._whole(number, "source_port", given.get("source_port") or "0", 0xFFFF),
                destination_port=self._whole(number, "destination_port", given.get("destination_port") or "0", 0xFFFF),
                ether_type=ETHER_TYPES[kind],
                protocol=protocol_is,
                kind=kind,
            ).pack()
        except CoreError as error:
            raise self._fault(Code.SOURCE_VALUE, number, "a MAC address is none") from error

    def _whole(self, number: int, column: str, text: str, most: int) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= most):
            raise self._fault(Code.SOURCE_VALUE, number, f"{column} is {text!r}, which is no number from 0 to {most}")
        return int(text)

    def _fault(self, code: Code, number: int, what: str) -> SourceError:
        return self._incoming.fault(code, number, what)


@lru_cache(maxsize=4096)
def _kind(source: str, destination: str, protocol: str) -> PacketKind | None:
    """The kind of a packet between two addresses; None if they are not of one kind."""
    if not source and not destination:
        return PacketKind.OTHER
    kind = address_kind(source)
    if kind is None or address_kind(destination) is not kind:
        return None
    return PacketKind.ARP if protocol.lower() == ARP and kind is PacketKind.IPV4 else kind
