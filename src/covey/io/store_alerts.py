"""Alerts of a local store, on the side of whoever detects: written as they are raised, followed once judged."""

import sqlite3
from dataclasses import dataclass

from covey.io.store_writer import Writer
from covey.sensing.store import Pool


@dataclass(frozen=True, slots=True)
class Alert:
    """What an operator may judge. kind: alerts of one kind share a quota; text: for the operator's eyes."""

    id: str
    kind: str
    start_ns: int
    end_ns: int
    score: float
    threshold: float
    text: str


LONGEST_TEXT = 200
PUT = "INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET end_ns = excluded.end_ns"
#: Of the alerts of a kind the one to forget: one that nobody judged, then the oldest.
FORGET = (
    "DELETE FROM alerts WHERE id = (SELECT id FROM alerts WHERE kind = ? ORDER BY"
    " id IN (SELECT alert FROM labels WHERE alert IS NOT NULL), taken_ns LIMIT 1)"
)
JUDGED = (
    "SELECT place, label FROM rows JOIN (SELECT alert, label, max(number) FROM labels WHERE alert IS NOT NULL"
    " GROUP BY alert) USING (alert) WHERE pool = ? ORDER BY place LIMIT ?"
)


def add_alert(database: sqlite3.Connection, writer: Writer, most: int, made: tuple[Alert, int, int]) -> None:
    """Let an alert be written, made with a model's sequence at a time of the host's clock.

    Where there are as many as may be, one of the commonest kind gives way. sqlite3.Error where that cannot be told.
    """
    alert, sequence, now_ns = made
    held = dict(database.execute("SELECT kind, count(*) FROM alerts GROUP BY kind").fetchall())
    if sum(held.values()) >= most:
        held[alert.kind] = held.get(alert.kind, 0) + 1
        writer.add(FORGET, max(held, key=lambda name: held[name]))
    cells = (alert.id, alert.kind, alert.start_ns, alert.end_ns, alert.score, alert.threshold, sequence, now_ns)
    writer.add(PUT, *cells, alert.text[:LONGEST_TEXT])


def judged_rows(database: sqlite3.Connection, most: int) -> list[tuple[int, str]]:
    """Places of rows whose alert has been judged and that do not have a place among the judged yet, with the label."""
    return database.execute(JUDGED, (int(Pool.UNUSUAL), most)).fetchall()


def move_row(writer: Writer, place: int, target: int, label: str) -> None:
    """Give a row the place `target`, over what is there, among the judged rows of `label`."""
    writer.add("DELETE FROM rows WHERE place = ?", target)
    writer.add("UPDATE rows SET place = ?, pool = ?, share = ? WHERE place = ?", target, int(Pool.JUDGED), label, place)


def forget_old(database: sqlite3.Connection, writer: Writer, before_ns: int) -> set[int]:
    """Let alerts, labels and doubts of before that time be deleted; the places of rare rows that are as old.

    sqlite3.Error where they cannot be found. Usual rows go by strata.
    """
    for table, column in (("alerts", "taken_ns"), ("labels", "made_ns"), ("spans", "made_ns")):
        if database.execute(f"SELECT 1 FROM {table} WHERE {column} < ? LIMIT 1", (before_ns,)).fetchone():  # noqa: S608
            writer.add(f"DELETE FROM {table} WHERE {column} < ?", before_ns)  # noqa: S608 (names are ours)
    found = database.execute("SELECT place FROM rows WHERE pool > 0 AND taken_ns < ?", (before_ns,))
    return {place for (place,) in found}
