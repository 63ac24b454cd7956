"""Captures watched as a device watches: rows become windows and alarms by the same code, at a given threshold.

A capture is read once; of each row behind its warm-up, its time, its truth and the scores of all detectors are kept, so
that thresholds found from some captures can be tried on others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from covey.core import PACKET_FIELDS, Watch, WatchSettings, Window
from covey.simulation.scorers import Scorer
from covey.telemetry import Recording
from covey.watching import Stage, Threshold, WindowRecord
from covey.watching.detector import LARGEST_SCORE
from covey.wire import DetectionSettings

Times: TypeAlias = NDArray[np.int64]
NS = 1_000_000_000
PACKET = np.dtype(PACKET_FIELDS)
ROWS_A_CALL = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class ScoredCapture:
    """One recording with its rows (n) behind the warm-up scored."""

    recording: Recording
    time_ns: Times  # (n), as they are in the capture: the watch itself says what becomes of a clock that goes back
    kind: NDArray[np.uint8]  # (n): 0 benign, else 1 + index into the truth's kinds
    scores: Mapping[str, NDArray[np.float32]]  # (n) of each detector


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """The windows of a capture, at one threshold, each with its rows by label."""

    records: tuple[WindowRecord, ...]

    @property
    def benign_scores(self) -> list[float]:
        """Scores of the windows without an attack's row."""
        return [record.window.score for record in self.records if not record.is_attack]


def score_capture(
    recording: Recording, names: tuple[str, ...], scorers: Mapping[str, Scorer], warm_up_s: float
) -> ScoredCapture:
    """Read a capture once and score its rows by all detectors; SourceError where it is damaged."""
    times, kinds = [np.zeros(0, np.int64)], [np.zeros(0, np.uint8)]
    found: dict[str, list[NDArray[np.float32]]] = {name: [np.zeros(0, np.float32)] for name in scorers}
    for part in recording.parts(names, warm_up_s):
        times.append(np.array(part.packets["time_ns"], np.int64))
        kinds.append(part.kind.copy())
        for name, scorer in scorers.items():
            found[name].append(scorer(part.x))
    return ScoredCapture(
        recording,
        np.concatenate(times),
        np.concatenate(kinds),
        {name: np.concatenate(parts) for name, parts in found.items()},
    )


def watch(capture: ScoredCapture, detector: str, detection: DetectionSettings, threshold: float) -> Watched:
    """All windows of a capture as a device with this threshold would have seen them."""
    settings = WatchSettings(
        detection.window_s, detection.order, detection.votes, detection.of, detection.hysteresis, detection.quiet_s
    )
    machine = Watch(settings, n_columns=0)
    scores = capture.scores[detector]
    windows: list[Window] = []
    for first in range(0, scores.size, ROWS_A_CALL):
        times = capture.time_ns[first : first + ROWS_A_CALL]
        packets = np.zeros(times.size, PACKET)
        packets["time_ns"] = times
        part = np.ascontiguousarray(scores[first : first + ROWS_A_CALL])
        windows += [window for window, _ in machine.update(packets, None, part, times.size, threshold)]
    last = machine.flush(None, threshold)
    windows += [last[0]] if last else []
    ends = np.cumsum([window.rows for window in windows], dtype=np.int64)
    records = []
    for window, end in zip(windows, ends.tolist(), strict=True):
        labels, counts = np.unique(capture.kind[end - window.rows : end], return_counts=True)
        by_label = dict(zip(labels.tolist(), counts.tolist(), strict=True))
        records.append(WindowRecord(window, b"", Stage.WATCHING, by_label))
    return Watched(tuple(records))


def calibrated(
    captures: Iterable[ScoredCapture], detector: str, detection: DetectionSettings
) -> tuple[float | None, int]:
    """A device's threshold at its budget from the benign windows of its captures, and how many these are.

    They are learnt as a device that calibrates learns them; attack windows are left out as a device leaves out what it
    has a label for. None where the windows are too few for a threshold.
    """
    threshold = Threshold(detection.alarms_per_hour * detection.window_s / 3600)
    for capture in captures:
        for score in watch(capture, detector, detection, LARGEST_SCORE).benign_scores:
            threshold.learn(score)
    try:
        return threshold.settle(), threshold.learnt
    except ValueError:
        return None, threshold.learnt
