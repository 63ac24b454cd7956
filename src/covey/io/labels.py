"""What an operator says of alerts and of stretches of time: one row each in the local store, so easily taken back.

The latest label that fits a row counts. A label on a span may be for one peer only: an address that is the source
or the destination of the row's packet.
"""

import ipaddress
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from covey.errors import Code, EnvironmentFault, did_you_mean
from covey.io.store_file import connect, store_error
from covey.io.store_state import read_meta
from covey.sensing.store import ATTACK, BENIGN

#: Labels of spans; each is looked at for every row.
MOST_SPANS = 500
_KIND = 67  # of `covey_packet`: where its kind stands
_IPV6 = 3
_ADDRESSES = (slice(16, 32), slice(32, 48))


@dataclass(frozen=True, slots=True)
class Span:
    """A label on a stretch of time, both ends included; peer: as in `peer_bytes`, None for all."""

    number: int
    label: str
    since_ns: int
    until_ns: int
    peer: bytes | None

    def fits(self, time_ns: int, packet: bytes) -> bool:
        """Whether it is about a row of this time and `covey_packet`."""
        if not self.since_ns <= time_ns <= self.until_ns:
            return False
        if self.peer is None:
            return True
        family = b"6" if packet[_KIND] == _IPV6 else b"4"
        return any(self.peer == family + packet[place] for place in _ADDRESSES)


@dataclass(frozen=True, slots=True)
class Labels:
    """All labels of a store."""

    alerts: dict[str, tuple[int, str]]  # by alert: number and label
    spans: list[Span]  # the latest first

    @classmethod
    def read(cls, database: sqlite3.Connection) -> "Labels":
        """From the file; sqlite3.Error where it cannot be read."""
        alerts: dict[str, tuple[int, str]] = {}
        spans: list[Span] = []
        for number, label, alert, since_ns, until_ns, peer in database.execute(
            "SELECT number, label, alert, since_ns, until_ns, peer FROM labels ORDER BY number"
        ):
            if alert is None:
                spans.insert(0, Span(number, label, since_ns, until_ns, peer))
            else:
                alerts[alert] = (number, label)
        return cls(alerts, spans)

    def of(self, alert: str | None, time_ns: int, packet: bytes) -> str | None:
        """The label that counts for a row, if any."""
        number, label = self.alerts.get(alert, (0, None)) if alert is not None else (0, None)
        for span in self.spans:
            if span.number < number:
                break
            if span.fits(time_ns, packet):
                return span.label
        return label


@dataclass(frozen=True, slots=True)
class AlertEntry:
    """An alert as an operator sees it; label: what it was said to be, if anything."""

    id: str
    kind: str
    start_ns: int
    end_ns: int
    score: float
    threshold: float
    text: str
    rows: int
    label: str | None


class LabelBook:
    """A store opened by an operator: alerts to read, labels to write. Rows' features are not looked at."""

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        self.folder = folder
        self._database = database

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> "Iterator[LabelBook]":
        """The store in `folder`, while detection may go on; OutputError where it cannot be used."""
        with closing(connect(folder, None, create=False)) as database:
            try:
                yield cls(folder, database)
            except sqlite3.Error as error:
                raise store_error(folder, error) from error

    def names(self) -> tuple[str, ...]:
        """What may be answered."""
        classes = json.loads(read_meta(self._database).get("classes", "[]"))
        return tuple(dict.fromkeys((BENIGN, ATTACK, *classes)))

    def alerts(self, *, waiting: bool) -> list[AlertEntry]:
        """Alerts in the order of their time; those `waiting` for a label, or all."""
        given = Labels.read(self._database).alerts
        found = self._database.execute(
            "SELECT id, kind, start_ns, end_ns, score, threshold, text,"
            " (SELECT count(*) FROM rows WHERE alert = id) FROM alerts ORDER BY start_ns, id"
        )
        entries = [
            AlertEntry(name, kind, start_ns, end_ns, score, threshold, text, rows, given.get(name, (0, None))[1])
            for name, kind, start_ns, end_ns, score, threshold, text, rows in found
        ]
        return [entry for entry in entries if not waiting or entry.label is None]

    def judge(self, alert: str, label: str, now_ns: int) -> None:
        """Answer one alert; EnvironmentFault for a label or an alert that there is not."""
        self._check(label)
        known = [name for (name,) in self._database.execute("SELECT id FROM alerts")]
        if alert not in known:
            near = did_you_mean(alert, known)
            raise EnvironmentFault(
                Code.LABEL_UNKNOWN_ALERT,
                f"there is no alert {alert} in {self.folder}",
                f"did you mean {near}?" if near else f"`covey label {self.folder} --list` lists the alerts",
            )
        self._write("INSERT INTO labels (made_ns, label, alert) VALUES (?, ?, ?)", (now_ns, label, alert))

    def judge_span(self, label: str, since_ns: int, until_ns: int, peer: bytes | None, now_ns: int) -> int:
        """Answer for all rows of a stretch of time, now and later; how many there are now.

        EnvironmentFault where there are none, or too many such labels.
        """
        self._check(label)
        span = Span(0, label, since_ns, until_ns, peer)
        found = self._database.execute(
            "SELECT time_ns, packet FROM rows WHERE time_ns BETWEEN ? AND ?", (since_ns, until_ns)
        )
        n = sum(span.fits(time_ns, packet) for time_ns, packet in found)
        if n == 0:
            raise EnvironmentFault(Code.LABEL_NOTHING, f"no row in {self.folder} is of that time and peer")
        (spans,) = self._database.execute("SELECT count(*) FROM labels WHERE alert IS NULL").fetchone()
        if spans >= MOST_SPANS:
            hint = "take some back with --undo, or label single alerts"
            raise EnvironmentFault(Code.LABEL_NOTHING, f"there are {spans} labels on stretches of time already", hint)
        sql = "INSERT INTO labels (made_ns, label, since_ns, until_ns, peer) VALUES (?, ?, ?, ?, ?)"
        self._write(sql, (now_ns, label, since_ns, until_ns, peer))
        return n

    def undo(self) -> str:
        """Take the latest label back; what it said. EnvironmentFault where there is none."""
        last = self._database.execute("SELECT number, label, alert FROM labels ORDER BY number DESC").fetchone()
        if last is None:
            raise EnvironmentFault(Code.LABEL_NOTHING, f"there is no label in {self.folder} to take back")
        number, label, alert = last
        self._write("DELETE FROM labels WHERE number = ?", (number,))
        return f"{label} for {f'alert {alert}' if alert else 'a stretch of time'}"

    def _check(self, label: str) -> None:
        allowed = self.names()
        if label not in allowed:
            near = did_you_mean(label, allowed)
            hint = f"did you mean {near}?" if near else f"it may be: {', '.join(allowed)}"
            raise EnvironmentFault(Code.LABEL_NAME, f"{label!r} is no label that this store's model knows", hint)

    def _write(self, sql: str, cells: tuple[int | str | bytes | None, ...]) -> None:
        """One statement as one transaction. Detection keeps the log short, and leaves room for this."""
        self._database.execute(sql, cells)


def peer_bytes(address: str) -> bytes:
    """An address as spans hold it: its family, then 16 bytes as in `covey_packet`; ValueError for none."""
    found = ipaddress.ip_address(address)
    return (b"%d" % found.version) + found.packed.ljust(16, b"\0")
