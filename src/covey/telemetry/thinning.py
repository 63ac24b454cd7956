"""Which of a device's rows are learnt from where there are more than a device would keep: fair in time, fair in kind.

A flood of a second has more packets than an hour of a thermostat. So the rows of one kind are chosen by filling slots
of time evenly, as one fills cups from a jug: each slot gets the same number of rows, or all that it has where these are
fewer. Within a slot, and among slots for the last round of the jug, rows are taken at even distances from a start that
the seed gives. The same rows and seed give the same choice on every machine.
"""

import hashlib

import numpy as np

from covey.telemetry.dataset import Indices


def phase(seed: int, *names: str) -> float:
    """A number in [0, 1) that belongs to a seed and names."""
    digest = hashlib.blake2b("\0".join((str(seed), *names)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") / 2**64


def thinned(slots: Indices, most: int, start: float) -> Indices:
    """Positions, ascending, of at most `most` of n rows; `slots` (n) says their slots of time, `start` is in [0, 1)."""
    if slots.size <= most:
        return np.arange(slots.size, dtype=np.int64)
    _, members, sizes = np.unique(slots, return_inverse=True, return_counts=True)
    quota = _quota(sizes, most)
    left = most - int(np.minimum(sizes, quota).sum())
    wanted = np.minimum(sizes, quota)
    wanted[np.flatnonzero(sizes > quota)[_spread(int((sizes > quota).sum()), left, start)]] += 1
    order = np.argsort(members, kind="stable")
    firsts = np.cumsum(sizes) - sizes
    chosen = [order[first + _spread(size, n, start)] for first, size, n in zip(firsts, sizes, wanted, strict=True) if n]
    return np.sort(np.concatenate(chosen)).astype(np.int64) if chosen else np.zeros(0, np.int64)


def _quota(sizes: Indices, most: int) -> int:
    """The greatest number of rows that each slot can give (or all it has) without giving more than `most` in all."""
    ascending = np.sort(sizes)
    # With the k smallest slots given whole, the others share what is left.
    whole = np.cumsum(ascending) - ascending
    shares = (most - whole) // np.arange(sizes.size, 0, -1)
    fits = shares < ascending
    return int(shares[np.argmax(fits)])


def _spread(n: int, wanted: int, start: float) -> Indices:
    """`wanted` of n positions at even distances, the first within one distance from 0."""
    return np.floor((np.arange(wanted) + start) * n / max(wanted, 1)).astype(np.int64)
