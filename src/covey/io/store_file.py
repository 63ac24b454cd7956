"""The file of a local store: SQLite tables, how they are opened, and what can be wrong with them.

    rows      the sample, one row a place; `sensing.sampling` says which
    strata, kinds, spans, meta: where the sampling and its doubts stand
    alerts    what an operator may judge
    labels    what the operator answered, one row each, so that an answer is there or not

One process writes rows (it holds the lock), others add labels. Every change is one transaction; the log is synced
with each, so that kill -9 and power loss leave the store as it was before or after. Deleted rows are overwritten.
"""

import errno
import fcntl
import os
import sqlite3
from pathlib import Path

from covey.errors import Code, OutputError
from covey.sensing.store import PAGE_BYTES, StoreLimits

FILE = "store.db"
LOCK = "store.lock"
APPLICATION = 0x434F5659  # "COVY"
FORMAT = 1
#: How long to wait for others: whoever detects must not be held up, an operator may be.
BUSY_S, PATIENT_S = 0.02, 2.0

TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE rows (
    place INTEGER PRIMARY KEY, pool INTEGER NOT NULL, share TEXT NOT NULL, slot INTEGER NOT NULL,
    taken_ns INTEGER NOT NULL, time_ns INTEGER NOT NULL, window INTEGER NOT NULL, score REAL NOT NULL, threshold REAL,
    sequence INTEGER NOT NULL, alert TEXT, packet BLOB NOT NULL, features BLOB NOT NULL);
CREATE TABLE strata (
    number INTEGER PRIMARY KEY, opened_ns INTEGER NOT NULL, capacity INTEGER NOT NULL, seen INTEGER NOT NULL,
    next INTEGER NOT NULL, weight REAL NOT NULL, draws INTEGER NOT NULL);
CREATE TABLE kinds (pool INTEGER, name TEXT, seen INTEGER NOT NULL, PRIMARY KEY (pool, name)) WITHOUT ROWID;
CREATE TABLE spans (first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, made_ns INTEGER NOT NULL);
CREATE TABLE alerts (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, score REAL NOT NULL,
    threshold REAL NOT NULL, sequence INTEGER NOT NULL, taken_ns INTEGER NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE labels (
    number INTEGER PRIMARY KEY AUTOINCREMENT, made_ns INTEGER NOT NULL, label TEXT NOT NULL, alert TEXT,
    since_ns INTEGER, until_ns INTEGER, peer BLOB);
"""


def connect(folder: Path, limits: StoreLimits | None, *, create: bool) -> sqlite3.Connection:
    """Open the store in `folder`; OutputError where it is missing, damaged, of another format or out of reach."""
    path = folder / FILE
    if not create and not path.is_file():
        raise OutputError(
            Code.STORE_NOT_FOUND,
            f"there is no local store in {folder}",
            "name the folder that `covey detect` was given with --store",
            str(folder),
        )
    try:
        if create:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        database = sqlite3.connect(path, BUSY_S if create else PATIENT_S, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise store_error(folder, error) from error
    try:
        _prepare(database, limits)
        _check(database, folder)
    except sqlite3.Error as error:
        database.close()
        raise store_error(folder, error) from error
    except OutputError:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, limits: StoreLimits | None) -> None:
    """How SQLite is to work; tables, where the file is new."""
    if database.execute("PRAGMA page_count").fetchone()[0] == 0:
        database.execute(f"PRAGMA page_size={PAGE_BYTES}")
        database.execute("PRAGMA auto_vacuum=INCREMENTAL")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("PRAGMA wal_autocheckpoint=0")  # `Writer` does it: the log is bounded
    database.execute("PRAGMA secure_delete=ON")
    database.execute("PRAGMA temp_store=MEMORY")
    database.execute("PRAGMA cache_size=-1024")
    database.execute("PRAGMA trusted_schema=OFF")
    if limits is not None:
        database.execute(f"PRAGMA max_page_count={limits.most_pages}")
    if not database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        database.executescript(
            f"BEGIN IMMEDIATE; {TABLES} PRAGMA application_id={APPLICATION}; PRAGMA user_version={FORMAT}; COMMIT;"
        )


def _check(database: sqlite3.Connection, folder: Path) -> None:
    """OutputError where the file is no store, of another format, or damaged."""
    application = database.execute("PRAGMA application_id").fetchone()[0]
    number = database.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION or number != FORMAT:
        what = f"a store of format {number}" if application == APPLICATION else "another program's database"
        raise OutputError(
            Code.STORE_FORMAT,
            f"{folder / FILE} is {what}; this Covey reads format {FORMAT}",
            "choose another folder with --store",
            str(folder / FILE),
        )
    found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise _damaged(folder, str(found))


def lock(folder: Path) -> int:
    """Keep other writers of rows out until the handle that is returned is closed; OutputError where there is one."""
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise store_error(folder, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise store_error(folder, error) from error
        raise OutputError(
            Code.STORE_IN_USE,
            f"another process writes to the local store in {folder}",
            "give each `covey detect` a folder of its own with --store",
            str(folder),
        ) from error
    return handle


def store_error(folder: Path, error: Exception) -> OutputError:
    """What to tell a user about a failure of the file."""
    path = str(folder / FILE)
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None) or 0
        primary = code & 0xFF
        if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT) or (
            isinstance(error, sqlite3.DatabaseError) and type(error) is sqlite3.DatabaseError
        ):
            return _damaged(folder, str(error))
        if primary == sqlite3.SQLITE_FULL or _is_full(folder):
            return _full(folder)
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return OutputError(Code.STORE_BUSY, f"another process holds {path}", None, path)
        cause = str(error)
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(folder)
    else:
        cause = getattr(error, "strerror", None) or str(error)
    return OutputError(
        Code.STORE_NOT_WRITABLE,
        f"the local store in {folder} cannot be written: {cause}",
        "check the folder's owner and rights, or choose another one with --store",
        path,
    )


def _is_full(folder: Path) -> bool:
    """Whether the disk has no room left, which SQLite reports as one of many failures of input and output."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < 16 * PAGE_BYTES


def _full(folder: Path) -> OutputError:
    return OutputError(
        Code.STORE_DISK_FULL,
        f"the disk is full: the local store in {folder} takes nothing new",
        "free some space; detection goes on, and the store goes on by itself once there is room",
        str(folder / FILE),
    )


def _damaged(folder: Path, found: str) -> OutputError:
    return OutputError(
        Code.STORE_DAMAGED,
        f"the local store in {folder} is damaged: {found}",
        "move the folder away or delete it; a new store is begun, and detection goes on meanwhile",
        str(folder / FILE),
    )
