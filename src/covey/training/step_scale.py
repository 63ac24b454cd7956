"""Steps of a spline layer's rows, scaled by how rarely the fleet's values touch them.

A row's gradient is a mean over rows of data of which most do not touch it; dividing by the share that does makes all
rows learn at one pace (a frozen diagonal preconditioner). The shares come from the statistics round, so no device
reveals anything more and nothing needs to be synchronised later. One number a row travels; whoever needs one a
parameter, device or server, spreads them with `spread_steps`.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from covey.core import LayerKind
from covey.models import ModelSpec

#: Keeps rows that nothing touches from endless steps.
FLOOR = 1e-3

SPLINE_WEIGHT = "0.weight"  # the spline layer is always the first


class StepScale(StrEnum):
    """What multiplies the step of each parameter, the same on all devices and in all rounds."""

    NONE = "none"
    #: A spline layer's row moves only when a value is near its knot; rare ones get longer steps.
    KNOT_SHARE = "knot_share"


def knot_steps(shares: NDArray[np.float32], cap: float) -> NDArray[np.float32]:
    """The multiplier of each row of the spline layer (n,) from the row's share (n,)."""
    return np.minimum(1.0 / (shares.astype(np.float64) + FLOOR), cap).astype(np.float32)


def spread_steps(spec: ModelSpec, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The multiplier of each parameter (n_parameters,) from that of each row of the spline layer; 1 elsewhere.

    ValueError where the model's first layer is no spline with so many rows.
    """
    first = spec.layers[0]
    if first.kind is not LayerKind.SPLINE or rows.shape != (first.knots,):
        raise ValueError(f"step scales for {rows.size} rows do not fit this model")
    steps = np.ones(spec.n_parameters, np.float32)
    spec.layout.views(steps)[SPLINE_WEIGHT][:] = rows[:, np.newaxis]
    return steps
