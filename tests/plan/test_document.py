"""TOML text: what we write Python's own reader reads back, and keys are found on their lines."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.plan.document import apply_override, line_of, read_override, toml_document

SCALARS = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=20)
KEYS = st.text(min_size=1, max_size=8)
TREES = st.recursive(
    SCALARS | st.lists(SCALARS, max_size=4) | st.lists(st.text(max_size=40), max_size=6),
    lambda inner: (
        st.dictionaries(KEYS, inner, max_size=3) | st.lists(st.dictionaries(KEYS, inner, max_size=2), max_size=2)
    ),
    max_leaves=12,
)
TEXT = """\
name = "x"  # name of it

[training]
kind = "fedavg"
learning_rate = 0.1

[[pipeline]]
kind = "clip"

[[pipeline]]
kind = "int8"
block = 64

[data.features]
exclude = [
    "a",
]
"""


def without_nothing(value: Any) -> Any:
    """Empty tables stand for their defaults and are not written."""
    if isinstance(value, dict):
        return {key: without_nothing(entry) for key, entry in value.items() if without_nothing(entry) != {}}
    return [without_nothing(entry) for entry in value] if isinstance(value, list) else value


@given(st.dictionaries(KEYS, TREES, max_size=4))
def test_what_is_written_is_read_back(tree: dict[str, Any]) -> None:
    written = toml_document(tree)
    assert without_nothing(tomllib.loads(written)) == without_nothing(tree)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 1),
        (("training",), 3),
        (("training", "learning_rate"), 5),
        (("training", "missing"), 3),
        (("pipeline", 0, "kind"), 8),
        (("pipeline", 1, "block"), 12),
        (("data", "features", "exclude", 0), 15),
        (("nowhere",), None),
    ],
)
def test_a_key_is_found_on_its_line(path: tuple[str | int, ...], line: int | None) -> None:
    assert line_of(TEXT, path) == line


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1", 1),
        ("a=1.5", 1.5),
        ("a=true", True),
        ("a = fedprox", "fedprox"),
        ("a=mcu-small", "mcu-small"),
        ("a='two words'", "two words"),
        ("a=[1, 2]", [1, 2]),
        ('a={ b = "c" }', {"b": "c"}),
    ],
)
def test_an_override_is_a_toml_value_or_a_single_word(text: str, value: object) -> None:
    assert read_override(text).value == value


def test_an_override_reaches_into_tables_and_lists_and_makes_what_is_missing() -> None:
    tree: dict[str, object] = tomllib.loads(TEXT)
    for text in ("pipeline.1.block=32", "rounds.count=4", "training.kind=fedprox"):
        apply_override(tree, read_override(text))
    assert tree["pipeline"] == [{"kind": "clip"}, {"kind": "int8", "block": 32}]
    assert tree["rounds"] == {"count": 4}
    assert tree["training"] == {"kind": "fedprox", "learning_rate": 0.1}
