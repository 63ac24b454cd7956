"""Packets that stand for rows of other sources: a connection of a log, a line of a table, a window of readings."""

import ipaddress
from functools import lru_cache

from covey.core import Packet, PacketKind

PROTOCOLS = {
    "icmp": 1,
    "igmp": 2,
    "ipip": 4,
    "tcp": 6,
    "udp": 17,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "icmpv6": 58,
    "icmp6": 58,
    "sctp": 132,
    "udplite": 136,
}
ETHER_TYPES = {PacketKind.OTHER: 0, PacketKind.ARP: 0x0806, PacketKind.IPV4: 0x0800, PacketKind.IPV6: 0x86DD}
LARGEST_SIZE = 0xFFFF_FFFF


def protocol_number(text: str) -> int | None:
    """The number of an IP protocol given by name or number; None for another text."""
    if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 0xFF:
        return int(text)
    return PROTOCOLS.get(text.lower())


@lru_cache(maxsize=4096)  # the addresses of a log are few
def address_kind(text: str) -> PacketKind | None:
    """IPV4 or IPV6; None for a text that is no address."""
    try:
        return PacketKind.IPV4 if ipaddress.ip_address(text).version == 4 else PacketKind.IPV6
    except ValueError:
        return None


def reading_packet(time_ns: int, n: int) -> bytes:
    """The packet of a window of n readings: a time and a size, and no addresses."""
    return Packet(time_ns=time_ns, size_bytes=min(n, LARGEST_SIZE)).pack()
