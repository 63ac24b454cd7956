"""Counts of right answers, finds and false alarms that can be added up, and the scores made of them."""

from dataclasses import dataclass
from math import isnan

import numpy as np

from covey.detection import accuracy, macro_f1, ratio
from covey.detection.metrics import Counts, Flags, Floats, Labels, confusion

#: Shares of a device's own benign training rows that may raise an alarm; thresholds are set for each.
FALSE_ALARM_SHARES = (0.01, 0.001)


@dataclass(frozen=True, slots=True)
class Score:
    """How good a detector is on some test rows; None where the rows do not tell."""

    accuracy: float | None
    macro_f1: float | None
    tpr_at_fpr_1pct: float | None
    tpr_at_fpr_0p1pct: float | None
    fpr_at_1pct: float | None
    fpr_at_0p1pct: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Counts over test rows of one device and one detector, or sums of such counts.

    Rows of a device that has no benign training row to set a threshold by count in `confusion` only.
    """

    confusion: Counts  # (classes, classes)
    attacks: int
    benign: int
    found: tuple[int, ...]  # attacks above the threshold of each of FALSE_ALARM_SHARES
    alarms: tuple[int, ...]  # benign rows above it

    def __add__(self, other: "Tally") -> "Tally":
        """Counts over the rows of both."""
        return Tally(
            self.confusion + other.confusion,
            self.attacks + other.attacks,
            self.benign + other.benign,
            tuple(ours + theirs for ours, theirs in zip(self.found, other.found, strict=True)),
            tuple(ours + theirs for ours, theirs in zip(self.alarms, other.alarms, strict=True)),
        )

    @property
    def score(self) -> Score:
        """The rates that these counts make."""
        return Score(
            known(accuracy(self.confusion)),
            known(macro_f1(self.confusion)),
            *(share(count, self.attacks) for count in self.found),
            *(share(count, self.benign) for count in self.alarms),
        )


def tally(truth: Labels, answers: Labels, scores: Floats, thresholds: tuple[float, ...], n_classes: int) -> Tally:
    """Counts of rows (n) with these classes, answers and attack scores; class 0 is benign, a NaN threshold is none."""
    is_attack: Flags = truth != 0
    usable = not any(isnan(threshold) for threshold in thresholds)
    n_attacks = int(is_attack.sum())
    alarms = [scores > threshold for threshold in thresholds]
    return Tally(
        confusion(truth, answers, n_classes),
        n_attacks if usable else 0,
        is_attack.size - n_attacks if usable else 0,
        tuple(int((alarm & is_attack).sum()) for alarm in alarms),
        tuple(int((alarm & ~is_attack).sum()) for alarm in alarms),
    )


def total(tallies: tuple[Tally, ...]) -> Tally:
    """The sum of at least one."""
    result = tallies[0]
    for one in tallies[1:]:
        result += one
    return result


def known(value: float) -> float | None:
    """A figure, or None for NaN."""
    return None if isnan(value) or np.isinf(value) else float(value)


def share(part: float, whole: float) -> float | None:
    """A share, or None of nothing."""
    return known(ratio(part, whole))
