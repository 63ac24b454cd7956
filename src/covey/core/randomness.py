"""Streams of pseudorandom numbers that every part of Covey derives from one seed (SplitMix64 as a counter generator).

Not for keys: these are for shuffling, rounding, sampling and tests.
"""

from covey.core.status import lib

_MASK = (1 << 64) - 1


def random_u64(seed: int, index: int) -> int:
    """Value `index` of the stream of `seed`, in [0, 2^64). Both are taken modulo 2^64."""
    return int(lib.covey_random_u64(seed & _MASK, index & _MASK))


def seed(parent: int, label: int) -> int:
    """The seed of an independent child stream, in [0, 2^64): one for each label."""
    return int(lib.covey_seed(parent & _MASK, label & _MASK))
