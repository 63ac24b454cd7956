"""Packets: every real capture as dpkt and scapy read it, any stack of headers, and frames that are cut or lie."""

import gzip
import io
import os
import struct
from array import array
from pathlib import Path

import dpkt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packet_oracles import Seen, by_dpkt, by_scapy, load_writers, pcap_records, scapy_records, seen

from covey import core
from covey.core import LinkType, Packet, PacketKind, PacketNote
from covey.errors import CoreError

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "lab" / "captures"


by_hand = load_writers()
FRAMES = {name: (link, frame) for name, link, frame in by_hand.frames()}


# ---------------------------------------------------------------- real captures
def real_captures() -> list[Path]:
    data = Path(os.environ.get("COVEY_DATA", ROOT / ".." / "shared" / "data")) / "pcaps"
    return sorted(data.rglob("*.pcap")) + sorted(LAB.rglob("*.pcap.gz"))


def test_the_real_captures_are_there() -> None:
    names = {path.parent.name for path in real_captures()}
    if not {"iot23", "mqtt_testbed", "HueBridge"} <= names:
        message = "COVEY_DATA does not hold pcaps/: set it to the folder that holds the data sets"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)


@pytest.mark.parametrize("path", real_captures(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_packet_of_a_real_capture_is_what_dpkt_and_scapy_read(path: Path) -> None:
    """Of our own long recordings, whose captures are much alike, the fields of about 300 packets each."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    records = list(pcap_records(data))
    block, reader = bytearray((len(records) + 1) * core.PACKET_BYTES), core.CaptureReader()
    consumed, n = reader.feed(data, block)
    table = np.frombuffer(block, core.PACKET_FIELDS)[:n]
    assert reader.feed(data[consumed:], bytearray(72)) == (0, 0)
    assert len(data) - consumed == (records[-1].missing_from if records else 0)
    whole = [record for record in records if not record.missing_from]
    for name, values in (("time_ns", "time_ns"), ("size_bytes", "wire"), ("captured_bytes", "captured")):
        assert table[name].tolist() == [getattr(record, values) for record in whole]
    is_lab = path.suffix == ".gz"
    for i in range(0, n, max(1, n // 300) if is_lab else 1):
        packet, frame, where = Packet.unpack(block, i), whole[i].frame, f"{path} packet {i}: {whole[i].frame.hex()}"
        assert seen(packet) == by_dpkt(1, frame), where
        if i % 16 == 0:
            assert seen(packet) == by_scapy(1, frame), where
    counts = reader.counts
    assert (counts.packets, counts.skipped, counts.malformed) == (n, 0, 0)
    assert counts.other == (table["kind"] == PacketKind.OTHER).sum()
    assert counts.truncated == (table["notes"] & PacketNote.TRUNCATED != 0).sum()


def test_dpkt_and_scapy_find_the_same_records_as_the_walk_that_real_captures_are_compared_with() -> None:
    paths = [path for path in real_captures() if path.stat().st_size < 400_000 or "42-1" in path.name]
    for path in paths[::12] + [path for path in paths if "42-1" in path.name]:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        records = [record for record in pcap_records(data) if not record.missing_from]
        assert [(r.time_ns, r.captured, r.wire, r.frame) for r in records] == scapy_records(data)
        stamps = [(round(t * 1e6) * 1000, frame) for t, frame in dpkt.pcap.Reader(io.BytesIO(data))]
        assert stamps[: len(records)] == [(r.time_ns, r.frame) for r in records]


# ---------------------------------------------------------------- frames by hand
# What an oracle does not know: more than two tags, headers or transports it has no class for, what Linux puts into a
# cooked type, numbers of address families of other systems than its own.
NOT_DPKT = {
    "three tags", "cooked with a tag", "cooked netlink", "ipv6 chain", "ipv6 later fragment", "ipv6 esp",
    "ipv4 udp-lite", "ipv4 dccp", "loopback ipv6, family 10", "loopback, another family",
}  # fmt: skip
NOT_SCAPY = {
    "three tags", "cooked netlink", "ipv6 chain", "ipv4 udp-lite", "ipv4 dccp", "loopback ipv6, family 24",
    "loopback ipv6, family 28", "loopback ipv6, family 30", "loopback, another family",
}  # fmt: skip


def is_whole(name: str) -> bool:
    link, frame = FRAMES[name]
    return not core.read_frame(link, frame).notes & (PacketNote.TRUNCATED | PacketNote.MALFORMED)


@pytest.mark.parametrize("name", [name for name in FRAMES if is_whole(name) and name not in NOT_DPKT])
def test_dpkt_reads_frames_made_by_hand_alike(name: str) -> None:
    link, frame = FRAMES[name]
    assert seen(core.read_frame(link, frame)) == by_dpkt(link, frame)


@pytest.mark.parametrize("name", [name for name in FRAMES if is_whole(name) and name not in NOT_SCAPY])
def test_scapy_reads_frames_made_by_hand_alike(name: str) -> None:
    link, frame = FRAMES[name]
    assert seen(core.read_frame(link, frame)) == by_scapy(link, frame)


TRUNCATED, MALFORMED, VLAN = PacketNote.TRUNCATED, PacketNote.MALFORMED, PacketNote.VLAN
OTHER, IPV4, IPV6 = PacketKind.OTHER, PacketKind.IPV4, PacketKind.IPV6
# By hand, from the rules of docs/SPEC.md: kind, ether type, protocol, ports, notes.
DAMAGED = {
    "cut within ethernet": (OTHER, 0, 0, (0, 0), TRUNCATED),
    "cut within a tag": (OTHER, 0, 0, (0, 0), TRUNCATED | VLAN),
    "cut within ipv4": (OTHER, 0x0800, 0, (0, 0), TRUNCATED),
    "cut within ipv4 options": (IPV4, 0x0800, 17, (0, 0), TRUNCATED),
    "cut behind the ports": (IPV4, 0x0800, 6, (40000, 443), TRUNCATED),
    "ipv4 first fragment within tcp, cut": (IPV4, 0x0800, 6, (40000, 443), TRUNCATED | PacketNote.FRAGMENT),
    "cut within an extension": (IPV6, 0x86DD, 17, (0, 0), TRUNCATED),
    "cut within arp": (OTHER, 0x0806, 0, (0, 0), TRUNCATED),
    "nothing captured": (OTHER, 0, 0, (0, 0), TRUNCATED),
    "ipv4 that says version 5": (OTHER, 0x0800, 0, (0, 0), MALFORMED),
    "ipv4 header of 16 bytes": (OTHER, 0x0800, 0, (0, 0), MALFORMED),
    "ipv4 shorter than its header": (IPV4, 0x0800, 17, (0, 0), MALFORMED),
    "ipv4 ends within udp": (IPV4, 0x0800, 17, (5353, 53), MALFORMED),
    "ipv6 that says version 4": (OTHER, 0x86DD, 0, (0, 0), MALFORMED),
    "ipv6 ends within an extension": (IPV6, 0x86DD, 17, (0, 0), MALFORMED),
    "ipv6 extension beyond the end": (IPV6, 0x86DD, 17, (0, 0), MALFORMED),
    "tcp header of 16 bytes": (IPV4, 0x0800, 6, (40000, 443), MALFORMED),
    "tcp options beyond the end": (IPV4, 0x0800, 6, (40000, 443), MALFORMED),
    "udp of 7 bytes": (IPV4, 0x0800, 17, (5353, 53), MALFORMED),
    "arp with addresses of 5 bytes": (OTHER, 0x0806, 0, (0, 0), MALFORMED),
    "cooked, cut": (OTHER, 0, 0, (0, 0), TRUNCATED),
    "cooked 2, cut": (OTHER, 0, 0, (0, 0), TRUNCATED),
    "raw nonsense": (OTHER, 0, 0, (0, 0), MALFORMED),
    "ipv6 only, but ipv4": (OTHER, 0x86DD, 0, (0, 0), MALFORMED),
    "loopback, cut": (OTHER, 0, 0, (0, 0), TRUNCATED),
}


@pytest.mark.parametrize("name", sorted({*DAMAGED} | {name for name in FRAMES if not is_whole(name)}))
def test_of_a_damaged_frame_what_could_be_read_is_there_and_the_notes_say_the_rest(name: str) -> None:
    packet = core.read_frame(*FRAMES[name])
    ports = (packet.source_port, packet.destination_port)
    assert (packet.kind, packet.ether_type, packet.protocol, ports, packet.notes) == DAMAGED[name]
    assert bool(packet.source) == (packet.kind != OTHER)


def test_notes_of_whole_frames_name_tags_and_fragments() -> None:
    first, later = PacketNote.FRAGMENT, PacketNote.FRAGMENT | PacketNote.LATER_FRAGMENT
    noted = {name: core.read_frame(*FRAMES[name]).notes for name in FRAMES if is_whole(name)}
    assert {name: notes for name, notes in noted.items() if notes} == {
        "ipv4 first fragment": first,
        "ipv4 first fragment within tcp": first,
        "ipv4 first fragment within tcp options": first,
        "ipv4 later fragment": later,
        "ipv6 first fragment": first,
        "ipv6 later fragment": later,
        "one tag": VLAN,
        "three tags": VLAN,
        "cooked with a tag": VLAN,
    }
    assert core.read_frame(*FRAMES["three tags"]).destination == "2001:db8::50"
    chain = core.read_frame(*FRAMES["ipv6 chain"])
    assert (chain.protocol, chain.source_port, chain.destination_port) == (17, 5353, 53)
    assert core.read_frame(*FRAMES["ipv6 later fragment"]).protocol == 60  # of the first part's next header
    assert core.read_frame(*FRAMES["ipv4 dccp"]).destination_port == 5002


# ---------------------------------------------------------------- any frame
@st.composite
def stacks(draw: st.DrawFn) -> tuple[LinkType, bytes, Seen]:
    """A frame of headers put together at random, and what is to be read of it by the choices made."""
    transport, flags = draw(st.sampled_from([6, 17, 132, 33, 136, 1, 58, 47])), draw(st.integers(0, 255))
    ports = draw(st.tuples(st.integers(0, 65535), st.integers(0, 65535)))
    head = struct.pack(">HH", *ports)
    bodies = {6: by_hand.tcp(*ports, flags), 17: by_hand.udp(*ports), 136: by_hand.udp(*ports)}
    body = bodies.get(transport, head + bytes(8)) + draw(st.binary(max_size=40))
    protocol, shown = transport, ports if transport in (6, 17, 132, 33, 136) else (0, 0)
    if draw(st.booleans()):
        ether_type, kind, source, destination = 0x86DD, "IPV6", "2001:db8::5", "2001:db8::50"
        for extension in draw(st.lists(st.sampled_from([0, 43, 60, 135, 139, 140, 44, 51]), max_size=6)):
            words = draw(st.integers(0, 4))
            if extension == 44:
                body = by_hand.fragment_header(protocol, 0, more=draw(st.booleans())) + body
            elif extension == 51:
                body = by_hand.authentication(protocol) + body
            else:
                body = by_hand.extension(protocol, bytes(6 + 8 * words)) + body
            protocol = extension
        network = by_hand.ipv6(body, protocol)
    else:
        ether_type, kind, source, destination = 0x0800, "IPV4", "10.0.0.5", "192.0.2.80"
        network = by_hand.ipv4(body, transport, options=bytes(4 * draw(st.integers(0, 10))))
    link = draw(st.sampled_from(sorted(LinkType)))
    macs = {}
    if link == LinkType.ETHERNET:
        tags = draw(
            st.lists(st.tuples(st.sampled_from([0x8100, 0x88A8, 0x9100, 0x9200]), st.integers(0, 65535)), max_size=4)
        )
        frame = by_hand.ethernet(network, ether_type, tags)
        macs = {"source_mac": "02:00:00:00:00:05", "destination_mac": "02:00:00:00:00:01"}
    elif link in (LinkType.LINUX_SLL, LinkType.LINUX_SLL2):
        frame = (by_hand.cooked if link == LinkType.LINUX_SLL else by_hand.cooked2)(network, ether_type)
        macs = {"source_mac": "02:00:00:00:00:05"}
    elif link == LinkType.NULL:
        family = 2 if kind == "IPV4" else draw(st.sampled_from([10, 24, 28, 30]))
        frame = struct.pack(draw(st.sampled_from("<>")) + "I", family) + network
    else:
        link = draw(st.sampled_from([LinkType.RAW, LinkType.IPV4 if kind == "IPV4" else LinkType.IPV6]))
        frame = network
    expected = Seen(source, destination, **macs, source_port=shown[0], destination_port=shown[1], ether_type=ether_type,
                    protocol=transport, kind=kind, tcp_flags=flags if transport == 6 else 0)  # fmt: skip
    return link, frame, expected


@given(stacks(), st.data())
def test_any_stack_of_headers_is_read_and_cut_anywhere_only_forgets(
    stack: tuple[LinkType, bytes, Seen], data: st.DataObject
) -> None:
    link, frame, expected = stack
    whole = core.read_frame(link, frame)
    assert seen(whole) == expected
    assert not whole.notes & (TRUNCATED | MALFORMED)
    cut = core.read_frame(link, frame[: data.draw(st.integers(0, len(frame)))], size_bytes=len(frame))
    assert cut.size_bytes == len(frame)
    for name in Seen.__dataclass_fields__:
        if name != "protocol":  # of extension headers, the last one that could be read says what comes
            empty = PacketKind.OTHER if name == "kind" else Packet.__dataclass_fields__[name].default
            assert getattr(cut, name) in (getattr(whole, name), empty)
    if cut != whole and not cut.notes & TRUNCATED:  # what is missing is behind the headers
        assert seen(cut) == expected


@given(st.sampled_from(sorted(LinkType)), st.binary(max_size=200), st.integers(0, 2**63 - 1))
def test_any_bytes_are_a_frame(link: LinkType, frame: bytes, time_ns: int) -> None:
    packet = core.read_frame(link, frame, time_ns)
    assert (packet.time_ns, packet.size_bytes, packet.captured_bytes) == (time_ns, len(frame), len(frame))
    assert Packet.unpack(packet.pack()) == packet


def test_unknown_links_and_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(CoreError, match="does not know"):
        core.read_frame(147, b"x")
    for time_ns, size_bytes in ((2**63, None), (0, 2**32)):
        with pytest.raises(CoreError, match="out of its range"):
            core.read_frame(LinkType.RAW, b"x", time_ns, size_bytes)


# ---------------------------------------------------------------- blocks of packets
def test_a_packet_is_72_bytes_in_c_python_and_numpy() -> None:
    dtype = np.dtype(core.PACKET_FIELDS)
    assert core.PACKET_BYTES == 72 == dtype.itemsize
    packet = core.read_frame(*FRAMES["ipv6 tcp"], time_ns=5, size_bytes=99)
    row = np.frombuffer(packet.pack(), dtype)[0]
    for name in (
        "time_ns",
        "size_bytes",
        "captured_bytes",
        "source_port",
        "destination_port",
        "protocol",
        "kind",
        "tcp_flags",
    ):
        assert row[name] == getattr(packet, name)
    assert bytes(row["destination"]) == by_hand.SERVER6
    assert bytes(row["source_mac"]) == by_hand.DEVICE


def test_packets_go_into_a_block_and_come_out_again() -> None:
    packets = [core.read_frame(link, frame, time_ns=i) for i, (link, frame) in enumerate(FRAMES.values())]
    block = core.pack_packets(packets)
    assert [Packet.unpack(block, i) for i in range(len(packets))] == packets
    with pytest.raises(CoreError, match="no packet"):
        Packet.unpack(block, len(packets))
    with pytest.raises(CoreError, match="no packet"):
        Packet.unpack(block, -1)


@pytest.mark.parametrize(
    "packet",
    [
        Packet(-(2**63) - 1, 0),
        Packet(0, 2**32),
        Packet(0, 0, source="10.0.0.1"),
        Packet(0, 0, source="10.0.0.256", destination="10.0.0.1", kind=PacketKind.IPV4),
        Packet(0, 0, source="10.0.0.1", destination="10.0.0.1", kind=PacketKind.IPV6),
        Packet(0, 0, source_mac="02:00:00:00:00"),
        Packet(0, 0, source_port=65536),
    ],
)
def test_packets_that_do_not_fit_are_refused(packet: Packet) -> None:
    with pytest.raises(CoreError, match="cannot be packed"):
        packet.pack()


def test_a_block_that_is_none_is_refused() -> None:
    block = bytearray(core.read_frame(*FRAMES["arp"]).pack())
    block[np.dtype(core.PACKET_FIELDS).fields["kind"][1]] = 4
    with pytest.raises(CoreError, match="kind"):
        Packet.unpack(block)


def test_frames_of_an_interface_are_read_in_one_call() -> None:
    chosen = [frame for link, frame in FRAMES.values() if link == LinkType.ETHERNET]
    memory, n = b"".join(chosen), len(chosen)
    captured = array("I", map(len, chosen))
    offsets = array("Q", [sum(captured[:i]) for i in range(n)])
    sizes, times = array("I", [max(size, 60) for size in captured]), array("q", range(n))
    block = bytearray(b"\xaa" * n * 72)
    arguments = {"captured": captured, "sizes": sizes, "times_ns": times, "packets": block}
    core.read_frames(LinkType.ETHERNET, memory, offsets=offsets, **arguments)
    for i, frame in enumerate(chosen):
        assert Packet.unpack(block, i) == core.read_frame(LinkType.ETHERNET, frame, i, max(len(frame), 60))
    before = bytes(block)
    for change in (
        {"offsets": array("Q", [*offsets[:-1], len(memory)])},
        {"offsets": array("Q", [*offsets[:-1], 2**64 - 1])},
        {"captured": array("I", [*captured[:-1], 2**32 - 1])},
        {"times_ns": array("q", [*times[:-1], -1])},
        {"packets": block[:-72]},
    ):
        with pytest.raises(CoreError):
            core.read_frames(LinkType.ETHERNET, memory, **({"offsets": offsets} | arguments | change))
    with pytest.raises(CoreError):
        core.read_frames(9, memory, offsets=offsets, **arguments)
    assert bytes(block) == before
    core.read_frames(LinkType.ETHERNET, b"", offsets=array("Q"), **{name: array(code) for name, code in
                     (("captured", "I"), ("sizes", "I"), ("times_ns", "q"), ("packets", "B"))})  # fmt: skip
