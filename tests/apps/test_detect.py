"""`covey detect` and `covey features` as they are called: truth, calibration, stores, signals, full disks."""

import csv
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "watching"))
from sensor_traffic import (
    BEGIN_S,
    NAMES,
    SCAN_FOR_S,
    pcap_head,
    pcap_record,
    scan,
    scan_capture,
    small_file,
    truth_table,
    usual,
    usual_capture,
    write_pcap,
)
from small_models import standard_encoding, trained

from covey.apps.cli import main
from covey.apps.detect.options import DETECT, MODES
from covey.apps.detect.request import Request
from covey.apps.detect.telling import Telling
from covey.core import FEATURE_NAMES, Loss
from covey.io.local_store import LocalStore
from covey.sensing import open_source, read_truth
from covey.sensing.store import StoreSchema
from covey.watching import Mode
from covey.wire import DetectionSettings, FeatureSchema, ModelFile, SourceKind

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("COVEY_DATA", ROOT / ".." / "shared" / "data"))
COMMAND = [sys.executable, "-m", "covey.apps.detect"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model without a threshold, captures and a truth; nothing here is written to by a test."""
    folder = tmp_path_factory.mktemp("detect")
    (folder / "model.covey").write_bytes(small_file().encode())
    (folder / "zero.covey").write_bytes(small_file(thresholds=(0.0,)).encode())
    usual_capture(folder, seed=2, minutes=60)
    scan_capture(folder)
    truth_table(folder)
    return folder


def covey(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def detect(folder: Path, *words: object, model: str = "model.covey", capture: str = "scan-3.pcap") -> Result:
    return covey("detect", folder / model, folder / capture, *words)


def summary_of(result: Result) -> dict:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def events_in(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def calibration(folder: Path) -> tuple[str, Path]:
    return "--calibrate", folder / "usual-2.pcap"


def test_a_capture_with_truth_is_watched_and_summed_up_for_people(folder: Path) -> None:
    words = ("--truth", folder / "truth.csv")
    result = detect(folder, *calibration(folder), *words)
    assert result.exit_code == 0, result.output
    assert "calibrated on 36" in result.stdout  # windows of an hour
    assert "ALERT 2026-01-01T00:10:" in result.stdout
    assert "unusual traffic 192.168.1.20:" in result.stdout
    assert f"attack windows: {SCAN_FOR_S // 10}, 100.0% above" in result.stdout
    assert "0 false alarms" in result.stdout
    assert f"  scan: {SCAN_FOR_S // 10} windows, 100.0% above" in result.stdout


def test_the_summary_for_programs_says_the_same(folder: Path) -> None:
    words = ("--truth", folder / "truth.csv", "--json")
    summary = summary_of(detect(folder, *calibration(folder), *words))
    truth = summary["truth"]
    assert (summary["format"], summary["mode"], summary["source"]["kind"]) == (1, "inference", "packets")
    assert summary["source"]["first"] == "2026-01-01T00:00:00.000000+0000"
    assert summary["threshold"]["calibrated"]
    assert (truth["attack_windows"], truth["tpr_above"], truth["false_alarms"]) == (SCAN_FOR_S // 10, 1.0, 0)
    assert summary["alerts"] == 1
    assert truth["flows"]["attack"] == SCAN_FOR_S * 20
    assert truth["flows"]["recall"] > 0.95
    assert summary["largest_memory_bytes"] > 0


def test_events_go_to_a_file_and_append(folder: Path, tmp_path: Path) -> None:
    alerts = tmp_path / "alerts.json"
    for _ in range(2):
        summary_of(detect(folder, *calibration(folder), "--alerts", alerts, "--json"))
    events = events_in(alerts)
    kinds = [event["event_type"] for event in events]
    assert kinds.count("alert") == 2
    assert kinds[-1] == "stats"
    (alert, _) = [event for event in events if event["event_type"] == "alert"]
    assert (alert["pcap_filename"], alert["dest_port"], alert["proto"]) == ("scan-3.pcap", 23, "TCP")
    assert 1 <= len(alert["covey"]["features"]) <= 5
    assert set(alert["covey"]["features"]) <= set(NAMES)
    ended = [event for event in events if event.get("anomaly", {}).get("event") == "alarm_ended"]
    assert ended[0]["covey"]["alert_id"] == alert["covey"]["alert_id"]


def test_alerts_on_standard_output_are_lines_of_json_alone(folder: Path) -> None:
    result = detect(folder, *calibration(folder), "--alerts", "-")
    assert {json.loads(line)["event_type"] for line in result.stdout.splitlines()} >= {"alert", "stats"}
    assert "windows" in result.stderr


def test_quiet_prints_nothing_and_an_alert_can_be_the_exit_status(folder: Path) -> None:
    words = (*calibration(folder), "--quiet", "--fail-on-alert")
    result = detect(folder, *words)
    assert (result.exit_code, result.output) == (3, "")
    assert detect(folder, *words, capture="usual-2.pcap").exit_code == 0


def test_a_models_own_threshold_and_a_given_one_hold_without_calibration(folder: Path) -> None:
    own = summary_of(detect(folder, "--json", model="zero.covey"))
    given = summary_of(detect(folder, "--json", "--threshold", "3", model="zero.covey"))
    assert own["threshold"] == {"value": 0.0, "calibrated": False, "windows": 0}
    assert given["threshold"]["value"] == 3
    assert own["windows_above"] >= given["windows_above"]


def test_settings_of_the_model_are_overridden_one_by_one(folder: Path) -> None:
    words = ("--window-s", 5, "--order", 1, "--votes", 4, "--quiet-s", 0, "--alarms-per-hour", 0.5, "--json")
    settings = summary_of(detect(folder, *words, model="zero.covey"))["settings"]
    assert settings == {
        "window_s": 5,
        "order": 1,
        "votes": 4,
        "of": 4,  # must not be less than the votes
        "hysteresis": 0.5,
        "quiet_s": 0,
        "alarms_per_hour": 0.5,
        "warm_up_s": 0,
    }


def test_without_a_threshold_it_says_that_it_learns_and_alerts_after(folder: Path) -> None:
    result = detect(folder, "--learn-windows", 40, "--alarms-per-hour", 5)
    assert "few for a budget" not in result.stderr
    assert "learning a threshold from 40 windows, no alerts before" in result.stdout
    assert "from 40 windows; alerts from here on" in result.stdout
    assert "ALERT" in result.stdout
    result = detect(folder)
    assert "still learning" in result.stdout
    assert "ALERT" not in result.stdout
    result = detect(folder, "--learn-windows", 40)
    assert "40 windows are few for a budget of one in 8,640" in result.stderr


def test_what_a_threshold_is_learnt_from_is_not_judged_in_windows_nor_conversations(folder: Path) -> None:
    words = ("--truth", folder / "truth.csv", "--learn-windows", 80, "--json")  # the scan is in windows 60 to 71
    truth = summary_of(detect(folder, *words))["truth"]
    assert truth["attack_windows"] == 0
    assert truth["benign_windows"] > 0
    assert truth["flows"]["attack"] == 0


def test_a_calibration_with_attacks_in_it_is_told(folder: Path) -> None:
    for capture, is_told in (("scan-3.pcap", True), ("usual-2.pcap", False)):
        result = detect(folder, "--calibrate", folder / capture, "--alarms-per-hour", 1)
        assert ("look like attacks to the model" in result.stderr) == is_told


def test_a_store_keeps_what_was_learnt_for_the_next_run_and_not_for_another_model(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = summary_of(detect(folder, *calibration(folder), "--store", store, "--json"))
    second = summary_of(detect(folder, "--store", store, "--json"))
    assert second["threshold"] == first["threshold"]
    assert second["alerts"] == first["alerts"] == 1
    assert second["store"]["kept"] > 0
    listed = covey("label", store).stdout.splitlines()
    assert "  unusual traffic 192.168.1.20:" in listed[0]
    assert listed[0].count("score") == 1
    given = summary_of(detect(folder, "--store", store, "--threshold", 1, "--json"))
    assert given["threshold"] == {"value": 1, "calibrated": False, "windows": 0}
    assert summary_of(detect(folder, "--store", store, "--json"))["threshold"] == first["threshold"]
    kept = (store / "watch.state").read_bytes()
    assert (store / "watch.state").stat().st_mode & 0o777 == 0o600
    trial = detect(folder, "--store", store, model="zero.covey")
    assert "of another model or other settings" in trial.stderr
    assert (store / "watch.state").read_bytes() == kept  # the trial learnt nothing, so it costs no calibration
    other = detect(folder, "--store", store, "--votes", 1)
    assert "of another model or other settings" in other.stderr
    assert (store / "watch.state.old").read_bytes() == kept  # this one began to learn
    assert (store / "watch.state").read_bytes() != kept
    assert summary_of(detect(folder, "--store", store, "--json"))["threshold"] == first["threshold"]  # and comes back
    (store / "watch.state").write_bytes(b"nonsense")
    broken = detect(folder, "--store", store)
    assert broken.exit_code == 1
    assert "error[A110]" in broken.stderr
    assert "watch.state" in broken.stderr
    assert (store / "watch.state").read_bytes() == b"nonsense"  # it may be looked into


def test_the_second_detection_on_a_store_reads_what_was_learnt_and_writes_nothing(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = summary_of(detect(folder, *calibration(folder), "--store", store, "--json"))
    kept = (store / "watch.state").read_bytes()
    schema = StoreSchema.of(ModelFile.decode((folder / "model.covey").read_bytes()))
    with closing(LocalStore.open(store, schema, now_ns=time.time_ns())):
        second = detect(folder, "--store", store, "--json")
    assert "warning: nothing is kept: another process writes" in second.stderr
    assert summary_of(second)["threshold"] == first["threshold"]
    assert (store / "watch.state").read_bytes() == kept


def test_a_capture_that_runs_backwards_spans_a_time_all_the_same(folder: Path, tmp_path: Path) -> None:
    packets = usual(30, 1)
    whole = summary_of(covey("detect", folder / "model.covey", write_pcap(tmp_path / "on.pcap", packets), "--json"))
    back = tmp_path / "back.pcap"
    back.write_bytes(pcap_head() + b"".join(pcap_record(BEGIN_S + at, data) for at, data in sorted(packets)[::-1]))
    turned = summary_of(covey("detect", folder / "model.covey", back, "--json"))["source"]
    assert (turned["first"], turned["last"]) == (whole["source"]["first"], whole["source"]["last"])
    assert turned["notes"]["backwards"] > 0


def test_adapt_mode_with_a_store_goes_on_learning(folder: Path, tmp_path: Path) -> None:
    words = ("--mode", "adapt", "--store", tmp_path / "store", "--json")
    first = summary_of(detect(folder, *words, capture="usual-2.pcap"))
    assert first["stage"] == "watching"
    assert first["threshold"]["windows"] == 360
    again = summary_of(detect(folder, *words))
    assert again["threshold"]["calibrated"]
    assert again["alerts"] == 1


@pytest.mark.parametrize(
    ("words", "status", "code", "cause"),
    [
        (["--json", "--alerts", "-"], 2, "S301", "standard output"),
        (["--session", "one"], 2, "S301", "--truth"),
        (["--mode", "federated"], 2, "S301", "--spool DIR"),
        (["--mode", "adapt", "--threshold", "1"], 2, "S301", "finds its own"),
        (["--threshold", "1", "--calibrate", "{usual}"], 2, "S301", "exclude each other"),
        (["--threshold", "1", "--alarms-per-hour", "1"], 2, "S301", "exclude each other"),
        (["--threshold", "nan"], 2, "S301", "--threshold is nan"),
        (["--streams", "0"], 2, "S301", "--streams is 0"),
        (["--store-mb", "9"], 2, "S301", "about --store DIR"),
        (["--store", "s", "--store-mb", "0.5"], 2, "S301", "500000 bytes"),
        (["--store", "s", "--store-mb", "nan"], 2, "S301", "--store-mb"),
        (["--store", "s", "--store-days", "0"], 2, "S301", "a minute"),
        (["--order", "17"], 2, "S301", "order is 17"),
        (["--votes", "5", "--of", "3"], 2, "S301", "votes is 5"),
        (["--alarms-per-hour", "0"], 2, "S301", "alarms_per_hour is 0"),
        (["--alarms-per-hour", "1e30"], 2, "S301", "at most 1,000,000"),
        (["--mode", "guess"], 2, "S301", "guess"),
        (["--alerts", "/nowhere/alerts.json"], 1, "A106", "/nowhere/alerts.json"),
        (["--truth", "/nowhere/truth.csv"], 1, "T101", "/nowhere/truth.csv"),
        (["--calibrate", "/nowhere/usual.pcap"], 1, "T101", "/nowhere/usual.pcap"),
        (["--device", "nobody"], 2, "T109", "nobody"),
        (["--device", "10.9.9.9"], 1, "T111", "10.9.9.9"),
        (["--store", "/dev/null/x", "--quiet"], 0, "warning", "no rows are kept"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_is_refused_with_code_and_cause(
    folder: Path, words: list[str], status: int, code: str, cause: str
) -> None:
    result = detect(folder, *(word.format(usual=folder / "usual-2.pcap") for word in words))
    assert result.exit_code == status, result.output
    assert code in result.stderr
    assert cause in result.stderr
    assert "Traceback" not in result.output


def test_a_store_is_as_large_and_remembers_as_long_as_it_is_told(folder: Path, tmp_path: Path) -> None:
    detect(folder, "--store", tmp_path, "--store-mb", "2.5", "--store-days", "7", "--quiet")
    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        limits = json.loads(database.execute("SELECT value FROM meta WHERE name = 'limits'").fetchone()[0])
    assert (limits["size_bytes"], limits["age_s"]) == (2_500_000, 7 * 86_400)


def test_sources_and_models_that_are_none_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.pcap").write_bytes(pcap_head())
    (tmp_path / "text.pcap").write_text("nothing of the kind\n")
    short = write_pcap(tmp_path / "short.pcap", usual(5, 1))
    rows = np.random.default_rng(1).standard_normal((50, 2)).astype(np.float32)
    table = trained(rows, np.arange(50, dtype=np.int32) % 2, ("a", "b"), schema=FeatureSchema(), steps=5)
    (tmp_path / "rows.covey").write_bytes(table.encode())
    model = folder / "model.covey"
    for words, code in (
        ((model, tmp_path / "none.pcap"), "T101"),
        ((model, "lo0"), "did you mean lo?"),
        ((model, "iface:"), "S301"),
        ((model, tmp_path / "empty.pcap"), "T103"),
        ((model, tmp_path / "text.pcap"), "T1"),
        ((model, "iface:nowhere0"), "A101"),
        ((tmp_path / "none.covey", short), "M103"),
        ((short, short), "M103"),
        ((tmp_path / "rows.covey", short), "A107"),
        ((model, folder / "scan-3.pcap", "--calibrate", short), "A109"),
        ((model, "lo", "--follow"), "S301"),
    ):
        result = covey("detect", *words)
        assert result.exit_code in (1, 2), words
        assert code in result.stderr, (words, result.stderr)
        assert "Traceback" not in result.output
        assert "above the threshold" not in result.stdout, words  # no summary of nothing


def test_a_truth_of_several_sessions_must_be_told_which(folder: Path, tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    text = (folder / "truth.csv").read_text()
    truth.write_text(text + text.splitlines()[1].replace("one,", "two,") + "\n")
    result = detect(folder, "--truth", truth)
    assert "error[A111]" in result.stderr
    assert "--session with one of: one, two" in result.stderr
    assert detect(folder, "--truth", truth, "--session", "one").exit_code == 0
    slip = detect(folder, "--truth", truth, "--session", "onne")
    assert "error[A111]" in slip.stderr
    assert "did you mean one?" in slip.stderr


def test_a_damaged_capture_is_summed_up_to_the_damage_and_is_an_error(folder: Path, tmp_path: Path) -> None:
    whole = (folder / "scan-3.pcap").read_bytes()
    damaged = tmp_path / "damaged.pcap"
    damaged.write_bytes(whole[: len(whole) // 2] + b"\xff" * 4000)
    result = covey("detect", folder / "zero.covey", damaged)
    assert result.exit_code == 1
    assert "windows" in result.stdout
    assert "ALERT" in result.stdout
    assert "error[T10" in result.stderr
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(whole[:-5])
    result = covey("detect", folder / "zero.covey", cut)
    assert result.exit_code == 0
    assert "note: the capture is cut off" in result.stdout


def test_a_summary_or_table_that_cannot_be_written_is_an_error(folder: Path) -> None:
    capture = folder / "scan-3.pcap"
    for words in (("detect", folder / "zero.covey", capture, "--json"), ("features", capture)):
        with Path("/dev/full").open("w") as full:
            command = [sys.executable, "-c", "from covey.apps.cli import main; main()", *map(str, words)]
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 1, done.stderr
        assert "error[O103]: standard output cannot be written" in done.stderr


def test_a_budget_without_effect_is_told(folder: Path) -> None:
    words = ("--alarms-per-hour", 0.1)
    assert "changes nothing" in detect(folder, *words, model="zero.covey").stderr
    assert "changes nothing" not in detect(folder, *words, *calibration(folder)).stderr


def test_a_full_disk_and_a_log_by_udp(folder: Path) -> None:
    result = detect(folder, "--alerts", "/dev/full", model="zero.covey")
    assert result.exit_code == 0
    assert result.stderr.count("No space left on device") == 1
    assert "events were lost" in result.stdout
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        detect(folder, "--alerts", f"syslog:127.0.0.1:{server.getsockname()[1]}", model="zero.covey")
        first = server.recv(65536)
    assert first.startswith((b"<26>1 ", b"<28>1 "))
    assert json.loads(first.split(b" eve - ", 1)[1])["event_type"] == "alert"


def test_a_name_that_is_no_text_is_told_all_the_same(folder: Path, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9\x1b[2J.pcap")
    odd.write_bytes((folder / "scan-3.pcap").read_bytes())
    alerts = tmp_path / "alerts.json"
    result = covey("detect", folder / "zero.covey", odd, "--alerts", alerts)
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output
    assert events_in(alerts)[0]["pcap_filename"] == odd.name


def begun(*words: object, **more: object) -> subprocess.Popen[str]:
    command = [*COMMAND, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def wait_for(condition, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_growing_capture_is_followed_until_a_signal_that_ends_in_order(
    folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    capture, alerts = tmp_path / "live.pcap", tmp_path / "alerts.json"
    capture.write_bytes(pcap_head())
    words = ("--follow", "--alerts", alerts, "--store", tmp_path / "store", "--stats-s", 0.2)
    process = begun(folder / "zero.covey", capture, *words)
    try:
        with capture.open("ab") as file:
            events = sorted(usual(7, 2) + scan(8, 30, 60), key=lambda event: event[0])
            for at, data in events:
                file.write(pcap_record(BEGIN_S + at, data))
        wait_for(lambda: alerts.exists() and '"alert"' in alerts.read_text())
        wait_for(lambda: f'"rows":{len(events)},"windows"' in alerts.read_text())
        assert process.poll() is None
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert f"{len(events):,} packets" in out
    assert (tmp_path / "store" / "watch.state").is_file()


def test_a_hangup_opens_the_alerts_anew_and_rotation_is_noticed(folder: Path, tmp_path: Path) -> None:
    capture, alerts = tmp_path / "live.pcap", tmp_path / "alerts.json"
    capture.write_bytes(pcap_head())
    process = begun(folder / "zero.covey", capture, "--follow", "--alerts", alerts, "--stats-s", 0.2)
    try:
        wait_for(lambda: alerts.exists() and "stats" in alerts.read_text())
        alerts.rename(tmp_path / "alerts.json.1")
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: alerts.exists() and "stats" in alerts.read_text())
        process.terminate()
        process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="reading packets needs CAP_NET_RAW")
def test_a_live_interface_gives_alerts_while_it_is_watched_and_on_a_silent_link(folder: Path, tmp_path: Path) -> None:
    alerts = tmp_path / "alerts.json"
    settings = ("--window-s", 0.2, "--order", 1, "--votes", 1, "--of", 1, "--threshold", "-1000.0", "--quiet-s", 0)
    process = begun(folder / "model.covey", "iface:lo", *settings, "--alerts", alerts, "--stats-s", 0.2)
    try:
        wait_for(lambda: alerts.exists() and '"stats"' in alerts.read_text())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"one packet, then silence", ("127.0.0.1", 9))
        wait_for(lambda: '"event_type":"alert"' in alerts.read_text())
        process.terminate()
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert "watching lo: threshold -1000" in out
    alert = next(event for event in events_in(alerts) if event["event_type"] == "alert")
    assert (alert["in_iface"], alert["covey"]["window_s"]) == ("lo", 0.2)


def test_standard_input_is_a_source(folder: Path) -> None:
    process = begun(folder / "zero.covey", "-", "--json", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.buffer.write((folder / "scan-3.pcap").read_bytes())
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert json.loads(out)["alerts"] == 1


def test_a_pipe_that_stalls_does_not_cut_a_window_of_an_old_capture_in_two(folder: Path) -> None:
    data = (folder / "scan-3.pcap").read_bytes()
    process = begun(folder / "zero.covey", "-", "--json", "--window-s", 60, stdin=subprocess.PIPE)
    assert process.stdin is not None
    for part in (data[: len(data) // 2], data[len(data) // 2 :]):
        process.stdin.buffer.write(part)
        process.stdin.buffer.flush()
        time.sleep(1.5)  # longer than a tick: an empty block says that there is nothing new
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert json.loads(out)["windows"] == 20


def test_it_runs_without_a_standard_input(folder: Path, tmp_path: Path) -> None:
    words = (folder / "zero.covey", folder / "scan-3.pcap", "--alerts", tmp_path / "alerts.json")
    command = ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_names_from_outside_cannot_forge_lines_nor_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    telling = Telling(Request(Path("model.covey"), "none"))
    name = "scan\nALERT forged\x1b[2J"  # a class of a model, say
    telling.say(f"traffic like {name}")
    telling.warn(name)
    out, err = capsys.readouterr()
    assert out.count("\n") == err.count("\n") == 1
    assert "\x1b" not in out + err


def test_the_command_without_click_refuses_as_clearly(folder: Path) -> None:
    for words, status, text in (
        (("/nowhere.pcap",), 1, "error[T101]"),
        ((folder / "scan-3.pcap", "--order", "99"), 2, "order is 99"),
        ((folder / "scan-3.pcap", "--mode", "guess"), 2, "guess"),
    ):
        command = [*COMMAND, folder / "model.covey", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, text in done.stderr) == (status, True), done.stderr


def test_both_command_lines_have_the_same_options_and_modes() -> None:
    assert set(MODES) == {mode.value for mode in Mode}
    command = main.commands["detect"]
    flags = {flag for parameter in command.params for flag in parameter.opts if flag.startswith("--")}
    assert flags - {"--debug"} == {option.flag for option in DETECT}


def test_real_traffic_of_a_trojan_with_its_own_truth(folder: Path) -> None:
    capture = DATA / "pcaps" / "iot23" / "CTU-IoT-Malware-Capture-42-1.pcap"
    if not capture.is_file():
        assert os.environ.get("CI") != "true", f"{capture} is missing"
        pytest.skip(f"{capture} is missing")
    truth = capture.with_name("42-1.conn.log.labeled.gz")
    for words in (("--mode", "adapt"), ("--threshold", 0)):
        summary = summary_of(covey("detect", folder / "model.covey", capture, "--truth", truth, *words, "--json"))
        assert summary["source"]["rows"] == 24_484
        assert summary["source"]["notes"]["cut off"] == 1
        assert summary["windows"] == 1640
    assert summary["truth"]["flows"]["attack"] == 6


def test_features_are_written_under_their_names_with_labels(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    capture, truth = folder / "scan-3.pcap", folder / "truth.csv"
    result = covey("features", capture, "--out", out, "--truth", truth)
    assert result.exit_code == 0, result.output
    head, *rows = [line.split(",") for line in out.read_text().splitlines()]
    assert tuple(head) == (*FEATURE_NAMES, "label", "attack")
    assert {(row[-2], row[-1]) for row in rows} == {("0", "benign"), ("1", "scan")}
    some = covey("features", capture, "--columns", "MI_dir_L1_*,HpHp_L0.01_pcc")
    names, *lines = some.stdout.splitlines()
    assert names == "MI_dir_L1_weight,MI_dir_L1_mean,MI_dir_L1_variance,HpHp_L0.01_pcc"
    places = [head.index(name) for name in names.split(",")]
    assert lines == [",".join(row[place] for place in places) for row in rows]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--columns", "MI_dri_L1_weight"], "S301"),
        (["--window-s", "60", "--window-rows", "5"], "S301"),
        (["--window-s", "60"], "T110"),
        (["--streams", "0"], "S301"),
        (["--out", "/dev/full"], "O103"),
        (["--out", "/nowhere/x.csv"], "O101"),
    ],
)
def test_features_that_cannot_be_written_are_refused(folder: Path, words: list[str], code: str) -> None:
    result = covey("features", folder / "scan-3.pcap", *words)
    assert result.exit_code in (1, 2)
    assert f"error[{code}]" in result.stderr
    assert "Traceback" not in result.output


def table_of(source: Path, schema: FeatureSchema) -> tuple[np.ndarray, tuple[str, ...]]:
    opened = open_source(source, schema)
    rows = [np.frombuffer(block.rows, np.float32).reshape(block.n, -1).copy() for block in opened.blocks() if block.n]
    return np.concatenate(rows), opened.feature_names


def test_readings_of_a_sensor_are_watched_a_row_a_window(tmp_path: Path) -> None:
    schema = FeatureSchema(SourceKind.READINGS, window_s=10.0)
    rng = np.random.default_rng(11)

    def write(name: str, minutes: int, fault_at_s: int | None) -> Path:
        lines = ["time,temperature"]
        for second in range(minutes * 60):
            value = 20 + np.sin(second / 600) + rng.normal(0, 0.1)
            if fault_at_s is not None and fault_at_s <= second < fault_at_s + 120:
                value += rng.choice([-8, 8])
            lines.append(f"{BEGIN_S + second},{value:.3f}")
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n")
        return path

    usual, faulty = write("usual.csv", 120, None), write("faulty.csv", 60, 1800)
    rows, names = table_of(usual, schema)
    encoding = standard_encoding(rows)
    detection = DetectionSettings(window_s=0, order=1, votes=2, of=3, alarms_per_hour=1.0)
    labels = np.zeros(len(rows), np.int32)
    file = trained(rows, labels, names, encoding=encoding, schema=schema, detection=detection, loss=Loss.MSE, steps=800)
    (tmp_path / "sensor.covey").write_bytes(file.encode())
    store = tmp_path / "store"
    words = (tmp_path / "sensor.covey", faulty, "--calibrate", usual, "--store", store, "--json")
    alerts = tmp_path / "alerts.json"
    summary = summary_of(covey("detect", *words, "--alerts", alerts))
    assert summary["source"]["kind"] == "readings"
    assert summary["threshold"]["windows"] == 720
    (alert,) = [event for event in events_in(alerts) if event["event_type"] == "alert"]
    assert alert["timestamp"].startswith("2026-01-01T00:30:")
    (ended,) = [event for event in events_in(alerts) if event.get("anomaly", {}).get("event") == "alarm_ended"]
    assert ended["covey"]["alert_id"] == alert["covey"]["alert_id"]
    assert ended["covey"]["duration_s"] < 180  # the fault lasts 120 s
    assert "src_ip" not in alert
    assert any(name.startswith("temperature_") for name in alert["covey"]["features"])
    again = summary_of(covey("detect", *words[:2], "--store", store, "--json"))
    assert (again["threshold"], again["alerts"]) == (summary["threshold"], 1)


def test_connections_of_a_labelled_log_are_judged_one_by_one(tmp_path: Path) -> None:
    log = DATA / "pcaps" / "iot23" / "42-1.conn.log.labeled.gz"
    if not log.is_file():
        assert os.environ.get("CI") != "true", f"{log} is missing"
        pytest.skip(f"{log} is missing")
    schema = FeatureSchema(SourceKind.CONNECTIONS)
    truth = read_truth(log)
    opened = open_source(log, schema)
    parts = [
        (
            np.frombuffer(block.rows, np.float32).reshape(block.n, -1).copy(),
            np.frombuffer(truth.labels(block), np.uint8),
        )
        for block in opened.blocks()
    ]
    rows, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    file = trained(rows, (labels > 0).astype(np.int32), opened.feature_names, schema=schema, steps=800)
    (tmp_path / "log.covey").write_bytes(file.encode())
    words = ("--truth", log, "--threshold", 0, "--json")
    summary = summary_of(covey("detect", tmp_path / "log.covey", log, *words))
    flows = summary["truth"]["flows"]
    assert summary["source"]["kind"] == "connections"
    assert flows["attack"] == int((labels > 0).sum())
    assert flows["attack"] + flows["benign"] == len(labels) == summary["source"]["rows"]


def test_columns_of_any_name_are_fields_of_csv(tmp_path: Path) -> None:
    readings = tmp_path / "readings.csv"
    readings.write_text('time,"inside, C","so called ""level"""\n' + "".join(f"{at},{at % 7},1\n" for at in range(40)))
    rows = list(csv.reader(covey("features", readings).stdout.splitlines()))
    assert {len(row) for row in rows} == {14}
    assert rows[0][0] == "inside, C_mean"
    assert rows[0][7] == 'so called "level"_mean'


def test_features_of_readings_come_in_the_windows_asked_for_and_standard_input_is_a_source(
    folder: Path, tmp_path: Path
) -> None:
    readings = tmp_path / "readings.csv"
    readings.write_text("time,level\n" + "".join(f"{BEGIN_S + second},{second % 7}\n" for second in range(600)))
    for words, rows in (((), 60), (("--window-s", 60), 10), (("--window-rows", 20), 30)):
        lines = covey("features", readings, *words).stdout.splitlines()
        assert lines[0].startswith("level_")
        assert len(lines) == 1 + rows
    code = "from covey.apps.cli import main; main()"
    command = [sys.executable, "-c", code, "features"]
    capture = folder / "scan-3.pcap"
    wanted = subprocess.run([*command, capture, "--columns", "HH_*"], capture_output=True, check=True).stdout
    piped = subprocess.run(
        [*command, "-", "--columns", "HH_*"], input=capture.read_bytes(), capture_output=True, check=True
    ).stdout
    assert piped == wanted
