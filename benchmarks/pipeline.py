"""Whole rounds of the simulation: tasks, clock, training, int8, messages, checks, aggregation, publishing.

What a round costs beyond training is taken against the core alone, on the same rows, taking turns.
"""

import os
import statistics
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from core import mlp_job
from covey.core import run
from covey.plan import load
from covey.simulation import Simulation
from covey.telemetry import Dataset
from table import medians, report
from work import MLP, Work, rows

PLAN = Path(__file__).resolve().parent / "mlp.toml"
TEST_ROWS = 1000
TURNS = 3
REPEATS = 5


def dataset(work: Work) -> Dataset:
    """One device that has the rows of all clients, in their order, and a few rows to judge by; classes are attacks."""
    inputs, labels = rows(work)
    inputs = np.concatenate([inputs, inputs[:TEST_ROWS]])
    labels = np.concatenate([labels, labels[:TEST_ROWS]])
    names = tuple(f"attack_{i}" if i else "benign" for i in range(work.widths[-1]))
    return Dataset(
        device_ids=("bench",),
        feature_names=tuple(f"feature_{i}" for i in range(work.widths[0])),
        x=inputs,
        first_row=np.array([0, len(inputs)]),
        is_train=np.arange(len(inputs)) < len(inputs) - TEST_ROWS,
        label=(labels > 0).astype(np.int32),
        attack=labels,
        attack_names=names,
        family=labels,
        family_names=names,
    )


def round_seconds(data: Dataset, overrides: Sequence[str] = ()) -> tuple[list[float], list[float]]:
    """Seconds of each training round, and of these in the core's training and encoding.

    Without the first round, which warms up, and the last, which is judged.
    """
    seconds, in_core = [], []
    start = time.perf_counter()
    for done in Simulation(load(PLAN, overrides), data, None):
        now = time.perf_counter()
        if 1 < done.round < done.of_rounds:
            seconds.append(now - start)
            in_core.append(done.pace.training_seconds)
        start = now
    return seconds, in_core


def device_rounds_per_s(work: Work) -> float:
    """Of the whole pipeline, from the median round."""
    return work.n_clients / statistics.median(round_seconds(dataset(work))[0])


def main() -> None:
    work = MLP
    threads = os.cpu_count() or 1
    data = dataset(work)
    alone, in_core, whole = [], [], []
    for _ in range(TURNS):
        alone += medians([partial(run, mlp_job(work), threads)], REPEATS)
        seconds, seconds_in_core = round_seconds(data)
        whole += seconds
        in_core += seconds_in_core
    figures = {
        "training alone": statistics.median(alone),
        "training and encoding in the rounds": statistics.median(in_core),
        "whole rounds": statistics.median(whole),
    }
    training = figures["training alone"]
    rows_of_table = [
        {"what": what, "ms a round": 1e3 * s, "device-rounds/s": work.n_clients / s, "ratio": s / training}
        for what, s in figures.items()
    ]
    title = f"Whole rounds: {work.n_clients:,} devices all sampled, MLP 115-32-16-10, {work.n_rows} rows each"
    report("pipeline", f"{title}, {threads} threads", rows_of_table)


if __name__ == "__main__":
    main()
