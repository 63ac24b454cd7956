"""Runs builds of bits.c and compares the hash of every case: `same_bits.py hosted|cortex-m PROGRAM...`.

The first program is the reference; one that has more cases must agree on those that it shares. Hosted programs run once
with each kernel that the machine offers; Cortex-M images run under QEMU, and what they print is left beside them as
`<image>.txt` for budget.py.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

KERNELS = ("portable", "neon", "sse2", "avx2", "avx512")
MACHINES = {"m3": "mps2-an385", "m4f": "mps2-an386", "m7": "mps2-an500", "m33": "mps2-an505", "m55": "mps3-an547"}
QEMU = ["qemu-system-arm", "-display", "none", "-monitor", "none", "-serial", "stdio"]
STEADY = ["-no-reboot", "-icount", "shift=3"]  # a reset ends the run; an instruction is 8 ns of virtual time
TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Run:
    """What one program printed: the hash of each case in order, and of all of them."""

    name: str
    cases: dict[str, str]
    total: str


def parse(name: str, text: str) -> Run:
    """Reads the lines of bits.c; SystemExit with all of them unless every case went well, to the last line."""
    words = [line.split() for line in text.splitlines()]
    cases = {line[1]: line[2] for line in words if line[:1] == ["case"]}
    totals = [line[1] for line in words if line[:1] == ["total"]]
    if len(totals) != 1:
        raise SystemExit(f"{name} did not come to a good end:\n{text}")
    return Run(name, cases, totals[0])


def output(command: list[str]) -> str:
    """All that a command prints; one that hangs is stopped."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, **streams, text=True, check=False, timeout=TIMEOUT_S)
    return done.stdout


def run_hosted(program: Path) -> list[Run]:
    """One run per kernel; a kernel that this machine lacks is left out."""
    emulator = ["qemu-aarch64"] if program.name.startswith("aarch64") else []
    printed = {kernel: output([*emulator, str(program), kernel]) for kernel in KERNELS}
    return [parse(f"{program.name} {kernel}", text) for kernel, text in printed.items() if text != "unavailable\n"]


def run_image(image: Path) -> Run:
    machine = MACHINES[image.stem.split("-")[0]]
    text = output([*QEMU, *STEADY, "-machine", machine, "-kernel", str(image)])
    image.with_suffix(".txt").write_text(text)
    return parse(f"{image.stem} {machine}", text)


def run(program: Path) -> list[Run]:
    return [run_image(program)] if program.suffix == ".elf" else run_hosted(program)


def main(what: str, programs: list[Path]) -> int:
    runs = [one for program in programs for one in run(program)]
    reference = runs[0]
    different = 0
    for one in runs:
        wrong = [case for case, value in reference.cases.items() if one.cases.get(case) != value]
        same = not wrong and (one.total == reference.total or len(one.cases) > len(reference.cases))
        different += not same
        print(f"{one.name:24} {one.total}  {'same' if same else 'DIFFERENT in ' + ', '.join(wrong)}")
    print(f"{what}: {len(runs) - different} of {len(runs)} builds agree on {len(reference.cases)} cases")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], [Path(name) for name in sys.argv[2:]]))
