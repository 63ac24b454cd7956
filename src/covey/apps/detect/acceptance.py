"""Whether a fleet's model may take the place of the one that a device detects with: the device's own last look.

The coordinator's gate has judged the model already. What a device can see for itself: that the model is meant for its
source and its kind of scores; that it has been trained at all; that it does not take the device's usual rows for
attacks, or reproduces them better than their mean would; and that it finds the attacks that the device's operator
has named, if there are enough of them, about as well as the model in use does.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from covey.errors import CoveyError
from covey.io.training_rows import StoredRows
from covey.sensing.store import BENIGN, Origin, Pool
from covey.watching import Detector
from covey.watching.detector import ROWS_A_CALL
from covey.wire import ModelFile

#: Rows of a sort without which nothing is concluded from them.
FEWEST_ROWS = 50
#: Usual rows that a classifier may take for attacks, as a share, before thresholds: they are for windows.
MOST_SUSPECTED = 0.1
#: Usual rows above the threshold at which found attacks are counted, and by how much fewer there may be.
SHARE_ABOVE, SLACK = 0.01, 0.05
LARGEST_INT8_BYTES = 1 << 20


class Refusal(StrEnum):
    """Why a model is not taken into use."""

    FEATURES = "features"  # other features, or another source of them
    SCORES = "scores"  # its scores mean something else
    TOO_LARGE = "too_large"
    UNFIT = "unfit"  # its parts do not fit together
    UNTRAINED = "untrained"  # the fleet's first version: numbers by lot
    SUSPECTS_USUAL = "suspects_usual"
    MISSES_ATTACKS = "misses_attacks"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a device thinks of a model."""

    refusal: Refusal | None
    threshold: float | None = None  # the highest score of rows believed benign: to begin with, until windows say more


def judge(candidate: ModelFile, in_use: ModelFile, rows: StoredRows | None) -> Opinion:
    """Whether `candidate` may take the place of `in_use` on a device with these rows (None: the store is not there)."""
    design, ours = candidate.design, in_use.design
    if not design.reads_rows_of(ours):
        return Opinion(Refusal.FEATURES)
    try:
        new, old = Detector(candidate), Detector(in_use)
    except CoveyError:
        return Opinion(Refusal.UNFIT)
    if new.is_error != old.is_error or design.class_names[0] != ours.class_names[0]:
        return Opinion(Refusal.SCORES)
    if new.model.int8_size > LARGEST_INT8_BYTES:
        return Opinion(Refusal.TOO_LARGE)
    if not candidate.parent:
        return Opinion(Refusal.UNTRAINED)
    return Opinion(None) if rows is None else _judge_on(new, old, rows)


def _judge_on(new: Detector, old: Detector, rows: StoredRows) -> Opinion:
    benign = np.array([label == BENIGN for label in rows.labels], np.bool_)
    calm = np.array([pool is Pool.CALM for pool in rows.pools], np.bool_)
    said = np.array([origin is Origin.OPERATOR for origin in rows.origins], np.bool_)
    usual = benign if benign.sum() >= FEWEST_ROWS else benign | (calm & ~said)
    attacks = said & ~benign
    if usual.sum() < FEWEST_ROWS:
        return Opinion(None)
    scores = _scores(new, rows)
    if _suspects_usual(new, rows, usual, scores[usual]):
        return Opinion(Refusal.SUSPECTS_USUAL)
    if attacks.sum() >= FEWEST_ROWS:
        before = _found(_scores(old, rows), usual, attacks)
        if _found(scores, usual, attacks) < before - SLACK:
            return Opinion(Refusal.MISSES_ATTACKS)
    return Opinion(None, float(scores[usual].max()))


def _scores(detector: Detector, rows: StoredRows) -> NDArray[np.float32]:
    """Scores (n) of all rows; those that cannot be computed are the highest."""
    return np.array(detector.score(rows.features, rows.n_rows), np.float32)


def _suspects_usual(
    detector: Detector, rows: StoredRows, usual: NDArray[np.bool_], scores: NDArray[np.float32]
) -> bool:
    """Whether a model is no good on usual rows: too many are more likely attacks than not, or its errors are large."""
    if not detector.is_error:
        return bool((scores > 0).mean() > MOST_SUSPECTED)
    inputs = _inputs(detector, rows)[usual]
    error = np.square(inputs - inputs.mean(axis=0)).mean()
    return bool(np.median(scores) >= np.log(max(error, np.finfo(np.float32).tiny)))


def _inputs(detector: Detector, rows: StoredRows) -> NDArray[np.float64]:
    """All rows as the model is given them, (n, d)."""
    width = 4 * detector.n_features
    parts = []
    for first in range(0, rows.n_rows, ROWS_A_CALL):
        raw = memoryview(rows.features)[first * width : (first + ROWS_A_CALL) * width]
        parts.append(np.array(detector.encode(raw, len(raw) // width), np.float64).reshape(-1, detector.n_features))
    return np.concatenate(parts)


def _found(scores: NDArray[np.float32], usual: NDArray[np.bool_], attacks: NDArray[np.bool_]) -> float:
    """The share of the attacks above a threshold that SHARE_ABOVE of the usual rows are above."""
    threshold = float(np.quantile(scores[usual], 1 - SHARE_ABOVE, method="higher"))
    return float((scores[attacks] > threshold).mean())
