"""The report's charts as plotly figures. Colours are named as CSS variables, which the page resolves by its theme.

Every string from data goes through `plain` (drawing.py).
"""

from collections.abc import Sequence
from itertools import accumulate

import plotly.graph_objects as go

from covey.apps.report.drawing import Chart, chart, colour, empty_figure, line, plain
from covey.apps.report.tree import Confusion, Device, Result, Round, Score
from covey.apps.report.window_figures import window_charts

#: Name in the tree, name on the page, in the order of drawing.
SERIES = (
    ("local", "local only"),
    ("federated", "federated"),
    ("central", "central"),
    ("plain_fedavg", "plain FedAvg, dense network"),
)
MEASURES = (
    ("accuracy", "Accuracy"),
    ("macro_f1", "Macro-F1"),
    ("tpr_at_fpr_1pct", "Attacks found at 1 % false alarms"),
    ("tpr_at_fpr_0p1pct", "Attacks found at 0.1 % false alarms"),
)


def charts(result: Result) -> dict[str, Chart]:
    """All charts that this result has the numbers for, by key."""
    made = [_quality(result), _loss(result), _bytes(result), _roc(result), _confusion(result.confusion)]
    made += [_devices(result.devices, key, name) for key, name in MEASURES]
    return {one.key: one for one in [*made, *window_charts(result.windows)] if one}


def _quality(result: Result) -> Chart:
    figure = empty_figure()
    x = [entry.round for entry in result.by_round]
    figure.add_trace(line(x, [entry.macro_f1 for entry in result.by_round], "macro-F1", "var(--federated)"))
    worst = [entry.worst_accuracy for entry in result.by_round]
    figure.add_trace(line(x, worst, "accuracy of the worst device, own rows", "var(--worst)", "dot"))
    if result.plain_fedavg_rounds:
        compared = result.plain_fedavg_rounds
        compared_line = line(
            [entry.round for entry in compared],
            [entry.macro_f1 for entry in compared],
            "macro-F1, plain FedAvg, dense network",
            colour("plain_fedavg"),
            "dash",
        )
        figure.add_trace(compared_line)
    for series, label in (("central", "central"), ("local", "local only")):
        score = result.pooled.central if series == "central" else result.pooled.local
        if score and score.macro_f1 is not None and x:
            level = [score.macro_f1, score.macro_f1]
            figure.add_trace(line([x[0], x[-1]], level, f"macro-F1, {label}", colour(series), "dash"))
    figure.update_xaxes(title_text="round")
    text = f"Macro-F1 after round {x[-1]}: {_percent(result.by_round[-1].macro_f1)}." if x else "No round was run."
    return chart("quality", "Quality by round", text, figure)


def _loss(result: Result) -> Chart:
    figure = empty_figure()
    x = [entry.round for entry in result.by_round]
    figure.add_trace(line(x, [entry.loss for entry in result.by_round], "training loss", "var(--federated)"))
    figure.update_xaxes(title_text="round")
    losses = [entry.loss for entry in result.by_round if entry.loss is not None]
    if losses and min(losses) > 0 and max(losses) > 20 * min(losses):
        figure.update_yaxes(type="log", dtick=1)
    text = f"Mean training loss from {losses[0]:.4g} to {losses[-1]:.4g}." if losses else "No loss was recorded."
    return chart("loss", "Training loss", text, figure)


def _bytes(result: Result) -> Chart:
    figure = empty_figure()
    x = [entry.round for entry in result.by_round]
    up = _megabytes(result.by_round, up=True)
    figure.add_trace(line(x, up, "up, from devices", "var(--federated)"))
    figure.add_trace(line(x, _megabytes(result.by_round, up=False), "down, to devices", "var(--central)"))
    if result.plain_fedavg_rounds:
        compared = result.plain_fedavg_rounds
        totals = _megabytes(compared, up=True)
        name = "up, plain FedAvg"
        figure.add_trace(line([entry.round for entry in compared], totals, name, colour("plain_fedavg"), "dash"))
    figure.update_xaxes(title_text="round")
    figure.update_yaxes(title_text="MB in all, since the start", rangemode="tozero")
    text = f"{up[-1]:.2f} MB went up from the devices in all." if up else "No bytes were sent."
    return chart("bytes", "Bytes on the wire", text, figure)


def _megabytes(rounds: Sequence[Round], *, up: bool) -> list[float]:
    return [total / 1e6 for total in accumulate(entry.up_bytes if up else entry.down_bytes for entry in rounds)]


def _roc(result: Result) -> Chart | None:
    known = [(series, name, result.roc.get(series)) for series, name in SERIES]
    if not any(roc for _, _, roc in known):
        return None
    figure = empty_figure(height=400)
    for series, name, roc in known:
        if roc:
            # A logarithmic axis has no zero: rates below the left edge are drawn on it.
            x = [max(rate, _LEAST_RATE) for rate in roc.fpr]
            figure.add_trace(
                go.Scatter(x=x, y=roc.tpr, name=name, mode="lines", line={"color": colour(series), "width": 2})
            )
    figure.update_xaxes(title_text="false alarms (logarithmic)", type="log", dtick=1, range=[-4, 0], tickformat="~%")
    figure.update_yaxes(title_text="attacks found", tickformat="~%")
    text = "Share of attacks found against share of benign rows that raise an alarm, over the rows of all devices."
    return chart("roc", "Alarms: ROC", text, figure)


_LEAST_RATE = 1e-4


def _confusion(confusion: Confusion | None) -> Chart | None:
    if confusion is None or not confusion.classes:
        return None
    names = [plain(name) for name in confusion.classes]
    shares = [[count / max(sum(row), 1) for count in row] for row in confusion.federated]
    counts = [[f"{count:,}" if count else "" for count in row] for row in confusion.federated]
    figure = empty_figure(height=max(320, 120 + 34 * len(names)))
    figure.add_trace(
        go.Heatmap(
            z=shares,
            x=names,
            y=names,
            text=counts,
            texttemplate="%{text}",
            hovertemplate="true %{y}<br>answer %{x}<br>%{z:.2%} of the class<extra></extra>",
            colorscale=[[0, "var(--heat-low)"], [1, "var(--heat-high)"]],
            zmin=0,
            zmax=1,
            xgap=1,
            ygap=1,
            showscale=False,
        )
    )
    figure.update_xaxes(title_text="answer", tickangle=-40, type="category", showgrid=False)
    figure.update_yaxes(title_text="truth", autorange="reversed", type="category", showgrid=False)
    right = sum(row[index] for index, row in enumerate(confusion.federated))
    total = sum(sum(row) for row in confusion.federated)
    text = f"{right:,} of {total:,} test rows were given their true class. Darker: a larger share of the true class."
    return chart("confusion", "Confusion matrix", text, figure)


def _devices(devices: dict[str, Device], measure: str, name: str) -> Chart | None:
    if not any(_of(device.federated, measure) is not None for device in devices.values()):
        return None
    figure = empty_figure(height=max(320, 90 + 46 * len(devices)))
    shown: list[float] = []
    for series, label in SERIES[:3]:
        values = [_of(getattr(device, series), measure) for device in devices.values()]
        known = [value for value in values if value is not None]
        shown += known
        if known:
            figure.add_trace(
                go.Bar(
                    y=[plain(device) for device in devices],
                    x=values,
                    name=label,
                    orientation="h",
                    marker={"color": colour(series), "line": {"width": 0}},
                    hovertemplate=f"%{{y}}<br>{label}: %{{x:.2%}}<extra></extra>",
                )
            )
    low = max(0.0, min(shown) - 0.05) if shown and min(shown) > 0.5 else 0.0
    figure.update_layout(barmode="group", bargap=0.28, bargroupgap=0.08)
    figure.update_xaxes(range=[low, 1.0], tickformat="~%")
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    note = f" The axis begins at {low:.0%}, not at zero." if low else ""
    return chart(f"devices_{measure}", name, f"{name} of each device.{note}", figure)


def _of(score: Score | None, measure: str) -> float | None:
    value = getattr(score, measure) if score else None
    return float(value) if value is not None else None


def _percent(value: float | None) -> str:
    return "not judged" if value is None else f"{value:.2%}"
