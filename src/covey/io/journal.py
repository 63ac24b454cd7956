r"""The journal of a run: one line a record, only ever added to.

    <length of the text, 8 hex digits> <its CRC-32, 8 hex digits> <text: JSON with sorted keys>\n

The first record is the header: which Plan, data, core and seed. Rules: a line is written in one call; a line cut short
at the very end is what power loss leaves, and is dropped; anything else that does not fit is corruption and stops the
reader.
"""

import json
import os
import zlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from covey.errors import Code, JournalError
from covey.io.clock import wall_s
from covey.io.files import output_error

Record: TypeAlias = dict[str, object]

FORMAT = 1
PREFIX_BYTES = 18  # two numbers and two blanks
#: Records are in the operating system's hands at once, and on the disk at least so often.
SYNC_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Header:
    """What a run must share with its journal to go on."""

    plan: str  # digests in hex
    data: str
    core: str
    seed: int
    format: int = FORMAT

    def check(self, found: "Header", path: Path) -> None:
        """JournalError where the journal found is of another run."""
        where = str(path)
        if found.format != self.format or found.core != self.core:
            cause = f"the journal was written by another version of Covey (format {found.format}, core {found.core})"
            raise JournalError(Code.JOURNAL_VERSION, cause, "go on with the version that began the run", where)
        if (found.plan, found.seed) != (self.plan, self.seed):
            cause = f"the journal belongs to another Plan (digest {found.plan[:12]}, not {self.plan[:12]})"
            raise JournalError(
                Code.JOURNAL_OTHER_PLAN, cause, "resume with the very Plan and `--set` values of the first run", where
            )
        if found.data != self.data:
            cause = f"the journal belongs to other data (digest {found.data[:12]}, not {self.data[:12]})"
            raise JournalError(
                Code.JOURNAL_OTHER_DATA, cause, "resume with the very data folder of the first run", where
            )


class Journal:
    """A journal open for adding."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._synced_s = wall_s()
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise output_error(path, error) from error

    @classmethod
    def create(cls, path: Path, header: Header) -> "Journal":
        """A new journal with its header on the disk."""
        journal = cls(path)
        journal.add(asdict(header))
        journal.sync()
        return journal

    def add(self, record: Record) -> None:
        """Add one record; OutputError where it cannot be written."""
        text = json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
        line = b"%08x %08x %s\n" % (len(text), zlib.crc32(text), text)
        try:
            written = self._file.write(line)
            while written is not None and written < len(line):  # a full disk takes a part, then fails
                line = line[written:]
                written = self._file.write(line)
        except OSError as error:
            raise output_error(self._path, error) from error
        if wall_s() - self._synced_s > SYNC_EVERY_S:
            self.sync()

    def sync(self) -> None:
        """Wait until all records are on the disk."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise output_error(self._path, error) from error
        self._synced_s = wall_s()

    def close(self) -> None:
        """Sync and close."""
        try:
            self.sync()
        finally:
            self._file.close()

    def __enter__(self) -> Self:
        """Use as a context."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def read_journal(path: Path) -> tuple[Header | None, list[Record]]:
    """The header and the records after it; a line cut short at the end is cut off the file too.

    The header is None where not even that was written whole. JournalError where there is no journal, or a broken one.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        hint = "name the folder that `--out` named in the first run"
        raise JournalError(Code.JOURNAL_NOT_FOUND, f"{path.parent} holds no journal", hint, str(path)) from error
    except OSError as error:
        cause = f"the journal cannot be read: {error.strerror}"
        raise JournalError(Code.JOURNAL_NOT_FOUND, cause, None, str(path)) from error
    records, whole = _records(content, path)
    if whole < len(content):
        _cut(path, whole)
    if not records:
        return None, []
    return _header(records[0], path), records[1:]


def _records(content: bytes, path: Path) -> tuple[list[Record], int]:
    """All whole records, and where they end."""
    records: list[Record] = []
    at = 0
    while at < len(content):
        head = content[at : at + PREFIX_BYTES]
        try:
            length, check = (
                (int(head[first : first + 8], 16) for first in (0, 9)) if len(head) == PREFIX_BYTES else (-1, 0)
            )
        except ValueError:
            raise _corrupt(path, at) from None
        end = at + PREFIX_BYTES + length + 1
        if length < 0 or end > len(content):
            return records, at
        text = content[at + PREFIX_BYTES : end - 1]
        if zlib.crc32(text) != check or content[end - 1 : end] != b"\n":
            raise _corrupt(path, at)
        record = json.loads(text)
        if not isinstance(record, dict):
            raise _corrupt(path, at)
        records.append(record)
        at = end
    return records, at


def _header(record: Record, path: Path) -> Header:
    names = {field.name for field in fields(Header)}
    values = {name: record.get(name) for name in names}
    if set(record) != names or not all(isinstance(values[name], str) for name in ("plan", "data", "core")):
        raise _corrupt(path, 0)
    seed, format_number = record["seed"], record["format"]
    if not isinstance(seed, int) or not isinstance(format_number, int):
        raise _corrupt(path, 0)
    return Header(str(record["plan"]), str(record["data"]), str(record["core"]), seed, format_number)


def _cut(path: Path, size: int) -> None:
    try:
        with path.open("r+b") as file:
            file.truncate(size)
            os.fsync(file.fileno())
    except OSError as error:
        raise output_error(path, error) from error


def _corrupt(path: Path, at: int) -> JournalError:
    return JournalError(
        Code.JOURNAL_CORRUPT,
        f"the journal is corrupt at byte {at}",
        "run again into another folder; a journal cannot be repaired",
        str(path),
    )
