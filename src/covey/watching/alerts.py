"""Events as a device tells them: one JSON object a line, in the shape of Suricata's EVE, so that its readers read them.

What Suricata has no name for is under `covey`. Values are numbers, texts, and maps of these; there are no lists of
objects, so every consumer can take a line apart without a schema. Times are of the traffic, in UTC with microseconds.
Source of the shape: Suricata's manual, "EVE JSON Format".
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import TypeAlias

from covey.core import Packet, PacketKind
from covey.watching.detector import Detector
from covey.watching.drift import DriftReport
from covey.watching.watcher import WindowRecord

Json: TypeAlias = "str | int | float | bool | Mapping[str, Json] | None"

#: Signature ids: this for an anomaly, and this plus the class for a class.
FIRST_SIGNATURE = 9_100_000
GID = 1
SEVERITY, HIGH_SEVERITY = 2, 1
#: How far above the threshold an alert is of high severity: eight times, in odds or in error. As far below it lies what
#: the local store believes benign.
HIGH = log(8)
DIGEST_LETTERS = 16
_PROTOCOLS = {
    0: "HOPOPT",
    1: "ICMP",
    2: "IGMP",
    4: "IPIP",
    6: "TCP",
    17: "UDP",
    41: "IPv6",
    47: "GRE",
    50: "ESP",
    51: "AH",
    58: "IPv6-ICMP",
    132: "SCTP",
    136: "UDPLITE",
}
_HAS_PORTS = frozenset({6, 17, 33, 132, 136})
_DAYS_OF_400_YEARS, _DAYS_BEFORE_1970 = 146_097, 719_468  # since 0000-03-01


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the traffic comes from: an interface, or the name of a file."""

    name: str
    is_interface: bool

    def fields(self) -> dict[str, Json]:
        """What Suricata calls it."""
        return {"in_iface" if self.is_interface else "pcap_filename": self.name}


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What an alert says beyond its window: the likeliest class, if the model knows classes, and the top features."""

    kind: str | None
    log_odds: float | None
    features: Sequence[tuple[str, float]]


def line(event: Mapping[str, Json]) -> bytes:
    """An event as one line."""
    return json.dumps(event, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def alert(record: WindowRecord, detector: Detector, origin: Origin, suspicion: Suspicion) -> dict[str, Json]:
    """The event of an alarm that is raised; the addresses are those of the window's highest row."""
    window = record.window
    packet = Packet.unpack(window.top)
    return {
        "timestamp": timestamp(packet.time_ns),
        "event_type": "alert",
        **origin.fields(),
        **_endpoints(packet),
        "alert": _signature(record, detector, suspicion),
        "covey": {
            "alert_id": record.alert_id or "",
            **_model(detector),
            "score": short(window.score),
            "threshold": short(window.threshold),
            "top_score": short(window.top_score),
            "window_start": timestamp(window.start_ns),
            "window_s": short((window.end_ns - window.start_ns) / 1e9),
            "rows": window.rows,
            "rows_above": window.rows_above,
            **({"class": suspicion.kind} if suspicion.kind is not None else {}),
            **({"class_log_odds": short(suspicion.log_odds)} if suspicion.log_odds is not None else {}),
            "features": {name: short(share) for name, share in suspicion.features},
        },
    }


def alarm_ended(
    record: WindowRecord, detector: Detector, origin: Origin, alert_id: str | None, began_ns: int
) -> dict[str, Json]:
    """The event of an alarm that ends; alert_id None: it was one of those that are not told (quiet time)."""
    return {
        "timestamp": timestamp(record.window.end_ns),
        "event_type": "anomaly",
        **origin.fields(),
        "anomaly": {"type": "covey", "event": "alarm_ended"},
        "covey": {
            "alert_id": alert_id or "",
            **_model(detector),
            "duration_s": short((record.window.start_ns - began_ns) / 1e9),
        },
    }


def drift_changed(report: DriftReport, at_ns: int, detector: Detector, origin: Origin) -> dict[str, Json]:
    """The event of a model that no longer fits, or fits again."""
    event = "model_no_longer_fits" if report.drifts else "model_fits_again"
    return {
        "timestamp": timestamp(at_ns),
        "event_type": "anomaly",
        **origin.fields(),
        "anomaly": {"type": "covey", "event": event},
        "covey": {
            **_model(detector),
            "scores_psi": short(report.scores),
            "share_of_features_moved": short(report.share_moved),
            "windows": report.windows,
            "windows_above": report.windows_above,
            "features": {name: short(index) for name, index in report.features},
        },
    }


def threshold_set(threshold: float, windows: int, at_ns: int, detector: Detector, origin: Origin) -> dict[str, Json]:
    """The event of learning that is over."""
    return {
        "timestamp": timestamp(at_ns),
        "event_type": "anomaly",
        **origin.fields(),
        "anomaly": {"type": "covey", "event": "threshold_set"},
        "covey": {**_model(detector), "threshold": short(threshold), "windows": windows},
    }


def stats(
    at_ns: int, detector: Detector, origin: Origin, capture: Mapping[str, int], detect: Mapping[str, Json]
) -> dict[str, Json]:
    """The event of counters: of the capture as Suricata names them, and of detection."""
    return {
        "timestamp": timestamp(at_ns),
        "event_type": "stats",
        **origin.fields(),
        "stats": {"capture": dict(capture), "detect": dict(detect)},
        "covey": _model(detector),
    }


def kind_of(record: WindowRecord, suspicion: Suspicion) -> str:
    """What sort of alarm this is: its class, else protocol and port of its highest row, such as `tcp/23`."""
    if suspicion.kind is not None:
        return suspicion.kind
    packet = Packet.unpack(record.window.top)
    protocol = _protocol(packet)
    if not protocol:
        return "readings" if not packet.ether_type else f"ether/0x{packet.ether_type:04x}"
    port = min((port for port in (packet.source_port, packet.destination_port) if port), default=None)
    return protocol.lower() if port is None else f"{protocol.lower()}/{port}"


def severity(record: WindowRecord) -> int:
    """HIGH_SEVERITY far above the threshold, else SEVERITY."""
    return HIGH_SEVERITY if record.window.score > record.window.threshold + HIGH else SEVERITY


def timestamp(time_ns: int) -> str:
    """Nanoseconds since 1970 as `2018-09-14T10:00:00.000000+0000`."""
    microseconds = time_ns // 1000
    seconds, fraction = divmod(microseconds, 1_000_000)
    days, second = divmod(seconds, 86_400)
    year, month, day = _date(days)
    clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{fraction:06}"
    return f"{year:04}-{month:02}-{day:02}T{clock}+0000"


def short(value: float) -> float:
    """A number with six digits, which is more than any reader needs."""
    return float(f"{value:.6g}")


def _date(days: int) -> tuple[int, int, int]:
    """Year, month and day, in years that begin with March so that the leap day comes last; no clock, no locale."""
    era, day_of_era = divmod(days + _DAYS_BEFORE_1970, _DAYS_OF_400_YEARS)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * march + 2) // 5 + 1
    month = march + 3 if march < 10 else march - 9
    return era * 400 + year_of_era + (month <= 2), month, day


def _endpoints(packet: Packet) -> dict[str, Json]:
    fields: dict[str, Json] = {}
    has_ports = packet.kind in (PacketKind.IPV4, PacketKind.IPV6) and packet.protocol in _HAS_PORTS
    if packet.source:
        fields["src_ip"] = packet.source
    if has_ports:
        fields["src_port"] = packet.source_port
    if packet.destination:
        fields["dest_ip"] = packet.destination
    if has_ports:
        fields["dest_port"] = packet.destination_port
    protocol = _protocol(packet)
    if protocol:
        fields["proto"] = protocol
    if packet.source_mac or packet.destination_mac:
        macs = (("src_mac", packet.source_mac), ("dest_mac", packet.destination_mac))
        fields["ether"] = {name: mac for name, mac in macs if mac}
    return fields


def _protocol(packet: Packet) -> str:
    if packet.kind is PacketKind.ARP:
        return "ARP"
    if packet.kind is PacketKind.OTHER:
        return ""
    return _PROTOCOLS.get(packet.protocol, str(packet.protocol))


def _signature(record: WindowRecord, detector: Detector, suspicion: Suspicion) -> dict[str, Json]:
    kind = suspicion.kind
    number = detector.class_names.index(kind) if kind is not None else 0
    return {
        "action": "allowed",
        "gid": GID,
        "signature_id": FIRST_SIGNATURE + number,
        "rev": 1,
        "signature": f"COVEY traffic like {kind}" if kind is not None else "COVEY unusual traffic",
        "category": f"Covey: {kind}" if kind is not None else "Covey: anomaly",
        "severity": severity(record),
    }


def _model(detector: Detector) -> dict[str, Json]:
    return {"model": detector.digest.hex()[:DIGEST_LETTERS], "sequence": detector.sequence}
