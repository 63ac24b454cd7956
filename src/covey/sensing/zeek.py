"""Zeek's conn.log: tab-separated with its header lines, or JSON lines; labelled or not.

Tab-separated logs say their columns in `#fields`. IoT-23's labelled logs put three spaces instead of a tab before the
last columns, `label` and `detailed-label`, in the header and in the rows: both ways are read. Lines may end with CR LF.
A last line that is cut off, without its end, is left out and counted.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from covey.errors import Code, SourceError, did_you_mean
from covey.sensing.incoming import Incoming
from covey.sensing.times import NS, parse_time

NEEDED = ("ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto")
READ = (
    *NEEDED,
    "service",
    "duration",
    "orig_bytes",
    "resp_bytes",
    "conn_state",
    "missed_bytes",
    "history",
    "orig_pkts",
    "orig_ip_bytes",
    "resp_pkts",
    "resp_ip_bytes",
    "label",
    "detailed-label",
)
LABEL = "label"
_SPACES = re.compile(r" {2,}")
_ESCAPED = re.compile(r"\\x([0-9A-Fa-f]{2})")
LONGEST_S = 10.0**9


@dataclass(frozen=True, slots=True)
class Connection:
    """A line of the log; numbers that the log leaves open are 0, texts empty."""

    line: int
    start_ns: int
    duration_ns: int
    orig: str  # addresses as text
    orig_port: int
    resp: str
    resp_port: int
    protocol: str
    service: str
    state: str
    history: str
    orig_bytes: int
    resp_bytes: int
    missed_bytes: int
    orig_packets: int
    orig_ip_bytes: int
    resp_packets: int
    resp_ip_bytes: int
    label: str  # Benign, Malicious or the like; empty where the log has no labels
    detail: str  # of which kind, where the log says so


def is_zeek_tsv(line: bytes) -> bool:
    """Whether a file whose first line this is, is a tab-separated log of Zeek's."""
    return line.startswith((b"#separator", b"#fields\t", b"#path\t"))


def is_zeek_json(line: bytes) -> bool:
    """Whether a file whose first line this is, is a conn.log in JSON."""
    return line.startswith(b"{") and b'"id.orig_h"' in line and b'"id.resp_h"' in line


class ConnectionLog:
    """The connections of a log. `has_labels` is known once the first line was read; `cut_off` at the end."""

    def __init__(self, incoming: Incoming) -> None:
        """`incoming` begins as `is_zeek_tsv` or `is_zeek_json` say."""
        self.has_labels = False
        self.cut_off = 0
        self._incoming = incoming
        self._separator = "\t"
        self._unset, self._empty = "-", "(empty)"
        self._fields: tuple[str, ...] = ()
        self._is_spaced = False

    def connections(self) -> Iterator[Connection | None]:
        """All of them, in the order of the log; None where there is nothing new for now."""
        for number, line in self._incoming.lines():
            if number == 0:
                yield None
            elif line.startswith("#"):
                self._take_header(line, number)
            elif line.strip():
                values = self._values(line, number)
                if values is not None:
                    yield self._connection(values, number)

    def _take_header(self, line: str, number: int) -> None:
        if line.startswith("#separator"):
            given = line.removeprefix("#separator").strip(" ")
            self._separator = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), given) or "\t"
            return
        key, *rest = line.split(self._separator)
        if key == "#unset_field" and rest:
            self._unset = rest[0]
        elif key == "#empty_field" and rest:
            self._empty = rest[0]
        elif key == "#path" and rest and rest[0] != "conn":
            raise self._fault(Code.SOURCE_UNKNOWN, number, f"is Zeek's {rest[0]}.log", "only conn.log is read")
        elif key == "#fields" and rest:
            self._is_spaced = bool(_SPACES.search(rest[-1]))
            self._fields = (*rest[:-1], *_SPACES.split(rest[-1]))
            self._check_fields(number)

    def _check_fields(self, number: int) -> None:
        for name in NEEDED:
            if name not in self._fields:
                near = did_you_mean(name, self._fields)
                hint = f"did you mean {near!r}?" if near else None
                raise self._fault(Code.SOURCE_COLUMN, number, f"there is no field {name!r}", hint)
        if len(set(self._fields)) != len(self._fields):
            raise self._fault(Code.SOURCE_COLUMN, number, "a field stands twice")
        self.has_labels = LABEL in self._fields

    def _values(self, line: str, number: int) -> dict[str, str] | None:
        """The fields of a line as text, those that are unset left out; None for one that is cut off."""
        if line.startswith("{"):
            return self._json(line, number)
        if not self._fields:
            raise self._fault(Code.SOURCE_COLUMN, number, "there is no #fields line before the first connection")
        parts = line.split(self._separator)
        if self._is_spaced:
            parts[-1:] = _SPACES.split(parts[-1])
        if len(parts) != len(self._fields):
            if self._incoming.is_unended:
                self.cut_off += 1
                return None
            raise self._fault(
                Code.SOURCE_LINE, number, f"has {len(parts)} fields, where the header names {len(self._fields)}"
            )
        unset = (self._unset, self._empty)
        return {name: part for name, part in zip(self._fields, parts, strict=True) if part not in unset}

    def _json(self, line: str, number: int) -> dict[str, str] | None:
        try:
            value = json.loads(line, parse_float=str, parse_int=str)
        except (ValueError, RecursionError) as error:
            if self._incoming.is_unended:
                self.cut_off += 1
                return None
            raise self._fault(Code.SOURCE_LINE, number, "is not JSON") from error
        if not isinstance(value, dict):
            raise self._fault(Code.SOURCE_LINE, number, "is no JSON object")
        for name in NEEDED:
            if name not in value:
                raise self._fault(Code.SOURCE_COLUMN, number, f"there is no field {name!r}")
        self.has_labels = self.has_labels or LABEL in value
        return {name: value[name] for name in READ if isinstance(value.get(name), str)}

    def _connection(self, values: dict[str, str], number: int) -> Connection:
        start_ns = parse_time(values.get("ts", ""))
        if start_ns is None:
            raise self._fault(Code.SOURCE_TIME, number, f"ts is {values.get('ts')!r}, which is no time")
        return Connection(
            line=number,
            start_ns=start_ns,
            duration_ns=self._duration_ns(values, number),
            orig=values.get("id.orig_h", ""),
            orig_port=self._count(values, "id.orig_p", number, 0xFFFF),
            resp=values.get("id.resp_h", ""),
            resp_port=self._count(values, "id.resp_p", number, 0xFFFF),
            protocol=values.get("proto", ""),
            service=values.get("service", ""),
            state=values.get("conn_state", ""),
            history=values.get("history", ""),
            orig_bytes=self._count(values, "orig_bytes", number),
            resp_bytes=self._count(values, "resp_bytes", number),
            missed_bytes=self._count(values, "missed_bytes", number),
            orig_packets=self._count(values, "orig_pkts", number),
            orig_ip_bytes=self._count(values, "orig_ip_bytes", number),
            resp_packets=self._count(values, "resp_pkts", number),
            resp_ip_bytes=self._count(values, "resp_ip_bytes", number),
            label=values.get(LABEL, ""),
            detail=values.get("detailed-label", ""),
        )

    def _duration_ns(self, values: dict[str, str], number: int) -> int:
        text = values.get("duration", "0")
        try:
            duration = float(text)
        except ValueError:
            duration = -1.0
        if not 0 <= duration <= LONGEST_S:
            raise self._fault(Code.SOURCE_VALUE, number, f"duration is {text!r}, which is no number of seconds")
        return round(duration * NS)

    def _count(self, values: dict[str, str], name: str, number: int, most: int = (1 << 63) - 1) -> int:
        text = values.get(name, "0")
        if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= most):
            raise self._fault(Code.SOURCE_VALUE, number, f"{name} is {text!r}, which is no whole number up to {most}")
        return int(text)

    def _fault(self, code: Code, number: int, what: str, hint: str | None = None) -> SourceError:
        return self._incoming.fault(code, number, what, hint)
