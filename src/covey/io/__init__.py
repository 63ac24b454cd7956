"""Files and clocks: what touches the machine (floor 6).

Importing the room costs no numpy, as a device has none; `covey.io.checkpoint` needs it and is imported by its own name.
"""

from covey.io.clock import Stopwatch, wall_s
from covey.io.files import OutFolder, output_error, write_atomically
from covey.io.header import Header
from covey.io.journal import Journal, read_journal

__all__ = [
    "Header",
    "Journal",
    "OutFolder",
    "Stopwatch",
    "output_error",
    "read_journal",
    "wall_s",
    "write_atomically",
]
