"""Runs the benchmarks: `run.py [PART...]`, each in a process of its own, all of them by default; `run.py floor` for CI.

Every part prints a table with medians and ratios and writes `benchmarks/out/<part>.json`. Ratios are between things
measured in the same run; figures in absolute terms say as much about the machine as about the code.
"""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PARTS = {
    "core": "training alone, by kernel and number of threads",
    "pipeline": "whole rounds of the simulation, and what they cost beyond training",
    "population": "a million devices, a thousand sampled a round",
    "watch": "packets to alarms on one core, stage by stage",
    "flower": "the same work in Flower's simulation",
    "convergence": "rounds and bytes until the detector is good, beside plain FedAvg on the real rows",
}
FLOOR = "floor"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = [*PARTS, FLOOR]
    text = "; ".join(f"{name}: {text}" for name, text in PARTS.items())
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{text}; {FLOOR}: fails where a kernel lost its speed"
    )
    parts = parser.parse_args().parts or list(PARTS)
    for part in parts:
        if part not in known:
            parser.error(f"no part is called {part!r}; there are: {', '.join(known)}")
    failed = [part for part in parts if subprocess.run([sys.executable, HERE / f"{part}.py"], check=False).returncode]
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
