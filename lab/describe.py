"""Count what the captures hold, as the tables of README.md: `python lab/describe.py` prints them."""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from capture import ends, read_frames
from topology import ROLES
from truth import Row, Session, matches

HERE = Path(__file__).resolve().parent


@dataclass(slots=True)
class Counts:
    """What was counted: packets, wire bytes, seconds, windows and their packets, each by its key."""

    packets: Counter[tuple[str, str]] = field(default_factory=Counter)
    wire_bytes: Counter[str] = field(default_factory=Counter)
    seconds: Counter[tuple[str, str]] = field(default_factory=Counter)
    attack_seconds: Counter[tuple[str, str]] = field(default_factory=Counter)
    windows: Counter[tuple[str, str]] = field(default_factory=Counter)
    attack_packets: defaultdict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    attack_total: Counter[str] = field(default_factory=Counter)


def read_truth(path: Path) -> list[Row]:
    """Read truth.csv."""
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    times = [(int(line.pop("start_ns")), int(line.pop("end_ns"))) for line in lines]
    return [Row(**line, start_ns=start, end_ns=end) for (start, end), line in zip(times, lines, strict=True)]


def read_sessions(path: Path) -> list[Session]:
    """Read sessions.csv."""
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    numbers = [(int(line.pop("seed")), int(line.pop("duration_s"))) for line in lines]
    return [Session(**line, seed=seed, duration_s=lasts) for (seed, lasts), line in zip(numbers, lines, strict=True)]


def count(root: Path) -> Counts:
    """Count over all captures under a folder with truth.csv, sessions.csv and captures/."""
    rows, counts = read_truth(root / "truth.csv"), Counts()
    for session in read_sessions(root / "sessions.csv"):
        for role in ROLES:
            mine = [row for row in rows if (row.session, row.role) == (session.session, role)]
            _count_capture(root / "captures" / session.session / f"{role}.pcap.gz", session.split, role, mine, counts)
    return counts


def _count_capture(path: Path, split: str, role: str, rows: list[Row], counts: Counts) -> None:
    starts, found, first_ns, last_ns = [row.start_ns for row in rows], [0] * len(rows), 0, 0
    for frame in read_frames(path):
        first_ns, last_ns = first_ns or frame.time_ns, frame.time_ns
        counts.packets[role, split] += 1
        counts.wire_bytes[role] += frame.wire_length
        at = bisect_right(starts, frame.time_ns) - 1
        if at < 0 or frame.time_ns > rows[at].end_ns:
            continue
        who = ends(frame.data)
        if who and matches(who, rows[at].peer, rows[at].protocol, rows[at].port):
            found[at] += 1
    counts.seconds[role, split] += round((last_ns - first_ns) / 1e9)
    for row, packets in zip(rows, found, strict=True):
        counts.windows[role, split] += 1
        counts.attack_seconds[role, split] += round((row.end_ns - row.start_ns) / 1e9)
        counts.attack_total[role] += packets
        counts.attack_packets[row.attack, f"{split} {row.direction}"].append(packets)


def tables(root: Path) -> str:
    """Return the two tables of the datasheet in Markdown."""
    counts, rows = count(root), read_truth(root / "truth.csv")
    lines = [
        "| role | packets | of attacks | MB on the wire | minutes train + test | attack windows train + test |",
        "|---|---|---|---|---|---|",
    ]
    for role in ROLES:
        packets = counts.packets[role, "train"] + counts.packets[role, "test"]
        minutes = " + ".join(f"{counts.seconds[role, split] / 60:.0f}" for split in ("train", "test"))
        windows = " + ".join(str(counts.windows[role, split]) for split in ("train", "test"))
        megabytes = counts.wire_bytes[role] / 1e6
        lines.append(
            f"| {role} | {packets:,} | {counts.attack_total[role]:,} | {megabytes:.1f} | {minutes} | {windows} |"
        )
    total, attacks = sum(counts.packets.values()), sum(counts.attack_total.values())
    size = sum(counts.wire_bytes.values()) / 1e6
    hours = " + ".join(
        str(round(sum(counts.seconds[role, split] for role in ROLES) / 60)) for split in ("train", "test")
    )
    both = " + ".join(str(sum(counts.windows[role, split] for role in ROLES)) for split in ("train", "test"))
    lines.append(f"| together | {total:,} | {attacks:,} | {size:.1f} | {hours} | {both} |")
    lines += ["", *_attack_table(counts, rows)]
    return "\n".join(lines) + "\n"


def _attack_table(counts: Counts, rows: list[Row]) -> list[str]:
    lines = [
        "| attack | family | program | windows against: train + test | windows from: train + test | packets a window |",
        "|---|---|---|---|---|---|",
    ]
    kinds = {(row.family, row.attack, row.program) for row in rows}
    for family, kind, program in sorted(kinds):
        cells, packets = [], []
        for direction in ("against", "from"):
            found = [counts.attack_packets[kind, f"{split} {direction}"] for split in ("train", "test")]
            cells.append(" + ".join(str(len(each)) for each in found))
            packets += [number for each in found for number in each]
        lines.append(f"| {kind} | {family} | {program} | {' | '.join(cells)} | {min(packets):,} to {max(packets):,} |")
    return lines


if __name__ == "__main__":
    print(tables(HERE), end="")
