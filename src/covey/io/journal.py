r"""The journal of a run: one line a record, only ever added to.

    <length of the text, 8 hex digits> <its CRC-32, 8 hex digits> <text: JSON with sorted keys>\n

The first record is the header: which Plan, data, core and seed. Rules: one process has it open for adding at a time; a
line is written in one call; a last line without its end is what power loss leaves, and is dropped; anything else that
does not fit is corruption, which stops the reader and leaves the file as it is.
"""

import fcntl
import json
import os
import re
import zlib
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from covey.errors import Code, JournalError, OutputError
from covey.io.clock import wall_s
from covey.io.files import holds_a_run, output_error
from covey.io.header import Header

Record: TypeAlias = dict[str, object]

PREFIX = re.compile(rb"([0-9a-f]{8}) ([0-9a-f]{8}) ")
#: Records are in the operating system's hands at once, and on the disk at least so often.
SYNC_EVERY_S = 1.0


class Journal:
    """A journal open for adding."""

    def __init__(self, path: Path, *, new: bool = False) -> None:
        """Open a journal that is there, or a new one; OutputError or JournalError where that cannot be."""
        self._path = path
        self._synced_s = wall_s()
        flags = os.O_WRONLY | os.O_APPEND | (os.O_CREAT | os.O_EXCL if new else 0)
        try:
            self._file = os.fdopen(os.open(path, flags, 0o666), "ab", buffering=0)
        except FileExistsError as error:
            raise holds_a_run(path.parent) from error
        except FileNotFoundError as error:
            raise (output_error(path, error) if new else _missing(path)) from error
        except OSError as error:
            raise output_error(path, error) from error
        self._lock()

    @classmethod
    def create(cls, path: Path, header: Header) -> "Journal":
        """A new journal with its header on the disk."""
        journal = cls(path, new=True)
        journal.begin(header)
        return journal

    def begin(self, header: Header) -> None:
        """Write the header, on the disk, into a journal that is empty."""
        self.add(asdict(header))
        self.sync()

    def _lock(self) -> None:
        """Keep other processes out until the file is closed; OutputError where one has it open."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            cause = f"another process is writing to {self._path.parent}"
            hint = "wait until it has ended, or choose another folder with `--out`"
            raise OutputError(Code.OUTPUT_IN_USE, cause, hint, str(self._path.parent)) from error
        except OSError as error:
            self._file.close()
            raise output_error(self._path, error) from error

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
    """The header and the records after it; a last line without its end is cut off the file too.

    The header is None where not even that was written whole. JournalError where there is no journal, or a broken one.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise _missing(path) from error
    except OSError as error:
        cause = f"the journal cannot be read: {error.strerror}"
        raise JournalError(Code.JOURNAL_NOT_FOUND, cause, None, str(path)) from error
    records, whole = _records(content, path)
    if whole < len(content):
        _cut(path, whole)
    if not records:
        return None, []
    try:
        return Header.from_record(records[0]), records[1:]
    except ValueError:
        raise _corrupt(path, 0) from None


def _records(content: bytes, path: Path) -> tuple[list[Record], int]:
    """All whole records, and where they end."""
    records: list[Record] = []
    at = 0
    while (end := content.find(b"\n", at)) >= 0:
        record = _record(content[at:end])
        if record is None:
            raise _corrupt(path, at)
        records.append(record)
        at = end + 1
    return records, at


def _record(line: bytes) -> Record | None:
    """The record in a line without its end; None where the line is not one, to the last bit."""
    prefix = PREFIX.match(line)
    if prefix is None:
        return None
    text = line[prefix.end() :]
    if (int(prefix[1], 16), int(prefix[2], 16)) != (len(text), zlib.crc32(text)):
        return None
    try:
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _cut(path: Path, size: int) -> None:
    try:
        with path.open("r+b") as file:
            file.truncate(size)
            os.fsync(file.fileno())
    except OSError as error:
        raise output_error(path, error) from error


def _missing(path: Path) -> JournalError:
    hint = "name the folder that `--out` named in the first run"
    return JournalError(Code.JOURNAL_NOT_FOUND, f"{path.parent} holds no journal", hint, str(path))


def _corrupt(path: Path, at: int) -> JournalError:
    return JournalError(
        Code.JOURNAL_CORRUPT,
        f"the journal is corrupt at byte {at}",
        "run again into another folder; a journal cannot be repaired",
        str(path),
    )
