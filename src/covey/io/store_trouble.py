"""What is wrong with a local store at the moment, and when to try again: the caller goes on detecting meanwhile."""

import sqlite3
from pathlib import Path

from covey.errors import Code, OutputError
from covey.io.store_file import FILE, store_error
from covey.sensing.store import NANOSECONDS

RETRY_EVERY_NS = 15 * NANOSECONDS
#: An operator's command is in the way for a moment; what stays so long is a fault.
PATIENCE_NS = 30 * NANOSECONDS


class Trouble:
    """The fault at hand, if there is one."""

    def __init__(self, folder: Path) -> None:
        self.fault: OutputError | None = None
        self._folder = folder
        self._retry_ns = 0
        self._busy_ns: int | None = None  # since when another process has been in the way

    def is_resting(self, now_ns: int) -> bool:
        """Whether it is too early to try again."""
        return self.fault is not None and abs(now_ns - self._retry_ns) < RETRY_EVERY_NS

    def note(self, error: sqlite3.Error, now_ns: int) -> None:
        """Something went wrong."""
        fault = store_error(self._folder, error)
        if fault.code is Code.STORE_BUSY:
            self.wait(now_ns)
        else:
            self.fault, self._retry_ns = fault, now_ns

    def wait(self, now_ns: int) -> None:
        """Another process is in the way."""
        self._busy_ns = now_ns if self._busy_ns is None else self._busy_ns
        if abs(now_ns - self._busy_ns) >= PATIENCE_NS:
            path = str(self._folder / FILE)
            cause = f"another process has been using {path} for long, so that nothing can be written"
            self.fault, self._retry_ns = OutputError(Code.STORE_BUSY, cause, None, path), now_ns

    def clear(self) -> None:
        """All is well."""
        self.fault = self._busy_ns = None
