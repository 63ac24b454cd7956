"""What every trainer can do; coordinator and devices know them by this alone."""

from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from covey.core import TrainingArguments
from covey.training.step_scale import StepScale


class Trainer(Protocol):
    """How devices train on their own rows: the frozen dataclass that a Plan names."""

    #: Devices keep a control variate each and the server broadcasts the fleet's (training.variates).
    has_variates: ClassVar[bool]

    @property
    def step_scale(self) -> StepScale:
        """What multiplies the steps of the parameters."""

    @property
    def step_cap(self) -> float:
        """The longest step, as a multiple."""

    def arguments(self, round_number: int, rounds: int) -> TrainingArguments:
        """What a device is told in a round, 1 to `rounds`; the seed is replaced device by device."""

    def steps_for(self, examples: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Mini-batches that devices with so many rows (n) train in a round, (n)."""

    def rows_for(self, examples: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows that devices with so many (n) go through in a round, each time counted, (n)."""

    def reach(self, round_number: int, rounds: int, examples: NDArray[np.uint32]) -> NDArray[np.float64]:
        """How far a lasting unit gradient moves devices with so many rows (n), (n), before any step scale."""
