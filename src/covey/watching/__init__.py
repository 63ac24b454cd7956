"""What a device makes of what it takes in: a model in use, windows, alarms, thresholds, drift, alerts. No numpy, no IO.

Rows -> Detector (scores) -> Watcher (windows, alarm, threshold, drift) -> alerts (one JSON line each).
"""

from covey.watching.alerts import Origin, Suspicion
from covey.watching.detector import LARGEST_SCORE, Detector
from covey.watching.drift import DriftMonitor, DriftReport
from covey.watching.judging import Judgement, WindowJudge
from covey.watching.modes import Mode
from covey.watching.occlusion import top_features
from covey.watching.state import restore, snapshot
from covey.watching.thresholds import FEWEST_WINDOWS, Threshold
from covey.watching.watcher import (
    LEARN_WINDOWS,
    Finding,
    Settled,
    Stage,
    Watcher,
    WindowRecord,
)

__all__ = [
    "FEWEST_WINDOWS",
    "LARGEST_SCORE",
    "LEARN_WINDOWS",
    "Detector",
    "DriftMonitor",
    "DriftReport",
    "Finding",
    "Judgement",
    "Mode",
    "Origin",
    "Settled",
    "Stage",
    "Suspicion",
    "Threshold",
    "Watcher",
    "WindowJudge",
    "WindowRecord",
    "restore",
    "snapshot",
    "top_features",
]
