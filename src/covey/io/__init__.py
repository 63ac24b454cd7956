"""Files and clocks: what touches the machine (floor 6)."""

from covey.io.checkpoint import WITHOUT_CHECKPOINT, Checkpoint, read_checkpoint, write_checkpoint
from covey.io.clock import Stopwatch, wall_s
from covey.io.files import OutFolder, output_error, write_atomically
from covey.io.header import Header
from covey.io.journal import Journal, read_journal

__all__ = [
    "WITHOUT_CHECKPOINT",
    "Checkpoint",
    "Header",
    "Journal",
    "OutFolder",
    "Stopwatch",
    "output_error",
    "read_checkpoint",
    "read_journal",
    "wall_s",
    "write_atomically",
    "write_checkpoint",
]
