"""The machine that watches: what it learns, when it alarms, and how it goes on from a snapshot."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sensor_traffic import (
    BEGIN_S,
    NAMES,
    SCAN_FOR_S,
    SCAN_FROM_S,
    scan_capture,
    small_file,
    truth_table,
    usual_capture,
)
from small_models import PACKETS, standard_encoding, trained

from covey.core import AlarmState
from covey.errors import DetectionError
from covey.sensing import open_source, read_truth_table
from covey.watching import (
    Detector,
    Finding,
    Mode,
    Settled,
    Stage,
    Watcher,
    WindowJudge,
    WindowRecord,
    restore,
    snapshot,
)
from covey.wire import DetectionSettings, ModelFile

TEN_S_NS = 10 * 10**9
Block = tuple[int, bytes, bytes, bytes]


def blocks_of(capture: Path, truth: Path | None = None) -> list[Block]:
    known = read_truth_table(truth) if truth else None
    return [
        (block.n, bytes(block.packets), bytes(block.rows), known.labels(block) if known else bytes(block.n))
        for block in open_source(capture, PACKETS, feature_names=NAMES).blocks()
    ]


@pytest.fixture(scope="module")
def usual_blocks(tmp_path_factory: pytest.TempPathFactory) -> list[Block]:
    return blocks_of(usual_capture(tmp_path_factory.mktemp("usual"), minutes=60))


@pytest.fixture(scope="module")
def scan_blocks(tmp_path_factory: pytest.TempPathFactory) -> list[Block]:
    folder = tmp_path_factory.mktemp("scan")
    return blocks_of(scan_capture(folder), truth_table(folder))


def fresh(mode: Mode = Mode.INFERENCE, file: ModelFile | None = None, **more: object) -> Watcher:
    file = file or small_file()
    return Watcher(Detector(file), file.design.detection, mode, **more)


def feed(watcher: Watcher, blocks: list[Block], *, labelled: bool = False, end: bool = True) -> list[Finding]:
    findings = []
    for n, packets, rows, labels in blocks:
        scores = watcher.score(rows, n)
        findings += watcher.take(packets, rows, n, scores, labels=labels if labelled else None)
    return findings + (watcher.flush(None) if end else [])


def calibrated(usual_blocks: list[Block], mode: Mode = Mode.INFERENCE, file: ModelFile | None = None) -> Watcher:
    watcher = fresh(mode, file)
    watcher.begin_learning(by_itself=False)
    if watcher.stage is Stage.SCALING:
        feed(watcher, usual_blocks)
        watcher.end_source()
        watcher.settle_scaling()
    feed(watcher, usual_blocks)
    watcher.settle()
    watcher.end_source()
    return watcher


def windows_of(findings: list[Finding]) -> list[WindowRecord]:
    return [finding for finding in findings if isinstance(finding, WindowRecord)]


def test_a_scan_is_an_alarm_within_half_a_minute_and_usual_traffic_is_none(
    usual_blocks: list[Block], scan_blocks: list[Block]
) -> None:
    watcher = calibrated(usual_blocks)
    records = windows_of(feed(watcher, scan_blocks, labelled=True))
    raised = [record for record in records if record.alert_id is not None]
    scan_ns = (BEGIN_S + SCAN_FROM_S) * 10**9
    assert len(raised) == 1
    assert 0 <= raised[0].window.end_ns - scan_ns <= 30 * 10**9
    assert all(record.is_attack for record in raised)
    judge = WindowJudge(("scan",))
    for record in records:
        judge.take(record)
    judgement = judge.judgement()
    assert judgement.attack_windows == SCAN_FOR_S // 10
    assert judgement.tpr_above == 1.0
    assert judgement.false_alarms == 0
    assert judgement.kinds["scan"].windows == SCAN_FOR_S // 10


def test_while_it_learns_it_gives_no_alert_and_says_when_it_is_done(scan_blocks: list[Block]) -> None:
    watcher = fresh(learn_windows=100)
    findings = feed(watcher, scan_blocks)
    settled = [place for place, finding in enumerate(findings) if isinstance(finding, Settled)]
    assert len(settled) == 1
    learnt = findings[settled[0]]
    assert isinstance(learnt, Settled)
    assert learnt.windows == 100
    before = windows_of(findings[: settled[0]])
    assert {record.stage for record in before} == {Stage.LEARNING}
    assert {record.window.alarm for record in before} == {AlarmState.NONE}
    assert watcher.stage is Stage.WATCHING
    assert watcher.threshold.value == pytest.approx(learnt.threshold)


def test_a_model_with_a_threshold_watches_at_once_but_learns_in_adapt_mode() -> None:
    file = small_file()
    watcher = Watcher(Detector(file), file.design.detection, Mode.INFERENCE, threshold=1.5)
    assert (watcher.stage, watcher.threshold.value) == (Stage.WATCHING, 1.5)
    assert Watcher(Detector(file), file.design.detection, Mode.ADAPT, threshold=1.5).stage is Stage.LEARNING


def test_windows_that_are_labelled_attacks_or_distrusted_are_not_learnt(scan_blocks: list[Block]) -> None:
    watcher = fresh(learn_windows=100_000)
    feed(watcher, scan_blocks, labelled=True)
    n_windows = len(windows_of(feed(fresh(learn_windows=100_000), scan_blocks)))
    assert watcher.threshold.learnt == n_windows - SCAN_FOR_S // 10
    wary = fresh(learn_windows=100_000)
    everything = range(1 << 62)
    for n, packets, rows, _ in scan_blocks:
        wary.take(packets, rows, n, wary.score(rows, n), distrusted=everything)
    assert wary.threshold.learnt == 0


@settings(max_examples=15)
@given(cuts=st.lists(st.integers(1, 400), min_size=1, max_size=30))
def test_windows_do_not_depend_on_how_rows_come_in_blocks(scan_blocks: list[Block], cuts: list[int]) -> None:
    whole = (b"".join(part) for part in list(zip(*scan_blocks, strict=True))[1:])
    packets, rows, labels = whole
    n, width, first, place = len(labels), 4 * len(NAMES), 0, 0
    pieces = []
    while first < n:
        end = min(n, first + cuts[place % len(cuts)])
        pieces.append(
            (end - first, packets[72 * first : 72 * end], rows[width * first : width * end], labels[first:end])
        )
        first, place = end, place + 1
    one, other = (Watcher(Detector(small_file()), small_file().design.detection, threshold=0.0) for _ in range(2))
    assert windows_of(feed(one, scan_blocks, labelled=True)) == windows_of(feed(other, pieces, labelled=True))


def test_a_silent_link_ends_its_window_when_it_is_time(usual_blocks: list[Block]) -> None:
    watcher = calibrated(usual_blocks)
    _, packets, rows, _ = usual_blocks[0]
    assert watcher.next_deadline_ns is None
    watcher.take(packets[:72], rows[: 4 * len(NAMES)], 1, watcher.score(rows[: 4 * len(NAMES)], 1))
    deadline = watcher.next_deadline_ns
    assert deadline is not None
    assert deadline % TEN_S_NS == 0
    assert watcher.flush(deadline - 1) == []
    (record,) = windows_of(watcher.flush(deadline))
    assert (record.window.rows, record.window.end_ns) == (1, deadline)
    assert watcher.next_deadline_ns is None


@pytest.mark.parametrize("kind", ["knots", "scaled"])
def test_a_watcher_goes_on_from_its_snapshot_as_if_nothing_had_been(
    usual_blocks: list[Block], scan_blocks: list[Block], kind: str
) -> None:
    file = small_file() if kind == "knots" else scaled_file(usual_blocks)
    once, first, second = (calibrated(usual_blocks, Mode.ADAPT, file) for _ in range(3))
    half = len(scan_blocks) // 2
    whole = windows_of(feed(once, scan_blocks))
    before = windows_of(feed(first, scan_blocks[:half], end=False))
    second = fresh(Mode.ADAPT, file)
    assert restore(second, snapshot(first))
    assert before + windows_of(feed(second, scan_blocks[half:])) == whole
    assert second.detector.encoding.center == first.detector.encoding.center


def scaled_file(usual_blocks: list[Block]) -> ModelFile:
    import numpy as np

    rows = np.frombuffer(b"".join(block[2] for block in usual_blocks), np.float32).reshape(-1, len(NAMES))
    labels = np.zeros(len(rows), np.int32)
    labels[::7] = 1
    detection = DetectionSettings(alarms_per_hour=1 / 24)
    encoding = standard_encoding(rows * 1.3 + 5)  # another fleet's scales: this device is to move away from them
    return trained(rows, labels, NAMES, encoding=encoding, detection=detection, steps=50)


def test_in_adapt_mode_scales_move_to_the_device_within_their_bounds(usual_blocks: list[Block]) -> None:
    file = scaled_file(usual_blocks)
    watcher = calibrated(usual_blocks, Mode.ADAPT, file)
    before, after = watcher.fleet_encoding, watcher.detector.encoding
    assert after is not before
    scale, center = list(before.scale), list(before.center)
    shifts = [abs(new - old) * s for new, old, s in zip(after.center, center, scale, strict=True)]
    assert 0 < max(shifts) <= 1.0001
    assert all(0.499 < new / old < 2.001 for new, old in zip(after.scale, scale, strict=True))
    assert calibrated(usual_blocks, Mode.INFERENCE, file).detector.encoding.scale == before.scale


def test_a_snapshot_of_another_model_mode_or_settings_is_not_taken(usual_blocks: list[Block]) -> None:
    watcher = calibrated(usual_blocks)
    data = snapshot(watcher)
    other = fresh(Mode.ADAPT)
    assert not restore(other, data)
    assert other.stage is Stage.LEARNING
    assert not restore(fresh(file=small_file(order=1)), data)
    assert not restore(fresh(file=small_file(thresholds=(1.0,))), data)
    assert restore(fresh(), data)


@settings(max_examples=150)
@given(place=st.integers(0, 1 << 30), value=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_snapshot_is_an_error(usual_blocks: list[Block], place: int, value: int, cut: bool) -> None:
    data = bytearray(shared_snapshot(usual_blocks))
    at = place % len(data)
    if cut:
        del data[at:]
    else:
        data[at] ^= value
    with pytest.raises(DetectionError, match="broken") as caught:
        restore(fresh(), bytes(data))
    assert caught.value.code == "A110"


_SHARED: list[bytes] = []


def shared_snapshot(usual_blocks: list[Block]) -> bytes:
    if not _SHARED:
        _SHARED.append(snapshot(calibrated(usual_blocks)))
    return _SHARED[0]


def test_an_older_source_than_the_one_before_the_restart_begins_afresh(
    usual_blocks: list[Block], scan_blocks: list[Block]
) -> None:
    watcher = calibrated(usual_blocks)
    wanted = len(windows_of(feed(watcher, scan_blocks)))
    again = fresh()
    restore(again, snapshot(watcher))
    assert len(windows_of(feed(again, scan_blocks))) == wanted


def test_a_restart_before_the_last_window_of_learning_leaves_no_reference_of_one_window(
    usual_blocks: list[Block],
) -> None:
    once = fresh()
    learnt = windows_of(feed(once, usual_blocks, end=False))
    assert once.stage is Stage.LEARNING
    assert len(learnt) > 100
    again = fresh()
    assert restore(again, snapshot(once))
    again.flush(None)
    again.settle()
    assert again.threshold.learnt > 100
    assert not again.drift.has_reference
