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
from covey.sensing import TruthTable, open_source
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

    def names(self, mac: bytes | None) -> bool:
        """Whether a packet is from or to this MAC address."""
        ends = (self.packets["source_mac"], self.packets["destination_mac"])
        return any(mac in end.tolist() for end in ends)


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One capture of one device."""

    device_id: str
    session: str
    is_train: bool
    path: Path
    truth: TruthTable  # of this session and device; no rows where all is benign
    warm_up_s: float = 0.0  # so long from its first packet nothing is learnt or judged: streams are filling
    mac: bytes | None = None  # the device's, where that is known
    is_learnt: bool = True  # of training captures: else it is for thresholds alone, and no row of it is learnt from

    def begin_ns(self, first: RecordedRows) -> int:
        """When the warm-up is over, told by the first part."""
        return int(first.packets["time_ns"][0]) + round(self.warm_up_s * NS)

    def parts(self, feature_names: tuple[str, ...]) -> Iterator[RecordedRows]:
        """The capture's rows, from its first packet on, warm-up included; SourceError where it is damaged."""
        for block in open_source(self.path, PACKETS, feature_names=feature_names).blocks():
            if block.n:
                yield RecordedRows(
                    packets=np.frombuffer(block.packets, PACKET, block.n),
                    x=np.frombuffer(block.rows, np.float32, block.n * len(feature_names)).reshape(block.n, -1),
                    kind=np.frombuffer(self.truth.labels(block), np.uint8, block.n),
                )

    def digest(self) -> bytes:
        """SHA-256 of who, when, the file's bytes and the truth."""
        about = (self.device_id, self.session, self.is_train, self.is_learnt, self.warm_up_s)
        content = hashlib.sha256(repr(about).encode())
        content.update(self.path.read_bytes())
        content.update(repr(self.truth.rows).encode())
        return content.digest()
