"""Connections of a log as rows: what each was, and what its ends have done lately.

Features are named conn_*. None of them says when a connection was or who its ends are: a detector that learns those
learns a recording, not attacks. The row's time is the connection's end, as nobody knows of it before.
"""

from array import array
from collections.abc import Iterator
from typing import ClassVar

from covey.core import PACKET_BYTES, Packet, PacketKind
from covey.errors import Code, SourceError
from covey.sensing.blocks import BLOCK_ROWS, Block, Note, NoteKind, counted
from covey.sensing.damped import DampedCounts
from covey.sensing.feature_columns import columns_of
from covey.sensing.incoming import Incoming
from covey.sensing.packets_of import ETHER_TYPES, LARGEST_SIZE, address_kind, protocol_number
from covey.sensing.times import LATEST_NS
from covey.sensing.zeek import Connection, ConnectionLog
from covey.wire import SourceKind

ENDS = 4096  # ends of connections that are remembered, of each kind
PROTOCOLS = ("tcp", "udp", "icmp")
SERVICES = ("dns", "http", "ssl", "mqtt", "ssh")
#: Zeek's states by what became of the connection.
STATES = {
    "done": ("SF",),
    "open": ("S1", "S2", "S3", "OTH"),
    "unanswered": ("S0", "SH"),
    "rejected": ("REJ", "RSTOS0", "RSTRH", "SHR"),
    "reset": ("RSTO", "RSTR"),
}
CONNECTION_FEATURES = (
    "conn_duration_s",
    "conn_orig_bytes",
    "conn_resp_bytes",
    "conn_orig_packets",
    "conn_resp_packets",
    "conn_orig_packet_bytes",
    "conn_resp_packet_bytes",
    "conn_balance",
    "conn_missed_bytes",
    "conn_bytes_per_s",
    "conn_packets_per_s",
    "conn_history_length",
    "conn_resp_port_system",
    "conn_resp_port_registered",
    *(f"conn_{name}" for name in (*PROTOCOLS, *SERVICES)),
    "conn_other_service",
    *(f"conn_{name}" for name in STATES),
    "conn_source_10s",
    "conn_source_1000s",
    "conn_source_failed_10s",
    "conn_source_failed_1000s",
    "conn_source_new_10s",
    "conn_source_new_1000s",
    "conn_destination_10s",
    "conn_destination_1000s",
    "conn_pair_10s",
    "conn_pair_1000s",
    "conn_port_10s",
    "conn_port_1000s",
)
HALF_LIVES_S = (10.0, 1000.0)
USUAL_DELAY_NS = 300 * 10**9  # Zeek writes a connection once it was silent so long: lines are not in order of time
SHORTEST_S = 1e-3  # of a connection when rates are taken: most attempts last nothing
_STATE_OF = {state: group for group, states in STATES.items() for state in states}
_FAILED = ("unanswered", "rejected")


class ConnectionRows:
    """Features of connections; the counts of ends go on from one to the next."""

    def __init__(self) -> None:
        """Nothing counted yet."""
        self.backwards = 0
        self._last_ns = 0
        # By source: all, failed, to a destination not seen before. By destination; by both; by source and port.
        self._sources = [DampedCounts(seconds, 3, ENDS) for seconds in HALF_LIVES_S]
        self._others = [[DampedCounts(seconds, 1, ENDS) for seconds in HALF_LIVES_S] for _ in range(3)]

    def row(self, connection: Connection, time_ns: int) -> list[float]:
        """The features of the next connection, in the order of CONNECTION_FEATURES."""
        self.backwards += time_ns < self._last_ns - USUAL_DELAY_NS
        self._last_ns = max(self._last_ns, time_ns)
        return [*_own(connection), *self._lately(connection)]

    @property
    def evictions(self) -> int:
        """Ends that gave way to newer ones."""
        return sum(counts.evictions for counts in (*self._sources, *(c for pair in self._others for c in pair)))

    def _lately(self, connection: Connection) -> list[float]:
        now, source, destination = self._last_ns, connection.orig, connection.resp
        failed = float(_STATE_OF.get(connection.state) in _FAILED)
        pairs = self._others[1]
        is_new = float((source, destination) not in pairs[-1])
        ends = [counts.add(source, now, 1.0, failed, is_new) for counts in self._sources]
        keys = (destination, (source, destination), (source, connection.protocol, connection.resp_port))
        rest = [counts.add(key, now, 1.0)[0] for key, both in zip(keys, self._others, strict=True) for counts in both]
        return [end[i] for i in range(3) for end in ends] + rest


def _own(connection: Connection) -> list[float]:
    """The features of the connection alone."""
    orig, resp = connection.orig_bytes, connection.resp_bytes
    seconds = connection.duration_ns / 1e9
    span = max(seconds, SHORTEST_S)
    packets = connection.orig_packets + connection.resp_packets
    ip_bytes = connection.orig_ip_bytes + connection.resp_ip_bytes
    service = connection.service.split(",")  # Zeek names several where several were seen
    known = [float(name in service) for name in SERVICES]
    state, protocol = _STATE_OF.get(connection.state), connection.protocol
    return [
        seconds,
        float(orig),
        float(resp),
        float(connection.orig_packets),
        float(connection.resp_packets),
        connection.orig_ip_bytes / max(1, connection.orig_packets),
        connection.resp_ip_bytes / max(1, connection.resp_packets),
        (orig - resp) / max(1, orig + resp),
        float(connection.missed_bytes),
        ip_bytes / span,
        packets / span,
        float(len(connection.history)),
        float(0 < connection.resp_port < 1024 and protocol in ("tcp", "udp")),
        float(1024 <= connection.resp_port < 49_152),
        *(float(protocol == name) for name in PROTOCOLS),
        *known,
        float(bool(connection.service) and not any(known)),
        *(float(state == name) for name in STATES),
    ]


def connection_packet(connection: Connection, time_ns: int) -> bytes | None:
    """The packet that stands for a connection, from its originator; None for an end that is no address."""
    kind, other = address_kind(connection.orig), address_kind(connection.resp)
    if kind is None or kind is not other:
        return None
    number = protocol_number(connection.protocol) or 0
    if connection.protocol == "icmp" and kind is PacketKind.IPV6:
        number = 58
    is_icmp = number in (1, 58)  # whose type and code stand in the log's fields of ports
    return Packet(
        time_ns=time_ns,
        size_bytes=min(connection.orig_ip_bytes + connection.resp_ip_bytes, LARGEST_SIZE),
        source=connection.orig,
        destination=connection.resp,
        source_port=0 if is_icmp else connection.orig_port,
        destination_port=0 if is_icmp else connection.resp_port,
        ether_type=ETHER_TYPES[kind],
        protocol=number,
        kind=kind,
    ).pack()


class ConnectionSource:
    """The connections of a log and their features, a row each."""

    kind: ClassVar = SourceKind.CONNECTIONS

    def __init__(self, incoming: Incoming, feature_names: tuple[str, ...] | None = None) -> None:
        """All features without `feature_names`; SourceError for one that a connection does not give."""
        self.feature_names = CONNECTION_FEATURES if feature_names is None else feature_names
        self._columns = columns_of(self.feature_names, CONNECTION_FEATURES, "connections")
        self._incoming = incoming
        self._log = ConnectionLog(incoming)
        self._rows = ConnectionRows()

    def blocks(self) -> Iterator[Block]:
        """All connections, in the order of the log."""
        packets, values, n = bytearray(), array("f"), 0
        is_empty = True
        for connection in self._log.connections():
            if connection is not None:
                end_ns = min(connection.start_ns + connection.duration_ns, LATEST_NS)
                packet = connection_packet(connection, end_ns)
                if packet is None:
                    raise self._fault(connection)
                row = self._rows.row(connection, end_ns)
                packets += packet
                values.extend([row[column] for column in self._columns])
                is_empty = False
            if connection is None or len(packets) == BLOCK_ROWS * PACKET_BYTES:
                yield Block(len(packets) // PACKET_BYTES, memoryview(packets), memoryview(values))
                packets, values = bytearray(), array("f")
        n = len(packets) // PACKET_BYTES
        if n:
            yield Block(n, memoryview(packets), memoryview(values))
        if is_empty:
            name = self._incoming.name
            raise SourceError(Code.SOURCE_EMPTY, f"{name} is a conn.log without connections", where=name)

    def notes(self) -> tuple[Note, ...]:
        """What was counted."""
        late, gone, cut = self._rows.backwards, self._rows.evictions, self._log.cut_off or self._incoming.is_cut_off
        return counted(
            Note(NoteKind.CUT_OFF, int(cut), "the log is cut off within its last line"),
            Note(NoteKind.BACKWARDS, late, f"{late:,} connections ended long before others that stand before them"),
            Note(
                NoteKind.EVICTED, gone, f"{gone:,} ends of connections gave way to newer ones: more were alive than fit"
            ),
        )

    def _fault(self, connection: Connection) -> SourceError:
        return self._incoming.fault(
            Code.SOURCE_VALUE,
            connection.line,
            f"{connection.orig!r} and {connection.resp!r} are not two addresses of one kind",
        )
