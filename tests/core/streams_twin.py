"""Features of streams the slow, obvious way: every stream keeps all its packets, and float64 sums are taken anew.

Nothing here is shared with libcovey/src/streams.c: no recurrence, no hash, no table. A stream is its name in a dict.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar, cast

import numpy as np

from covey.core import Packet, PacketKind

LAMBDAS = (5.0, 3.0, 1.0, 0.1, 0.01)
OLDEST = 60.0  # 2^-60 counts as nothing
Values = list[tuple[float, float]]  # (time_s, value)
Stream = TypeVar("Stream")


@dataclass
class Direction:
    sizes: Values = field(default_factory=list)
    jitters: Values = field(default_factory=list)
    residuals: dict[float, Values] = field(default_factory=lambda: {lam: [] for lam in LAMBDAS})


@dataclass
class Pair:
    ways: dict[bool, Direction] = field(default_factory=lambda: {False: Direction(), True: Direction()})
    products: dict[float, Values] = field(default_factory=lambda: {lam: [] for lam in LAMBDAS})


def weights(values: Values, now: float, lam: float) -> np.ndarray:
    age = np.array([now - time for time, _ in values]) * lam
    return np.where(age < OLDEST, np.exp2(-age), 0.0)


def moments(values: Values, now: float, lam: float) -> tuple[float, float, float]:
    """Weight, mean and variance of one window."""
    if not values:
        return 0.0, 0.0, 0.0
    share, value = weights(values, now, lam), np.array([value for _, value in values])
    weight = share.sum()
    mean = (share * value).sum() / weight if weight > 0 else value[-1]
    return weight, mean, (share * (value - mean) ** 2).sum() / weight if weight > 0 else 0.0


class Table:
    """At most `capacity` streams, the one least recently used goes first."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.streams: OrderedDict[Hashable, object] = OrderedDict()
        self.evictions = 0

    def get(self, name: Hashable, make: Callable[[], Stream]) -> Stream:
        if name not in self.streams:
            if len(self.streams) == self.capacity:
                self.streams.popitem(last=False)
                self.evictions += 1
            self.streams[name] = make()
        self.streams.move_to_end(name)
        return cast("Stream", self.streams[name])


class StreamsTwin:
    def __init__(self, capacity: int) -> None:
        self.tables = [Table(capacity) for _ in range(4)]
        self.clock_ns, self.backwards = 0, 0
        self.latest_ns: int | None = None

    def now(self, time_ns: int) -> float:
        if self.latest_ns is None:
            self.latest_ns = time_ns
        if time_ns >= self.latest_ns:
            self.clock_ns += time_ns - self.latest_ns
            self.latest_ns = time_ns
        else:
            self.backwards += 1
            if time_ns != 0 and self.latest_ns - time_ns > 10**9:
                self.latest_ns = time_ns
        return self.clock_ns / 1e9

    def row(self, packet: Packet) -> list[float]:
        """The 115 features after this packet."""
        now, size = self.now(packet.time_ns), float(packet.size_bytes)
        ip = (packet.source, packet.destination)
        mac = (packet.source_mac, packet.destination_mac)
        ends = mac if packet.kind is PacketKind.OTHER else ip
        socket = mac if packet.kind in (PacketKind.OTHER, PacketKind.ARP) else ip
        ports = (packet.source_port, packet.destination_port)
        row = [*self.host(0, (*ends[:1], mac[0]), now, size), *self.host(1, ends[0], now, size)]
        channel = self.tables[2].get(frozenset(ends), Pair)
        above = ends[0] > ends[1]
        row += list(pair(channel, above, now, size))
        row += [value for lam in LAMBDAS for value in moments(channel.ways[above].jitters, now, lam)]
        first, second = (socket[0], ports[0]), (socket[1], ports[1])
        name = (packet.kind, packet.protocol, frozenset((first, second)))
        return row + list(pair(self.tables[3].get(name, Pair), first > second, now, size))

    def host(self, table: int, name: Hashable, now: float, size: float) -> Iterator[float]:
        values: Values = self.tables[table].get(name, list)
        values.append((now, size))
        for lam in LAMBDAS:
            yield from moments(values, now, lam)


def pair(stream: Pair, way: bool, now: float, size: float) -> Iterable[float]:
    own, peer = stream.ways[way], stream.ways[not way]
    if own.sizes:
        own.jitters.append((now, now - own.sizes[-1][0]))
    own.sizes.append((now, size))
    for lam in LAMBDAS:
        weight, mean, variance = moments(own.sizes, now, lam)
        # The other direction's mean and variance as they were at its own last packet; its weight as it is now.
        _, peer_mean, peer_variance = moments(peer.sizes, peer.sizes[-1][0] if peer.sizes else now, lam)
        peer_weight = weights(peer.sizes, now, lam).sum() if peer.sizes else 0.0
        last = peer.residuals[lam][-1:]
        left = weights(last, now, lam).sum() * last[0][1] if last else 0.0
        own.residuals[lam].append((now, size - mean))
        stream.products[lam].append((now, (size - mean) * left))
        total = sum(weights(stream.products[lam], now, lam) * [value for _, value in stream.products[lam]])
        covariance = total / (weight + peer_weight)
        scale = np.sqrt(variance * peer_variance)
        pcc = min(1.0, max(-1.0, covariance / scale)) if scale > 0 else 0.0
        yield from (weight, mean, np.sqrt(variance), np.hypot(mean, peer_mean), np.hypot(variance, peer_variance))
        yield from (covariance, pcc)
