"""A process that fills a local store until somebody kills it: `store_child.py FOLDER SEED`; tells what is on the disk.

Row i has the time i, i mod 251 in every byte of its packet behind that, and i as every feature, so that whoever reads
the store back can tell a whole row from a torn one.
"""

import struct
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path

from covey.io.local_store import LocalStore
from covey.sensing.store import NANOSECONDS, StoreLimits, StoreSchema

FEATURES = 20
SCHEMA = StoreSchema(tuple(f"f{i}" for i in range(FEATURES)), ("benign", "attack"))
LIMITS = StoreLimits(size_bytes=1 << 20, age_s=600.0, strata=5)
BLOCK = 40


@dataclass
class Window:
    start_ns: int
    end_ns: int
    score: float = -9.0
    threshold: float = 0.0
    top_score: float = -9.0
    alarm: int = 0
    top: bytes = bytes(72)


def packets_of(first: int, n: int) -> bytes:
    return b"".join(struct.pack("<q", i) + bytes([i % 251]) * 64 for i in range(first, first + n))


def rows_of(first: int, n: int) -> "array[float]":
    return array("f", [float(i) for i in range(first, first + n) for _ in range(FEATURES)])


def main(folder: Path, seed: int) -> None:
    now = 10**18
    store = LocalStore.open(folder, SCHEMA, LIMITS, now_ns=now, seed=seed)
    first = 0
    while True:
        now += 3 * NANOSECONDS
        flood = first // BLOCK % 7 == 3
        scores = array("f", [5.0 if flood and i % 3 == 0 else -9.0 for i in range(BLOCK)])
        store.offer(packets_of(first, BLOCK), rows_of(first, BLOCK), scores, BLOCK, 0.0)
        window = Window(first, first + BLOCK, *((5.0, 0.0, 5.0, 1) if flood else ()))
        top = first
        if flood:
            window.top = packets_of(top, 1)
        store.window(window, rows_of(top, 1).tobytes())
        if flood:
            store.alert(f"alert-{first}", window, f"kind{first // BLOCK % 5}", "10.0.0.2:4 > 10.0.0.3:5 tcp")
        first += BLOCK
        store.tick(now)
        assert store.fault is None, store.fault.cause
        if store._committed_ns == now:
            sys.stdout.write(f"{first}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
