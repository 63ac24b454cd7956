"""Where a device draws the line, from what it knows: the scores of its own training rows.

A row is an attack if its score is above the threshold; a score equal to it is benign.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from covey.detection.metrics import Floats


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same threshold on every device, such as even odds for a classifier."""

    needs_benign_rows: ClassVar[bool] = False
    value: float = 0.5

    def __call__(self, benign_scores: Floats) -> float:  # noqa: ARG002
        """The threshold."""
        return self.value


@dataclass(frozen=True, slots=True)
class OwnQuantile:
    """The lowest threshold at which at most a share `fpr` of the device's own benign training rows raises an alarm.

    Of n rows the floor(fpr * n) highest may lie above it, so the threshold is the score of the next one. With fewer
    than 1 / fpr rows none may, and it is their highest score: a device with few rows is careful about alarms, not about
    attacks. Equal scores lie on one side: where several rows share the boundary's score, alarms are fewer, not more.
    """

    needs_benign_rows: ClassVar[bool] = True
    fpr: float = 0.01

    def __post_init__(self) -> None:
        """ValueError for a share out of range."""
        if not 0 <= self.fpr < 1:
            raise ValueError(f"fpr is {self.fpr}; it must be at least 0 and below 1")

    def __call__(self, benign_scores: Floats) -> float:
        """The threshold for the scores (n) of benign training rows; NaN, under which nothing is an attack, for none."""
        if benign_scores.size == 0:
            return float("nan")
        # A hair more than fpr * n, as 0.01 * 100 may be just below 1 in binary.
        above = int(np.floor(self.fpr * benign_scores.size * (1 + 1e-12)))
        return float(np.partition(benign_scores, -above - 1)[-above - 1])


THRESHOLDS: dict[str, type[Fixed | OwnQuantile]] = {"fixed": Fixed, "own_quantile": OwnQuantile}
