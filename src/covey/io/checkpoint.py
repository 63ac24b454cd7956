"""A checkpoint: named arrays in one file that is replaced as a whole.

    "COVEYCP1", length and CRC-32 of the rest (u64, u32, little-endian), then an uncompressed .npz

It says after how many journal records it was taken, and for which run.
"""

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from covey.errors import Code, JournalError
from covey.io.files import write_atomically

MAGIC = b"COVEYCP1"
HEAD = struct.Struct("<8sQI")


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """The state of a run after so many records of its journal."""

    records: int
    arrays: dict[str, NDArray[np.generic]]


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint at `path`; OutputError where it cannot be written."""
    body = io.BytesIO()
    arrays = {"checkpoint.records": np.array([checkpoint.records], np.int64), **checkpoint.arrays}
    np.savez(body, allow_pickle=False, **arrays)
    content = body.getbuffer()
    write_atomically(path, HEAD.pack(MAGIC, len(content), zlib.crc32(content)) + bytes(content))


def read_checkpoint(path: Path) -> Checkpoint | None:
    """The checkpoint at `path`, None where there is none yet; JournalError where it is broken."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise JournalError(
            Code.JOURNAL_CORRUPT, f"the checkpoint cannot be read: {error.strerror}", None, str(path)
        ) from error
    body = content[HEAD.size :]
    if len(content) < HEAD.size or HEAD.unpack(content[: HEAD.size]) != (MAGIC, len(body), zlib.crc32(body)):
        raise _broken(path)
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        records = int(arrays.pop("checkpoint.records")[0])
    except (BadZipFile, ValueError, KeyError, IndexError) as error:
        raise _broken(path) from error
    return Checkpoint(records, arrays)


def _broken(path: Path) -> JournalError:
    hint = "delete it: `--resume` then computes all rounds again, to the same bits"
    return JournalError(Code.JOURNAL_CORRUPT, "the checkpoint is corrupt", hint, str(path))
