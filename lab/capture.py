"""Captures: recorded by tcpdump on a device's own interface, then cut to headers.

A frame keeps Ethernet, IPv4 or IPv6 with its extension headers, and 20 bytes of TCP or 8 of UDP, ICMP and ICMPv6; an
ARP frame stays whole; later fragments keep their IP header; of other frames the 14 bytes of Ethernet stay. Checksums
become zero: those of TCP, UDP and ICMP tell of bytes that are cut away, that of IPv4 follows from the rest. The length
on the wire, the times and the order of frames are untouched. Files are classic pcap (microseconds) in gzip without a
time, so that the same frames give the same file. Frames for another station are left out: a bridge that has forgotten
where a station is sends its frames to all, and a network card that is not promiscuous does not take them.
"""

from __future__ import annotations

import gzip
import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from errors import LabError

MAGIC_US = 0xA1B2C3D4
SNAPLEN = 128  # what tcpdump keeps: all headers, IPv6 extension headers included
TCP_BYTES, SHORT_BYTES = 20, 8
EXTENSIONS = {0, 43, 60}


@dataclass(frozen=True, slots=True)
class Frame:
    """A captured frame: Unix time in nanoseconds, length on the wire, bytes kept."""

    time_ns: int
    wire_length: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Ends:
    """What a truth row looks at: both addresses, protocol name, both ports (-1: none)."""

    source: str
    destination: str
    protocol: str
    source_port: int
    destination_port: int


def tcpdump_command(path: Path) -> str:
    """Return the command that records a device's interface."""
    return f"exec tcpdump -i eth0 -n -s {SNAPLEN} -B 2048 -U -Z root --time-stamp-precision micro -w {path}"


def read_frames(path: Path) -> Iterator[Frame]:
    """Yield the frames of a pcap file, plain or gzip; a last frame cut short by the end of the file is left out."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if len(data) < 24 or struct.unpack_from("<I", data)[0] != MAGIC_US:
        raise LabError(f"{path}: not a little-endian microsecond pcap file", "record it again")
    at = 24
    while at + 16 <= len(data):
        seconds, micros, kept, wire = struct.unpack_from("<IIII", data, at)
        if at + 16 + kept > len(data):
            return
        yield Frame((seconds * 1_000_000 + micros) * 1000, wire, data[at + 16 : at + 16 + kept])
        at += 16 + kept


def _transport_bytes(protocol: int) -> int:
    if protocol == 6:
        return TCP_BYTES
    return SHORT_BYTES if protocol in (1, 17, 58) else 0


def _header_bytes(data: bytes) -> int:
    """Return how many bytes of a frame are headers."""
    if len(data) < 34:
        return min(len(data), 14)
    kind = struct.unpack_from("!H", data, 12)[0]
    if kind == 0x0806:
        return 42
    if kind == 0x0800:
        total, fragment = struct.unpack_from("!H2xH", data, 16)
        wanted = (data[14] & 15) * 4 + (0 if fragment & 0x1FFF else _transport_bytes(data[23]))
        return 14 + min(int(total), wanted)
    if kind == 0x86DD and len(data) >= 54:
        total, following, at = struct.unpack_from("!H", data, 18)[0], data[20], 54
        while following in EXTENSIONS and at + 8 <= len(data):
            following, at = data[at], at + 8 * (data[at + 1] + 1)
        return min(54 + int(total), at + _transport_bytes(following))
    return 14


def _keep(data: bytes) -> bytes:
    """Return a frame's headers with their checksums blanked."""
    kept = bytearray(data[: _header_bytes(data)])
    kind, at, protocol = bytes(kept[12:14]), 0, -1
    if kind == b"\x08\x00" and len(kept) >= 34:
        kept[24:26] = b"\0\0"
        if not struct.unpack_from("!H", kept, 20)[0] & 0x1FFF:
            at, protocol = 14 + (kept[14] & 15) * 4, kept[23]
    elif kind == b"\x86\xdd" and len(kept) >= 54:
        at, protocol = 54, kept[20]
        while protocol in EXTENSIONS and at + 8 <= len(kept):
            protocol, at = kept[at], at + 8 * (kept[at + 1] + 1)
    place = {1: 2, 58: 2, 17: 6, 6: 16}.get(protocol, -1)
    if place >= 0 and len(kept) >= at + place + 2:
        kept[at + place : at + place + 2] = b"\0\0"
    return bytes(kept)


def _is_for(station: bytes, data: bytes) -> bool:
    """Return whether a station sends a frame or would take it: its own address, or a group's (broadcast, multicast)."""
    return station in (data[:6], data[6:12]) or bool(data[:1] and data[0] & 1)


def trim(source: Path, target: Path, mac: str) -> int:
    """Write a device's capture with its frames cut to their headers; return how many there are."""
    station = bytes.fromhex(mac.replace(":", ""))
    parts = [struct.pack("<IHHiIII", MAGIC_US, 2, 4, 0, 0, SNAPLEN, 1)]
    for frame in read_frames(source):
        if not _is_for(station, frame.data):
            continue
        kept = _keep(frame.data)
        seconds, micros = divmod(frame.time_ns // 1000, 1_000_000)
        parts += [struct.pack("<IIII", seconds, micros, len(kept), frame.wire_length), kept]
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(b"".join(parts))
    return len(parts) // 2


def ends(data: bytes) -> Ends | None:
    """Return who talks to whom in a frame; None for what is neither ARP nor IP."""
    kind = struct.unpack_from("!H", data, 12)[0] if len(data) >= 14 else 0
    if kind == 0x0806 and len(data) >= 42:
        return Ends(_ipv4(data, 28), _ipv4(data, 38), "arp", -1, -1)
    if kind == 0x0800 and len(data) >= 34:
        at, later = 14 + (data[14] & 15) * 4, struct.unpack_from("!H", data, 20)[0] & 0x1FFF
        name = {1: "icmp", 6: "tcp", 17: "udp"}.get(data[23], "")
        ports = (-1, -1)
        if name in ("tcp", "udp") and not later and len(data) >= at + 4:
            ports = struct.unpack_from("!HH", data, at)
        return Ends(_ipv4(data, 26), _ipv4(data, 30), name, *ports)
    if kind == 0x86DD and len(data) >= 54:
        source, destination = (str(ipaddress.IPv6Address(data[at : at + 16])) for at in (22, 38))
        return Ends(source, destination, "", -1, -1)
    return None


def _ipv4(data: bytes, at: int) -> str:
    return ".".join(map(str, data[at : at + 4]))
