"""`make demo`: trains the fleet of plans/nbaiot-skew.toml and writes out/demo/report.html.

With the N-BaIoT folder (COVEY_DATA, default ../shared/data) it trains on the real rows; without it on the small
synthetic sample of examples/sample.py, and says so before and after.
"""

import os
import shutil
import sys
from pathlib import Path

from sample import NOTICE, write_sample

from covey.apps.cli import main

ROOT = Path(__file__).resolve().parents[1]


def run() -> int:
    """Choose the data, run the plan, and say what the figures stand for."""
    data = Path(os.environ.get("COVEY_DATA", ROOT / ".." / "shared" / "data")) / "nbaiot"
    is_sample = not data.is_dir()
    if is_sample:
        data = ROOT / "out" / "sample"
        print("N-BaIoT is not at hand (COVEY_DATA names the folder that holds nbaiot/); the demo makes a sample.\n")
        write_sample(data)
    out = ROOT / "out" / "demo"
    shutil.rmtree(out, ignore_errors=True)
    status = main(
        ["simulate", str(ROOT / "plans" / "nbaiot-skew.toml"), "--data", str(data), "--out", str(out)],
        standalone_mode=False,
    )
    if is_sample and not status:
        print(f"\n{NOTICE}Its figures show that the parts work; they say nothing about real traffic.")
    return int(status or 0)


if __name__ == "__main__":
    sys.exit(run())
