"""Features of streams to the bit, by docs/SPEC.md alone: numpy float32, one operation and one window at a time."""

from dataclasses import dataclass, field

import numpy as np
from streams_twin import LAMBDAS, StreamsTwin, Table

from covey.core import Packet, PacketKind

F = np.float32
ZERO, ONE, MAGIC = F(0), F(1), F(12582912)
TERMS = [F(c) for c in (1.339887851e-3, 9.618436918e-3, 5.550332367e-2, 2.402264774e-1, 6.931471825e-1, 1)]


def tidy(x: np.float32) -> np.float32:
    return ZERO if abs(x) < F(8.67361738e-19) else x


def seconds(age_ns: int) -> np.float32:
    return F(min(age_ns, 2**63 - 1)) * F(1e-9)


def decay(lam: float, age_ns: int) -> np.float32:
    x = F(lam) * seconds(age_ns)
    if x >= F(60):
        return ZERO
    t = MAGIC - x
    n, r, p = t - MAGIC, (MAGIC - t) - x, F(1.535337360e-4)
    for term in TERMS:
        p = p * r + term
    return np.ldexp(p, int(n))


@dataclass
class Window:
    weight: np.float32 = ZERO
    mean: np.float32 = ZERO
    variance: np.float32 = ZERO

    def add(self, kept: np.float32, value: np.float32) -> None:
        past = self.weight * kept
        self.weight = past + ONE
        share, off = ONE / self.weight, value - self.mean
        rest = past * share
        self.mean = tidy(value - off * rest if past < ONE else self.mean + off * share)
        self.variance = tidy(rest * (self.variance + (off * off) * share))

    @property
    def row(self) -> list[np.float32]:
        return [self.weight, self.mean, self.variance]


def fresh() -> list[Window]:
    return [Window() for _ in LAMBDAS]


@dataclass
class Direction:
    windows: list[Window] = field(default_factory=fresh)
    jitter: list[Window] = field(default_factory=fresh)
    last_ns: int = 0
    size: np.float32 = ZERO


@dataclass
class Pair:
    ways: dict[bool, Direction] = field(default_factory=lambda: {False: Direction(), True: Direction()})
    sums: list[np.float32] = field(default_factory=lambda: [ZERO] * len(LAMBDAS))

    def take(self, way: bool, now_ns: int, size: np.float32) -> tuple[list[np.float32], list[np.float32]]:
        """Rows of the channel and of its jitter."""
        own, peer, row, jitter = self.ways[way], self.ways[not way], [], []
        age, peer_age = now_ns - own.last_ns, now_ns - peer.last_ns
        own.size = size
        for i, lam in enumerate(LAMBDAS):
            kept, kept_peer = decay(lam, age), decay(lam, peer_age)
            mine, other = own.windows[i], peer.windows[i]
            if mine.weight > 0:
                own.jitter[i].add(kept, seconds(age))
            mine.add(kept, size)
            kept_sum = kept if age < peer_age else kept_peer
            self.sums[i] = tidy(self.sums[i] * kept_sum + (size - mine.mean) * ((peer.size - other.mean) * kept_peer))
            covariance = self.sums[i] / (mine.weight + other.weight * kept_peer)
            root = np.sqrt(mine.variance * other.variance)
            magnitude = np.sqrt(mine.mean * mine.mean + other.mean * other.mean)
            radius = np.sqrt(mine.variance * mine.variance + other.variance * other.variance)
            pcc = min(ONE, max(-ONE, covariance / root)) if root > 0 else ZERO
            row += [mine.weight, mine.mean, np.sqrt(mine.variance), magnitude, radius, covariance, pcc]
            jitter += own.jitter[i].row
        own.last_ns = now_ns
        return row, jitter


@dataclass
class Host:
    windows: list[Window] = field(default_factory=fresh)
    last_ns: int = 0


class ExactStreams:
    """The tables and clock are the twin's; the numbers are not."""

    def __init__(self, capacity: int) -> None:
        self.twin = StreamsTwin(capacity)
        self.tables = [Table(capacity) for _ in range(4)]

    def row(self, packet: Packet) -> np.ndarray:
        """(115) float32: the features after this packet."""
        self.twin.now(packet.time_ns)
        now_ns, size = self.twin.clock_ns, F(packet.size_bytes)
        ip, mac = (packet.source, packet.destination), (packet.source_mac, packet.destination_mac)
        ends = mac if packet.kind is PacketKind.OTHER else ip
        socket = mac if packet.kind in (PacketKind.OTHER, PacketKind.ARP) else ip
        row = []
        for table, name in ((0, (ends[0], mac[0])), (1, ends[0])):
            host = self.tables[table].get(name, Host)
            for window, lam in zip(host.windows, LAMBDAS, strict=True):
                window.add(decay(lam, now_ns - host.last_ns), size)
                row += window.row
            host.last_ns = now_ns
        channel, jitter = self.tables[2].get(frozenset(ends), Pair).take(ends[0] > ends[1], now_ns, size)
        first, second = (socket[0], packet.source_port), (socket[1], packet.destination_port)
        name = (packet.kind, packet.protocol, frozenset((first, second)))
        ports, _ = self.tables[3].get(name, Pair).take(first > second, now_ns, size)
        return np.array([*row, *channel, *jitter, *ports], F)
