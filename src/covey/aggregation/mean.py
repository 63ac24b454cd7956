"""The streaming weighted mean: constant memory, whatever the size of the cohort.

Rules: sums are float64 and taken in the order of arrival, so blocks of any size give the same bits; a message is added
as it travelled, without a decoded copy.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from covey.aggregation.family import Arrays
from covey.core import accumulate_updates


class Weighting(StrEnum):
    """What an update weighs."""

    EXAMPLES = "examples"
    EQUAL = "equal"


@dataclass(frozen=True, slots=True)
class Mean:
    """The weighted mean of the updates (McMahan et al. 2017)."""

    #: `examples`: by training rows, the mean over the fleet's rows. `equal`: by device, whatever it holds.
    weighting: Weighting = Weighting.EXAMPLES

    def weights(self, examples: NDArray[np.uint32]) -> NDArray[np.float64]:
        """Weights (n,) of updates trained on `examples` (n,) rows."""
        return examples.astype(np.float64) if self.weighting is Weighting.EXAMPLES else np.ones(examples.size)

    def start(self, n_parameters: int) -> "StreamingMean":
        """A sum of nothing."""
        return StreamingMean(np.zeros(n_parameters), 0.0)

    def restore(self, arrays: Arrays) -> "StreamingMean":
        """The sum that `arrays` was taken of."""
        return StreamingMean(arrays["total"].astype(np.float64), float(arrays["weight"][0]))


@dataclass(slots=True, eq=False)
class StreamingMean:
    """A weighted sum of updates under way."""

    total: NDArray[np.float64]  # (parameters): the weighted sum
    weight: float

    def add(
        self,
        messages: NDArray[np.uint8],
        offsets: NDArray[np.uint64],
        headers: NDArray[np.void],
        weights: NDArray[np.float64],
        threads: int,
    ) -> None:
        """Add update messages already read as sound, by their weights (n,); weight 0 leaves one out."""
        accumulate_updates(messages, offsets, headers, weights, self.total, n_threads=threads)
        self.weight = ordered_sum(self.weight, weights)

    def change(self) -> NDArray[np.float64]:
        """The mean update (parameters,); ValueError when nothing was added."""
        if not self.weight > 0.0:
            raise ValueError("the mean of no updates")
        return self.total / self.weight

    def arrays(self) -> Arrays:
        """For a snapshot."""
        return {"total": self.total, "weight": np.array([self.weight])}


def ordered_sum(start: float, values: NDArray[np.float64]) -> float:
    """`start` plus each value in turn: unlike np.sum, the same bits however the values are split into calls."""
    if values.size == 0:
        return start
    return float(np.add.accumulate(np.concatenate(([start], values)))[-1])
