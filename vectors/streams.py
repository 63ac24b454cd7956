"""What streams.json is made of: packets of every kind of stream, and the rows of features they give."""

from array import array

from covey.core import FEATURES, Packet, PacketKind, Streams, pack_packets

SECOND = 10**9
START_NS = 1_700_000_000 * SECOND
MACS = [f"02:00:00:00:00:{host:02x}" for host in range(4)]
IPV4 = ["192.0.2.1", "192.0.2.2", "198.51.100.7", "0.0.0.0"]  # noqa: S104 - an address like any other here
IPV6 = ["2001:db8::1", "2001:db8::2", "fe80::7", "::"]


def packet(
    after_ns: int,
    size: int,
    ends: tuple[int, int],
    ports: tuple[int, int] = (0, 0),
    *,
    kind: int = 2,
    protocol: int = 17,
) -> Packet:
    """A packet between two of the hosts, `after_ns` after the start."""
    addresses = {PacketKind.OTHER: ["", "", "", ""], PacketKind.IPV6: IPV6}.get(PacketKind(kind), IPV4)
    return Packet(
        START_NS + after_ns,
        size,
        size,
        source=addresses[ends[0]],
        destination=addresses[ends[1]],
        source_mac=MACS[ends[0]],
        destination_mac=MACS[ends[1]],
        source_port=ports[0],
        destination_port=ports[1],
        protocol=protocol if kind >= PacketKind.IPV4 else 0,
        kind=PacketKind(kind),
    )


def talks() -> dict[str, tuple[int, list[Packet]]]:
    """Name: capacity of the table and packets."""
    there, back = (0, 1), (1, 0)
    channel = [
        packet(0, 100, there, (5000, 53)), packet(0, 30, back, (53, 5000)), packet(SECOND, 200, there, (5000, 53)),
        packet(SECOND, 50, back, (53, 5000)), packet(2_500_000_001, 200, there, (5000, 53)),
        packet(2_600_000_000, 1514, back, (53, 5001)), packet(9 * SECOND, 60, back, (53, 5000)),
    ]  # fmt: skip
    kinds = [
        packet(0, 60, there, (1, 2)), packet(1, 42, there, kind=1), packet(2, 60, there, (1, 2), kind=3),
        packet(3, 60, there, kind=0), packet(1000, 98, there, protocol=1), packet(2000, 98, back, protocol=1),
        packet(3000, 60, (1, 1), (7, 7)), packet(4000, 62, (1, 1), (7, 7)), packet(5000, 64, (1, 1), (7, 8)),
        packet(6000, 66, (3, 3)), packet(7000, 60, there, (1, 2), protocol=6),
    ]  # fmt: skip
    times = [
        packet(0, 60, there), packet(0, 0, there), packet(-SECOND, 70, there), packet(SECOND // 2, 80, back),
        packet(-START_NS, 90, there), packet(-3600 * SECOND, 100, back), packet(-3599 * SECOND, 110, there),
        packet(30 * 86400 * SECOND, 4294967295, there), packet(30 * 86400 * SECOND, 1, back),
        packet(2**62, 60, there), packet(2**62 + 1, 66, there), packet(2**62 + 10**8, 60, back),
    ]  # fmt: skip
    dying = [packet(i * 4 * SECOND, 1500 if i == 0 else 60, there) for i in range(9)]
    crowd = [packet(i * 10**6, 60 + i, (i * 5 % 4, (i + 1) % 4), (i % 3, 80)) for i in range(16)]
    return {
        "a channel": (4, channel),
        "kinds of packets": (16, kinds),
        "odd times and sizes": (4, times),
        "a variance dies out": (1, dying),
        "a crowd in a table of two": (2, crowd),
    }


def streams() -> dict[str, object]:
    good = []
    for name, (capacity, packets) in talks().items():
        rows = array("f", bytes(4 * FEATURES * len(packets)))
        table = Streams(capacity)
        table.update(pack_packets(packets), len(packets), rows)
        values = rows.tobytes().hex()
        row = [values[i : i + 8 * FEATURES] for i in range(0, len(values), 8 * FEATURES)]
        counts = {"backwards": table.counts.backwards, "evictions": table.counts.evictions}
        packed = [one.pack().hex() for one in packets]
        good.append({"name": name, "capacity": capacity, **counts, "packets": packed, "rows": row})
    return {"about": "packets (72 bytes) and the features after each (115 float32 LE)", "good": good}
