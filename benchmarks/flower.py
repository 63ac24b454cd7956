"""The same work in Covey and in Flower's simulation, taking turns in one run, whole rounds on both sides.

Flower lives in a virtual environment of its own (`benchmarks/.venv`, made on first use from the extra `bench` of
pyproject.toml). Its first round, which starts the actors and waits for all nodes, is not counted.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import numpy as np

from pipeline import device_rounds_per_s
from table import report
from work import MLP, rows

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
ROUNDS = 4


def environment() -> Path:
    """The interpreter that has Flower, installed if need be."""
    python = VENV / "bin" / "python"
    extras = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    done = VENV / ".installed"
    if not done.exists() or done.read_text() != str(extras["bench"]):
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *extras["bench"]], check=True)
        done.write_text(str(extras["bench"]))
    return python


def flower_rounds(python: Path) -> list[float]:
    """Seconds of each of Flower's rounds but the first."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs, labels = rows(MLP)
        np.save(folder / "inputs.npy", inputs)
        np.save(folder / "labels.npy", labels)
        with (folder / "log.txt").open("w+") as log:
            command = [python, HERE / "flower_app.py", folder, str(ROUNDS)]
            done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
            if done.returncode != 0:
                log.seek(0)
                raise SystemExit(f"Flower failed:\n{log.read()[-4000:]}")
        return json.loads((folder / "rounds.json").read_text())["seconds"][1:]


def main() -> None:
    python = environment()
    before = device_rounds_per_s(MLP)
    flower = MLP.n_clients / statistics.median(flower_rounds(python))
    covey = statistics.median([before, device_rounds_per_s(MLP)])
    report(
        "flower",
        f"Whole rounds, MLP 115-32-16-10, {MLP.n_rows} rows, batch {MLP.batch}, {MLP.n_clients:,} devices all sampled",
        [
            {"framework": "Flower, numpy client", "device-rounds/s": flower, "ratio": 1.0},
            {"framework": "Covey", "device-rounds/s": covey, "ratio": covey / flower},
        ],
    )


if __name__ == "__main__":
    main()
