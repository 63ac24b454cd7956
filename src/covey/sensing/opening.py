"""Opens a source by what is in it: magic numbers and headers decide, never the name."""

from collections.abc import Iterable
from enum import Enum, auto
from pathlib import Path

from covey.errors import Code, SourceError
from covey.sensing.blocks import Source
from covey.sensing.captures import MAGICS, CaptureSource
from covey.sensing.connections import ConnectionSource
from covey.sensing.incoming import Incoming, file_chunks
from covey.sensing.packet_csv import PacketCsvSource, is_packet_header
from covey.sensing.packet_rows import STREAMS, PacketRows
from covey.sensing.readings import ReadingSource
from covey.sensing.tables import CsvTable, JsonTable, header_names
from covey.sensing.zeek import is_zeek_json, is_zeek_tsv
from covey.wire import FeatureSchema, SourceKind

WHAT = {
    SourceKind.PACKETS: "packets (a capture, a table of packets or an interface)",
    SourceKind.CONNECTIONS: "connections (Zeek's conn.log)",
    SourceKind.READINGS: "readings (CSV or JSON lines)",
    SourceKind.ROWS: "rows of features made elsewhere",
}
MAGIC_BYTES = 4
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: Windows of readings where no model says which: enough rows for a spread and a slope.
DEFAULT_READINGS = FeatureSchema(SourceKind.READINGS, window_rows=10)


def open_source(
    name: str | Path,
    schema: FeatureSchema | None = None,
    *,
    chunks: Iterable[bytes] | None = None,
    feature_names: tuple[str, ...] | None = None,
    device: str | None = None,
    seed: int = 0,
    capacity: int = STREAMS,
) -> Source:
    """The source in `chunks`, or in the file `name`; SourceError where it is none, or not what the model wants.

    schema, feature_names: the model's; without, the content decides and all features are given. An empty chunk means
    that there is nothing new for now, and gives an empty block. device: only packets of this MAC or IP address. seed,
    capacity: of the table of streams. Waits for the first line or bytes.
    """
    incoming = Incoming(file_chunks(Path(name)) if chunks is None else chunks, str(name))
    content = _content(incoming, schema)
    kind = _KINDS[content]
    if schema is not None and schema.kind is not kind:
        raise SourceError(
            Code.SOURCE_SCHEMA,
            f"{name} gives {WHAT[kind]}; the model wants {WHAT[schema.kind]}{_some(feature_names)}",
            "give it a source of that kind, or take a model for this one",
            where=str(name),
        )
    if device is not None and kind is not SourceKind.PACKETS:
        raise SourceError(
            Code.SOURCE_ADDRESS,
            f"{name} gives {WHAT[kind]}: a device can be chosen among packets only",
            where=str(name),
        )
    match content:
        case _Content.CAPTURE:
            return CaptureSource(incoming, PacketRows(feature_names, device, seed, capacity))
        case _Content.PACKET_CSV:
            return PacketCsvSource(incoming, PacketRows(feature_names, device, seed, capacity))
        case _Content.CONN_LOG:
            return ConnectionSource(incoming, feature_names)
        case _:
            table = CsvTable(incoming) if content is _Content.CSV else JsonTable(incoming)
            return ReadingSource(incoming, table, schema or DEFAULT_READINGS, feature_names)


class _Content(Enum):
    CAPTURE = auto()
    PACKET_CSV = auto()
    CONN_LOG = auto()
    CSV = auto()
    JSON = auto()


_KINDS = {
    _Content.CAPTURE: SourceKind.PACKETS,
    _Content.PACKET_CSV: SourceKind.PACKETS,
    _Content.CONN_LOG: SourceKind.CONNECTIONS,
    _Content.CSV: SourceKind.READINGS,
    _Content.JSON: SourceKind.READINGS,
}


def _content(incoming: Incoming, schema: FeatureSchema | None) -> _Content:
    """What begins like this."""
    head, name = incoming.head(MAGIC_BYTES), incoming.name
    if not head:
        raise SourceError(Code.SOURCE_EMPTY, f"{name} is empty", "check that the recording went well", where=name)
    if head in MAGICS:
        return _Content.CAPTURE
    line = incoming.first_line().removeprefix(BYTE_ORDER_MARK)
    if is_zeek_tsv(line) or is_zeek_json(line):
        return _Content.CONN_LOG
    if line.startswith(b"{"):
        return _Content.JSON
    if not line or not _is_text(line):
        begin = head.hex(" ")
        raise SourceError(
            Code.SOURCE_UNKNOWN,
            f"{name} is neither a capture nor a log or table that is read here: it begins with the bytes {begin}",
            "pcap, pcapng, Zeek's conn.log, CSV and JSON lines are read, each also with gzip",
            where=name,
        )
    wants_readings = schema is not None and schema.kind is SourceKind.READINGS
    is_packets = is_packet_header(header_names(line.decode())) and not wants_readings
    return _Content.PACKET_CSV if is_packets else _Content.CSV


def _is_text(line: bytes) -> bool:
    """Whether a line can be the header of a table: UTF-8 that can be printed, and no markup."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return False
    return text.replace("\t", " ").rstrip("\r").isprintable() and not text.startswith("<")


def _some(feature_names: tuple[str, ...] | None) -> str:
    """The first of the features that the model wants."""
    if not feature_names:
        return ""
    more = f" and {len(feature_names) - 3} more" if len(feature_names) > 3 else ""
    return f", with the features {', '.join(feature_names[:3])}{more}"
