"""Captures: real ones whole, and every way of being bad: a clear error or a counted note, and the packets before it."""

import gzip
import io
import re
import struct
from itertools import pairwise
from pathlib import Path

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources import DATA, DEVICE, DEVICE_MAC, ROOT, SERVER, pcap, real, take, take_bytes, udp_frame

from covey.core import FEATURE_NAMES
from covey.errors import Code, SourceError
from covey.sensing import NoteKind, file_chunks, open_source
from covey.wire import FeatureSchema, SourceKind

GOOD = pcap([1, 2, 3.5])
LAB = sorted((ROOT / "lab" / "captures").glob("*/*.pcap.gz"))
SENTINEL = sorted((DATA / "pcaps" / "iot_sentinel").rglob("*.pcap"))[::7]


def packets_by_dpkt(data: bytes) -> list[tuple[int, int]]:
    """Times in microseconds and captured lengths; dpkt leaves a record that is cut off at its length."""
    return [(round(float(time_s) * 1e6), len(frame)) for time_s, frame in dpkt.pcap.UniversalReader(io.BytesIO(data))]


def test_real_captures_are_there() -> None:
    assert real("pcaps", "iot_sentinel").is_dir()
    assert SENTINEL


@pytest.mark.parametrize("path", [*SENTINEL, *LAB[:: max(1, len(LAB) // 4)]], ids=lambda path: path.stem)
def test_every_packet_of_a_real_capture_gives_a_row(path: Path) -> None:
    data = path.read_bytes()
    expected = packets_by_dpkt(gzip.decompress(data) if path.suffix == ".gz" else data)
    taken = take(open_source(path))
    assert taken.error is None
    n = len(taken.packets)
    assert n >= len(expected) - taken.notes.get(NoteKind.CUT_OFF, 0)
    assert [(packet.time_ns // 1000, packet.captured_bytes) for packet in taken.packets] == expected[:n]
    assert taken.source.feature_names == FEATURE_NAMES
    assert taken.rows[0][FEATURE_NAMES.index("MI_dir_L5_weight")] == 1.0


def test_a_real_trojan_seen_at_a_gateway_is_read_up_to_where_it_is_cut_off() -> None:
    path = real("pcaps", "iot23", "CTU-IoT-Malware-Capture-42-1.pcap")
    everything = take(open_source(path))
    assert everything.error is None
    assert everything.notes[NoteKind.CUT_OFF] == 1
    assert len(everything.packets) == 24_484
    router = take(open_source(path, device="192.168.1.1"))
    mine = [packet for packet in everything.packets if "192.168.1.1" in (packet.source, packet.destination)]
    assert router.packets == mine
    assert 0 < len(mine) < 24_484
    assert router.notes[NoteKind.NOT_OF_DEVICE] == 24_484 - len(mine)


def test_columns_are_those_that_are_asked_for() -> None:
    names = ("HH_L1_mean", "MI_dir_L5_weight")
    some, everything = take_bytes(GOOD, feature_names=names), take_bytes(GOOD)
    places = [FEATURE_NAMES.index(name) for name in names]
    assert some.source.feature_names == names
    assert some.rows == [tuple(row[place] for place in places) for row in everything.rows]


@given(st.lists(st.integers(0, len(GOOD)), max_size=6), st.booleans())
def test_however_a_capture_comes_in_pieces_it_gives_the_same(places: list[int], packed: bool) -> None:
    data = gzip.compress(GOOD) if packed else GOOD
    cuts = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    pieces = [data[first:end] for first, end in pairwise(cuts)]
    taken = take_bytes(*pieces)
    assert (taken.error, taken.raw) == (None, take_bytes(GOOD).raw)


def test_a_silence_gives_a_block_without_rows() -> None:
    taken = take_bytes(b"", GOOD[:50], b"", GOOD[50:], b"", b"")
    assert taken.idle == 3  # the first is waited for: nobody knows yet what the source is
    assert taken.times_s == [1.0, 2.0, 3.5]


@pytest.mark.parametrize("size", range(24, len(GOOD)))
def test_a_capture_that_is_cut_off_gives_the_packets_before(size: int) -> None:
    taken = take_bytes(GOOD[:size])
    record = 16 + len(udp_frame())
    n, is_whole = divmod(size - 24, record)[0], (size - 24) % record == 0
    assert len(taken.packets) == n
    if n == 0:
        assert taken.error is not None
        assert taken.error.code is Code.SOURCE_EMPTY
    else:
        assert taken.error is None
        assert taken.notes == ({} if is_whole else {NoteKind.CUT_OFF: 1})


def test_a_packed_capture_that_is_cut_off_gives_the_packets_before() -> None:
    data = gzip.compress(pcap([float(i) for i in range(1, 2000)]))
    taken = take_bytes(data[: len(data) // 2])
    assert taken.error is None
    assert 0 < len(taken.packets) < 1999
    assert taken.notes[NoteKind.CUT_OFF] == 1


def test_damage_in_the_middle_gives_the_packets_before_and_says_where() -> None:
    record = 16 + len(udp_frame())
    damaged = bytearray(GOOD)
    damaged[24 + 2 * record + 8 : 24 + 2 * record + 12] = struct.pack("<I", 0x7FFF_FFFF)
    taken = take_bytes(bytes(damaged))
    assert taken.times_s == [1.0, 2.0]
    assert taken.error is not None
    assert taken.error.code is Code.CAPTURE_LENGTH
    assert taken.error.where == f"given, byte {24 + 2 * record}"
    assert taken.error.hint == "2 packets before it were read"


def test_damage_in_the_packing_gives_the_packets_before_and_says_where() -> None:
    data = bytearray(gzip.compress(pcap([float(i) for i in range(1, 3000)])))
    data[-8] ^= 1  # of the check sum
    taken = take_bytes(bytes(data[:1000]), bytes(data[1000:]))
    assert len(taken.packets) > 2000
    assert taken.error is not None
    assert taken.error.code is Code.SOURCE_COMPRESSION
    place = re.search(r"behind byte (\d+)", taken.error.cause)
    assert place is not None
    assert 1000 <= int(place[1]) < len(data)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", Code.SOURCE_EMPTY),
        (gzip.compress(b""), Code.SOURCE_EMPTY),
        (b"\x7fELF\x02\x01\x01\x00", Code.SOURCE_UNKNOWN),
        (b"\xa1", Code.SOURCE_UNKNOWN),
        (b"<html><body>Not found</body></html>\n", Code.SOURCE_UNKNOWN),
        (GOOD[:10], Code.SOURCE_EMPTY),
        (GOOD[:24], Code.SOURCE_EMPTY),
        (GOOD[:4] + b"\x09" + GOOD[5:], Code.CAPTURE_LINK),
        (GOOD[:20] + struct.pack("<I", 147) + GOOD[24:], Code.CAPTURE_LINK),
        (b"\x0a\x0d\x0d\x0a" + bytes(60), Code.CAPTURE_DAMAGED),
    ],
)
def test_what_is_no_capture_is_a_clear_error(data: bytes, code: Code) -> None:
    try:
        error = take_bytes(data).error
    except SourceError as fault:  # before anything was read
        error = fault
    assert error is not None
    assert error.code is code
    assert "given" in error.cause


def test_a_time_that_runs_backwards_is_counted() -> None:
    taken = take_bytes(pcap([10, 9.9, 11]))
    assert taken.error is None
    assert taken.notes == {NoteKind.BACKWARDS: 1}


def test_packets_that_are_cut_or_strange_are_counted() -> None:
    frame = udp_frame()
    other = frame[:12] + b"\x88\xcc" + bytes(20)
    taken = take_bytes(pcap([1, 2, 3], [frame[:38], other, frame]))
    assert taken.error is None
    assert taken.notes == {NoteKind.TRUNCATED: 1, NoteKind.OTHER: 1}


@pytest.mark.parametrize("device", [DEVICE, DEVICE_MAC, DEVICE_MAC.replace(":", "-").upper()])
def test_a_device_at_a_gateway_is_told_by_its_mac_or_address(device: str) -> None:
    frames = [udp_frame(), udp_frame("10.0.0.3", "10.0.0.4"), udp_frame(SERVER, DEVICE), udp_frame("10.0.0.10", SERVER)]
    taken = take_bytes(pcap([1, 2, 3, 4], frames), device=device)
    assert taken.times_s == [1.0, 3.0]
    assert taken.notes == {NoteKind.NOT_OF_DEVICE: 2}
    alone = take_bytes(pcap([1, 3], [frames[0], frames[2]]))
    assert taken.raw == alone.raw  # others' packets leave no trace in the features


def test_a_device_that_never_appears_is_an_error_that_names_those_that_do() -> None:
    for device, other in (("10.9.9.9", DEVICE), ("02:99:99:99:99:99", DEVICE_MAC), ("fe80::1", None)):
        taken = take_bytes(GOOD, device=device)
        assert taken.packets == []
        assert taken.error is not None
        assert taken.error.code is Code.SOURCE_NO_DEVICE
        assert device in taken.error.cause
        assert (taken.error.hint is None) if other is None else (other in str(taken.error.hint))


def test_an_address_of_ipv4_is_not_the_beginning_of_one_of_ipv6() -> None:
    six = udp_frame()[:12] + b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, 8, 17, 64)
    six += bytes([10, 0, 0, 1]).ljust(16, b"\0") * 2 + struct.pack(">HHHH", 1, 2, 8, 0)
    taken = take_bytes(pcap([1, 2], [six, udp_frame()]), device=DEVICE)
    assert taken.times_s == [2.0]


@pytest.mark.parametrize("text", ["", "camera", "02:00:00:00:00", "02:00:00:00:00:zz", "10.0.0.256", "10.0.0"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        take_bytes(GOOD, device=text)
    assert caught.value.code is Code.SOURCE_ADDRESS


def test_a_file_that_is_not_there_or_is_a_folder_is_an_error(tmp_path: Path) -> None:
    for path, code in ((tmp_path / "none.pcap", Code.SOURCE_NOT_FOUND), (tmp_path, Code.SOURCE_UNREADABLE)):
        with pytest.raises(SourceError) as caught:
            next(file_chunks(path))
        assert caught.value.code is code


def test_a_model_for_something_else_is_told_what_the_source_gives() -> None:
    with pytest.raises(SourceError) as caught:
        take_bytes(GOOD, schema=FeatureSchema(SourceKind.CONNECTIONS), feature_names=("conn_tcp",))
    assert caught.value.code is Code.SOURCE_SCHEMA
    assert "conn_tcp" in caught.value.cause
    with pytest.raises(SourceError, match="MI_dir_L5_wait"):
        take_bytes(GOOD, schema=FeatureSchema(SourceKind.PACKETS), feature_names=("MI_dir_L5_wait",))
    with pytest.raises(SourceError, match="rows of features made elsewhere"):
        take_bytes(GOOD, schema=FeatureSchema(SourceKind.ROWS))


@given(st.binary(max_size=300), st.integers(0, 200))
def test_any_bytes_give_packets_or_an_error_of_a_source(tail: bytes, kept: int) -> None:
    try:
        taken = take_bytes(GOOD[:kept] + tail)
    except SourceError:
        return
    assert taken.error is None or taken.error.code.startswith("T")
