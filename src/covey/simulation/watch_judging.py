"""From detectors and a data set's recordings to a judgement by windows."""

from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np

from covey.simulation.scorers import Scorer
from covey.simulation.watches import NS, ScoredCapture, Watched, calibrated, score_capture, watch
from covey.simulation.windows import DeviceWindows, Tree, WindowJudgement, WindowTally, tally_of
from covey.telemetry import Dataset
from covey.wire import DetectionSettings

#: The detector that runs on devices: timelines show it, and its thresholds make the fleet's.
ON_DEVICE = "int8"
#: The same with the fleet's threshold in place of the device's own: what a device has before it is calibrated.
UNCALIBRATED = "int8_fleet_threshold"


def judge_windows(
    dataset: Dataset,
    devices: Sequence[int],
    detection: DetectionSettings,
    shared: Mapping[str, Scorer],
    own: Mapping[str, Sequence[Scorer]],
) -> WindowJudgement:
    """Detectors on the test captures of `devices`: `shared` ones are everybody's, of `own` each device has one.

    Each device sets its thresholds by its own training captures; the fleet's is the median of theirs. A device whose
    captures are too short for that uses the fleet's on the device, and has no other figures. SourceError where a
    capture is damaged.
    """
    benches = []
    for position, device in enumerate(devices):
        scorers = {**shared, **{name: each[position] for name, each in own.items()}}
        benches.append(_Bench(dataset, device, detection, scorers))
    thresholds = [bench.thresholds[ON_DEVICE] for bench in benches if ON_DEVICE in bench.thresholds]
    fleet = median(thresholds) if thresholds else None
    trained = np.unique(dataset.attack[dataset.is_train & (dataset.label != 0)])
    return WindowJudgement(
        detection,
        dataset.attack_names[1:],
        {kind: _family(dataset, place) for place, kind in enumerate(dataset.attack_names) if place},
        frozenset(dataset.attack_names[code] for code in trained),
        {bench.device_id: bench.judged(fleet) for bench in benches},
        fleet,
    )


def _family(dataset: Dataset, code: int) -> str:
    rows = np.flatnonzero(dataset.attack == code)
    return dataset.family_names[int(dataset.family[rows[0]])] if rows.size else dataset.attack_names[code]


def _n_labels(watched: Watched) -> int:
    return len({label for record in watched.records for label in record.labels or ()})


class _Bench:
    """One device's captures, scored by all of its detectors, and the thresholds that its training captures give."""

    def __init__(
        self, dataset: Dataset, device: int, detection: DetectionSettings, scorers: Mapping[str, Scorer]
    ) -> None:
        self.device_id = dataset.device_ids[device]
        self.kinds = dataset.attack_names[1:]
        self.detection = detection
        mine = [recording for recording in dataset.recordings if recording.device_id == self.device_id]
        names, warm_up_s = dataset.feature_names, detection.warm_up_s
        captures = [score_capture(recording, names, scorers, warm_up_s) for recording in mine]
        train = [capture for capture in captures if capture.recording.is_train]
        train = [capture for capture in train if not capture.recording.is_learnt] or train
        self.test = [capture for capture in captures if not capture.recording.is_train]
        found = {name: calibrated(train, name, detection) for name in scorers}
        self.thresholds = {name: value for name, (value, _) in found.items() if value is not None}
        self.calibrated_hours = max((n for _, n in found.values()), default=0) * detection.window_s / 3600

    def judged(self, fleet_threshold: float | None) -> DeviceWindows:
        """Its test captures at its own thresholds, and at the fleet's."""
        thresholds, timeline = dict(self.thresholds), None
        if fleet_threshold is not None:
            thresholds = {ON_DEVICE: fleet_threshold, **thresholds, UNCALIBRATED: fleet_threshold}
            timeline = self._timeline(thresholds[ON_DEVICE])
        tallies = {
            name: self._tally(ON_DEVICE if name == UNCALIBRATED else name, threshold)
            for name, threshold in thresholds.items()
        }
        return DeviceWindows(thresholds, tallies, self.calibrated_hours, timeline)

    def _watched(self, capture: ScoredCapture, detector: str, threshold: float) -> Watched:
        return watch(capture, detector, self.detection, threshold)

    def _tally(self, detector: str, threshold: float) -> WindowTally:
        parts = [
            tally_of(self._watched(capture, detector, threshold), capture.recording.truth.rows, self.kinds)
            for capture in self.test
        ]
        return sum(parts[1:], parts[0])

    def _timeline(self, threshold: float) -> Tree:
        """The test capture with most kinds of attack, window by window; seconds count from its first window."""
        watched = [(capture, self._watched(capture, ON_DEVICE, threshold)) for capture in self.test]
        capture, shown = max(watched, key=lambda pair: _n_labels(pair[1]))
        windows = [record.window for record in shown.records]
        begin_ns = windows[0].start_ns if windows else 0
        return {
            "session": capture.recording.session,
            "threshold": round(threshold, 4),
            "start_s": [round((window.start_ns - begin_ns) / NS, 3) for window in windows],
            "score": [round(window.score, 4) for window in windows],
            "in_alarm": [int(record.in_alarm) for record in shown.records],
            "attacks": [
                {
                    "attack": row.attack,
                    "start_s": round((row.start_ns - begin_ns) / NS, 3),
                    "end_s": round((row.end_ns - begin_ns) / NS, 3),
                }
                for row in capture.recording.truth.rows
            ],
        }
