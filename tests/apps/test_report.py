"""The report: everything in it comes from the result tree, it loads nothing, and no string from data becomes markup."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from result_tree import DEVICES, result_tree

from covey.apps.report import Result, render
from covey.apps.report.page import count, in_words, number, percent, size

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">&amp;"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "RESULT.md"


class Elements(HTMLParser):
    """Collects a page's elements, and the text inside each script."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(tree: dict[str, Any]) -> tuple[str, Elements]:
    html = render(Result.model_validate(tree))
    elements = Elements()
    elements.feed(html)
    return html, elements


def hostile_tree() -> dict[str, Any]:
    tree = result_tree()
    tree["plan"] |= {"name": HOSTILE, "title": HOSTILE, "notes": [HOSTILE], "source": HOSTILE}
    tree["devices"] = {f"{name} {HOSTILE}": device for name, device in tree["devices"].items()}
    tree["worst_device"]["federated"]["device"] = HOSTILE
    tree["confusion"]["classes"] = [f"{name} {HOSTILE}" for name in tree["confusion"]["classes"]]
    tree["verdicts"] = {HOSTILE: 3}
    tree["hold_out"] = {HOSTILE: tree["pooled"]["federated"]}
    tree["rounds"][0]["worst_device"] = HOSTILE
    return tree


def test_a_report_opens_offline_because_it_loads_nothing() -> None:
    html, elements = page_of(result_tree())
    assert not [attrs for tag, attrs in elements.found if tag in {"link", "iframe", "object", "embed", "base", "form"}]
    assert not [attrs for tag, attrs in elements.found if tag in {"script", "img", "source"} and "src" in attrs]
    policy = [attrs["content"] for _, attrs in elements.found if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policy
    assert (policy[0] or "").startswith("default-src 'none'")
    css = html.split("<style>", 1)[1].split("</style>", 1)[0]
    assert "url(" not in css
    assert "@import" not in css


def test_no_string_from_data_becomes_markup() -> None:
    _, quiet = page_of(result_tree())
    html, elements = page_of(hostile_tree())
    assert sum(tag == "script" for tag, _ in elements.found) == sum(tag == "script" for tag, _ in quiet.found)
    assert not [tag for tag, attrs in elements.found if "onerror" in attrs or tag == "img"]
    assert HOSTILE not in html


def test_labels_of_charts_are_plain_text_for_plotly() -> None:
    html, _ = page_of(hostile_tree())
    embedded = re.search(r'<script type="application/json" id="figures">(.*?)</script>', html, re.DOTALL)
    assert embedded
    assert "<" not in embedded[1]
    figures = json.loads(embedded[1])
    assert all("<img" not in label for label in figures["confusion"]["data"][0]["x"])
    assert all("&lt;img" in label for label in figures["devices_accuracy"]["data"][0]["y"])


def test_every_device_stands_in_the_page_with_its_scores() -> None:
    _, elements = page_of(result_tree())
    for name in DEVICES:
        assert name in elements.text
    assert percent(0.9962) in elements.text


def test_a_result_without_baselines_or_judged_rounds_still_makes_a_page() -> None:
    tree = result_tree()
    for entry in [tree["pooled"], *tree["devices"].values()]:
        for key in ("local", "central", "plain_fedavg", "int8"):
            entry.pop(key, None)
    for key in ("confusion", "roc", "by_seed", "confidence", "plain_fedavg_rounds", "gap_closed", "worst_device"):
        del tree[key]
    tree["seeds"] = [1]
    for entry in tree["rounds"]:
        entry |= {"macro_f1": None, "worst_device": None, "worst_accuracy": None, "accuracy": None}
    _, elements = page_of(tree)
    assert "One seed was run" in elements.text


def test_the_same_result_gives_the_same_page() -> None:
    assert page_of(result_tree())[0] == page_of(result_tree())[0]


def test_every_chart_says_in_words_what_it_shows() -> None:
    _, elements = page_of(result_tree())
    plots = [attrs for _, attrs in elements.found if "data-chart" in attrs]
    assert len(plots) == 9
    assert all(attrs.get("role") == "img" and len(attrs.get("aria-label") or "") > 20 for attrs in plots)


def test_the_documentation_of_the_result_names_every_key() -> None:
    text = DOCS.read_text()
    for key in Result.model_fields:
        assert f"`{key}" in text, f"docs/RESULT.md does not name {key}"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (percent(0.99956), "99.96 %"),
        (percent(None), "-"),
        (size(9_391), "9.39 kB"),
        (size(21_350), "21.4 kB"),
        (size(512), "512 B"),
        (size(3_100_000), "3.10 MB"),
        (size(None), "-"),
        (number(0.0123456), "0.01235"),
        (in_words("pooled.federated.macro_f1"), "All devices, federated: Macro-F1"),
        (in_words("gap_closed"), "Gap closed"),
        (count(1, "device"), "1 device"),
        (count(79_490, "row"), "79,490 rows"),
    ],
)
def test_figures_are_written_for_readers(shown: str, expected: str) -> None:
    assert shown == expected


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium")
def test_a_browser_draws_the_charts_and_runs_nothing_hostile(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(render(Result.model_validate(hostile_tree())), encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking"
    command = ["chromium", *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=4000"]
    shown = subprocess.run(
        [*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    ).stdout
    title = re.search(r"<title>(.*?)</title>", shown, re.DOTALL)
    assert title
    assert title[1] != "owned"
    assert shown.count('class="plot js-plotly-plot"') == 6  # the bars of three other measures wait for their button
    assert "Darker" in shown
