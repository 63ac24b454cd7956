"""A device's answer to a statistics Task: sums and histogram buckets of its features, never a row.

Columns travel as byte strings of little-endian numbers, so that a reader without numpy is quick too. What the sums mean
and whether they can be true is for `telemetry` to say; here they only have to be well-formed.
"""

import math
import struct
import sys
from array import array
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from operator import sub

from covey.errors import Code, WireError
from covey.wire.cbor import Limits, decode, encode
from covey.wire.reader import Reader, require_uint
from covey.wire.verdict import Verdict

VERSION = 1
#: 1,024 features with 129 buckets each, seven bytes a bucket at most, and their sums.
LIMITS = Limits(size_bytes=2 << 20, depth=1, items=32)
_WIDTHS = {1: "B", 2: "H", 4: "I"}  # bytes of a number: typecode of array


@dataclass(frozen=True, slots=True)
class Sketch:
    """Columns are array.array, which numpy.frombuffer reads without a copy.

    sums: "d", all features' first sum, then all features' second sum, and so on. pairs: "I", for each feature, how many
    buckets follow; bucket: "H", ascending within a feature, below 2^(9 + bits); tally: "I", rows in that bucket, not 0.
    """

    round: int
    counter: int
    rows: int
    bits: int
    sums: "array[float]"
    pairs: "array[int]"
    bucket: "array[int]"
    tally: "array[int]"
    held: int  # rows that the device holds; those sketched are a sample of them

    def encode(self) -> bytes:
        """The message; WireError if columns do not fit together or numbers are out of range."""
        for name in ("round", "counter", "rows", "held"):
            require_uint(name, getattr(self, name), 32)
        gaps = _gaps(self.pairs, self.bucket)
        if not _fits(self, gaps):
            raise WireError(Code.WIRE_FORMAT, "the columns of a sketch do not fit together")
        data = encode(
            {
                1: VERSION,
                2: self.round,
                3: self.counter,
                4: self.rows,
                5: self.bits,
                6: struct.pack(f"<{len(self.sums)}d", *self.sums),
                7: _narrow(self.pairs),
                8: _narrow(gaps),
                9: _narrow(self.tally),
                10: len(self.pairs),
                11: self.held,
            }
        )
        if len(data) > LIMITS.size_bytes:
            raise WireError(Code.WIRE_LIMIT, f"a sketch of {len(data)} bytes is more than {LIMITS.size_bytes}")
        return data

    @classmethod
    def decode(cls, data: bytes) -> "Sketch | Verdict":
        """The message, or why it is none."""
        reader = Reader(decode(data, LIMITS))
        reader.version(VERSION)
        round_number, counter, rows, bits = (
            reader.uint(2, 32),
            reader.uint(3, 32),
            reader.uint(4, 32),
            reader.uint(5, 3),
        )
        sums, pairs, gaps, tally = (reader.data(key) for key in (6, 7, 8, 9))
        n_features, rows_held = reader.uint(10, 32), reader.uint(11, 32)
        fault = reader.finish()
        if fault is not None:
            return fault
        counts = _widen(pairs, n_features)
        n_buckets = sum(counts) if counts is not None else 0
        steps, held = _widen(gaps, n_buckets), _widen(tally, n_buckets)
        if counts is None or steps is None or held is None or len(sums) % 8:
            return Verdict.MALFORMED
        total = array("d", struct.unpack(f"<{len(sums) // 8}d", sums))
        places = chain.from_iterable(accumulate(steps[first:last]) for first, last in _spans(counts))
        try:
            bucket = array("H", places)
        except OverflowError:
            return Verdict.MALFORMED
        sketch = cls(round_number, counter, rows, bits, total, array("I", counts), bucket, array("I", held), rows_held)
        if not all(map(math.isfinite, total)):
            return Verdict.NONFINITE
        return sketch if _fits(sketch, steps) else Verdict.MALFORMED


def _spans(pairs: "array[int] | list[int]") -> list[tuple[int, int]]:
    """Where each feature's buckets begin and end."""
    return list(pairwise(accumulate(pairs, initial=0)))


def _gaps(pairs: "array[int]", bucket: "array[int]") -> list[int]:
    """A feature's first bucket and then the distance to each next one; nothing is checked."""
    gaps = [*bucket[:1], *map(sub, bucket[1:], bucket)]
    for first, last in _spans(pairs):
        if first < min(last, len(bucket)):
            gaps[first] = bucket[first]
    return gaps


def _fits(sketch: Sketch, gaps: list[int]) -> bool:
    n, pairs = len(sketch.bucket), sketch.pairs
    if (
        not pairs
        or sketch.rows > sketch.held
        or len(sketch.sums) % len(pairs)
        or sum(pairs) != n
        or len(sketch.tally) != n
    ):
        return False
    if not 0 <= sketch.bits <= 7 or (n and max(sketch.bucket) >> (9 + sketch.bits)) or 0 in sketch.tally:
        return False
    if not all(map(math.isfinite, sketch.sums)):
        return False
    steps = list(gaps)
    for first, last in _spans(pairs):
        if first < last:
            steps[first] = 1  # the first bucket may be 0, a distance may not
    return min(steps, default=1) > 0


def _narrow(values: "array[int] | list[int]") -> bytes:
    """Little-endian numbers, each of 1, 2 or 4 bytes: the fewest that hold the largest."""
    most = max(values, default=0)
    width = 1 if most < 1 << 8 else 2 if most < 1 << 16 else 4
    column = array(_WIDTHS[width], values)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def _widen(data: bytes, n: int) -> list[int] | None:
    """The n numbers of a column; None if it is not their shortest form."""
    if n == 0 or len(data) % n or len(data) // n not in _WIDTHS:
        return [] if n == 0 and not data else None
    width = len(data) // n
    column = array(_WIDTHS[width])
    column.frombytes(data)
    if sys.byteorder == "big":
        column.byteswap()
    values = column.tolist()
    return values if width == 1 or max(values) >> (4 * width) else None
