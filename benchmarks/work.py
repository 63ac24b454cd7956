"""The work that every part measures: who trains what on which rows. The rows are synthetic, their amount is not."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Work:
    """One round: each client passes once over its rows in mini-batches by plain SGD, softmax cross-entropy."""

    widths: tuple[int, ...] = (115, 32, 16, 10)  # dense layers, relu between
    n_rows: int = 200
    batch: int = 16
    n_clients: int = 1000
    learning_rate: float = 0.05
    seed: int = 1


MLP = Work()


def rows(work: Work) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (n_clients * n_rows, features) float32 and labels int32; classes lie apart, so that training learns."""
    generator = np.random.Generator(np.random.Philox(work.seed))
    n = work.n_clients * work.n_rows
    labels = generator.integers(0, work.widths[-1], n, dtype=np.int32)
    centers = generator.standard_normal((work.widths[-1], work.widths[0]), dtype=np.float32)
    inputs = generator.standard_normal((n, work.widths[0]), dtype=np.float32)
    inputs += centers[labels]
    return inputs, labels


def initial_parameters(work: Work) -> list[np.ndarray]:
    """Weights (inputs, outputs) by He's rule and zero biases, layer by layer."""
    generator = np.random.Generator(np.random.Philox(work.seed + 1))
    parameters = []
    for inputs, outputs in zip(work.widths[:-1], work.widths[1:], strict=True):
        limit = (6.0 / inputs) ** 0.5
        weight = generator.uniform(-limit, limit, (inputs, outputs)).astype(np.float32)
        parameters += [weight, np.zeros(outputs, np.float32)]
    return parameters
