"""The truth: which rows are attacks, by a table and by a labelled log."""

import gzip
import time
from bisect import bisect_right
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources import ROOT, real

from covey.core import Packet, PacketKind, pack_packets
from covey.errors import Code, SourceError
from covey.sensing import Block, TruthTable, ZeekTruth, open_source, read_truth, read_truth_table

HEADER = "session,role,attack,family,program,direction,start_ns,end_ns,peer,protocol,port"
SCAN = "s1,camera,syn-scan,scan,nmap,against,100,200,10.0.0.9,tcp,"
FLOOD = "s1,camera,udp-flood,flood,hping3,against,150,300,192.0.2.0/24,udp,53"
SPOOF = "s1,lamp,arp-spoof,spoof,arpspoof,against,100,200,,arp,"


def packet(time_ns: int, source: str = "10.0.0.9", protocol: int = 6, port: int = 23, kind: int = 2) -> Packet:
    return Packet(
        time_ns,
        60,
        source=source,
        destination="10.0.0.1" if kind != 3 else "fe80::1",
        source_port=40_000,
        destination_port=port,
        protocol=protocol,
        kind=PacketKind(kind),
    )


def block(*packets: Packet) -> Block:
    return Block(len(packets), memoryview(pack_packets(packets)), memoryview(b""))


def table(tmp_path: Path, *lines: str, header: str = HEADER) -> TruthTable:
    path = tmp_path / "truth.csv"
    path.write_text("\n".join([header, *lines, ""]))
    return read_truth_table(path)


def test_a_packet_belongs_to_an_attack_if_time_address_protocol_and_port_agree(tmp_path: Path) -> None:
    truth = table(tmp_path, FLOOD, SCAN, SPOOF)
    assert truth.kinds == ("arp-spoof", "syn-scan", "udp-flood")
    assert [truth.family_of(kind) for kind in truth.kinds] == ["spoof", "scan", "flood"]
    cases = [
        (packet(99), 0),
        (packet(100), 2),
        (packet(200), 2),
        (packet(201), 0),
        (packet(150, "10.0.0.8"), 0),
        (packet(150, protocol=17), 0),
        (packet(150, "192.0.2.77", 17, 53), 3),
        (packet(150, "192.0.3.77", 17, 53), 0),
        (packet(150, "192.0.2.77", 17, 54), 0),
        (packet(300, "192.0.2.77", 17, 53), 3),
        (packet(150, "10.0.0.3", 0, 0, kind=1), 1),
        (packet(150, "fe80::9", 6, 23, kind=3), 0),
        (Packet(150, 60), 0),
    ]
    labels = truth.labels(block(*(given_packet for given_packet, _ in cases)))
    assert list(labels) == [label for _, label in cases]
    assert truth.labels(block()) == b""


def test_the_other_end_may_be_the_peer_too(tmp_path: Path) -> None:
    back = Packet(150, 60, source="10.0.0.1", destination="10.0.0.9", protocol=6, kind=PacketKind.IPV4)
    assert list(table(tmp_path, SCAN).labels(block(back))) == [1]


def test_an_attack_without_peer_protocol_and_port_is_all_of_its_time(tmp_path: Path) -> None:
    truth = table(tmp_path, "syn-scan,100,200", header="attack,start_ns,end_ns")
    assert list(truth.labels(block(Packet(150, 60), packet(150), packet(201)))) == [1, 1, 0]


def test_one_capture_has_its_own_attacks_under_the_same_labels(tmp_path: Path) -> None:
    truth = table(tmp_path, FLOOD, SCAN, SPOOF)
    lamp = truth.of("s1", "lamp")
    assert lamp.kinds == truth.kinds
    assert [row.attack for row in lamp.rows] == ["arp-spoof"]
    assert list(lamp.labels(block(packet(150), packet(150, kind=1)))) == [0, 1]
    assert truth.of("s2", "lamp").rows == ()


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=12),
    st.lists(st.integers(0, 90), min_size=1, max_size=20).map(sorted),
)
def test_labels_are_those_of_looking_at_every_row(spans: list[tuple[int, int]], times: list[int]) -> None:
    lines = "".join(f"a{i},{start},{start + length}\n" for i, (start, length) in enumerate(spans))
    truth = read_truth_from("attack,start_ns,end_ns\n" + lines)
    labels = truth.labels(block(*(Packet(time_ns, 60) for time_ns in times)))
    for time_ns, label in zip(times, labels, strict=True):
        around = [row for row in truth.rows if row.start_ns <= time_ns <= row.end_ns]
        assert (truth.kinds[label - 1] if label else None) == (around[0].attack if around else None)


def read_truth_from(text: str) -> TruthTable:
    """A table in memory, where a test draws too many for files."""
    from covey.sensing.incoming import Incoming
    from covey.sensing.truth import _table

    return _table(Incoming([text.encode()], "given"))


@pytest.mark.parametrize(
    "line",
    [
        SCAN.replace("syn-scan", ""),
        SCAN.replace("syn-scan", "benign"),
        SCAN.replace("100", "300"),
        SCAN.replace("100", ""),
        SCAN.replace("200", ""),
        SCAN.replace("100", "1e2"),
        SCAN.replace("200", "9223372036854775808"),
        SCAN.replace("10.0.0.9", "camera"),
        SCAN.replace("10.0.0.9", "10.0.0.0/33"),
        SCAN.replace("tcp", "http"),
        SCAN + "65536",
        SCAN + "ssh",
        SCAN + ",",
        SCAN.replace(",tcp,", ""),
        SCAN.replace("scan,nmap", "probe,nmap"),
    ],
)
def test_a_row_that_makes_no_sense_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(SourceError) as caught:
        table(tmp_path, SCAN, line, SCAN)
    assert caught.value.code in (Code.TRUTH_TABLE, Code.SOURCE_LINE)
    assert str(caught.value.where).endswith(("truth.csv:3", "truth.csv:4" if "probe" in line else "truth.csv:3"))


def test_a_header_with_a_wrong_column_is_an_error_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="'peeer' is not known") as caught:
        table(tmp_path, SCAN, header=HEADER.replace("peer", "peeer"))
    assert caught.value.hint == "did you mean 'peer'?"
    with pytest.raises(SourceError, match="no column 'attack'"):
        table(tmp_path, SCAN, header=HEADER.replace("attack,", "attac,"))


def test_a_table_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(f"{HEADER}\n{SCAN}\n{FLOOD[:40]}")
    with pytest.raises(SourceError, match="cut off"):
        read_truth(path)


def test_a_log_without_labels_is_no_truth(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_text(
        "#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n1.0\t10.0.0.1\t1\t10.0.0.2\t2\ttcp\n"
    )
    with pytest.raises(SourceError, match="without the column label"):
        read_truth(path)


def zeek_truth(tmp_path: Path, *lines: str) -> ZeekTruth:
    path = tmp_path / "conn.log"
    names = "ts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\tlabel\tdetailed-label"
    path.write_text("\n".join([f"#fields\t{names}", *(line.replace(" ", "\t") for line in lines), ""]))
    truth = read_truth(path)
    assert isinstance(truth, ZeekTruth)
    return truth


def test_packets_of_a_malicious_connection_are_told_by_ends_and_time(tmp_path: Path) -> None:
    truth = zeek_truth(
        tmp_path,
        "10.0 10.0.0.9 40000 10.0.0.1 23 tcp 5.0 Malicious PartOfAHorizontalPortScan",
        "30.0 10.0.0.9 40000 10.0.0.1 23 tcp - Malicious C&C",
        "10.0 10.0.0.9 40000 10.0.0.1 24 tcp 5.0 Benign -",
        "50.0 fe80::9 8 fe80::1 0 icmp 1.0 Malicious -",
    )
    assert truth.kinds == ("C&C", "Malicious", "PartOfAHorizontalPortScan")
    assert truth.family_of("C&C") == "Malicious"
    s = 10**9
    back = Packet(12 * s, 60, 0, "10.0.0.1", "10.0.0.9", "", "", 23, 40_000, 0, 6, PacketKind.IPV4)
    ping = Packet(50 * s, 60, source="fe80::1", destination="fe80::9", protocol=58, kind=PacketKind.IPV6)
    cases = [
        (packet(10 * s - 5_000), 0),
        (packet(10 * s), 3),
        (back, 3),
        (packet(15 * s), 3),
        (packet(20 * s), 3),
        (packet(20 * s + 5_000), 0),
        (packet(30 * s), 1),
        (packet(12 * s, port=24), 0),
        (packet(12 * s, protocol=17), 0),
        (ping, 2),
    ]
    assert list(truth.labels(block(*(p for p, _ in cases)))) == [label for _, label in cases]
    assert truth.labels(block(packet(90 * s))) == b"\0"


def test_a_real_log_labels_its_own_connections_and_the_packets_of_the_capture() -> None:
    log = real("pcaps", "iot23", "42-1.conn.log.labeled.gz")
    truth = read_truth(log)
    assert truth.kinds == ("C&C-FileDownload", "FileDownload")
    lines = [line for line in gzip.decompress(log.read_bytes()).decode().splitlines() if not line.startswith("#")]
    expected = [line.rsplit("   ", 2)[2] for line in lines]
    labels = b"".join(truth.labels(some) for some in open_source(log).blocks())
    assert [truth.kinds[label - 1] if label else "-" for label in labels] == expected
    malicious = [line.split("\t") for line in lines if "Malicious" in line]
    packets = sum(int(line[16]) + int(line[18]) for line in malicious)
    capture = open_source(real("pcaps", "iot23", "CTU-IoT-Malware-Capture-42-1.pcap"))
    marked = sum(1 for some in capture.blocks() for label in truth.labels(some) if label)
    assert marked == packets


@pytest.mark.skipif(not (ROOT / "lab" / "truth.csv").exists(), reason="the lab has not been recorded")
def test_the_lab_s_table_marks_packets_of_every_attack() -> None:
    truth = read_truth_table(ROOT / "lab" / "truth.csv")
    seen: set[str] = set()
    session = truth.rows[0].session
    roles = {row.role for row in truth.rows if row.session == session}
    for role in roles:
        mine = truth.of(session, role)
        for some in open_source(ROOT / "lab" / "captures" / session / f"{role}.pcap.gz").blocks():
            seen |= {truth.kinds[label - 1] for label in set(mine.labels(some)) if label}
    assert seen == {row.attack for row in truth.rows if row.session == session}


def test_labels_are_quick_enough_for_400000_packets(tmp_path: Path) -> None:
    truth = table(tmp_path, *(SCAN.replace(",100,200,", f",{i * 1000},{i * 1000 + 700},") for i in range(400)))
    some = block(*(packet(i * 781) for i in range(512)))
    start = time.perf_counter()
    labels = b"".join(truth.labels(some) for _ in range(40))
    lasted_s = (time.perf_counter() - start) * 400_000 / (40 * 512)
    assert labels.count(1) == 40 * sum(1 for i in range(512) if (i * 781) % 1000 <= 700)
    assert lasted_s < 60  # about 5 s on an idle machine: a block with hundreds of attacks in it is the worst case
    assert bisect_right([row.start_ns for row in truth.rows], 0) == 1
