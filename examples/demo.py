"""`make demo`: from captured packets to a report and alerts, on any machine, with what comes with the project.

Eleven roles of the lab (lab/README.md) learn together from their own captures, without sharing a packet; the int8 model
that comes out is judged on captures of another session, and then watches one of them as it would on a device.
"""

import json
import shlex
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from covey.apps.cli import main

ROOT = Path(__file__).resolve().parents[1]
LAB, OUT = ROOT / "lab", ROOT / "out" / "demo"
#: A part of the sessions, so that the demo is a matter of seconds; `covey simulate plans/lab.toml` takes them all.
TRAIN, TEST = ("train-1", "train-2", "train-3", "train-4"), "test-1"
SETTINGS = {
    "data.source.sessions": json.dumps([*TRAIN, TEST]),
    "judging.every": "30",
    "judging.local": "false",
    "judging.central": "false",
}


def run() -> int:
    """Train, judge and detect; returns the exit status."""
    begin = time.monotonic()
    shutil.rmtree(OUT, ignore_errors=True)
    changes = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    words = ["simulate", str(ROOT / "plans" / "lab.toml"), "--data", str(LAB), "--out", str(OUT), *changes]
    if status := covey(words):
        return status
    result = json.loads((OUT / "result.json").read_text(encoding="utf-8"))
    device = most_attacked(result)
    if status := covey(detection(result, device)):
        return status
    say(result, device, time.monotonic() - begin)
    return 0


def covey(words: list[str]) -> int:
    """Run a command of Covey's as a person would type it."""
    shown = shlex.join(word.removeprefix(f"{ROOT}/") for word in words)
    print(f"\n$ covey {shown}", flush=True)
    return int(main(words, standalone_mode=False) or 0)


def most_attacked(result: dict[str, Any]) -> str:
    """The role that met most attacks in the held-out session."""
    devices: dict[str, Any] = result["windows"]["devices"]
    return max(devices, key=lambda name: devices[name]["incidents"] or 0)


def detection(result: dict[str, Any], device: str) -> list[str]:
    """What a device runs: the model, its capture, the threshold from its own benign windows, and who is told."""
    threshold = result["windows"]["devices"][device]["int8"]["threshold"]
    capture = LAB / "captures" / TEST / f"{device}.pcap.gz"
    truth = ["--truth", str(LAB / "truth.csv"), "--session", TEST, "--role", device]
    alerts = ["--alerts", str(OUT / "alerts.jsonl")]
    return ["detect", str(OUT / "model.covey"), str(capture), "--threshold", f"{threshold}", *truth, *alerts]


def say(result: dict[str, Any], device: str, seconds: float) -> None:
    """What was found, in a few lines, and where to look."""
    windows = result["windows"]
    pooled, watched = windows["pooled"]["int8"], windows["devices"].values()
    hours = sum(one["benign_hours"] for one in watched)
    events = [json.loads(line) for line in (OUT / "alerts.jsonl").read_text(encoding="utf-8").splitlines()]
    kinds = Counter(event.get("event_type") for event in events)
    incidents = sum(one["incidents"] for one in watched)
    print(
        f"\nEleven roles learnt from {result['data']['train_rows']:,} rows of their own packets, and shared none."
        f"\nIn a session that nobody learnt from, the model of {result['model']['int8_bytes']:,} bytes noticed"
        f" {pooled['incidents_found']} of {incidents} attacks and\n{100 * pooled['tpr']:.1f} % of their windows;"
        f" {pooled['above_per_hour']:.2f} benign windows an hour lay above a threshold, in {hours:.1f} hours."
        f"\nWatching {device} it wrote {kinds['alert']} alerts.\n"
        f"\nreport: {OUT / 'report.html'}\nalerts: {OUT / 'alerts.jsonl'}\nin {seconds:.0f} seconds"
    )


if __name__ == "__main__":
    sys.exit(run())
