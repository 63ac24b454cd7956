"""Windows, alarms and scores against their twins; any split of the rows, any snapshot, hostile settings."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from watching_twin import WatchTwin, log_error, log_odds

from covey import core
from covey.core import AlarmState, Watch, WatchSettings
from covey.errors import CoreError

PACKET = np.dtype([("time_ns", "<i8"), ("size_bytes", "<u4"), ("rest", "V60")])
FIELDS = np.dtype(core.WINDOW_FIELDS)
SECOND = 10**9


def packets_at(times: list[int]) -> np.ndarray:
    """Packets that differ in time and size: `size_bytes` is the row's index."""
    packets = np.zeros(len(times), PACKET)
    packets["time_ns"] = times
    packets["size_bytes"] = np.arange(len(times))
    return packets


def rows_of(n: int, n_columns: int) -> np.ndarray:
    return (np.arange(n, dtype=np.float32)[:, None] * 100 + np.arange(n_columns, dtype=np.float32)).astype(np.float32)


def run(
    settings: WatchSettings, times: list[int], scores: list[float], threshold: float, splits: list[int], store: bool
) -> list[tuple[object, ...]]:
    """What a Watch says of the rows, split before the given rows, through a snapshot at each split where `store`."""
    n_columns = 3
    watch = Watch(settings, n_columns)
    packets, rows, score = packets_at(times), rows_of(len(times), n_columns), np.array(scores, np.float32)
    found = []
    edges = [0, *sorted(split % (len(times) + 1) for split in splits), len(times)]
    for begin, end in pairwise(edges):
        part = (np.ascontiguousarray(packets[begin:end]), rows[begin:end], score[begin:end])
        found += watch.update(
            *(piece.tobytes() if not end - begin else piece for piece in part), end - begin, threshold
        )
        if store:
            other = Watch(settings, n_columns)
            other.restore(watch.snapshot())
            watch = other
    last = watch.flush(None, threshold)
    found += [last] if last else []
    answers = []
    for window, top_row in found:
        top = int(np.frombuffer(window.top, PACKET)["size_bytes"][0])
        np.testing.assert_array_equal(np.frombuffer(top_row, np.float32), rows[top])
        assert window.threshold == np.float32(threshold)
        fields = (window.start_ns, window.end_ns, window.rows, window.rows_above, window.score, window.top_score)
        answers.append((*fields, top, window.is_above, window.alarm.name))
    return answers


def twin(settings: WatchSettings, times: list[int], scores: list[float], threshold: float) -> list[tuple[object, ...]]:
    fields = (settings.order, settings.votes, settings.of, settings.hysteresis)
    slow = WatchTwin(round(settings.window_s * 1e9), *fields, round(settings.quiet_s * 1e9))
    return slow.windows(times, scores, threshold)


settings_of = st.builds(
    lambda of, votes, **rest: WatchSettings(of=of, votes=1 + votes % of, **rest),
    of=st.integers(1, 32),
    votes=st.integers(0, 31),
    window_s=st.sampled_from([0.0, 0.5, 1.0, 10.0]),
    order=st.integers(1, 16),
    hysteresis=st.sampled_from([0.0, 0.5, 2.0]),
    quiet_s=st.sampled_from([0.0, 3.0, 60.0]),
)
# Gaps long and short, some of them back in time; few scores, so that equal ones are common.
gaps_of = st.lists(
    st.integers(-SECOND, 30 * SECOND) | st.integers(0, SECOND // 10) | st.integers(-40 * SECOND, 0), max_size=80
)


@given(
    settings=settings_of,
    gaps=gaps_of,
    data=st.data(),
    splits=st.lists(st.integers(0, 80), max_size=6),
    start=st.sampled_from([0, -5 * SECOND, 1_700_000_000 * SECOND + 123_456_789]),
)
def test_windows_and_alarms_are_the_twins_however_rows_are_split_and_wherever_the_state_was_stored(
    settings: WatchSettings, gaps: list[int], data: st.DataObject, splits: list[int], start: int
) -> None:
    times = [start + sum(gaps[: i + 1]) for i in range(len(gaps))]
    scores = [data.draw(st.integers(-8, 8)) / 2 for _ in gaps]
    expected = twin(settings, times, scores, 1.0)
    assert run(settings, times, scores, 1.0, [], store=False) == expected
    assert run(settings, times, scores, 1.0, splits, store=True) == expected


def story(settings: WatchSettings, scores: list[float]) -> list[str]:
    """The alarms of one row a window, 10 s apart."""
    return [
        answer[-1] for answer in run(settings, [i * 10 * SECOND for i in range(len(scores))], scores, 1.0, [], False)
    ]


def test_an_alarm_needs_its_votes_holds_through_hysteresis_and_is_quiet_after_an_alert() -> None:
    settings = WatchSettings(votes=2, of=3)
    assert story(settings, [2, 0, 0, 2, 2]) == ["NONE", "NONE", "NONE", "NONE", "RAISED"]
    assert story(settings, [2, 0, 2, 0, 0, 0]) == ["NONE", "NONE", "RAISED", "GOES_ON", "GOES_ON", "ENDED"]
    near = replace(settings, votes=1, of=1, hysteresis=0.5)
    assert story(near, [2, 0.75, 0.5]) == ["RAISED", "GOES_ON", "ENDED"]
    quiet = replace(settings, votes=1, of=1, quiet_s=30)
    assert story(quiet, [2, 0, 2, 2, 0, 2]) == ["RAISED", "ENDED", "SUPPRESSED", "GOES_ON", "ENDED", "RAISED"]


def test_a_clock_put_back_does_not_silence_alerts_until_it_has_caught_up() -> None:
    watch = Watch(WatchSettings(window_s=0.0, quiet_s=60.0), 0)
    alarms = []
    for time_s, score in ((10**6, 2.0), (10**6, 0.0), (5, 2.0)):
        found = watch.update(packets_at([time_s * SECOND]), None, np.array([score], np.float32), 1, 1.0)
        alarms += [window.alarm for window, _ in found]
    assert alarms == [AlarmState.RAISED, AlarmState.ENDED, AlarmState.RAISED]


def test_a_clock_put_back_ends_the_window_at_hand_and_a_late_packet_does_not() -> None:
    watch = Watch(WatchSettings(window_s=10.0), 0)
    one = np.ones(1, np.float32)
    assert watch.update(packets_at([100 * SECOND]), None, one, 1, 0.5) == []
    assert watch.update(packets_at([89 * SECOND]), None, one, 1, 0.5) == []
    ((window, _),) = watch.update(packets_at([89 * SECOND - 1]), None, one, 1, 0.5)
    assert (window.start_ns, window.rows) == (100 * SECOND, 2)
    (last,) = [watch.flush(None, 0.5)]
    assert last is not None
    assert last[0].start_ns == 80 * SECOND


def test_a_flush_ends_the_window_at_hand_when_its_time_is_over_and_not_before() -> None:
    watch = Watch(WatchSettings(window_s=10.0), 0)
    assert watch.flush(None, 0.0) is None
    assert watch.update(packets_at([12 * SECOND]), None, np.ones(1, np.float32), 1, 0.5) == []
    assert watch.flush(20 * SECOND - 1, 0.5) is None
    ended = watch.flush(20 * SECOND, 0.5)
    assert ended is not None
    assert (ended[0].start_ns, ended[0].end_ns, ended[0].alarm) == (10 * SECOND, 20 * SECOND, AlarmState.RAISED)
    assert watch.flush(None, 0.5) is None


def test_the_threshold_of_a_window_is_the_one_in_force_when_it_ends() -> None:
    watch = Watch(WatchSettings(window_s=10.0), 0)
    watch.update(packets_at([0]), None, np.array([2.0], np.float32), 1, 1.0)
    ((window, _),) = watch.update(packets_at([15 * SECOND]), None, np.array([0.0], np.float32), 1, 3.0)
    assert (window.threshold, window.is_above, window.rows_above) == (3.0, False, 1)


@pytest.mark.parametrize("time", [-(1 << 63), (1 << 63) - 1])
def test_times_at_the_ends_of_time_have_a_window_too(time: int) -> None:
    watch = Watch(WatchSettings(window_s=10.0), 0)
    assert watch.update(packets_at([time, time]), None, np.ones(2, np.float32), 2, 0.5) == []
    ended = watch.flush(None, 0.5)
    assert ended is not None
    assert ended[0].rows == 2
    assert ended[0].start_ns <= time <= ended[0].end_ns


@pytest.mark.parametrize(
    "bad",
    [
        {"window_s": -1.0},
        {"window_s": float("nan")},
        {"window_s": float("inf")},
        {"window_s": 1e30},
        {"quiet_s": -1.0},
        {"order": 0},
        {"order": 17},
        {"order": -1},
        {"votes": 0},
        {"votes": 4, "of": 3},
        {"of": 33, "votes": 1},
        {"hysteresis": -0.5},
        {"hysteresis": float("nan")},
        {"hysteresis": float("inf")},
    ],
)
def test_settings_out_of_their_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(CoreError):
        Watch(replace(WatchSettings(), **bad), 3)


def test_widths_scores_and_thresholds_out_of_their_range_are_refused_and_change_nothing() -> None:
    for n_columns in (-1, 1025, 1 << 32):
        with pytest.raises(CoreError):
            Watch(WatchSettings(), n_columns)
    watch = Watch(WatchSettings(), 0)
    watch.update(packets_at([5]), None, np.ones(1, np.float32), 1, 0.5)
    before = watch.snapshot()
    for scores, threshold in (([1.0, float("nan")], 0.0), ([float("inf"), 1.0], 0.0), ([1.0, 1.0], float("nan"))):
        with pytest.raises(CoreError):
            watch.update(packets_at([6, 7]), None, np.array(scores, np.float32), 2, threshold)
    assert watch.snapshot() == before


@given(where=st.integers(0, 10**6), value=st.integers(0, 255))
def test_a_damaged_snapshot_is_refused_or_does_no_harm(where: int, value: int) -> None:
    watch = Watch(WatchSettings(votes=2, of=3, order=4), 2)
    watch.update(packets_at([1, 2, 3]), rows_of(3, 2), np.ones(3, np.float32), 3, 0.5)
    snapshot = bytearray(watch.snapshot())
    snapshot[where % len(snapshot)] = value
    other = Watch(watch.settings, 2)
    try:
        other.restore(bytes(snapshot))
    except CoreError:
        return
    for time in (4, 20 * SECOND, 40 * SECOND):
        for window, _ in other.update(packets_at([time]), rows_of(1, 2), np.ones(1, np.float32), 1, 0.5):
            assert np.isfinite(window.score)


def test_a_snapshot_of_other_settings_or_widths_is_refused() -> None:
    snapshot = Watch(WatchSettings(), 2).snapshot()
    for other in (Watch(WatchSettings(order=2), 2), Watch(WatchSettings(), 3), Watch(WatchSettings(), 1)):
        with pytest.raises(CoreError):
            other.restore(snapshot)
    with pytest.raises(CoreError):
        Watch(WatchSettings(), 2).restore(snapshot[:-1])


def dense(outputs: int, loss: core.Loss, inputs: int = 4) -> core.Model:
    return core.Model([(1, 0, inputs, outputs, 0, 0, 0, 0)], loss)


@given(seed=st.integers(0, 2**32), n_outputs=st.integers(2, 12), reach=st.sampled_from([0.1, 5.0, 80.0]))
def test_class_scores_are_the_log_odds_of_not_being_the_first_class(seed: int, n_outputs: int, reach: float) -> None:
    logits = (np.random.default_rng(seed).normal(size=(9, n_outputs)) * reach).astype(np.float32)
    out = np.empty(9, np.float32)
    core.scores(dense(n_outputs, core.Loss.SOFTMAX_CE), logits, None, 9, out)
    np.testing.assert_allclose(out, [log_odds(row) for row in logits], rtol=1e-5, atol=1e-5 * reach)


@given(seed=st.integers(0, 2**32), n=st.integers(0, 40), width=st.integers(1, 30))
def test_errors_score_the_log_of_their_mean_square_and_single_logits_themselves(seed: int, n: int, width: int) -> None:
    generator = np.random.default_rng(seed)
    outputs, inputs = generator.normal(size=(2, n, width)).astype(np.float32)
    out = np.empty(n, np.float32)
    for loss in (core.Loss.MSE, core.Loss.HUBER):
        core.scores(dense(width, loss, width), outputs, inputs, n, out)
        expected = [log_error(*row) for row in zip(outputs, inputs, strict=True)]
        np.testing.assert_allclose(out, expected, rtol=2e-7, atol=1e-7)
    logits = outputs[:, :1].copy()
    core.scores(dense(1, core.Loss.BCE), logits, None, n, out)
    np.testing.assert_array_equal(out, logits[:, 0])


def test_absurd_outputs_score_as_extremes_and_those_that_are_no_numbers_are_refused() -> None:
    out = np.empty(1, np.float32)
    most = np.finfo(np.float32).max
    core.scores(dense(2, core.Loss.SOFTMAX_CE), np.array([[-most, most]], np.float32), None, 1, out)
    assert out[0] == most
    core.scores(dense(1, core.Loss.MSE, 1), np.array([[most]], np.float32), np.array([[-most]], np.float32), 1, out)
    assert out[0] == pytest.approx(np.log(most))
    same = np.array([[0.25]], np.float32)
    core.scores(dense(1, core.Loss.MSE, 1), same, same, 1, out)
    assert out[0] == pytest.approx(np.log(np.finfo(np.float32).tiny))  # no error at all is a finite score too
    for bad in (np.nan, np.inf):
        with pytest.raises(CoreError):
            core.scores(dense(2, core.Loss.SOFTMAX_CE), np.array([[0, bad]], np.float32), None, 1, out)
    with pytest.raises(CoreError):
        core.scores(dense(3, core.Loss.MSE, 4), np.zeros((1, 3), np.float32), np.zeros((1, 4), np.float32), 1, out)
    with pytest.raises(CoreError):
        core.scores(dense(4, core.Loss.MSE, 4), np.zeros((1, 4), np.float32), None, 1, out)


def test_the_list_of_fields_is_the_struct() -> None:
    assert FIELDS.itemsize == 112
    assert FIELDS.fields["top"][1] == 40
