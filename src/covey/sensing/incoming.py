"""Bytes as they come: chunks of a file or of standard input, unpacked where they are gzip (RFC 1952), cut into lines.

Memory is bounded whatever the data: a chunk is unpacked in pieces, a line has a longest length. An empty chunk means
that there is nothing new for now; it is passed on.
"""

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from covey.errors import Code, SourceError

CHUNK_BYTES = 1 << 16
LONGEST_LINE_BYTES = 1 << 20
MOST_TOLD = 400  # characters
GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib's way to say: with gzip's head and checksum


def file_chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file; SourceError if it is not there or fails."""
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except FileNotFoundError as error:
        raise SourceError(Code.SOURCE_NOT_FOUND, f"there is no file {path}", where=str(path)) from error
    except OSError as error:
        raise SourceError(
            Code.SOURCE_UNREADABLE, f"{path} cannot be read: {error.strerror}", where=str(path)
        ) from error


def shortened(text: str) -> str:
    """The beginning of a text from outside, which may be as long as a line."""
    return text if len(text) <= MOST_TOLD else f"{text[:MOST_TOLD]}..."


class Incoming:
    """The unpacked bytes of a source, with a look at how they begin."""

    def __init__(self, chunks: Iterable[bytes], name: str) -> None:
        """`name` is for messages."""
        self.name = name
        self.is_cut_off = False  # known at the end: the gzip packing stops in the middle
        self.is_unended = False  # while the last line is at hand, if it has no line end
        self._chunks = _unpacked(iter(chunks), self)
        self._head = b""

    def head(self, size: int) -> bytes:
        """The first `size` bytes, or all where there are fewer; waits for them."""
        while len(self._head) < size and self._wait():
            pass
        return self._head[:size]

    def first_line(self) -> bytes:
        """The first line that is not blank, as far as it stands within LONGEST_LINE_BYTES; waits for its end."""
        while b"\n" not in self._head.lstrip() and len(self._head) <= LONGEST_LINE_BYTES and self._wait():
            pass
        return self._head.lstrip().partition(b"\n")[0]

    def _wait(self) -> bool:
        chunk = next(self._chunks, None)
        self._head += chunk or b""
        return chunk is not None

    def chunks(self) -> Iterator[bytes]:
        """All bytes, from the first."""
        if self._head:
            head, self._head = self._head, b""
            yield head
        yield from self._chunks

    def lines(self) -> Iterator[tuple[int, str]]:
        """Lines with their numbers, without their ends; number 0 and no text where there is nothing new for now.

        A byte order mark is left out. SourceError for a line that is too long or not UTF-8.
        """
        number, rest = 0, b""
        for chunk in self.chunks():
            if not chunk:
                yield 0, ""
                continue
            parts = (rest + chunk).split(b"\n")
            rest = parts.pop()
            for part in parts:
                number += 1
                yield number, self._text(part, number)
            if len(rest) > LONGEST_LINE_BYTES:
                raise self.fault(Code.SOURCE_LINE, number + 1, f"is longer than {LONGEST_LINE_BYTES} bytes")
        if rest:
            self.is_unended = True
            yield number + 1, self._text(rest, number + 1)

    def fault(self, code: Code, line: int, what: str, hint: str | None = None) -> SourceError:
        """An error at a line, of which no more is told than a person can read."""
        told, advice = shortened(what), None if hint is None else shortened(hint)
        return SourceError(code, f"{self.name}, line {line}: {told}", advice, where=f"{self.name}:{line}")

    def _text(self, line: bytes, number: int) -> str:
        if len(line) > LONGEST_LINE_BYTES:
            raise self.fault(Code.SOURCE_LINE, number, f"is longer than {LONGEST_LINE_BYTES} bytes")
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise self.fault(Code.SOURCE_LINE, number, "is not UTF-8 text") from error
        return text.removesuffix("\r").removeprefix("\ufeff" if number == 1 else "")


def _unpacked(chunks: Iterator[bytes], incoming: Incoming) -> Iterator[bytes]:
    """The chunks as they are, or what is packed in them where the first two bytes say gzip."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= len(GZIP_MAGIC):
            break
    if not head.startswith(GZIP_MAGIC):
        if head:
            yield head
        yield from chunks
        return
    yield from _gunzip(chain((head,), chunks), incoming)


def _gunzip(chunks: Iterator[bytes], incoming: Incoming) -> Iterator[bytes]:
    """The content of gzip members one behind the other; zeros may stand between and behind them."""
    member: zlib._Decompress | None = None
    offset = 0
    for chunk in chunks:
        packed, is_pending = chunk, not chunk
        while packed or is_pending:
            if member is None:
                rest = packed.lstrip(b"\0")
                member = zlib.decompressobj(_GZIP_WINDOW) if rest else None
                piece = b""
            else:
                piece = _piece(member, packed, offset, incoming.name)
                rest = member.unused_data if member.eof else member.unconsumed_tail
            offset += len(packed) - len(rest)
            packed, is_pending = rest, len(piece) == CHUNK_BYTES
            if member is not None and member.eof:
                member = None
            if piece or not chunk:
                yield piece
    incoming.is_cut_off = member is not None


def _piece(member: "zlib._Decompress", packed: bytes, offset: int, name: str) -> bytes:
    """At most CHUNK_BYTES more of a member's content."""
    try:
        return member.decompress(packed, CHUNK_BYTES)
    except zlib.error as error:
        raise SourceError(
            Code.SOURCE_COMPRESSION,
            f"{name} cannot be unpacked behind byte {offset}: {error}",
            "what comes before was read; check the file with gzip -t",
            where=name,
        ) from error
