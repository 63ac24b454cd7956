"""A device detects with the core alone: no numpy, pydantic, click or rich, and little memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "watching"))
from sensor_traffic import scan_capture, small_file, usual_capture

BLOCKED = ("numpy", "pydantic", "click", "rich", "plotly", "jinja2")
#: Puts these packages out of reach; then runs the command, and says what it loaded and how much memory it took at most.
WITHOUT = f"""
import importlib.abc, json, sys
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(f"{{name}} is not on this device")
sys.meta_path.insert(0, Refuse())
"""
RUN = f"""{WITHOUT}
from covey.apps.detect.__main__ import main
status = main(sys.argv[1:])
loaded = sorted(set({BLOCKED!r}) & {{name.split(".")[0] for name in sys.modules}})
status_of = dict(line.split(":") for line in open("/proc/self/status"))
peak_kb = int(status_of["VmHWM"].split()[0])  # ru_maxrss would count the test that began this process
print(json.dumps({{"status": status, "loaded": loaded, "peak_kb": peak_kb}}), file=sys.stderr)
"""
LARGEST_KB = 40 * 1024


def run(folder: Path, *words: object) -> tuple[dict[str, object], dict[str, object]]:
    """The summary of a run, and what the process says of itself."""
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    command = [sys.executable, "-c", RUN, *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), json.loads(done.stderr.splitlines()[-1])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.covey"
    path.write_bytes(small_file(tmp_path).encode())
    return path


def test_a_capture_is_watched_to_an_alert_in_40_megabytes(tmp_path: Path, model: Path) -> None:
    alerts = tmp_path / "alerts.json"
    words = (model, scan_capture(tmp_path), "--calibrate", usual_capture(tmp_path, seed=2), "--alerts", alerts)
    summary, process = run(tmp_path, *words, "--store", tmp_path / "store")
    assert process["loaded"] == []
    assert summary["alerts"] >= 1
    assert [json.loads(line)["event_type"] for line in alerts.read_text().splitlines()].count("alert") >= 1
    assert process["peak_kb"] <= LARGEST_KB, "resident memory; 30,908 KB when this was written"


@pytest.mark.parametrize(
    "module",
    ["core", "wire", "sensing", "watching", "io", "io.interface", "io.sinks", "io.local_store", "apps.detect.runner"],
)
def test_rooms_of_a_device_are_imported_without_them(module: str) -> None:
    code = WITHOUT + f"\nimport covey.{module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_block_on_imports_blocks() -> None:
    code = WITHOUT + "\nimport covey.models"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "numpy is not on this device" in done.stderr
