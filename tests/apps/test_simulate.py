"""`covey simulate`, the real command on a tiny fleet: results, bad data, Ctrl-C and resumption."""

import gzip
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fleet_folder import PLAN, write_fleet, write_plan

from covey.apps.cli import main
from covey.apps.report import Result as ResultTree
from covey.errors import Code

SCORE = ("accuracy", "macro_f1", "tpr_at_fpr_1pct", "tpr_at_fpr_0p1pct")
RUN_FILES = {"report.html", "result.json", "model.covey", "plan.toml"}


def simulate(*words: object) -> Result:
    return CliRunner().invoke(main, ["simulate", *map(str, words)])


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    return write_fleet(tmp_path / "fleet")


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return write_plan(tmp_path)


def result_of(folder: Path) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return tree


def same_run(one: dict[str, Any], other: dict[str, Any]) -> None:
    """All but the clock's figures agree, to the bit."""
    for tree in (one, other):
        del tree["speed"]
        for entry in tree["rounds"]:
            del entry["device_rounds_per_s"]
    assert one == other


def test_a_run_leaves_report_result_model_and_journal(tmp_path: Path, fleet: Path, plan: Path) -> None:
    out = tmp_path / "out"
    done = simulate(plan, "--data", fleet, "--out", out)
    assert done.exit_code == 0, done.output
    assert {path.name for path in out.iterdir()} >= RUN_FILES
    assert not [path for path in out.iterdir() if path.name.startswith(".") or path.name.endswith(".tmp")]
    assert "device-0" in done.stdout
    assert str(out / "report.html") in done.stdout
    shown = [line.split()[0] for line in done.stdout.splitlines() if " accepted" in line]
    assert shown == ["sketches", "1/3", "2/3", "3/3"]


def test_the_result_is_as_documented(tmp_path: Path, fleet: Path, plan: Path) -> None:
    out = tmp_path / "out"
    assert simulate(plan, "--data", fleet, "--out", out).exit_code == 0
    tree = result_of(out)
    ResultTree.model_validate(tree)
    assert (tree["format"], tree["version"], tree["outcome"], tree["seeds"]) == ("covey.result", 1, "complete", [7])
    assert set(tree["devices"]) == {"device-0", "device-1", "device-2"}
    for scores in [*tree["devices"].values(), tree["pooled"]]:
        for which in ("federated", "local", "central"):
            assert all(0.0 <= scores[which][key] <= 1.0 for key in SCORE)
    assert tree["pooled"]["federated"]["accuracy"] > 0.9
    assert tree["model"]["parameters"] > 0
    assert 0 < tree["model"]["int8_bytes"] < tree["model"]["float32_bytes"] + 200
    assert tree["traffic"]["up_bytes_per_update"] > tree["model"]["parameters"]
    assert tree["traffic"]["down_bytes_per_update"] > 0
    assert tree["speed"]["device_rounds_per_s"] > 0
    assert [entry["round"] for entry in tree["rounds"]] == [1, 2, 3]
    assert sum(sum(entry["up_bytes"] for entry in tree["rounds"]) for _ in [0]) <= tree["traffic"]["up_bytes"]
    assert tree["data"]["source"] == "data set"


def test_json_prints_the_result_and_nothing_else(tmp_path: Path, fleet: Path, plan: Path) -> None:
    out = tmp_path / "out"
    done = simulate(plan, "--data", fleet, "--out", out, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == result_of(out)


def test_the_same_plan_and_seed_give_the_same_result(tmp_path: Path, fleet: Path, plan: Path) -> None:
    for name in ("one", "two"):
        assert simulate(plan, "--data", fleet, "--out", tmp_path / name).exit_code == 0
    same_run(result_of(tmp_path / "one"), result_of(tmp_path / "two"))
    assert (tmp_path / "one" / "model.covey").read_bytes() == (tmp_path / "two" / "model.covey").read_bytes()


def test_another_seed_gives_another_model(tmp_path: Path, fleet: Path, plan: Path) -> None:
    assert simulate(plan, "--data", fleet, "--out", tmp_path / "one").exit_code == 0
    assert simulate(plan, "--data", fleet, "--out", tmp_path / "two", "--set", "seed=8").exit_code == 0
    assert (tmp_path / "one" / "model.covey").read_bytes() != (tmp_path / "two" / "model.covey").read_bytes()


def test_several_seeds_come_with_their_spread(tmp_path: Path, fleet: Path, plan: Path) -> None:
    out = tmp_path / "out"
    done = simulate(plan, "--data", fleet, "--out", out, "--seeds", "3")
    assert done.exit_code == 0, done.output
    tree = result_of(out)
    assert tree["seeds"] == [7, 8, 9]
    assert [entry["seed"] for entry in tree["by_seed"]] == [7, 8, 9]
    accuracies = [entry["federated"]["accuracy"] for entry in tree["by_seed"]]
    assert tree["confidence"]["pooled.federated.accuracy"]["mean"] == pytest.approx(sum(accuracies) / 3)
    assert {path.name for path in out.iterdir()} >= RUN_FILES | {"seed-7", "seed-8", "seed-9"}


def test_an_out_folder_with_a_run_is_never_overwritten(tmp_path: Path, fleet: Path, plan: Path) -> None:
    out = tmp_path / "out"
    assert simulate(plan, "--data", fleet, "--out", out).exit_code == 0
    before = (out / "result.json").read_bytes()
    again = simulate(plan, "--data", fleet, "--out", out)
    assert again.exit_code == 1
    assert f"error[{Code.OUTPUT_EXISTS}]" in again.stderr
    assert f"covey simulate --resume {out}" in again.stderr
    assert (out / "result.json").read_bytes() == before


@pytest.mark.parametrize("option", ["--out", "--resume"])
def test_a_folder_whose_name_is_too_long_is_told(tmp_path: Path, fleet: Path, plan: Path, option: str) -> None:
    done = simulate(plan, "--data", fleet, option, tmp_path / ("long" * 100))
    assert done.exit_code == 1
    assert f"error[{Code.OUTPUT_NOT_WRITABLE}]: " in done.stderr


def test_plain_fedavg_is_shown_beside_when_the_plan_asks(tmp_path: Path, fleet: Path, plan: Path) -> None:
    out = tmp_path / "out"
    done = simulate(plan, "--data", fleet, "--out", out, "--set", "judging.plain_fedavg=true")
    assert done.exit_code == 0, done.output
    tree = result_of(out)
    assert [entry["round"] for entry in tree["plain_fedavg_rounds"]] == [1, 2, 3]
    assert set(SCORE) <= set(tree["pooled"]["plain_fedavg"])


def test_new_devices_are_judged_by_fleets_they_took_no_part_in(tmp_path: Path, fleet: Path, plan: Path) -> None:
    out = tmp_path / "out"
    done = simulate(plan, "--data", fleet, "--out", out, "--set", "data.partition.kind=leave_one_out")
    assert done.exit_code == 0, done.output
    tree = result_of(out)
    assert set(tree["hold_out"]) == {"device-0", "device-1", "device-2"}
    accuracies = [score["accuracy"] for score in tree["hold_out"].values()]
    assert tree["hold_out_mean"]["accuracy"] == pytest.approx(sum(accuracies) / 3)


def edit(folder: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Change the lines of the second device."""
    file = folder / "device-1.csv.gz"
    lines = gzip.decompress(file.read_bytes()).decode().splitlines()
    file.write_bytes(gzip.compress(("\n".join(change(lines)) + "\n").encode()))


def cell(line: int, column: int, value: str) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        cells = lines[line].split(",")
        cells[column] = value
        return [*lines[:line], ",".join(cells), *lines[line + 1 :]]

    return change


@pytest.mark.parametrize(
    ("change", "code", "cause"),
    [
        (cell(0, 4, "lable"), Code.DATA_MISSING_COLUMN, "label"),
        (cell(0, 1, "pace"), Code.DATA_MIXED_COLUMNS, "rate"),
        (cell(0, 1, "size"), Code.DATA_DUPLICATE_COLUMN, "size"),
        (cell(5, 2, "nan"), Code.DATA_NONFINITE, "device-1"),
        (cell(5, 2, "inf"), Code.DATA_NONFINITE, "device-1"),
        (cell(5, 2, "fast"), Code.DATA_WRONG_TYPE, "fast"),
        (cell(5, 4, "2"), Code.DATA_BAD_LABEL, "2"),
        (cell(5, 6, "both"), Code.DATA_BAD_SPLIT, "both"),
        (lambda lines: lines[:1], Code.DATA_EMPTY_DEVICE, "device-1"),
    ],
)
def test_bad_rows_are_named_and_nothing_is_written(
    tmp_path: Path, fleet: Path, plan: Path, change: Callable[[list[str]], list[str]], code: Code, cause: str
) -> None:
    edit(fleet, change)
    out = tmp_path / "out"
    done = simulate(plan, "--data", fleet, "--out", out)
    assert done.exit_code == 1, done.output
    assert f"error[{code}]: " in done.stderr
    assert cause in done.stderr
    assert "  hint: " in done.stderr
    assert "Traceback" not in done.output
    assert not out.exists()


def test_one_class_only_is_refused_and_nothing_is_written(tmp_path: Path, plan: Path) -> None:
    fleet = tmp_path / "benign"
    write_fleet(fleet)
    for file in fleet.iterdir():
        lines = gzip.decompress(file.read_bytes()).decode().splitlines()
        file.write_bytes(gzip.compress("\n".join([line for line in lines if ",1," not in line]).encode() + b"\n"))
    done = simulate(plan, "--data", fleet, "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert f"error[{Code.DATA_ONE_CLASS}]: " in done.stderr
    assert "anomaly" in done.stderr
    assert not (tmp_path / "out" / "result.json").exists()


def test_a_model_too_large_for_its_devices_is_refused(tmp_path: Path, fleet: Path, plan: Path) -> None:
    out = tmp_path / "out"
    words = ("--set", "model.hidden=[1024,512]", "--set", "fleet.device_class=mcu-small")
    done = simulate(plan, "--data", fleet, "--out", out, *words)
    assert done.exit_code == 1, done.output
    assert f"error[{Code.MODEL_TOO_LARGE}]: " in done.stderr
    assert "mcu-small" in done.stderr
    assert not (out / "result.json").exists()


def interrupted(plan: Path, fleet: Path, out: Path, *words: str, times: int = 1) -> tuple[int, str]:
    """Start a long run, press Ctrl-C once its first rounds are over, and wait for the end."""
    command = [sys.executable, "-c", "from covey.apps.cli import main; main()", "simulate", str(plan)]
    command += ["--data", str(fleet), "--out", str(out), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        for line in process.stdout:
            if line.strip().startswith("3/"):
                break
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        process.stdout.read()
        errors = process.stderr.read()
        return process.wait(timeout=60), errors


def test_ctrl_c_ends_the_round_and_resuming_gives_the_same_bits(tmp_path: Path, fleet: Path) -> None:
    plan = write_plan(tmp_path, PLAN.replace("count = 3", "count = 400"))
    status, errors = interrupted(plan, fleet, tmp_path / "stopped")
    assert status == 130, errors
    assert "Traceback" not in errors
    assert f"covey simulate --resume {tmp_path / 'stopped'}" in errors
    assert not (tmp_path / "stopped" / "result.json").exists()
    resumed = simulate("--resume", tmp_path / "stopped", "--data", fleet)
    assert resumed.exit_code == 0, resumed.output
    assert "       1/400" not in resumed.stdout
    whole = simulate(plan, "--data", fleet, "--out", tmp_path / "whole")
    assert whole.exit_code == 0, whole.output
    same_run(result_of(tmp_path / "stopped"), result_of(tmp_path / "whole"))
    assert (tmp_path / "stopped" / "model.covey").read_bytes() == (tmp_path / "whole" / "model.covey").read_bytes()


def test_a_second_ctrl_c_ends_at_once_and_can_be_resumed_too(tmp_path: Path, fleet: Path) -> None:
    plan = write_plan(tmp_path, PLAN.replace("count = 3", "count = 400"))
    status, errors = interrupted(plan, fleet, tmp_path / "stopped", times=2)
    assert status == 130, errors
    assert "Traceback" not in errors
    assert simulate("--resume", tmp_path / "stopped", "--data", fleet).exit_code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--set", "seed=9"], Code.JOURNAL_OTHER_PLAN), (["--data", "other"], Code.JOURNAL_OTHER_DATA)],
)
def test_a_run_is_resumed_only_with_its_plan_and_data(
    tmp_path: Path, fleet: Path, plan: Path, words: list[str], code: Code
) -> None:
    out = tmp_path / "out"
    assert simulate(plan, "--data", fleet, "--out", out).exit_code == 0
    write_fleet(tmp_path / "other", n_rows=90)
    arguments = [str(tmp_path / word) if word == "other" else word for word in words]
    done = simulate("--resume", out, "--data", fleet, *arguments)
    assert done.exit_code == 1, done.output
    assert f"error[{code}]: " in done.stderr
    assert "  hint: " in done.stderr


def test_a_damaged_journal_is_refused(tmp_path: Path, fleet: Path, plan: Path) -> None:
    out = tmp_path / "out"
    assert simulate(plan, "--data", fleet, "--out", out).exit_code == 0
    content = bytearray((out / "journal").read_bytes())
    content[60] ^= 1
    (out / "journal").write_bytes(content)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    done = simulate("--resume", out, "--data", fleet)
    assert done.exit_code == 1, done.output
    assert f"error[{Code.JOURNAL_CORRUPT}]: " in done.stderr
    assert "  hint: " in done.stderr
    assert "Traceback" not in done.output
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_training_that_diverges_ends_with_a_hint(tmp_path: Path, fleet: Path, plan: Path) -> None:
    words = ("--set", "training.learning_rate=100.0", "--set", "rounds.count=30")
    done = simulate(plan, "--data", fleet, "--out", tmp_path / "out", *words)
    assert done.exit_code in {0, 1}
    assert "Traceback" not in done.output
    if done.exit_code == 1:
        assert f"error[{Code.SIMULATION_DIVERGED}]: " in done.stderr
        assert "training.learning_rate" in done.stderr


def test_rounds_that_all_change_nothing_are_an_error(tmp_path: Path, fleet: Path, plan: Path) -> None:
    out = tmp_path / "out"
    done = simulate(plan, "--data", fleet, "--out", out, "--set", "server.learning_rate=1e9")
    assert done.exit_code == 1
    assert "rejected by gate: 3 accepted" in done.stdout
    assert f"error[{Code.SIMULATION_DIVERGED}]: no round changed the model: 3 rejected by gate" in done.stderr
    assert "server.learning_rate" in done.stderr
    assert not (out / "result.json").exists()


def test_rounds_that_changed_nothing_are_counted_at_the_end(tmp_path: Path, fleet: Path, plan: Path) -> None:
    words = ("seed=2", "faults.dropout=0.3", "rounds.quorum=0.6", "rounds.count=20")
    options = [option for word in words for option in ("--set", word)]
    done = simulate(plan, "--data", fleet, "--out", tmp_path / "out", *options)
    assert done.exit_code == 0, done.output
    idle = sum(entry["outcome"] != "published" for entry in result_of(tmp_path / "out")["rounds"])
    assert 0 < idle < 20
    assert f"warning: {idle} of 20 rounds left the model as it was: {idle} too few updates" in done.stderr


def test_a_run_that_fails_before_its_first_round_can_be_corrected(tmp_path: Path, fleet: Path, plan: Path) -> None:
    out = tmp_path / "out"
    done = simulate(plan, "--data", fleet, "--out", out, "--set", "faults.dropout=0.999")
    assert f"error[{Code.SIMULATION_QUORUM}]: " in done.stderr
    assert not out.exists()
    assert simulate(plan, "--data", fleet, "--out", out).exit_code == 0


def test_a_finished_run_can_be_resumed_to_write_its_report_again(tmp_path: Path, fleet: Path, plan: Path) -> None:
    out = tmp_path / "out"
    assert simulate(plan, "--data", fleet, "--out", out).exit_code == 0
    before = result_of(out)
    (out / "report.html").unlink()
    assert simulate("--resume", out, "--data", fleet).exit_code == 0
    assert (out / "report.html").exists()
    same_run(result_of(out), before)
