"""Readings of sensors as rows: windows of time or of so many readings, and statistics of each column in a window.

A window of time ends when a reading of a later one comes; a reading older than the last counts as of the same time, and
one much older ends the window, as the clock was set back. Missing readings are an empty field, NA, NaN, null or ?; what
they count as is the schema's to say. A window in which a wanted column has no reading at all gives no row: it is
counted.
"""

import math
from array import array
from collections.abc import Iterator
from itertools import chain, islice
from typing import ClassVar

from covey.core import PACKET_BYTES
from covey.errors import Code, SourceError, did_you_mean
from covey.sensing.blocks import BLOCK_ROWS, Block, Note, NoteKind, counted
from covey.sensing.incoming import Incoming
from covey.sensing.packets_of import reading_packet
from covey.sensing.statistics import STATISTICS, Statistic, Summary
from covey.sensing.tables import Row, Table
from covey.sensing.times import NS, UNITS_NS, parse_time
from covey.wire import FeatureSchema, Missing, SourceKind

TIMES = ("time", "timestamp", "ts", "datetime", "date_time", *UNITS_NS, "date")
MISSING = frozenset({"", "na", "nan", "null", "none", "n/a", "?", "-"})
LARGEST = 3.4028234663852886e38  # float32
SET_BACK_NS = 60 * NS  # a reading older than the last by more than this and a window: the clock was set back
PEEKED_ROWS = 64  # from which the columns of numbers are known, where no model says which are wanted


class ReadingSource:
    """The windows of a table of readings, a row each."""

    kind: ClassVar = SourceKind.READINGS

    def __init__(
        self, incoming: Incoming, table: Table, schema: FeatureSchema, feature_names: tuple[str, ...] | None = None
    ) -> None:
        """All statistics of all columns of numbers without `feature_names`; SourceError where a column is missing."""
        self._incoming, self._table, self._schema = incoming, table, schema
        self._rows = table.rows()
        names = {name.lower(): place for place, name in reversed(list(enumerate(table.columns)))}
        self._time = next((names[name] for name in TIMES if name in names), None)
        if self._time is None and schema.window_s:
            raise incoming.fault(
                Code.SOURCE_COLUMN,
                1,
                "windows of time need a column of times, and there is none",
                f"name it {TIMES[0]!r} or {TIMES[1]!r}, or use windows of so many rows",
            )
        self._unit_ns = None if self._time is None else UNITS_NS.get(table.columns[self._time].lower())
        wanted = self._all_features() if feature_names is None else [self._place(name) for name in feature_names]
        self._places = sorted({place for place, _ in wanted})
        self._features = [(self._places.index(place), STATISTICS[statistic]) for place, statistic in wanted]
        self.feature_names = tuple(f"{table.columns[place]}_{statistic}" for place, statistic in wanted)
        self._counts = dict.fromkeys((NoteKind.BACKWARDS, NoteKind.MISSING, NoteKind.GAPS), 0)

    def blocks(self) -> Iterator[Block]:
        """All windows, in order; the last one too, though it may not be whole."""
        packets, values, is_empty = bytearray(), array("f"), True
        windows = _Windows(self._schema, len(self._places), self._counts)
        for row in chain(self._rows, (None,)):
            if row is not None:
                is_empty = False
                time_ns, readings = self._reading(*row, windows.n_readings)
                ended = windows.add(time_ns, readings)
                self._take(ended, packets, values)
            if row is None or len(packets) == BLOCK_ROWS * PACKET_BYTES:
                yield Block(len(packets) // PACKET_BYTES, memoryview(packets), memoryview(values))
                packets, values = bytearray(), array("f")
        self._take(windows.end(), packets, values)
        if packets:
            yield Block(1, memoryview(packets), memoryview(values))
        if is_empty:
            name = self._incoming.name
            raise SourceError(Code.SOURCE_EMPTY, f"{name} is a table without rows", where=name)

    def notes(self) -> tuple[Note, ...]:
        """What was counted."""
        late, missing, gaps = self._counts.values()
        cut = self._table.cut_off or self._incoming.is_cut_off
        return counted(
            Note(NoteKind.CUT_OFF, int(cut), "the table is cut off within its last line"),
            Note(NoteKind.BACKWARDS, late, f"{late:,} readings are older than the one before them"),
            Note(NoteKind.MISSING, missing, f"{missing:,} windows gave no row: a column had no reading in them"),
            Note(NoteKind.GAPS, gaps, f"{gaps:,} gaps between readings ended a window"),
        )

    def _take(self, ended: "tuple[int, int, list[Summary]] | None", packets: bytearray, values: "array[float]") -> None:
        """Put the row of a window that has ended behind the others."""
        if ended is None:
            return
        time_ns, n, summaries = ended
        if not all(summary.n for summary in summaries):
            self._counts[NoteKind.MISSING] += 1
            return
        packets += reading_packet(time_ns, n)
        row = [statistic(summaries[place]) for place, statistic in self._features]
        values.extend([min(max(value, -LARGEST), LARGEST) for value in row])

    def _reading(self, number: int, fields: list[str], n_before: int) -> tuple[int, list[float | None]]:
        """The time of a row, and the wanted columns' numbers, None where there is none."""
        time_ns: int | None = n_before * NS
        if self._time is not None:
            time_ns = parse_time(fields[self._time], self._unit_ns)
        if time_ns is None:
            raise self._incoming.fault(Code.SOURCE_TIME, number, f"{fields[self._time or 0]!r} is no time")
        return time_ns, [self._number(number, place, fields[place]) for place in self._places]

    def _number(self, number: int, place: int, text: str) -> float | None:
        value = _number(text)
        if value is not None and not abs(value) <= LARGEST:
            column = self._table.columns[place]
            raise self._incoming.fault(Code.SOURCE_VALUE, number, f"{column!r} is {text!r}, which is no number")
        return value

    def _place(self, feature: str) -> tuple[int, Statistic]:
        """The column and the statistic of a feature that a model wants."""
        column, _, statistic = feature.rpartition("_")
        columns = self._table.columns
        if statistic not in set(Statistic) or not column:
            raise SourceError(
                Code.SOURCE_SCHEMA,
                f"the model wants the feature {feature!r}, which is not <column>_<statistic>",
                f"statistics are {', '.join(Statistic)}",
                where=self._incoming.name,
            )
        if column not in columns:
            near = did_you_mean(column, columns)
            raise SourceError(
                Code.SOURCE_SCHEMA,
                f"{self._incoming.name}: the model wants the column {column!r}, which is not there",
                f"did you mean {near!r}?" if near else f"its columns are {', '.join(columns[:20])}",
                where=self._incoming.name,
            )
        return columns.index(column), Statistic(statistic)

    def _all_features(self) -> list[tuple[int, Statistic]]:
        """All statistics of the columns that hold numbers in the first rows."""
        first: list[Row] = list(islice((row for row in self._rows if row is not None), PEEKED_ROWS))
        self._rows = chain(first, self._rows)
        found = []
        for place in range(len(self._table.columns)):
            values = [_number(row[1][place]) for row in first if row is not None]
            numbers = [value for value in values if value is not None]
            if place != self._time and numbers and all(abs(value) <= LARGEST for value in numbers):
                found.append(place)
        if not found:
            raise self._incoming.fault(Code.SOURCE_COLUMN, 1, "no column holds numbers")
        return [(place, statistic) for place in found for statistic in Statistic]


class _Windows:
    """The window at hand."""

    def __init__(self, schema: FeatureSchema, n_columns: int, counts: dict[NoteKind, int]) -> None:
        self.n_readings = 0
        self._window_ns = round(schema.window_s * NS)
        self._window_rows = schema.window_rows
        self._gap_ns = round(schema.gap_s * NS)
        self._holds = schema.missing is Missing.HOLD
        self._counts = counts
        self._held: list[float | None] = [None] * n_columns
        self._latest_ns = self._first_ns = self._n = 0
        self._summaries: list[Summary] = []

    def add(self, time_ns: int, readings: list[float | None]) -> tuple[int, int, list[Summary]] | None:
        """Take a row of readings; the window that it ended, if it did: its last time, rows and summaries."""
        ended = None
        is_set_back = self.n_readings > 0 and time_ns < self._latest_ns - max(self._window_ns, SET_BACK_NS)
        if self.n_readings and time_ns < self._latest_ns:
            self._counts[NoteKind.BACKWARDS] += 1
            time_ns = time_ns if is_set_back else self._latest_ns
        is_gap = self._gap_ns > 0 and self.n_readings > 0 and time_ns - self._latest_ns > self._gap_ns
        is_later = self._window_ns > 0 and time_ns // self._window_ns > self._first_ns // self._window_ns
        is_full = 0 < self._window_rows <= self._n
        if self._n and (is_gap or is_later or is_full or is_set_back):
            self._counts[NoteKind.GAPS] += is_gap
            ended = self.end()
        if not self._n:
            self._begin(time_ns)
        for place, value in enumerate(readings):
            held = self._held[place] if value is None and self._holds else value
            if held is not None:
                self._held[place] = held
                self._summaries[place].add((time_ns - self._first_ns) / NS, held)
        self._n += 1
        self.n_readings += 1
        self._latest_ns = time_ns
        return ended

    def end(self) -> tuple[int, int, list[Summary]] | None:
        """The window at hand, which ends; None if there is none."""
        ended = (self._latest_ns, self._n, self._summaries) if self._n else None
        self._n = 0
        return ended

    def _begin(self, time_ns: int) -> None:
        self._first_ns, self._n = time_ns, 0
        self._summaries = [Summary() for _ in self._held]


def _number(text: str) -> float | None:
    """A number; None where it is missing; NaN for a text that is none."""
    text = text.strip()
    if text.lower() in MISSING:
        return None
    try:
        return float(text) if "_" not in text else math.nan
    except ValueError:
        return math.nan
