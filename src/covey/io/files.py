"""Files that are there whole or not at all, and the folder a run writes to."""

import errno
import os
from contextlib import suppress
from pathlib import Path

from covey.errors import Code, OutputError

JOURNAL = "journal"
CHECKPOINT = "checkpoint"


def write_atomically(path: Path, content: bytes, *, is_private: bool = False) -> None:
    """Replace the file at `path` in one step: a reader, or power loss, finds the old content or the new.

    is_private: only its owner may read it. OutputError where the folder cannot be written or the disk is full; nothing
    is left behind then.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        with open(draft, "wb", opener=_private if is_private else None) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):  # what cannot be removed was most likely never made
            draft.unlink()
        raise output_error(path, error) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def output_error(path: Path, error: OSError) -> OutputError:
    """What to tell a user about a file that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(
            Code.OUTPUT_DISK_FULL,
            f"the disk is full: {path} was not written",
            "free some space, then go on with `--resume`",
            str(path.parent),
        )
    return OutputError(
        Code.OUTPUT_NOT_WRITABLE,
        f"{path} cannot be written: {error.strerror or error}",
        "choose another folder with `--out`",
        str(path.parent),
    )


def standard_output_error(error: OSError) -> OutputError:
    """What to tell a user about standard output that could not be written: a file on a full disk, most likely."""
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return OutputError(
        Code.OUTPUT_DISK_FULL if is_full else Code.OUTPUT_NOT_WRITABLE,
        f"standard output cannot be written: {error.strerror or error}",
        "free some space, or send standard output elsewhere",
    )


def holds_a_run(folder: Path) -> OutputError:
    """What to tell a user who begins a run in a folder that has one."""
    return OutputError(
        Code.OUTPUT_EXISTS,
        f"{folder} already holds a run",
        f"go on with it by `--resume {folder}`, or choose another folder with `--out`",
        str(folder),
    )


class OutFolder:
    """The folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def journal(self) -> Path:
        """What happened, round by round."""
        return self.path / JOURNAL

    @property
    def checkpoint(self) -> Path:
        """From where a run goes on."""
        return self.path / CHECKPOINT

    def create(self) -> None:
        """Make the folder for a new run; OutputError if it holds one already or cannot be written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(self.path, error) from error
        if self.journal.exists():
            raise holds_a_run(self.path)
        probe = self.path / ".probe"
        try:
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise output_error(self.path, error) from error
        self.drop_checkpoint()

    def drop_checkpoint(self) -> None:
        """Remove the checkpoint, if any, of a run whose journal is gone: nobody can go on from it."""
        try:
            self.checkpoint.unlink(missing_ok=True)
        except OSError as error:
            raise output_error(self.checkpoint, error) from error

    def discard(self) -> None:
        """Remove what a run wrote that can go on from nowhere."""
        for file in (self.checkpoint, self.journal):
            with suppress(OSError):
                file.unlink()
