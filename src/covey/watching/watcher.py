"""The machine that watches: blocks of rows in, windows, alarms, thresholds and drift out. No clock, file or socket.

    SCALING ---half the windows---> LEARNING ---all of them, or settle()---> WATCHING
    (adapt mode, scaled encodings)  (no alerts)                              (alerts)

It begins in WATCHING where the model brings a threshold and the mode does not change it; else, and when told to
calibrate, it begins by learning, and gives no alert until it has a threshold. In adapt mode threshold and scaling go on
following the device within bounds (thresholds.py, scaling.py).
"""

from array import array
from collections.abc import Container
from dataclasses import dataclass
from enum import IntEnum
from struct import unpack_from
from typing import TYPE_CHECKING

from covey.core import AlarmState, Watch, WatchSettings, Window
from covey.watching.detector import LARGEST_SCORE, Detector
from covey.watching.drift import PERIOD_WINDOWS, DriftMonitor, DriftReport
from covey.watching.modes import Mode
from covey.watching.samples import WindowSample
from covey.watching.scaling import LocalScaling, can_rescale
from covey.watching.thresholds import FEWEST_WINDOWS, Threshold
from covey.wire import DetectionSettings

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

LEARN_WINDOWS = 360  # an hour of windows of ten seconds
_IN_ALARM = (AlarmState.RAISED, AlarmState.GOES_ON, AlarmState.SUPPRESSED)


class Stage(IntEnum):
    """What a window is used for."""

    SCALING = 1
    LEARNING = 2
    WATCHING = 3


@dataclass(frozen=True, slots=True)
class WindowRecord:
    """A window that ended. top_row: its highest row, (d) float32 raw features.

    labels: rows by label (0 benign, else 1 + the kind of attack), where labels were given, else None.
    alert_id: names the alert where the alarm was raised and is to be told.
    """

    window: Window
    top_row: bytes
    stage: Stage
    labels: dict[int, int] | None
    alert_id: str | None = None

    @property
    def in_alarm(self) -> bool:
        """Whether the alarm is on in this window."""
        return self.window.alarm in _IN_ALARM

    @property
    def is_attack(self) -> bool:
        """Whether the labels say that a row of it is an attack's."""
        return self.labels is not None and any(label for label in self.labels)

    @property
    def is_believed(self) -> bool:
        """Whether it passes for benign: not above the threshold, not in alarm, not labelled an attack."""
        return not (self.window.is_above or self.in_alarm or self.is_attack)


@dataclass(frozen=True, slots=True)
class Settled:
    """Learning is over: the threshold that holds from here on, and of how many windows it is made.

    Where many are suspects, attacks may have been learnt as usual.
    """

    threshold: float
    windows: int
    rescaled: bool
    suspects: int  # of these windows the model itself would have held for attacks


@dataclass(frozen=True, slots=True)
class WatcherState:
    """Where windows and alarm stand, to be stored; thresholds, drift and scaling have states of their own."""

    stage: Stage
    watch: bytes
    open_rows: int
    learnt: int
    alerts: int
    learnt_s: float
    end_ns: int | None
    open_end_ns: int | None


Finding = WindowRecord | Settled | DriftReport


class Watcher:
    """One model watching one source."""

    def __init__(
        self,
        detector: Detector,
        detection: DetectionSettings,
        mode: Mode = Mode.INFERENCE,
        threshold: float | None = None,
        learn_windows: int = LEARN_WINDOWS,
    ) -> None:
        """Begin; `threshold` is the model's own, or None."""
        self.detector = detector
        self.detection = detection
        self.mode = mode
        self.learn_windows = max(learn_windows, FEWEST_WINDOWS)
        self.threshold = Threshold(_rate(detection), threshold)
        self.drift = DriftMonitor(detector.encoding, detector.feature_names)
        self.fleet_encoding = detector.encoding
        adapts = mode is Mode.ADAPT and can_rescale(detector.encoding)
        self.scaling = LocalScaling(detector.encoding) if adapts else None
        self.stage = Stage.WATCHING
        self.ends_learning = True  # by itself, after learn_windows
        self._watch = self._fresh_watch()
        self._sample = WindowSample(detector.n_features)
        self._labels: dict[int, int] = {}
        self._open_rows = 0  # of the window at hand
        self._end_ns: int | None = None  # of the last window
        self._open_end_ns: int | None = None
        self._learnt = self._alerts = self._suspects = 0
        likely = None if detector.is_error else 0.0  # log odds of 0: as likely as not; an error has no such point
        self._suspect_above = threshold if threshold is not None else likely
        self._learnt_s = 0.0
        self._restored = False
        if threshold is None or mode is Mode.ADAPT:
            self.begin_learning()

    @property
    def next_deadline_ns(self) -> int | None:
        """When the window at hand ends, if no row comes: call `flush` then. None where there is none."""
        return self._open_end_ns

    def begin_learning(self, *, by_itself: bool = True) -> None:
        """Learn anew, without alerts; ends after learn_windows, or (not by_itself) only with `settle`."""
        self.stage = Stage.SCALING if self.scaling is not None and self._learnt == 0 else Stage.LEARNING
        self.ends_learning = by_itself

    def score(self, rows: "ReadableBuffer", n: int) -> "memoryview[float]":
        """Scores of raw rows, to be given to `take` with them."""
        return self.detector.score(rows, n)

    def take(
        self,
        packets: "ReadableBuffer",
        rows: "ReadableBuffer",
        n: int,
        scores: "memoryview[float]",
        *,
        labels: "bytes | bytearray | memoryview | None" = None,
        distrusted: Container[int] = (),
    ) -> list[Finding]:
        """Take n rows in order of time: packets (n * 72 bytes), raw rows (n, d) float32, scores (n), labels (n).

        distrusted: starts of windows that somebody else holds for attacks: nothing is learnt from them.
        """
        if n == 0:
            return []
        self._check_time(unpack_from("<q", packets)[0])
        ended = self._watch.update(packets, rows, scores, n, self._limit())
        findings: list[Finding] = []
        first = 0
        for window, top_row in ended:
            end = first + window.rows - self._open_rows
            self._collect(rows, labels, first, end)
            findings += self._end(window, top_row, labels is not None, distrusted)
            first = end
        self._collect(rows, labels, first, n)
        self._open_rows += n - first
        self._open_end_ns = self._grid_end(unpack_from("<q", packets, 72 * (n - 1))[0]) if self._open_rows else None
        return findings

    def flush(self, now_ns: int | None) -> list[Finding]:
        """End the window at hand if it is over at now_ns (None: in any case)."""
        ended = self._watch.flush(now_ns, self._limit())
        if ended is None:
            return []
        self._open_end_ns = None
        return self._end(*ended, bool(self._labels), ())

    def end_source(self) -> None:
        """The next rows are of another source: windows and alarms begin afresh, what was learnt stays."""
        self._watch = self._fresh_watch()
        self._sample.clear()
        self._labels, self._open_rows, self._end_ns, self._open_end_ns = {}, 0, None, None

    def settle(self) -> Settled:
        """End the learning; ValueError where too few windows were seen for a threshold."""
        self._settle_rate()
        value = self.threshold.settle()
        if self.drift.windows >= FEWEST_WINDOWS:  # else most came before a restart: collect anew
            self.drift.take_reference()
        self.stage = Stage.WATCHING
        is_rescaled = self.detector.encoding is not self.fleet_encoding
        return Settled(value, self.threshold.learnt, is_rescaled, self._suspects)

    def _settle_rate(self) -> None:
        """Where each row is a window, only what was learnt says how many windows an hour has."""
        if self.detection.window_s == 0 and self.threshold.learnt:
            hours = max(self._learnt_s, 1.0) / 3600
            self.threshold.rate = min(0.5, self.detection.alarms_per_hour * hours / self.threshold.learnt)

    def settle_scaling(self) -> None:
        """End the stage SCALING: from here on windows are learnt with the device's own scaling."""
        scales = self.scaling.settle() if self.scaling is not None else None
        if scales is not None:
            self.detector.rescale(*scales)
        self.stage = Stage.LEARNING

    def state(self) -> WatcherState:
        """What to store of windows and alarm."""
        return WatcherState(
            self.stage,
            self._watch.snapshot(),
            self._open_rows,
            self._learnt,
            self._alerts,
            self._learnt_s,
            self._end_ns,
            self._open_end_ns,
        )

    def restore(self, state: WatcherState) -> None:
        """Go on from a state; CoreError or ValueError, with nothing changed, if it is none for these settings."""
        if min(state.open_rows, state.learnt, state.alerts) < 0 or not state.learnt_s >= 0:
            raise ValueError("a count is negative")
        if state.stage is not Stage.WATCHING and self.mode is not Mode.ADAPT and self.threshold.value is not None:
            raise ValueError("a threshold is there, and yet it is still learnt")
        self._watch.restore(state.watch)
        self.stage = state.stage
        self._open_rows, self._learnt, self._alerts = state.open_rows, state.learnt, state.alerts
        self._learnt_s, self._end_ns, self._open_end_ns = state.learnt_s, state.end_ns, state.open_end_ns
        self._restored = True
        self._settle_rate()

    def _fresh_watch(self) -> Watch:
        d = self.detection
        settings = WatchSettings(d.window_s, d.order, d.votes, d.of, d.hysteresis, d.quiet_s)
        return Watch(settings, self.detector.n_features)

    def _limit(self) -> float:
        """The threshold for rows that come now: while learning nothing lies above."""
        value = self.threshold.value
        return LARGEST_SCORE if value is None or self.stage is not Stage.WATCHING else value

    def _check_time(self, first_ns: int) -> None:
        """A source older than what was stored begins afresh, else all of it would fall into the window at hand."""
        if self._restored and self._end_ns is not None and first_ns < self._end_ns:
            self.end_source()
        self._restored = False

    def _grid_end(self, time_ns: int) -> int:
        width = round(self.detection.window_s * 1e9)
        own = time_ns // width * width + width if width else time_ns
        return max(own, self._open_end_ns or own)

    def _collect(self, rows: "ReadableBuffer", labels: "ReadableBuffer | None", first: int, end: int) -> None:
        """Take down rows first..end of the window at hand."""
        if end <= first:
            return
        self._sample.add(rows, first, end)
        if labels is not None:
            part = bytes(memoryview(labels)[first:end])
            for label in set(part):
                self._labels[label] = self._labels.get(label, 0) + part.count(label)

    def _end(self, window: Window, top_row: bytes, has_labels: bool, distrusted: Container[int]) -> list[Finding]:
        """A window is over: learn from it or watch with it."""
        alert_id = None
        if window.alarm is AlarmState.RAISED:
            self._alerts += 1
            alert_id = f"{window.start_ns:x}-{self._alerts}"
        record = WindowRecord(window, top_row, self.stage, self._labels if has_labels else None, alert_id)
        self._labels, self._open_rows = {}, 0
        passed_s = (window.end_ns - self._end_ns) / 1e9 if self._end_ns is not None else self.detection.window_s
        self._end_ns = window.end_ns
        findings: list[Finding] = [record]
        is_scored = window.score < LARGEST_SCORE  # else a few rows without a score would make the threshold infinite
        is_trusted = record.is_believed and is_scored and window.start_ns not in distrusted
        if self.stage is Stage.WATCHING:
            findings += self._watch_on(record, passed_s, is_trusted=is_trusted)
        elif is_trusted:
            findings += self._learn(record, passed_s)
        self._sample.clear()
        return findings

    def _learn(self, record: WindowRecord, passed_s: float) -> list[Finding]:
        self._learnt += 1
        if self.stage is Stage.SCALING:
            self._follow_scaling()
            if self.ends_learning and self._learnt >= self.learn_windows // 2:
                self.settle_scaling()
            return []
        self.threshold.learn(record.window.score)
        self._suspects += self._suspect_above is not None and record.window.score > self._suspect_above
        self._learnt_s += min(max(passed_s, 0.0), 3600.0)
        self._add_drift(record)
        done = self.ends_learning and self._learnt >= self.learn_windows and self.threshold.learnt >= FEWEST_WINDOWS
        return [self.settle()] if done else []

    def _watch_on(self, record: WindowRecord, passed_s: float, *, is_trusted: bool) -> list[Finding]:
        report = self._add_drift(record)
        if not self.drift.has_reference and self.drift.windows >= PERIOD_WINDOWS:
            self.drift.take_reference()
        if self.mode is Mode.ADAPT:
            if self.scaling is not None and is_trusted:
                self._follow_scaling()
            if not record.is_attack:
                self.threshold.follow(record.window.score, in_alarm=record.in_alarm, passed_s=passed_s)
            scales = self.scaling.follow(passed_s) if self.scaling is not None else None
            if scales is not None:
                self.detector.rescale(*scales)
        return [report] if report is not None else []

    def _follow_scaling(self) -> None:
        if self.scaling is not None and self._sample.n:
            n = self._sample.n
            self.scaling.add(self.detector.encode(self._sample.rows, n, self.fleet_encoding), n)

    def _add_drift(self, record: WindowRecord) -> DriftReport | None:
        n, window = self._sample.n, record.window
        inputs = self.detector.encode(self._sample.rows, n, self.fleet_encoding) if n else array("f")
        return self.drift.add(inputs, n, window.score, is_above=window.is_above)


def _rate(detection: DetectionSettings) -> float:
    """The share of windows that may lie above at the budget of false alarms; for single rows `settle` sets it."""
    return detection.alarms_per_hour * detection.window_s / 3600 if detection.window_s else 0.01
