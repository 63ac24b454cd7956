"""Capture files: every way of writing them, in pieces of any size, cut at every byte, and damaged in every way."""

import io
import struct
import subprocess
import sys
from array import array
from dataclasses import astuple
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packet_oracles import by_dpkt, load_writers, seen
from scapy.all import Ether, RawPcapNgReader, RawPcapReader, wrpcap, wrpcapng

from covey import core
from covey.core import CaptureDamageError, CaptureFormat, CaptureReader, LinkType, Packet, Status
from covey.errors import Code, CoreError

by_hand = load_writers()
GOOD, BAD = dict(by_hand.files()), dict(by_hand.bad_files())
FRAMES = [frame for _, link, frame in by_hand.frames() if link == LinkType.ETHERNET]


def read_all(data: bytes) -> tuple[list[Packet], tuple[object, ...]]:
    """All packets, and how it ended."""
    packets, damage, reader = by_hand.read(data)
    return packets, (damage and (damage.status, damage.offset), astuple(reader.counts))


# ---------------------------------------------------------------- what others write
def times(packets: list[Packet]) -> list[int]:
    return [packet.time_ns for packet in packets]


@pytest.mark.parametrize("nano", [False, True])
@pytest.mark.parametrize("order", "<>")
def test_what_scapy_writes_as_pcap(order: str, nano: bool) -> None:
    file = io.BytesIO()
    file.close = lambda: None
    frames = [Ether(frame) for frame in FRAMES if len(frame) >= 14]
    for i, frame in enumerate(frames):
        frame.time = Decimal(1_600_000_000 + i) + Decimal("0.123456")
        frame.wirelen = len(frame) + i
    wrpcap(file, frames, nano=nano, endianness=order, linktype=1)
    packets, (damage, _) = read_all(file.getvalue())
    assert damage is None
    assert times(packets) == [(1_600_000_000 + i) * 10**9 + 123_456_000 for i in range(len(frames))]
    assert [packet.size_bytes for packet in packets] == [len(frame) + i for i, frame in enumerate(frames)]
    assert [seen(packet) for packet in packets] == [seen(core.read_frame(1, bytes(frame))) for frame in frames]


def test_what_scapy_writes_as_pcapng(tmp_path: Path) -> None:
    file = str(tmp_path / "packets.pcapng")
    frames = [Ether(frame) for frame in FRAMES if len(frame) >= 14]
    for i, frame in enumerate(frames):
        frame.time, frame.comments = 1_600_000_000 + i, [b"a comment"]
    wrpcapng(file, frames)
    packets, (damage, _) = read_all(Path(file).read_bytes())
    assert damage is None
    assert times(packets) == [(1_600_000_000 + i) * 10**9 for i in range(len(frames))]
    assert [seen(packet) for packet in packets] == [seen(core.read_frame(1, bytes(frame))) for frame in frames]


@pytest.mark.parametrize("nano", [False, True])
def test_what_dpkt_writes_as_pcap(nano: bool) -> None:
    file = io.BytesIO()
    writer = dpkt.pcap.Writer(file, nano=nano)
    for i, frame in enumerate(FRAMES):
        writer.writepkt(frame, Decimal(1_500_000_000 + i) + Decimal("0.000789"))
    packets, (damage, _) = read_all(file.getvalue())
    assert damage is None
    assert times(packets) == [(1_500_000_000 + i) * 10**9 + 789_000 for i in range(len(FRAMES))]
    assert [packet.captured_bytes for packet in packets] == [len(frame) for frame in FRAMES]


@pytest.mark.parametrize("suffix", ["", "LE"])
def test_what_dpkt_writes_as_pcapng(suffix: str) -> None:
    names = ("SectionHeaderBlock", "InterfaceDescriptionBlock", "EnhancedPacketBlock", "PacketBlock", "PcapngOption")
    parts = {name: getattr(dpkt.pcapng, name + suffix) for name in names}
    resolution = parts["PcapngOption"](code=dpkt.pcapng.PCAPNG_OPT_IF_TSRESOL, data=b"\x09")
    end = parts["PcapngOption"](code=dpkt.pcapng.PCAPNG_OPT_ENDOFOPT, len=0)
    comment = parts["PcapngOption"](code=1, text="why")
    data = bytes(parts["SectionHeaderBlock"](opts=[comment, end]))
    data += bytes(parts["InterfaceDescriptionBlock"](snaplen=65535, opts=[resolution, end]))
    for i, frame in enumerate(FRAMES):
        ticks, kind = (1 << 60) + i, ("EnhancedPacketBlock", "PacketBlock")[i % 2]
        stamp = {"ts_high": ticks >> 32, "ts_low": ticks & 0xFFFFFFFF}
        data += bytes(parts[kind](**stamp, pkt_data=frame, opts=[comment, end]))
    packets, (damage, counts) = read_all(data)
    assert damage is None
    assert CaptureFormat.PCAPNG in counts
    assert times(packets) == [(1 << 60) + i for i in range(len(FRAMES))]
    assert [packet.size_bytes for packet in packets] == [len(frame) for frame in FRAMES]


NOT_SCAPY = ("modified", "without packets", "two sections")  # it keeps a section's interfaces for the next one


@pytest.mark.parametrize("name", [name for name in GOOD if not any(part in name for part in NOT_SCAPY)])
def test_scapy_reads_the_files_made_by_hand_alike(name: str) -> None:
    """The writers are on trial here as much as the reader. scapy knows no offsets of time and no binary resolutions."""
    packets, damage, reader = by_hand.read(GOOD[name])
    assert damage is None
    if name.startswith("pcapng"):
        records = list(RawPcapNgReader(io.BytesIO(GOOD[name])))
        known = [(frame, m) for frame, m in records if m.linktype in tuple(LinkType)]
        assert reader.counts.skipped == len(records) - len(known)
        assert [len(frame) for frame, _ in known] == [packet.captured_bytes for packet in packets]
        for packet, (frame, m) in zip(packets, known, strict=True):
            if m.tshigh is None or m.tsresol in (None, 1) or "offsets" in name:
                continue
            ticks = m.tshigh << 32 | m.tslow
            assert packet.time_ns == int(Decimal(ticks) * 10**9 / Decimal(m.tsresol)) or "resolutions" in name
            assert seen(packet) == seen(core.read_frame(m.linktype, frame))
    else:
        records = [(frame, m) for frame, m in RawPcapReader(io.BytesIO(GOOD[name])) if len(frame) == m.caplen]
        unit = 1 if "nanoseconds" in name or "latest" in name else 1000
        expected = [(m.sec * 10**9 + m.usec * unit, max(m.wirelen, m.caplen), m.caplen) for _, m in records]
        assert [(p.time_ns, p.size_bytes, p.captured_bytes) for p in packets] == expected


def test_the_modified_format_is_read_by_dpkt_alike() -> None:
    for order in ("little", "big"):
        data = GOOD[f"pcap {order}-endian, modified"]
        packets, damage, _ = by_hand.read(data)
        assert damage is None
        if order == "little":
            records = list(dpkt.pcap.Reader(io.BytesIO(data)))
            assert [round(t * 1e6) * 1000 for t, _ in records] == times(packets)
            assert seen(packets[0]) == by_dpkt(1, records[0][1])


# ---------------------------------------------------------------- times
def exact_ns(ticks: int, resolution: int, offset_s: int) -> int:
    """In whole numbers of any size, rounded down."""
    unit = 2 ** (resolution & 127) if resolution & 128 else 10**resolution
    return ticks * 10**9 // unit + offset_s * 10**9


@given(
    st.integers(0, 2**64 - 1), st.integers(0, 255), st.integers(-(2**63), 2**63 - 1) | st.integers(-(10**10), 10**10)
)
def test_times_of_any_resolution_and_offset_are_exact_or_damage(ticks: int, resolution: int, offset_s: int) -> None:
    data = by_hand.section() + by_hand.interface(resolution=resolution, offset_s=offset_s)
    packets, damage, _ = by_hand.read(data + by_hand.enhanced("<", 0, ticks, FRAMES[0]))
    expected = exact_ns(ticks, resolution, offset_s)
    if 0 <= expected < (2**63 // 10**9) * 10**9:
        assert damage is None
        assert times(packets) == [expected]
    else:
        assert packets == []
        assert (damage.status, damage.offset) == (Status.FORMAT, len(data))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from("<>"))
def test_times_of_pcap_are_exact_or_damage(seconds: int, fraction: int, nano: bool, order: str) -> None:
    magic, most = (by_hand.NANOSECONDS, 10**9) if nano else (by_hand.MICROSECONDS, 10**6)
    for part in (fraction, fraction % most):
        data = by_hand.pcap([(seconds, part, FRAMES[0], None)], magic=magic, order=order)
        packets, damage, _ = by_hand.read(data)
        assert (damage is None) == (part < most)
        assert times(packets) == [seconds * 10**9 + part * (10**9 // most)] * (part < most)


# ---------------------------------------------------------------- pieces and cuts
ALL = [*GOOD.values(), *BAD.values()]


@given(st.sampled_from(ALL), st.lists(st.integers(0, 200), max_size=40), st.integers(1, 5))
def test_bytes_may_come_in_pieces_of_any_size(data: bytes, cuts: list[int], room: int) -> None:
    reader, block, packets, ended = CaptureReader(), bytearray(room * 72), [], None
    places = sorted({min(cut * len(data) // 200, len(data)) for cut in cuts} | {0, len(data)})
    waiting = b""
    try:
        for start, end in pairwise(places):
            waiting += data[start:end]
            while True:
                done, n = reader.feed(waiting, block)
                waiting = waiting[done:]
                packets += [Packet.unpack(block, i) for i in range(n)]
                if n == 0:
                    break
    except CaptureDamageError as damage:
        ended = (damage.status, damage.offset)
    assert (packets, (ended, astuple(reader.counts))) == read_all(data)


@pytest.mark.parametrize("name", [*GOOD, *BAD])
def test_a_file_cut_at_any_byte_gives_the_packets_before_the_cut(name: str) -> None:
    data = GOOD.get(name, BAD.get(name))
    packets, (_, _) = read_all(data)
    for cut in range(len(data)):
        before, (damage, counts) = read_all(data[:cut])
        assert before == packets[: len(before)]
        assert counts[0] == len(before)
        assert name in BAD or damage is None


@given(st.sampled_from(list(GOOD.values())), st.integers(0, 10**6), st.binary(min_size=1, max_size=8))
def test_a_file_with_some_bytes_changed_is_read_or_refused(data: bytes, place: int, new: bytes) -> None:
    place %= len(data)
    changed = data[:place] + new + data[place + len(new) :]
    packets, (damage, counts) = read_all(changed)
    assert counts[0] == len(packets)
    assert all(packet.time_ns >= 0 for packet in packets)
    assert all(packet.captured_bytes <= min(packet.size_bytes, len(changed)) for packet in packets)
    assert damage is None or damage[1] <= len(changed)


# ---------------------------------------------------------------- damage
# By hand: the status, and how many whole packets are before it. The offset is where the bad block or record begins.
DAMAGE = {
    "not a capture": (Status.FORMAT, 0),
    "pcap version 2.3": (Status.VERSION, 0),
    "pcap version 3.4": (Status.VERSION, 0),
    "pcap of an unknown link": (Status.VERSION, 0),
    "pcap record of 4 GB": (Status.LENGTH, 1),
    "pcap record over the limit": (Status.LENGTH, 1),
    "pcap microseconds out of range": (Status.FORMAT, 1),
    "pcap nanoseconds out of range": (Status.FORMAT, 0),
    "pcapng of no byte order": (Status.FORMAT, 0),
    "pcapng version 2.0": (Status.VERSION, 0),
    "pcapng version 1.1": (Status.VERSION, 0),
    "pcapng section header too short": (Status.FORMAT, 0),
    "pcapng block of no length": (Status.FORMAT, 1),
    "pcapng block of 8 bytes": (Status.FORMAT, 1),
    "pcapng block of 34 bytes": (Status.FORMAT, 1),
    "pcapng block of 4 GB": (Status.LENGTH, 1),
    "pcapng lengths differ": (Status.FORMAT, 1),
    "pcapng interface too short": (Status.FORMAT, 0),
    "pcapng option beyond its block": (Status.FORMAT, 0),
    "pcapng resolution of 2 bytes": (Status.FORMAT, 0),
    "pcapng offset of 4 bytes": (Status.FORMAT, 0),
    "pcapng packet of an interface that is not there": (Status.FORMAT, 1),
    "pcapng obsolete packet, the same": (Status.FORMAT, 1),
    "pcapng simple packet, the same": (Status.FORMAT, 0),
    "pcapng packet without a header": (Status.FORMAT, 1),
    "pcapng simple packet without a header": (Status.FORMAT, 1),
    "pcapng packet longer than its block": (Status.FORMAT, 1),
    "pcapng simple packet longer than its block": (Status.FORMAT, 1),
    "pcapng 65 interfaces": (Status.LENGTH, 0),
    "pcapng time beyond 2262": (Status.FORMAT, 0),
    "pcapng time before 1970": (Status.FORMAT, 0),
    "pcapng time and offset beyond 64 bits": (Status.FORMAT, 0),
}
CODES = {Status.FORMAT: Code.WIRE_FORMAT, Status.VERSION: Code.WIRE_VERSION, Status.LENGTH: Code.WIRE_LENGTH}


@pytest.mark.parametrize("name", sorted({*DAMAGE} | {*BAD}))
def test_damage_is_told_with_its_place_after_the_packets_before_it(name: str) -> None:
    packets, damage, reader = by_hand.read(BAD[name])
    assert (damage.status, len(packets)) == DAMAGE[name]
    assert damage.code == CODES[damage.status]
    assert damage.offset == reader.counts.offset <= len(BAD[name])
    with pytest.raises(CaptureDamageError) as again:
        reader.feed(BAD[name][damage.offset :], bytearray(72))
    assert (again.value.status, again.value.offset) == (damage.status, damage.offset)


def test_damage_is_told_in_words() -> None:
    assert "not a capture file" in str(by_hand.read(BAD["not a capture"])[1])
    assert "byte 83, after 1 packets" in str(by_hand.read(BAD["pcap microseconds out of range"])[1])
    assert "of link type 147; read are NULL 0, ETHERNET 1, " in str(by_hand.read(BAD["pcap of an unknown link"])[1])
    assert "version, at byte 0," in str(by_hand.read(BAD["pcap version 2.3"])[1])
    assert "version, at byte 0," in str(by_hand.read(BAD["pcapng version 2.0"])[1])
    assert "1,048,576 bytes at byte 83" in str(by_hand.read(BAD["pcap record of 4 GB"])[1])
    assert "64 interfaces" in str(by_hand.read(BAD["pcapng 65 interfaces"])[1])


def test_an_empty_file_is_no_damage_and_no_capture() -> None:
    packets, damage, reader = by_hand.read(b"")
    assert packets == []
    assert damage is None
    assert reader.counts.format == CaptureFormat.UNKNOWN


def test_a_record_of_the_greatest_size_is_read() -> None:
    most = core.CAPTURE_MOST_BYTES
    packets, damage, _ = by_hand.read(by_hand.pcap([(1, 1, bytes(most), None)]))
    assert damage is None
    assert packets[0].captured_bytes == most
    block = by_hand.enhanced("<", 0, 1, bytes(most - 32))
    packets, damage, _ = by_hand.read(by_hand.section() + by_hand.interface() + block)
    assert damage is None
    assert packets[0].captured_bytes == most - 32
    _, damage, _ = by_hand.read(by_hand.section() + by_hand.interface() + by_hand.enhanced("<", 0, 1, bytes(most - 28)))
    assert damage.status == Status.LENGTH


def test_buffers_that_are_none_are_refused() -> None:
    with pytest.raises(CoreError):
        CaptureReader().feed(GOOD["pcapng little-endian"], bytearray(71))
    with pytest.raises(CoreError):
        CaptureReader().feed(array("d", [1.0]), bytearray(72))
    reader = CaptureReader()
    assert reader.feed(GOOD["pcap little-endian, microseconds"], bytearray()) == (24, 0)  # no room for a packet
    assert reader.counts.packets == 0


KEEPS_VIEWS = """
import gc, sys
from covey import core

def keep_the_damage_in_a_cycle():
    data, block = memoryview(bytes.fromhex(sys.argv[1])), memoryview(bytearray(144))
    reader = core.CaptureReader()
    try:
        while True:
            data = data[reader.feed(data, block)[0]:]
    except core.CaptureDamageError as damage:
        kept, frame = damage, sys._getframe()

for _ in range(50):
    keep_the_damage_in_a_cycle()
    gc.collect()
print("alive")
"""


def test_damage_that_is_kept_with_its_frames_does_not_take_python_down() -> None:
    """It did: Python 3.11 crashes when it collects a memoryview in a cycle with C's view of it."""
    bad = BAD["pcap microseconds out of range"].hex()
    run = subprocess.run([sys.executable, "-c", KEEPS_VIEWS, bad], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "alive\n", "")


def test_the_hostile_sizes_are_in_the_files_named_for_them() -> None:
    assert struct.unpack("<I", BAD["pcap record of 4 GB"][83 + 8 : 83 + 12]) == (0xFFFFFFFF,)
    assert BAD["pcapng 65 interfaces"].count(b"\x01\x00\x00\x00\x14\x00\x00\x00") == 65
