"""Small captures and frames made by hand, byte by byte, and the vectors of them: docs/SPEC.md, "Packets and captures".

The writers know nothing of the reader in libcovey; tests and fuzzing seeds use them too.
"""

import struct
from array import array
from collections.abc import Iterator, Sequence

from covey import core

Json = dict[str, object]
Record = tuple[int, int, bytes, int | None]  # seconds, fraction, frame, its size on the wire where it was cut

MICROSECONDS, NANOSECONDS, MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34
SECTION, INTERFACE, OBSOLETE, SIMPLE, ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
DEVICE, ROUTER = bytes.fromhex("020000000005"), bytes.fromhex("020000000001")
IP4, SERVER4 = bytes([10, 0, 0, 5]), bytes([192, 0, 2, 80])
IP6, SERVER6 = bytes.fromhex("20010db8000000000000000000000005"), bytes.fromhex("20010db8000000000000000000000050")


# ---------------------------------------------------------------- frames
def udp(source_port: int, destination_port: int, data: bytes = b"?") -> bytes:
    """A UDP datagram; its check sum is 0, as the reader does not look."""
    return struct.pack(">HHHH", source_port, destination_port, 8 + len(data), 0) + data


def tcp(source_port: int, destination_port: int, flags: int, words: int = 5) -> bytes:
    """A TCP header of `words` words, which may be a lie."""
    return struct.pack(">HHIIBBHHH", source_port, destination_port, 1, 0, words << 4, flags, 1024, 0, 0)


def ipv4(
    payload: bytes, protocol: int = 17, *, options: bytes = b"", fragment: int = 0, total: int | None = None
) -> bytes:
    """From the device to a server."""
    length = 20 + len(options) + len(payload) if total is None else total
    first = 0x45 + len(options) // 4
    return struct.pack(">BBHHHBBH", first, 0, length, 7, fragment, 64, protocol, 0) + IP4 + SERVER4 + options + payload


def ipv6(payload: bytes, protocol: int = 17, *, length: int | None = None) -> bytes:
    """From the device to a server; extension headers are part of the payload."""
    size = len(payload) if length is None else length
    return struct.pack(">IHBB", 6 << 28, size, protocol, 64) + IP6 + SERVER6 + payload


def extension(following: int, data: bytes = bytes(6), units: int | None = None) -> bytes:
    """Hop-by-hop, routing, destination, mobility: in units of 8 bytes after the first 8."""
    return bytes([following, (len(data) + 2) // 8 - 1 if units is None else units]) + data


def fragment_header(following: int, offset: int, *, more: bool) -> bytes:
    """Of IPv6; offset in units of 8 bytes."""
    return struct.pack(">BBHI", following, 0, offset << 3 | more, 99)


def authentication(following: int) -> bytes:
    """An authentication header of 24 bytes."""
    return struct.pack(">BBHII", following, 4, 0, 1, 1) + bytes(12)


def arp(hardware: int = 6, protocol: int = 0x0800, address: int = 4) -> bytes:
    """A request of the device; the lengths may be lies."""
    head = struct.pack(">HHBBH", 1, protocol, hardware, address, 1)
    return head + DEVICE + IP4 + bytes(6) + bytes([10, 0, 0, 1])


def ethernet(payload: bytes, ether_type: int, tags: Sequence[tuple[int, int]] = ()) -> bytes:
    """tags: (type, number) of 802.1Q or 802.1ad, outermost first."""
    types = [kind for kind, _ in tags] + [ether_type]
    inner = b"".join(struct.pack(">HH", number, types[i + 1]) for i, (_, number) in enumerate(tags))
    return ROUTER + DEVICE + struct.pack(">H", types[0]) + inner + payload


def cooked(payload: bytes, ether_type: int, hardware: int = 1) -> bytes:
    """Linux cooked, version 1."""
    return struct.pack(">HHH", 4, hardware, 6) + DEVICE + bytes(2) + struct.pack(">H", ether_type) + payload


def cooked2(payload: bytes, ether_type: int, hardware: int = 1) -> bytes:
    """Linux cooked, version 2."""
    return struct.pack(">HHIHBB", ether_type, 0, 3, hardware, 4, 6) + DEVICE + bytes(2) + payload


def frames() -> Iterator[tuple[str, core.LinkType, bytes]]:
    """One of each kind that the reader tells apart."""
    link = core.LinkType
    query, syn = udp(5353, 53), tcp(40000, 443, 0x02)
    eth: dict[str, bytes] = {
        "ipv4 udp": ethernet(ipv4(query), 0x0800),
        "ipv4 tcp": ethernet(ipv4(syn, 6), 0x0800),
        "ipv4 tcp with options": ethernet(
            ipv4(tcp(40000, 443, 0x12, 6) + bytes(4), 6, options=bytes([1, 1, 1, 0])), 0x0800
        ),
        "ipv4 udp-lite": ethernet(ipv4(query, 136), 0x0800),
        "ipv4 sctp": ethernet(ipv4(struct.pack(">HHII", 9899, 36412, 1, 0), 132), 0x0800),
        "ipv4 dccp": ethernet(ipv4(struct.pack(">HHBBHI", 5001, 5002, 4, 0, 0, 0), 33), 0x0800),
        "ipv4 icmp": ethernet(ipv4(bytes([8, 0, 0, 0, 0, 1, 0, 1]), 1), 0x0800),
        "ipv4 of unknown length": ethernet(ipv4(syn, 6, total=0), 0x0800),
        "ipv4 first fragment": ethernet(ipv4(query, fragment=0x2000), 0x0800),
        "ipv4 first fragment within tcp": ethernet(ipv4(syn[:8], 6, fragment=0x2000), 0x0800),
        "ipv4 first fragment within tcp, cut": ethernet(ipv4(syn[:8], 6, fragment=0x2000), 0x0800)[:40],
        "ipv4 first fragment within tcp options": ethernet(ipv4(tcp(40000, 443, 0x02, 8), 6, fragment=0x2000), 0x0800),
        "ipv4 later fragment": ethernet(ipv4(query, fragment=0x0001), 0x0800),
        "ipv4 with padding": ethernet(ipv4(udp(68, 67, b"")), 0x0800) + bytes(18),
        "ipv6 tcp": ethernet(ipv6(syn, 6), 0x86DD),
        "ipv6 icmp": ethernet(ipv6(bytes([135, 0, 0, 0, 0, 0, 0, 0]), 58), 0x86DD),
        "ipv6 hop-by-hop": ethernet(ipv6(extension(58, bytes(14)) + bytes(8), 0), 0x86DD),
        "ipv6 chain": ethernet(
            ipv6(
                extension(43) + extension(60) + extension(51) + authentication(135) + extension(17, bytes(14)) + query,
                0,
            ),
            0x86DD,
        ),
        "ipv6 first fragment": ethernet(ipv6(fragment_header(17, 0, more=True) + query, 44), 0x86DD),
        "ipv6 later fragment": ethernet(ipv6(fragment_header(60, 3, more=False) + query, 44), 0x86DD),
        "ipv6 atomic fragment": ethernet(ipv6(fragment_header(17, 0, more=False) + query, 44), 0x86DD),
        "ipv6 esp": ethernet(ipv6(extension(50) + bytes(24), 60), 0x86DD),
        "ipv6 no next header": ethernet(ipv6(b"", 59), 0x86DD),
        "arp": ethernet(arp(), 0x0806),
        "arp of another protocol": ethernet(arp(protocol=0x86DD), 0x0806),
        "one tag": ethernet(ipv4(query), 0x0800, [(0x8100, 7)]),
        "three tags": ethernet(ipv6(query), 0x86DD, [(0x88A8, 1), (0x9100, 2), (0x8100, 3)]),
        "802.3 llc": ethernet(bytes([0x42, 0x42, 3]) + bytes(35), 38),
        "802.3 snap": ethernet(bytes([0xAA, 0xAA, 3, 0, 0, 0, 8, 0]) + ipv4(query), 37),
        "another ethernet type": ethernet(bytes(46), 0x88CC),
        "cut within ethernet": ethernet(ipv4(query), 0x0800)[:13],
        "cut within a tag": ethernet(b"", 0x0800, [(0x8100, 7)])[:17],
        "cut within ipv4": ethernet(ipv4(query), 0x0800)[:33],
        "cut within ipv4 options": ethernet(ipv4(query, options=bytes(8)), 0x0800)[:40],
        "cut behind the ports": ethernet(ipv4(syn, 6), 0x0800)[:40],
        "cut within tcp options": ethernet(ipv4(tcp(40000, 443, 0x02, 6), 6, total=44), 0x0800),
        "cut within an extension": ethernet(ipv6(extension(17, bytes(22)) + query, 0), 0x86DD)[:70],
        "cut within arp": ethernet(arp(), 0x0806)[:41],
        "nothing captured": b"",
        "ipv4 that says version 5": ethernet(b"\x55" + ipv4(query)[1:], 0x0800),
        "ipv4 header of 16 bytes": ethernet(b"\x44" + ipv4(query)[1:], 0x0800),
        "ipv4 shorter than its header": ethernet(ipv4(query, total=19), 0x0800),
        "ipv4 ends within udp": ethernet(ipv4(query, total=25), 0x0800),
        "ipv6 that says version 4": ethernet(ipv4(query + bytes(20)), 0x86DD),
        "ipv6 ends within an extension": ethernet(ipv6(extension(17, bytes(14)) + query, 0, length=12), 0x86DD),
        "ipv6 extension beyond the end": ethernet(ipv6(extension(17, units=9) + query, 0), 0x86DD),
        "tcp header of 16 bytes": ethernet(ipv4(tcp(40000, 443, 0x02, 4), 6), 0x0800),
        "tcp options beyond the end": ethernet(ipv4(tcp(40000, 443, 0x02, 15), 6), 0x0800),
        "udp of 7 bytes": ethernet(ipv4(struct.pack(">HHHH", 5353, 53, 7, 0)), 0x0800),
        "arp with addresses of 5 bytes": ethernet(arp(address=5), 0x0806),
    }
    for name, frame in eth.items():
        yield name, link.ETHERNET, frame
    yield "cooked", link.LINUX_SLL, cooked(ipv4(query), 0x0800)
    yield "cooked with a tag", link.LINUX_SLL, cooked(struct.pack(">HH", 5, 0x86DD) + ipv6(query), 0x8100)
    yield "cooked 802.2", link.LINUX_SLL, cooked(bytes([0x42, 0x42, 3]), 4)
    yield "cooked netlink", link.LINUX_SLL, cooked(ipv4(query), 0x0800, 824)
    yield "cooked, cut", link.LINUX_SLL, cooked(b"", 0x0800)[:15]
    yield "cooked 2", link.LINUX_SLL2, cooked2(ipv6(syn, 6), 0x86DD)
    yield "cooked 2 arp", link.LINUX_SLL2, cooked2(arp(), 0x0806)
    yield "cooked 2, cut", link.LINUX_SLL2, cooked2(b"", 0x0800)[:19]
    yield "raw ipv4", link.RAW, ipv4(query)
    yield "raw ipv6", link.RAW, ipv6(query)
    yield "raw nonsense", link.RAW, b"\x00" + ipv4(query)[1:]
    yield "ipv4 only", link.IPV4, ipv4(query)
    yield "ipv6 only", link.IPV6, ipv6(query)
    yield "ipv6 only, but ipv4", link.IPV6, ipv4(query + bytes(20))
    yield "loopback ipv4, little-endian", link.NULL, struct.pack("<I", 2) + ipv4(query)
    yield "loopback ipv4, big-endian", link.NULL, struct.pack(">I", 2) + ipv4(query)
    for family in (10, 24, 28, 30):
        yield f"loopback ipv6, family {family}", link.NULL, struct.pack("<I", family) + ipv6(query)
    yield "loopback, another family", link.NULL, struct.pack("<I", 7) + ipv4(query)
    yield "loopback, cut", link.NULL, bytes([2, 0, 0])


# ---------------------------------------------------------------- files
def pcap(
    records: Sequence[Record],
    *,
    order: str = "<",
    magic: int = MICROSECONDS,
    link: int = 1,
    snap: int = 262144,
    version: tuple[int, int] = (2, 4),
) -> bytes:
    """A whole file; order: "<" or ">"."""
    out = struct.pack(f"{order}IHHiIII", magic, *version, 0, 0, snap, link)
    for seconds, fraction, frame, size in records:
        out += struct.pack(f"{order}IIII", seconds, fraction, len(frame), len(frame) if size is None else size)
        out += (struct.pack(f"{order}IHBB", 2, 0x0800, 4, 0) if magic == MODIFIED else b"") + frame
    return out


def block(order: str, kind: int, body: bytes) -> bytes:
    """One block of pcapng."""
    body += bytes(-len(body) % 4)
    size = struct.pack(f"{order}I", 12 + len(body))
    return struct.pack(f"{order}I", kind) + size + body + size


def section(order: str = "<", version: tuple[int, int] = (1, 0)) -> bytes:
    """A section header of unknown length."""
    return block(order, SECTION, struct.pack(f"{order}IHHq", 0x1A2B3C4D, *version, -1))


def option(order: str, code: int, value: bytes) -> bytes:
    """One option of a block."""
    return struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(
    order: str = "<", link: int = 1, *, snap: int = 0, resolution: int | None = None, offset_s: int | None = None
) -> bytes:
    """An interface description; resolution and offset as in if_tsresol and if_tsoffset."""
    options = b"" if resolution is None else option(order, 9, bytes([resolution]))
    options += b"" if offset_s is None else option(order, 14, struct.pack(f"{order}q", offset_s))
    end = option(order, 0, b"") if options else b""
    return block(order, INTERFACE, struct.pack(f"{order}HHI", link, 0, snap) + options + end)


def enhanced(order: str, number: int, ticks: int, frame: bytes, options: bytes = b"") -> bytes:
    """An enhanced packet block of interface `number`."""
    head = struct.pack(f"{order}IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return block(order, ENHANCED, head + frame + bytes(-len(frame) % 4) + options)


def obsolete(order: str, number: int, ticks: int, frame: bytes) -> bytes:
    """A packet block, as written before 2009."""
    head = struct.pack(f"{order}HHIIII", number, 3, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return block(order, OBSOLETE, head + frame)


def simple(order: str, frame: bytes, size: int | None = None) -> bytes:
    """A simple packet block."""
    return block(order, SIMPLE, struct.pack(f"{order}I", len(frame) if size is None else size) + frame)


def files() -> Iterator[tuple[str, bytes]]:
    """Every way of writing that is read."""
    query, small = ethernet(ipv4(udp(5353, 53)), 0x0800), ethernet(arp(), 0x0806)
    records: list[Record] = [(1_700_000_000, 999_999, query, None), (1_700_000_001, 0, query[:36], len(query))]
    for order, name in (("<", "little"), (">", "big")):
        for magic, unit in ((MICROSECONDS, "microseconds"), (NANOSECONDS, "nanoseconds"), (MODIFIED, "modified")):
            yield f"pcap {name}-endian, {unit}", pcap(records, order=order, magic=magic)
        yield (
            f"pcapng {name}-endian",
            section(order)
            + interface(order, snap=65535)
            + interface(order, 228, resolution=9)
            + enhanced(order, 0, 1_700_000_000_000_001, query)
            + enhanced(order, 1, 1_700_000_000_000_000_002, ipv4(udp(1, 2)), options=option(order, 2, bytes(4)))
            + obsolete(order, 0, 1_700_000_000_000_003, small)
            + simple(order, small),
        )
    yield "pcap with the length of check sums", pcap(records, link=1 | 1 << 26 | 4 << 28)
    yield "pcap that says more was captured than there was", pcap([(1, 0, query, 20)])
    yield "pcap, latest time", pcap([(0xFFFFFFFF, 999_999_999, query, None)], magic=NANOSECONDS)
    yield "pcap without packets", pcap([])
    yield "pcap, cut in its last record", pcap(records)[:-5]
    other = enhanced("<", 1, 5, b"\x00\x01") + enhanced("<", 0, 5, small)
    yield "pcapng with an unknown link", section() + interface() + interface(link=147) + other
    yield (
        "pcapng with unknown blocks and two sections",
        section(version=(1, 2))
        + block("<", 0x0BAD, bytes(20))
        + interface()
        + block("<", 4, b"")
        + enhanced("<", 0, 10, small)
        + section(">")
        + interface(">", 101)
        + enhanced(">", 0, 20, ipv4(udp(3, 4))),
    )
    resolutions = [0, 3, 6, 9, 12, 19, 0x80, 0x8A, 0xA0, 0xBF, 0xC0, 0xFF]
    units = [10**-r if r < 128 else 2.0 ** -(r - 128) for r in resolutions]
    yield (
        "pcapng resolutions",
        section()
        + b"".join(interface(resolution=r) for r in resolutions)
        + b"".join(enhanced("<", i, min(int(1234.5678 / unit), 2**64 - 1), small) for i, unit in enumerate(units)),
    )
    yield (
        "pcapng offsets",
        section()
        + interface(offset_s=1_000_000_000)
        + interface(offset_s=-10)
        + enhanced("<", 0, 5_000_001, small)
        + enhanced("<", 1, 10_000_001, small),
    )
    yield "pcapng simple packets, cut", section() + interface(snap=16) + simple("<", query[:16], len(query))


def bad_files() -> Iterator[tuple[str, bytes]]:
    """Every way of being no capture, or no longer one."""
    query = ethernet(ipv4(udp(5353, 53)), 0x0800)
    good = pcap([(1, 0, query, None)])
    yield "not a capture", b"PK\x03\x04 is no capture"
    yield "pcap version 2.3", pcap([], version=(2, 3))
    yield "pcap version 3.4", pcap([], version=(3, 4))
    yield "pcap of an unknown link", pcap([], link=147)
    yield "pcap record of 4 GB", good + struct.pack("<IIII", 1, 0, 0xFFFFFFFF, 0xFFFFFFFF)
    yield "pcap record over the limit", good + struct.pack("<IIII", 1, 0, core.CAPTURE_MOST_BYTES + 1, 0)
    yield "pcap microseconds out of range", good + pcap([(2, 1_000_000, query, None)])[24:]
    yield "pcap nanoseconds out of range", pcap([(2, 1_000_000_000, query, None)], magic=NANOSECONDS)
    start = section() + interface()
    one = start + enhanced("<", 0, 5, query)
    yield "pcapng of no byte order", struct.pack("<III", SECTION, 28, 0x11223344) + bytes(16)
    yield "pcapng version 2.0", section(version=(2, 0))
    yield "pcapng version 1.1", section(version=(1, 1))
    yield "pcapng section header too short", block("<", SECTION, struct.pack("<I", 0x1A2B3C4D) + bytes(8))
    yield "pcapng block of no length", one + struct.pack("<III", ENHANCED, 0, 0)
    yield "pcapng block of 8 bytes", one + struct.pack("<III", ENHANCED, 8, 8)
    yield "pcapng block of 34 bytes", one + struct.pack("<II", ENHANCED, 34) + bytes(26)
    yield "pcapng block of 4 GB", one + struct.pack("<III", ENHANCED, 0xFFFFFFFC, 0)
    yield "pcapng lengths differ", one + enhanced("<", 0, 5, query)[:-4] + struct.pack("<I", 12)
    yield "pcapng interface too short", section() + block("<", INTERFACE, bytes(4))
    yield "pcapng option beyond its block", section() + block("<", INTERFACE, bytes(8) + struct.pack("<HH", 2, 5))
    yield "pcapng resolution of 2 bytes", section() + block("<", INTERFACE, bytes(8) + option("<", 9, bytes(2)))
    yield "pcapng offset of 4 bytes", section() + block("<", INTERFACE, bytes(8) + option("<", 14, bytes(4)))
    yield "pcapng packet of an interface that is not there", one + enhanced("<", 1, 5, query)
    yield "pcapng obsolete packet, the same", one + obsolete("<", 1, 5, query)
    yield "pcapng simple packet, the same", section() + simple("<", query)
    yield "pcapng packet without a header", one + block("<", ENHANCED, bytes(16))
    yield "pcapng simple packet without a header", one + block("<", SIMPLE, b"")
    lies = struct.pack("<IIIII", 0, 0, 5, len(query) + 5, len(query) + 5) + query
    yield "pcapng packet longer than its block", one + block("<", ENHANCED, lies)
    yield "pcapng simple packet longer than its block", one + simple("<", query, len(query) + 5)
    yield "pcapng 65 interfaces", section() + b"".join(interface() for _ in range(65))
    late = 9_223_372_036
    yield "pcapng time beyond 2262", section() + interface(resolution=0) + enhanced("<", 0, late, query)
    yield "pcapng time before 1970", section() + interface(offset_s=-2) + enhanced("<", 0, 1_999_999, query)
    highest = section() + interface(resolution=0, offset_s=2**63 - 1)
    yield "pcapng time and offset beyond 64 bits", highest + enhanced("<", 0, 2**64 - 1, query)


# ---------------------------------------------------------------- vectors
def fields(packet: core.Packet) -> list[object]:
    """A packet as JSON, in the order of the document's `fields`."""
    values = [getattr(packet, name) for name in FIELDS]
    return [value.name if isinstance(value, core.PacketKind) else value for value in values]


FIELDS = tuple(core.Packet.__dataclass_fields__)


def read(data: bytes) -> tuple[list[core.Packet], core.CaptureDamageError | None, core.CaptureReader]:
    """Everything in a file, the damage that ended it, and the reader behind it."""
    reader, block_of_packets, packets = core.CaptureReader(), bytearray(16 * core.PACKET_BYTES), []
    given = array("B", data)
    while True:
        try:
            done, n = reader.feed(given, block_of_packets)
        except core.CaptureDamageError as damage:
            return packets, damage, reader
        packets += [core.Packet.unpack(block_of_packets, i) for i in range(n)]
        given = given[done:]
        if n == 0:
            return packets, None, reader


def captures() -> Json:
    """The document."""
    good: list[Json] = []
    for name, data in files():
        packets, damage, reader = read(data)
        if damage is not None:
            raise ValueError(f"{name}: {damage}")
        counts = reader.counts
        entry: Json = {"name": name, "bytes": data.hex(), "left": len(data) - counts.offset, "skipped": counts.skipped}
        good.append({**entry, "packets": [fields(packet) for packet in packets]})
    bad: list[Json] = []
    for name, data in bad_files():
        packets, damage, _ = read(data)
        if damage is None:
            raise ValueError(f"{name} was read")
        reason = {"packets": len(packets), "status": damage.status.name, "offset": damage.offset}
        bad.append({"name": name, "bytes": data.hex(), **reason})
    single = [
        {"name": name, "link": int(link), "bytes": frame.hex(), "packet": fields(core.read_frame(link, frame))}
        for name, link, frame in frames()
    ]
    about = "good, bad: files; frames: what is read of one, with time 0. left: bytes of a record that was cut off"
    return {"about": about, "fields": list(FIELDS), "good": good, "bad": bad, "frames": single}
