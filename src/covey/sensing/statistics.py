"""Statistics of a window of readings, kept as they come, in memory that does not grow with the window.

Means and spreads by Welford's recurrence (1962); the slope is that of least squares. Float64 additions,
multiplications, divisions and square roots only, which give the same bits on every machine.
"""

from collections.abc import Callable
from enum import StrEnum
from math import sqrt


class Statistic(StrEnum):
    """What is kept of a column in a window; a feature is named <column>_<statistic>."""

    MEAN = "mean"
    STD = "std"  # of the readings as they are (divided by n); 0 for one reading
    MIN = "min"
    MAX = "max"
    SLOPE = "slope"  # per second, or per reading where they have no times; 0 for one reading
    LAST = "last"
    COUNT = "count"


class Summary:
    """The statistics of one column in one window."""

    __slots__ = ("_cross", "_mean_t", "_square", "_square_t", "largest", "last", "mean", "n", "smallest")

    def __init__(self) -> None:
        """No readings."""
        self.n = 0
        self.mean = self.smallest = self.largest = self.last = 0.0
        self._mean_t = self._square = self._square_t = self._cross = 0.0

    def add(self, t: float, x: float) -> None:
        """One more reading x, t seconds (or readings) behind the window's first."""
        self.n += 1
        if self.n == 1:
            self.mean = self.smallest = self.largest = self.last = x
            self._mean_t = t
            return
        dt, dx = t - self._mean_t, x - self.mean
        self._mean_t += dt / self.n
        self.mean += dx / self.n
        self._square_t += dt * (t - self._mean_t)
        self._square += dx * (x - self.mean)
        self._cross += dt * (x - self.mean)
        self.smallest, self.largest, self.last = min(self.smallest, x), max(self.largest, x), x

    @property
    def std(self) -> float:
        """Standard deviation."""
        return sqrt(self._square / self.n)

    @property
    def slope(self) -> float:
        """Rise a second, or a reading."""
        return self._cross / self._square_t if self._square_t > 0 else 0.0


STATISTICS: dict[Statistic, Callable[[Summary], float]] = {
    Statistic.MEAN: lambda summary: summary.mean,
    Statistic.STD: lambda summary: summary.std,
    Statistic.MIN: lambda summary: summary.smallest,
    Statistic.MAX: lambda summary: summary.largest,
    Statistic.SLOPE: lambda summary: summary.slope,
    Statistic.LAST: lambda summary: summary.last,
    Statistic.COUNT: lambda summary: float(summary.n),
}
