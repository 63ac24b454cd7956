"""The lab's captures are what their datasheet says: read here without the lab's own code."""

import csv
import gzip
import hashlib
import io
import ipaddress
import struct
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import dpkt
import pytest

LAB = Path(__file__).resolve().parents[2] / "lab"
CAPTURES = LAB / "captures"
FAMILIES = {"scan", "flood", "bruteforce", "slow_dos", "c2", "exfiltration"}
APART_S, WARM_UP_S = 60, 180
TEST_ONLY = {"icmp-flood", "exfil-scp"}


@dataclass(frozen=True)
class Packet:
    """A frame and who its ends are; ports are empty where there are none."""

    time_ns: int
    wire: int
    data: bytes
    ends: tuple[str, str]
    protocol: str
    ports: tuple[str, ...]


def dotted(data):
    return ".".join(str(byte) for byte in data)


def describe(data):
    """Return a frame's ends, protocol and ports as far as truth.csv cares."""
    kind = data[12:14]
    if kind == b"\x08\x06":
        return (dotted(data[28:32]), dotted(data[38:42])), "arp", ()
    if kind != b"\x08\x00":
        return ("", ""), "", ()
    protocol = {1: "icmp", 6: "tcp", 17: "udp"}.get(data[23], "")
    at = 14 + (data[14] & 15) * 4
    later = struct.unpack_from("!H", data, 20)[0] & 0x1FFF
    ports = ()
    if protocol in ("tcp", "udp") and not later:
        ports = tuple(str(port) for port in struct.unpack_from("!HH", data, at))
    return (dotted(data[26:30]), dotted(data[30:34])), protocol, ports


def frames(path):
    data, at = gzip.decompress(path.read_bytes()), 24
    while at < len(data):
        seconds, micros, kept, wire = struct.unpack_from("<IIII", data, at)
        yield seconds * 10**9 + micros * 1000, wire, data[at + 16 : at + 16 + kept]
        at += 16 + kept


@pytest.fixture(scope="module")
def captures():
    return {
        (path.parent.name, path.name.removesuffix(".pcap.gz")): [
            Packet(time_ns, wire, data, *describe(data)) for time_ns, wire, data in frames(path)
        ]
        for path in sorted(CAPTURES.glob("*/*.pcap.gz"))
    }


@pytest.fixture(scope="module")
def sessions():
    with (LAB / "sessions.csv").open(newline="") as file:
        return {line["session"]: line for line in csv.DictReader(file)}


def read_truth():
    with (LAB / "truth.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def windows():
    found = defaultdict(list)
    for row in read_truth():
        found[row["session"], row["role"]].append(row | {"start": int(row["start_ns"]), "end": int(row["end_ns"])})
    return found


def belongs(packet, row):
    """Return whether a packet in a row's window is of its attack, by the rule that the datasheet gives."""
    if row["protocol"] and packet.protocol != row["protocol"]:
        return False
    if row["port"] and row["port"] not in packet.ports:
        return False
    if "/" not in row["peer"]:
        return row["peer"] in packet.ends
    net = ipaddress.ip_network(row["peer"])
    return any(end and ipaddress.ip_address(end) in net for end in packet.ends)


def test_the_truth_table_names_captures_families_and_parties_that_exist(captures, sessions):
    for row in read_truth():
        assert (row["session"], row["role"]) in captures
        assert row["session"] in sessions
        assert row["family"] in FAMILIES
        assert row["direction"] in ("against", "from")
        assert row["protocol"] in ("", "tcp", "udp", "icmp", "arp")
        assert row["port"] == "" or 0 < int(row["port"]) < 65536
        ipaddress.ip_network(row["peer"])


def test_there_are_at_least_nine_roles_and_each_is_in_every_session(captures, sessions):
    roles = {role for _, role in captures}
    assert len(roles) >= 9
    assert set(captures) == {(session, role) for session in sessions for role in roles}


def test_one_session_in_three_is_held_out_and_seeds_are_all_different(sessions):
    splits = [line["split"] for line in sessions.values()]
    assert 3 * splits.count("test") == len(splits)
    assert len({line["seed"] for line in sessions.values()}) == len(sessions)


def test_a_window_starts_and_ends_with_a_packet_of_its_attack(captures, windows):
    for key, rows in windows.items():
        times = defaultdict(list)
        for packet in captures[key]:
            times[packet.time_ns].append(packet)
        for row in rows:
            assert any(belongs(packet, row) for packet in times[row["start"]]), row
            assert any(belongs(packet, row) for packet in times[row["end"]]), row


def test_windows_of_a_role_are_a_minute_apart_and_none_is_early(captures, windows):
    for key, rows in windows.items():
        rows.sort(key=lambda row: row["start"])
        assert rows[0]["start"] - captures[key][0].time_ns >= WARM_UP_S * 10**9
        for before, after in pairwise(rows):
            assert after["start"] - before["end"] >= APART_S * 10**9, (before, after)


def test_hostile_addresses_say_nothing_outside_of_the_windows(captures, windows):
    hostile = (ipaddress.ip_network("203.0.113.0/24"), ipaddress.ip_network("192.0.2.0/24"))
    for key, packets in captures.items():
        spans = [(row["start"], row["end"]) for row in windows[key]]
        for packet in packets:
            if packet.ends[0].startswith(("203.", "192.")) or packet.ends[1].startswith(("203.", "192.")):
                assert any(ipaddress.ip_address(end) in net for end in packet.ends for net in hostile)
                assert any(start <= packet.time_ns <= end for start, end in spans), (key, packet)


def test_a_role_is_benign_for_an_hour_and_a_half_in_training_and_three_quarters_in_test(captures, windows, sessions):
    clean_s, total_s = defaultdict(float), defaultdict(float)
    for (session, role), packets in captures.items():
        split = sessions[session]["split"]
        lasts = (packets[-1].time_ns - packets[0].time_ns) / 1e9
        total_s[role, split] += lasts
        clean_s[role, split] += lasts - sum((row["end"] - row["start"]) / 1e9 for row in windows[session, role])
    for (role, split), benign_s in clean_s.items():
        assert benign_s / 60 >= (90 if split == "train" else 45), (role, split)
        assert benign_s >= 0.75 * total_s[role, split], (role, split)


def test_every_attack_kind_occurs_again_and_only_two_are_new_in_test(windows, sessions):
    kinds = defaultdict(set)
    count = defaultdict(int)
    for rows in windows.values():
        for row in rows:
            kinds[sessions[row["session"]]["split"]].add(row["attack"])
            count[row["attack"]] += 1
    assert kinds["test"] - kinds["train"] == TEST_ONLY
    assert kinds["train"] <= kinds["test"]
    assert min(count.values()) >= 3


def test_every_role_meets_every_family_it_can_in_training_and_in_test(windows, sessions):
    met = defaultdict(set)
    for (session, role), rows in windows.items():
        met[role, sessions[session]["split"]] |= {row["family"] for row in rows}
    for key, families in met.items():
        assert families >= {"scan", "flood", "c2", "exfiltration"}, key


def test_the_captures_take_less_than_twelve_megabytes():
    assert sum(path.stat().st_size for path in CAPTURES.rglob("*")) <= 12_000_000


def test_checksums_agree_with_the_files():
    lines = (CAPTURES / "SHA256SUMS").read_text().splitlines()
    stated = {name: digest for digest, name in (line.split("  ") for line in lines)}
    found = {
        path.relative_to(CAPTURES).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in CAPTURES.glob("*/*.pcap.gz")
    }
    assert found == stated


def headers_end(data):
    """Return where the headers of a frame end: 20 bytes of TCP and 8 of UDP and ICMP at most."""
    short = {1: 8, 17: 8, 58: 8, 6: 20}
    if data[12:14] == b"\x08\x06":
        return 42
    if data[12:14] == b"\x08\x00":
        later = struct.unpack_from("!H", data, 20)[0] & 0x1FFF
        return 14 + (data[14] & 15) * 4 + (0 if later else short.get(data[23], 0))
    if data[12:14] == b"\x86\xdd":
        at, following = 54, data[20]
        while following in (0, 43, 60):
            following, at = data[at], at + 8 + data[at + 1] * 8
        return at + short.get(following, 0)
    return 14


def test_frames_are_cut_to_their_headers_and_keep_their_length_on_the_wire(captures):
    for key, packets in captures.items():
        for packet in packets:
            assert len(packet.data) <= headers_end(packet.data), (key, packet)
            assert packet.wire >= len(packet.data)
            if packet.data[12:14] == b"\x08\x00":
                assert packet.wire == 14 + struct.unpack_from("!H", packet.data, 16)[0]


def test_dpkt_reads_the_captures_and_finds_no_payload(captures):
    seen = 0
    for (session, role), packets in captures.items():
        data = gzip.decompress((CAPTURES / session / f"{role}.pcap.gz").read_bytes())
        reader = dpkt.pcap.Reader(io.BytesIO(data))
        for (_time, frame), packet in zip(reader, packets[:300], strict=False):
            assert frame == packet.data
            inner = dpkt.ethernet.Ethernet(frame).data
            if isinstance(inner, dpkt.ip.IP) and isinstance(inner.data, (dpkt.tcp.TCP, dpkt.udp.UDP)):
                assert bytes(inner.data.data) == b""
                seen += 1
    assert seen > 1000


def test_a_capture_holds_only_frames_that_its_station_sends_or_would_take(captures):
    for name, packets in captures.items():
        senders = {p.data[6:12] for p in packets}
        # its own address is the one that is an end of every frame that is not for a group
        singles = [{p.data[:6], p.data[6:12]} for p in packets if not p.data[0] & 1]
        assert len(set.intersection(*singles) & senders) == 1, name


def test_times_never_go_back_more_than_a_millisecond(captures):
    for key, packets in captures.items():
        for before, after in pairwise(packets):
            assert after.time_ns - before.time_ns > -1_000_000, key


def test_the_datasheet_has_the_counts_of_the_captures():
    printed = subprocess.run([sys.executable, str(LAB / "describe.py")], capture_output=True, text=True, check=True)
    assert f"describe.py -->\n{printed.stdout}<!-- end -->" in (LAB / "README.md").read_text()
