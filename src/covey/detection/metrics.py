"""How good a detector is. All counts, no sampling; a figure that the rows do not allow is NaN, never 0.

Macro-F1 averages over the classes that occur among the true rows or the answers: a class in neither says nothing and is
left out, a class answered but never true has F1 0, and so has one that is true but never answered.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating]
Counts: TypeAlias = NDArray[np.int64]
Labels: TypeAlias = NDArray[np.integer]
Flags: TypeAlias = NDArray[np.bool_]


def confusion(truth: Labels, answers: Labels, n_classes: int) -> Counts:
    """Counts (n_classes, n_classes): row the true class, column the answer."""
    cells = truth.astype(np.int64) * n_classes + answers
    return np.bincount(cells, minlength=n_classes * n_classes).reshape(n_classes, n_classes)


def accuracy(counts: Counts) -> float:
    """Share of rows answered right, from a confusion matrix."""
    return ratio(float(np.trace(counts)), float(counts.sum()))


def f1_scores(counts: Counts) -> Floats:
    """F1 of each class (n_classes), NaN where a class occurs neither among the true rows nor the answers."""
    hits = np.diagonal(counts).astype(np.float64)
    involved = counts.sum(axis=0) + counts.sum(axis=1)
    return np.where(involved > 0, 2 * hits / np.maximum(involved, 1), np.nan)


def macro_f1(counts: Counts) -> float:
    """Mean F1 over the classes that occur, from a confusion matrix."""
    scores = f1_scores(counts)
    present = scores[~np.isnan(scores)]
    return ratio(float(present.sum()), present.size)


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """Points of a ROC curve from (0, 0) to (1, 1), both ascending."""

    fpr: Floats
    tpr: Floats


def roc(scores: Floats, is_attack: Flags, most_points: int = 200) -> Roc | None:
    """ROC of attack scores (n), the higher the more suspicious; None without rows of both kinds.

    Rows of equal score are one point. Beyond `most_points`, points are chosen at even distances along the curve (in
    fpr + tpr), ends included, so that steep parts keep theirs.
    """
    n_attacks = int(is_attack.sum())
    n_benign = is_attack.size - n_attacks
    if n_attacks == 0 or n_benign == 0:
        return None
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(is_attack[order])
    last_of_equal = np.append(np.diff(scores[order]) != 0, True)
    ends = np.flatnonzero(last_of_equal)
    tpr = np.concatenate(([0.0], found[ends] / n_attacks))
    fpr = np.concatenate(([0.0], (ends + 1 - found[ends]) / n_benign))
    if tpr.size > most_points:
        along = tpr + fpr
        chosen = np.unique(np.searchsorted(along, np.linspace(0, 2, most_points)).clip(0, tpr.size - 1))
        tpr, fpr = tpr[chosen], fpr[chosen]
    return Roc(fpr, tpr)


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of attack rows found and of benign rows that raise an alarm, at one threshold."""

    tpr: float
    fpr: float


def rates(scores: Floats, is_attack: Flags, threshold: float) -> Rates:
    """Rates of "attack if score > threshold"; NaN where there are no rows of a kind."""
    alarms = scores > threshold
    n_attacks = int(is_attack.sum())
    return Rates(
        tpr=ratio(float((alarms & is_attack).sum()), n_attacks),
        fpr=ratio(float((alarms & ~is_attack).sum()), is_attack.size - n_attacks),
    )


def ratio(part: float, whole: float) -> float:
    """A share, or NaN of nothing."""
    return part / whole if whole else float("nan")
