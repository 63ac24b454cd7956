"""Small folders of devices, written by the tests themselves."""

import gzip
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

WriteFolder = Callable[[Mapping[str, str | bytes]], Path]


@pytest.fixture
def write_folder(tmp_path: Path) -> WriteFolder:
    """Writes files by name; text is encoded, and packed where the name ends in .gz; bytes are written as they are."""

    def write(files: Mapping[str, str | bytes]) -> Path:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            packed = gzip.compress(data) if name.endswith(".gz") and isinstance(content, str) else data
            (tmp_path / name).write_bytes(packed)
        return tmp_path

    return write


@pytest.fixture
def good_file() -> str:
    """A sound device of four rows and two features."""
    return "split,label,attack,a,b\ntrain,0,benign,1,2\ntrain,1,scan,3,4\ntest,0,benign,5,6\ntest,1,scan,7,8\n"
