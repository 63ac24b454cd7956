"""What a user sees of a round, on a terminal and elsewhere."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import pytest
from result_tree import DEVICES, result_tree

from covey.apps.cli.live import LiveTable, PlainLines, cells, progress, show_devices, verdicts
from covey.apps.report import Result
from covey.protocol import Outcome
from covey.simulation import RoundReport


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Round:
    """What the screen reads of a report."""

    round: int = 2
    of_rounds: int = 9
    cohort: int = 1_200
    outcome: Outcome = Outcome.PUBLISHED
    verdicts: Mapping[str, int] = field(default_factory=lambda: {"accepted": 1_190, "wrong_model": 10, "late": 0})
    loss: float = 0.0123456
    macro_f1: float | None = 0.9875
    worst_device: str | None = "evil\x1b[2Jdevice"
    worst_accuracy: float | None = 0.9
    up_bytes: int = 1_000
    down_bytes: int = 2_500
    device_rounds_per_s: float = 23_456.7
    federation: str = ""


def report(**changes: object) -> RoundReport:
    return cast("RoundReport", Round(**changes))  # type: ignore[arg-type]


def test_a_round_is_told_in_eight_cells() -> None:
    assert cells(report()) == (
        "2/9",
        "1,200",
        "1,190 accepted, 10 wrong model",
        "0.0123",
        "98.75 %",
        "90.00 % evil\N{REPLACEMENT CHARACTER}[2Jdevice",
        "3.50 kB",
        "23,457",
    )


def test_the_statistics_round_has_no_loss_and_no_speed() -> None:
    assert [cells(report(round=0))[place] for place in (0, 3, 7)] == ["sketches", "-", "-"]


def test_a_round_that_was_not_judged_says_so_by_dashes() -> None:
    assert [cells(report(macro_f1=None, worst_device=None))[place] for place in (4, 5)] == ["-", "-"]


def test_a_round_that_changed_nothing_says_why() -> None:
    rejected = report(outcome=Outcome.REJECTED_BY_GATE, verdicts={"accepted": 9})
    assert cells(rejected)[2] == "rejected by gate: 9 accepted"


def test_verdicts_that_never_happened_are_left_out() -> None:
    assert verdicts({"accepted": 0, "late": 2}) == "2 late"
    assert verdicts({}) == "none"


def test_a_terminal_gets_a_table_and_a_pipe_gets_lines() -> None:
    assert isinstance(progress(Terminal()), LiveTable)
    assert isinstance(progress(io.StringIO()), PlainLines)


def test_lines_name_each_federation_once() -> None:
    out = io.StringIO()
    with PlainLines(out) as view:
        for name in ("without a", "without a", "without b"):
            view.show(report(federation=name))
    lines = out.getvalue().splitlines()
    assert [line for line in lines if line.startswith("without")] == ["without a", "without b"]
    assert sum("macro-F1" in line for line in lines) == 2


@pytest.mark.parametrize("columns", ["80", "120"])
def test_the_table_keeps_its_figures_whole_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    out = Terminal()
    with LiveTable(out) as view:
        view.show(report(verdicts={"accepted": 9}, worst_device=DEVICES[0]))
    text = out.getvalue()
    for figure in ("2/9", "1,200", "9 accepted", "0.0123", "3.50 kB", "23,457", "90.00 %"):
        assert figure in text


def test_every_device_and_the_devices_together_are_shown() -> None:
    out = io.StringIO()
    show_devices(Result.model_validate(result_tree()), out)
    for name in [*DEVICES, "all together", "local only", "federated", "central"]:
        assert name in out.getvalue()
