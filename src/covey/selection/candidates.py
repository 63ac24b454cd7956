"""What a selector may know of a fleet, and the draw without replacement that all selectors share.

Rule: a selection costs time and memory in the size of the cohort, not of the population, so states are asked for by
device and only for those drawn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Devices: TypeAlias = NDArray[np.uint32]

#: From here on a draw keeps a set of what it drew; below, a permutation is cheaper.
SPARSE_SHARE = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class DeviceStates:
    """What n devices last said of themselves, one value a device."""

    battery: NDArray[np.float32]  # 0 empty to 1 full; 1 on mains
    charging: NDArray[np.bool_]  # or on mains
    metered: NDArray[np.bool_]  # the link costs by the byte
    rows: NDArray[np.int64]  # training rows at hand


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """A population to select from: devices are the numbers 0 to size - 1."""

    size: int
    states: Callable[[Devices], DeviceStates]


def draw_devices(size: int, count: int, rng: np.random.Generator) -> Devices:
    """`count` different devices of `size`, ascending, each set of that size equally likely; all when count >= size."""
    if count >= size:
        return np.arange(size, dtype=np.uint32)
    if count > SPARSE_SHARE * size:
        return np.sort(rng.permutation(size)[:count]).astype(np.uint32)
    drawn = np.unique(rng.integers(0, size, count, dtype=np.uint32))
    while drawn.size < count:
        more = rng.integers(0, size, count - drawn.size, dtype=np.uint32)
        drawn = np.unique(np.concatenate((drawn, more)))
    return drawn
