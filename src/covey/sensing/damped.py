"""Counts that fade: of each key in a table of fixed size, with half-lives in seconds.

Arithmetic is float64 additions and multiplications only, so that counts are the same on every machine: the C library's
pow is not.
"""

from math import ldexp

_LN2 = 0.6931471805599453
_TERMS = 14  # of the series: the rest is below 2^-52 for an argument below ln 2


def half_life_factor(half_lives: float) -> float:
    """2^-x for x >= 0."""
    if half_lives >= 1_000.0:
        return 0.0
    whole = int(half_lives)
    x, total = -(half_lives - whole) * _LN2, 1.0
    for k in range(_TERMS, 0, -1):
        total = 1.0 + total * x / k
    return ldexp(total, -whole)


class DampedCounts:
    """For each key several counts, all fading with one half-life; the key least recently used gives way."""

    def __init__(self, half_life_s: float, n_counts: int, capacity: int) -> None:
        """Empty."""
        self.evictions = 0
        self._half_life_ns = half_life_s * 1e9
        self._n, self._capacity = n_counts, capacity
        self._table: dict[object, tuple[int, list[float]]] = {}

    def __contains__(self, key: object) -> bool:
        """Whether the key has counts."""
        return key in self._table

    def add(self, key: object, time_ns: int, *amounts: float) -> list[float]:
        """The counts of a key once they have faded to time_ns and the amounts are added; no time passes backwards."""
        last_ns, counts = self._table.pop(key, (time_ns, [0.0] * self._n))
        factor = half_life_factor(max(0, time_ns - last_ns) / self._half_life_ns)
        counts = [count * factor + amount for count, amount in zip(counts, amounts, strict=True)]
        self._table[key] = (max(last_ns, time_ns), counts)  # pop and set: the order of the dict is that of use
        if len(self._table) > self._capacity:
            del self._table[next(iter(self._table))]
            self.evictions += 1
        return counts
