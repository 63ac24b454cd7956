"""Folders of captures as a Plan's telemetry: what becomes a row, and what is refused in words."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from tests.simulation.capture_folder import (
    BEGIN_S,
    DEVICE_MAC,
    Sent,
    capture,
    in_order,
    reports,
    truth_row,
    write_folder,
)

from covey.core import FEATURE_NAMES
from covey.errors import Code, DataError, SourceError
from covey.telemetry import BenignCaptures, Captures, FeatureRule

WEIGHTS = FeatureRule(include=("MI_dir_*_weight", "HH_L*_weight"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "lab")


def refused(folder: Path, source: Captures = Captures()) -> DataError | SourceError:  # noqa: B008 (frozen)
    with pytest.raises((DataError, SourceError)) as caught:
        source.load(folder)
    return caught.value


def test_rows_are_packets_of_each_device_on_its_side_of_the_split(folder: Path) -> None:
    dataset = Captures().load(folder, WEIGHTS)
    assert dataset.device_ids == ("lamp", "lock")
    assert dataset.feature_names == tuple(name for name in FEATURE_NAMES if WEIGHTS.takes(name))
    assert dataset.attack_names == ("benign", "flood")
    assert dataset.family_names == ("benign", "flood")
    for device in range(2):
        # 480 s at two packets every two seconds, in two sessions and in one; a flood of 600, of which 400 are kept
        assert np.bincount(dataset.label[dataset.train_rows(device)]).tolist() == [960, 400]
        assert np.bincount(dataset.label[dataset.test_rows(device)]).tolist() == [480, 400]
    first = dataset.x[dataset.train_rows(0)[0]]
    assert (first == 1).all()  # the first packet of a capture: every stream has weight 1


def test_streams_start_empty_with_each_capture(folder: Path) -> None:
    dataset = Captures().load(folder, WEIGHTS)
    first_of_test = dataset.x[dataset.test_rows(0)[0]]
    assert (first_of_test == 1).all()


def test_a_budget_keeps_benign_rows_evenly_over_the_sessions(folder: Path) -> None:
    dataset = Captures(most_benign=96, most_attack=10).load(folder, WEIGHTS)
    assert np.bincount(dataset.label[dataset.train_rows(1)]).tolist() == [96, 10]
    whole = Captures(most_benign=96, most_attack=10, seed=5).load(folder, WEIGHTS)
    assert not np.array_equal(dataset.x, whole.x)
    assert np.array_equal(dataset.x, Captures(most_benign=96, most_attack=10).load(folder, WEIGHTS).x)


def test_the_warm_up_is_no_row(folder: Path) -> None:
    dataset = Captures().load(folder, WEIGHTS, warm_up_s=300.0)
    assert np.bincount(dataset.label[dataset.train_rows(0)]).tolist() == [2 * 180]  # the floods were before


def test_recordings_give_all_packets_with_their_truth(folder: Path) -> None:
    dataset = Captures(most_benign=10, most_attack=10).load(folder, WEIGHTS)
    assert [(one.device_id, one.session, one.is_train) for one in dataset.recordings[:3]] == [
        ("lamp", "train-1", True),
        ("lamp", "train-2", True),
        ("lamp", "test-1", False),
    ]
    parts = [(part.kind, part.time_ns) for part in dataset.recordings[2].parts(dataset.feature_names)]
    kinds, times = (np.concatenate(column) for column in zip(*parts, strict=True))
    assert np.bincount(kinds).tolist() == [480, 600]
    attacked = times[kinds == 1] / 1e9 - BEGIN_S - 2000
    assert (attacked.min(), attacked.max()) == (pytest.approx(220), pytest.approx(249.95))


def test_only_the_sessions_asked_for_are_taken(folder: Path) -> None:
    dataset = Captures(sessions=("train-2", "test-1")).load(folder, WEIGHTS)
    assert {one.session for one in dataset.recordings} == {"train-2", "test-1"}
    error = refused(folder, Captures(sessions=("train-2", "test-2")))
    assert "test-2" in error.cause
    assert "test-1" in (error.hint or "")


def test_the_digest_knows_captures_and_truth(folder: Path) -> None:
    before = Captures(most_benign=10, most_attack=10).load(folder, WEIGHTS).digest()
    assert Captures(most_benign=10, most_attack=10).load(folder, WEIGHTS).digest() == before
    truth = (folder / "truth.csv").read_text()
    (folder / "truth.csv").write_text(truth.replace(",none,", ",tool,"))
    assert Captures(most_benign=10, most_attack=10).load(folder, WEIGHTS).digest() != before


def test_a_folder_without_truth_is_refused(folder: Path) -> None:
    (folder / "truth.csv").unlink()
    assert "truth.csv" in refused(folder).cause


def test_a_folder_without_sessions_is_refused(folder: Path) -> None:
    (folder / "sessions.csv").unlink()
    assert refused(folder).code is Code.DATA_NOT_FOUND


@pytest.mark.parametrize(
    ("table", "code", "words"),
    [
        ("session,spilt\ntrain-1,train\n", Code.DATA_MISSING_COLUMN, "'split'"),
        ("session,split\ntrain-1,training\n", Code.DATA_BAD_SPLIT, "line 2"),
        ("session,split\ntrain-1,train\ntrain-1,train\n", Code.DATA_UNREADABLE, "twice"),
        ("session,split\n../captures,train\n", Code.DATA_UNREADABLE, "no folder"),
        ("session,split\n", Code.DATA_NO_DEVICES, "no session"),
        ("session,split\ntrain-1,train\ntrain-2,train\ntest-2,test\n", Code.DATA_NO_DEVICES, "no captures"),
        ("session,split\ntrain-1,train\ntrain-2,train\n", Code.DATA_UNKNOWN_CLASS, "test-1"),
        ("session,split\ntrain-1,train\ntrain-2,train\ntest-1,train\n", Code.DATA_EMPTY_DEVICE, "split = test"),
    ],
)
def test_a_table_of_sessions_that_is_not_in_order_is_refused(folder: Path, table: str, code: Code, words: str) -> None:
    (folder / "sessions.csv").write_text(table)
    error = refused(folder)
    assert error.code is code
    assert words in error.cause


def test_an_attack_on_a_device_without_a_capture_is_refused(folder: Path) -> None:
    with (folder / "truth.csv").open("a") as file:
        file.write(truth_row("train-1", "lump", 10, 20) + "\n")
    error = refused(folder)
    assert "'lump'" in error.cause
    assert "lamp" in (error.hint or "")


def test_a_device_that_is_missing_in_all_training_sessions_is_refused(folder: Path) -> None:
    for session in ("train-1", "train-2"):
        (folder / "captures" / session / "lock.pcap.gz").unlink()
    rows = [line for line in (folder / "truth.csv").read_text().splitlines() if ",lock," not in line]
    (folder / "truth.csv").write_text("\n".join(rows) + "\n")
    assert "'lock'" in refused(folder).cause


def test_a_damaged_capture_is_named(folder: Path) -> None:
    path = folder / "captures" / "train-2" / "lamp.pcap.gz"
    path.write_bytes(gzip.compress(b"no capture at all\x00\x01"))
    error = refused(folder)
    assert isinstance(error, SourceError)
    assert "lamp.pcap.gz" in error.cause


def test_patterns_that_take_no_feature_are_refused(folder: Path) -> None:
    with pytest.raises(DataError) as caught:
        Captures().load(folder, FeatureRule(include=("nothing*",)))
    assert caught.value.code is Code.DATA_NO_FEATURES


def test_settings_out_of_range_are_refused() -> None:
    for wrong in ({"most_benign": 0}, {"most_attack": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Captures(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="test_captures"):
        BenignCaptures(test_captures=0)


# -- folders of devices


def write_devices(folder: Path, captures: int = 3) -> Path:
    for number, name in enumerate(("Kettle", "Front_Cam"), start=1):
        (folder / name).mkdir(parents=True)
        for take in range(1, captures + 1):
            data = capture(reports(0, 60 + take), device=number, begin_s=BEGIN_S + 1000 * take)
            (folder / name / f"Setup-{take * 5}-STA.pcap").write_bytes(data)
        (folder / name / "_iotdevice-mac.txt").write_text(DEVICE_MAC.hex(":").upper() + "\n")
    return folder


def test_the_last_captures_of_each_device_are_held_out(tmp_path: Path) -> None:
    dataset = BenignCaptures().load(write_devices(tmp_path / "devices"), WEIGHTS)
    assert dataset.device_ids == ("front-cam", "kettle")
    # as words, Setup-5 would come last
    assert [one.session for one in dataset.recordings if not one.is_train] == ["Setup-15-STA.pcap"] * 2
    assert dataset.label.sum() == 0
    assert np.array_equal(np.diff(dataset.first_row), [60 + 62 + 62] * 2)


def test_a_device_of_one_capture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        BenignCaptures().load(write_devices(tmp_path / "devices", captures=1))
    assert caught.value.code is Code.DATA_EMPTY_DEVICE


def test_a_capture_of_another_device_is_refused(tmp_path: Path) -> None:
    folder = write_devices(tmp_path / "devices")
    (folder / "Kettle" / "_iotdevice-mac.txt").write_text("00:11:22:33:44:55")
    with pytest.raises(DataError) as caught:
        BenignCaptures().load(folder)
    assert "00:11:22:33:44:55" in caught.value.cause


def test_a_device_that_only_the_warm_up_shows_is_no_stranger(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="hold no packet for training"):
        BenignCaptures().load(write_devices(tmp_path / "devices"), warm_up_s=3600.0)


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    folder = write_devices(tmp_path / "devices")
    (folder / "Kettle" / "_iotdevice-mac.txt").write_text("kettle")
    with pytest.raises(DataError, match="no MAC address"):
        BenignCaptures().load(folder)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        BenignCaptures().load(tmp_path)
    assert caught.value.code is Code.DATA_NO_DEVICES


def test_sources_know_their_folders(folder: Path, tmp_path: Path) -> None:
    devices = write_devices(tmp_path / "devices")
    assert Captures().is_at(folder)
    assert not Captures().is_at(devices)
    assert BenignCaptures().is_at(devices)
    assert not BenignCaptures().is_at(folder / "captures" / "train-1")


def test_a_packet_out_of_order_counts_as_of_the_time_before_it(folder: Path) -> None:
    packets = [*in_order(reports(0, 10)), Sent(4, 60), Sent(12, 60)]
    (folder / "captures" / "test-1" / "lamp.pcap.gz").write_bytes(
        gzip.compress(capture(packets, begin_s=BEGIN_S + 2000))
    )
    dataset = Captures().load(folder, WEIGHTS)
    (recording,) = [one for one in dataset.recordings if one.device_id == "lamp" and not one.is_train]
    times = np.concatenate([part.time_ns for part in recording.parts(dataset.feature_names)])
    assert (np.diff(times) >= 0).all()


def test_a_session_for_thresholds_is_not_learnt_from(folder: Path) -> None:
    dataset = Captures(calibration=("train-2",)).load(folder, WEIGHTS)
    assert np.bincount(dataset.label[dataset.train_rows(0)]).tolist() == [480, 400]
    (kept,) = [one for one in dataset.recordings if one.device_id == "lamp" and one.session == "train-2"]
    assert kept.is_train
    assert not kept.is_learnt
    for wrong, code in ((("test-1",), Code.DATA_BAD_SPLIT), (("train-9",), Code.DATA_NO_DEVICES)):
        assert refused(folder, Captures(calibration=wrong)).code is code
    not_taken = Captures(sessions=("train-1", "test-1"), calibration=("train-2",))
    assert "not taken" in refused(folder, not_taken).cause
    with pytest.raises(DataError) as caught:
        Captures(calibration=("train-1", "train-2")).load(folder, WEIGHTS)
    assert caught.value.code is Code.DATA_EMPTY_DEVICE
