"""Packets from a table: the same rows as from a capture, columns in any order, values strict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources import DEVICE, DEVICE_MAC, SERVER, SERVER_MAC, pcap, take_bytes, udp_frame

from covey.core import PacketKind
from covey.errors import Code, SourceError
from covey.sensing import NoteKind, open_source
from covey.wire import FeatureSchema, SourceKind

HEADER = "time,size,source,destination,source_port,destination_port,source_mac,destination_mac,protocol"
LINE = f"1.5,62,{DEVICE},{SERVER},40000,53,{DEVICE_MAC},{SERVER_MAC},udp"


def table(*lines: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *lines, ""]).encode()


def test_a_table_gives_the_rows_of_the_capture_it_was_made_from() -> None:
    frames = [udp_frame(), udp_frame(SERVER, DEVICE, 100), udp_frame(size=7)]
    taken = take_bytes(pcap([1.5, 2, 9.25], frames))
    lines = [
        f"{p.time_ns},{p.size_bytes},{p.source},{p.destination},{p.source_port},{p.destination_port},{p.source_mac},"
        f"{p.destination_mac},{p.protocol}"
        for p in taken.packets
    ]
    again = take_bytes(table(*lines, header=HEADER.replace("time", "time_ns")))
    assert again.error is None
    assert again.source.kind is SourceKind.PACKETS
    assert (again.rows, again.times_s) == (taken.rows, [1.5, 2.0, 9.25])


def test_columns_may_stand_in_any_order_and_be_named_as_tshark_names_them() -> None:
    other = f"udp;{SERVER_MAC};{DEVICE_MAC};53;40000;{SERVER};{DEVICE};62;1.5"
    header = "ip.proto;eth.dst;eth.src;udp.dstport;udp.srcport;ip.dst;ip.src;frame.len;frame.time_epoch"
    assert take_bytes(table(other, header=header)).raw == take_bytes(table(LINE)).raw
    quoted = ",".join(f'"{field}"' for field in LINE.split(","))
    assert take_bytes(table(quoted)).raw == take_bytes(table(LINE)).raw


def test_what_a_packet_does_not_tell_may_be_left_out() -> None:
    taken = take_bytes(
        table("1,60,,,,,02:00:00:00:00:01,,", "2,60,fe80::1,fe80::2,,,,,", "3,42,10.0.0.1,10.0.0.2,,,,,arp")
    )
    assert taken.error is None
    assert [packet.kind for packet in taken.packets] == [PacketKind.OTHER, PacketKind.IPV6, PacketKind.ARP]
    assert taken.packets[0].source_mac == "02:00:00:00:00:01"
    assert [packet.ether_type for packet in taken.packets] == [0, 0x86DD, 0x0806]
    short = take_bytes(b"time,size,source,destination\n1,60,10.0.0.1,10.0.0.2\n")
    assert (short.error, short.packets[0].source) == (None, "10.0.0.1")


def test_columns_that_are_not_used_are_counted() -> None:
    taken = take_bytes(table(LINE + ",x,y", header=HEADER + ",info,remark"))
    assert taken.notes == {NoteKind.UNUSED_COLUMNS: 2}


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [
        (0, "noon", Code.SOURCE_TIME),
        (0, "", Code.SOURCE_TIME),
        (1, "", Code.SOURCE_VALUE),
        (1, "-1", Code.SOURCE_VALUE),
        (1, "4294967296", Code.SOURCE_VALUE),
        (1, "60.0", Code.SOURCE_VALUE),
        (2, "", Code.SOURCE_VALUE),
        (2, "camera", Code.SOURCE_VALUE),
        (2, "fe80::1", Code.SOURCE_VALUE),
        (4, "65536", Code.SOURCE_VALUE),
        (6, "02:00:00:00:00", Code.SOURCE_VALUE),
        (6, "zz:00:00:00:00:01", Code.SOURCE_VALUE),
        (8, "quic", Code.SOURCE_VALUE),
        (8, "256", Code.SOURCE_VALUE),
    ],
)
def test_a_value_that_is_none_is_named_with_its_line(place: int, value: str, code: Code) -> None:
    fields = LINE.split(",")
    taken = take_bytes(table(LINE, ",".join([*fields[:place], value, *fields[place + 1 :]])))
    assert taken.error is not None
    assert taken.error.code is code
    assert taken.error.where == "given:3"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (table(), Code.SOURCE_EMPTY),
        (table(LINE + ",1"), Code.SOURCE_LINE),
        (table(LINE[:-10], LINE), Code.SOURCE_LINE),
        (table(LINE, header=HEADER.replace("source_mac", "time")), Code.SOURCE_COLUMN),
        (table(LINE, header=HEADER.replace("source_mac", "src")), Code.SOURCE_COLUMN),
        (table(LINE, header=HEADER.replace("source_mac", "")), Code.SOURCE_COLUMN),
        (table(LINE.replace("udp", '"u"dp"x"')), Code.SOURCE_LINE),
    ],
)
def test_a_table_that_is_none_is_a_clear_error(data: bytes, code: Code) -> None:
    try:
        error = take_bytes(data).error
    except SourceError as fault:
        error = fault
    assert error is not None
    assert error.code is code


def test_a_last_line_that_is_cut_off_and_times_that_run_backwards_are_counted() -> None:
    taken = take_bytes(table(LINE, LINE.replace("1.5,", "1.25,"), LINE)[:-30])
    assert taken.error is None
    assert len(taken.packets) == 2
    assert taken.notes == {NoteKind.CUT_OFF: 1, NoteKind.BACKWARDS: 1}


def test_a_device_is_told_by_its_address_here_too() -> None:
    other = LINE.replace(DEVICE, "10.0.0.7").replace(DEVICE_MAC, "02:00:00:00:00:07")
    assert take_bytes(table(LINE, other, LINE), device=DEVICE_MAC).notes == {NoteKind.NOT_OF_DEVICE: 1}
    taken = take_bytes(table(LINE), device="10.9.9.9")
    assert taken.error is not None
    assert taken.error.code is Code.SOURCE_NO_DEVICE


def test_a_silence_gives_a_block_of_what_is_there() -> None:
    data = table(LINE, LINE)
    taken = take_bytes(data[:-5], b"", b"", data[-5:])
    assert (len(taken.packets), taken.idle) == (2, 1)


def test_a_model_of_readings_reads_it_as_readings() -> None:
    schema = FeatureSchema(SourceKind.READINGS, window_rows=2)
    taken = take_bytes(table(LINE, LINE), schema=schema, feature_names=("size_mean",))
    assert taken.rows == [(62.0,)]


@given(st.text(max_size=80))
def test_any_line_gives_a_packet_or_an_error_of_a_source(line: str) -> None:
    taken = take_bytes(table(LINE, line.replace("\n", " ")))
    assert taken.error is None or taken.error.code.startswith("T")


def test_no_more_is_told_of_a_long_line_than_a_person_reads() -> None:
    with pytest.raises(SourceError) as caught:
        list(open_source("table", chunks=[table(LINE.replace("1.5", "1" * 500_000, 1))]).blocks())
    assert len(caught.value.cause) < 1000
    unused = "".join(f",column_{number}" for number in range(2000))
    source = open_source("table", chunks=[table(LINE + "," * 2000, header=HEADER + unused)])
    assert sum(block.n for block in source.blocks()) == 1
    assert all(len(note.text) < 1000 for note in source.notes())
