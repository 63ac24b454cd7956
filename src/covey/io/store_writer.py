"""Changes of a local store on their way to the disk: gathered, then written in one transaction within a bounded log.

SQLite's log grows with every transaction, and cannot begin anew while another process reads. So before each transaction
the longest that it can get is reckoned; where the log has no room for that, the changes wait.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from covey.io.store_file import FILE
from covey.sensing.store import FIXED_FRAMES, FRAME_BYTES, Quotas, StoreLimits

Cell: TypeAlias = "int | float | str | bytes | None"
Statement: TypeAlias = tuple[str, tuple[Cell, ...]]

PUT = "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Writer:
    """Rows to put and to drop, by place, and other statements; `commit` writes them."""

    def __init__(self, database: sqlite3.Connection, folder: Path, limits: StoreLimits, quotas: Quotas) -> None:
        self._database = database
        self._log = folder / f"{FILE}-wal"
        self._most_log = limits.log_bytes
        self._most_frames = int(0.75 * limits.log_bytes / FRAME_BYTES)
        self._batch = quotas.batch
        self._pages_a_row = max(2, (self._most_frames - FIXED_FRAMES) // quotas.batch)
        self._rows: dict[int, tuple[Cell, ...]] = {}
        self._gone: set[int] = set()
        self._statements: list[Statement] = []

    @property
    def room(self) -> int:
        """Rows that may still be put before the next commit."""
        return self._batch - len(self._rows)

    @property
    def statement_room(self) -> int:
        """Statements that may still be added before the next commit; negative if there are too many already."""
        return (self._most_frames - FIXED_FRAMES) // 2 - len(self._statements)

    @property
    def is_idle(self) -> bool:
        """Nothing is waiting."""
        return not (self._rows or self._gone or self._statements)

    def put(self, place: int, cells: tuple[Cell, ...]) -> None:
        """A row at a place, over what is there; cells: all columns but the place."""
        self._gone.discard(place)
        self._rows[place] = cells

    def drop(self, places: Iterable[int]) -> None:
        """Rows that are gone; their places may be used again at once."""
        for place in places:
            self._rows.pop(place, None)
            self._gone.add(place)

    def rewrite(self, places: Iterable[int], column: int, value: Cell) -> list[int]:
        """Change a column (from 1, after the place) of rows that are still waiting; the places that are not."""
        others = []
        for place in places:
            cells = self._rows.get(place)
            if cells is None:
                others.append(place)
            else:
                self._rows[place] = (*cells[: column - 1], value, *cells[column:])
        return others

    def add(self, sql: str, *cells: Cell) -> None:
        """Another statement of the next transaction, of a page or two; see `statement_room`."""
        self._statements.append((sql, cells))

    def commit(self, state: list[Statement]) -> bool:
        """Write `state` and what waits in the same transaction; False where the log has no room yet.

        sqlite3.Error where it cannot be written: all is as it was, and waits. Rows beyond a batch that are gone take
        further transactions; a crash between them leaves rows that the next start drops.
        """
        is_written = False
        while not (is_written and self.is_idle):
            gone = sorted(self._gone)[: max(0, self._batch - len(self._rows))]
            if not self._has_room(len(self._rows) + len(gone)):
                return False
            self._write(gone, state)
            self._gone.difference_update(gone)
            self._rows, self._statements = {}, []
            is_written = True
        self.shorten_log()
        return True

    def shorten_log(self) -> None:
        """Begin the log anew where it is long; others write to it too."""
        if self._log_bytes() > self._most_log // 2:
            self._start_log_anew()

    def vacuum(self) -> None:
        """Give pages that are free back to the disk, some at a time."""
        free = self._database.execute("PRAGMA freelist_count").fetchone()[0]
        while free > 0 and self._has_room(self._batch):
            self._database.execute(f"PRAGMA incremental_vacuum({max(1, self._batch // 2)})").fetchall()
            left = self._database.execute("PRAGMA freelist_count").fetchone()[0]
            free = left if left < free else 0

    def _write(self, gone: list[int], state: list[Statement]) -> None:
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            database.executemany("DELETE FROM rows WHERE place = ?", [(place,) for place in gone])
            database.executemany(PUT, [(place, *cells) for place, cells in self._rows.items()])
            for sql, cells in [*self._statements, *state]:
                database.execute(sql, cells)
            database.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite has rolled back already where the disk is full
                database.execute("ROLLBACK")
            raise

    def _has_room(self, rows: int) -> bool:
        """Whether the log can take a transaction of so many rows, each on pages of its own, if need be anew."""
        pages = rows * self._pages_a_row + FIXED_FRAMES + 2 * len(self._statements)
        longest = FRAME_BYTES * min(pages, self._most_frames)
        if self._log_bytes() + longest > self._most_log:
            self._start_log_anew()
        return self._log_bytes() + longest <= self._most_log

    def _log_bytes(self) -> int:
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0

    def _start_log_anew(self) -> None:
        """Move the log into the database; it stays as it is while another process reads. sqlite3.Error on failure."""
        try:
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
