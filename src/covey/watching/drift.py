"""Does the model still fit? Where rows and scores fall now, against where they fell when the device was calibrated.

The measure is the population stability index of two histograms, the sum over bins of (p - q) * log(p / q), for each
feature in the bins of the model's own encoding, and for the scores of windows in ten bins of equal share. Rows within
a window are much alike, so it is windows that count as independent: each adds at most WindowSample's few rows. Two
samples of the same traffic differ by about (bins - 1) * (1 / n + 1 / m) for n and m windows; so much is allowed for.

A change is told only if two periods in a row say so, and taken back only if two in a row lie clearly lower.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

from covey.core import Bins, EncodingArguments

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PERIOD_WINDOWS = 360  # an hour of windows of ten seconds
MOVED, SETTLED = 0.25, 0.10  # the field's rule of thumb: above the first a population has shifted, below the second not
SHARE_MOVED, SHARE_SETTLED = 0.25, 0.10  # of the features
PERIODS = 2
SCORE_BINS = 10
REFERENCE_SCORES = 1024
MOST_FEATURES_TOLD = 5


@dataclass(frozen=True, slots=True)
class DriftReport:
    """One period against the reference. `changed`: `drifts` is not what it was in the report before."""

    drifts: bool
    changed: bool
    scores: float  # stability index of the windows' scores, what chance explains taken off
    share_moved: float  # of the features whose index is above MOVED
    features: tuple[tuple[str, float], ...]  # those that moved most, with their indices
    windows: int
    windows_above: int


@dataclass(frozen=True, slots=True)
class DriftState:
    """All that a DriftMonitor knows but the period at hand, to be stored."""

    reference: bytes  # (sum of bins) uint32; empty: none yet
    reference_windows: int
    edges: tuple[float, ...]
    score_counts: tuple[int, ...]
    drifts: bool
    streak: int


class DriftMonitor:
    """Collects a reference, then compares period after period with it."""

    def __init__(self, encoding: EncodingArguments, feature_names: Sequence[str]) -> None:
        """Begin to collect the reference."""
        self._bins = Bins(encoding)
        self._names = tuple(feature_names)
        self._reference: tuple[int, ...] | None = None
        self._reference_windows = 0
        self._edges: tuple[float, ...] = ()
        self._score_counts: tuple[int, ...] = ()
        self._scores: list[float] = []
        self._every = 1  # of the reference's scores, one in so many is kept
        self._windows = self._above = 0
        self._streak = 0
        self.drifts = False

    @property
    def has_reference(self) -> bool:
        """Whether there is something to compare with."""
        return self._reference is not None

    @property
    def windows(self) -> int:
        """Windows of the period, or of the reference, at hand."""
        return self._windows

    def add(self, inputs: "ReadableBuffer", n: int, score: float, *, is_above: bool) -> DriftReport | None:
        """Take a window: some of its rows, encoded (n, d), and its score. A report at the end of a period."""
        self._bins.add(inputs, n)
        if self._reference is not None or self._windows % self._every == 0:
            self._scores.append(score)
        self._windows += 1
        self._above += is_above
        if self._reference is None:
            if len(self._scores) > REFERENCE_SCORES:
                del self._scores[1::2]
                self._every *= 2
            return None
        return self._report() if self._windows >= PERIOD_WINDOWS else None

    def take_reference(self) -> None:
        """What was collected is the reference from here on."""
        self._reference = tuple(self._bins.counts)
        self._reference_windows = self._windows
        ordered = sorted(self._scores)
        cuts = (ordered[len(ordered) * i // SCORE_BINS] for i in range(1, SCORE_BINS)) if ordered else ()
        self._edges = tuple(sorted(set(cuts)))
        self._score_counts = self._count_scores()
        self._begin_period()

    def usual_bin(self, feature: int) -> int | None:
        """The bin of a feature in which the median of the reference lies; None without a reference."""
        if self._reference is None:
            return None
        first = sum(self._bins.bins[:feature])
        counts = self._reference[first : first + self._bins.bins[feature]]
        left = sum(counts) / 2
        for i, count in enumerate(counts):
            left -= count
            if left <= 0:
                return i
        return None

    def _begin_period(self) -> None:
        self._bins.reset()
        self._scores = []
        self._windows = self._above = 0
        self._every = 1

    def _count_scores(self) -> tuple[int, ...]:
        counts = [0] * (len(self._edges) + 1)
        for score in self._scores:
            counts[bisect_right(self._edges, score)] += 1
        return tuple(counts)

    def _report(self) -> DriftReport:
        indices = self._feature_indices()
        scores = self._beyond_chance(self._score_counts, self._count_scores())
        moved = sum(index > MOVED for index in indices) / len(indices)
        most = sorted(zip(self._names, indices, strict=True), key=lambda pair: -pair[1])[:MOST_FEATURES_TOLD]
        was = self.drifts
        self._turn(
            scores > MOVED or moved > SHARE_MOVED,
            scores < SETTLED and sum(index > SETTLED for index in indices) / len(indices) < SHARE_SETTLED,
        )
        report = DriftReport(self.drifts, self.drifts != was, scores, moved, tuple(most), self._windows, self._above)
        self._begin_period()
        return report

    def _turn(self, has_moved: bool, has_settled: bool) -> None:
        """Change the verdict only after PERIODS reports in a row that ask for it."""
        self._streak = self._streak + 1 if (has_settled if self.drifts else has_moved) else 0
        if self._streak >= PERIODS:
            self.drifts = not self.drifts
            self._streak = 0

    def _feature_indices(self) -> list[float]:
        indices, first = [], 0
        reference = self._reference or ()
        now = self._bins.counts.tolist()
        for n_bins in self._bins.bins:
            end = first + n_bins
            indices.append(self._beyond_chance(reference[first:end], now[first:end]))
            first = end
        return indices

    def _beyond_chance(self, before: Sequence[int], now: Sequence[int]) -> float:
        """The index less what two samples of one population have on average, not below 0."""
        used = sum(a + b > 0 for a, b in zip(before, now, strict=True))
        chance = (used - 1) * (1 / max(1, self._reference_windows) + 1 / max(1, self._windows))
        return max(0.0, stability_index(before, now) - chance)

    def state(self) -> DriftState:
        """What to store."""
        reference = memoryview(bytearray(4 * len(self._reference or ()))).cast("I")
        for i, count in enumerate(self._reference or ()):
            reference[i] = count
        return DriftState(
            reference.tobytes(), self._reference_windows, self._edges, self._score_counts, self.drifts, self._streak
        )

    def restore(self, state: DriftState) -> None:
        """Go on from a state, at the beginning of a period; ValueError if it was made for another encoding."""
        counts = tuple(memoryview(state.reference).cast("I"))
        sound = min((state.reference_windows, state.streak, *state.score_counts)) >= 0
        fits = (
            sound and len(counts) in (0, sum(self._bins.bins)) and len(state.score_counts) in (0, len(state.edges) + 1)
        )
        if not fits or list(state.edges) != sorted(set(state.edges)):
            raise ValueError("the reference was made for another encoding")
        self._reference = counts or None
        self._reference_windows = state.reference_windows
        self._edges, self._score_counts = state.edges, state.score_counts
        self.drifts, self._streak = state.drifts, state.streak
        self._begin_period()


def stability_index(before: Sequence[int], now: Sequence[int]) -> float:
    """The population stability index of two histograms over the same bins; half a count is added to every bin."""
    total_before, total_now = sum(before) + len(before) / 2, sum(now) + len(now) / 2
    index = 0.0
    for a, b in zip(before, now, strict=True):
        p, q = (a + 0.5) / total_before, (b + 0.5) / total_now
        index += (p - q) * log(p / q)
    return index
