"""Thresholds on a device's own benign training rows."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.detection import THRESHOLDS, Fixed, OwnQuantile


def test_a_fixed_threshold_ignores_the_rows() -> None:
    assert Fixed(0.3)(np.array([0.9])) == 0.3
    assert Fixed(0.3)(np.zeros(0)) == 0.3


def test_one_percent_of_a_hundred_rows_is_exactly_one_alarm() -> None:
    scores = np.arange(100) / 100
    threshold = OwnQuantile(0.01)(scores)
    assert threshold == 0.98
    assert (scores > threshold).sum() == 1


def test_too_few_rows_for_the_share_allow_no_alarm() -> None:
    assert OwnQuantile(0.01)(np.array([0.2, 0.7, 0.4])) == 0.7


def test_rows_of_equal_score_at_the_boundary_raise_no_alarm() -> None:
    scores = np.array([0.1] * 98 + [0.8, 0.8])
    threshold = OwnQuantile(0.01)(scores)
    assert threshold == 0.8
    assert (scores > threshold).sum() == 0


def test_no_benign_rows_give_no_threshold() -> None:
    assert isnan(OwnQuantile(0.01)(np.zeros(0)))


@pytest.mark.parametrize("fpr", [-0.1, 1.0])
def test_a_share_out_of_range_is_refused(fpr: float) -> None:
    with pytest.raises(ValueError, match="fpr is"):
        OwnQuantile(fpr)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=300), st.sampled_from([0.0, 0.001, 0.01, 0.1, 0.5]))
def test_no_more_than_the_share_lies_above_and_no_lower_score_would_do(values: list[float], fpr: float) -> None:
    scores = np.array(values)
    threshold = OwnQuantile(fpr)(scores)
    assert (scores > threshold).sum() <= fpr * scores.size * (1 + 1e-9)
    lower = scores[scores < threshold]
    if lower.size:
        assert (scores > lower.max()).sum() > fpr * scores.size


def test_the_family_is_complete() -> None:
    assert set(THRESHOLDS) == {"fixed", "own_quantile"}
