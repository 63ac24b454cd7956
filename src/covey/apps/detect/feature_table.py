"""`covey features`: rows as a detector sees them, as CSV, for those who study them."""

import errno
import os
import sys
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TextIO

from covey.apps.detect.options import Values
from covey.apps.detect.sources import read_chosen_truth
from covey.core import MAX_STREAMS
from covey.errors import Code, EnvironmentFault, ModelError, OutputError, did_you_mean
from covey.io.files import standard_output_error
from covey.io.follow import standard_input
from covey.sensing import Source, Truth, open_source
from covey.wire import FeatureSchema, SourceKind

STANDARD_STREAM = "-"


def write_features(source: str, values: Values) -> int:
    """Write all rows of a source; how many. CoveyError where it cannot be read or written."""
    if not 1 <= values["streams"] <= MAX_STREAMS:
        cause = f"--streams is {values['streams']}; it is from 1 to {MAX_STREAMS:,}"
        raise EnvironmentFault(Code.USAGE, cause, "covey features --help")
    chosen = str(values["columns"]).split(",") if values["columns"] else None
    truth = None
    if values["truth"]:
        truth = read_chosen_truth(Path(values["truth"]), values["session"], values["role"])
    opened = _opened(source, values)
    names = opened.feature_names
    if chosen is not None:
        names = _columns(chosen, names)
        if opened.kind is SourceKind.PACKETS and source != STANDARD_STREAM:
            opened = _opened(source, values, names)  # so that only those are computed
    places = [opened.feature_names.index(name) for name in names]
    with _output(values["out"] or STANDARD_STREAM) as out:
        out.write(",".join([*map(_cell, names), *(("label", "attack") if truth is not None else ())]) + "\n")
        n = 0
        for block in opened.blocks():
            labels = truth.labels(block) if truth is not None else None
            out.writelines(_lines(block.rows, block.n, places, len(opened.feature_names), _Labels(truth, labels)))
            n += block.n
    for note in opened.notes():
        sys.stderr.write(f"note: {note.text}\n")
    return n


def _opened(source: str, values: Values, names: tuple[str, ...] | None = None) -> Source:
    """The source, with windows of readings as asked for; EnvironmentFault (usage) where it has none."""
    schema = None
    if values["window_s"] is not None or values["window_rows"] is not None:
        try:
            windows = (values["window_s"] or 0.0, values["window_rows"] or 0)
            schema = FeatureSchema(SourceKind.READINGS, *windows)
        except ModelError as error:
            raise EnvironmentFault(Code.USAGE, error.cause, "covey features --help") from error
    is_stream = source == STANDARD_STREAM
    return open_source(
        "standard input" if is_stream else source,
        schema,
        chunks=standard_input(lambda: False) if is_stream else None,
        feature_names=names,
        device=values["device"],
        capacity=values["streams"],
    )


class _Labels:
    """The last two columns of each row, or nothing."""

    def __init__(self, truth: Truth | None, labels: bytes | None) -> None:
        self._labels = labels
        self._kinds = ("", *truth.kinds) if truth is not None else ()

    def columns(self, row: int) -> list[str]:
        """Of one row."""
        if self._labels is None:
            return []
        label = self._labels[row]
        return [str(int(label != 0)), _cell(self._kinds[label] or "benign")]


def _cell(text: str) -> str:
    """A name as a field of CSV (RFC 4180): columns and attacks may be called anything."""
    return '"{}"'.format(text.replace('"', '""')) if any(sign in text for sign in ',"\r\n') else text


def _lines(rows: memoryview, n: int, places: list[int], width: int, labels: _Labels) -> Iterator[str]:
    """Lines of n rows (n, width) float32; nine digits give a float32 back exactly."""
    values = array("f", rows.cast("B")[: 4 * n * width].tobytes())
    for row in range(n):
        fields = [f"{values[row * width + place]:.9g}" for place in places]
        yield ",".join([*fields, *labels.columns(row)]) + "\n"


def _columns(patterns: Iterable[str], names: tuple[str, ...]) -> tuple[str, ...]:
    """The names that a pattern fits, in their own order; EnvironmentFault (usage) for a pattern that fits none."""
    found = set()
    for pattern in filter(None, (text.strip() for text in patterns)):
        fitting = [name for name in names if fnmatchcase(name, pattern)]
        if not fitting:
            near = did_you_mean(pattern, names)
            hint = f"did you mean {near}?" if near else "covey features --help"
            raise EnvironmentFault(Code.USAGE, f"--columns: no feature is called {pattern}", hint)
        found.update(fitting)
    if not found:
        raise EnvironmentFault(Code.USAGE, "--columns names no feature", "covey features --help")
    return tuple(name for name in names if name in found)


@contextmanager
def _output(where: str) -> Iterator[TextIO]:
    """A file or standard output; OutputError where it cannot be written. What was written before an error stays."""
    if where == STANDARD_STREAM:
        try:
            yield sys.stdout
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise standard_output_error(error) from error
        return
    path = Path(where)
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            if path.is_file():
                path.unlink()
            raise OutputError(
                Code.OUTPUT_DISK_FULL, f"the disk is full: {where} was not written", "free some space", where
            ) from error
        raise OutputError(
            Code.OUTPUT_NOT_WRITABLE,
            f"{where} cannot be written: {os.strerror(error.errno or 0)}",
            "name another file with --out",
            where,
        ) from error
