"""The local store of a device: a bounded sample of its own rows, its alerts, and what an operator said of them.

The rules are `covey.sensing.store` and `covey.sensing.sampling`; the file is `store_file`. Whoever detects writes here
and never reads rows back: only training does, through `covey.io.training_rows`. No trouble with the disk reaches the
caller as an exception once the store is open: `fault` says what is wrong, rows are counted as dropped, and the store
tries again later.
"""

import os
import sqlite3
from array import array
from pathlib import Path
from typing import TYPE_CHECKING

from covey.errors import Code, OutputError
from covey.io.offered import Berth, OfferedBlock, StoreCounts
from covey.io.store_alerts import Alert, add_alert, forget_old, judged_rows, move_row
from covey.io.store_file import connect, lock, store_error
from covey.io.store_state import Rules, State, read_state, state_statements
from covey.io.store_trouble import Trouble
from covey.io.store_writer import Writer
from covey.sensing.sampling import Places
from covey.sensing.store import NANOSECONDS, Pool, Quotas, StoreLimits, StoreSchema, WindowLike, far_below

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: How long rows may wait in memory: what power loss can cost.
COMMIT_EVERY_NS = 5 * NANOSECONDS
ALERTS_EVERY_NS, AGE_EVERY_NS = NANOSECONDS, 60 * NANOSECONDS
#: Rows above the threshold that are looked at in one block: a flood must not cost more than detection itself.
MOST_UNUSUAL = 32
LONGEST_KIND = 64
QUIET = ""  # the kind of rows that are near the threshold or above it while there is no alert
UNNAMED = "alarm"
SHARE_COLUMN, ALERT_COLUMN = 2, 10


class LocalStore:
    """One device's store; made by `open`."""

    def __init__(self, folder: Path, schema: StoreSchema, limits: StoreLimits, database: sqlite3.Connection) -> None:
        self.folder = folder
        self.schema = schema
        self.limits = limits
        self.counts = StoreCounts()
        self._trouble = Trouble(folder)
        self._database = database
        self._quotas = Quotas.of(limits, schema)
        self._writer = Writer(database, folder, limits, self._quotas)
        self._lock = -1
        self._sequence = 0
        self._alert: tuple[str, str] | None = None  # id and kind of the alarm that goes on
        self._recent: list[tuple[int, int]] = []  # (time_ns, place) of unusual rows without an alert
        self._top: tuple[bytes, bytes, int, float, float] | None = None  # of the last window
        self._now_ns = self._committed_ns = self._written_ns = self._aged_ns = 0
        self._version = -1  # of the database, as others change it
        self._state: State
        self._places: Places

    @classmethod
    def open(
        cls,
        folder: Path,
        schema: StoreSchema,
        limits: StoreLimits | None = None,
        *,
        now_ns: int,
        seed: int | None = None,
    ) -> "LocalStore":
        """Open the store in `folder`, or make one; OutputError where it cannot be used.

        now_ns: the host's clock, nanoseconds since 1970. seed: of the sampling, for a new store; None: nobody knows it.
        """
        limits = limits or StoreLimits()
        try:
            Quotas.of(limits, schema)
        except ValueError as error:
            raise OutputError(
                Code.STORE_TOO_SMALL, f"the local store is too small: {error}", None, str(folder)
            ) from error
        database = connect(folder, limits, create=True)
        store = cls(folder, schema, limits, database)
        try:
            store._lock = lock(folder)
            store._begin(now_ns, int.from_bytes(os.urandom(8), "little") if seed is None else seed)
        except (sqlite3.Error, OutputError) as error:
            store._shut()
            raise (error if isinstance(error, OutputError) else store_error(folder, error)) from error
        return store

    @property
    def fault(self) -> OutputError | None:
        """What is wrong with the store at the moment, if anything is."""
        return self._trouble.fault

    def use_model(self, sequence: int) -> None:
        """Rows are scored by this version of the model from now on."""
        self._sequence = sequence

    def offer(
        self,
        packets: "ReadableBuffer",
        rows: "ReadableBuffer",
        scores: "ReadableBuffer",
        n: int,
        threshold: float | None,
    ) -> None:
        """A block's rows (n, features) float32 with their packets (n * 72 bytes) and scores (n) float32.

        Before the windows that they end. threshold: of windows, now; None while there is none.
        """
        self.counts.offered += n
        values = array("f", memoryview(scores).cast("B")[: 4 * n].tobytes())
        block = OfferedBlock(memoryview(packets).cast("B"), memoryview(rows).cast("B"), values, threshold)
        far = None if threshold is None else far_below(threshold, self.limits.far)
        calm: range | list[int] = range(n)
        if far is not None and n and max(block.scores) > far:
            calm = [row for row in range(n) if block.scores[row] <= far]
            unusual = [row for row in range(n) if block.scores[row] > far]
            self._offer_unusual(block, unusual[:: max(1, len(unusual) // MOST_UNUSUAL)])
        self._offer_calm(block, calm)

    def window(self, window: WindowLike, top_row: bytes = b"") -> None:
        """A window that ended, in order, with its highest row's features."""
        far = far_below(window.threshold, self.limits.far)
        is_calm = window.score <= far and window.alarm == 0
        if self._state.doubt.window(window.start_ns, window.end_ns, is_calm=is_calm):
            self._state.spans_changed = True
        self._top = (bytes(window.top), bytes(top_row), window.start_ns, window.top_score, window.threshold)
        if self._alert is not None:
            if window.alarm in {2, 4}:
                self._keep_top(*self._alert)
            if window.alarm in {0, 3}:
                if self._has_room(1):
                    self._writer.add("UPDATE alerts SET end_ns = ? WHERE id = ?", window.end_ns, self._alert[0])
                self._alert = None
        self._recent = [(time_ns, place) for time_ns, place in self._recent if time_ns >= window.start_ns]

    def alert(self, alert_id: str, window: WindowLike, kind: str, text: str) -> None:
        """An alarm was raised with the window that just ended; what an operator may judge. On the disk at once."""
        kind = kind[:LONGEST_KIND] or UNNAMED
        self._alert = (alert_id, kind)
        if not self._has_room(2):
            self.counts.dropped += 1
            return
        self.counts.alerts += 1
        alert = Alert(alert_id, kind, window.start_ns, window.end_ns, window.score, window.threshold, text)
        try:
            add_alert(self._database, self._writer, self._quotas.alerts, (alert, self._sequence, self._now_ns))
        except sqlite3.Error as error:
            self._trouble.note(error, self._now_ns)
        mine = [place for time_ns, place in self._recent if time_ns >= window.start_ns]
        self._adopt(mine, alert_id, kind)
        self._keep_top(alert_id, kind)
        if self._now_ns - self._committed_ns >= ALERTS_EVERY_NS or self._committed_ns == 0:
            self._commit()

    def tick(self, now_ns: int) -> None:
        """About once a second: write what is due, look for labels, forget what is too old."""
        self._now_ns = now_ns
        if self._trouble.is_resting(now_ns):
            return
        try:
            self._drop(self._state.strata.turn(self._now_ns))
            if not 0 <= now_ns - self._aged_ns < AGE_EVERY_NS:
                self._forget_old()
            self._take_labels()
            self._writer.shorten_log()
        except sqlite3.Error as error:
            self._trouble.note(error, self._now_ns)
            return
        if self.fault is not None or not 0 <= now_ns - self._committed_ns < COMMIT_EVERY_NS:
            self._commit()

    def close(self) -> None:
        """Write what waits and close; the store may be opened again."""
        self._commit()
        self._shut()

    # -- rows

    def _offer_calm(self, block: "OfferedBlock", calm: "range | list[int]") -> None:
        """Usual rows go through the reservoir, as many at a time as one transaction may write."""
        begin = 0
        while begin < len(calm):
            if self._writer.room <= 0 and not self._commit():
                self.counts.dropped += len(calm) - begin
                return
            part = calm[begin : begin + self._writer.room]
            for number, slot, place in self._state.strata.take(len(part), self._places):
                stratum = str(self._state.strata.live[-1].number)
                self._put(place, Berth(Pool.CALM, stratum, slot), block, part[number])
            begin += len(part)

    def _offer_unusual(self, block: "OfferedBlock", rows: list[int]) -> None:
        alert, kind = self._alert or (None, QUIET)
        kinds = self._state.unusual
        for row in rows:
            if self._writer.room <= 0 and not self._commit():
                self.counts.dropped += 1
                continue
            place = kinds.take(kind, self._places)
            if place is None:
                continue
            self._put(place, Berth(Pool.UNUSUAL, kinds.group_of(kind), 0, alert), block, row)
            if alert is None:
                self._recent.append((block.time_ns(row), place))
        del self._recent[: -4 * MOST_UNUSUAL]

    def _put(self, place: int, berth: "Berth", block: "OfferedBlock", row: int) -> None:
        self.counts.kept += 1
        self._writer.put(
            place,
            (
                int(berth.pool),
                berth.share,
                berth.slot,
                self._now_ns,
                block.time_ns(row),
                self._state.doubt.windows,
                block.scores[row],
                block.threshold,
                self._sequence,
                berth.alert,
                block.packet(row),
                block.features(row, self.schema.row_bytes),
            ),
        )

    def _adopt(self, places: list[int], alert: str, kind: str) -> None:
        """Rows of the window with which an alarm began belong to it, as far as they are still there."""
        quiet = self._state.unusual.groups.get(QUIET)
        mine = [place for place in places if quiet and place in quiet.places]
        if not mine:
            return
        group = self._state.unusual.move(QUIET, kind, mine)
        self._writer.rewrite(mine, SHARE_COLUMN, group)
        for place in self._writer.rewrite(mine, ALERT_COLUMN, alert)[: max(0, self._writer.statement_room)]:
            self._writer.add("UPDATE rows SET share = ?, alert = ? WHERE place = ?", group, alert, place)
        self._recent = []

    def _keep_top(self, alert: str, kind: str) -> None:
        """The highest row of the last window, for the alarm that it is in."""
        if self._top is None or len(self._top[1]) != self.schema.row_bytes:
            return
        packet, row, _, score, threshold = self._top
        self._top = None
        if self._writer.room <= 0 and not self._commit():
            return
        place = self._state.unusual.take(kind, self._places)
        if place is not None:
            block = OfferedBlock(memoryview(packet), memoryview(row), array("f", [score]), threshold)
            self._put(place, Berth(Pool.UNUSUAL, self._state.unusual.group_of(kind), 0, alert), block, 0)

    # -- time

    def _forget_old(self) -> None:
        """Rare rows, alerts, labels and doubts beyond the age; usual rows go by strata."""
        self._aged_ns = self._now_ns
        before_ns = self._now_ns - int(self.limits.age_s * NANOSECONDS)
        old = forget_old(self._database, self._writer, before_ns)
        self._state.unusual.remove(old)
        self._state.judged.remove(old)
        self._drop(old)

    def _take_labels(self) -> None:
        """Rows of alerts that an operator has judged since move to the quota of their own."""
        version = self._database.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version or not self._commit():
            return
        self._version = version
        most = max(1, self._quotas.batch // 4)
        while len(found := judged_rows(self._database, most)) and self._move(found):
            if len(found) < most:
                return
        if found:
            self._version = -1  # the rest the next time

    def _move(self, found: list[tuple[int, str]]) -> bool:
        """Give judged rows their places; whether that is on the disk."""
        self._state.unusual.remove({place for place, _ in found})
        for place, label in found:
            target = self._state.judged.take(label, self._places)
            if target is None:
                self._drop([place])
            else:
                move_row(self._writer, place, target, self._state.judged.group_of(label))
                self._places.give_back(place)
        return self._commit()

    def _drop(self, places: "list[int] | set[int]") -> None:
        self._writer.drop(places)
        for place in sorted(places, reverse=True):
            self._places.give_back(place)

    # -- the file

    def _begin(self, now_ns: int, new_seed: int) -> None:
        self._now_ns = self._committed_ns = now_ns
        rules = Rules(self.schema, self.limits, self._quotas)
        self._state, used, stale = read_state(self._database, self.folder, rules, new_seed)
        self._places = Places(used)
        self._drop(stale)
        self._drop(self._state.settle())
        self._drop(self._state.strata.turn(now_ns))
        self._commit()
        if self.fault is not None:
            raise self.fault
        self._writer.vacuum()

    def _commit(self) -> bool:
        """Write what waits; False where that cannot be now."""
        if self._writer.is_idle and not self._state.spans_changed and not self._is_stale():
            self._committed_ns = self._now_ns
            return True
        if self._trouble.is_resting(self._now_ns):
            return False
        try:
            done = self._writer.commit(state_statements(self._state, self._now_ns))
        except sqlite3.Error as error:
            self._trouble.note(error, self._now_ns)
            return False
        if not done:
            self._trouble.wait(self._now_ns)
            return False
        self._state.spans_changed = False
        self._committed_ns = self._written_ns = self._now_ns
        self._trouble.clear()
        return True

    def _is_stale(self) -> bool:
        """Whether the count of windows, by which rows become believed, is to be written for its own sake."""
        return not 0 <= self._now_ns - self._written_ns < AGE_EVERY_NS

    def _has_room(self, statements: int) -> bool:
        """Whether so many statements may wait; what is there already is written first if that makes room."""
        if self._writer.statement_room < statements:
            self._commit()
        return self._writer.statement_room >= statements

    def _shut(self) -> None:
        try:
            self._database.close()
        except sqlite3.Error as error:
            self._trouble.note(error, self._now_ns)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
