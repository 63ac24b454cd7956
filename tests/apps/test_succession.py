"""New models from the fleet take over without a gap in watching, and however quickly they come."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "watching"))
from sensor_traffic import NAMES, scan, small_file, usual, usual_capture, write_pcap
from small_models import PACKETS

from covey.apps.detect.succession import Succession
from covey.sensing import Block, open_source
from covey.watching import Detector, Settled, Stage, Watcher
from covey.wire import ModelFile


def version(sequence: int, thresholds: tuple[float, ...] = ()) -> ModelFile:
    file = small_file()
    design = replace(file.design, thresholds=thresholds)
    return ModelFile.of(sequence=sequence, parent=b"", design=design, parameters=file.parameters)


def make(file: ModelFile, cautious: float | None) -> Watcher:
    known = cautious if cautious is not None else next(iter(file.design.thresholds), None)
    return Watcher(Detector(file), file.design.detection, threshold=known, learn_windows=40)


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> list[Block]:
    capture = usual_capture(tmp_path_factory.mktemp("usual"), minutes=30)
    return [
        Block(block.n, memoryview(bytes(block.packets)), memoryview(bytes(block.rows)).cast("f"))
        for block in open_source(capture, PACKETS, feature_names=NAMES).blocks()
    ]


def watch(succession: Succession, blocks: list[Block]) -> list[Settled]:
    settled = []
    for block in blocks:
        watcher = succession.watcher
        scores = watcher.score(block.rows, block.n)
        found = watcher.take(block.packets, block.rows, block.n, scores)
        settled.append(succession.follow(block, found))
    return [found for found in settled if found is not None]


def test_with_a_cautious_threshold_it_watches_at_once_and_is_calibrated_aside(blocks: list[Block]) -> None:
    succession = Succession(make(version(1, (5.0,)), None), make)
    assert succession.offer(version(2), 7.0)
    assert (succession.watcher.detector.sequence, succession.watcher.threshold.value) == (2, 7.0)
    assert succession.watcher.stage is Stage.WATCHING
    (settled,) = watch(succession, blocks)
    assert succession.watcher.detector.sequence == 2
    assert succession.watcher.threshold.is_calibrated
    assert succession.watcher.threshold.value == settled.threshold
    assert watch(succession, blocks) == []


def test_without_a_threshold_the_model_before_watches_until_the_new_one_has_learnt(blocks: list[Block]) -> None:
    succession = Succession(make(version(1, (5.0,)), None), make)
    assert not succession.offer(version(2), None)
    assert succession.watcher.detector.sequence == 1
    assert len(watch(succession, blocks)) == 1
    assert succession.watcher.detector.sequence == 2
    assert succession.watcher.stage is Stage.WATCHING


def test_models_that_come_quicker_than_learning_wait_and_the_latest_is_next(blocks: list[Block]) -> None:
    succession = Succession(make(version(1, (5.0,)), None), make)
    for sequence in (2, 3, 4):
        assert not succession.offer(version(sequence), None)
    assert len(watch(succession, blocks)) == 2  # model 2, and then the latest that waited
    assert succession.watcher.detector.sequence == 4
    assert succession.models == 3


def test_windows_of_an_attack_that_end_on_a_silent_link_are_not_learnt_from(tmp_path: Path) -> None:
    events = usual(5, 10) + scan(6, 100.0, 60.0)
    succession = Succession(make(version(1, (5.0,)), None), make)
    succession.offer(version(2), 5.0)
    settled = []
    for tens in range(60):  # ten seconds at a time, and then silence for so long that the window ends
        part = [event for event in events if 10 * tens <= event[0] < 10 * tens + 10]
        capture = write_pcap(tmp_path / "part.pcap", part)
        for block in open_source(capture, PACKETS, feature_names=NAMES).blocks():
            watcher = succession.watcher
            found = watcher.take(block.packets, block.rows, block.n, watcher.score(block.rows, block.n))
            settled.append(succession.follow(block, found))
        silence = Block(0, memoryview(b""), memoryview(b"").cast("f"))
        settled.append(succession.follow(silence, succession.watcher.flush(None)))
    (one,) = [found for found in settled if found is not None]
    assert one.threshold < 5  # of usual windows; those of the scan have scores near 10
    assert one.suspects == 0
