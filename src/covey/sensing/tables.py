"""Tables in text: CSV with a header, or JSON lines. Both give rows of texts by column, and the numbers of their lines.

CSV: separated by comma, semicolon or tab, whichever the header has most of; fields may be quoted with ", but a line is
a row. JSON lines: an object a line, with the columns of the first; numbers keep the digits they are written with, true
is 1 and false 0. A field that is missing or null is an empty text.
"""

import csv
import json
from collections.abc import Iterator
from typing import Protocol, TypeAlias

from covey.errors import Code
from covey.sensing.incoming import Incoming

#: The number of a line and its fields, in the order of the columns; None where there is nothing new for now.
Row: TypeAlias = tuple[int, list[str]] | None
MOST_COLUMNS = 4096
_DELIMITERS = ",;\t"


def header_names(line: str) -> tuple[str, ...]:
    """The names in a line that may be a header."""
    return tuple(name.strip().strip('"') for name in line.split(_delimiter(line)))


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=header.count)


class Table(Protocol):
    """Columns and rows."""

    columns: tuple[str, ...]
    cut_off: int  # known at the end: the last line is not whole

    def rows(self) -> Iterator[Row]:
        """All rows, in order."""


class CsvTable:
    """A CSV table; SourceError for a header or a line that is none."""

    def __init__(self, incoming: Incoming) -> None:
        """Reads the header."""
        self.cut_off = 0
        self._incoming = incoming
        self._lines = incoming.lines()
        number, header = next(((number, line) for number, line in self._lines if line.strip()), (1, ""))
        self._delimiter = _delimiter(header)
        self.columns = tuple(name.strip() for name in self._split(header, number))
        if len(self.columns) > MOST_COLUMNS:
            raise incoming.fault(Code.SOURCE_COLUMN, number, f"there are more than {MOST_COLUMNS} columns")
        for place, name in enumerate(self.columns):
            if not name:
                raise incoming.fault(Code.SOURCE_COLUMN, number, f"column {place + 1} has no name")
            if name in self.columns[:place]:
                raise incoming.fault(Code.SOURCE_COLUMN, number, f"the column {name!r} stands twice")

    def rows(self) -> Iterator[Row]:
        """All rows; blank lines are passed over."""
        n = len(self.columns)
        for number, line in self._lines:
            if number == 0:
                yield None
                continue
            if not line.strip():
                continue
            is_last = self._incoming.is_unended
            if is_last and line.count('"') % 2:
                self.cut_off += 1
                return
            fields = self._split(line, number)
            if len(fields) == n:
                yield number, fields
            elif is_last and len(fields) < n:
                self.cut_off += 1
            else:
                raise self._incoming.fault(
                    Code.SOURCE_LINE, number, f"has {len(fields)} fields, where the header names {n}"
                )

    def _split(self, line: str, number: int) -> list[str]:
        if '"' not in line:
            return line.split(self._delimiter)
        try:
            return next(csv.reader([line], delimiter=self._delimiter, strict=True))
        except csv.Error as error:
            raise self._incoming.fault(Code.SOURCE_LINE, number, f"is not CSV: {error}") from error


class JsonTable:
    """A table of JSON objects; SourceError for a line that is none."""

    def __init__(self, incoming: Incoming) -> None:
        """Reads the first line, whose keys are the columns."""
        self.cut_off = 0
        self._incoming = incoming
        self._lines = incoming.lines()
        number, line = next(((number, line) for number, line in self._lines if line.strip()), (1, ""))
        first = self._object(line, number)
        if first is None:
            raise incoming.fault(Code.SOURCE_LINE, number, "is cut off")
        if not 0 < len(first) <= MOST_COLUMNS:
            raise incoming.fault(Code.SOURCE_COLUMN, number, f"has {len(first)} keys; 1 to {MOST_COLUMNS} are read")
        self.columns = tuple(first)
        self._first: tuple[int, dict[str, object]] | None = (number, first)

    def rows(self) -> Iterator[Row]:
        """All rows, the first too; keys that the first has not are left out."""
        if self._first is not None:
            number, value = self._first
            self._first = None
            yield number, self._texts(value, number)
        for number, line in self._lines:
            if number == 0:
                yield None
            elif line.strip():
                value_or_none = self._object(line, number)
                if value_or_none is None:
                    return
                yield number, self._texts(value_or_none, number)

    def _object(self, line: str, number: int) -> dict[str, object] | None:
        try:
            value = json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
        except (ValueError, RecursionError) as error:
            if self._incoming.is_unended:
                self.cut_off += 1
                return None
            raise self._incoming.fault(Code.SOURCE_LINE, number, "is not JSON") from error
        if not isinstance(value, dict):
            raise self._incoming.fault(Code.SOURCE_LINE, number, "is no JSON object")
        return value

    def _texts(self, value: dict[str, object], number: int) -> list[str]:
        texts = []
        for name in self.columns:
            item = value.get(name)
            if item is None:
                texts.append("")
            elif isinstance(item, bool):
                texts.append("1" if item else "0")
            elif isinstance(item, str):
                texts.append(item)
            else:
                raise self._incoming.fault(
                    Code.SOURCE_VALUE, number, f"{name!r} holds a list or an object", "readings are numbers, not nested"
                )
        return texts
