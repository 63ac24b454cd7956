"""From a model's outputs to an answer and an attack score, a row at a time."""

import numpy as np
from numpy.typing import NDArray

from covey.core import Loss
from covey.detection.metrics import Floats, Labels


def answers(outputs: Floats, loss: Loss) -> Labels:
    """Class of each row (n) from outputs (n, o): the largest logit (the first of equals), or 1 for a single one > 0."""
    if loss is Loss.SOFTMAX_CE:
        return np.asarray(outputs.argmax(axis=1), np.int32)
    return np.asarray(outputs[:, 0] > 0, np.int32)


def attack_scores(outputs: Floats, loss: Loss, inputs: Floats) -> NDArray[np.float64]:
    """How suspicious each row is, (n) float64.

    1 - P(benign) for classes (class 0 is benign), the sigmoid of a single logit, the mean squared error of a
    reconstruction. 1 - P is summed from the other classes, so that it stays exact where P is nearly 1.

    Only figures by rows, which ask for nothing but their order, are made of these. A device's own scores are the
    logarithms of odds and errors (covey_scores); windows are judged by them.
    """
    values = outputs.astype(np.float64)
    if loss is Loss.SOFTMAX_CE:
        weights = np.exp(values - values.max(axis=1, keepdims=True))
        return np.asarray(weights[:, 1:].sum(axis=1) / weights.sum(axis=1))
    if loss is Loss.BCE:
        odds = np.exp(-np.abs(values[:, 0]))  # at most 1, so that nothing overflows and small scores stay exact
        return np.asarray(np.where(values[:, 0] < 0, odds, 1) / (1 + odds))
    return np.asarray(np.square(values - inputs).mean(axis=1))
