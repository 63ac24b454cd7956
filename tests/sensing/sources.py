"""Small sources made by hand, and everything that a source gives in one piece."""

import os
import struct
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from covey.core import PACKET_BYTES, Packet
from covey.errors import SourceError
from covey.sensing import NoteKind, Source, open_source

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("COVEY_DATA", ROOT / ".." / "shared" / "data"))
DEVICE_MAC, SERVER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
DEVICE, SERVER = "10.0.0.1", "10.0.0.2"


def real(*parts: str) -> Path:
    """A file of the real data; its absence fails the tests where CI=true and skips them elsewhere."""
    path = DATA.joinpath(*parts)
    if not path.exists():
        message = f"{path} is missing; set COVEY_DATA to the folder that holds the data sets"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    return path


def udp_frame(source: str = DEVICE, destination: str = SERVER, size: int = 20, port: int = 53) -> bytes:
    """Ethernet, IPv4 and UDP with `size` bytes behind."""
    addresses = b"".join(bytes(map(int, address.split("."))) for address in (source, destination))
    macs = b"".join(
        bytes.fromhex({DEVICE: DEVICE_MAC, SERVER: SERVER_MAC}.get(address, "02:00:00:00:00:ff").replace(":", ""))
        for address in (destination, source)
    )
    header = struct.pack(">BBHHHBBH", 0x45, 0, 28 + size, 0, 0, 64, 17, 0) + addresses
    return macs + b"\x08\x00" + header + struct.pack(">HHHH", 40_000, port, 8 + size, 0) + bytes(size)


def pcap(times_s: Sequence[float], frames: Iterable[bytes] | None = None) -> bytes:
    """A capture of Ethernet frames, a udp_frame each unless given."""
    frames = [udp_frame()] * len(times_s) if frames is None else list(frames)
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1)
    for time_s, frame in zip(times_s, frames, strict=True):
        seconds, micros = divmod(round(time_s * 1_000_000), 1_000_000)
        out += struct.pack("<IIII", seconds, micros, len(frame), len(frame)) + frame
    return out


@dataclass
class Taken:
    """All that a source gave: packets, rows, labels of idle blocks, counted notes, and the error that ended it."""

    source: Source
    packets: list[Packet]
    rows: list[tuple[float, ...]]
    raw: bytes
    idle: int
    error: SourceError | None

    @property
    def notes(self) -> dict[NoteKind, int]:
        return {note.kind: note.count for note in self.source.notes()}

    @property
    def times_s(self) -> list[float]:
        return [packet.time_ns / 1e9 for packet in self.packets]


def take(source: Source) -> Taken:
    """Read a source to its end, or to its error."""
    packets, values, idle, error = bytearray(), array("f"), 0, None
    try:
        for block in source.blocks():
            assert len(block.packets) == block.n * PACKET_BYTES
            assert block.rows.nbytes == 4 * block.n * len(source.feature_names)
            packets += block.packets
            values.frombytes(block.rows.tobytes())
            idle += not block.n
    except SourceError as fault:
        error = fault
    d, n = len(source.feature_names), len(packets) // PACKET_BYTES
    return Taken(
        source,
        [Packet.unpack(packets, i) for i in range(n)],
        [tuple(values[i * d : (i + 1) * d]) for i in range(n)],
        bytes(packets) + values.tobytes(),
        idle,
        error,
    )


def take_bytes(*chunks: bytes, **arguments: object) -> Taken:
    """The same for a source of these chunks."""
    return take(open_source("given", chunks=chunks, **arguments))  # type: ignore[arg-type]
