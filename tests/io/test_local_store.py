"""The local store on a disk that fills, fails and loses its power: bounded, whole, and never in detection's way."""

import os
import random
import resource
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from array import array
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the child's rows, to know them again
from store_child import BLOCK, FEATURES, LIMITS, SCHEMA, Window, packets_of, rows_of

from covey.errors import Code, OutputError
from covey.io.labels import LabelBook, peer_bytes
from covey.io.local_store import LocalStore
from covey.io.training_rows import StoredRows, read_training_rows
from covey.sensing.store import NANOSECONDS, Origin, Pool, Quotas, StoreLimits

QUOTAS = Quotas.of(LIMITS, SCHEMA)
NOW = 10**18
SECOND = NANOSECONDS


def opened(folder: Path, now_ns: int = NOW, limits: StoreLimits = LIMITS, seed: int = 1) -> LocalStore:
    return LocalStore.open(folder, SCHEMA, limits, now_ns=now_ns, seed=seed)


def offer(store: LocalStore, first: int, n: int, score: float = -9.0, threshold: float | None = 0.0) -> None:
    store.offer(packets_of(first, n), rows_of(first, n), array("f", [score] * n), n, threshold)


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("store.db*"))


def query(folder: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "store.db")) as database:
        return database.execute(sql).fetchall()


def check_whole(folder: Path) -> int:
    """What must hold of a store that nobody has open; how many rows its strata have seen."""
    with closing(sqlite3.connect(folder / "store.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = database.execute("SELECT pool, share, slot, time_ns, packet, features, alert FROM rows").fetchall()
        strata = database.execute("SELECT number, capacity, seen FROM strata ORDER BY number").fetchall()
        alerts = {name for (name,) in database.execute("SELECT id FROM alerts")}
    counts = dict.fromkeys(Pool, 0)
    for pool, _, _, time_ns, packet, features, alert in rows:
        counts[Pool(pool)] += 1
        assert packet == packets_of(time_ns, 1), f"the packet of row {time_ns} is torn"
        assert features == struct.pack("<f", float(time_ns)) * FEATURES, f"row {time_ns} is torn"
        assert alert is None or alert in alerts or len(alerts) >= QUOTAS.alerts - 1
    assert counts[Pool.CALM] <= QUOTAS.calm
    assert counts[Pool.UNUSUAL] <= QUOTAS.unusual
    assert counts[Pool.JUDGED] <= QUOTAS.judged
    number, capacity, seen = strata[-1]
    mine = sorted(slot for pool, share, slot, *_ in rows if pool == Pool.CALM and share == str(number))
    assert mine == list(range(min(seen, capacity))), "the sample at hand has gaps"
    return sum(seen for _, _, seen in strata)


# -- bounds


def test_the_files_never_grow_beyond_the_bound_whatever_comes(tmp_path: Path) -> None:
    store, now, worst = opened(tmp_path), NOW, 0
    for step in range(600):
        now += 2 * SECOND
        offer(store, step * 100, 100, 5.0 if step % 3 == 1 else -9.0)
        window = Window(step * 100, step * 100 + 100, alarm=int(step % 3 == 1))
        store.window(window, rows_of(step, 1).tobytes())
        if step % 3 == 1:
            store.alert(f"a{step}", window, f"tcp/{step}", "x" * 500)
        store.tick(now)
        worst = max(worst, size_of(tmp_path))
        assert store.fault is None
    assert worst <= LIMITS.size_bytes
    assert store.counts.dropped == 0
    store.close()
    assert query(tmp_path, "SELECT count(*) FROM alerts")[0][0] == QUOTAS.alerts
    assert query(tmp_path, "SELECT max(length(text)) FROM alerts") == [(200,)]
    kept = query(tmp_path, "SELECT count(*) FROM rows WHERE pool = 0")[0][0]
    assert isinstance(kept, int)
    assert kept > 0.7 * QUOTAS.calm  # the bound is used, not only kept


def test_a_reader_that_stays_cannot_make_the_log_outgrow_the_bound(tmp_path: Path) -> None:
    store, now = opened(tmp_path), NOW
    offer(store, 0, 50)
    store.tick(now + 6 * SECOND)
    reader = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM rows").fetchall()
    for step in range(1, 200):
        now += 6 * SECOND
        offer(store, step * 100, 100)
        store.tick(now)
        assert size_of(tmp_path) <= LIMITS.size_bytes
    assert store.fault is not None
    assert store.counts.dropped > 0
    reader.close()
    now += 60 * SECOND
    store.tick(now)
    assert store.fault is None  # it goes on by itself
    offer(store, 10**6, 50)
    store.close()
    check_whole(tmp_path)


def test_rows_beyond_the_age_are_gone_from_the_disk_too(tmp_path: Path) -> None:
    store = opened(tmp_path)
    offer(store, 7_000_000, 30)
    offer(store, 8_000_000, 30, score=5.0)
    store.tick(NOW + 6 * SECOND)
    store.close()
    mark = struct.pack("<f", 7_000_001.0) * FEATURES
    assert mark in (tmp_path / "store.db").read_bytes()
    later = NOW + 601 * SECOND
    store = opened(tmp_path, later)
    store.tick(later)
    store.close()
    assert query(tmp_path, "SELECT count(*) FROM rows") == [(0,)]
    assert mark not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_rare_rows_that_are_too_old_give_their_places_to_new_ones(tmp_path: Path) -> None:
    store, later = opened(tmp_path), NOW + 601 * SECOND
    for first in range(0, 40 * QUOTAS.unusual, 20):
        offer(store, first, 20, score=5.0)
    store.tick(NOW + 6 * SECOND)
    store.tick(later)
    assert query(tmp_path, "SELECT count(*) FROM rows WHERE pool = 1") == [(0,)]
    offer(store, 90_000, 20, score=5.0)
    store.close()
    assert query(tmp_path, "SELECT count(*), min(time_ns) FROM rows WHERE pool = 1") == [(20, 90_000)]


def test_a_smaller_bound_is_kept_from_the_next_start_on(tmp_path: Path) -> None:
    wide = replace(LIMITS, size_bytes=8 << 20)
    store = opened(tmp_path, limits=wide)
    for first in range(0, 20_000, 500):
        offer(store, first, 500)
    store.close()
    assert size_of(tmp_path) > LIMITS.size_bytes
    store = opened(tmp_path)
    offer(store, 50_000, 100)
    store.close()
    assert size_of(tmp_path) <= LIMITS.size_bytes
    assert query(tmp_path, "SELECT count(*) FROM rows")[0][0] <= QUOTAS.calm  # type: ignore[operator]


def test_the_same_rows_and_seed_leave_the_same_sample(tmp_path: Path) -> None:
    samples = []
    for name, parts in (("a", [1000]), ("b", [1, 399, 600])):
        store, first = opened(tmp_path / name, seed=9), 0
        for part in parts * 3:
            offer(store, first, part)
            first += part
        store.close()
        samples.append(query(tmp_path / name, "SELECT time_ns FROM rows ORDER BY place"))
    assert samples[0] == samples[1]
    assert len(samples[0]) == QUOTAS.calm


def test_a_restart_does_not_change_what_is_kept(tmp_path: Path) -> None:
    samples = []
    for name, restarts in (("a", False), ("b", True)):
        store = opened(tmp_path / name, seed=4)
        for step in range(30):
            offer(store, step * 100, 100, 5.0 if step % 5 == 0 else -9.0)
            if restarts:
                store.close()
                store = opened(tmp_path / name, seed=77)  # the seed is the store's own
        store.close()
        samples.append(query(tmp_path / name, "SELECT time_ns FROM rows WHERE pool = 0 ORDER BY time_ns"))
    assert samples[0] == samples[1]


# -- alerts and labels


def raise_alarm(store: LocalStore, first: int, name: str, kind: str = "tcp/23", windows: int = 3) -> None:
    """An alarm of some windows of 40 rows, ten of them far above the threshold."""
    for number in range(windows):
        start = first + 40 * number
        offer(store, start, 30)
        offer(store, start + 30, 10, score=5.0)
        window = Window(start, start + 40, 5.0, 0.0, 5.0, alarm=1 if number == 0 else 2, top=packets_of(start + 39, 1))
        store.window(window, rows_of(start + 39, 1).tobytes())
        if number == 0:
            store.alert(name, window, kind, "10.0.0.2:4 > 10.0.0.3:23 tcp")
    store.window(Window(first + 40 * windows, first + 40 * windows + 40, alarm=3), rows_of(first, 1).tobytes())


def labels_of(rows: StoredRows) -> dict[int, str | None]:
    """Labels by row number (its feature)."""
    values = array("f", rows.features)[::FEATURES]
    return {int(value): label for value, label in zip(values, rows.labels, strict=True)}


def test_rows_above_the_threshold_belong_to_the_alert_that_they_raised(tmp_path: Path) -> None:
    store = opened(tmp_path)
    raise_alarm(store, 1000, "one")
    offer(store, 5000, 5, score=5.0)  # after it has ended
    store.close()
    alerts = dict(query(tmp_path, "SELECT time_ns, alert FROM rows WHERE pool = 1"))
    assert {time_ns for time_ns, alert in alerts.items() if alert == "one"} == {
        row for start in (1030, 1070, 1110) for row in range(start, start + 10)
    }
    assert all(alerts[row] is None for row in range(5000, 5005))


def test_a_label_on_an_alert_keeps_its_rows_apart_and_can_be_taken_back(tmp_path: Path) -> None:
    store = opened(tmp_path)
    raise_alarm(store, 1000, "one")
    store.tick(NOW + 6 * SECOND)
    with LabelBook.open(tmp_path) as book:
        assert [(entry.id, entry.label) for entry in book.alerts(waiting=True)] == [("one", None)]
        book.judge("one", "attack", NOW)
        assert book.alerts(waiting=True) == []
    store.tick(NOW + 7 * SECOND)
    for first in range(0, 4000, 40):  # a flood of another kind
        raise_alarm(store, 10_000 + 5 * first, f"flood-{first}", "udp/53", windows=1)
    store.tick(NOW + 13 * SECOND)
    store.close()
    check = labels_of(read_training_rows(tmp_path, SCHEMA))
    mine = [label for row, label in check.items() if row in range(1000, 1120) and row % 40 >= 30]
    assert mine == ["attack"] * 30
    assert query(tmp_path, "SELECT count(*) FROM rows WHERE pool = 2") == [
        (33,)
    ]  # three of them as tops of windows too
    with LabelBook.open(tmp_path) as book:
        assert book.undo() == "attack for alert one"
    assert not {
        label for row, label in labels_of(read_training_rows(tmp_path, SCHEMA)).items() if 1030 <= row < 1040
    } - {None}


def test_the_latest_label_counts_and_a_peer_narrows_it(tmp_path: Path) -> None:
    store = opened(tmp_path)
    packet = bytearray(packets_of(0, 40))
    for row in range(40):  # an IPv4 packet of another source each
        packet[72 * row + 16 : 72 * row + 48] = bytes([10, 0, 0, row]).ljust(16, b"\0") + bytes([10, 0, 0, 99]).ljust(
            16, b"\0"
        )
        packet[72 * row + 67] = 2
    store.offer(packet, rows_of(0, 40), array("f", [-9.0] * 40), 40, 0.0)
    store.tick(NOW + 6 * SECOND)
    with LabelBook.open(tmp_path) as book:
        assert book.judge_span("benign", 0, 39, None, NOW) == 40
        assert book.judge_span("attack", 10, 39, peer_bytes("10.0.0.20"), NOW) == 1
        assert book.judge_span("attack", 30, 39, peer_bytes("10.0.0.99"), NOW) == 10
        with pytest.raises(Exception, match="no row"):
            book.judge_span("attack", 10, 39, peer_bytes("::1"), NOW)
    store.close()
    found = read_training_rows(tmp_path, SCHEMA)
    attacks = {row for row, label in labels_of(found).items() if label == "attack"}
    assert attacks == {20, *range(30, 40)}
    assert set(found.origins) == {Origin.OPERATOR}


def test_rows_are_believed_benign_only_far_from_every_doubt(tmp_path: Path) -> None:
    limits = replace(LIMITS, calm_s=0.000001, calm_windows=2)  # 1,000 ns of the rows' own time
    store = opened(tmp_path, limits=limits)
    for window in range(200):
        start = window * 100
        alarm = window == 100
        offer(store, start, 10, threshold=None if window == 50 else 0.0)
        store.window(Window(start, start + 100, 5.0 if alarm else -9.0, alarm=int(alarm)), rows_of(start, 1).tobytes())
    store.close()
    found = read_training_rows(tmp_path, SCHEMA)
    believed = {row // 100 for row, label in labels_of(found).items() if label == "benign"}
    assert believed <= set(range(10, 91)) | set(range(111, 190))
    assert 50 not in believed
    assert {20, 80, 120, 180} <= believed
    assert set(found.origins) == {Origin.PSEUDO, Origin.NOBODY}


def test_doubt_is_on_the_disk_even_where_no_row_is_kept(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    for window in range(4):
        store.window(Window(window * 100, window * 100 + 100, 5.0 if window == 2 else -9.0, alarm=int(window == 2)))
    store.tick(NOW + 6 * SECOND)
    shutil.copytree(tmp_path / "store", tmp_path / "copy")  # what kill -9 leaves
    store.close()
    calm = int(LIMITS.calm_s * SECOND)
    assert query(tmp_path / "copy", "SELECT first_ns, last_ns FROM spans") == [(-calm, 300 + calm)]
    assert query(tmp_path / "copy", "SELECT value FROM meta WHERE name = 'windows'") == [(4,)]


# -- trouble


def test_alerts_without_end_on_a_failing_disk_do_not_fill_the_memory(tmp_path: Path) -> None:
    store, now = opened(tmp_path), NOW
    store._database.execute("PRAGMA max_page_count=1")
    store._database.execute("PRAGMA query_only=ON")  # every write fails from here on
    for step in range(3000):
        now += SECOND
        store.alert(f"a{step}", Window(step, step + 1), f"kind{step}", "text")
        store.window(Window(step, step + 1, alarm=3))
        store.tick(now)
    assert store.fault is not None
    assert len(store._writer._statements) <= QUOTAS.batch * 4
    assert store.counts.dropped > 2000
    store.close()


@pytest.mark.parametrize("place", [0, 100, 5000, 40_000])
def test_a_damaged_file_is_told_with_code_cause_and_hint(tmp_path: Path, place: int) -> None:
    store = opened(tmp_path)
    offer(store, 0, 500)
    store.close()
    with (tmp_path / "store.db").open("r+b") as file:
        file.seek(place)
        file.write(bytes(range(256)) * 16)
    with pytest.raises(OutputError) as caught:
        opened(tmp_path)
    assert caught.value.code in (Code.STORE_DAMAGED, Code.STORE_FORMAT)
    assert caught.value.hint
    assert str(tmp_path) in caught.value.cause


def test_damage_that_is_met_on_the_way_is_a_fault_and_no_exception(tmp_path: Path) -> None:
    store, now = opened(tmp_path), NOW
    for step in range(20):
        offer(store, step * 100, 100)
    store.tick(now + 6 * SECOND)
    store._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store._database.execute("PRAGMA cache_size=0")
    with (tmp_path / "store.db").open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom((tmp_path / "store.db").stat().st_size - 4096))
    for step in range(200):
        now += 20 * SECOND
        offer(store, step * 100, 100)
        store.window(Window(step, step + 1, alarm=1), rows_of(step, 1).tobytes())
        store.alert(f"a{step}", Window(step, step + 1), "kind", "text")
        store.tick(now)
    assert store.fault is not None
    assert store.fault.code is Code.STORE_DAMAGED
    assert store.counts.dropped > 0
    store.close()


FULL_DISK = """
import subprocess, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_local_store import NOW, SECOND, Code, offer, opened
disk = Path(sys.argv[1])
if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=240k", "tmpfs", str(disk)], check=False).returncode:
    sys.exit(77)
store, now = opened(disk / "store"), NOW
for step in range(60):
    now += 20 * SECOND
    offer(store, step * 100, 100)
    store.tick(now)
assert store.fault is not None
assert store.fault.code is Code.STORE_DISK_FULL, store.fault.cause
assert store.fault.hint
assert store.counts.dropped > 0
subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
store.tick(now + 20 * SECOND)
assert store.fault is None
store.close()
subprocess.run(["cp", "-r", str(disk / "store"), sys.argv[3]], check=True)
"""


def test_a_full_disk_drops_rows_and_goes_on_once_there_is_room(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    words = [str(tmp_path / "disk"), str(Path(__file__).parent), str(tmp_path / "store")]
    mounting = ["unshare", "--mount", sys.executable, "-c", FULL_DISK, *words]  # the small disk is gone with the child
    done = subprocess.run(mounting, capture_output=True, text=True, check=False)
    if done.returncode == 77 or "unshare:" in done.stderr:
        pytest.skip("this process may not mount a small disk")
    assert done.returncode == 0, done.stderr
    check_whole(tmp_path / "store")


def test_a_disk_that_refuses_to_write_is_a_fault_and_no_exception(tmp_path: Path) -> None:
    store, now = opened(tmp_path), NOW
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, before[1]))
        for step in range(30):
            now += 20 * SECOND
            offer(store, step * 100, 100)
            store.tick(now)
        assert store.fault is not None
        assert store.fault.code in (Code.STORE_NOT_WRITABLE, Code.STORE_DISK_FULL)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    store.tick(now + 20 * SECOND)
    assert store.fault is None
    store.close()
    check_whole(tmp_path)


def code_of_opening(folder: Path, **others: object) -> Code:
    with pytest.raises(OutputError) as caught:
        LocalStore.open(folder, **({"schema": SCHEMA, "limits": LIMITS, "now_ns": NOW} | others))  # type: ignore[arg-type]
    return caught.value.code


def test_what_is_wrong_at_the_start_has_a_code_of_its_own(tmp_path: Path) -> None:
    store = opened(tmp_path / "a")
    assert code_of_opening(tmp_path / "a") is Code.STORE_IN_USE
    store.close()
    other = replace(SCHEMA, feature_names=("x", *SCHEMA.feature_names[1:]))
    assert code_of_opening(tmp_path / "a", schema=other) is Code.STORE_OTHER_FEATURES
    many = replace(SCHEMA, feature_names=tuple(f"f{i}" for i in range(60_000)))
    assert code_of_opening(tmp_path / "b", schema=many) is Code.STORE_TOO_SMALL
    (tmp_path / "file").write_text("x")
    assert code_of_opening(tmp_path / "file") is Code.STORE_NOT_WRITABLE
    with closing(sqlite3.connect(tmp_path / "a" / "store.db")) as database:
        database.execute("PRAGMA user_version=9")
    assert code_of_opening(tmp_path / "a") is Code.STORE_FORMAT
    with pytest.raises(OutputError) as caught, LabelBook.open(tmp_path / "nothing"):
        pass
    assert caught.value.code is Code.STORE_NOT_FOUND
    assert not (tmp_path / "nothing").exists()


def test_only_its_owner_may_read_a_store(tmp_path: Path) -> None:
    opened(tmp_path / "new").close()
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
    assert (tmp_path / "new" / "store.db").stat().st_mode & 0o077 == 0


# -- power


@pytest.mark.parametrize("seed", range(8))
def test_kill_at_any_moment_leaves_a_whole_store_with_all_that_was_written(tmp_path: Path, seed: int) -> None:
    draws = random.Random(seed)
    acknowledged = 0
    for life in range(3):  # what one life leaves is the next one's beginning
        command = [sys.executable, str(Path(__file__).parent / "store_child.py"), str(tmp_path), str(seed)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for _ in range(draws.randrange(1, 12)):
                acknowledged = int(child.stdout.readline())
            time.sleep(draws.random() * 0.03)
            child.send_signal(signal.SIGKILL)
            rest = child.stdout.read().splitlines()
        acknowledged = int(rest[-1]) if rest and rest[-1] else acknowledged
        copy = tmp_path.parent / f"{tmp_path.name}-{life}"
        shutil.copytree(tmp_path, copy)
        seen = check_whole(copy)
        assert seen >= acknowledged * 0.8 - BLOCK  # calm rows among those that were told to be on the disk
        opened(copy, NOW + 10 * SECOND).close()
        check_whole(copy)


def test_power_loss_at_every_write_of_the_log_leaves_one_commit_or_the_next(tmp_path: Path) -> None:
    """What a disk has of the log when the power goes is a part of it: every part must be a store as it once was."""
    limits = replace(LIMITS, size_bytes=16 << 20)  # room for all six commits in the log
    store, now = opened(tmp_path / "store", limits=limits), NOW
    commits: set[object] = {0}
    for step in range(6):
        now += 6 * SECOND
        offer(store, step * 20, 20, 5.0 if step == 3 else -9.0)
        store.tick(now)
        commits.add(query(tmp_path / "store", "SELECT count(*) FROM rows")[0][0])
    log = (tmp_path / "store" / "store.db-wal").read_bytes()
    assert len(log) > 20 * 4096
    content = (tmp_path / "store" / "store.db").read_bytes()
    counts = set()
    for size in [*range(0, len(log), 3001), len(log)]:
        torn = tmp_path / f"torn-{size}"
        torn.mkdir()
        (torn / "store.db").write_bytes(content)
        (torn / "store.db-wal").write_bytes(log[:size])
        opened(torn, now, limits).close()
        check_whole(torn)
        counts.add(query(torn, "SELECT count(*) FROM rows")[0][0])
        shutil.rmtree(torn)
    store.close()
    assert len(commits) == 7
    assert counts == commits
