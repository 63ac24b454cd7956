"""A capture of one device, for learning and for judging: opened when it is needed, read once through, never kept whole.

Its packets become rows with the code that a device detects with (`sensing`), and streams start empty with the capture.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from covey.core import PACKET_FIELDS
from covey.errors import Code, DataError
from covey.sensing import TruthTable, WarmUp, open_source
from covey.sensing.incoming import file_chunks
from covey.wire import FeatureSchema, SourceKind

Floats: TypeAlias = NDArray[np.float32]
Indices: TypeAlias = NDArray[np.int64]
PACKETS = FeatureSchema(SourceKind.PACKETS)
PACKET = np.dtype(PACKET_FIELDS)
NS = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class RecordedRows:
    """Rows (n) of a part of a capture; valid until the next part is asked for."""

    packets: NDArray[np.void]  # (n) of PACKET
    x: Floats  # (n, d)
    kind: NDArray[np.uint8]  # (n): 0 benign, else 1 + index into the truth's kinds

    @property
    def time_ns(self) -> Indices:
        """Times of the packets, (n); a packet that is older than the one before it counts as of that one's time."""
        return np.maximum.accumulate(np.asarray(self.packets["time_ns"], np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One capture of one device."""

    device_id: str
    session: str
    is_train: bool
    path: Path
    truth: TruthTable  # of this session and device; no rows where all is benign
    mac: bytes | None = None  # the device's, where that is known
    is_learnt: bool = True  # of training captures: else it is for thresholds alone, and no row of it is learnt from

    def parts(self, feature_names: tuple[str, ...], warm_up_s: float = 0.0) -> Iterator[RecordedRows]:
        """The capture's rows behind its warm-up; SourceError where it is damaged, DataError if another device's."""
        warm_up, is_its_own = WarmUp(warm_up_s), self.mac is None
        for block in open_source(self.path, PACKETS, feature_names=feature_names).blocks():
            packets = np.frombuffer(block.packets, PACKET, block.n)
            is_its_own = is_its_own or _names(packets, self.mac)
            out = warm_up.leave_out(block.packets, block.n)
            if out < block.n:
                x = np.frombuffer(block.rows, np.float32, block.n * len(feature_names)).reshape(block.n, -1)
                kind = np.frombuffer(self.truth.labels(block), np.uint8, block.n)
                yield RecordedRows(packets[out:], x[out:], kind[out:])
        if not is_its_own:
            raise DataError(
                Code.DATA_EMPTY_DEVICE,
                f"{self.path} holds no packet from or to {(self.mac or b'').hex(':')}, the address of its device",
                "the capture is of another device, or the address is wrong",
            )

    def digest(self) -> bytes:
        """SHA-256 of who, when, the file's bytes and the truth."""
        about = (self.device_id, self.session, self.is_train, self.is_learnt)
        content = hashlib.sha256(repr(about).encode())
        for chunk in file_chunks(self.path):
            content.update(chunk)
        content.update(repr(self.truth.rows).encode())
        return content.digest()


def _names(packets: NDArray[np.void], mac: bytes | None) -> bool:
    """Whether a packet is from or to this MAC address."""
    return any(mac in packets[end].tolist() for end in ("source_mac", "destination_mac"))
