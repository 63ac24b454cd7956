"""Seeds of many devices at once: the vectorised twin of `covey_seed` and `covey_random_u64`.

A test holds it to the core's. uint64 arithmetic wraps, as in C.
"""

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_TWIST = np.uint64(0xD1B54A32D192ED03)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_ONE = np.uint64(1)


def child_seeds(parents: Words, labels: Words) -> Words:
    """Seeds of independent child streams; parents and labels broadcast against each other."""
    return random_words(_mixed(parents ^ _TWIST), labels)


def random_words(seeds: Words, indices: Words) -> Words:
    """Value `index` of each seed's stream."""
    return _mixed(seeds + (indices + _ONE) * _GOLDEN)


def uniforms(words: Words) -> NDArray[np.float64]:
    """Numbers from 0 up to, not including, 1, from the words' upper 53 bits."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def word(value: int) -> Words:
    """One seed or label as an array that broadcasts and wraps without a warning, (1,)."""
    return np.array([value], np.uint64)


def _mixed(z: Words) -> Words:
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return z ^ (z >> np.uint64(31))
