"""Held-out captures judged by windows, with detectors simple enough to know by hand what they see."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from covey.simulation.scorers import Floats
from covey.simulation.watch_judging import judge_windows
from covey.simulation.watches import calibrated, score_capture, watch
from covey.simulation.windows import WindowJudgement
from covey.telemetry import Captures, Dataset, FeatureRule
from covey.watching.detector import LARGEST_SCORE
from covey.wire import DetectionSettings
from tests.simulation.capture_folder import capture, reports, write_folder

#: How many packets a channel had in the last fraction of a second: 1 for reports, up to 6.3 in a flood.
CHANNEL = FeatureRule(include=("HH_L5_weight",))
EACH_WINDOW = DetectionSettings(window_s=10.0, order=1, votes=1, of=1, hysteresis=0.0, quiet_s=0.0)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return Captures().load(write_folder(tmp_path_factory.mktemp("lab")), CHANNEL)


def by_weight(rows: Floats) -> Floats:
    return rows[:, 0].copy()


def blind(rows: Floats) -> Floats:
    return np.zeros(rows.shape[0], np.float32)


def judged(dataset: Dataset, settings: DetectionSettings = EACH_WINDOW) -> WindowJudgement:
    shared = {"int8": by_weight, "central": blind}
    return judge_windows(dataset, range(dataset.n_devices), settings, shared, {"local": [by_weight, blind]})


def test_floods_are_found_and_nothing_else(fleet: Dataset) -> None:
    tree = judged(fleet).tree()
    for device in ("lamp", "lock"):
        one = tree["devices"][device]  # type: ignore[index]
        # 480 s are 48 windows; a flood of 30 s that begins on a window's edge has rows in 3 of them
        assert one["attack_windows"] == 3
        assert one["benign_hours"] == pytest.approx(45 * 10 / 3600)
        assert one["calibrated_hours"] == pytest.approx(2 * 45 * 10 / 3600)
        assert one["int8"]["tpr"] == 1
        assert one["int8"]["tpr_alarm"] == 1
        assert one["int8"]["above_per_hour"] == 0
        assert one["int8"]["false_alarms_per_hour"] == 0
        assert (one["incidents"], one["int8"]["incidents_found"]) == (1, 1)
        assert one["int8"]["delay_s"] == 10  # the first window that holds the flood ends ten seconds after its begin
        assert one["central"]["tpr"] == 0
    assert tree["pooled"]["local"]["tpr"] == 0.5  # type: ignore[index]
    assert tree["worst"]["local"]["device"] == "lock"  # type: ignore[index]


def test_attacks_are_counted_by_kind_and_family(fleet: Dataset) -> None:
    tree = judged(fleet).tree()
    flood = tree["attacks"]["flood"]  # type: ignore[index]
    assert (flood["windows"], flood["incidents"], flood["in_training"]) == (6, 2, True)
    assert flood["tpr"] == {"int8": 1.0, "central": 0.0, "local": 0.5, "int8_fleet_threshold": 1.0}
    assert flood["incidents_found"]["local"] == 1
    assert tree["families"]["flood"]["windows"] == 6  # type: ignore[index]


def test_votes_delay_the_alarm_but_not_what_lies_above(fleet: Dataset) -> None:
    tree = judged(fleet, replace(EACH_WINDOW, votes=2, of=2)).tree()
    one = tree["devices"]["lamp"]["int8"]  # type: ignore[index]
    assert one["tpr"] == 1
    assert one["tpr_alarm"] == pytest.approx(2 / 3)


def test_the_threshold_is_that_of_a_device_with_the_same_benign_windows(fleet: Dataset) -> None:
    train = [
        score_capture(one, fleet.feature_names, {"int8": by_weight}, 0.0)
        for one in fleet.recordings
        if one.device_id == "lamp" and one.is_train
    ]
    threshold, n = calibrated(train, "int8", EACH_WINDOW)
    benign = np.concatenate([watch(one, "int8", EACH_WINDOW, LARGEST_SCORE).benign_scores for one in train])
    assert n == benign.size == 90
    # One in 360 windows may lie above, of 90 none: the threshold lies beyond the highest, by the tail's exponential.
    assert threshold is not None
    assert benign.max() <= threshold < 2


def test_the_fleets_threshold_is_the_median_and_serves_where_a_device_has_none(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "lab", roles=("lamp", "lock", "tap"))
    fleet = Captures().load(folder, CHANNEL)
    brief = tmp_path / "brief.pcap"
    brief.write_bytes(capture(reports(0, 80)))  # twice 8 windows: too few for a threshold
    short = tuple(
        replace(one, path=brief) if one.device_id == "tap" and one.is_train else one for one in fleet.recordings
    )
    judgement = judge_windows(
        replace(fleet, recordings=short), range(3), EACH_WINDOW, {"int8": by_weight, "federated": by_weight}, {}
    )
    own = [judgement.devices[name].thresholds["int8"] for name in ("lamp", "lock")]
    assert judgement.fleet_threshold == pytest.approx(np.median(own))
    assert judgement.devices["tap"].thresholds["int8"] == judgement.fleet_threshold
    assert "federated" not in judgement.devices["tap"].tallies
    assert judgement.devices["tap"].tallies["int8"].counts.tpr_above == 1


def test_windows_of_the_warm_up_are_not_judged(tmp_path: Path) -> None:
    settings = replace(EACH_WINDOW, warm_up_s=300.0)
    fleet = Captures().load(write_folder(tmp_path / "lab"), CHANNEL, settings.warm_up_s)
    tree = judged(fleet, settings).tree()
    one = tree["devices"]["lamp"]  # type: ignore[index]
    assert one["attack_windows"] == 0  # the flood was before
    assert one["benign_hours"] == pytest.approx(180 / 3600)
    assert one["calibrated_hours"] == pytest.approx(2 * 180 / 3600)
    assert one["int8"]["tpr"] is None


def test_a_timeline_tells_scores_and_attacks(fleet: Dataset) -> None:
    timeline = judged(fleet).tree()["timelines"]["lamp"]  # type: ignore[index]
    assert timeline["session"] == "test-1"
    assert len(timeline["score"]) == len(timeline["start_s"]) == len(timeline["in_alarm"]) == 48
    (attack,) = timeline["attacks"]
    assert (attack["attack"], attack["start_s"], attack["end_s"]) == ("flood", 220.0, 250.0)
    above = [start for start, score in zip(timeline["start_s"], timeline["score"], strict=True) if score > 3]
    assert above == [220.0, 230.0, 240.0]


def test_judgements_of_several_federations_are_one(fleet: Dataset) -> None:
    settings, shared = EACH_WINDOW, {"int8": by_weight}
    parts = [judge_windows(fleet, [device], settings, shared, {}) for device in range(2)]
    merged = WindowJudgement.merged(parts)
    assert list(merged.devices) == ["lamp", "lock"]
    assert merged.tree()["pooled"]["int8"]["incidents_found"] == 2  # type: ignore[index]


def test_a_session_kept_for_thresholds_is_the_only_one_that_sets_them(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "lab")
    tree = judged(Captures(calibration=("train-2",)).load(folder, CHANNEL)).tree()
    one = tree["devices"]["lamp"]  # type: ignore[index]
    assert one["calibrated_hours"] == pytest.approx(45 * 10 / 3600)
