"""Models of every kind of layer and rows for them, shared by the tests of this room."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covey.core import Activation, LayerKind, Loss, Model, Rows

DENSE, SPLINE, CONV, MAX, MEAN = LayerKind
LINEAR, RELU, TANH = Activation

MODELS: dict[str, Model] = {
    "mlp": Model(
        [(DENSE, RELU, 13, 37, 0, 0, 0, 0), (DENSE, TANH, 37, 16, 0, 0, 0, 0), (DENSE, LINEAR, 16, 5, 0, 0, 0, 0)],
        Loss.SOFTMAX_CE,
    ),
    "relu_mlp": Model([(DENSE, RELU, 13, 33, 0, 0, 0, 0), (DENSE, LINEAR, 33, 5, 0, 0, 0, 0)], Loss.SOFTMAX_CE),
    "spline": Model([(SPLINE, RELU, 7, 18, 35, 0, 0, 0), (DENSE, LINEAR, 18, 4, 0, 0, 0, 0)], Loss.SOFTMAX_CE),
    "binary": Model([(SPLINE, TANH, 7, 6, 35, 0, 0, 0), (DENSE, LINEAR, 6, 1, 0, 0, 0, 0)], Loss.BCE),
    "autoencoder": Model([(DENSE, TANH, 11, 3, 0, 0, 0, 0), (DENSE, TANH, 3, 11, 0, 0, 0, 0)], Loss.MSE),
    "conv": Model(
        [
            (CONV, RELU, 3, 17, 0, 20, 4, 1),
            (MAX, LINEAR, 17, 17, 0, 17, 3, 2),
            (CONV, TANH, 17, 5, 0, 8, 3, 2),
            (MEAN, LINEAR, 5, 5, 0, 3, 2, 1),
            (DENSE, LINEAR, 10, 3, 0, 0, 0, 0),
        ],
        Loss.SOFTMAX_CE,
    ),
    "huber": Model([(DENSE, RELU, 4, 12, 0, 0, 0, 0), (CONV, TANH, 2, 3, 0, 6, 3, 1)], Loss.HUBER),
}


@dataclass(frozen=True)
class Case:
    """A model with start parameters and rows; weights are around 1.5."""

    model: Model
    parameters: NDArray[np.float32]
    x: NDArray[np.float32]
    labels: NDArray[np.int32]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]

    def rows(self, *, weighted: bool = False) -> Rows:
        """What the core trains on."""
        return Rows(
            self.x,
            len(self.x),
            labels=self.labels,
            targets=self.targets if self.model.loss in {Loss.MSE, Loss.HUBER} else None,
            sample_weight=self.weights if weighted else None,
        )


def case(name: str, n_rows: int = 41) -> Case:
    """The case of this model: the same numbers every time."""
    model = MODELS[name]
    rng = np.random.Generator(np.random.PCG64(len(name)))
    x = rng.normal(size=(n_rows, model.n_inputs)).astype(np.float32)
    if model.layers[0][0] == SPLINE:
        x = (5 * np.arange(7) + 4 * rng.random((n_rows, 7))).astype(np.float32)
        x[0], x[1] = 5 * np.arange(7), 5 * np.arange(7) + 4  # at the outer knots
    return Case(
        model,
        rng.uniform(-0.4, 0.4, model.n_parameters).astype(np.float32),
        x,
        rng.integers(0, max(2, model.n_outputs), n_rows).astype(np.int32),
        rng.normal(size=(n_rows, model.n_outputs)).astype(np.float32),
        rng.uniform(0.5, 2.5, n_rows).astype(np.float32),
    )
