"""Zeek's conn.log in both forms, and the features of its connections."""

import gzip
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources import Taken, real, take, take_bytes

from covey.core import PacketKind
from covey.errors import Code, SourceError
from covey.sensing import CONNECTION_FEATURES, NoteKind, open_source
from covey.sensing.damped import DampedCounts, half_life_factor
from covey.wire import FeatureSchema, SourceKind

FIELDS = [
    *("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration", "orig_bytes"),
    *("resp_bytes", "conn_state", "local_orig", "local_resp", "missed_bytes", "history", "orig_pkts"),
    *("orig_ip_bytes", "resp_pkts", "resp_ip_bytes", "tunnel_parents"),
]


def words(line: str) -> list[str]:
    return line.split()


HEADER = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
SCAN = words("10.0 C1 10.0.0.1 40000 10.0.0.2 23 tcp - - - - S0 - - 0 S 1 60 0 0 -")
WEB = words("12.5 C2 10.0.0.1 40001 10.0.0.2 80 tcp http 2.0 100 300 SF - - 7 ShADadFf 5 400 4 500 -")
PING = words("13.0 C3 fe80::1 8 fe80::2 0 icmp - 0.5 56 56 OTH - - 0 - 1 84 1 84 -")


def log(*lines: list[str], fields: list[str] = FIELDS, end: str = "\n") -> bytes:
    text = HEADER + "\t".join(["#fields", *fields]) + "\n" + "".join("\t".join(line) + "\n" for line in lines)
    return (text + "#close\t2019-01-11-05-34-44\n").replace("\n", end).encode()


def feature(taken: Taken, row: int, name: str) -> float:
    return taken.rows[row][taken.source.feature_names.index(name)]


def code_of(data: bytes, line: int | None = None) -> Code:
    try:
        error = take_bytes(data).error
    except SourceError as fault:  # before any row was read
        error = fault
    assert error is not None
    assert line is None or error.where == f"given:{line}"
    return error.code


def test_every_connection_of_a_real_labelled_log_gives_a_row() -> None:
    path = real("pcaps", "iot23", "42-1.conn.log.labeled.gz")
    taken = take(open_source(path))
    lines = [
        re.split(r"\t| {2,}", line)
        for line in gzip.decompress(path.read_bytes()).decode().splitlines()
        if not line.startswith("#")
    ]
    assert taken.error is None
    assert len(taken.rows) == len(lines) == 4426
    for i, line in enumerate(lines):
        packet, duration = taken.packets[i], 0.0 if line[8] == "-" else float(line[8])
        assert (packet.source, packet.destination) == (line[2], line[4])
        assert feature(taken, i, "conn_duration_s") == pytest.approx(duration, rel=1e-6)
        assert feature(taken, i, "conn_orig_bytes") == (0 if line[9] == "-" else float(line[9]))
        assert feature(taken, i, "conn_tcp") == (line[6] == "tcp")
        assert abs(packet.time_ns / 1e9 - float(line[0]) - duration) < 1e-5
    assert taken.notes == {}


def test_features_of_connections_are_what_the_log_says() -> None:
    taken = take_bytes(log(SCAN, WEB, PING))
    assert taken.error is None
    assert taken.source.kind is SourceKind.CONNECTIONS
    assert taken.source.feature_names == CONNECTION_FEATURES
    assert all(name.startswith("conn_") for name in CONNECTION_FEATURES)
    web = {name: feature(taken, 1, name) for name in CONNECTION_FEATURES}
    assert {name: value for name, value in web.items() if value and "_10" not in name} == {
        "conn_duration_s": 2.0,
        "conn_orig_bytes": 100.0,
        "conn_resp_bytes": 300.0,
        "conn_orig_packets": 5.0,
        "conn_resp_packets": 4.0,
        "conn_orig_packet_bytes": 80.0,
        "conn_resp_packet_bytes": 125.0,
        "conn_balance": -0.5,
        "conn_missed_bytes": 7.0,
        "conn_bytes_per_s": 450.0,
        "conn_packets_per_s": 4.5,
        "conn_history_length": 8.0,
        "conn_resp_port_system": 1.0,
        "conn_tcp": 1.0,
        "conn_http": 1.0,
        "conn_done": 1.0,
    }
    assert [feature(taken, 0, f"conn_{name}") for name in ("unanswered", "done", "balance")] == [1.0, 0.0, 0.0]
    assert [feature(taken, 2, f"conn_{name}") for name in ("icmp", "open", "resp_port_system")] == [1.0, 1.0, 0.0]


def test_packets_of_connections_are_their_ends() -> None:
    scan, web, ping = take_bytes(log(SCAN, WEB, PING)).packets
    assert (scan.time_ns, scan.source, scan.destination_port, scan.protocol) == (10 * 10**9, "10.0.0.1", 23, 6)
    assert (web.time_ns, web.size_bytes) == (14_500_000_000, 900)
    assert (ping.kind, ping.protocol, ping.source_port, ping.destination_port) == (PacketKind.IPV6, 58, 0, 0)


def test_counts_of_ends_fade_with_their_half_life() -> None:
    at = [["0.0", *SCAN[1:]], ["10.0", *SCAN[1:]], ["20.0", *SCAN[1:4], "10.0.0.9", *SCAN[5:]]]
    taken = take_bytes(log(*at))
    assert [feature(taken, i, "conn_source_10s") for i in range(3)] == [1.0, 1.5, 1.75]
    assert [feature(taken, i, "conn_source_failed_10s") for i in range(3)] == [1.0, 1.5, 1.75]
    assert [feature(taken, i, "conn_source_new_10s") for i in range(3)] == [1.0, 0.5, 1.25]
    assert [feature(taken, i, "conn_destination_10s") for i in range(3)] == [1.0, 1.5, 1.0]
    assert [feature(taken, i, "conn_pair_10s") for i in range(3)] == [1.0, 1.5, 1.0]
    assert [feature(taken, i, "conn_port_10s") for i in range(3)] == [1.0, 1.5, 1.75]


@given(st.floats(0, 1100))
def test_fading_is_two_to_the_power_of_half_lives(x: float) -> None:
    assert half_life_factor(x) == pytest.approx(2.0**-x, rel=1e-14, abs=1e-300)


def test_ends_beyond_the_table_s_size_give_way_and_are_counted() -> None:
    counts = DampedCounts(10.0, 1, 2)
    for key in ("a", "b", "a", "c"):
        counts.add(key, 0, 1.0)
    assert counts.evictions == 1
    assert [key in counts for key in ("a", "b", "c")] == [True, False, True]


def test_no_count_grows_when_time_runs_backwards() -> None:
    counts = DampedCounts(1.0, 1, 8)
    assert counts.add("a", 10 * 10**9, 1.0) == [1.0]
    assert counts.add("a", 0, 1.0) == [2.0]
    assert counts.add("a", 11 * 10**9, 1.0) == [2.0]


def test_json_lines_give_the_same_rows() -> None:
    numbers = {"ts", "duration"}
    counts = {"id.orig_p", "id.resp_p", "orig_bytes", "resp_bytes", "missed_bytes", "orig_pkts", "orig_ip_bytes"}
    counts |= {"resp_pkts", "resp_ip_bytes"}
    text = ""
    for line in (SCAN, WEB, PING):
        given_fields = {name: value for name, value in zip(FIELDS, line, strict=True) if value != "-"}
        typed = {
            name: float(value) if name in numbers else int(value) if name in counts else value
            for name, value in given_fields.items()
        }
        text += json.dumps(typed) + "\n"
    taken = take_bytes(text.encode())
    assert taken.error is None
    assert taken.raw == take_bytes(log(SCAN, WEB, PING)).raw
    iso = text.replace('"ts": 10.0', '"ts": "1970-01-01T00:00:10.000000Z"')
    assert take_bytes(iso.encode()).raw == taken.raw


def test_line_ends_of_windows_and_pieces_change_nothing() -> None:
    expected = take_bytes(log(SCAN, WEB)).raw
    assert take_bytes(log(SCAN, WEB, end="\r\n")).raw == expected
    data = log(SCAN, WEB)
    assert take_bytes(*(data[at : at + 7] for at in range(0, len(data), 7))).raw == expected
    taken = take_bytes(data[:-60], b"", b"", data[-60:])
    assert (taken.raw, taken.idle) == (expected, 1)


def test_a_last_line_that_is_cut_off_is_counted() -> None:
    data = log(SCAN, WEB)
    taken = take_bytes(data[: data.index(b"http")])
    assert taken.error is None
    assert len(taken.rows) == 1
    assert taken.notes == {NoteKind.CUT_OFF: 1}


def test_connections_long_before_others_are_counted() -> None:
    taken = take_bytes(log(["1000.0", *SCAN[1:]], ["600.0", *SCAN[1:]]))
    assert taken.notes == {NoteKind.BACKWARDS: 1}


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [
        (0, "yesterday", Code.SOURCE_TIME),
        (0, "-", Code.SOURCE_TIME),
        (2, "-", Code.SOURCE_VALUE),
        (2, "camera", Code.SOURCE_VALUE),
        (2, "fe80::1", Code.SOURCE_VALUE),
        (3, "65536", Code.SOURCE_VALUE),
        (3, "http", Code.SOURCE_VALUE),
        (8, "-1", Code.SOURCE_VALUE),
        (8, "nan", Code.SOURCE_VALUE),
        (8, "1e10", Code.SOURCE_VALUE),
        (9, "1.5", Code.SOURCE_VALUE),
        (9, "-5", Code.SOURCE_VALUE),
        (16, "99999999999999999999", Code.SOURCE_VALUE),
    ],
)
def test_a_value_that_is_none_is_named_with_its_line(place: int, value: str, code: Code) -> None:
    bad = [*WEB[:place], value, *WEB[place + 1 :]]
    assert code_of(log(SCAN, bad), line=8) is code


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (log(SCAN, WEB[:-2], SCAN), Code.SOURCE_LINE, 8),
        (log(), Code.SOURCE_EMPTY, None),
        (HEADER.encode() + b"1\t2\n", Code.SOURCE_COLUMN, 6),
        (log(SCAN, fields=[*FIELDS[:2], "id.orig", *FIELDS[3:]]), Code.SOURCE_COLUMN, 6),
        (log(SCAN, fields=[*FIELDS[:-1], "ts"]), Code.SOURCE_COLUMN, 6),
        (log().replace(b"#path\tconn", b"#path\tdns"), Code.SOURCE_UNKNOWN, 5),
        (b'{"id.orig_h": 1, "id.resp_h": 2}\n', Code.SOURCE_COLUMN, 1),
        (b'{"id.orig_h": 1, "id.resp_h"\n\n', Code.SOURCE_LINE, 1),
    ],
)
def test_a_log_that_is_none_is_a_clear_error(data: bytes, code: Code, line: int | None) -> None:
    assert code_of(data, line) is code


def test_a_feature_that_connections_do_not_have_is_named_with_the_nearest() -> None:
    with pytest.raises(SourceError, match="conn_duration") as caught:
        take_bytes(log(SCAN), schema=FeatureSchema(SourceKind.CONNECTIONS), feature_names=("conn_duration",))
    assert caught.value.code is Code.SOURCE_SCHEMA
    assert "conn_duration_s" in str(caught.value.hint)
    some = take_bytes(log(SCAN), feature_names=("conn_unanswered", "conn_orig_packets"))
    assert some.rows == [(1.0, 1.0)]


def test_a_device_cannot_be_chosen_among_connections() -> None:
    with pytest.raises(SourceError) as caught:
        take_bytes(log(SCAN), device="10.0.0.1")
    assert caught.value.code is Code.SOURCE_ADDRESS


@given(st.binary(max_size=200))
def test_any_bytes_behind_a_header_give_rows_or_an_error_of_a_source(tail: bytes) -> None:
    taken = take_bytes(log(SCAN) + tail)
    assert taken.error is None or taken.error.code.startswith("T")
