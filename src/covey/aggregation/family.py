"""What every aggregator and every server optimiser can do; the coordinator knows them by this alone."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from covey.aggregation.server_state import Change, Parameters, ServerState

Arrays = dict[str, NDArray[np.generic]]


class RunningAggregate(Protocol):
    """The updates of one round on their way to one change.

    Rule: cutting the updates into other blocks changes no bit of the result, so a live coordinator, which gets them one
    by one, and a simulated one agree.
    """

    def add(
        self,
        messages: NDArray[np.uint8],
        offsets: NDArray[np.uint64],
        headers: NDArray[np.void],
        weights: NDArray[np.float64],
        threads: int,
    ) -> None:
        """Take in n update messages, in order.

        Message i begins at messages[offsets[i]]; headers (n) of core.UPDATE_HEADER_FIELDS were read from them, and
        those with a weight are sound. Weight 0 leaves a message out, whatever it is. core.accumulate_updates adds
        without a decoded copy, core.decode_updates gives the values.
        """

    def change(self) -> Change:
        """What all updates come to, (parameters,) float64. At least one was taken in."""

    def arrays(self) -> Arrays:
        """Everything, as named arrays, for a snapshot."""


class Aggregator(Protocol):
    """A rule that makes one change of many updates: the frozen dataclass that a Plan names."""

    def weights(self, examples: NDArray[np.uint32]) -> NDArray[np.float64]:
        """What updates trained on so many rows (n) weigh, (n), each above 0."""

    def start(self, n_parameters: int) -> RunningAggregate:
        """A round without updates."""

    def restore(self, arrays: Arrays) -> RunningAggregate:
        """The round that `arrays` was taken of."""


class ServerOptimiser(Protocol):
    """How a round's change moves the model: the frozen dataclass that a Plan names."""

    def start(self, n_parameters: int) -> ServerState:
        """What it remembers before the first round."""

    def step(self, parameters: Parameters, change: Change, state: ServerState) -> tuple[Parameters, ServerState]:
        """The model (p,) after `change` (p,), and what to remember; inputs stay as they are."""
