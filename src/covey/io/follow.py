"""Bytes of a file that grows, and of standard input, as they come. An empty chunk says that there is nothing new."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from select import select

from covey.errors import Code, SourceError
from covey.io.clock import pause

CHUNK_BYTES = 1 << 16
TICK_S = 0.5


class FollowedFile:
    """A file to which somebody else appends.

    When the file is replaced by another one under its name (rotation), or becomes shorter (copied and cut), `chunks`
    ends with what the old one held, and `is_replaced` is true: the new one begins with a head of its own, so it is read
    from its beginning as another source. While the name is missing, it is waited for.
    """

    def __init__(self, path: Path, should_stop: Callable[[], bool]) -> None:
        """SourceError, when `chunks` is begun, if the file is not there or cannot be read."""
        self.path = path
        self.is_replaced = False
        self._should_stop = should_stop

    def chunks(self) -> Iterator[bytes]:
        """The bytes so far, then those that are added, until `should_stop` says so or the file is replaced."""
        self.is_replaced = False
        try:
            with self.path.open("rb", buffering=0) as file:
                while not self._should_stop():
                    chunk = file.read(CHUNK_BYTES)
                    if chunk:
                        yield chunk
                    elif self._has_gone(file.fileno(), file.tell()):
                        self.is_replaced = True
                        return
                    else:
                        yield b""
                        pause(TICK_S)
        except FileNotFoundError as error:
            raise SourceError(Code.SOURCE_NOT_FOUND, f"there is no file {self.path}", where=str(self.path)) from error
        except OSError as error:
            raise SourceError(
                Code.SOURCE_UNREADABLE, f"{self.path} cannot be read: {error.strerror}", where=str(self.path)
            ) from error

    def _has_gone(self, handle: int, read_bytes: int) -> bool:
        """Whether there is another file under the name, or this one is shorter than what was read of it."""
        own = os.fstat(handle)
        if own.st_size < read_bytes:
            return True
        try:
            named = self.path.stat()
        except FileNotFoundError:  # between moving away and making anew
            return False
        return (named.st_dev, named.st_ino) != (own.st_dev, own.st_ino) and own.st_size == read_bytes


def standard_input(should_stop: Callable[[], bool]) -> Iterator[bytes]:
    """The bytes of standard input until its end, or until `should_stop` says so; SourceError where it has none."""
    while not should_stop():
        try:
            ready, _, _ = select([0], [], [], TICK_S)
            chunk = os.read(0, CHUNK_BYTES) if ready else None
        except OSError as error:  # closed, or a folder
            cause = f"standard input cannot be read: {error.strerror}"
            raise SourceError(Code.SOURCE_UNREADABLE, cause, where="standard input") from error
        if chunk == b"":
            return
        yield chunk or b""
