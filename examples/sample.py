"""A small synthetic fleet: packets from parametric processes, turned into damped statistics, written as CSV files.

It stands in where no data set is at hand, so that the demo and the examples run anywhere. It is NOT N-BaIoT: the
columns and attack names are the same, the values come from the processes below and are much easier to tell apart.

Statistics: Mirsky et al., Kitsune, NDSS 2018 (damped incremental weight, mean, deviation; magnitude, radius, covariance
and correlation of the two directions of a channel), over the windows of N-BaIoT (Meidan et al. 2018), no jitter.
"""

import csv
import gzip
import math
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

WINDOWS = ("L5", "L3", "L1", "L0.1", "L0.01")  # decay rates lambda in 1/s
DECAYS = tuple(float(window[1:]) for window in WINDOWS)
NOTICE = "SYNTHETIC SAMPLE made by examples/sample.py; not N-BaIoT and not recorded traffic\n"


@dataclass(frozen=True, slots=True)
class Role:
    """How a device behaves when all is well: packet sizes in bytes, mean gaps in seconds, share of answers."""

    name: str
    sizes: tuple[int, ...]
    gap_s: float
    answer_sizes: tuple[int, ...]
    has_mirai: bool = True


ROLES = (
    Role("Attic_Camera", (1298, 1386, 940), 0.03, (66,)),
    Role("Baby_Monitor", (1142, 878, 210), 0.05, (66, 90)),
    Role("Cellar_Thermostat", (118, 214), 2.0, (66, 322)),
    Role("Door_Bell", (154, 586), 0.8, (66, 410), has_mirai=False),
    Role("Entry_Camera", (1418, 1010), 0.02, (66,)),
    Role("Floor_Sensor", (86, 98), 5.0, (60,)),
    Role("Garden_Webcam", (1314, 702), 0.04, (66, 74), has_mirai=False),
    Role("Hall_Speaker", (342, 1186), 0.3, (66, 1514)),
    Role("Isle_Plug", (102, 134), 3.0, (60, 102)),
)

# attack: (packet sizes, packets a second, spread of targets: 0 = one victim, 1 = a new address each packet)
ATTACKS: dict[str, tuple[tuple[int, ...], float, float]] = {
    "gafgyt_combo": ((74, 86, 102), 60.0, 0.1),
    "gafgyt_junk": ((74, 86), 45.0, 0.1),
    "gafgyt_scan": ((60,), 90.0, 1.0),
    "gafgyt_tcp": ((60,), 420.0, 0.0),
    "gafgyt_udp": ((60,), 420.0, 0.0),
    "mirai_ack": ((566, 554), 380.0, 0.0),
    "mirai_scan": ((60, 74), 150.0, 1.0),
    "mirai_syn": ((74,), 300.0, 0.0),
    "mirai_udp": ((554,), 500.0, 0.0),
    "mirai_udpplain": ((554, 540), 200.0, 0.0),
}


@dataclass(slots=True)
class Damped:
    """One stream's damped statistics at one decay rate: weight, linear sum and squared sum of packet sizes."""

    decay: float
    last_s: float = 0.0
    weight: float = 0.0
    linear: float = 0.0
    squared: float = 0.0

    def update(self, size: float, now_s: float) -> tuple[float, float, float]:
        """Weight, mean and variance after this packet."""
        factor = math.exp2(-self.decay * (now_s - self.last_s)) if self.weight else 1.0
        self.weight, self.linear = self.weight * factor + 1.0, self.linear * factor + size
        self.squared, self.last_s = self.squared * factor + size * size, now_s
        mean = self.linear / self.weight
        return self.weight, mean, abs(self.squared / self.weight - mean * mean)

    def moments(self) -> tuple[float, float]:
        """Mean and variance as they stand; zero before the first packet."""
        if not self.weight:
            return 0.0, 0.0
        mean = self.linear / self.weight
        return mean, abs(self.squared / self.weight - mean * mean)


@dataclass(slots=True)
class Pair:
    """The two directions of a channel at one decay rate, and the damped product of their residuals."""

    decay: float
    last_s: float = 0.0
    weight: float = 0.0
    product: float = 0.0
    streams: list[Damped] = field(default_factory=list)
    residual: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def update(self, direction: int, size: float, now_s: float) -> list[float]:
        """Weight, mean, std of this direction; magnitude, radius, covariance, correlation of both."""
        if not self.streams:
            self.streams = [Damped(self.decay), Damped(self.decay)]
        weight, mean, variance = self.streams[direction].update(size, now_s)
        other_mean, other_variance = self.streams[1 - direction].moments()
        factor = math.exp2(-self.decay * (now_s - self.last_s)) if self.weight else 1.0
        self.residual[direction] = size - mean
        self.product = self.product * factor + self.residual[0] * self.residual[1]
        self.weight, self.last_s = self.weight * factor + 1.0, now_s
        covariance = self.product / self.weight
        spread = math.sqrt(variance * other_variance)
        correlation = covariance / spread if spread > 0.0 else 0.0
        return [
            weight, mean, math.sqrt(variance),
            math.hypot(mean, other_mean), math.hypot(variance, other_variance), covariance, correlation,
        ]  # fmt: skip


Packet = tuple[float, int, int, int, int]  # time in s, size in bytes, direction, peer, port


def benign_packets(role: Role, rng: Random) -> Iterator[Packet]:
    """Exchanges with one of three servers: a packet out, often an answer in; pauses now and then."""
    now_s = 0.0
    while True:
        now_s += rng.expovariate(1.0 / role.gap_s) + (rng.random() < 0.02) * 20.0 * role.gap_s
        peer = rng.choice((1, 1, 1, 2, 3))
        yield now_s, rng.choice(role.sizes) + rng.randrange(12), 0, peer, peer
        if rng.random() < 0.6:
            now_s += rng.uniform(0.005, 0.04)
            yield now_s, rng.choice(role.answer_sizes), 1, peer, peer


def attack_packets(attack: str, rng: Random) -> Iterator[Packet]:
    """A bot at work: a flood at one victim, or a scan of many."""
    sizes, rate, spread = ATTACKS[attack]
    now_s, target = 0.0, rng.randrange(10**6)
    while True:
        now_s += rng.expovariate(rate)
        if rng.random() < spread:
            target = rng.randrange(10**6)
        yield now_s, rng.choice(sizes), 0, target, rng.randrange(3)


def statistics(packets: Iterator[Packet], n_rows: int) -> list[list[float]]:
    """One row of 85 features a packet, in the column order of `feature_names`."""
    source = [[Damped(decay) for decay in DECAYS] for _ in range(2)]
    channels: dict[int, list[Pair]] = defaultdict(lambda: [Pair(decay) for decay in DECAYS])
    sockets: dict[tuple[int, int], list[Pair]] = defaultdict(lambda: [Pair(decay) for decay in DECAYS])
    rows = []
    for _, (now_s, size, direction, peer, port) in zip(range(n_rows), packets, strict=False):
        row = [value for stream in source[direction] for value in stream.update(size, now_s)]
        for table in (channels[peer], sockets[peer, port]):
            row += [value for pair in table for value in pair.update(direction, size, now_s)]
        rows.append(row)
    return rows


def feature_names() -> list[str]:
    """The 85 columns, named as in N-BaIoT."""
    single, paired = (
        ("weight", "mean", "variance"),
        ("weight", "mean", "std", "magnitude", "radius", "covariance", "pcc"),
    )
    names = [f"MI_dir_{window}_{value}" for window in WINDOWS for value in single]
    return names + [f"{kind}_{window}_{value}" for kind in ("HH", "HpHp") for window in WINDOWS for value in paired]


def write_sample(folder: Path, seed: int = 0, benign_rows: int = 400, attack_rows: int = 60) -> None:
    """Write one `<device>.csv.gz` a role, and NOTICE.txt; the same seed writes the same values."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "NOTICE.txt").write_text(NOTICE)
    for number, role in enumerate(ROLES):
        rng = Random(seed * 1000 + number)  # noqa: S311 - simulated traffic, not secrets
        attacks = [name for name in ATTACKS if role.has_mirai or not name.startswith("mirai")]
        parts = [("benign", statistics(benign_packets(role, rng), benign_rows))]
        parts += [(name, statistics(attack_packets(name, rng), attack_rows)) for name in attacks]
        with gzip.open(folder / f"{role.name}.csv.gz", "wt", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["split", "label", "family", "attack", *feature_names()])
            for attack, rows in parts:
                for row in rows:
                    head = [
                        "test" if rng.random() < 0.3 else "train",
                        int(attack != "benign"),
                        attack.split("_")[0],
                        attack,
                    ]
                    writer.writerow(head + [f"{value:.7g}" for value in row])


if __name__ == "__main__":
    write_sample(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("sample"))
