"""The journal after power loss, corruption and on other runs; files that are whole or not there."""

import errno
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from covey.errors import Code, JournalError, OutputError
from covey.io import (
    Header,
    Journal,
    OutFolder,
    read_journal,
    write_atomically,
)
from covey.io.checkpoint import Checkpoint, read_checkpoint, write_checkpoint

HEADER = Header(plan="aa", data="bb", core="1", seed=3)
RECORDS: list[dict[str, object]] = [{"round": 1, "loss": 0.1}, {"round": 2, "loss": 1e-300}, {"round": 3, "name": "é"}]


def written(path: Path) -> bytes:
    with Journal.create(path, HEADER) as journal:
        for record in RECORDS:
            journal.add(record)
    return path.read_bytes()


def test_what_was_added_is_read_back(tmp_path: Path) -> None:
    written(tmp_path / "journal")
    assert read_journal(tmp_path / "journal") == (HEADER, RECORDS)


def test_after_power_loss_at_any_byte_whole_records_are_kept_and_adding_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    content = written(path)
    ends = [at + 1 for at, byte in enumerate(content) if byte == ord("\n")]
    for size in range(len(content) + 1):
        path.write_bytes(content[:size])
        whole = sum(end <= size for end in ends)
        header, records = read_journal(path)
        assert header == (HEADER if whole else None)
        assert records == RECORDS[: max(0, whole - 1)]
        if whole:
            with Journal(path) as journal:
                journal.add({"round": 9})
            assert read_journal(path)[1][-1] == {"round": 9}


@pytest.mark.parametrize("at", [3, 12, 30, 120])
def test_corruption_before_the_end_is_told(tmp_path: Path, at: int) -> None:
    path = tmp_path / "journal"
    content = bytearray(written(path))
    content[at] ^= 0x41
    path.write_bytes(content)
    with pytest.raises(JournalError) as caught:
        read_journal(path)
    assert caught.value.code is Code.JOURNAL_CORRUPT


def test_no_change_of_a_byte_makes_records_vanish_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    content = written(path)
    last = content[:-1].rindex(b"\n") + 1
    for at in range(len(content)):
        for byte in set(b'\n\r\t\0 +-_019afAF{}"\xff' + bytes(content[at] ^ 1 << bit for bit in range(8))):
            changed = content[:at] + bytes([byte]) + content[at + 1 :]
            path.write_bytes(changed)
            found = None
            with suppress(JournalError):
                found = read_journal(path)
            if found is None:
                assert path.read_bytes() == changed
            elif at < last:
                assert found == (HEADER, RECORDS)
            else:
                assert found in ((HEADER, RECORDS), (HEADER, RECORDS[:-1]))


def test_a_second_process_is_kept_out_until_the_first_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal.create(path, HEADER) as journal:
        code = (
            "import sys, pathlib, covey.io, covey.errors\n"
            "try: covey.io.Journal(pathlib.Path(sys.argv[1]))\n"
            "except covey.errors.OutputError as error: print(error.code.value, bool(error.hint))\n"
        )
        refused = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
        assert refused.stdout.split() == [Code.OUTPUT_IN_USE.value, "True"]
        journal.add(RECORDS[0])
    with Journal(path) as journal:
        journal.add(RECORDS[1])
    assert read_journal(path) == (HEADER, RECORDS[:2])


def test_a_journal_is_neither_begun_twice_nor_gone_on_with_where_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with pytest.raises(JournalError) as missing:
        Journal(path)
    assert missing.value.code is Code.JOURNAL_NOT_FOUND
    Journal.create(path, HEADER).close()
    with pytest.raises(OutputError) as exists:
        Journal.create(path, HEADER)
    assert exists.value.code is Code.OUTPUT_EXISTS


def test_a_folder_without_a_journal_is_told(tmp_path: Path) -> None:
    with pytest.raises(JournalError) as caught:
        read_journal(tmp_path / "journal")
    assert caught.value.code is Code.JOURNAL_NOT_FOUND


@pytest.mark.parametrize(
    ("other", "code"),
    [
        (Header("xx", "bb", "1", 3), Code.JOURNAL_OTHER_PLAN),
        (Header("aa", "bb", "1", 4), Code.JOURNAL_OTHER_PLAN),
        (Header("aa", "xx", "1", 3), Code.JOURNAL_OTHER_DATA),
        (Header("aa", "bb", "2", 3), Code.JOURNAL_VERSION),
    ],
)
def test_the_journal_of_another_run_is_refused(other: Header, code: Code) -> None:
    HEADER.check(HEADER, Path("journal"))
    with pytest.raises(JournalError) as caught:
        HEADER.check(other, Path("journal"))
    assert caught.value.code is code


def test_a_checkpoint_is_read_back_and_a_broken_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    assert read_checkpoint(path) is None
    arrays = {"a": np.arange(5), "b/c": np.zeros(2, np.dtype([("x", "<u8"), ("y", "V16")]))}
    write_checkpoint(path, Checkpoint(HEADER, 7, arrays))
    found = read_checkpoint(path)
    assert found is not None
    assert (found.header, found.records) == (HEADER, 7)
    assert {name: array.tobytes() for name, array in found.arrays.items()} == {
        name: array.tobytes() for name, array in arrays.items()
    }
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    with pytest.raises(JournalError) as caught:
        read_checkpoint(path)
    assert caught.value.code is Code.JOURNAL_CORRUPT


def test_a_file_is_replaced_as_a_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_what_cannot_be_written_is_told_with_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file is no folder")
    for attempt in (
        lambda: OutFolder(tmp_path / "file" / "run").create(),
        lambda: write_atomically(tmp_path / "nowhere" / "file", b""),
        lambda: Journal.create(tmp_path / "nowhere" / "journal", HEADER),
        lambda: write_atomically(tmp_path / ("long" * 100), b""),
    ):
        with pytest.raises(OutputError) as caught:
            attempt()
        assert caught.value.code is Code.OUTPUT_NOT_WRITABLE


def test_a_full_disk_is_told_and_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"one")

    def fail(handle: int) -> None:
        assert len(list(tmp_path.iterdir())) == 2
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError) as caught:
        write_atomically(path, b"two")
    assert caught.value.code is Code.OUTPUT_DISK_FULL
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"one"


def test_a_draft_that_cannot_be_removed_does_not_hide_what_went_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object, **named: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "fsync", fail)
    monkeypatch.setattr(Path, "unlink", fail)
    with pytest.raises(OutputError) as caught:
        write_atomically(tmp_path / "file", b"one")
    assert caught.value.code is Code.OUTPUT_NOT_WRITABLE


def test_a_journal_on_a_full_disk_is_told() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OutputError) as caught, Journal(full) as journal:
        journal.add({"round": 1})
    assert caught.value.code in {Code.OUTPUT_DISK_FULL, Code.OUTPUT_NOT_WRITABLE}


def test_an_out_folder_holds_one_run(tmp_path: Path) -> None:
    folder = OutFolder(tmp_path / "new" / "run")
    folder.create()
    Journal.create(folder.journal, HEADER).close()
    with pytest.raises(OutputError) as caught:
        folder.create()
    assert caught.value.code is Code.OUTPUT_EXISTS


def test_a_new_run_drops_the_checkpoint_of_one_whose_journal_is_gone(tmp_path: Path) -> None:
    folder = OutFolder(tmp_path)
    write_checkpoint(folder.checkpoint, Checkpoint(HEADER, 7, {}))
    folder.create()
    assert read_checkpoint(folder.checkpoint) is None
