"""The page: one HTML file with its styles, scripts and figures inside, so that it opens anywhere without a network.

Strings from data are escaped by the template; figures travel as JSON in which `<`, `>` and `&` are escapes, and plotly
is given plain text (see figures.py). A content security policy forbids the page to load anything.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from covey.apps.report.drawing import Chart
from covey.apps.report.figures import MEASURES, SERIES, charts
from covey.apps.report.tree import Result, Score
from covey.apps.report.window_figures import timeline_key
from covey.apps.report.window_tree import WatchedDevice, Windows

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Card:
    """One headline figure."""

    label: str
    value: str
    detail: str = ""


def render(result: Result) -> str:
    """The whole page."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"percent": percent, "bytes": size, "number": number, "count": count, "in_words": in_words}
    figures = charts(result)
    return environment.get_template("page.html").render(
        result=result,
        charts={**dict.fromkeys(_CHART_KEYS), **figures},
        window_rows=_window_rows(result),
        timelines=_timelines(result),
        cards=_cards(result),
        measures=MEASURES,
        series=SERIES[:3],
        pooled_rows=_pooled_rows(result),
        hold_out_rows=[*result.hold_out.items(), ("mean of all", result.hold_out_mean)],
        traffic_rows=_traffic_rows(result),
        model_rows=_model_rows(result),
        speed_rows=_speed_rows(result),
        notes=_notes(result),
        figures=_embedded(figures),
        css=Markup((_HERE / "page.css").read_text(encoding="utf-8")),  # noqa: S704 (ours)
        js=Markup((_HERE / "page.js").read_text(encoding="utf-8")),  # noqa: S704 (ours)
        plotly=Markup(get_plotlyjs()),  # noqa: S704 (plotly's own)
    )


_CHART_KEYS = (
    "quality",
    "loss",
    "bytes",
    "roc",
    "confusion",
    "attacks_found",
    *(f"devices_{key}" for key, _ in MEASURES),
)


def _embedded(figures: Mapping[str, Chart]) -> Markup:
    """The figures as JSON that cannot end its script element or begin another."""
    text = json.dumps({key: json.loads(chart.json) for key, chart in figures.items()}, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 (escaped in the line above)


def percent(value: float | None) -> str:
    """A share as percent with two digits; a dash where there is none."""
    return "-" if value is None else f"{100 * value:.2f} %"


def number(value: float | None) -> str:
    """A number with four significant digits; a dash where there is none."""
    return "-" if value is None else f"{value:.4g}"


def size(value: float | None) -> str:
    """Bytes in the unit that reads best (powers of ten)."""
    if value is None:
        return "-"
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= scale:
            return f"{value / scale:.2f} {unit}" if value < 10 * scale else f"{value / scale:.1f} {unit}"
    return f"{value:.0f} B"


def count(value: int, noun: str) -> str:
    """`1 device`, `79,490 rows`."""
    return f"{value:,} {noun}{'' if value == 1 else 's'}"


def _cards(result: Result) -> list[Card]:
    cards = _window_cards(result)
    if result.hold_out_mean is not None:
        cards.append(
            Card("New devices, accuracy", percent(result.hold_out_mean.accuracy), "mean over devices left out")
        )
    worst = result.worst_device.get("federated")
    if worst:
        cards.append(Card("Worst device, accuracy", percent(worst.accuracy), worst.device))
    cards.append(Card("Macro-F1", percent(result.pooled.federated.macro_f1), _beside(result, "macro_f1")))
    cards.append(
        Card(
            "Attacks found",
            percent(result.pooled.federated.tpr_at_fpr_0p1pct),
            "at 0.1 % false alarms; thresholds set on each device",
        )
    )
    model = result.model
    cards.append(Card("Model on a device", size(model.int8_bytes), f"int8, {model.parameters:,} parameters"))
    cards.append(
        Card(
            "An update",
            size(result.traffic.up_bytes_per_update),
            f"up; {size(result.traffic.down_bytes_per_update)} down",
        )
    )
    speed = result.speed.device_rounds_per_s
    if speed is not None:
        cards.append(Card("Simulated", f"{speed:,.0f} /s", "device-rounds a second"))
    return cards


def _window_cards(result: Result) -> list[Card]:
    """What a person who runs the network asks first: is it found, and how often is there false alarm?"""
    pooled = result.windows.pooled.get("int8") if result.windows else None
    if result.windows is None or pooled is None:
        return []
    worst = result.windows.worst.get("int8")
    cards = []
    if pooled.tpr is not None:
        blind = f"worst: {percent(worst.tpr)}, {worst.device}" if worst and worst.device else ""
        cards.append(Card("Attack windows found", percent(pooled.tpr), blind))
    loud = f"loudest: {number(worst.above_per_hour)}, {worst.loudest_device}" if worst and worst.loudest_device else ""
    cards.append(Card("Benign windows above, an hour", number(pooled.above_per_hour), loud))
    return cards


_WORDS = {
    "pooled": "all devices",
    "worst_device": "worst device",
    "hold_out_mean": "new devices, mean",
    "gap_closed": "gap closed",
    "int8": "federated, int8",
    **dict(SERIES),
    **dict(MEASURES),
}


def in_words(path: str) -> str:
    """`pooled.federated.macro_f1` as `All devices, federated: Macro-F1`."""
    *places, last = (_WORDS.get(part, part) for part in path.split("."))
    text = f"{', '.join(places)}: {last}" if places else last
    return text[:1].upper() + text[1:]


def _beside(result: Result, measure: str) -> str:
    """`central 99.90 %, local only 71.20 %`, as far as known."""
    known = []
    for series, name in SERIES:
        score = getattr(result.pooled, series)
        value = getattr(score, measure) if score and series != "federated" else None
        if value is not None:
            known.append(f"{name} {percent(value)}")
    return "; ".join(known)


def _pooled_rows(result: Result) -> list[tuple[str, Score | None]]:
    rows = [(name, getattr(result.pooled, series)) for series, name in SERIES]
    return [*rows, ("federated, int8 as on a device", result.pooled.int8)]


def _window_rows(result: Result) -> list[tuple[str, WatchedDevice]]:
    """The devices' held-out captures, and all together."""
    windows = result.windows
    if windows is None:
        return []
    return [*windows.devices.items(), ("all together", together(windows))]


def together(windows: Windows) -> WatchedDevice:
    """All devices' held-out captures as if they were one device's."""
    devices = list(windows.devices.values())
    return WatchedDevice(
        benign_hours=sum(device.benign_hours or 0.0 for device in devices),
        attack_windows=sum(device.attack_windows or 0 for device in devices),
        incidents=sum(device.incidents or 0 for device in devices),
        int8=windows.pooled.get("int8"),
        federated=windows.pooled.get("federated"),
        local=windows.pooled.get("local"),
        central=windows.pooled.get("central"),
    )


def _timelines(result: Result) -> list[tuple[str, str]]:
    return [
        (timeline_key(place), device) for place, device in enumerate(result.windows.timelines if result.windows else ())
    ]


def _traffic_rows(result: Result) -> list[tuple[str, str]]:
    traffic = result.traffic
    return [
        ("An update, up", size(traffic.up_bytes_per_update)),
        ("Task and model, down", size(traffic.down_bytes_per_update)),
        ("A device's statistics, once", size(traffic.statistics_up_bytes_per_device)),
        ("Sent by a device in all", size(traffic.per_device_bytes)),
        ("All devices, up", size(traffic.up_bytes)),
        ("All devices, down", size(traffic.down_bytes)),
    ]


def _model_rows(result: Result) -> list[tuple[str, str]]:
    model = result.model
    return [
        ("Kind", model.kind.replace("_", " ")),
        ("Parameters", f"{model.parameters:,}"),
        ("As int8, with its encoding", size(model.int8_bytes)),
        ("As float32", size(model.float32_bytes)),
        ("Encoding of features alone", size(model.encoding_bytes)),
    ]


def _speed_rows(result: Result) -> list[tuple[str, str]]:
    speed = result.speed
    rate = "-" if speed.device_rounds_per_s is None else f"{speed.device_rounds_per_s:,.0f}"
    return [
        ("Device-rounds a second", rate),
        ("Seconds for all rounds", number(speed.seconds)),
        ("of these in training", number(speed.training_seconds)),
        ("Virtual hours, as a fleet", number(None if speed.virtual_seconds is None else speed.virtual_seconds / 3600)),
    ]


def _notes(result: Result) -> list[str]:
    notes = list(result.plan.notes)
    if len(result.seeds) == 1:
        notes.append("One seed was run, so small differences may be chance: `--seeds 3` shows the spread.")
    notes.append("Test rows were seen by no training, statistic, scaling or threshold.")
    notes.append(
        "Attacks found at a rate of false alarms: each device sets its threshold on its own training rows, so the rate"
        " on its test rows is near the one named, not equal to it."
    )
    if result.pooled.central is not None:
        notes.append("Local only and central were trained by the same code with the same budget of steps.")
    return notes
