"""What every source gives: blocks of rows, each with the packet, connection or window it is of."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from covey.wire import SourceKind

BLOCK_ROWS = 512  # enough that Python's part per row is small, few enough that a live source is not late


@dataclass(frozen=True, slots=True)
class Block:
    """n rows in order; valid until the next block is asked for, as sources use their memory again.

    packets: (n) packets of 72 bytes (`covey_packet`); rows: (n, d) float32. n is 0 where a source has nothing new for
    now.
    """

    n: int
    packets: memoryview
    rows: memoryview


class NoteKind(StrEnum):
    """What a source says of its data without giving up on it."""

    CUT_OFF = "cut off"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    OTHER = "other"
    SKIPPED = "skipped"
    DROPPED = "dropped"
    BACKWARDS = "backwards"
    EVICTED = "evicted"
    NOT_OF_DEVICE = "not of the device"
    UNUSED_COLUMNS = "unused columns"
    MISSING = "missing"
    GAPS = "gaps"


@dataclass(frozen=True, slots=True)
class Note:
    """A counted warning: how often, and a sentence for people."""

    kind: NoteKind
    count: int
    text: str


class Source(Protocol):
    """Where rows come from. `blocks` is called once; SourceError where the data ends being what it should be."""

    @property
    def kind(self) -> SourceKind:
        """What its rows are of."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Of the columns of its rows."""

    def blocks(self) -> Iterator[Block]:
        """All rows, in order."""

    def notes(self) -> tuple[Note, ...]:
        """Counted warnings so far; those that did not occur are left out."""


def counted(*notes: Note) -> tuple[Note, ...]:
    """The notes whose count is not 0."""
    return tuple(note for note in notes if note.count)
