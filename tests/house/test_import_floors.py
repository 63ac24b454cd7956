"""The house rule of docs/ARCHITECTURE.md: a room imports only floors below it."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "covey"
FLOORS = (
    ("errors", "vector"),
    ("core", "wire", "crypto"),
    ("sensing",),
    ("models", "telemetry"),
    ("training", "pipeline", "aggregation", "selection", "privacy", "detection", "watching"),
    ("plan",),
    ("protocol",),
    ("io",),
    ("simulation",),
    ("apps",),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
MODULES = sorted(path.relative_to(SOURCE) for path in SOURCE.rglob("*.py") if len(path.relative_to(SOURCE).parts) > 1)


def imported_rooms(path: Path, room: str) -> set[str]:
    """Rooms of covey that a module imports, wherever the import stands; relative imports leave a room only by level."""
    rooms = set()
    depth = len(path.parts) - 1
    for node in ast.walk(ast.parse((SOURCE / path).read_text())):
        if isinstance(node, ast.Import):
            rooms |= {name.name.split(".")[1] for name in node.names if name.name.startswith("covey.")}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").split(".")[0] == "covey":
            parts = (node.module or "").split(".")
            rooms |= {parts[1]} if len(parts) > 1 else {name.name for name in node.names if name.name in FLOOR_OF}
        elif isinstance(node, ast.ImportFrom) and node.level > depth:
            rooms |= {(node.module or "").split(".")[0]} if node.module else {name.name for name in node.names}
    return rooms - {room}


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_room_imports_only_rooms_on_lower_floors(path: Path) -> None:
    room = path.parts[0]
    assert room in FLOOR_OF, f"{room} is not a room of the house"
    for other in imported_rooms(path, room):
        assert FLOOR_OF[other] < FLOOR_OF[room], f"{path} imports {other}, which is not on a lower floor"


def test_every_folder_of_the_package_is_a_room() -> None:
    folders = {path.name for path in SOURCE.iterdir() if path.is_dir() and not path.name.startswith("__")}
    assert folders <= set(FLOOR_OF)


@pytest.mark.parametrize("path", [p for p in MODULES if FLOOR_OF[p.parts[0]] < FLOOR_OF["io"]], ids=str)
def test_no_clock_or_global_randomness_below_io(path: Path) -> None:
    """`now` and `rng` are arguments there: imports of time and random, and calls into numpy.random, are refused."""
    tree = ast.parse((SOURCE / path).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert not {"time", "random", "datetime", "secrets"} & {name.name for name in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.module not in {"time", "random", "datetime", "secrets", "numpy.random"}
        if isinstance(node, ast.Call):
            assert "np.random." not in ast.unparse(node.func), f"{path}:{node.lineno} draws from numpy.random"
