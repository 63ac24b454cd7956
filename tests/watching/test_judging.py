"""Windows against a truth, counted by hand."""

from covey.core import AlarmState, Window
from covey.watching import Stage, WindowJudge, WindowRecord


def record(
    labels: dict[int, int] | None,
    alarm: AlarmState = AlarmState.NONE,
    *,
    above: bool = False,
    stage: Stage = Stage.WATCHING,
) -> WindowRecord:
    window = Window(0, 36 * 10**11, 3, 0, 0.0, 0.0, 0.0, above, alarm, bytes(72))  # an hour each
    return WindowRecord(window, b"", stage, labels)


def test_windows_are_counted_as_defined() -> None:
    judge = WindowJudge(("flood", "scan"))
    for one in (
        record({0: 3}),
        record({0: 3}, AlarmState.RAISED, above=True),  # a false alarm
        record({0: 3}, AlarmState.GOES_ON),  # which goes on: not another one
        record({0: 3}, AlarmState.ENDED),
        record({0: 3}, AlarmState.SUPPRESSED, above=True),  # a false alarm though not told
        record({0: 2, 2: 1}, AlarmState.RAISED, above=True),  # found
        record({2: 3}, AlarmState.NONE, above=True),  # above without an alarm
        record({1: 1, 2: 2}, AlarmState.GOES_ON),  # in alarm, not above
        record({1: 3}),  # missed
        record({1: 3}, above=True, stage=Stage.LEARNING),  # not judged
        record(None, AlarmState.RAISED, above=True),  # no truth
    ):
        judge.take(one)
    found = judge.judgement()
    assert (found.attack_windows, found.attack_above, found.attack_in_alarm) == (4, 2, 2)
    assert (found.benign_windows, found.benign_above, found.benign_in_alarm) == (5, 2, 3)
    assert (found.false_alarms, found.benign_hours, found.false_alarms_per_hour) == (2, 5.0, 0.4)
    assert (found.tpr_above, found.tpr_alarm, found.precision) == (0.5, 0.5, 0.4)
    flood, scan = found.kinds["flood"], found.kinds["scan"]
    assert (flood.windows, flood.above, flood.in_alarm) == (2, 0, 1)
    assert (scan.windows, scan.above, scan.in_alarm) == (3, 2, 2)


def test_nothing_judged_has_no_shares() -> None:
    found = WindowJudge(()).judgement()
    assert (found.tpr_above, found.precision, found.false_alarms_per_hour) == (None, None, None)
