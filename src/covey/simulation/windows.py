"""How good a detector is on captures that no training has seen, window by window: finds, false alarms an hour, delays.

The definitions are those of `covey detect --truth`: a window is an attack's if one of its rows is; it is found if it is
above the device's threshold. A threshold comes from the device's own benign windows of its training captures at the
budget of false alarms.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from covey.core import Window
from covey.sensing import TruthRow
from covey.simulation.scores import share
from covey.simulation.watches import NS, Watched
from covey.watching import Judgement, WindowJudge
from covey.watching.judging import KindJudgement
from covey.wire import DetectionSettings

Tree: TypeAlias = dict[str, object]
Counts: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class WindowTally:
    """Counts over the windows of one detector, which can be added up.

    incidents: (kinds, 2): attacks from start to end, and those of which a window lies above. delays_s: of each of
    these, from its start to the end of the first such window: when a device can know.
    """

    counts: Judgement
    incidents: Counts
    delays_s: tuple[float, ...]

    def __add__(self, other: "WindowTally") -> "WindowTally":
        """Counts over the windows of both."""
        return WindowTally(
            _added(self.counts, other.counts), self.incidents + other.incidents, self.delays_s + other.delays_s
        )

    def tree(self) -> Tree:
        """The figures of result.json."""
        counts = self.counts
        return {
            "tpr": counts.tpr_above,
            "tpr_alarm": counts.tpr_alarm,
            "above_per_hour": share(counts.benign_above, counts.benign_hours),
            "false_alarms_per_hour": counts.false_alarms_per_hour,
            "precision": counts.precision,
            "incidents_found": int(self.incidents[:, 1].sum()),
            "delay_s": float(np.median(self.delays_s)) if self.delays_s else None,
        }


def _added(one: Judgement, other: Judgement) -> Judgement:
    none = KindJudgement(0, 0, 0)
    kinds = {}
    for kind in sorted({*one.kinds, *other.kinds}):
        ours, theirs = one.kinds.get(kind, none), other.kinds.get(kind, none)
        kinds[kind] = KindJudgement(
            ours.windows + theirs.windows, ours.above + theirs.above, ours.in_alarm + theirs.in_alarm
        )
    return Judgement(
        attack_windows=one.attack_windows + other.attack_windows,
        attack_above=one.attack_above + other.attack_above,
        attack_in_alarm=one.attack_in_alarm + other.attack_in_alarm,
        benign_windows=one.benign_windows + other.benign_windows,
        benign_above=one.benign_above + other.benign_above,
        benign_in_alarm=one.benign_in_alarm + other.benign_in_alarm,
        false_alarms=one.false_alarms + other.false_alarms,
        benign_hours=one.benign_hours + other.benign_hours,
        kinds=kinds,
    )


def tally_of(watched: Watched, truth: Sequence[TruthRow], kinds: tuple[str, ...]) -> WindowTally:
    """Counts over the windows of one capture, by the definition of `covey detect --truth`."""
    judge = WindowJudge(kinds)
    for record in watched.records:
        judge.take(record)
    incidents = np.zeros((len(kinds), 2), np.int64)
    delays = []
    for row in truth:
        label = kinds.index(row.attack) + 1
        windows = [
            record.window
            for record in watched.records
            if record.labels and label in record.labels and _overlaps(record.window, row)
        ]
        found = [window for window in windows if window.is_above]
        incidents[label - 1] += (bool(windows), bool(found))
        if found:
            delays.append(max(0, found[0].end_ns - row.start_ns) / NS)
    return WindowTally(judge.judgement(), incidents, tuple(delays))


def _overlaps(window: Window, row: TruthRow) -> bool:
    return window.start_ns <= row.end_ns and window.end_ns > row.start_ns


@dataclass(frozen=True, slots=True, eq=False)
class DeviceWindows:
    """One device: a threshold and a tally for each detector."""

    thresholds: Mapping[str, float]
    tallies: Mapping[str, WindowTally]
    calibrated_hours: float
    timeline: Tree | None


@dataclass(frozen=True, slots=True, eq=False)
class WindowJudgement:
    """All detectors on all judging devices' test captures."""

    detection: DetectionSettings
    kinds: tuple[str, ...]
    family_of: Mapping[str, str]
    trained_kinds: frozenset[str]
    devices: Mapping[str, DeviceWindows]
    fleet_threshold: float | None

    @classmethod
    def merged(cls, parts: Sequence[Self]) -> Self:
        """One judgement of all devices, from federations that left out one after the other."""
        first = parts[0]
        devices = {name: one for part in parts for name, one in part.devices.items()}
        return cls(first.detection, first.kinds, first.family_of, first.trained_kinds, devices, first.fleet_threshold)

    def tree(self) -> Tree:
        """`windows` of result.json (docs/RESULT.md)."""
        names = list(dict.fromkeys(name for one in self.devices.values() for name in one.tallies))
        return {
            "window_s": self.detection.window_s,
            "alarms_per_hour": self.detection.alarms_per_hour,
            "fleet_threshold": self.fleet_threshold,
            "devices": {device: _device_tree(one) for device, one in self.devices.items()},
            "pooled": {name: pooled.tree() for name in names if (pooled := self._pooled(name))},
            "worst": {name: worst for name in names if (worst := self._worst(name))},
            "attacks": self._groups({kind: kind for kind in self.kinds}, names),
            "families": self._groups(self.family_of, names),
            "timelines": {device: one.timeline for device, one in self.devices.items() if one.timeline},
        }

    def _pooled(self, name: str) -> WindowTally | None:
        total = None
        for one in self.devices.values():
            if name in one.tallies:
                total = one.tallies[name] if total is None else total + one.tallies[name]
        return total

    def _worst(self, name: str) -> Tree:
        """The device that finds the smallest share of its attack windows, and the one with most false alarms."""
        counts = {device: one.tallies[name].counts for device, one in self.devices.items() if name in one.tallies}
        finds = {device: one.tpr_above for device, one in counts.items() if one.tpr_above is not None}
        alarms = {
            device: rate
            for device, one in counts.items()
            if (rate := share(one.benign_above, one.benign_hours)) is not None
        }
        blind, loud = min(finds, key=finds.__getitem__, default=None), max(alarms, key=alarms.__getitem__, default=None)
        return {
            "device": blind,
            "tpr": finds[blind] if blind else None,
            "loudest_device": loud,
            "above_per_hour": alarms[loud] if loud else None,
        }

    def _groups(self, group_of: Mapping[str, str], names: Sequence[str]) -> Tree:
        """Attack windows by kind or by family: how many, and the share found by each detector."""
        pooled = {name: tally for name in names if (tally := self._pooled(name))}
        tree: Tree = {}
        for group in dict.fromkeys(group_of[kind] for kind in self.kinds):
            members = [kind for kind in self.kinds if group_of[kind] == group]
            found = {name: _of_kinds(tally, members, self.kinds) for name, tally in pooled.items()}
            some = next(iter(found.values()), None)
            if some is None or not some.windows:
                continue
            tree[group] = {
                "family": self.family_of[members[0]],
                "in_training": any(kind in self.trained_kinds for kind in members),
                "windows": some.windows,
                "incidents": some.incidents,
                "tpr": {name: share(one.above, one.windows) for name, one in found.items()},
                "tpr_alarm": {name: share(one.in_alarm, one.windows) for name, one in found.items()},
                "incidents_found": {name: one.incidents_found for name, one in found.items()},
            }
        return tree


@dataclass(frozen=True, slots=True)
class _Group:
    """Counts over several kinds. A window with rows of two of them counts for both."""

    windows: int
    above: int
    in_alarm: int
    incidents: int
    incidents_found: int


def _of_kinds(tally: WindowTally, members: Sequence[str], kinds: Sequence[str]) -> _Group:
    counts = [tally.counts.kinds[kind] for kind in members if kind in tally.counts.kinds]
    places = [kinds.index(kind) for kind in members]
    return _Group(
        sum(one.windows for one in counts),
        sum(one.above for one in counts),
        sum(one.in_alarm for one in counts),
        *(int(number) for number in tally.incidents[places].sum(axis=0)),
    )


def _device_tree(one: DeviceWindows) -> Tree:
    some = next(iter(one.tallies.values()), None)
    return {
        "calibrated_hours": one.calibrated_hours,
        "benign_hours": some.counts.benign_hours if some else None,
        "attack_windows": some.counts.attack_windows if some else None,
        "incidents": int(some.incidents[:, 0].sum()) if some else None,
        **{name: {"threshold": one.thresholds.get(name), **tally.tree()} for name, tally in one.tallies.items()},
    }
