"""The threshold at a budget: right where traffic stays as it is, bounded where somebody wants it elsewhere."""

from random import Random

import pytest

from covey.errors import CoreError
from covey.watching.thresholds import FEWEST_WINDOWS, REACH, SPEED_PER_H, WINDOWS_A_STEP, Threshold

TEN_S = 10.0


def calibrated(rate: float, windows: int, seed: int = 1) -> Threshold:
    rng, threshold = Random(seed), Threshold(rate)
    for _ in range(windows):
        threshold.learn(rng.gauss(0, 1))
    threshold.settle()
    return threshold


def test_a_threshold_within_the_data_is_a_quantile_of_it() -> None:
    threshold = Threshold(0.1)
    for score in range(99):
        threshold.learn(float(score))
    assert threshold.value is None
    assert not threshold.is_calibrated
    assert threshold.settle() == 89.0  # the 10th highest of 99: rank 0.1 * 100
    assert threshold.is_calibrated


def test_a_few_windows_are_not_enough() -> None:
    threshold = Threshold(0.1)
    for score in range(FEWEST_WINDOWS - 1):
        threshold.learn(float(score))
    with pytest.raises(ValueError, match="needs 30 windows, and there are 29"):
        threshold.settle()


def test_a_given_threshold_stays_until_one_is_settled() -> None:
    threshold = Threshold(0.1, 2.5)
    for score in range(1000):
        assert not threshold.follow(float(score), in_alarm=False, passed_s=TEN_S)
    assert threshold.value == 2.5


@pytest.mark.parametrize("seed", range(3))
def test_on_unchanged_traffic_the_budget_is_kept_while_following(seed: int) -> None:
    rate, windows = 1e-3, 60_000
    threshold, rng, above = calibrated(rate, 5000, seed), Random(100 + seed), 0
    for _ in range(windows):
        score = rng.gauss(0, 1)
        assert threshold.value is not None
        is_above = score > threshold.value
        above += is_above
        threshold.follow(score, in_alarm=False, passed_s=TEN_S)
    assert rate * windows / 3 < above < rate * windows * 2, f"seed {seed}: {above} of {rate * windows:.0f} allowed"


def test_scores_that_creep_up_move_it_no_faster_than_allowed_and_no_further_than_its_reach() -> None:
    threshold = calibrated(1e-3, 5000)
    anchor = threshold.anchor
    assert anchor is not None
    distance, before = anchor, threshold.value  # the usual score is about 0
    for _ in range(300):
        for _ in range(WINDOWS_A_STEP):  # always just below the threshold: the best that a poisoner can do
            assert threshold.value is not None
            threshold.follow(threshold.value - 1e-3, in_alarm=False, passed_s=TEN_S)
        assert threshold.value is not None
        assert before is not None
        assert abs(threshold.value - before) <= 1.1 * distance * SPEED_PER_H * WINDOWS_A_STEP * TEN_S / 3600
        before = threshold.value
    assert threshold.value <= anchor + 1.1 * REACH * distance


def test_windows_in_alarm_are_not_learnt_from_beyond_the_budget() -> None:
    threshold = calibrated(1e-3, 5000)
    before = threshold.state().tail
    for _ in range(900):  # of these not one is within a budget of 1 in 1,000
        threshold.follow(1e9, in_alarm=True, passed_s=TEN_S)
    assert threshold.state().tail == before
    for _ in range(60_000):
        threshold.follow(1e9, in_alarm=True, passed_s=TEN_S)
    assert threshold.value == pytest.approx(threshold.anchor, rel=0.01)


def test_a_device_that_is_quieter_than_its_calibration_gets_a_lower_threshold_in_time() -> None:
    threshold, rng = calibrated(1e-3, 5000), Random(5)
    anchor = threshold.anchor
    for _ in range(200_000):
        score = rng.gauss(0, 0.5)
        threshold.follow(score, in_alarm=False, passed_s=TEN_S)
    assert threshold.value is not None
    assert anchor is not None
    assert threshold.value < 0.8 * anchor


def test_a_state_goes_on_and_a_broken_one_is_refused() -> None:
    threshold = calibrated(1e-3, 500)
    other = Threshold(1e-3)
    other.restore(threshold.state())
    for score in (0.1, 0.2, 3.0) * 50:
        threshold.follow(score, in_alarm=False, passed_s=TEN_S)
        other.follow(score, in_alarm=False, passed_s=TEN_S)
    assert other.value == threshold.value
    state = threshold.state()
    with pytest.raises(CoreError):
        other.restore(type(state)(*(state.value, state.anchor, 1.0, 0.0, 1, 0, 0.0), tail=b"short"))
