"""One device's CSV file: bytes to text to numbers, quick where the file is well-formed and precise where it is not.

The quick path lets numpy parse all features at once. Whatever it stumbles over, the careful path reads cell by cell and
either understands (quoted cells, empty lines) or names line and column of the first fault.
"""

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from covey.errors import Code, DataError
from covey.telemetry.columns import Columns, FeatureRule, read_header
from covey.telemetry.dataset import Floats

MAX_FILE_BYTES = 2 << 30  # unpacked; a small file that unpacks to more is a bomb, not telemetry
MAX_LINE_BYTES = 1 << 20
MAX_NAME_LENGTH = 64
COMMA, NEWLINE = 0x2C, 0x0A


@dataclass(frozen=True, slots=True)
class FileRows:
    """Parsed rows: features (n, d) and the describing columns as text, each (n)."""

    x: Floats
    described: dict[str, NDArray[np.str_]]
    lines: tuple[int, ...] | None  # line of each row, where they do not simply follow the header

    def line(self, row: int) -> int:
        """The line of a row in the file; the header is line 1."""
        return row + 2 if self.lines is None else self.lines[row]


def open_text(file: Path) -> str:
    """The file's text, unpacked if it is named .gz; DataError when it is not what its name says or is too large."""
    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except EOFError as error:
        raise DataError(Code.DATA_UNREADABLE, f"{file.name} is cut off: the gzip data ends early") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(Code.DATA_UNREADABLE, f"{file.name} is not sound gzip data: {error}") from error
    except OSError as error:
        raise DataError(Code.DATA_UNREADABLE, f"{file.name} cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_FILE_BYTES:
        raise DataError(Code.DATA_UNREADABLE, f"{file.name} is larger than {MAX_FILE_BYTES >> 30} GiB unpacked")
    _check_lines(content, file.name)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            Code.DATA_UNREADABLE,
            f"{file.name}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8 text",
            "save the file as UTF-8",
        ) from error


def _check_lines(content: bytes, file: str) -> None:
    ends = np.flatnonzero(np.frombuffer(content, np.uint8) == NEWLINE)
    lengths = np.diff(np.concatenate(([-1], ends, [len(content)])))
    if lengths.max() > MAX_LINE_BYTES:
        line = int(lengths.argmax()) + 1
        raise DataError(
            Code.DATA_UNREADABLE,
            f"{file}, line {line}: the line has {int(lengths.max()):,} bytes; at most {MAX_LINE_BYTES:,} are read",
        )


def parse_header(text: str, rule: FeatureRule, file: str) -> Columns:
    """The header's columns, sorted; DataError for an empty file or a header that will not do."""
    try:
        header = next(csv.reader(io.StringIO(text), strict=True), [])
    except csv.Error as error:
        raise DataError(Code.DATA_UNREADABLE, f"{file}, line 1: {error}") from error
    if not header:
        raise DataError(Code.DATA_EMPTY_DEVICE, f"{file} is empty: it has no header and no rows")
    return read_header([name.strip() for name in header], rule, file)


def parse_rows(text: str, columns: Columns, file: str) -> FileRows:
    """All rows of the file; DataError names line and column of the first value that will not do."""
    _, _, body = text.partition("\n")
    if not body.strip():
        raise DataError(Code.DATA_EMPTY_DEVICE, f"{file} has a header but no rows", "add rows or remove the file")
    quick = '"' not in text and _is_even(body, len(columns.header))
    rows = _parse_quickly(body, columns) if quick else None
    return _parse_carefully(text, columns, file) if rows is None else rows


def _is_even(body: str, n_columns: int) -> bool:
    """Whether every line has `n_columns` cells, none being empty lines."""
    codes = np.frombuffer(body.encode(), np.uint8)
    ends = np.flatnonzero(codes == NEWLINE)
    if not body.endswith("\n"):
        ends = np.append(ends, codes.size)
    commas = np.searchsorted(np.flatnonzero(codes == COMMA), ends)
    return bool((np.diff(commas, prepend=0) == n_columns - 1).all())


def _parse_quickly(body: str, columns: Columns) -> FileRows | None:
    """Numpy's parser over the whole text; None for anything it does not take."""
    lines = body.splitlines()
    try:
        x = np.loadtxt(lines, np.float32, comments=None, delimiter=",", usecols=columns.features, ndmin=2)
        text = np.loadtxt(
            lines, np.str_, comments=None, delimiter=",", usecols=tuple(columns.describing.values()), ndmin=2
        )
    except (ValueError, OverflowError):
        return None
    if x.shape[0] != len(lines) or text.shape[0] != len(lines) or not np.isfinite(x).all():
        return None
    described = {name: text[:, index] for index, name in enumerate(columns.describing)}
    if any(not _is_name(value) for column in described.values() for value in np.unique(column).tolist()):
        return None
    return FileRows(x, described, None)


def _is_name(value: str) -> bool:
    return 0 < len(value) <= MAX_NAME_LENGTH and value.isprintable() and value == value.strip()


def _parse_carefully(text: str, columns: Columns, file: str) -> FileRows:
    """Cell by cell."""
    x: list[list[float]] = []
    described: dict[str, list[str]] = {name: [] for name in columns.describing}
    lines: list[int] = []
    for line, cells in _records(text, file):
        if len(cells) != len(columns.header):
            raise DataError(
                Code.DATA_WRONG_TYPE,
                f"{file}, line {line}: the row has {len(cells)} cells, the header has {len(columns.header)}",
            )
        lines.append(line)
        x.append([_number(cells[index], columns.header[index], line, file) for index in columns.features])
        for name, index in columns.describing.items():
            described[name].append(_name(cells[index], name, line, file))
    return FileRows(
        np.array(x, np.float32), {name: np.array(values, np.str_) for name, values in described.items()}, tuple(lines)
    )


def _records(text: str, file: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every row below the header, without the empty lines."""
    reader = csv.reader(io.StringIO(text), strict=True)
    next(reader)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise DataError(Code.DATA_UNREADABLE, f"{file}, line {reader.line_num}: {error}") from error


def _number(cell: str, column: str, line: int, file: str) -> float:
    where = f"{file}, line {line}: the column {column!r}"
    if not cell.strip():
        raise DataError(Code.DATA_NONFINITE, f"{where} is empty", "remove or repair the row")
    try:
        value = float(cell.replace("_", "?"))  # Python alone would read 1_000 as a number
    except ValueError as error:
        raise DataError(
            Code.DATA_WRONG_TYPE,
            f"{where} holds {cell[:40]!r}, which is not a number",
            f'if it is not a feature, leave it out: data.features.exclude = ["{column}"]',
        ) from error
    if not math.isfinite(value) or abs(value) > float(np.finfo(np.float32).max):
        raise DataError(
            Code.DATA_NONFINITE, f"{where} holds {cell[:40]}, which is not a finite float32", "remove or repair the row"
        )
    return value


def _name(cell: str, column: str, line: int, file: str) -> str:
    if not _is_name(cell.strip()):
        raise DataError(
            Code.DATA_WRONG_TYPE,
            f"{file}, line {line}: the column {column!r} holds {cell[:40]!r}; a name of 1 to"
            f" {MAX_NAME_LENGTH} printable characters belongs there",
        )
    return cell.strip()
