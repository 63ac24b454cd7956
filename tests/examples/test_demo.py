"""`make demo`, in small: the same steps on fewer sessions and rounds."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo", ROOT / "examples" / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "OUT", tmp_path / "demo")
    smaller = {"data.source.sessions": '["train-1", "train-2", "test-1"]', "rounds.count": "3"}
    monkeypatch.setattr(module, "SETTINGS", module.SETTINGS | smaller)
    return module


def test_the_demo_goes_from_packets_to_a_report_and_alerts(
    demo: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.run() == 0
    out = tmp_path / "demo"
    result = json.loads((out / "result.json").read_text())
    assert result["data"]["source"] == "captures"
    assert len(result["windows"]["devices"]) == 11
    assert "On held-out captures" in (out / "report.html").read_text()
    events = [json.loads(line) for line in (out / "alerts.jsonl").read_text().splitlines()]
    assert events
    assert all("event_type" in event for event in events)
    last = capsys.readouterr().out.splitlines()[-4:]
    assert last[1] == f"report: {out / 'report.html'}"
    assert last[2] == f"alerts: {out / 'alerts.jsonl'}"
    assert last[3].startswith("in ")


def test_a_step_that_fails_ends_the_demo(demo: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "LAB", ROOT / "nowhere")
    assert demo.run() != 0
