"""What is known to be an attack: the truth that a detector's alarms, and the lab's captures, are judged by.

Two forms, told apart by content. A table in CSV, a row an attack, with the columns
session,role,attack,family,program,direction,start_ns,end_ns,peer,protocol,port. A packet belongs to an attack if its
time lies within [start_ns, end_ns], and, where these are given, one of its addresses is in `peer` (an address or a
prefix), its protocol is `protocol` and one of its ports is `port`. Or a labelled conn.log of Zeek: a packet belongs to
a connection whose addresses, ports and protocol it has, either way round, within the connection's time.

Both label rows of any source that have addresses: packets as well as connections.
"""

import ipaddress
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TypeAlias

from covey.core import PACKET_BYTES, PacketKind
from covey.errors import Code, SourceError, did_you_mean
from covey.sensing.blocks import Block
from covey.sensing.connections import connection_packet
from covey.sensing.incoming import Incoming, file_chunks
from covey.sensing.packets_of import protocol_number
from covey.sensing.tables import CsvTable
from covey.sensing.zeek import ConnectionLog, is_zeek_json, is_zeek_tsv

COLUMNS = (
    "session",
    "role",
    "attack",
    "family",
    "program",
    "direction",
    "start_ns",
    "end_ns",
    "peer",
    "protocol",
    "port",
)
NEEDED = ("attack", "start_ns", "end_ns")
BENIGN = "benign"
ARP = "arp"
MOST_KINDS = 255  # a label is a byte, and 0 is benign
MOST_ROWS = 1_000_000
LARGEST_TIME_NS = (1 << 63) - 1
#: Zeek's times are rounded to the microsecond: a connection's first and last packet must not fall out of it.
ROUNDING_NS = 2_000
#: Zeek ends a connection of TCP when both sides have closed it, and counts what comes within so long to it.
CLOSING_NS = 5 * 10**9
_ADDRESSES, _PORTS = slice(16, 48), slice(60, 64)  # places in a packet (covey_packet)
_PROTOCOL, _KIND = 66, 67
_BOTH_PORTS = struct.Struct("=HH")


@dataclass(frozen=True, slots=True)
class TruthRow:
    """One attack; texts are empty where the table leaves them open, port 0."""

    session: str
    role: str
    attack: str
    family: str
    program: str
    direction: str
    start_ns: int
    end_ns: int
    peer: str
    protocol: str
    port: int


class _Matcher:
    """Whether a packet's addresses, protocol and ports are those of a row; what was found of addresses is kept."""

    __slots__ = ("_known", "_net", "_port", "_protocol")

    def __init__(self, row: TruthRow) -> None:
        self._net = ipaddress.ip_network(row.peer, strict=False) if row.peer else None
        self._port = row.port
        self._protocol = -1 if row.protocol == ARP else protocol_number(row.protocol) if row.protocol else None
        self._known: dict[bytes, bool] = {}

    def matches(self, packet: bytes) -> bool:
        """For the 72 bytes of a packet."""
        kind = packet[_KIND]
        if self._protocol is not None:
            is_other = kind != PacketKind.ARP if self._protocol < 0 else packet[_PROTOCOL] != self._protocol
            if is_other or (kind == PacketKind.ARP) != (self._protocol < 0):
                return False
        if self._port and self._port not in _BOTH_PORTS.unpack(packet[_PORTS]):
            return False
        return self._net is None or self._is_peer(packet[_ADDRESSES], kind)

    def _is_peer(self, addresses: bytes, kind: int) -> bool:
        key = addresses + bytes((kind,))
        known = self._known.get(key)
        if known is None:
            if len(self._known) > 65_536:  # a flood from made-up addresses must not fill the memory
                self._known.clear()
            size = {PacketKind.OTHER: 0, PacketKind.IPV6: 16}.get(PacketKind(kind), 4)
            ends = (addresses[:size], addresses[16 : 16 + size]) if size else ()
            known = any(ipaddress.ip_address(end) in self._net for end in ends) if self._net else True
            self._known[key] = known
        return known


@dataclass(frozen=True)
class TruthTable:
    """Attacks in the order of their beginning."""

    rows: tuple[TruthRow, ...]
    kinds: tuple[str, ...]  # names of attacks, sorted; the label of kinds[i] is i + 1
    families: tuple[str, ...]  # of each kind

    def family_of(self, kind: str) -> str:
        """The family of a kind of attack."""
        return self.families[self.kinds.index(kind)]

    def of(self, session: str, role: str) -> "TruthTable":
        """The attacks in one capture; kinds and labels stay the same."""
        rows = tuple(row for row in self.rows if row.session == session and row.role == role)
        return TruthTable(rows, self.kinds, self.families)

    def labels(self, block: Block) -> bytes:
        """A byte a row of the block: 0 is benign, else 1 + index into kinds; of several attacks the one begun first."""
        if not block.n:
            return b""
        times = block.packets.cast("q")[:: PACKET_BYTES // 8].tolist()
        first = bisect_left(self._reach, min(times))
        end = bisect_right(self._starts, max(times))
        labels = bytearray(block.n)
        if first < end:
            data = bytes(block.packets)
            for place in range(first, end):
                self._mark(place, times, data, labels)
        return bytes(labels)

    def _mark(self, place: int, times: list[int], data: bytes, labels: bytearray) -> None:
        row, (label, matcher) = self.rows[place], self._matchers[place]
        start_ns, end_ns = row.start_ns, row.end_ns
        for i, time_ns in enumerate(times):
            if (
                start_ns <= time_ns <= end_ns
                and not labels[i]
                and matcher.matches(data[i * PACKET_BYTES : (i + 1) * PACKET_BYTES])
            ):
                labels[i] = label

    @cached_property
    def _starts(self) -> list[int]:
        return [row.start_ns for row in self.rows]

    @cached_property
    def _reach(self) -> list[int]:
        """The latest end of each row and those before it: all rows below an index have ended before a later time."""
        return list(accumulate((row.end_ns for row in self.rows), max))

    @cached_property
    def _matchers(self) -> list[tuple[int, _Matcher]]:
        label_of = {kind: index + 1 for index, kind in enumerate(self.kinds)}
        return [(label_of[row.attack], _Matcher(row)) for row in self.rows]


class ZeekTruth:
    """The malicious connections of a labelled conn.log."""

    def __init__(self, kinds: tuple[str, ...], families: tuple[str, ...], spans: dict[bytes, list["_Span"]]) -> None:
        """Made by `read_truth`."""
        self.kinds = kinds
        self.families = families
        self._spans = {key: _Spans(found) for key, found in spans.items()}
        ends = [span for found in spans.values() for span in found]
        self._first_ns = min((span[0] for span in ends), default=LARGEST_TIME_NS)
        self._last_ns = max((span[1] for span in ends), default=0)

    def family_of(self, kind: str) -> str:
        """The label of a kind of attack, such as Malicious."""
        return self.families[self.kinds.index(kind)]

    def labels(self, block: Block) -> bytes:
        """A byte a row of the block: 0 is benign, else 1 + index into kinds."""
        if not block.n:
            return b""
        times = block.packets.cast("q")[:: PACKET_BYTES // 8].tolist()
        if min(times) > self._last_ns or max(times) < self._first_ns:
            return bytes(block.n)
        data, labels, spans = bytes(block.packets), bytearray(block.n), self._spans
        for i, time_ns in enumerate(times):
            at = i * PACKET_BYTES
            found = spans.get(data[at + 16 : at + 48] + data[at + 60 : at + 64] + data[at + 66 : at + 68])
            if found is not None:
                labels[i] = found.label(time_ns)
        return bytes(labels)


Truth: TypeAlias = TruthTable | ZeekTruth
_Span: TypeAlias = tuple[int, int, int]  # start and end in ns, label


class _Spans:
    """Times of the connections between two ends."""

    __slots__ = ("_reach", "_spans", "_starts")

    def __init__(self, spans: Iterable[_Span]) -> None:
        self._spans = sorted(spans)
        self._starts = [span[0] for span in self._spans]
        self._reach = list(accumulate((span[1] for span in self._spans), max))

    def label(self, time_ns: int) -> int:
        """The label of the latest connection around a time; 0 for none."""
        place = bisect_right(self._starts, time_ns) - 1
        while place >= 0 and self._reach[place] >= time_ns:
            if self._spans[place][1] >= time_ns:
                return self._spans[place][2]
            place -= 1
        return 0


def read_truth(path: Path) -> Truth:
    """The truth in a file, either form; SourceError where it is neither, or a row makes no sense."""
    incoming = Incoming(file_chunks(path), str(path))
    line = incoming.first_line()
    return _zeek(incoming) if is_zeek_tsv(line) or is_zeek_json(line) else _table(incoming)


def read_truth_table(path: Path) -> TruthTable:
    """The truth in a table; SourceError where it is none, or a row makes no sense."""
    return _table(Incoming(file_chunks(path), str(path)))


def _table(incoming: Incoming) -> TruthTable:
    table = CsvTable(incoming)
    for name in (*NEEDED, *table.columns):
        if name not in COLUMNS or name not in table.columns:
            near = did_you_mean(name, COLUMNS if name in table.columns else table.columns)
            what = f"the column {name!r} is not known" if name in table.columns else f"there is no column {name!r}"
            raise incoming.fault(Code.TRUTH_TABLE, 1, what, f"did you mean {near!r}?" if near else None)
    rows, families = [], dict[str, str]()
    for line in table.rows():
        if line is None:
            continue
        row = _row(incoming, line[0], dict(zip(table.columns, map(str.strip, line[1]), strict=True)))
        if families.setdefault(row.attack, row.family) != row.family:
            raise incoming.fault(Code.TRUTH_TABLE, line[0], f"{row.attack!r} is of two families")
        rows.append(row)
        if len(rows) > MOST_ROWS:
            raise incoming.fault(Code.TRUTH_TABLE, line[0], f"there are more than {MOST_ROWS:,} attacks")
    if table.cut_off or incoming.is_cut_off:
        raise SourceError(Code.TRUTH_TABLE, f"{incoming.name} is cut off", "fetch it again", where=incoming.name)
    kinds = _kinds(families, incoming.name)
    return TruthTable(
        tuple(sorted(rows, key=lambda row: (row.start_ns, row.end_ns))), kinds, tuple(families[kind] for kind in kinds)
    )


def _row(incoming: Incoming, number: int, given: dict[str, str]) -> TruthRow:
    def fault(what: str) -> SourceError:
        return incoming.fault(Code.TRUTH_TABLE, number, what)

    def whole(name: str, most: int) -> int:
        text = given.get(name) or "0"
        if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= most):
            raise fault(f"{name} is {text!r}, which is no whole number up to {most}")
        return int(text)

    texts = {name: given.get(name, "") for name in COLUMNS if name not in ("start_ns", "end_ns", "port")}
    row = TruthRow(
        **texts,
        start_ns=whole("start_ns", LARGEST_TIME_NS),
        end_ns=whole("end_ns", LARGEST_TIME_NS),
        port=whole("port", 0xFFFF),
    )
    if not row.attack or row.attack == BENIGN:
        raise fault("an attack needs a name; what is benign is not listed")
    if not given["start_ns"] or not given["end_ns"] or row.start_ns > row.end_ns:
        raise fault(f"an attack from {given['start_ns'] or '?'} to {given['end_ns'] or '?'} is no stretch of time")
    if row.protocol and row.protocol != ARP and protocol_number(row.protocol) is None:
        raise fault(f"{row.protocol!r} is no protocol of IP, nor {ARP!r}")
    if row.peer:
        try:
            ipaddress.ip_network(row.peer, strict=False)
        except ValueError as error:
            raise fault(f"the peer {row.peer!r} is neither an address nor a prefix such as 192.0.2.0/24") from error
    return row


def _zeek(incoming: Incoming) -> ZeekTruth:
    log = ConnectionLog(incoming)
    found: list[tuple[bytes, int, int, str]] = []
    families: dict[str, str] = {}
    for connection in log.connections():
        if connection is None or connection.label.lower() in ("", BENIGN):
            continue
        packet = connection_packet(connection, connection.start_ns)
        if packet is None:
            raise incoming.fault(Code.SOURCE_VALUE, connection.line, "the ends are not two addresses of one kind")
        kind = connection.detail or connection.label
        families.setdefault(kind, connection.label)
        start_ns, end_ns = connection.start_ns, connection.start_ns + connection.duration_ns
        end_ns += CLOSING_NS if connection.protocol == "tcp" else 0
        found += [(key, start_ns - ROUNDING_NS, end_ns + ROUNDING_NS, kind) for key in _keys(packet)]
        if len(found) > 2 * MOST_ROWS:
            raise incoming.fault(
                Code.TRUTH_TABLE, connection.line, f"there are more than {MOST_ROWS:,} malicious connections"
            )
    if not log.has_labels:
        raise SourceError(
            Code.TRUTH_TABLE, f"{incoming.name} is a conn.log without the column label", where=incoming.name
        )
    kinds = _kinds(families, incoming.name)
    label_of = {kind: index + 1 for index, kind in enumerate(kinds)}
    spans: dict[bytes, list[_Span]] = {}
    for key, start_ns, end_ns, kind in found:
        spans.setdefault(key, []).append((start_ns, end_ns, label_of[kind]))
    return ZeekTruth(kinds, tuple(families[kind] for kind in kinds), spans)


def _keys(packet: bytes) -> Iterator[bytes]:
    """What packets of a connection have in common, each way."""
    addresses, ports, rest = packet[_ADDRESSES], packet[_PORTS], packet[_PROTOCOL : _KIND + 1]
    yield addresses + ports + rest
    yield addresses[16:] + addresses[:16] + ports[2:] + ports[:2] + rest


def _kinds(families: dict[str, str], name: str) -> tuple[str, ...]:
    if len(families) > MOST_KINDS:
        raise SourceError(
            Code.TRUTH_TABLE, f"{name} names {len(families)} kinds of attack; at most {MOST_KINDS} are read", where=name
        )
    return tuple(sorted(families))
