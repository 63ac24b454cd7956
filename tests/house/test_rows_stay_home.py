"""The house rule of docs/store.md: rows of a local store reach training on the device, and no message.

Three looks at it: who may import what, who may read the column of features, and what fields a device's messages have.
tests/apps/test_federated.py looks at the bytes themselves.
"""

import ast
import dataclasses
import re
from pathlib import Path

import pytest

from covey import wire
from covey.core import UpdateFields

SOURCE = Path(__file__).resolve().parents[2] / "src" / "covey"
#: Modules that hold rows of the store, or can read them.
STORE = {"covey.sensing.store", "covey.sensing.sampling"} | {
    f"covey.io.{name}"
    for name in (
        "local_store",
        "offered",
        "store_alerts",
        "store_file",
        "store_state",
        "store_trouble",
        "store_writer",
        "training_rows",
        "labels",
    )
}
#: Rooms in which messages are made, carried, judged or added up, and modules of `io` that write for others to read.
MESSAGE_ROOMS = ("wire", "core", "models", "training", "pipeline", "aggregation", "selection", "protocol", "plan")
CARRIERS = ("io/spool.py", "io/sinks.py", "io/journal.py", "io/checkpoint.py", "io/files.py")
#: Who may read rows back, and who does it.
READERS = {"apps/detect/device_work.py", "apps/detect/acceptance.py", "apps/detect/federated.py"}


def imports_of(path: Path) -> set[str]:
    """All modules that a module imports, wherever the import stands, and the names that it takes from packages."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {str(node.module)} | {f"{node.module}.{name.name}" for name in node.names}
    return found


def reached_from(path: Path, seen: set[Path] | None = None) -> set[str]:
    """All modules of covey that importing this one brings in, through others too."""
    seen = set() if seen is None else seen
    reached = set()
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] != "covey":
            continue
        for place in (SOURCE.joinpath(*parts[1:]).with_suffix(".py"), SOURCE.joinpath(*parts[1:], "__init__.py")):
            if place.is_file():
                reached.add(name)
                if place not in seen:
                    seen.add(place)
                    reached |= reached_from(place, seen)
    return reached


MESSAGE_MODULES = sorted(path for room in MESSAGE_ROOMS for path in (SOURCE / room).rglob("*.py"))


@pytest.mark.parametrize(
    "path", [*MESSAGE_MODULES, *(SOURCE / name for name in CARRIERS)], ids=lambda path: str(path.relative_to(SOURCE))
)
def test_what_makes_or_carries_messages_cannot_reach_the_store(path: Path) -> None:
    assert path.is_file()
    reached = reached_from(path)
    assert not reached & STORE, f"{path.relative_to(SOURCE)} reaches {reached & STORE}"


def test_the_search_follows_imports_through_other_modules() -> None:
    assert STORE & reached_from(SOURCE / "apps" / "detect" / "federated.py") >= {"covey.io.training_rows"}


def test_rows_are_read_back_for_training_on_the_device_only() -> None:
    readers = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if any(name.startswith("covey.io.training_rows") for name in imports_of(path))
    }
    assert readers == READERS


def test_one_module_reads_the_column_of_features() -> None:
    select = re.compile(r"SELECT[^;]*?\b(features|\*)[^;]*?FROM\s+rows", re.DOTALL)
    reading = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py") if select.search(path.read_text())}
    assert reading == {"io/training_rows.py"}


#: Every field of every message that a device sends, and why none of them is a row. A new field needs a reason here.
LEAVES_A_DEVICE = {
    "UpdateFields": {
        "round": "which question it answers",
        "counter": "which answer it is",
        "num_examples": "how many rows, as one number",
        "loss": "one number over all rows",
        "digest": "of the model that it starts from",
        "payload": "the clipped, quantised change of parameters; its length follows from the model alone",
    },
    "Sketch": {
        "round": "which question it answers",
        "counter": "which answer it is",
        "rows": "how many rows were sketched, as one number",
        "bits": "the width of buckets, as asked",
        "sums": "four sums a feature over all rows",
        "pairs": "how many buckets a feature has",
        "bucket": "leading bits of values, without sign of which row",
        "tally": "how many rows fell into a bucket",
        "held": "how many rows there are, as one number",
    },
}
#: What comes to a device, or lies in files; a device sends none of these.
COMES_TO_A_DEVICE = {"Task", "Receipt", "ModelFile"}
PARTS = {
    "DetectionSettings",
    "EncodingFields",
    "FeatureSchema",
    "Fields",
    "Limits",
    "ModelDesign",
    "RecipeTerms",
    "SketchTerms",
    "TrainingTerms",
}


def test_no_message_of_a_device_has_a_field_for_rows() -> None:
    messages = {
        name: thing for name, thing in vars(wire).items() if isinstance(thing, type) and dataclasses.is_dataclass(thing)
    }
    messages["UpdateFields"] = UpdateFields
    assert set(messages) - COMES_TO_A_DEVICE - PARTS == set(LEAVES_A_DEVICE)
    for name, reasons in LEAVES_A_DEVICE.items():
        assert {field.name for field in dataclasses.fields(messages[name])} == set(reasons)


def test_the_transport_of_a_device_sends_those_messages_and_no_others() -> None:
    from covey.io.spool import Outbound

    assert {kind.name for kind in Outbound} == {"SKETCH", "UPDATE"}
