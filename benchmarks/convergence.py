"""Rounds and bytes until a detector is good: the Plan nbaiot-attacks beside plain FedAvg in many settings.

Plain: local gradient descent with momentum, the mean of the updates, float32, nothing else. Its settings are a grid
over learning rate and local work, for the same spline network and for a dense network of its size. Test rows are looked
at after each round; a device's bytes are all that it has sent until then, sketch included.
"""

import os
from pathlib import Path

from covey.plan import load
from covey.simulation import Simulation
from covey.telemetry import CsvFolder
from table import Row, report

ROOT = Path(__file__).resolve().parents[1]
PLAN = ROOT / "plans" / "nbaiot-attacks.toml"
GOALS = (0.90, 0.95, 0.985)
PLAIN = (
    'training={kind="fedavg",momentum=0.9,learning_rate=%s,%s}',
    'pipeline=[{kind="identity"}]',
    'server={kind="fedavg"}',
    "judging.local=false",
    "judging.central=false",
)
LOCAL_WORK = {"1 epoch": "batch=32,epochs=1", "5 epochs": "batch=32,epochs=5", "150 steps": "batch=64,steps=150"}
MODELS = {
    "spline": (),
    "dense": ('model={kind="mlp",hidden=[32,16]}',),
}
RATES = (0.01, 0.03, 0.1)


def curve(overrides: tuple[str, ...]) -> list[tuple[int, float, float]]:
    """(round, macro-F1, bytes a device has sent so far) of each judged round; empty where training diverged."""
    plan = load(PLAN, list(overrides))
    folder = Path(os.environ.get("COVEY_DATA", ROOT / ".." / "shared" / "data")) / "nbaiot"
    dataset = CsvFolder().load(folder, plan.data.features)
    simulation = Simulation(plan, dataset, None)
    sent, points = 0.0, []
    for done in simulation:
        sent += done.up_bytes / dataset.n_devices
        if done.macro_f1 is not None:
            points.append((done.round, done.macro_f1, sent))
    return points


def row(name: str, overrides: tuple[str, ...]) -> Row:
    """One line of the table: the best macro-F1, and the first round and bytes at which each goal was reached."""
    points = curve(overrides)
    line: Row = {"setting": name, "best macro-F1": max((f1 for _, f1, _ in points), default=0.0)}
    for goal in GOALS:
        reached = next(((number, sent) for number, f1, sent in points if f1 >= goal), None)
        line[f"rounds to {goal:.3f}"] = reached[0] if reached else "-"
        line[f"kB to {goal:.3f}"] = round(reached[1] / 1e3) if reached else "-"
    return line


def main() -> None:
    rows = [row("Covey: plans/nbaiot-attacks.toml", ("judging.local=false", "judging.central=false"))]
    for model, extra in MODELS.items():
        for work, text in LOCAL_WORK.items():
            for rate in RATES:
                overrides = (PLAIN[0] % (rate, text), *PLAIN[1:], *extra)
                rows.append(row(f"plain FedAvg, {model}, {work}, rate {rate}", overrides))
    report("convergence", "Rounds and bytes a device sends until a macro-F1 on N-BaIoT's ten classes", rows)


if __name__ == "__main__":
    main()
