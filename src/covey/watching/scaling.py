"""Scaling that follows the device: the fleet's centres and scales, drawn towards the device's own statistics.

For STANDARD and SIGNED_LOG encodings, and in adapt mode only. Scaled values z of benign windows have a mean m and a
variance v over the device's rows, counted with a half-life. The centre moves by BLEND * m, held to one unit of scale,
and the scale is divided by v^(BLEND / 2), held to a factor of two; and both by at most SPEED_PER_H in an hour of
traffic, since traffic can be made by others. With KNOTS there is nothing to scale: places between knots bend with the
fleet's quantiles already, and moving them would change what each weight of the spline means. There only the threshold
follows.
"""

from array import array
from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING

from covey.core import EncodingArguments, EncodingKind

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

BLEND = 0.5
SPEED_PER_H = 0.05  # units of scale, and of the logarithm of scale
MOST_SHIFT, MOST_STRETCH = 1.0, 0.6931472
HALF_LIFE_ROWS = 100_000.0
FEWEST_ROWS = 200  # before that the device has no statistics to speak of
STEP_S = 3600.0


@dataclass(frozen=True, slots=True)
class ScalingState:
    """All that a LocalScaling knows, to be stored; float64 in bytes, (d) each."""

    rows: float
    totals: bytes
    squares: bytes
    shifts: bytes
    stretches: bytes


class LocalScaling:
    """Statistics of the device's benign rows, and the encoding that follows from them."""

    def __init__(self, encoding: EncodingArguments) -> None:
        """Begin with the fleet's encoding; ValueError for one that has no scales."""
        if not can_rescale(encoding):
            raise ValueError(f"an encoding of kind {encoding.kind.name} has no scales")
        self.encoding = encoding
        n = encoding.inputs
        self._rows = 0.0
        self._totals, self._squares = array("d", bytes(8 * n)), array("d", bytes(8 * n))
        self._shifts, self._stretches = array("d", bytes(8 * n)), array("d", bytes(8 * n))
        self._passed_s = 0.0

    def add(self, inputs: "ReadableBuffer", n: int) -> None:
        """Take rows (n, d) as the fleet's own encoding makes them."""
        values = memoryview(inputs).cast("B").cast("f").tolist()
        d = self.encoding.inputs
        if self._rows + n > 2 * HALF_LIFE_ROWS:
            self._halve()
        self._rows += n
        for j in range(d):
            column = values[j::d]
            self._totals[j] += sum(column)
            self._squares[j] += sum(value * value for value in column)

    def _halve(self) -> None:
        self._rows /= 2
        for sums in (self._totals, self._squares):
            for j, value in enumerate(sums):
                sums[j] = value / 2

    def settle(self) -> "tuple[array[float], array[float]] | None":
        """Centres and scales at once, after a calibration; None where there were too few rows."""
        return self._move(None) if self._rows >= FEWEST_ROWS else None

    def follow(self, passed_s: float) -> "tuple[array[float], array[float]] | None":
        """The same within the bound of speed, once an hour of traffic; None in between."""
        self._passed_s += min(max(passed_s, 0.0), STEP_S)
        if self._passed_s < STEP_S or self._rows < FEWEST_ROWS:
            return None
        most = SPEED_PER_H * self._passed_s / STEP_S
        self._passed_s = 0.0
        return self._move(most)

    def _move(self, most: float | None) -> "tuple[array[float], array[float]]":
        """Shifts and stretches go towards what the statistics ask for, by `most` (None: all the way)."""
        for j in range(self.encoding.inputs):
            mean = self._totals[j] / self._rows
            spread = max(self._squares[j] / self._rows - mean * mean, 1e-6)
            shift = _held(BLEND * mean, MOST_SHIFT)
            stretch = _held(BLEND * log(spread) / 2, MOST_STRETCH)
            if most is not None:
                shift = self._shifts[j] + _held(shift - self._shifts[j], most)
                stretch = self._stretches[j] + _held(stretch - self._stretches[j], most)
            self._shifts[j], self._stretches[j] = shift, stretch
        return self.scales()

    def scales(self) -> "tuple[array[float], array[float]]":
        """Centres and scales (d) float32 as they are now."""
        center = memoryview(self.encoding.center or b"").cast("B").cast("f")
        scale = memoryview(self.encoding.scale or b"").cast("B").cast("f")
        moved = (c + shift / s if s else c for c, s, shift in zip(center, scale, self._shifts, strict=True))
        stretched = (s * exp(-stretch) for s, stretch in zip(scale, self._stretches, strict=True))
        return array("f", moved), array("f", stretched)

    def state(self) -> ScalingState:
        """What to store."""
        parts = (self._totals, self._squares, self._shifts, self._stretches)
        totals, squares, shifts, stretches = (part.tobytes() for part in parts)
        return ScalingState(self._rows, totals, squares, shifts, stretches)

    def restore(self, state: ScalingState) -> "tuple[array[float], array[float]]":
        """Go on from a state; ValueError if it was made for another number of features or is out of bounds."""
        parts = [array("d", part) for part in (state.totals, state.squares, state.shifts, state.stretches)]
        n = self.encoding.inputs
        within = all(abs(shift) <= MOST_SHIFT for shift in parts[2]) and all(abs(s) <= MOST_STRETCH for s in parts[3])
        if any(len(part) != n for part in parts) or not within or not state.rows >= 0:
            raise ValueError("the scaling was made for another model")
        self._rows = state.rows
        self._totals, self._squares, self._shifts, self._stretches = parts
        return self.scales()


def can_rescale(encoding: EncodingArguments) -> bool:
    """Whether an encoding has scales that can follow a device."""
    return encoding.kind in (EncodingKind.STANDARD, EncodingKind.SIGNED_LOG)


def _held(value: float, most: float) -> float:
    return min(max(value, -most), most)
