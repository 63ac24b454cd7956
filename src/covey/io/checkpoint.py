"""A checkpoint: named arrays in one file that is replaced as a whole.

    "COVEYCP2", length and CRC-32 of the rest (u64, u32, little-endian), then an uncompressed .npz

It says after how many journal records it was taken, and, with the journal's header, in which run.
"""

import io
import json
import struct
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from covey.errors import Code, JournalError
from covey.io.files import write_atomically
from covey.io.header import Header

MAGIC = b"COVEYCP2"
WITHOUT_CHECKPOINT = "delete it: `--resume` then computes all rounds again, to the same bits"
HEAD = struct.Struct("<8sQI")


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """The state of a run after so many records of its journal."""

    header: Header  # the journal's
    records: int
    arrays: dict[str, NDArray[np.generic]]


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint at `path`; OutputError where it cannot be written."""
    body = io.BytesIO()
    arrays: dict[str, NDArray[np.generic]] = {
        "checkpoint.header": np.frombuffer(json.dumps(asdict(checkpoint.header)).encode(), np.uint8),
        "checkpoint.records": np.array([checkpoint.records], np.int64),
        **checkpoint.arrays,
    }
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
        header = Header.from_record(json.loads(arrays.pop("checkpoint.header").tobytes()))
        records = int(arrays.pop("checkpoint.records")[0])
    except (BadZipFile, ValueError, KeyError, IndexError) as error:
        raise _broken(path) from error
    return Checkpoint(header, records, arrays)


def _broken(path: Path) -> JournalError:
    return JournalError(Code.JOURNAL_CORRUPT, "the checkpoint is corrupt", WITHOUT_CHECKPOINT, str(path))
