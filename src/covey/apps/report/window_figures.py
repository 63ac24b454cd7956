"""Charts of captures judged by windows: attacks found by kind, and each device's score over a held-out capture."""

from collections.abc import Iterator

import plotly.graph_objects as go

from covey.apps.report.drawing import Chart, chart, colour, empty_figure, plain
from covey.apps.report.window_tree import AttackWindows, Timeline, Windows

#: Name in the tree, name on the page, colour; in the order of drawing.
DETECTORS = (
    ("int8", "federated, int8 as on a device", "federated"),
    ("federated", "federated, float32", "worst"),
    ("local", "local only", "local"),
    ("central", "central", "central"),
    ("int8_fleet_threshold", "int8 with the fleet's threshold", "plain_fedavg"),
)
_DRAWN = ("local", "int8", "central")


def timeline_key(position: int) -> str:
    """The key of a device's timeline, by its place."""
    return f"timeline_{position}"


def window_charts(windows: Windows | None) -> Iterator[Chart]:
    """All charts that the windows have the numbers for."""
    if windows is None:
        return
    if windows.attacks:
        yield _attacks(windows.attacks)
    for position, (device, timeline) in enumerate(windows.timelines.items()):
        yield _timeline(timeline_key(position), device, timeline, windows.window_s)


def _attacks(attacks: dict[str, AttackWindows]) -> Chart:
    """Shares of attack windows found, by kind, kinds of one family together."""
    rows = sorted(attacks.items(), key=lambda item: (item[1].family, item[0]))
    names = [plain(f"{kind}{'' if one.in_training else ' (never learnt)'}") for kind, one in rows]
    figure = empty_figure(height=max(320, 110 + 40 * len(rows)))
    titles = {series: title for series, title, _ in DETECTORS}
    shades = {series: shade for series, _, shade in DETECTORS}
    for series in _DRAWN:
        shares = [one.tpr.get(series) for _, one in rows]
        if any(share is not None for share in shares):
            figure.add_trace(
                go.Bar(
                    y=names,
                    x=shares,
                    name=titles[series],
                    orientation="h",
                    marker={"color": colour(shades[series]), "line": {"width": 0}},
                    customdata=[[one.windows, plain(one.family)] for _, one in rows],
                    hovertemplate="%{y} (%{customdata[1]})<br>%{x:.1%} of %{customdata[0]:,} windows<extra></extra>",
                )
            )
    figure.update_layout(barmode="group", bargap=0.3, bargroupgap=0.06)
    figure.update_xaxes(range=[0, 1], tickformat="~%")
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    text = "Share of the windows with packets of an attack that lie above their device's threshold, by kind of attack."
    return chart("attacks_found", "Attack windows found, by kind", text, figure)


def _timeline(key: str, device: str, timeline: Timeline, window_s: float) -> Chart:
    """A device's score, its threshold, its alarms, and when it was attacked."""
    minutes = [(start + window_s / 2) / 60 for start in timeline.start_s]
    figure = empty_figure(height=360)
    figure.add_trace(
        go.Scatter(
            x=minutes,
            y=timeline.score,
            name="score of the window",
            mode="lines+markers",
            line={"color": colour("federated"), "width": 1.5},
            marker={"size": 4},
            hovertemplate="minute %{x:.1f}: %{y:.2f}<extra></extra>",
        )
    )
    alarmed = [place for place, flag in enumerate(timeline.in_alarm) if flag]
    figure.add_trace(
        go.Scatter(
            x=[minutes[place] for place in alarmed],
            y=[timeline.score[place] for place in alarmed],
            name="in alarm",
            mode="markers",
            marker={"size": 8, "color": colour("attack"), "symbol": "circle-open", "line": {"width": 2}},
            hoverinfo="skip",
        )
    )
    ends = [minutes[0], minutes[-1]] if minutes else []
    threshold = {"color": colour("local"), "width": 2, "dash": "dash"}
    figure.add_trace(
        go.Scatter(x=ends, y=[timeline.threshold] * len(ends), name="its threshold", mode="lines", line=threshold)
    )
    for span in timeline.attacks:
        place = {"x0": span.start_s / 60, "x1": max(span.end_s, span.start_s + window_s) / 60}
        figure.add_vrect(**place, fillcolor=colour("attack"), opacity=0.16, line_width=0, layer="below")
        figure.add_annotation(
            x=(place["x0"] + place["x1"]) / 2,
            y=1,
            yref="paper",
            text=plain(span.attack),
            textangle=-90,
            yanchor="top",
            showarrow=False,
            font={"size": 10, "color": "var(--muted)"},
        )
    figure.update_xaxes(title_text="minutes")
    figure.update_yaxes(title_text="score")
    found = sum(_is_found(timeline, span.start_s, span.end_s, window_s) for span in timeline.attacks)
    text = (
        f"{device}, session {timeline.session}: the score of each window, its threshold, and when it was attacked"
        f" (shaded). {found} of {len(timeline.attacks)} attacks reach above the threshold."
    )
    return chart(key, f"{device}, session {timeline.session}", text, figure)


def _is_found(timeline: Timeline, start_s: float, end_s: float, window_s: float) -> bool:
    return any(
        score > timeline.threshold and begin <= end_s and begin + window_s > start_s
        for begin, score in zip(timeline.start_s, timeline.score, strict=True)
    )
