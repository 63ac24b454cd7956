"""Answers and attack scores from a model's outputs."""

import numpy as np
import pytest

from covey.core import Loss
from covey.detection import answers, attack_scores

ROWS = np.zeros((2, 3), np.float32)


def test_the_attack_score_of_classes_is_one_minus_the_share_of_benign() -> None:
    outputs = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]], np.float32))
    assert attack_scores(outputs, Loss.SOFTMAX_CE, ROWS) == pytest.approx([0.5, 0.9])
    assert answers(outputs, Loss.SOFTMAX_CE).tolist() == [0, 1]


def test_the_attack_score_of_one_logit_is_its_sigmoid() -> None:
    outputs = np.array([[0.0], [np.log(3)]], np.float32)
    assert attack_scores(outputs, Loss.BCE, ROWS) == pytest.approx([0.5, 0.75])
    assert answers(outputs, Loss.BCE).tolist() == [0, 1]


def test_the_attack_score_of_a_reconstruction_is_its_mean_squared_error() -> None:
    inputs = np.array([[1, 2, 3], [0, 0, 0]], np.float32)
    outputs = np.array([[1, 2, 3], [3, 0, 0]], np.float32)
    assert attack_scores(outputs, Loss.MSE, inputs).tolist() == [0, 3]


def test_scores_of_sure_rows_stay_apart() -> None:
    outputs = np.array([[-50.0], [-60.0]], np.float32)
    small = attack_scores(outputs, Loss.BCE, ROWS)
    assert small[0] > small[1] > 0
    logits = np.array([[50.0, 0.0], [60.0, 0.0]], np.float32)
    small = attack_scores(logits, Loss.SOFTMAX_CE, ROWS)
    assert small[0] > small[1] > 0


def test_huge_logits_do_not_overflow() -> None:
    assert attack_scores(np.array([[1e30], [-1e30]], np.float32), Loss.BCE, ROWS).tolist() == [1, 0]
    assert attack_scores(np.array([[1e30, 0], [0, 1e30]], np.float32), Loss.SOFTMAX_CE, ROWS).tolist() == [0, 1]
