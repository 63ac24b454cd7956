"""The spool: whole messages or none, nothing lost, and nothing foreign followed, waited for or believed."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from covey.errors import Code, OutputError
from covey.io import spool as spools
from covey.io.spool import MOST_BYTES, MOST_MESSAGES, Inbound, Outbound, Spool, put_message
from covey.wire import Verdict


def inbox_of(spool: Spool) -> set[str]:
    return {path.name for path in spool.inbox.iterdir()}


def test_messages_come_receipts_first_then_by_number_until_they_are_done(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path)
    for name in ("task-10.cbor", "task-9.cbor", "receipt-11.cbor", "model-3.cbor"):
        put_message(spool.inbox, name, name.encode())
    expected = ["receipt-11.cbor", "model-3.cbor", "task-9.cbor", "task-10.cbor"]
    for _ in range(2):
        arrived = list(spool.receive())
        assert [message.name for message in arrived] == expected
        assert [message.content.decode() for message in arrived] == expected
    again = Spool.open(tmp_path)  # after a restart
    for message in list(again.receive()):
        again.done(message)
        again.done(message)
    assert list(spool.receive()) == []


def test_what_is_sent_is_there_whole_under_its_name_and_again_is_no_harm(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path)
    for _ in range(2):
        spool.send(Outbound.UPDATE, 7, 2, b"content")
    spool.send(Outbound.SKETCH, 0, 1, b"other")
    assert {path.name: path.read_bytes() for path in spool.outbox.iterdir()} == {
        "update-7-2.cbor": b"content",
        "sketch-0-1.cbor": b"other",
    }


@pytest.mark.parametrize(
    "name",
    [
        "task-1.cbor.exe",
        "task--1.cbor",
        "task-01.cbor",
        "TASK-1.cbor",
        "x",
        "task-1",
        "update-1-1.cbor",
        "task-é.cbor",
        "receipt-99999999999999999999.cbor",
        "task-1.cbor\n",
    ],
)
def test_a_file_of_another_name_is_removed_and_counted(tmp_path: Path, name: str) -> None:
    spool = Spool.open(tmp_path)
    (spool.inbox / name).write_bytes(b"x")
    assert list(spool.receive()) == []
    assert inbox_of(spool) == set()
    assert spool.refused == {Verdict.MALFORMED: 1}


def test_a_message_that_is_too_long_is_refused_without_reading_it_all(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path)
    for kind in Inbound:
        with (spool.inbox / f"{kind}-1.cbor").open("wb") as file:
            file.truncate(MOST_BYTES[kind])
        with (spool.inbox / f"{kind}-2.cbor").open("wb") as file:
            file.truncate(1 << 40 if kind is Inbound.TASK else MOST_BYTES[kind] + 1)  # sparse: takes no room
    assert [message.number for message in list(spool.receive())] == [1, 1, 1]
    assert spool.refused == {Verdict.TOO_LARGE: 3}


def test_nothing_but_plain_files_is_read_and_links_are_not_followed(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "spool")
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    (spool.inbox / "task-1.cbor").symlink_to(secret)
    os.mkfifo(spool.inbox / "task-2.cbor")  # opening it for reading would wait for a writer
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(spool.inbox, os.O_RDONLY)
        try:
            listener.bind(f"/proc/self/fd/{here}/task-3.cbor")
        finally:
            os.close(here)
        (spool.inbox / "task-4.cbor").mkdir()
        (spool.inbox / "folder").mkdir()
        begin = time.monotonic()
        assert list(spool.receive()) == []
        assert time.monotonic() - begin < 5
    assert secret.read_bytes() == b"secret"
    assert inbox_of(spool) == {"task-4.cbor", "folder"}
    assert spool.refused == {Verdict.MALFORMED: 3}


def test_a_message_that_is_still_being_written_is_left_alone(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path)
    (spool.inbox / ".task-1.cbor.draft").write_bytes(b"half")
    assert list(spool.receive()) == []
    assert inbox_of(spool) == {".task-1.cbor.draft"}
    assert spool.refused == {}


def test_a_flood_is_read_in_parts_of_bounded_size(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path)
    for number in range(MOST_MESSAGES + 5):
        (spool.inbox / f"task-{number}.cbor").write_bytes(b"x")
    first = list(spool.receive())
    assert [message.number for message in first] == list(range(MOST_MESSAGES))
    for message in first:
        spool.done(message)
    assert len(list(spool.receive())) == 5


def test_an_unusable_folder_is_told_with_code_cause_and_hint(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError) as caught:
        Spool.open(tmp_path / "file")
    assert caught.value.code is Code.SPOOL_NOT_WRITABLE
    assert caught.value.hint
    spool = Spool.open(tmp_path / "spool")
    for path in (spool.inbox, spool.outbox):
        path.rmdir()
    with pytest.raises(OutputError):
        list(spool.receive())
    with pytest.raises(OutputError):
        spool.send(Outbound.UPDATE, 1, 1, b"x")


CHILD = """
import sys
from pathlib import Path
from covey.io.spool import Outbound, Spool
spool = Spool.open(Path(sys.argv[1]))
for number in range(1, 10**6):
    spool.send(Outbound.UPDATE, number, number, bytes([number % 251]) * 30_000)
    print(number, flush=True)
"""


@pytest.mark.parametrize("seed", range(5))
def test_kill_while_sending_leaves_whole_messages_and_none_that_was_told_is_lost(tmp_path: Path, seed: int) -> None:
    with subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(3 + seed):
            child.stdout.readline()
        time.sleep(0.0013 * seed)
        child.send_signal(signal.SIGKILL)
        told = [int(line) for line in child.stdout.read().splitlines() if line]
    last = told[-1] if told else 3 + seed
    names = {path.name for path in (tmp_path / "outbox").glob("[!.]*")}
    assert {f"update-{number}-{number}.cbor" for number in range(1, last + 1)} <= names
    for path in (tmp_path / "outbox").glob("[!.]*"):
        number = int(path.name.split("-")[1])
        assert path.read_bytes() == bytes([number % 251]) * 30_000
    Spool.open(tmp_path)
    assert not list((tmp_path / "outbox").glob(".*")), "drafts of a crash are cleared away"


def test_a_full_disk_leaves_no_half_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool.open(tmp_path)

    def fails(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spools.os, "fsync", fails)
    with pytest.raises(OutputError, match="No space left"):
        spool.send(Outbound.UPDATE, 1, 1, b"content")
    assert list(spool.outbox.iterdir()) == []
