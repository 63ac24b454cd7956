"""Packets: what is kept of a captured frame, and the readers of frames and capture files (docs/SPEC.md).

A block of n packets is n * 72 bytes, PACKET_FIELDS as a numpy dtype; numpy itself is not needed. `Packet` is one of
them with addresses as text, for alerts and tests.
"""

import ipaddress
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING

from covey.core.buffers import readable, releasing_views, writable
from covey.core.status import Status, checked, ffi, lib
from covey.errors import Code, CoreError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

PACKET_FIELDS: list[tuple[str, str]] = [
    ("time_ns", "<i8"),
    ("size_bytes", "<u4"),
    ("captured_bytes", "<u4"),
    ("source", "V16"),
    ("destination", "V16"),
    ("source_mac", "V6"),
    ("destination_mac", "V6"),
    ("source_port", "<u2"),
    ("destination_port", "<u2"),
    ("ether_type", "<u2"),
    ("protocol", "u1"),
    ("kind", "u1"),
    ("tcp_flags", "u1"),
    ("notes", "u1"),
    ("reserved", "V2"),
]
_PACKET = struct.Struct("<qII16s16s6s6sHHHBBBB2x")  # the order of PACKET_FIELDS
PACKET_BYTES = _PACKET.size
CAPTURE_MOST_BYTES = int(lib.COVEY_CAPTURE_MOST_BYTES)  # of one record or block of a capture file
CAPTURE_INTERFACES = int(lib.COVEY_CAPTURE_INTERFACES)  # of one section of a pcapng file


class LinkType(IntEnum):
    """`covey_link` of covey_watch.h: what comes first in a frame. The numbers are those of capture files."""

    NULL = 0
    ETHERNET = 1
    RAW = 101
    LINUX_SLL = 113
    IPV4 = 228
    IPV6 = 229
    LINUX_SLL2 = 276


class PacketKind(IntEnum):
    """`covey_packet_kind` of covey_watch.h: which addresses a packet holds."""

    OTHER = 0
    ARP = 1
    IPV4 = 2
    IPV6 = 3


class PacketNote(IntFlag):
    """`covey_packet_note` of covey_watch.h."""

    VLAN = 1
    FRAGMENT = 2
    LATER_FRAGMENT = 4
    TRUNCATED = 8
    MALFORMED = 16


NO_NOTES = PacketNote(0)


class CaptureFormat(IntEnum):
    """`covey_capture_format` of covey_watch.h."""

    UNKNOWN = 0
    PCAP = 1
    PCAPNG = 2


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet. Addresses as text, "" where there is none: no such header, or a MAC address of zeros.

    time_ns: since 1970 UTC. size_bytes: of the frame on the wire, captured_bytes of it were there to be read.
    """

    time_ns: int
    size_bytes: int
    captured_bytes: int = 0
    source: str = ""
    destination: str = ""
    source_mac: str = ""
    destination_mac: str = ""
    source_port: int = 0
    destination_port: int = 0
    ether_type: int = 0
    protocol: int = 0
    kind: PacketKind = PacketKind.OTHER
    tcp_flags: int = 0
    notes: PacketNote = NO_NOTES

    @classmethod
    def unpack(cls, packets: "ReadableBuffer", index: int = 0) -> "Packet":
        """Packet `index` of a block (n * 72 bytes); CoreError if the block has no such packet."""
        memory = memoryview(packets).cast("B")
        if not 0 <= index < len(memory) // PACKET_BYTES:
            raise CoreError(Code.CORE_ARGUMENT, f"there is no packet {index} in {len(memory)} bytes")
        fields = _PACKET.unpack_from(memory, index * PACKET_BYTES)
        time_ns, size, captured, source, destination, source_mac, destination_mac, *ports, kind, flags, notes = fields
        source_port, destination_port, ether_type, protocol = ports
        if kind > PacketKind.IPV6:
            raise CoreError(Code.CORE_ARGUMENT, f"packet {index} is of kind {kind}: this is no block of packets")
        return cls(
            time_ns,
            size,
            captured,
            source=_address_text(kind, source),
            destination=_address_text(kind, destination),
            source_mac=_mac_text(source_mac),
            destination_mac=_mac_text(destination_mac),
            source_port=source_port,
            destination_port=destination_port,
            ether_type=ether_type,
            protocol=protocol,
            kind=PacketKind(kind),
            tcp_flags=flags,
            notes=PacketNote(notes),
        )

    def pack(self) -> bytes:
        """The 72 bytes of this packet; CoreError if a number or an address does not fit its field."""
        try:
            return _PACKET.pack(
                self.time_ns,
                self.size_bytes,
                self.captured_bytes,
                _address_bytes(self.kind, self.source),
                _address_bytes(self.kind, self.destination),
                _mac_bytes(self.source_mac),
                _mac_bytes(self.destination_mac),
                self.source_port,
                self.destination_port,
                self.ether_type,
                self.protocol,
                self.kind,
                self.tcp_flags,
                self.notes,
            )
        except (struct.error, ValueError) as error:
            raise CoreError(Code.CORE_ARGUMENT, f"{self} cannot be packed: {error}") from error


def pack_packets(packets: Iterable[Packet]) -> bytearray:
    """A block of these packets, in this order."""
    return bytearray().join(packet.pack() for packet in packets)


@releasing_views
def read_frame(link: LinkType, frame: "ReadableBuffer", time_ns: int = 0, size_bytes: int | None = None) -> Packet:
    """What is kept of one frame; size_bytes: of the frame on the wire, where more of it was there than captured."""
    memory = memoryview(frame).cast("B")
    packet = ffi.new("covey_packet *")
    try:
        packet.time_ns = time_ns
        packet.size_bytes = len(memory) if size_bytes is None else max(size_bytes, len(memory))
    except OverflowError:
        checked(Status.ARGUMENT, f"reading a frame of {size_bytes} bytes at {time_ns} ns")
    status = lib.covey_packet_read(packet, link, ffi.from_buffer(memory), len(memory))
    checked(status, "reading a frame")
    return Packet.unpack(ffi.buffer(packet))


@releasing_views
def read_frames(
    link: LinkType,
    memory: "ReadableBuffer",
    *,
    offsets: "ReadableBuffer",
    captured: "ReadableBuffer",
    sizes: "ReadableBuffer",
    times_ns: "ReadableBuffer",
    packets: "WriteableBuffer",
) -> None:
    """Read n frames of one link, as an interface gives them, into `packets` (n * 72 bytes).

    Frame i is memory[offsets[i] : offsets[i] + captured[i]], sizes[i] bytes on the wire, seen at times_ns[i] since
    1970. offsets (n) uint64; captured, sizes (n) uint32; times_ns (n) int64. CoreError, and nothing written, if a frame
    is not within memory, a time is before 1970 or the link is unknown.
    """
    places = readable("uint64_t", offsets, None, "offsets")
    n = len(places)
    block = writable("covey_packet", packets, n, "packets")
    given = readable("uint32_t", captured, n, "captured")
    wire = readable("uint32_t", sizes, n, "sizes")
    times = readable("int64_t", times_ns, n, "times_ns")
    frames = readable("uint8_t", memory, None, "memory")
    status = lib.covey_packets_read(block, link, frames, len(frames), places, given, wire, times, n)
    checked(status, "reading frames of an interface")


@dataclass(frozen=True, slots=True)
class CaptureCounts:
    """What a reader has seen so far. truncated, malformed, other: of `packets`; skipped: not among them.

    offset: bytes read, which is where damage is if there is any.
    """

    packets: int
    truncated: int
    malformed: int
    other: int
    skipped: int
    offset: int
    format: CaptureFormat


class CaptureDamageError(CoreError):
    """The bytes are no capture, or no longer one from byte `offset` of the file on; `status` says in what way."""

    def __init__(self, status: Status, counts: CaptureCounts, *, link: int = 0, n_interfaces: int = 0) -> None:
        """Say what is wrong from what the reader knows."""
        self.status, self.offset, self.format = status, counts.offset, counts.format
        code = {Status.VERSION: Code.WIRE_VERSION, Status.LENGTH: Code.WIRE_LENGTH}.get(status, Code.WIRE_FORMAT)
        super().__init__(code, _damage(status, counts, link, n_interfaces))


class CaptureReader:
    """A capture file (pcap or pcapng) read as its bytes come; covey_watch.h and docs/SPEC.md say what is understood."""

    __slots__ = ("_capture",)

    def __init__(self) -> None:
        """Begin a file."""
        self._capture = ffi.new("covey_capture *")
        lib.covey_capture_init(self._capture)

    @releasing_views
    def feed(self, data: "ReadableBuffer", packets: "WriteableBuffer") -> tuple[int, int]:
        """Read from `data` into `packets` (m * 72 bytes): how many bytes are done with, and how many packets written.

        Give the bytes that are left again until no packet comes of them, then with more behind them; bytes left over
        at the end of a file mean that it was cut off. CaptureDamageError once all packets before the damage were given.
        """
        given = readable("uint8_t", data, None, "data")
        block = writable("covey_packet", packets, None, "packets")
        consumed = ffi.new("size_t *")
        n = int(lib.covey_capture_read(self._capture, given, len(given), consumed, block, len(block)))
        if n == Status.ARGUMENT:
            checked(n, "reading a capture")
        if n < 0:
            link, n_interfaces = int(self._capture.link), int(self._capture.n_interfaces)
            raise CaptureDamageError(Status(n), self.counts, link=link, n_interfaces=n_interfaces)
        return int(consumed[0]), n

    @property
    def counts(self) -> CaptureCounts:
        """So far."""
        capture = self._capture
        return CaptureCounts(
            int(capture.packets),
            int(capture.truncated),
            int(capture.malformed),
            int(capture.other),
            int(capture.skipped),
            int(capture.offset),
            CaptureFormat(capture.format),
        )


def _damage(status: Status, counts: CaptureCounts, link: int, n_interfaces: int) -> str:
    """The cause of a CaptureDamageError in words."""
    if status == Status.FORMAT:
        if counts.format == CaptureFormat.UNKNOWN:
            return "these bytes are not a capture file: neither pcap nor pcapng begins like this"
        return f"the capture is damaged at byte {counts.offset:,}, after {counts.packets:,} packets"
    if status == Status.VERSION:
        if counts.format == CaptureFormat.UNKNOWN and link:
            known = ", ".join(f"{kind.name} {kind}" for kind in LinkType)
            return f"the capture's frames are of link type {link}; read are {known}"
        return f"the capture's version, at byte {counts.offset:,}, is not one that is read: pcap 2.4, pcapng 1.0"
    if n_interfaces == CAPTURE_INTERFACES:
        return (
            f"the capture has more than {CAPTURE_INTERFACES} interfaces, or a block too long, at byte {counts.offset:,}"
        )
    return f"a record of more than {CAPTURE_MOST_BYTES:,} bytes at byte {counts.offset:,}: the capture is damaged"


def _address_text(kind: int, address: bytes) -> str:
    if kind == PacketKind.IPV6:
        return str(ipaddress.IPv6Address(address))
    if kind in (PacketKind.IPV4, PacketKind.ARP):
        return str(ipaddress.IPv4Address(address[:4]))
    return ""


def _address_bytes(kind: PacketKind, text: str) -> bytes:
    if kind == PacketKind.IPV6:
        return ipaddress.IPv6Address(text).packed
    if kind in (PacketKind.IPV4, PacketKind.ARP):
        return ipaddress.IPv4Address(text).packed
    if text:
        raise ValueError(f"a packet of kind OTHER has no address {text}")
    return b""


def _mac_text(mac: bytes) -> str:
    return mac.hex(":") if any(mac) else ""


def _mac_bytes(text: str) -> bytes:
    mac = bytes.fromhex(text.replace(":", ""))
    if text and len(mac) != 6:
        raise ValueError(f"{text} is not a MAC address")
    return mac
