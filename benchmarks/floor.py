"""The speed floor of CI: vector kernels against the portable one, on one thread, taking turns in the same run.

A compiler that no longer vectorises a kernel makes it many times slower, which a ratio shows on any machine, however
busy. The floors are half or less of what is measured on an idle one (benchmarks/core.py, benchmarks/watch.py). The path
from a capture to alarms has a floor in packets/s as well: the slowest gateway that we promise it to.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from captures import make_capture
from core import kernels, mlp_job, spline_job, train_with
from covey import core
from table import medians
from watch import MODELS, STAGES, Detector, detector, rows_of, run
from work import MLP

FLOORS = {  # times as fast as the portable kernels
    "MLP": {"sse2": 1.8, "neon": 1.5, "avx2": 3.5, "avx512": 4.0},
    "spline": {"sse2": 2.5, "neon": 1.5, "avx2": 4.0, "avx512": 4.0},
    "encode": {"sse2": 1.3, "neon": 1.0, "avx2": 3.0, "avx512": 3.3},
    "int8": {"sse2": 3.0, "neon": 1.2, "avx2": 6.0, "avx512": 6.0},
}
PACKETS_A_SECOND = 150_000  # a million is measured
REPEATS = 5


def encode_with(kernel: str, one: Detector, rows: np.ndarray, inputs: np.ndarray) -> None:
    core.select_kernel(kernel)
    core.encode(one.encoding, rows, inputs, len(rows))


def predict_with(kernel: str, one: Detector, inputs: np.ndarray, outputs: np.ndarray) -> None:
    core.select_kernel(kernel)
    core.int8_predict(one.model, one.data, inputs, len(inputs), outputs)


def too_slow(name: str, work: Callable[[str], None]) -> int:
    """How many kernels are not as many times as fast as the portable one as they should be; one line for each."""
    found = kernels()
    seconds = medians([partial(work, kernel) for kernel in found], REPEATS)
    slow = 0
    for kernel, second in list(zip(found, seconds, strict=True))[1:]:
        ratio, floor = seconds[0] / second, FLOORS[name][kernel]
        slow += ratio < floor
        print(f"{name:8} {kernel:8} {ratio:6.2f} times portable, floor {floor}  {verdict(ratio >= floor)}")
    return slow


def verdict(is_fast: bool) -> str:
    return "ok" if is_fast else "TOO SLOW"


def main() -> int:
    work = replace(MLP, n_clients=200)
    slow = too_slow("MLP", partial(train_with, n_threads=1, one=mlp_job(work)))
    slow += too_slow("spline", partial(train_with, n_threads=1, one=spline_job(work)))
    capture = make_capture(100_000)
    rows = rows_of(capture)[:20_000]
    one = detector(next(iter(MODELS.values())), rows)
    inputs, outputs = np.empty_like(rows), np.empty((len(rows), one.model.n_outputs), np.float32)
    slow += too_slow("encode", partial(encode_with, one=one, rows=rows, inputs=inputs))
    slow += too_slow("int8", partial(predict_with, one=one, inputs=inputs, outputs=outputs))
    core.select_kernel(kernels()[-1])
    (seconds,) = medians([partial(run, capture, one, [0] * len(STAGES))], REPEATS)
    rate = 100_000 / seconds
    print(f"watch    {rate:,.0f} packets/s, floor {PACKETS_A_SECOND:,}  {verdict(rate >= PACKETS_A_SECOND)}")
    return 1 if slow or rate < PACKETS_A_SECOND else 0


if __name__ == "__main__":
    sys.exit(main())
