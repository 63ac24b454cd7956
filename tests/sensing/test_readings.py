"""Readings of sensors: windows, statistics, gaps and what is missing, in tables and JSON lines, real and made up."""

import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources import real, take, take_bytes

from covey.errors import Code, SourceError
from covey.sensing import NoteKind, open_source
from covey.sensing.statistics import STATISTICS, Statistic, Summary
from covey.wire import FeatureSchema, Missing, SourceKind

BY_3 = FeatureSchema(SourceKind.READINGS, window_rows=3)
BY_10_S = FeatureSchema(SourceKind.READINGS, window_s=10.0)
STATS = [statistic.value for statistic in Statistic]
ALL = tuple(f"t_{statistic}" for statistic in STATS)


def by_numpy(times: list[float], values: list[float]) -> list[float]:
    """What each statistic is, in the order of Statistic."""
    x, t = np.array(values), np.array(times)
    spread = float(((t - t.mean()) ** 2).sum())
    slope = float(((t - t.mean()) * (x - x.mean())).sum()) / spread if spread > 0 else 0.0
    return [float(x.mean()), float(x.std()), float(x.min()), float(x.max()), slope, values[-1], float(len(values))]


def table(*lines: str, header: str = "time,t,h") -> bytes:
    return "\n".join([header, *lines, ""]).encode()


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.floats(-1e3, 1e3).map(lambda x: round(x, 3))), min_size=1, max_size=30)
)
def test_statistics_are_those_of_numpy(readings: list[tuple[int, float]]) -> None:
    readings = sorted(readings)
    summary = Summary()
    for t, x in readings:
        summary.add(float(t), x)
    found = [STATISTICS[statistic](summary) for statistic in Statistic]
    expected = by_numpy([float(t) for t, _ in readings], [x for _, x in readings])
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_windows_of_so_many_readings() -> None:
    taken = take_bytes(table("1,1,5", "2,2,5", "3,6,5", "4,7,5"), schema=BY_3, feature_names=ALL)
    assert taken.error is None
    assert taken.source.kind is SourceKind.READINGS
    assert taken.times_s == [3.0, 4.0]
    assert taken.rows[0] == pytest.approx([3.0, np.sqrt(14 / 3), 1.0, 6.0, 2.5, 6.0, 3.0])
    assert taken.rows[1] == (7.0, 0.0, 7.0, 7.0, 0.0, 7.0, 1.0)
    assert [packet.size_bytes for packet in taken.packets] == [3, 1]


def test_windows_of_time_lie_on_a_grid_since_1970() -> None:
    lines = ["2024-01-01T00:00:09Z,1,0", "2024-01-01T00:00:10Z,2,0", "2024-01-01T00:00:19.9Z,4,0", "1704067230,8,0"]
    taken = take_bytes(table(*lines), schema=BY_10_S, feature_names=("t_mean", "t_count"))
    assert taken.rows == [(1.0, 1.0), (3.0, 2.0), (8.0, 1.0)]
    assert taken.times_s == [1704067209.0, 1704067219.9, 1704067230.0]


def test_without_a_model_all_columns_of_numbers_are_taken() -> None:
    data = table("1,1,north,3", "2,2,,?", header="time,t,wind,h")
    taken = take_bytes(data)
    assert taken.source.feature_names == tuple(f"{column}_{s}" for column in ("t", "h") for s in STATS)
    assert len(taken.rows) == 1


def test_json_lines_are_read_like_a_table() -> None:
    rows = [
        {"ts": 1, "t": 1.5, "ok": True},
        {"ts": 2, "ok": False, "t": None},
        {"ts": 3, "t": "2.5", "ok": True, "x": 1},
    ]
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    taken = take_bytes(data, schema=BY_3, feature_names=("t_mean", "t_count", "ok_mean"))
    assert taken.error is None
    assert taken.rows == [(2.0, 2.0, pytest.approx(2 / 3))]
    assert taken.times_s == [3.0]


def test_a_missing_reading_is_skipped_or_held_as_the_schema_says() -> None:
    data = table("1,4,1", "2,,1", "3,NA,1", "4,?,1", "5,null,1", "6,nan,1", "7,1,1")
    names = ("t_mean", "t_count", "h_count")
    skip = take_bytes(data, schema=BY_3, feature_names=names)
    assert skip.rows == [(4.0, 1.0, 3.0), (1.0, 1.0, 1.0)]
    assert skip.notes == {NoteKind.MISSING: 1}
    held = FeatureSchema(SourceKind.READINGS, window_rows=3, missing=Missing.HOLD)
    hold = take_bytes(data, schema=held, feature_names=names)
    assert hold.rows == [(4.0, 3.0, 3.0), (4.0, 3.0, 3.0), (1.0, 1.0, 1.0)]


def test_a_gap_ends_a_window() -> None:
    gaps = FeatureSchema(SourceKind.READINGS, window_rows=3, gap_s=5.0)
    taken = take_bytes(table("1,1,0", "2,2,0", "8,3,0", "9,4,0"), schema=gaps, feature_names=("t_mean",))
    assert taken.rows == [(1.5,), (3.5,)]
    assert taken.notes == {NoteKind.GAPS: 1}


def test_a_reading_a_little_older_counts_as_of_the_last_and_one_much_older_sets_the_clock_back() -> None:
    names = ("t_mean", "t_count")
    little = take_bytes(table("11,1,0", "9,3,0", "12,5,0"), schema=BY_10_S, feature_names=names)
    assert little.rows == [(3.0, 3.0)]
    assert little.notes == {NoteKind.BACKWARDS: 1}
    much = take_bytes(table("5000000,1,0", "100,3,0", "111,5,0"), schema=BY_10_S, feature_names=names)
    assert much.rows == [(1.0, 1.0), (3.0, 1.0), (5.0, 1.0)]
    assert much.notes == {NoteKind.BACKWARDS: 1}


def test_a_silence_gives_a_block() -> None:
    data = table("1,1,0", "2,2,0", "3,3,0", "4,4,0")
    taken = take_bytes(data[:-6], b"", data[-6:], b"", schema=BY_3, feature_names=("t_mean",))
    assert taken.rows == [(2.0,), (4.0,)]
    assert taken.idle >= 1


def test_readings_without_times_are_told_apart_by_their_number() -> None:
    taken = take_bytes(table("1", "3", header="t"), schema=BY_3, feature_names=("t_slope",))
    assert (taken.rows, taken.times_s) == ([(2.0,)], [1.0])
    with pytest.raises(SourceError) as caught:
        take_bytes(table("1", "3", header="t"), schema=BY_10_S, feature_names=("t_slope",))
    assert caught.value.code is Code.SOURCE_COLUMN


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("noon,1,1", Code.SOURCE_TIME),
        (",1,1", Code.SOURCE_TIME),
        ("2,warm,1", Code.SOURCE_VALUE),
        ("2,inf,1", Code.SOURCE_VALUE),
        ("2,1e39,1", Code.SOURCE_VALUE),
        ("2,1_0,1", Code.SOURCE_VALUE),
        ("2,1", Code.SOURCE_LINE),
        ("2,1,1,1", Code.SOURCE_LINE),
        ('2,"1"2,1', Code.SOURCE_LINE),
    ],
)
def test_a_line_that_is_wrong_is_named(line: str, code: Code) -> None:
    taken = take_bytes(table("1,1,1", line, "3,1,1"), schema=BY_3, feature_names=("t_mean", "h_mean"))
    assert taken.error is not None
    assert (taken.error.code, taken.error.where) == (code, "given:3")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (table(), Code.SOURCE_EMPTY),
        (table("1,2,3", header="time,t,t"), Code.SOURCE_COLUMN),
        (table("1,2,3", header="time,t,"), Code.SOURCE_COLUMN),
        (table("1,2,3", header="time,x,h"), Code.SOURCE_SCHEMA),
        (b'{"t": 1}\n{"t": [1]}\n', Code.SOURCE_VALUE),
        (b'{"t": 1}\n[1]\n', Code.SOURCE_LINE),
        (b'{"t": 1}\n{"t": 1\n{"t": 1}\n', Code.SOURCE_LINE),
        (b'{"t": 1}\n' + b'{"t": ' * 5000 + b"\n", Code.SOURCE_LINE),
        (b"{}\n", Code.SOURCE_COLUMN),
    ],
)
def test_a_table_that_is_none_is_a_clear_error(data: bytes, code: Code) -> None:
    try:
        error = take_bytes(data, schema=BY_3, feature_names=("t_mean",)).error
    except SourceError as fault:
        error = fault
    assert error is not None
    assert error.code is code


def test_features_that_a_table_cannot_give_are_named_with_the_nearest() -> None:
    with pytest.raises(SourceError, match="temprature") as caught:
        take_bytes(table("1,2", header="time,temperature"), schema=BY_3, feature_names=("temprature_mean",))
    assert (caught.value.code, caught.value.hint) == (Code.SOURCE_SCHEMA, "did you mean 'temperature'?")
    with pytest.raises(SourceError, match="t_median"):
        take_bytes(table("1,2,3"), schema=BY_3, feature_names=("t_median",))
    with pytest.raises(SourceError, match="no column holds numbers"):
        take_bytes(table("a,b,c", header="x,y,z"))


def test_a_last_line_that_is_cut_off_is_counted() -> None:
    for data in (table("1,2,3", "2,3,4")[:-4], b'{"t": 1, "h": 2}\n{"t": 1, "h'):
        taken = take_bytes(data, schema=BY_3, feature_names=("t_count",))
        assert (taken.error, taken.rows, taken.notes) == (None, [(1.0,)], {NoteKind.CUT_OFF: 1})


def test_sums_that_overflow_stay_finite() -> None:
    taken = take_bytes(table("1,3e38,0", "1.000001,-3e38,0"), schema=BY_3, feature_names=ALL)
    assert all(np.isfinite(value) for value in taken.rows[0])


@pytest.mark.parametrize(
    ("parts", "n_lines", "column"),
    [
        (("beijing_air", "PRSA_Data_Aotizhongxin.csv.gz"), 35_064, "TEMP"),
        (("wisdm_har", "wisdm_transformed.csv.gz"), 5_418, "YAVG"),
        (("mitbih_beats", "mitbih_beats.csv.gz"), 21_852, "uv_30"),
    ],
    ids=str,
)
def test_real_readings_are_read(parts: tuple[str, ...], n_lines: int, column: str) -> None:
    path = real(*parts)
    names = tuple(f"{column}_{statistic}" for statistic in STATS)
    schema = FeatureSchema(SourceKind.READINGS, window_rows=24)
    taken = take(open_source(path, schema, feature_names=names))
    assert taken.error is None
    header, *lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    place = header.replace('"', "").split(",").index(column)
    assert len(lines) == n_lines
    windows = [lines[at : at + 24] for at in range(0, n_lines, 24)]
    readings = [[float(x) for x in (line.split(",")[place] for line in w) if x not in ("NA", "?", "")] for w in windows]
    assert len(taken.rows) + taken.notes.get(NoteKind.MISSING, 0) == len(windows)
    means = [np.mean(values) for values in readings if values]
    np.testing.assert_allclose([row[0] for row in taken.rows], means, rtol=1e-5, atol=1e-5)
    assert [row[-1] for row in taken.rows] == [len(values) for values in readings if values]


@given(st.binary(max_size=120))
def test_any_bytes_behind_a_header_give_rows_or_an_error_of_a_source(tail: bytes) -> None:
    taken = take_bytes(table("1,2,3") + tail, schema=BY_3, feature_names=("t_mean",))
    assert taken.error is None or taken.error.code.startswith("T")
