"""Slow, obvious twins of windows, alarms, scores and thresholds, written from docs/SPEC.md alone, on lists."""

import math
from dataclasses import dataclass, field

import numpy as np

F = np.float32


@dataclass
class WatchTwin:
    """All windows of a whole recording, from lists of times (ns), scores and thresholds, one of each a row."""

    window_ns: int
    order: int
    votes: int
    of: int
    hysteresis: float
    quiet_ns: int
    ended: list[tuple[int, float, float]] = field(default_factory=list)  # start, score, threshold of all windows so far
    alarm: bool = False
    told: int | None = None

    def windows(self, times: list[int], scores: list[float], threshold: float) -> list[tuple[object, ...]]:
        """(start, end, rows, rows above, score, top score, index of the top row, is above, alarm) of each window."""
        groups: list[tuple[int, list[int]]] = []
        for i, time in enumerate(times):
            start = time // self.window_ns * self.window_ns if self.window_ns else time
            is_set_back = bool(groups) and time < groups[-1][0] - self.window_ns - 10**9
            if groups and self.window_ns and start <= groups[-1][0] and not is_set_back:
                groups[-1][1].append(i)
            else:
                groups.append((start, [i]))
        return [self.window(start, rows, scores, threshold) for start, rows in groups]

    def window(self, start: int, rows: list[int], scores: list[float], threshold: float) -> tuple[object, ...]:
        ranked = sorted((scores[i] for i in rows), reverse=True)
        score = ranked[min(self.order, len(ranked)) - 1]
        top = next(i for i in rows if scores[i] == ranked[0])
        above = sum(scores[i] > threshold for i in rows)
        self.ended.append((start, score, threshold))
        alarm = self.vote(start)
        return start, start + self.window_ns, len(rows), above, score, ranked[0], top, score > threshold, alarm

    def vote(self, start: int) -> str:
        last = self.ended[-self.of :]
        above = sum(score > threshold for _, score, threshold in last)
        near = sum(score > F(threshold) - F(self.hysteresis) for _, score, threshold in last)
        if self.alarm:
            self.alarm = near > 0
            return "GOES_ON" if self.alarm else "ENDED"
        if above < self.votes:
            return "NONE"
        self.alarm = True
        if self.told is not None and abs(start - self.told) < self.quiet_ns:
            return "SUPPRESSED"
        self.told = start
        return "RAISED"


def log_odds(logits: np.ndarray) -> float:
    """Of "not class 0", in double."""
    z = logits.astype(np.float64)
    most = z[1:].max()
    return float(most + math.log(np.exp(z[1:] - most).sum()) - z[0])


def log_error(outputs: np.ndarray, inputs: np.ndarray) -> float:
    """Of the mean squared error: the sum in float32, in order, the logarithm in double."""
    total = F(0)
    for output, value in zip(outputs, inputs, strict=True):
        total += (output - value) * (output - value)
    return math.log(max(total / F(len(outputs)), np.finfo(F).tiny))


class TailTwin:
    """Thresholds from a plain list of all scores, none forgotten."""

    def __init__(self, scores: np.ndarray) -> None:
        self.scores = sorted((float(score) for score in scores), reverse=True)

    def threshold(self, rate: float, kept: int = 64) -> float:
        scores, n = self.scores[:kept], len(self.scores)
        rank = rate * (n + 1)
        if rank >= len(scores):
            return scores[-1]
        if rank >= 1:
            j = int(rank)
            return scores[j - 1] + (scores[j] - scores[j - 1]) * (rank - j)
        k = min(max(8, min(n // 8, 64)), len(scores) - 1)
        if k == 0:
            return scores[0]
        excess = [score - scores[k] for score in scores[:k]]
        return max(scores[0], scores[k] + sum(excess) * (((k + 1) / rank) ** (1 / k) - 1))
