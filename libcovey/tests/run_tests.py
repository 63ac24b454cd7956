"""Runs the compiled C tests one after the other and prints one line each; the output of a failing one in full."""

import subprocess
import sys
from pathlib import Path


def main(programs: list[str]) -> int:
    failed = 0
    for program in programs:
        run = subprocess.run([program], capture_output=True, text=True, check=False)
        name = Path(program).name
        if run.returncode == 0:
            lines = run.stdout.strip().splitlines()
            print(f"pass  {name}  {lines[-1] if lines else ''}".rstrip())
        else:
            failed += 1
            print(f"FAIL  {name}, exit status {run.returncode}\n{run.stdout}{run.stderr}")
    print(f"libcovey: {len(programs) - failed} passed, {failed} failed")
    return 1 if failed or not programs else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
