"""`covey label`: alerts are listed, judged, taken back; what is wrong is told with code, cause and hint."""

import json
import struct
from array import array
from dataclasses import dataclass
from pathlib import Path

import pytest

from covey.apps.cli import main
from covey.apps.cli.label import time_ns
from covey.errors import EnvironmentFault
from covey.io.local_store import LocalStore
from covey.io.training_rows import read_training_rows
from covey.sensing.store import NANOSECONDS, StoreLimits, StoreSchema

SCHEMA = StoreSchema(("a", "b"), ("benign", "mirai", "scan"))
NOW = 1_767_225_600 * NANOSECONDS  # 2026-01-01


@dataclass
class Window:
    start_ns: int
    end_ns: int
    score: float = 5.0
    threshold: float = 0.0
    top_score: float = 5.0
    alarm: int = 1
    top: bytes = bytes(72)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two alerts an hour apart, with ten rows each and their top row."""
    folder = tmp_path / "store"
    opened = LocalStore.open(folder, SCHEMA, StoreLimits(size_bytes=1 << 20), now_ns=NOW, seed=1)
    for number in range(2):
        start = NOW + number * 3600 * NANOSECONDS
        addresses = bytes([10, 0, 0, number]).ljust(16, b"\0") + bytes([10, 0, 0, 9]).ljust(16, b"\0")
        packet = struct.pack("<qII", start, 60, 60) + addresses + bytes(19) + b"\2" + bytes(4)
        opened.offer(packet * 10, array("f", [1.0, 2.0] * 10), array("f", [5.0] * 10), 10, 0.0)
        window = Window(start, start + 10 * NANOSECONDS, top=packet)
        opened.window(window, struct.pack("<2f", 1.0, 2.0))
        opened.alert(f"alert-{number}", window, "tcp/23", f"10.0.0.{number}:4 > 10.0.0.9:23 \x1b[31mtcp")
        opened.window(Window(start + 10 * NANOSECONDS, start + 20 * NANOSECONDS, -9.0, alarm=3))
    opened.close()
    return folder


def run(*words: object) -> int:
    status = main([str(word) for word in words], standalone_mode=False)
    assert isinstance(status, int)
    return status


def labels(store: Path) -> list[str | None]:
    return sorted(read_training_rows(store, SCHEMA).labels, key=str)


def test_alerts_that_wait_are_listed_without_what_could_steer_a_terminal(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("label", store) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["alert-0", "alert-1"]
    assert "2026-01-01T01:00:00+00:00" in lines[1]
    assert "11 rows kept" in lines[0]
    assert "\x1b" not in "".join(lines)


def test_a_label_is_given_listed_and_taken_back(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("label", store, "alert-0", "--as", "mirai") == 0
    assert labels(store) == ["mirai"] * 11 + [None] * 11 or labels(store) == [None] * 11 + ["mirai"] * 11
    capsys.readouterr()
    run("label", store, "--list")
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["alert-1"]
    run("label", store, "--all", "--json")
    listed = json.loads(capsys.readouterr().out)
    assert [(entry["id"], entry["label"]) for entry in listed] == [("alert-0", "mirai"), ("alert-1", None)]
    assert run("label", store, "--undo") == 0
    assert "mirai for alert alert-0" in capsys.readouterr().out
    assert labels(store) == [None] * 22


def test_a_stretch_of_time_and_a_peer_are_judged_in_one_go(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("label", store, "--since", "2026-01-01T00:30:00Z", "--as", "benign") == 0
    assert "11 rows" in capsys.readouterr().out
    assert run("label", store, "--peer", "10.0.0.0", "--as", "scan") == 0
    assert "11 rows" in capsys.readouterr().out
    assert labels(store) == ["benign"] * 11 + ["scan"] * 11


def test_of_a_label_on_an_alert_and_one_on_its_time_the_later_counts(store: Path) -> None:
    run("label", store, "--since", "2026-01-01", "--as", "benign")
    run("label", store, "alert-0", "--as", "scan")
    assert labels(store) == ["benign"] * 11 + ["scan"] * 11
    run("label", store, "--since", "2026-01-01", "--as", "mirai")
    assert labels(store) == ["mirai"] * 22


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["alert-9", "--as", "benign"], "A211", "did you mean alert-"),
        (["alert-0", "--as", "begnin"], "A212", "did you mean benign"),
        (["--since", "2030-01-01", "--until", "2031-01-01", "--as", "benign"], "A213", "no row"),
        (["--undo"], "A213", "no label"),
        (["alert-0"], "S301", "--as"),
        (["--as", "benign"], "S301", "which alert"),
        (["alert-0", "--since", "2h", "--as", "benign"], "S301", "not both"),
        (["--undo", "--as", "benign"], "S301", "alone"),
        (["--since", "yesterday", "--as", "benign"], "S301", "is no time"),
        (["--peer", "10.0.0", "--as", "benign"], "S301", "no address"),
        (["--since", "1h", "--until", "2h", "--as", "benign"], "S301", "after --until"),
    ],
)
def test_what_is_wrong_is_told_with_code_cause_and_hint(
    store: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: str, says: str
) -> None:
    assert run("label", store, *words) in (1, 2)
    told = capsys.readouterr().err
    assert f"[{code}]" in told
    assert says in told
    assert "hint:" in told
    assert labels(store) == [None] * 22


def test_a_folder_without_a_store_is_told_and_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("label", tmp_path / "nothing") == 1
    assert "[A201]" in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()


def test_labels_may_be_given_while_detection_writes(store: Path) -> None:
    writing = LocalStore.open(store, SCHEMA, StoreLimits(size_bytes=1 << 20), now_ns=NOW, seed=1)
    for number in range(2):
        writing.offer(bytes(72 * 10), array("f", [1.0, 2.0] * 10), array("f", [-9.0] * 10), 10, 0.0)
        assert run("label", store, f"alert-{number}", "--as", "scan") == 0
        writing.tick(NOW + (number + 1) * 10 * NANOSECONDS)
        assert writing.fault is None
    writing.close()
    assert labels(store).count("scan") == 22


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T00:00:00Z", NOW),
        ("2026-01-01T01:00:00+01:00", NOW),
        ("2026-01-01", NOW),
        ("90m", NOW - 5400 * NANOSECONDS),
        ("3d", NOW - 3 * 86_400 * NANOSECONDS),
        (None, 5),
    ],
)
def test_times_are_read_as_people_write_them(text: str | None, expected: int) -> None:
    assert time_ns("--since", text, NOW, default=5) == expected


@pytest.mark.parametrize("text", ["", "1y", "-3h", "noon", "2026-13-01", "9" * 30 + "d"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(EnvironmentFault, match="no time"):
        time_ns("--since", text, NOW, default=5)
