"""Events as other programs read them."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sensor_traffic import small_file

from covey.core import AlarmState, Packet, PacketKind, Window
from covey.watching import Detector, DriftReport, Origin, Stage, Suspicion, WindowRecord, alerts

TIME_NS = 1_767_225_600_123_456_789
TCP = Packet(
    TIME_NS,
    60,
    60,
    "192.168.1.20",
    "203.0.113.9",
    "02:00:c0:a8:01:14",
    "02:00:c0:a8:01:01",
    40000,
    23,
    0x0800,
    6,
    PacketKind.IPV4,
)
ARP = Packet(
    TIME_NS, 60, 60, "192.168.1.20", "192.168.1.1", "02:00:c0:a8:01:14", ether_type=0x0806, kind=PacketKind.ARP
)
READING = Packet(TIME_NS, 0)
FILE = Origin("day.pcap", is_interface=False)


def record(packet: Packet, score: float = 3.0, threshold: float = 1.0) -> WindowRecord:
    start = TIME_NS // 10**10 * 10**10
    window = Window(start, start + 10**10, 40, 12, score, threshold, score + 1, True, AlarmState.RAISED, packet.pack())
    return WindowRecord(window, b"", Stage.WATCHING, None, "abc-1")


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(small_file())


@given(st.integers(-(10**18), 4 * 10**18))
def test_times_are_those_of_the_calendar(time_ns: int) -> None:
    wanted = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_ns // 1000)
    assert alerts.timestamp(time_ns) == wanted.strftime("%Y-%m-%dT%H:%M:%S.%f+0000").rjust(31, "0")


def test_an_alert_has_the_fields_of_eve(detector: Detector) -> None:
    suspicion = Suspicion(None, None, [("MI_dir_L1_weight", 2.5), ("HH_L1_mean", 0.123456789)])
    line = alerts.line(alerts.alert(record(TCP), detector, FILE, suspicion))
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    event = json.loads(line)
    assert event == {
        "timestamp": "2026-01-01T00:00:00.123456+0000",
        "event_type": "alert",
        "pcap_filename": "day.pcap",
        "src_ip": "192.168.1.20",
        "src_port": 40000,
        "dest_ip": "203.0.113.9",
        "dest_port": 23,
        "proto": "TCP",
        "ether": {"src_mac": "02:00:c0:a8:01:14", "dest_mac": "02:00:c0:a8:01:01"},
        "alert": {
            "action": "allowed",
            "gid": 1,
            "signature_id": 9_100_000,
            "rev": 1,
            "signature": "COVEY unusual traffic",
            "category": "Covey: anomaly",
            "severity": 2,
        },
        "covey": {
            "alert_id": "abc-1",
            "model": detector.digest.hex()[:16],
            "sequence": 1,
            "score": 3.0,
            "threshold": 1.0,
            "top_score": 4.0,
            "window_start": "2026-01-01T00:00:00.000000+0000",
            "window_s": 10.0,
            "rows": 40,
            "rows_above": 12,
            "features": {"MI_dir_L1_weight": 2.5, "HH_L1_mean": 0.123457},
        },
    }


def test_a_class_is_named_and_a_score_far_above_is_of_high_severity(detector: Detector) -> None:
    suspicion = Suspicion("attack", 7.5, [])
    event = alerts.alert(record(TCP, score=5.5), detector, Origin("eth0", is_interface=True), suspicion)
    assert event["in_iface"] == "eth0"
    assert event["alert"] == {
        "action": "allowed",
        "gid": 1,
        "signature_id": 9_100_001,
        "rev": 1,
        "signature": "COVEY traffic like attack",
        "category": "Covey: attack",
        "severity": 1,
    }
    covey = event["covey"]
    assert isinstance(covey, dict)
    assert (covey["class"], covey["class_log_odds"]) == ("attack", 7.5)


@pytest.mark.parametrize(
    ("packet", "fields"),
    [(ARP, {"src_ip", "dest_ip", "proto", "ether"}), (READING, set())],
    ids=["arp", "readings"],
)
def test_what_has_no_ports_or_addresses_says_none(detector: Detector, packet: Packet, fields: set[str]) -> None:
    event = alerts.alert(record(packet), detector, FILE, Suspicion(None, None, []))
    network = {"src_ip", "src_port", "dest_ip", "dest_port", "proto", "ether"}
    assert set(event) & network == fields
    assert event.get("proto", "ARP") == "ARP"


@pytest.mark.parametrize(("packet", "kind"), [(TCP, "tcp/23"), (ARP, "arp"), (READING, "readings")])
def test_alarms_without_classes_are_told_apart_by_protocol_and_port(packet: Packet, kind: str) -> None:
    assert alerts.kind_of(record(packet), Suspicion(None, None, [])) == kind
    assert alerts.kind_of(record(packet), Suspicion("scan", 1.0, [])) == "scan"


def holds_no_list(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(name, str) and holds_no_list(inner) for name, inner in value.items())
    return not isinstance(value, list)


def test_no_event_holds_a_list(detector: Detector) -> None:
    report = DriftReport(True, True, 0.5, 0.4, (("a", 1.0), ("b", 0.9)), 360, 3)
    events = (
        alerts.alert(record(TCP), detector, FILE, Suspicion("attack", 1.0, [("a", 1.0)])),
        alerts.alarm_ended(record(TCP), detector, FILE, "abc-1", TIME_NS),
        alerts.drift_changed(report, TIME_NS, detector, FILE),
        alerts.threshold_set(1.5, 360, TIME_NS, detector, FILE),
        alerts.stats(TIME_NS, detector, FILE, {"kernel_packets": 5}, {"windows": 2}),
    )
    for event in events:
        read = json.loads(alerts.line(event))
        assert holds_no_list(read)
        assert read["event_type"] in {"alert", "anomaly", "stats"}
        datetime.strptime(read["timestamp"], "%Y-%m-%dT%H:%M:%S.%f%z")
