"""The threshold of a window's score: given, calibrated, or following the device's own benign windows within bounds.

A device may not trust its own traffic fully: whoever can send it packets can try to raise its threshold step by step.
So what follows is bounded three times. Of windows above the threshold only a few count, a multiple of what the budget
of false alarms expects: those in alarm as the threshold itself, others as little more (left out altogether they would
let the threshold sink for ever, and one that is too low could never rise). The threshold moves at most SPEED_PER_H of
its distance from the usual score in an hour of traffic. And it never leaves REACH of that distance around the value it
was calibrated to. Who owns a device for days can still use up the reach: calibrate again from traffic you know.

Source: quantiles by covey_tail_threshold; peaks over threshold on a stream as in Siffer et al., KDD 2017.
"""

from array import array
from dataclasses import dataclass
from math import isfinite

from covey.core import TAIL_SCORES, Tail

SPEED_PER_H = 0.02  # of the distance between the usual score and the threshold: half of it takes a day
REACH = 0.5
WINDOWS_A_STEP = 60
#: Of so many windows the older half counts half: a week of windows of ten seconds.
FORGETTING = 60_480
SMALLEST_DISTANCE = 0.05  # where all windows score alike: 5 % in odds or in error
FEWEST_WINDOWS = 30  # that a calibration needs: below, the highest scores say nothing about a tail
#: Of windows above the threshold so many times the budget count, where there is no alarm; in alarm just the budget.
CREDIT = 3.0
LARGEST_CREDIT = 2 * CREDIT
BEYOND = 0.1  # of the distance: how far above the threshold a score counts at most
LONGEST_STEP_S = 3600.0
HIGHEST_RATE = 0.5


@dataclass(frozen=True, slots=True)
class ThresholdState:
    """All that a Threshold knows, to be stored."""

    value: float | None
    anchor: float | None  # the value calibrated to
    distance: float
    total: float  # of the scores learnt from
    learnt: int
    since_forgetting: int
    credit: float
    tail: bytes


class Threshold:
    """The threshold at a budget: `rate` is the share of benign windows that may lie above.

    `value` is None until it is given or settled.
    """

    __slots__ = (
        "_credit",
        "_distance",
        "_learnt",
        "_passed_s",
        "_pending",
        "_since_forgetting",
        "_tail",
        "_total",
        "anchor",
        "rate",
        "value",
    )

    def __init__(self, rate: float, given: float | None = None) -> None:
        """Begin with the model's own threshold, or none."""
        self.rate = min(rate, HIGHEST_RATE)
        self.value = given
        self.anchor: float | None = None
        self._tail = Tail()
        self._pending = array("f")
        self._total = self._distance = self._credit = self._passed_s = 0.0
        self._learnt = self._since_forgetting = 0

    @property
    def learnt(self) -> int:
        """Windows that a calibration is made of so far."""
        return self._learnt

    @property
    def is_calibrated(self) -> bool:
        """Whether the value comes from the device's own windows."""
        return self.anchor is not None

    def learn(self, score: float) -> None:
        """Take a window of a calibration: all of it is believed benign."""
        self._tail.add(array("f", [score]))
        self._total += score
        self._learnt += 1
        self._forget_in_time()

    def settle(self) -> float:
        """The threshold from what was learnt; ValueError where that is fewer than FEWEST_WINDOWS windows."""
        if self._learnt < FEWEST_WINDOWS:
            raise ValueError(f"a threshold needs {FEWEST_WINDOWS} windows, and there are {self._learnt}")
        self.value = self.anchor = self._tail.threshold(self.rate)
        usual = self._total / self._learnt
        self._distance = max(self.anchor - usual, SMALLEST_DISTANCE)
        return self.value

    def follow(self, score: float, *, in_alarm: bool, passed_s: float) -> bool:
        """Take a window while watching; whether the value moved. passed_s: time since the window before.

        Does nothing before `settle`.
        """
        if self.value is None or self.anchor is None:
            return False
        self._passed_s += min(max(passed_s, 0.0), LONGEST_STEP_S)
        self._credit = min(self._credit + CREDIT * self.rate, LARGEST_CREDIT)
        price = CREDIT if in_alarm else 1.0 if score > self.value else 0.0
        if self._credit >= price:
            self._credit -= price
            highest = self.value if in_alarm else self.value + BEYOND * self._distance
            self._pending.append(min(score, highest))
        return len(self._pending) >= WINDOWS_A_STEP and self._step(self.value, self.anchor)

    def _step(self, value: float, anchor: float) -> bool:
        self._tail.add(self._pending)
        self._since_forgetting += len(self._pending)
        del self._pending[:]
        self._forget_in_time()
        most = self._distance * SPEED_PER_H * self._passed_s / 3600
        self._passed_s = 0.0
        wanted = self._tail.threshold(self.rate)
        wanted = min(max(wanted, value - most), value + most)
        reach = REACH * self._distance
        self.value = min(max(wanted, anchor - reach), anchor + reach)
        return self.value != value

    def _forget_in_time(self) -> None:
        """Forget by age, and before more scores lie above the threshold than a Tail keeps (its rule)."""
        while self._since_forgetting > FORGETTING or self._tail.count * self.rate > TAIL_SCORES / 2:
            self._tail.forget()
            self._since_forgetting = 0

    def state(self) -> ThresholdState:
        """What to store; scores that wait for the next step are left out."""
        return ThresholdState(
            self.value,
            self.anchor,
            self._distance,
            self._total,
            self._learnt,
            self._since_forgetting,
            self._credit,
            self._tail.snapshot(),
        )

    def restore(self, state: ThresholdState) -> None:
        """Go on from a state; CoreError if its tail is none, ValueError if a number is out of its range."""
        values = (state.value or 0.0, state.anchor or 0.0, state.distance, state.total)
        if not all(map(isfinite, values)) or min(state.learnt, state.since_forgetting, state.credit) < 0:
            raise ValueError("the threshold's numbers are out of their range")
        self._tail.restore(state.tail)
        self.value, self.anchor = state.value, state.anchor
        self._distance, self._total, self._credit = state.distance, state.total, state.credit
        self._learnt, self._since_forgetting = state.learnt, state.since_forgetting
