"""The speed floor of CI: vector kernels against the portable one, on one thread, taking turns in the same run.

A compiler that no longer vectorises a kernel makes it many times slower, which a ratio shows on any machine, however
busy. The floors are half or less of what is measured on an idle one (benchmarks/core.py).
"""

import sys
from dataclasses import replace
from functools import partial

from core import kernels, mlp_job, spline_job, train_with
from table import medians
from work import MLP

FLOORS = {  # times as fast as the portable kernels
    "MLP": {"sse2": 1.8, "neon": 1.5, "avx2": 3.5, "avx512": 4.0},
    "spline": {"sse2": 2.5, "neon": 1.5, "avx2": 4.0, "avx512": 4.0},
}
REPEATS = 5


def main() -> int:
    work = replace(MLP, n_clients=200)
    slow = 0
    for name, one in (("MLP", mlp_job(work)), ("spline", spline_job(work))):
        found = kernels()
        seconds = medians([partial(train_with, kernel, 1, one) for kernel in found], REPEATS)
        for kernel, second in list(zip(found, seconds, strict=True))[1:]:
            ratio, floor = seconds[0] / second, FLOORS[name][kernel]
            slow += ratio < floor
            verdict = "ok" if ratio >= floor else "TOO SLOW"
            print(f"{name:8} {kernel:8} {ratio:6.2f} times portable, floor {floor}  {verdict}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
