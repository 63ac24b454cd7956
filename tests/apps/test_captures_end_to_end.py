"""From captures to a model, and from the model to the same windows on a device: what is simulated is what runs."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.simulation.capture_folder import write_folder

from covey.apps.cli import main
from covey.apps.report import Result as ResultTree
from covey.models import ModelVersion
from covey.wire import DetectionSettings, SourceKind

PLAN = """\
name = "small-lab"

[data]
path = "lab"
task = "binary"

[data.source]
kind = "captures"
most_benign = 300
most_attack = 100

[data.features]
include = ["MI_dir_*", "HH_L*"]

[model]
kind = "spline_mlp"
hidden = [4]
knots = 4

[training]
kind = "fedavg"
steps = 30
batch = 32
learning_rate = 0.2

[[pipeline]]
kind = "int8"

[rounds]
count = 3

[detection]
window_s = 10.0
order = 2
votes = 1
of = 2
warm_up_s = 65.0
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_folder(folder / "lab")
    (folder / "plan.toml").write_text(PLAN)
    words = ["simulate", folder / "plan.toml", "--data", folder, "--out", folder / "out"]
    done = CliRunner().invoke(main, list(map(str, words)))
    assert done.exit_code == 0, done.output
    assert "held-out captures" in done.stdout
    return folder


def result_of(run: Path) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((run / "out" / "result.json").read_text())
    return tree


def test_the_result_has_windows_and_says_captures(run: Path) -> None:
    tree = result_of(run)
    assert tree["data"]["source"] == "captures"
    windows = ResultTree.model_validate(tree).windows
    assert windows is not None
    assert set(windows.devices) == {"lamp", "lock"}
    assert windows.pooled["int8"].tpr is not None
    assert {"int8", "federated", "local", "central"} <= set(windows.pooled)


def test_the_model_knows_its_source_its_windows_and_the_fleets_threshold(run: Path) -> None:
    tree = result_of(run)
    version = ModelVersion.decode((run / "out" / "model.covey").read_bytes())
    assert version.schema.kind is SourceKind.PACKETS
    assert version.detection == DetectionSettings(window_s=10.0, order=2, votes=1, of=2, warm_up_s=65.0)
    assert version.thresholds == (tree["windows"]["fleet_threshold"],)
    assert version.digest.hex() == tree["model"]["digest"]


@pytest.mark.parametrize("device", ["lamp", "lock"])
def test_a_device_counts_the_same_windows_as_the_simulation(run: Path, device: str) -> None:
    tree = result_of(run)["windows"]["devices"][device]
    words = ["detect", run / "out" / "model.covey", run / "lab" / "captures" / "test-1" / f"{device}.pcap.gz"]
    truth = ["--truth", run / "lab" / "truth.csv", "--session", "test-1", "--role", device]
    done = CliRunner().invoke(
        main, list(map(str, [*words, *truth, "--threshold", tree["int8"]["threshold"], "--json"]))
    )
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    judged = summary["truth"]
    assert summary["warm_up"]["seconds"] == 65
    assert judged["benign_hours"] == tree["benign_hours"]
    assert judged["attack_windows"] == tree["attack_windows"]
    assert judged["tpr_above"] == tree["int8"]["tpr"]
    assert judged["tpr_alarm"] == tree["int8"]["tpr_alarm"]
    assert judged["false_alarms_per_hour"] == pytest.approx(tree["int8"]["false_alarms_per_hour"])


def test_the_report_shows_the_captures(run: Path) -> None:
    page = (run / "out" / "report.html").read_text()
    for words in ("On held-out captures", "Attack windows found, by kind", "lamp, session test-1", "attacks_found"):
        assert words in page


def test_a_run_on_captures_goes_on_to_the_same_bits(run: Path, tmp_path: Path) -> None:
    words = ["simulate", run / "plan.toml", "--data", run, "--out", tmp_path / "again"]
    assert CliRunner().invoke(main, list(map(str, words))).exit_code == 0
    again = json.loads((tmp_path / "again" / "result.json").read_text())
    assert again["windows"] == result_of(run)["windows"]
    assert again["model"]["digest"] == result_of(run)["model"]["digest"]


def test_what_is_shipped_beside_the_command_needs_no_data_folder(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run)
    monkeypatch.setenv("COVEY_DATA", str(tmp_path / "elsewhere"))
    words = ["simulate", "plan.toml", "--out", tmp_path / "out", "--set", "rounds.count=1"]
    done = CliRunner().invoke(main, list(map(str, words)))
    assert done.exit_code == 0, done.output
