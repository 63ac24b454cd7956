"""What all charts of the report have in common.

Every string from data goes through `plain`: plotly reads a small set of HTML tags in labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure with what a reader who cannot see it is told."""

    key: str
    title: str
    description: str
    json: str


def plain(text: str) -> str:
    """Text that plotly shows as it is."""
    return escape(text, quote=True)


def colour(series: str) -> str:
    """The colour of a series: a CSS variable, which the page resolves by its theme."""
    return f"var(--{series.replace('_', '-')})"


def empty_figure(height: int = 340) -> go.Figure:
    """A figure in the page's style, with nothing in it."""
    axis = {
        "gridcolor": "var(--grid)",
        "zerolinecolor": "var(--grid)",
        "linecolor": "var(--grid)",
        "automargin": True,
        "title": {"standoff": 10},
    }
    return go.Figure(
        layout={
            "template": "none",
            "height": height,
            "margin": {"l": 56, "r": 16, "t": 36, "b": 44},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": "inherit", "size": 13, "color": "var(--text)"},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
            "hoverlabel": {"bgcolor": "var(--surface)", "bordercolor": "var(--grid)", "font": {"color": "var(--text)"}},
            "xaxis": axis,
            "yaxis": axis,
        }
    )


def chart(key: str, title: str, description: str, figure: go.Figure) -> Chart:
    """A finished chart."""
    return Chart(key, title, description, figure.to_json())


def line(x: Sequence[float], y: Sequence[float | None], name: str, colour: str, dash: str = "solid") -> go.Scatter:
    """A line over rounds."""
    return go.Scatter(
        x=list(x),
        y=list(y),
        name=name,
        mode="lines+markers" if dash == "solid" and len(x) <= 12 else "lines",
        connectgaps=True,
        line={"color": colour, "width": 2.5, "dash": dash},
        marker={"size": 6},
    )
