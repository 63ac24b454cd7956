"""Does the model still fit: told after two periods, not by chance, not by one odd hour."""

from math import log

import numpy as np
import pytest
from small_models import arguments_of, standard_encoding

from covey.watching.drift import PERIOD_WINDOWS, DriftMonitor, stability_index

FEATURES = ("a", "b", "c", "d")
ENCODING = arguments_of(standard_encoding(np.random.default_rng(0).standard_normal((5000, 4)).astype(np.float32)))


def period(
    monitor: DriftMonitor, rng: np.random.Generator, shift: np.ndarray | float = 0.0, windows: int = PERIOD_WINDOWS
):
    report = None
    for _ in range(windows):
        rows = (rng.standard_normal((16, 4)) * 0.3 + rng.standard_normal(4) + shift).astype(np.float32)
        found = monitor.add(rows, 16, float(rows.max()), is_above=False)
        report = found or report
    return report


def calibrated(rng: np.random.Generator, windows: int = 1000) -> DriftMonitor:
    monitor = DriftMonitor(ENCODING, FEATURES)
    assert period(monitor, rng, windows=windows) is None
    assert monitor.windows == windows
    monitor.take_reference()
    return monitor


def test_the_index_is_that_of_its_formula() -> None:
    # (10, 30) and (30, 10) with half a count added to each bin: shares 10.5 / 41 and 30.5 / 41.
    p, q = 10.5 / 41, 30.5 / 41
    assert stability_index((10, 30), (30, 10)) == pytest.approx(2 * (q - p) * log(q / p))
    assert stability_index((7, 0, 3), (7, 0, 3)) == 0


@pytest.mark.parametrize("seed", range(4))
def test_the_same_traffic_is_no_drift(seed: int) -> None:
    rng = np.random.default_rng(seed)
    monitor = calibrated(rng, 400)
    for _ in range(8):
        report = period(monitor, rng)
        assert report is not None
        assert not report.drifts, f"seed {seed}: {report}"


def test_a_shift_is_told_after_two_periods_and_taken_back_after_two() -> None:
    rng = np.random.default_rng(9)
    monitor = calibrated(rng)
    moved = np.array([3.0, 0, 0, 3.0])
    told = [period(monitor, rng, shift) for shift in (moved, moved, moved, 0.0, moved, 0.0, 0.0)]
    assert [(report.drifts, report.changed) for report in told if report] == [
        (False, False),
        (True, True),
        (True, False),
        (True, False),
        (True, False),
        (True, False),
        (False, True),
    ]
    first = told[0]
    assert first is not None
    assert {name for name, _ in first.features[:2]} == {"a", "d"}
    assert first.share_moved == 0.5


def test_one_odd_period_is_not_drift() -> None:
    rng = np.random.default_rng(3)
    monitor = calibrated(rng)
    for shift in (5.0, 0.0, 5.0, 0.0):
        report = period(monitor, rng, shift)
        assert report is not None
        assert not report.drifts


def test_a_monitor_goes_on_from_its_state_and_refuses_one_of_another_encoding() -> None:
    rng = np.random.default_rng(4)
    monitor = calibrated(rng)
    period(monitor, rng, 3.0)
    other = DriftMonitor(ENCODING, FEATURES)
    other.restore(monitor.state())
    report = period(other, rng, 3.0)
    assert report is not None
    assert report.drifts
    small = arguments_of(standard_encoding(np.ones((3, 2), np.float32)))
    with pytest.raises(ValueError, match="another encoding"):
        DriftMonitor(small, ("a", "b")).restore(monitor.state())


def test_the_usual_bin_is_the_median_of_the_reference() -> None:
    rng = np.random.default_rng(5)
    assert DriftMonitor(ENCODING, FEATURES).usual_bin(0) is None
    monitor = calibrated(rng)
    assert monitor.usual_bin(1) in (7, 8)  # of 16 over [-8, 8], for values around 0
