"""What a user sees while a run goes on: a live table on a terminal, plain lines elsewhere; then a table by device."""

from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Literal, Protocol, Self, TextIO

from rich.box import SIMPLE
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from covey.apps.printable import printable
from covey.apps.report.page import number, percent, size, together
from covey.apps.report.tree import Result, Score, Scores
from covey.apps.report.window_tree import WatchedDevice, Windows
from covey.protocol import Outcome
from covey.simulation import RoundReport

#: The column that gives way on a narrow terminal.
FLEXIBLE = frozenset({"worst device", "device"})
HEADINGS = ("round", "cohort", "verdicts", "loss", "macro-F1", "worst device", "bytes", "device-rounds/s")
LINE = "{:>9}  {:>7}  {:<22}  {:>9}  {:>9}  {:<44}  {:>9}  {:>15}"
ROUNDS_ON_SCREEN = 16


class Progress(Protocol):
    """Shows rounds as they end."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the screen in order."""

    def show(self, report: RoundReport) -> None:
        """One more round is over."""


def progress(out: TextIO) -> Progress:
    """A live table where `out` is a terminal, else plain lines."""
    return LiveTable(out) if out.isatty() else PlainLines(out)


def cells(report: RoundReport) -> tuple[str, ...]:
    """One round as text, in the order of HEADINGS."""
    worst = "-"
    if report.worst_device is not None:
        worst = f"{percent(report.worst_accuracy)} {printable(report.worst_device)}"
    return (
        f"{report.round}/{report.of_rounds}" if report.round else "sketches",
        f"{report.cohort:,}",
        _ended(report),
        f"{report.loss:.3g}" if report.round else "-",
        percent(report.macro_f1),
        worst,
        size(report.up_bytes + report.down_bytes),
        f"{report.device_rounds_per_s:,.0f}" if report.round else "-",
    )


def verdicts(counts: Mapping[str, int]) -> str:
    """`9 accepted, 1 late`; what never happened is left out."""
    return ", ".join(f"{amount:,} {name.replace('_', ' ')}" for name, amount in counts.items() if amount) or "none"


def _ended(report: RoundReport) -> str:
    """The verdicts, after what ended the round if that was no new model."""
    counts = verdicts(report.verdicts)
    return counts if report.outcome is Outcome.PUBLISHED else f"{report.outcome.value.replace('_', ' ')}: {counts}"


class PlainLines:
    """One line a round, for logs and pipes."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._federation = ""
        self._begun = False

    def __enter__(self) -> Self:
        """Nothing to prepare."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to clean up."""

    def show(self, report: RoundReport) -> None:
        """Write the round's line, after the headings where a federation begins."""
        if not self._begun or report.federation != self._federation:
            if report.federation:
                self._write(printable(report.federation))
            self._write(LINE.format(*HEADINGS))
        self._begun, self._federation = True, report.federation
        self._write(LINE.format(*cells(report)))

    def _write(self, line: str) -> None:
        self._out.write(line.rstrip() + "\n")
        self._out.flush()


class LiveTable:
    """The last rounds as a table that is redrawn in place."""

    def __init__(self, out: TextIO) -> None:
        self._rows: deque[tuple[str, ...]] = deque(maxlen=ROUNDS_ON_SCREEN)
        self._title = ""
        self._live = Live(console=Console(file=out), auto_refresh=False)

    def __enter__(self) -> Self:
        """Take the lower part of the screen."""
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last table standing."""
        self._live.__exit__(kind, error, trace)

    def show(self, report: RoundReport) -> None:
        """Redraw with one more round."""
        self._rows.append(cells(report))
        self._title = printable(report.federation)
        self._live.update(self._table(), refresh=True)

    def _table(self) -> Table:
        table = _table(self._title)
        for heading in HEADINGS:
            _add_column(table, heading, justify="left" if heading in {"verdicts", "worst device"} else "right")
        for row in self._rows:
            table.add_row(*map(_line, row))
        return table


def show_devices(result: Result, out: TextIO) -> None:
    """The table by device that ends a run: local only, federated and central side by side."""
    console = Console(file=out, width=None if out.isatty() else 140, highlight=False)
    table = _table("accuracy (macro-F1) in %; attacks found at 1 % / 0.1 % false alarms")
    _add_column(table, "device", justify="left")
    for heading in ("local only", "federated", "central", "found"):
        _add_column(table, heading, justify="right")
    for name, device in result.devices.items():
        table.add_row(_line(printable(name)), *map(_line, _scores(device)))
    table.add_section()
    table.add_row(_line("all together"), *map(_line, _scores(result.pooled)))
    console.print(table)
    for name, score in result.hold_out.items():
        console.print(Text(f"new device {printable(name)}: {_score(score)}"))
    if result.hold_out_mean:
        console.print(Text(f"new devices, mean: {_score(result.hold_out_mean)}"))


def show_windows(windows: Windows, out: TextIO) -> None:
    """The table of held-out captures: what each device would have found, and how often it would have been wrong."""
    console = Console(file=out, width=None if out.isatty() else 140, highlight=False)
    budget = f"{windows.alarms_per_hour:g} an hour"
    table = _table(f"held-out captures, int8 as on a device: windows of {windows.window_s:g} s, a budget of {budget}")
    _add_column(table, "device", justify="left")
    for heading in ("attack windows found", "attacks noticed", "benign hours", "above an hour", "false alarms an hour"):
        _add_column(table, heading, justify="right")
    for name, device in windows.devices.items():
        table.add_row(_line(printable(name)), *map(_line, _watched(device)))
    table.add_section()
    table.add_row(_line("all together"), *map(_line, _watched(together(windows))))
    console.print(table)


def _watched(device: WatchedDevice) -> tuple[str, ...]:
    score = device.int8
    if score is None:
        return "-", "-", number(device.benign_hours), "-", "-"
    found = f"{_hundredths(score.tpr)} % of {device.attack_windows:,}" if score.tpr is not None else "-"
    noticed = f"{score.incidents_found} of {device.incidents}" if device.incidents else "-"
    rates = number(score.above_per_hour), number(score.false_alarms_per_hour)
    return found, noticed, number(device.benign_hours), *rates


def _table(title: str) -> Table:
    return Table(title=Text(title) if title else None, header_style="bold", title_justify="left", box=SIMPLE, padding=0)


def _add_column(table: Table, heading: str, *, justify: Literal["left", "right"]) -> None:
    """A column on one line; what does not fit is taken from the flexible one (rich narrows those that may wrap)."""
    words = heading.replace("-", "-\n", 1) if heading == "device-rounds/s" else heading
    table.add_column(words, justify=justify, no_wrap=heading not in FLEXIBLE, overflow="ellipsis")


def _line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")


def _scores(scores: Scores) -> tuple[str, ...]:
    federated = scores.federated
    found = f"{_hundredths(federated.tpr_at_fpr_1pct)} / {_hundredths(federated.tpr_at_fpr_0p1pct)}"
    return _score(scores.local), _score(federated), _score(scores.central), found


def _score(score: Score | None) -> str:
    return "-" if score is None else f"{_hundredths(score.accuracy)} ({_hundredths(score.macro_f1)})"


def _hundredths(value: float | None) -> str:
    return percent(value).removesuffix(" %")
