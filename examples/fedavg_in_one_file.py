"""Federated averaging from the raw maths, in one file and numpy alone: what Covey does, without any of Covey.

A server has a small network (features -> hidden, relu -> classes, softmax). In every round each device starts from it,
makes one pass of stochastic gradient descent over its own rows, and sends back the difference. The server adds the mean
difference, weighted by rows (McMahan et al. 2017). A test holds this file to the full stack, message by message.

    python examples/fedavg_in_one_file.py
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass
class Network:
    """Two dense layers; every parameter is a float32 array."""

    w1: Floats  # (features, hidden)
    b1: Floats  # (hidden)
    w2: Floats  # (hidden, classes)
    b2: Floats  # (classes)

    def parts(self) -> tuple[Floats, ...]:
        """All parameters, in the order in which Covey lays them out."""
        return self.w1, self.b1, self.w2, self.b2

    def copy(self) -> "Network":
        """A network of its own."""
        return Network(*(part.copy() for part in self.parts()))


def logits(network: Network, x: Floats) -> tuple[Floats, Floats]:
    """Hidden activations (n, hidden) and class logits (n, classes) of rows x (n, features)."""
    hidden = np.maximum(x @ network.w1 + network.b1, 0)
    return hidden, hidden @ network.w2 + network.b2


def gradients(network: Network, x: Floats, y: NDArray[np.int32]) -> tuple[Floats, ...]:
    """Gradients of the mean cross-entropy of rows x (n, features) with classes y (n), in the order of `parts`."""
    hidden, z = logits(network, x)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(y.size), y] -= 1
    dz = p / np.float32(y.size)
    dh = (dz @ network.w2.T) * (hidden > 0)
    return x.T @ dh, dh.sum(axis=0), hidden.T @ dz, dz.sum(axis=0)


def train_on_device(network: Network, x: Floats, y: NDArray[np.int32], batch: int, rate: float) -> tuple[Floats, ...]:
    """What one pass over a device's rows, in their order, changes: the update that the device sends."""
    local = network.copy()
    for first in range(0, y.size, batch):
        rows = slice(first, first + batch)
        for part, slope in zip(local.parts(), gradients(local, x[rows], y[rows]), strict=True):
            np.subtract(part, np.float32(rate) * slope, out=part)
    return tuple(after - before for after, before in zip(local.parts(), network.parts(), strict=True))


def federated_round(
    network: Network, devices: list[tuple[Floats, NDArray[np.int32]]], batch: int = 16, rate: float = 0.1
) -> Network:
    """The network after one round in which every device takes part."""
    rows = sum(y.size for _, y in devices)
    total = [np.zeros(part.shape, np.float64) for part in network.parts()]
    for x, y in devices:
        for sum_, change in zip(total, train_on_device(network, x, y, batch, rate), strict=True):
            np.add(sum_, y.size * change.astype(np.float64), out=sum_)
    return Network(
        *((part + sum_ / rows).astype(np.float32) for part, sum_ in zip(network.parts(), total, strict=True))
    )


def accuracy(network: Network, x: Floats, y: NDArray[np.int32]) -> float:
    """Share of the rows x (n, features) whose class y (n) the network finds."""
    return float((logits(network, x)[1].argmax(axis=1) == y).mean())


def fleet(n_devices: int = 8, rows: int = 60, seed: int = 1) -> list[tuple[Floats, NDArray[np.int32]]]:
    """Devices that see three kinds of traffic in four features, each kind in a mix of its own."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(3, 4)) * 2
    devices = []
    for _ in range(n_devices):
        y = rng.choice(3, rows, p=rng.dirichlet((0.6, 0.6, 0.6))).astype(np.int32)
        devices.append(((centres[y] + rng.normal(size=(rows, 4))).astype(np.float32), y))
    return devices


def main() -> None:
    """Train across a fleet and print how well all rows are told apart."""
    devices = fleet()
    rng = np.random.default_rng(0)
    first = (rng.normal(size=(4, 8)) * 0.7).astype(np.float32)
    second = (rng.normal(size=(8, 3)) * 0.5).astype(np.float32)
    network = Network(first, np.zeros(8, np.float32), second, np.zeros(3, np.float32))
    x, y = np.concatenate([x for x, _ in devices]), np.concatenate([y for _, y in devices])
    for number in range(1, 11):
        network = federated_round(network, devices)
        print(f"round {number:2}: accuracy {accuracy(network, x, y):.3f}")


if __name__ == "__main__":
    main()
