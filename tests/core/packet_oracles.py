"""What dpkt and scapy make of a frame, in the words of `core.Packet`: none of Covey's code is asked."""

import importlib.util
import io
import ipaddress
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import dpkt
from scapy.all import (
    ARP,
    IP,
    SCTP,
    TCP,
    UDP,
    CookedLinux,
    CookedLinuxV2,
    Dot1AD,
    Dot1Q,
    Ether,
    IPv6,
    Loopback,
    RawPcapReader,
)
from scapy.layers import inet6


def load_writers() -> ModuleType:
    """vectors/captures.py: writers of captures that know nothing of the reader."""
    spec = importlib.util.spec_from_file_location(
        "captures", Path(__file__).resolve().parents[2] / "vectors" / "captures.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["captures"] = module
    spec.loader.exec_module(module)
    return module


KINDS = {0x0800: "IPV4", 0x86DD: "IPV6", 0x0806: "ARP"}


@dataclass(frozen=True)
class Seen:
    """The fields that an oracle has an opinion about."""

    source: str = ""
    destination: str = ""
    source_mac: str = ""
    destination_mac: str = ""
    source_port: int = 0
    destination_port: int = 0
    ether_type: int = 0
    protocol: int = 0
    kind: str = "OTHER"
    tcp_flags: int = 0


def seen(packet: Any) -> Seen:
    """The same of a `core.Packet`."""
    names = Seen.__dataclass_fields__
    return Seen(**{name: packet.kind.name if name == "kind" else getattr(packet, name) for name in names})


def mac(data: bytes) -> str:
    return data.hex(":") if any(data) else ""


def address(data: bytes) -> str:
    return str(ipaddress.ip_address(data))


def type_or_none(number: int) -> int:
    """Below 0x600 it is a length, or one of Linux' own numbers."""
    return number if number >= 0x600 else 0


def start_of_tcp(data: bytes) -> dict[str, int]:
    """Of a first fragment in which TCP's header does not end (nmap -f): both oracles give up on it."""
    if len(data) >= 20 or len(data) < 4:
        return {}
    ports = struct.unpack_from(">HH", data)
    return {"source_port": ports[0], "destination_port": ports[1], "tcp_flags": data[13] if len(data) > 13 else 0}


# ---------------------------------------------------------------- dpkt
def dpkt_network(data: Any, ether_type: int) -> dict[str, Any]:
    """From an ether type and what dpkt made of the bytes behind it."""
    if isinstance(data, dpkt.arp.ARP) and data.pro == 0x0800 and data.pln == 4:
        return {"kind": "ARP", "source": address(data.spa), "destination": address(data.tpa)}
    if not isinstance(data, (dpkt.ip.IP, dpkt.ip6.IP6)):
        return {}
    found = {
        "kind": KINDS[ether_type],
        "source": address(data.src),
        "destination": address(data.dst),
        "protocol": data.p,
    }
    inner = data.data
    if isinstance(inner, (dpkt.tcp.TCP, dpkt.udp.UDP, dpkt.sctp.SCTP)):
        found |= {"source_port": inner.sport, "destination_port": inner.dport}
    if isinstance(inner, dpkt.tcp.TCP):
        found["tcp_flags"] = inner.flags & 0xFF
    if isinstance(data, dpkt.ip.IP) and data.p == 6 and data.mf and not data.offset and isinstance(inner, bytes):
        found |= start_of_tcp(inner)
    return found


def by_dpkt(link: int, frame: bytes) -> Seen:
    """dpkt reads Ethernet with up to two tags, cooked captures, loopback of BSD and raw IP."""
    if link == 1:
        eth = dpkt.ethernet.Ethernet(frame)
        tags = getattr(eth, "vlan_tags", [])
        ether_type = tags[-1].type if tags else int.from_bytes(frame[12:14])
        macs = {"source_mac": mac(eth.src), "destination_mac": mac(eth.dst)}
        if ether_type < 0x600:
            return Seen(**macs)
        return Seen(**macs, ether_type=ether_type, **dpkt_network(eth.data, ether_type))
    if link in (113, 276):
        sll = dpkt.sll.SLL(frame) if link == 113 else dpkt.sll2.SLL2(frame)
        macs = {"source_mac": mac(sll.hdr[:6])}
        return Seen(**macs, ether_type=type_or_none(sll.ethtype), **dpkt_network(sll.data, sll.ethtype))
    data = dpkt.loopback.Loopback(frame).data if link == 0 else frame
    if isinstance(data, bytes):
        data = (dpkt.ip.IP if data[0] >> 4 == 4 else dpkt.ip6.IP6)(data)
    ether_type = 0x0800 if isinstance(data, dpkt.ip.IP) else 0x86DD
    return Seen(ether_type=ether_type, **dpkt_network(data, ether_type))


# ---------------------------------------------------------------- scapy
SCAPY_LINKS = {0: Loopback, 1: Ether, 113: CookedLinux, 228: IP, 229: IPv6, 276: CookedLinuxV2}
EXTENSIONS = (
    inet6.IPv6ExtHdrHopByHop,
    inet6.IPv6ExtHdrRouting,
    inet6.IPv6ExtHdrSegmentRouting,
    inet6.IPv6ExtHdrDestOpt,
    inet6.IPv6ExtHdrFragment,
)


def scapy_network(layer: Any) -> dict[str, Any]:
    """From the layer behind link and tags."""
    if isinstance(layer, ARP) and layer.ptype == 0x0800 and layer.plen == 4:
        return {"kind": "ARP", "source": layer.psrc, "destination": layer.pdst}
    if not isinstance(layer, (IP, IPv6)):
        return {}
    kind = "IPV4" if isinstance(layer, IP) else "IPV6"
    found: dict[str, Any] = {"kind": kind, "source": address_text(layer.src), "destination": address_text(layer.dst)}
    following = layer.proto if isinstance(layer, IP) else layer.nh
    inner = layer.payload
    while isinstance(inner, EXTENSIONS):
        following, inner = inner.nh, inner.payload
    found["protocol"] = following
    if isinstance(inner, (TCP, UDP, SCTP)):
        found |= {"source_port": inner.sport, "destination_port": inner.dport}
    if isinstance(inner, TCP):
        found["tcp_flags"] = int(inner.flags) & 0xFF
    elif isinstance(layer, IP) and layer.proto == 6 and layer.flags.MF and not layer.frag:
        found |= start_of_tcp(bytes(inner))
    return found


def address_text(text: str) -> str:
    return str(ipaddress.ip_address(text))


def by_scapy(link: int, frame: bytes) -> Seen:
    """scapy reads any number of tags, and most extension headers: not authentication, for one."""
    if link == 101:
        link = 228 if frame[0] >> 4 == 4 else 229
    layer = SCAPY_LINKS[link](frame)
    found: dict[str, Any] = {}
    if isinstance(layer, Ether):
        found = {"source_mac": mac_text(layer.src), "destination_mac": mac_text(layer.dst)}
    elif isinstance(layer, (CookedLinux, CookedLinuxV2)):
        found = {"source_mac": mac(bytes(layer.src)[:6])}
    if isinstance(layer, (IP, IPv6, Loopback)):
        network = layer.payload if isinstance(layer, Loopback) else layer
        ether_type = 0x0800 if isinstance(network, IP) else 0x86DD
        return Seen(ether_type=ether_type, **scapy_network(network))
    if not isinstance(layer, (Ether, CookedLinux, CookedLinuxV2)):  # Dot3: a length, not a type
        return Seen(source_mac=mac_text(layer.src), destination_mac=mac_text(layer.dst))
    ether_type = layer.proto if isinstance(layer, (CookedLinux, CookedLinuxV2)) else layer.type
    network = layer.payload
    while isinstance(network, (Dot1Q, Dot1AD)):
        ether_type, network = network.type, network.payload
    return Seen(**found, ether_type=type_or_none(ether_type), **scapy_network(network))


def mac_text(text: str) -> str:
    return "" if text == "00:00:00:00:00:00" else text


def scapy_records(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """Of a pcap file: time in ns, captured and wire size, frame. A last one that was cut off is left out."""
    reader = RawPcapReader(io.BytesIO(data))
    unit = 1 if reader.nano else 1000
    records = [(m.sec * 10**9 + m.usec * unit, m.caplen, m.wirelen, frame) for frame, m in reader]
    return [record for record in records if len(record[3]) == record[1]]


class Record(NamedTuple):
    """Of a pcap file. missing_from: bytes of the file that are left for a record that was cut off; 0: it is whole."""

    time_ns: int
    captured: int
    wire: int
    frame: bytes
    missing_from: int


def pcap_records(data: bytes) -> Iterator[Record]:
    """A plain walk over a little-endian pcap file with microseconds, for files too long for scapy's patience."""
    assert data[:4] == bytes.fromhex("d4c3b2a1")
    place = 24
    while place < len(data):
        head = data[place : place + 16].ljust(16, b"\0")
        seconds, fraction, captured, wire = struct.unpack("<IIII", head)
        end = place + 16 + captured
        left = len(data) - place if end > len(data) or len(data) - place < 16 else 0
        yield Record(seconds * 10**9 + fraction * 1000, captured, wire, data[place + 16 : end], left)
        place = end
