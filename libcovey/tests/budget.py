"""Flash, RAM and instructions of a bare-metal image against a budget file: `budget.py check|write|size BUDGET IMAGE`.

IMAGE is a path without suffix: `.map` is the linker's, `.txt` what the image printed under QEMU (see bits.c).
"""

import re
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

FLASH_SECTIONS = (".text", ".ARM.exidx", ".data")
# Lines of a linker's map: an output section starts at the margin, an object's part of it one space in. Long names wrap.
MAP_LINE = re.compile(r"^( ?)(\.\S+|\*fill\*)\s+0x[0-9a-f]+\s+0x([0-9a-f]+)(?: (\S+))?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    instructions: int
    pool_bytes: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What one image costs. `flash` is by origin: a library source, `libc`, `port`, `program`."""

    flash: Counter[str]
    cases: tuple[Case, ...]
    static_bytes: int  # without the pool that stands for a caller's memory
    stack_bytes: int

    @property
    def flash_bytes(self) -> int:
        return self.flash.total()

    @property
    def ram_bytes(self) -> int:
        return self.static_bytes + self.stack_bytes + max(case.pool_bytes for case in self.cases)


def origin(path: str) -> str:
    """Who a linked object belongs to, from its path in the linker's map."""
    if ".a(" in path:
        return "C library"
    match = re.search(r"/(src|ports|tests)/(?:.*/)?(\w+)\.o$", path)
    if match is None:
        return "other"
    return {"src": match[2] + ".c", "ports": "port", "tests": "program"}[match[1]]


def read_flash(linker_map: str) -> Counter[str]:
    """Bytes in flash by origin. Padding counts as `other`, so that the sum is the image's size."""
    flash: Counter[str] = Counter()
    section, total = "", 0
    for indent, name, size, path in MAP_LINE.findall(linker_map.split("Linker script and memory map", 1)[1]):
        if not indent:
            section = name
            total += int(size, 16) if section in FLASH_SECTIONS else 0
        elif section in FLASH_SECTIONS:
            flash[origin(path)] += int(size, 16)
    flash["other"] += total - flash.total()
    return flash


def read(image: Path) -> Measured:
    words = [line.split() for line in image.with_suffix(".txt").read_text().splitlines()]
    cases = tuple(Case(line[1], int(line[3]), int(line[4])) for line in words if line[0] == "case")
    static, pool, stack = next((int(line[1]), int(line[2]), int(line[3])) for line in words if line[0] == "ram")
    return Measured(read_flash(image.with_suffix(".map").read_text()), cases, static - pool, stack)


def print_size(measured: Measured) -> None:
    for name, size in measured.flash.most_common():
        print(f"  {name:16} {size:8,}")
    library = sum(size for name, size in measured.flash.items() if name.endswith(".c"))
    print(f"  {'in all':16} {measured.flash_bytes:8,}   of which libcovey {library:,}")


def check(measured: Measured, budget: dict[str, dict[str, float]]) -> list[str]:
    """Prints the table of figures and budgets and returns what exceeds its budget."""
    failures = []
    limits, before, tolerance = budget["limits"], budget["measured"], budget["tolerance"]["instructions"]

    def row(name: str, value: int, limit: float, note: str = "") -> None:
        over = value > limit
        print(f"  {name:26} {value:12,} {int(limit):12,}  {'OVER' if over else 'ok'}  {note}".rstrip())
        if over:
            failures.append(f"{name}: {value:,} is more than {int(limit):,}")

    print(f"  {'Cortex-M4F':26} {'measured':>12} {'budget':>12}")
    row("flash, bytes", measured.flash_bytes, limits["flash_bytes"])
    parts = f"static {measured.static_bytes:,}, stack {measured.stack_bytes:,}"
    row("RAM, bytes", measured.ram_bytes, limits["ram_bytes"], parts)
    for case in measured.cases:
        limit = before.get(case.name, 0) * (1 + tolerance)
        row(f"{case.name}, instructions", case.instructions, limit, f"{case.pool_bytes:,} bytes of memory")
    return failures


def write(path: Path, measured: Measured) -> None:
    """Replaces the table [measured], the last of the file, by what was found."""
    head = path.read_text().split("\n[measured]")[0]
    lines = [f"{case.name} = {case.instructions}" for case in measured.cases]
    title = "[measured]             # instructions a case, by SysTick under -icount shift=3"
    path.write_text(head + "\n" + "\n".join([title, *lines]) + "\n")


def main(command: str, budget_path: Path, image: Path) -> int:
    measured = read(image)
    if command == "size":
        print_size(measured)
    elif command == "write":
        write(budget_path, measured)
    else:
        failures = check(measured, tomllib.loads(budget_path.read_text()))
        if failures:
            print("over budget:", *failures, sep="\n  ")
            print("Make it smaller, or take the new figures with `make -C libcovey budget` and say why in the commit.")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
