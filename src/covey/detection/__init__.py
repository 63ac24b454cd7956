"""Detection: answers, attack scores, thresholds and how good they are (floor 3)."""

from covey.detection.metrics import Rates, Roc, accuracy, confusion, f1_scores, macro_f1, rates, ratio, roc
from covey.detection.scores import answers, attack_scores
from covey.detection.thresholds import THRESHOLDS, Fixed, OwnQuantile

__all__ = [
    "THRESHOLDS",
    "Fixed",
    "OwnQuantile",
    "Rates",
    "Roc",
    "accuracy",
    "answers",
    "attack_scores",
    "confusion",
    "f1_scores",
    "macro_f1",
    "rates",
    "ratio",
    "roc",
]
