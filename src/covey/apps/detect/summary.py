"""What a run comes to, for people and for programs."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from covey.apps.detect.flows import FlowCounts
from covey.apps.detect.keeping import Keeping
from covey.apps.detect.request import Request
from covey.apps.detect.warming import WarmUpCounts
from covey.core import AlarmState
from covey.io.interface import InterfaceSource
from covey.io.sinks import Sink
from covey.sensing import Note, Source
from covey.watching import DriftReport, Judgement, Origin, Stage, Watcher, WindowRecord, alerts
from covey.watching.alerts import Json
from covey.watching.drift import PERIOD_WINDOWS

if TYPE_CHECKING:
    from covey.apps.detect.federated import FederatedDevice

FORMAT = 1


@dataclass(slots=True)
class Tally:
    """Counts of a run."""

    began_s: float
    seconds: float = 0.0
    rows: int = 0
    first_ns: int = 0
    last_ns: int = 0
    windows: int = 0
    windows_above: int = 0
    alerts: int = 0
    suppressed: int = 0
    models: int = 0  # that came from the fleet
    drift: DriftReport | None = None
    kind: str = ""
    warm_up: WarmUpCounts | None = None  # known at the end
    notes: dict[str, Note] = field(default_factory=dict)
    kernel: tuple[int, int] | None = None  # packets and drops that it counted, where the source is an interface

    def take(self, n: int, first_ns: int, last_ns: int) -> None:
        """Rows of a block; in a capture that goes backwards the first of them is not the earliest."""
        earliest, latest = min(first_ns, last_ns), max(first_ns, last_ns)
        self.first_ns = min(self.first_ns, earliest) if self.rows else earliest
        self.last_ns = max(self.last_ns, latest)
        self.rows += n

    def window(self, record: WindowRecord) -> None:
        """A window that ended."""
        self.windows += 1
        self.windows_above += record.window.is_above
        self.suppressed += record.window.alarm is AlarmState.SUPPRESSED

    def end_source(self, source: Source) -> None:
        """Keep what a source has to say."""
        self.kind = source.kind.value
        notes = source.notes()
        self._ask_kernel(source)
        for note in notes:
            before = self.notes.get(note.kind.value)
            if before is not None:  # a followed file was replaced: its text tells of the last one only
                count = note.count + before.count
                note = Note(note.kind, count, f"{note.text} ({count:,} in all files)")  # noqa: PLW2901
            self.notes[note.kind.value] = note

    def _ask_kernel(self, source: Source) -> None:
        """Keep its counts; a source brings them up to date with its notes."""
        if isinstance(source, InterfaceSource):
            self.kernel = (source.packets + source.drops, source.drops)

    def stats_event(self, at_ns: int, watcher: Watcher, origin: Origin, source: Source | None) -> dict[str, Json]:
        """The event of counters, with what the kernel counted where the source is an interface."""
        if source is not None:
            source.notes()
            self._ask_kernel(source)
        capture = {"kernel_packets": self.rows}
        if self.kernel is not None:
            capture = dict(zip(("kernel_packets", "kernel_drops"), self.kernel, strict=True))
        detect: dict[str, Json] = {
            "rows": self.rows,
            "windows": self.windows,
            "windows_above": self.windows_above,
            "alert": self.alerts,
            "alert_suppressed": self.suppressed,
            "unscorable": watcher.detector.unscorable,
        }
        if watcher.stage is Stage.WATCHING and watcher.threshold.value is not None:
            detect["threshold"] = alerts.short(watcher.threshold.value)
        return alerts.stats(at_ns, watcher.detector, origin, capture, detect)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run that is over, as far as it is summed up. judged: against a truth, if one was given."""

    request: Request
    tally: Tally
    watcher: Watcher
    keeping: Keeping
    judged: tuple[Judgement, FlowCounts] | None
    sink: Sink | None


def as_json(outcome: Outcome) -> str:
    """The summary for programs; docs/detect.md names its keys."""
    return json.dumps(_tree(outcome), indent=2, allow_nan=False)


def _tree(outcome: Outcome) -> dict[str, object]:
    request, tally, watcher = outcome.request, outcome.tally, outcome.watcher
    detector, drift = watcher.detector, tally.drift
    tree: dict[str, object] = {
        "format": FORMAT,
        "model": {
            "file": str(request.model),
            "digest": detector.digest.hex(),
            "sequence": detector.sequence,
            "features": detector.n_features,
            "classes": list(detector.class_names),
        },
        "source": {
            "name": request.source,
            "kind": tally.kind,
            "rows": tally.rows,
            "first": alerts.timestamp(tally.first_ns) if tally.rows else None,
            "last": alerts.timestamp(tally.last_ns) if tally.rows else None,
            "span_s": (tally.last_ns - tally.first_ns) / 1e9,
            "notes": {name: note.count for name, note in tally.notes.items()},
        },
        "warm_up": None if tally.warm_up is None else asdict(tally.warm_up),
        "seconds": tally.seconds,
        "rows_per_s": tally.rows / tally.seconds if tally.seconds else None,
        "mode": request.mode.value,
        "settings": asdict(watcher.detection),
        "stage": watcher.stage.name.lower(),
        "threshold": {
            "value": watcher.threshold.value,
            "calibrated": watcher.threshold.is_calibrated,
            "windows": watcher.threshold.learnt,
        },
        "windows": tally.windows,
        "windows_above": tally.windows_above,
        "alerts": tally.alerts,
        "alerts_suppressed": tally.suppressed,
        "events_lost": outcome.sink.lost if outcome.sink is not None else 0,
        "unscorable_rows": detector.unscorable,
        "drift": None if drift is None else {**asdict(drift), "features": dict(drift.features)},
        "largest_memory_bytes": _largest_memory(),
    }
    if outcome.judged is not None:
        tree["truth"] = _truth_tree(*outcome.judged)
    if outcome.keeping.store is not None:
        tree["store"] = asdict(outcome.keeping.store.counts)
    if outcome.keeping.device is not None:
        tree["federated"] = _federated_tree(outcome.keeping.device, tally)
    return tree


def _federated_tree(device: "FederatedDevice", tally: Tally) -> dict[str, object]:
    status = device.status
    return {
        "models": tally.models,
        "round": status.round,
        "completed": status.completed,
        "sequence": status.sequence,
        "rows": status.rows,
        "labels": status.labels,
        "refused": status.refused,
        "models_refused": status.models_refused,
    }


def _truth_tree(judgement: Judgement, flows: FlowCounts) -> dict[str, object]:
    return {
        **asdict(judgement),
        "tpr_above": judgement.tpr_above,
        "tpr_alarm": judgement.tpr_alarm,
        "precision": judgement.precision,
        "false_alarms_per_hour": judgement.false_alarms_per_hour,
        "flows": {**asdict(flows), "recall": flows.recall, "precision": flows.precision},
    }


def as_text(outcome: Outcome) -> str:
    """The summary for people."""
    tally, watcher, sink, store = outcome.tally, outcome.watcher, outcome.sink, outcome.keeping.store
    rate = tally.rows / tally.seconds if tally.seconds else 0.0
    lines = [
        f"{tally.rows:,} {_rows_of(tally.kind)} in {tally.seconds:.2f} s ({rate:,.0f}/s), {_span(tally)} of traffic",
        f"{tally.windows:,} windows, {tally.windows_above:,} above the threshold, {tally.alerts:,} alerts"
        + (f" and {tally.suppressed:,} soon after another" if tally.suppressed else ""),
        _threshold_line(outcome),
    ]
    if tally.warm_up is not None and tally.warm_up.rows:
        lines.insert(1, _warm_up_line(tally.warm_up, tally.kind))
    if tally.drift is not None:
        fits = "no longer fits" if tally.drift.drifts else "fits"
        lines.append(
            f"the model {fits} (scores moved by {tally.drift.scores:.2f}, {tally.drift.share_moved:.0%} of features)"
        )
    elif not watcher.drift.has_reference:
        lines.append(f"drift: no reference yet; it comes with --calibrate, or from {PERIOD_WINDOWS} windows")
    if outcome.judged is not None:
        lines += _truth_lines(*outcome.judged)
    lines += [f"note: {note.text}" for note in tally.notes.values()]
    if watcher.detector.unscorable:
        lines.append(
            f"note: {watcher.detector.unscorable:,} rows drove the model out of the numbers, and count as alarming"
        )
    if sink is not None and sink.lost:
        lines.append(
            f"note: {sink.lost:,} events were lost: {sink.fault or 'their place could not be written for a while'}"
        )
    if outcome.keeping.device is not None:
        status = outcome.keeping.device.status
        lines.append(
            f"fleet: {status.completed:,} messages delivered, {tally.models:,} new models, round {status.round}"
        )
    if store is not None:
        lines.append(f"store: {store.counts.kept:,} of {store.counts.offered:,} rows kept in {store.folder}")
    return "\n".join(lines)


def _warm_up_line(counts: WarmUpCounts, kind: str) -> str:
    starts = f" of {counts.starts:,} starts" if counts.starts > 1 else ""
    attacks = f", {counts.attack_rows:,} of them of attacks" if counts.attack_rows is not None else ""
    return f"warm-up: {counts.rows:,} {_rows_of(kind)} of {_duration(counts.seconds)}{starts} not judged{attacks}"


def _rows_of(kind: str) -> str:
    return {"packets": "packets", "connections": "connections"}.get(kind, "rows")


def _span(tally: Tally) -> str:
    return _duration((tally.last_ns - tally.first_ns) / 1e9)


def _duration(seconds: float) -> str:
    for size, name in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.1f} seconds"


def _threshold_line(outcome: Outcome) -> str:
    watcher, threshold = outcome.watcher, outcome.watcher.threshold
    if watcher.stage is not Stage.WATCHING:
        need = watcher.learn_windows
        return f"still learning: {threshold.learnt:,} of {need:,} windows; no alerts were given"
    if threshold.is_calibrated:
        budget = f"a budget of {watcher.detection.alarms_per_hour:g} false alarms an hour"
        return f"threshold {threshold.value:.4g}, calibrated on {threshold.learnt:,} windows for {budget}"
    origin = "a cautious one" if threshold.value == outcome.keeping.cautious_threshold else "the fleet's"
    given = outcome.request.threshold is not None
    return f"threshold {threshold.value:.4g}, {'as given' if given else f'{origin}, not calibrated to this device'}"


def _truth_lines(judgement: Judgement, flows: FlowCounts) -> list[str]:
    per_hour = f", {judgement.false_alarms_per_hour:.3g} an hour" if judgement.benign_hours else ""
    above, alarm, precision = map(_percent, (judgement.tpr_above, judgement.tpr_alarm, judgement.precision))
    flagged = f"{flows.attack_flagged:,} of {flows.attack:,} attacks flagged ({_percent(flows.recall)})"
    usual = f"{flows.benign_flagged:,} of {flows.benign:,} benign; precision {_percent(flows.precision)}"
    lines = [
        f"attack windows: {judgement.attack_windows:,}, {above} above, {alarm} in alarm; precision {precision}",
        f"benign windows: {judgement.benign_windows:,}, {judgement.false_alarms:,} false alarms{per_hour}",
        f"conversations: {flagged}, {usual}",
    ]
    return lines + [
        f"  {name}: {kind.windows:,} windows, {_percent(_share(kind.above, kind.windows))} above,"
        f" {_percent(_share(kind.in_alarm, kind.windows))} in alarm"
        for name, kind in judgement.kinds.items()
    ]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _largest_memory() -> int | None:
    """Of this process, in bytes; getrusage would count whoever began it, too."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)
