"""How well a device's windows and alarms agree with a truth: one definition for the command line and the simulation.

A window that has rows is an attack's if at least one of its rows is, else benign. An attack window is found `above` if
its score lies above the threshold, and found `in alarm` if the alarm is on in it. A false alarm is one that is raised,
told or not, in a benign window; hours are those of benign windows, one after the other.
"""

from collections import Counter
from dataclasses import dataclass

from covey.core import AlarmState
from covey.watching.watcher import Stage, WindowRecord

_RAISED = (AlarmState.RAISED, AlarmState.SUPPRESSED)


@dataclass(frozen=True, slots=True)
class KindJudgement:
    """What became of the windows in which one kind of attack has rows."""

    windows: int
    above: int
    in_alarm: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """Counts over all windows judged; the shares are None where nothing was there to be counted."""

    attack_windows: int
    attack_above: int
    attack_in_alarm: int
    benign_windows: int
    benign_above: int
    benign_in_alarm: int
    false_alarms: int
    benign_hours: float
    kinds: dict[str, KindJudgement]

    @property
    def tpr_above(self) -> float | None:
        """Attack windows above the threshold, of all."""
        return _share(self.attack_above, self.attack_windows)

    @property
    def tpr_alarm(self) -> float | None:
        """Attack windows in alarm, of all: the recall of alarms."""
        return _share(self.attack_in_alarm, self.attack_windows)

    @property
    def precision(self) -> float | None:
        """Windows in alarm that are an attack's, of all windows in alarm."""
        return _share(self.attack_in_alarm, self.attack_in_alarm + self.benign_in_alarm)

    @property
    def false_alarms_per_hour(self) -> float | None:
        """False alarms in an hour of benign windows."""
        return self.false_alarms / self.benign_hours if self.benign_hours > 0 else None


class WindowJudge:
    """Counts windows against their labels; those from which a threshold was learnt are not judged."""

    def __init__(self, kinds: tuple[str, ...]) -> None:
        """Begin; label i of a row is kinds[i - 1]."""
        self._kinds = kinds
        self._attack: Counter[str] = Counter()
        self._benign: Counter[str] = Counter()
        self._by_kind: dict[int, Counter[str]] = {}
        self._benign_ns = 0

    def take(self, record: WindowRecord) -> None:
        """Count a window that has labels."""
        if record.labels is None or record.stage is not Stage.WATCHING:
            return
        window = record.window
        verdicts = ["windows"] + ["above"] * window.is_above + ["in_alarm"] * record.in_alarm
        if not record.is_attack:
            self._benign.update(verdicts)
            self._benign["false_alarms"] += window.alarm in _RAISED
            self._benign_ns += window.end_ns - window.start_ns
            return
        self._attack.update(verdicts)
        for label in record.labels:
            if label:
                self._by_kind.setdefault(label, Counter()).update(verdicts)

    def judgement(self) -> Judgement:
        """The counts so far."""
        return Judgement(
            attack_windows=self._attack["windows"],
            attack_above=self._attack["above"],
            attack_in_alarm=self._attack["in_alarm"],
            benign_windows=self._benign["windows"],
            benign_above=self._benign["above"],
            benign_in_alarm=self._benign["in_alarm"],
            false_alarms=self._benign["false_alarms"],
            benign_hours=self._benign_ns / 3.6e12,
            kinds={
                self._kinds[label - 1]: KindJudgement(counts["windows"], counts["above"], counts["in_alarm"])
                for label, counts in sorted(self._by_kind.items())
            },
        )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
