"""A file that grows, is moved away, is cut; a pipe; and the end when it is asked for."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from covey.errors import SourceError
from covey.io import follow
from covey.io.follow import FollowedFile, standard_input


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "TICK_S", 0.001)


class Stop:
    is_asked = False

    def __call__(self) -> bool:
        return self.is_asked


def until_empty(chunks: Iterator[bytes]) -> bytes:
    """What there is now."""
    data = b""
    for chunk in chunks:
        if not chunk:
            break
        data += chunk
    return data


def test_what_is_appended_comes_and_nothing_new_is_an_empty_chunk(tmp_path: Path) -> None:
    path, stop = tmp_path / "log", Stop()
    path.write_bytes(b"one")
    chunks = FollowedFile(path, stop).chunks()
    assert until_empty(chunks) == b"one"
    assert next(chunks) == b""
    with path.open("ab") as file:
        file.write(b"two")
    assert until_empty(chunks) == b"two"
    stop.is_asked = True
    assert list(chunks) == []


def test_a_file_that_is_moved_away_is_read_to_its_end_before_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one")
    file = FollowedFile(path, Stop())
    chunks = file.chunks()
    assert until_empty(chunks) == b"one"
    moved = path.rename(tmp_path / "log.1")
    assert next(chunks) == b""  # its name is missing: somebody may still write to it
    path.write_bytes(b"new")
    with moved.open("ab") as old:
        old.write(b"last")
    assert b"".join(chunks) == b"last"
    assert file.is_replaced
    assert until_empty(file.chunks()) == b"new"


def test_a_file_that_was_copied_and_cut_is_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"long ago")
    file = FollowedFile(path, Stop())
    chunks = file.chunks()
    assert until_empty(chunks) == b"long ago"
    path.write_bytes(b"now")
    assert list(chunks) == []
    assert file.is_replaced
    assert until_empty(file.chunks()) == b"now"


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        next(FollowedFile(tmp_path / "none", Stop()).chunks())
    assert caught.value.code == "T101"


def test_standard_input_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    saved, folder = os.dup(0), os.open(tmp_path, os.O_RDONLY)
    os.dup2(folder, 0)
    try:
        for close in (False, True):
            if close:
                os.close(0)
            with pytest.raises(SourceError) as caught:
                next(standard_input(Stop()))
            assert caught.value.code == "T102"
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        os.close(folder)


def test_standard_input_comes_as_it_is_written_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    saved = os.dup(0)
    os.dup2(reader, 0)
    try:
        chunks = standard_input(Stop())
        assert next(chunks) == b""
        os.write(writer, b"one")
        assert next(chunks) == b"one"
        os.write(writer, b"two")
        os.close(writer)
        assert list(chunks) == [b"two"]
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        os.close(reader)
