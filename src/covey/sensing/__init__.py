"""What a device takes in: captures, logs and tables become rows, and a truth says which are attacks (floor 2).

Every source gives the same blocks (`Block`), whatever it reads; `open_source` picks it by content. Nothing here needs
numpy, and nothing looks at a clock: what comes from a file or from standard input comes as chunks of bytes.
docs/sources.md shows an example of each source.
"""

from covey.sensing.blocks import BLOCK_ROWS, Block, Note, NoteKind, Source
from covey.sensing.captures import CaptureSource
from covey.sensing.connections import CONNECTION_FEATURES, ConnectionSource
from covey.sensing.incoming import Incoming, file_chunks
from covey.sensing.opening import open_source
from covey.sensing.packet_csv import PacketCsvSource
from covey.sensing.packet_rows import PacketRows
from covey.sensing.readings import ReadingSource
from covey.sensing.truth import Truth, TruthRow, TruthTable, ZeekTruth, read_truth, read_truth_table
from covey.sensing.warm_up import WarmUp

__all__ = [
    "BLOCK_ROWS",
    "CONNECTION_FEATURES",
    "Block",
    "CaptureSource",
    "ConnectionSource",
    "Incoming",
    "Note",
    "NoteKind",
    "PacketCsvSource",
    "PacketRows",
    "ReadingSource",
    "Source",
    "Truth",
    "TruthRow",
    "TruthTable",
    "WarmUp",
    "ZeekTruth",
    "file_chunks",
    "open_source",
    "read_truth",
    "read_truth_table",
]
