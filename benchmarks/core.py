"""Training alone in the core, by kernel and number of threads: the dense network, and a spline network of plans/."""

import os
from collections.abc import Callable
from functools import partial

import numpy as np

from covey.core import (
    CLIENT_FIELDS,
    CLIENT_RESULT_FIELDS,
    Activation,
    Job,
    LayerKind,
    Loss,
    Model,
    Rows,
    TrainingArguments,
    run,
    select_kernel,
)
from covey.errors import CoreError
from table import medians, report
from work import MLP, Work, initial_parameters, rows

KERNELS = ("portable", "sse2", "neon", "avx2", "avx512")
REPEATS = 7
SPLINE_FEATURES = 85
SPLINE_KNOTS = 7
SPLINE_WIDTHS = (16, 16, 10)


def kernels() -> list[str]:
    """Those that this machine can run, slowest first."""
    found = []
    for name in KERNELS:
        try:
            select_kernel(name)
        except CoreError:
            continue
        found.append(name)
    return found


def job(work: Work, model: Model, inputs: np.ndarray, labels: np.ndarray, parameters: np.ndarray) -> Job:
    """All clients of the work, `n_rows` rows each, one after the other."""
    clients = np.zeros(work.n_clients, np.dtype(CLIENT_FIELDS))
    clients["n_rows"] = work.n_rows
    clients["first_row"] = np.arange(work.n_clients) * work.n_rows
    clients["seed"] = np.arange(work.n_clients)
    return Job(
        model=model,
        arguments=TrainingArguments(epochs=1, batch=work.batch, learning_rate=work.learning_rate),
        rows=Rows(inputs, len(inputs), labels),
        parameters=parameters,
        clients=clients,
        results=np.zeros(work.n_clients, np.dtype(CLIENT_RESULT_FIELDS)),
    )


def mlp_job(work: Work) -> Job:
    """The dense network of `work`."""
    shapes = list(zip(work.widths[:-1], work.widths[1:], strict=True))
    layers = [(LayerKind.DENSE, Activation.RELU, *shape, 0, 0, 0, 0) for shape in shapes[:-1]]
    layers.append((LayerKind.DENSE, Activation.LINEAR, *shapes[-1], 0, 0, 0, 0))
    parameters = np.concatenate([array.ravel() for array in initial_parameters(work)])
    return job(work, Model(layers, Loss.SOFTMAX_CE), *rows(work), parameters)


def spline_job(work: Work) -> Job:
    """The spline network that Plans use by default, on as many rows as `work` has."""
    first, second, classes = SPLINE_WIDTHS
    knots = SPLINE_FEATURES * SPLINE_KNOTS
    model = Model(
        [
            (LayerKind.SPLINE, Activation.RELU, SPLINE_FEATURES, first, knots, 0, 0, 0),
            (LayerKind.DENSE, Activation.RELU, first, second, 0, 0, 0, 0),
            (LayerKind.DENSE, Activation.LINEAR, second, classes, 0, 0, 0, 0),
        ],
        Loss.SOFTMAX_CE,
    )
    generator = np.random.Generator(np.random.Philox(work.seed))
    n = work.n_clients * work.n_rows
    positions = generator.random((n, SPLINE_FEATURES), dtype=np.float32) * np.float32(SPLINE_KNOTS - 1)
    positions += np.arange(0, knots, SPLINE_KNOTS, dtype=np.float32)
    labels = generator.integers(0, classes, n, dtype=np.int32)
    parameters = generator.uniform(-0.1, 0.1, model.n_parameters).astype(np.float32)
    return job(work, model, positions, labels, parameters)


def train_with(kernel: str, n_threads: int, one: Job) -> None:
    select_kernel(kernel)
    run(one, n_threads)


def main() -> None:
    work = MLP
    table = []
    for name, one in (("MLP 115-32-16-10", mlp_job(work)), ("spline 85x7-16-16-10", spline_job(work))):
        cases = [(kernel, threads) for kernel in kernels() for threads in sorted({1, os.cpu_count() or 1})]
        work_of: list[Callable[[], None]] = [partial(train_with, *case, one) for case in cases]
        seconds = medians(work_of, REPEATS)
        table += [
            {
                "model": name,
                "kernel": kernel,
                "threads": threads,
                "device-rounds/s": work.n_clients / second,
                "ratio": seconds[0] / second,
            }
            for (kernel, threads), second in zip(cases, seconds, strict=True)
        ]
    title = f"Training alone: {work.n_rows} rows, batch {work.batch}, 1 epoch, {work.n_clients:,} clients a call"
    report("core", title, table)


if __name__ == "__main__":
    main()
