"""What a server optimiser remembers from round to round."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

#: The moments of a server optimiser, each (parameters,) float64; empty for one that remembers nothing.
ServerState: TypeAlias = tuple[NDArray[np.float64], ...]

Parameters: TypeAlias = NDArray[np.float32]
Change: TypeAlias = NDArray[np.float64]


def moved(parameters: Parameters, step: Change) -> Parameters:
    """New float32 parameters (p,): the sum is taken in float64 and rounded once."""
    return (parameters.astype(np.float64) + step).astype(np.float32)
