"""State as named arrays, which snapshots and checkpoints are made of; parts of it have names with a prefix."""

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[np.generic]]


def below(prefix: str, arrays: Arrays) -> Arrays:
    """The arrays of one part, by their names without its prefix."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
