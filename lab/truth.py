"""The tables: which packets of which capture belong to an attack, which sessions there are, and checksums.

Times of a row are those of the first and last matching packet in that role's capture. A packet belongs to a row's
attack if its time lies within, one of its ends (ARP: sender or target address) is in `peer`, and protocol and port,
where given, agree. Programs leave echoes (resets, retries): matching packets up to `ECHO_S` after their end count.
"""

from __future__ import annotations

import csv
import hashlib
import ipaddress
import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from capture import Ends, ends, read_frames, trim
from topology import HOSTILE_NET, ROLES

ECHO_S = 25.0


@dataclass(frozen=True, slots=True)
class Row:
    """One attack window of one role."""

    session: str
    role: str
    attack: str
    family: str
    program: str
    direction: str
    start_ns: int
    end_ns: int
    peer: str
    protocol: str
    port: str


@dataclass(frozen=True, slots=True)
class Session:
    """A line of sessions.csv; start is ISO 8601 in UTC."""

    session: str
    split: str
    seed: int
    start: str
    duration_s: int


def matches(who: Ends, peer: str, protocol: str, port: str) -> bool:
    """Return whether a packet's ends agree with a row's peer, protocol and port."""
    if protocol and who.protocol != protocol:
        return False
    if port and int(port) not in (who.source_port, who.destination_port):
        return False
    if "/" not in peer:
        return peer in (who.source, who.destination)
    net = ipaddress.ip_network(peer)
    return any(ipaddress.ip_address(end) in net for end in (who.source, who.destination))


def _facts_for(role: str, facts: Iterable[dict[str, str]], addresses: dict[str, str]) -> list[dict[str, str]]:
    """Return the attacks a role takes part in, seen from its side."""
    mine = []
    for fact in facts:
        if fact["role"] == role:
            mine.append(fact)
        elif fact["other"] == role:
            mine.append(fact | {"role": role, "direction": "against", "peer": addresses[fact["role"]]})
    return mine


def derive(session: str, raw: Path, captures: Path, addresses: dict[str, str]) -> tuple[list[Row], list[str]]:
    """Return a session's rows and what is wrong: attacks without packets, hostile packets outside of every window."""
    lines = (raw / "attacks.jsonl").read_text().splitlines() if (raw / "attacks.jsonl").exists() else []
    facts = [json.loads(line) for line in lines]
    rows, wrong = [], []
    for role in ROLES:
        seen = [
            (frame.time_ns, who) for frame in read_frames(captures / f"{role}.pcap.gz") if (who := ends(frame.data))
        ]
        mine = []
        for fact in _facts_for(role, facts, addresses):
            first_ns, last_ns = int(fact["from_ns"]), int(fact["to_ns"]) + int(ECHO_S * 1e9)
            times = [
                time
                for time, who in seen
                if first_ns <= time <= last_ns and matches(who, fact["peer"], fact["protocol"], fact["port"])
            ]
            if not times:
                wrong.append(f"{session}/{role}: {fact['kind']} left no packets (status {fact['status']})")
                continue
            where = (fact["peer"], fact["protocol"], fact["port"])
            what = (fact["kind"], fact["family"], fact["program"], fact["direction"])
            mine.append(Row(session, role, *what, min(times), max(times), *where))
        strays = [
            when
            for when, who in seen
            if _hostile(who, addresses) and not any(r.start_ns <= when <= r.end_ns for r in mine)
        ]
        if strays:
            wrong.append(f"{session}/{role}: {len(strays)} packets of hostile addresses outside of the windows")
        rows += sorted(mine, key=lambda row: row.start_ns)
    return rows, wrong


def _hostile(who: Ends, addresses: dict[str, str]) -> bool:
    parties = (who.source, who.destination)
    near = addresses["attacker"] in parties and who.protocol != "arp"
    return near or any(end.startswith((HOSTILE_NET + ".", "192.0.2.")) for end in parties)


def cut(session: str, raw: Path, captures: Path, macs: dict[str, str]) -> dict[str, int]:
    """Cut a session's captures to headers; return packets by role."""
    return {role: trim(raw / f"{role}.pcap", captures / session / f"{role}.pcap.gz", macs[role]) for role in ROLES}


def write_table(path: Path, rows: Iterable[Row] | Iterable[Session], kind: type[Row | Session]) -> None:
    """Write rows as CSV with a header."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column.name for column in fields(kind)])
        writer.writerows(astuple(row) for row in rows)


def write_checksums(captures: Path) -> None:
    """Write SHA256SUMS over all captures, as sha256sum does."""
    files = sorted(captures.glob("*/*.pcap.gz"))
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(captures).as_posix()}\n" for path in files
    ]
    (captures / "SHA256SUMS").write_text("".join(lines))
