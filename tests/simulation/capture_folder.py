"""Small folders of labelled captures, written packet by packet with dpkt: a device that reports, and a flood."""

import gzip
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import dpkt

BEGIN_S = 1_700_000_000
DEVICE_MAC, SERVER_MAC = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
TRUTH_HEADER = "session,role,attack,family,program,direction,start_ns,end_ns,peer,protocol,port"


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet: seconds from BEGIN_S, bytes of payload, the peer's last number, whether the device sent it."""

    at_s: float
    payload: int
    peer: int = 9
    outward: bool = True


def frame(packet: Sent, device: int) -> bytes:
    """An Ethernet frame with UDP in IPv4, device 10.0.0.<device>."""
    ends = [(bytes([10, 0, 0, device]), 5000 + device), (bytes([10, 0, 0, packet.peer]), 7)]
    (source, source_port), (destination, port) = ends if packet.outward else ends[::-1]
    udp = dpkt.udp.UDP(sport=source_port, dport=port, data=bytes(packet.payload))
    udp.ulen = 8 + packet.payload
    ip = dpkt.ip.IP(src=source, dst=destination, p=dpkt.ip.IP_PROTO_UDP, data=udp, len=28 + packet.payload)
    macs = [DEVICE_MAC, SERVER_MAC] if packet.outward else [SERVER_MAC, DEVICE_MAC]
    return bytes(dpkt.ethernet.Ethernet(src=macs[0], dst=macs[1], data=ip))


def capture(packets: Iterable[Sent], device: int = 1, begin_s: float = BEGIN_S) -> bytes:
    """A pcap file."""
    file = io.BytesIO()
    writer = dpkt.pcap.Writer(file)
    for packet in packets:
        writer.writepkt(frame(packet, device), ts=begin_s + packet.at_s)
    return file.getvalue()


def reports(from_s: float, to_s: float, every_s: float = 2.0) -> list[Sent]:
    """What the device does when all is well: a report, and an answer."""
    n = int((to_s - from_s) / every_s)
    times = [from_s + every_s * number for number in range(n)]
    return [packet for at_s in times for packet in (Sent(at_s, 60), Sent(at_s + 0.02, 20, outward=False))]


def flood(from_s: float, to_s: float, every_s: float = 0.05, peer: int = 66) -> list[Sent]:
    """Many large packets to one victim."""
    n = int((to_s - from_s) / every_s)
    return [Sent(from_s + every_s * number, 900, peer) for number in range(n)]


def truth_row(
    session: str, role: str, from_s: float, to_s: float, attack: str = "flood", peer: str = "10.0.0.66"
) -> str:
    """A line of truth.csv; seconds from BEGIN_S."""
    start_ns, end_ns = (round((BEGIN_S + at_s) * 1e9) for at_s in (from_s, to_s))
    return f"{session},{role},{attack},flood,none,from,{start_ns},{end_ns},{peer},,"


def in_order(*parts: Sequence[Sent]) -> list[Sent]:
    """Several streams of packets as one, by time."""
    return sorted((packet for part in parts for packet in part), key=lambda packet: packet.at_s)


def write_folder(folder: Path, roles: Sequence[str] = ("lamp", "lock"), sessions: str | None = None) -> Path:
    """Two training sessions and a test session of two devices, each with one flood of 30 s in 8 minutes."""
    truth = [TRUTH_HEADER]
    for place, (session, begin_s) in enumerate((("train-1", 0), ("train-2", 1000), ("test-1", 2000))):
        target = folder / "captures" / session
        target.mkdir(parents=True)
        for number, role in enumerate(roles):
            from_s = begin_s + 100 + 60 * place + 30 * number
            packets = in_order(reports(begin_s, begin_s + 480), flood(from_s, from_s + 30))
            (target / f"{role}.pcap.gz").write_bytes(gzip.compress(capture(packets, device=number + 1), mtime=0))
            truth.append(truth_row(session, role, from_s, from_s + 30))
    (folder / "truth.csv").write_text("\n".join(truth) + "\n")
    text = "session,split,seed\ntrain-1,train,1\ntrain-2,train,2\ntest-1,test,3\n"
    (folder / "sessions.csv").write_text(sessions or text)
    return folder
