"""How a part of the benchmarks reports: a table on the screen and the same rows in `out/<part>.json`."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

OUT = Path(__file__).resolve().parent / "out"

Row = dict[str, str | float]


def medians(work: Sequence[Callable[[], None]], repeats: int) -> list[float]:
    """Median seconds of each piece of work. They take turns, so that a busy moment of the machine strikes all alike."""
    seconds: list[list[float]] = [[] for _ in work]
    for piece in work:
        piece()
    for _ in range(repeats):
        for piece, times in zip(work, seconds, strict=True):
            start = time.perf_counter()
            piece()
            times.append(time.perf_counter() - start)
    return [statistics.median(times) for times in seconds]


def processor() -> str:
    """The processor's name as Linux tells it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def text_of(value: str | float) -> str:
    """A figure with as many digits as can be read at a glance."""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def report(part: str, title: str, rows: Sequence[Row]) -> None:
    """Prints the rows under their keys and writes them, with the machine they were measured on."""
    columns = list(rows[0])
    cells = [columns, *([text_of(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    print(f"\n{title}")
    for line in cells:
        first, *others = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        print("  " + "  ".join([first.strip().ljust(widths[0]), *others]))
    OUT.mkdir(exist_ok=True)
    machine = {"processor": processor(), "cores": os.cpu_count(), "python": platform.python_version()}
    document = {"part": part, "title": title, "machine": machine, "rows": list(rows)}
    (OUT / f"{part}.json").write_text(json.dumps(document, indent=2) + "\n")
