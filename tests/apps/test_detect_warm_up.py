"""`covey detect` leaves rows out while features settle, of each source and of each capture that it calibrates on."""

import json
import sys
from array import array
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "watching"))
from sensor_traffic import SCAN_FOR_S, SCAN_FROM_S, scan_capture, small_file, truth_table, usual_capture

from covey.apps.cli import main
from covey.apps.detect.warming import Warming
from covey.core import PACKET_BYTES
from covey.sensing import Block

CAPTURE_S = 20 * 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("warm-up")
    (folder / "model.covey").write_bytes(small_file(thresholds=(0.0,)).encode())
    usual_capture(folder, seed=2, minutes=20)
    scan_capture(folder)
    truth_table(folder)
    return folder


def detect(folder: Path, *words: object, capture: str = "scan-3.pcap") -> Result:
    given = ["detect", folder / "model.covey", folder / capture, *words]
    return CliRunner().invoke(main, [str(word) for word in given])


def summary_of(result: Result) -> dict:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_windows_of_the_warm_up_are_not_there(folder: Path) -> None:
    whole = summary_of(detect(folder, "--json"))
    later = summary_of(detect(folder, "--json", "--warm-up-s", 300))
    assert whole["warm_up"] == {"setting_s": 0.0, "starts": 1, "rows": 0, "seconds": 0.0, "attack_rows": None}
    assert (later["warm_up"]["setting_s"], later["warm_up"]["seconds"]) == (300, 300)
    assert later["source"]["rows"] == whole["source"]["rows"] > later["warm_up"]["rows"] > 0
    assert (whole["windows"], later["windows"]) == (CAPTURE_S // 10, (CAPTURE_S - 300) // 10)
    assert later["alerts"] == whole["alerts"] == 1


def test_attacks_of_the_warm_up_are_counted_and_not_judged(folder: Path) -> None:
    into_the_scan = SCAN_FROM_S + 60
    words = ("--truth", folder / "truth.csv", "--warm-up-s", into_the_scan)
    summary = summary_of(detect(folder, *words, "--json"))
    assert summary["warm_up"]["attack_rows"] == 60 * 20
    assert summary["truth"]["attack_windows"] == (SCAN_FOR_S - 60) // 10
    assert summary["truth"]["flows"]["attack"] == (SCAN_FOR_S - 60) * 20
    text = detect(folder, *words).stdout
    assert "of 11.0 minutes not judged, 1,200 of them of attacks" in text


def test_each_calibration_has_a_warm_up_of_its_own(folder: Path) -> None:
    usual = ("--calibrate", folder / "usual-2.pcap")
    both = summary_of(detect(folder, *usual, *usual, "--json", "--warm-up-s", 300))
    alone = summary_of(detect(folder, "--json", "--warm-up-s", 300, capture="usual-2.pcap"))
    assert both["threshold"]["windows"] == 2 * alone["windows"]
    assert alone["windows"] == pytest.approx((CAPTURE_S - 300) / 10, abs=1)


def test_a_capture_that_is_shorter_says_that_nothing_was_judged(folder: Path) -> None:
    result = detect(folder, "--warm-up-s", 3600)
    assert result.exit_code == 0
    assert "nothing was judged" in result.stderr
    assert "within the warm-up of 3600 seconds; --warm-up-s S makes it shorter" in result.stderr
    assert "0 windows" in result.stdout


def test_a_calibration_that_is_shorter_is_named(folder: Path) -> None:
    result = detect(folder, "--calibrate", folder / "usual-2.pcap", "--warm-up-s", 3600)
    assert result.exit_code == 1
    assert "usual-2.pcap: nothing was learnt from it" in result.stderr
    assert "a threshold needs 30 windows, and there are 0" in result.stderr


def test_no_row_of_the_warm_up_is_kept(folder: Path, tmp_path: Path) -> None:
    kept = summary_of(detect(folder, "--json", "--store", tmp_path / "store", "--warm-up-s", 300))
    assert kept["store"]["offered"] == kept["source"]["rows"] - kept["warm_up"]["rows"]


def test_each_source_of_a_run_warms_up_anew() -> None:
    warming = Warming(60.0)
    for begin_s in (1000, 5000):
        warming.begin_source()
        times = array("q", [round((begin_s + second) * 1e9) for second in (0, 59, 60, 61)])
        packets = b"".join(times[i : i + 1].tobytes() + bytes(PACKET_BYTES - 8) for i in range(4))
        rest = warming.rest(Block(4, memoryview(packets), memoryview(array("f", range(8)))))
        assert (rest.n, bytes(rest.packets), rest.rows.tolist()) == (2, packets[2 * PACKET_BYTES :], [4, 5, 6, 7])
    assert not warming.is_all
    assert (warming.counts.starts, warming.counts.rows, warming.counts.seconds) == (2, 4, 120)


@pytest.mark.parametrize("seconds", ["-1", "86401", "nan"])
def test_a_warm_up_out_of_range_is_refused(folder: Path, seconds: str) -> None:
    result = detect(folder, "--warm-up-s", seconds)
    assert result.exit_code == 2
    assert "it is from 0 to 86400 seconds" in result.stderr
