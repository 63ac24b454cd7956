"""Server optimisers that take the mean change as it is, or with momentum.

FedAvg: McMahan et al. 2017. FedAvgM: Hsu, Qi, Brown 2019.
"""

from dataclasses import dataclass

import numpy as np

from covey.aggregation.server_state import Change, Parameters, ServerState, moved
from covey.errors import Code, PlanError


@dataclass(frozen=True, slots=True)
class FedAvg:
    """The new model is the old one plus the mean change."""

    learning_rate: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a step of no length."""
        check_learning_rate(self.learning_rate)

    def start(self, n_parameters: int) -> ServerState:
        """Nothing to remember."""
        del n_parameters
        return ()

    def step(self, parameters: Parameters, change: Change, state: ServerState) -> tuple[Parameters, ServerState]:
        """The model after `change` (p,), and the state for the next round; inputs stay as they are."""
        return moved(parameters, self.learning_rate * change), state


@dataclass(frozen=True, slots=True)
class FedAvgM:
    """The mean change feeds a momentum, which moves the model: rounds that agree add up, noise cancels."""

    learning_rate: float = 1.0
    momentum: float = 0.9
    #: Look ahead along the momentum (Nesterov).
    nesterov: bool = False

    def __post_init__(self) -> None:
        """Refuse steps of no length and a momentum that never ends."""
        check_learning_rate(self.learning_rate)
        check_decay("momentum", self.momentum)

    def start(self, n_parameters: int) -> ServerState:
        """The momentum, at rest."""
        return (np.zeros(n_parameters),)

    def step(self, parameters: Parameters, change: Change, state: ServerState) -> tuple[Parameters, ServerState]:
        """The model after `change` (p,), and the state for the next round; inputs stay as they are."""
        momentum = self.momentum * state[0] + change
        ahead = change + self.momentum * momentum if self.nesterov else momentum
        return moved(parameters, self.learning_rate * ahead), (momentum,)


def check_learning_rate(learning_rate: float) -> None:
    """PlanError unless the learning rate is above 0."""
    if not learning_rate > 0.0:
        raise PlanError(Code.PLAN_OUT_OF_RANGE, f"learning_rate must be above 0, not {learning_rate}")


def check_decay(name: str, value: float) -> None:
    """PlanError unless a decay is from 0 up to, not including, 1."""
    if not 0.0 <= value < 1.0:
        raise PlanError(Code.PLAN_OUT_OF_RANGE, f"{name} must be from 0 to below 1, not {value}")
