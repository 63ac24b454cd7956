"""Metrics, with values that can be checked by hand."""

from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.detection import accuracy, confusion, f1_scores, macro_f1, rates, roc
from covey.detection.metrics import Roc


def area(curve: Roc) -> float:
    """Area under the curve, by trapezoids."""
    return float(np.sum(np.diff(curve.fpr) * (curve.tpr[1:] + curve.tpr[:-1]) / 2))


def test_confusion_counts_true_classes_by_row_and_answers_by_column() -> None:
    counts = confusion(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]
    assert accuracy(counts) == 0.5


def test_macro_f1_is_the_mean_of_the_classes_f1() -> None:
    # Class 0: 2 of 2 found, 1 wrongly named: 2*2/(2*2+1) = 0.8. Class 1: 1 of 2 found, none wrongly: 2/3.
    counts = confusion(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]), 2)
    assert f1_scores(counts) == pytest.approx([0.8, 2 / 3])
    assert macro_f1(counts) == pytest.approx((0.8 + 2 / 3) / 2)


def test_a_class_in_neither_truth_nor_answers_is_left_out_of_macro_f1() -> None:
    counts = confusion(np.array([0, 1]), np.array([0, 1]), 3)
    assert isnan(f1_scores(counts)[2])
    assert macro_f1(counts) == 1.0


def test_a_class_answered_but_never_true_counts_as_zero() -> None:
    # Class 0: 1 of 2 found: 2/3. Class 2 is answered once and never true: 0. Class 1 is in neither.
    counts = confusion(np.array([0, 0]), np.array([0, 2]), 3)
    assert macro_f1(counts) == pytest.approx((2 / 3 + 0) / 2)


def test_no_rows_have_no_accuracy_and_no_f1() -> None:
    counts = confusion(np.zeros(0, int), np.zeros(0, int), 2)
    assert isnan(accuracy(counts))
    assert isnan(macro_f1(counts))


def test_roc_steps_through_the_rows_by_falling_score() -> None:
    curve = roc(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False]))
    assert curve is not None
    assert curve.tpr.tolist() == [0, 0.5, 0.5, 1, 1]
    assert curve.fpr.tolist() == [0, 0, 0.5, 0.5, 1]
    assert area(curve) == 0.75  # 3 of 4 pairs of an attack and a benign row are in order


def test_rows_of_equal_score_are_one_point_of_the_roc() -> None:
    curve = roc(np.array([0.5, 0.5, 0.5]), np.array([True, False, True]))
    assert curve is not None
    assert curve.tpr.tolist() == [0, 1]
    assert curve.fpr.tolist() == [0, 1]
    assert area(curve) == 0.5


def test_roc_needs_rows_of_both_kinds() -> None:
    assert roc(np.array([0.1, 0.2]), np.array([True, True])) is None
    assert roc(np.array([0.1, 0.2]), np.array([False, False])) is None


def test_a_long_roc_is_thinned_without_losing_its_ends_or_its_area() -> None:
    scores = np.arange(10_000) / 10_000
    is_attack = (np.arange(10_000) * 7919 % 10_000) < np.arange(10_000)
    full = roc(scores, is_attack, most_points=20_000)
    thin = roc(scores, is_attack, most_points=100)
    assert full is not None
    assert thin is not None
    assert full.tpr.size == 10_001
    assert thin.tpr.size <= 100
    assert (thin.fpr[0], thin.tpr[0], thin.fpr[-1], thin.tpr[-1]) == (0, 0, 1, 1)
    assert area(thin) == pytest.approx(area(full), abs=1e-3)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_roc_area_is_the_share_of_ordered_pairs(rows: list[tuple[int, bool]]) -> None:
    scores = np.array([score for score, _ in rows], float)
    is_attack = np.array([attack for _, attack in rows])
    curve = roc(scores, is_attack)
    pairs = [np.sign(a - b) / 2 + 0.5 for a in scores[is_attack] for b in scores[~is_attack]]
    if curve is None:
        assert not pairs
    else:
        assert area(curve) == pytest.approx(np.mean(pairs))


def test_rates_count_scores_above_the_threshold_only() -> None:
    scores = np.array([0.1, 0.5, 0.5, 0.9])
    found = rates(scores, np.array([False, False, True, True]), 0.5)
    assert (found.tpr, found.fpr) == (0.5, 0.0)


def test_rates_without_rows_of_a_kind_are_unknown() -> None:
    found = rates(np.array([0.1]), np.array([False]), 0.0)
    assert isnan(found.tpr)
    assert found.fpr == 1.0


def test_an_unknown_threshold_raises_no_alarm() -> None:
    found = rates(np.array([0.1, 0.9]), np.array([False, True]), nan)
    assert (found.tpr, found.fpr) == (0.0, 0.0)
