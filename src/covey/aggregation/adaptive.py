"""Adaptive server optimisers: Reddi et al. 2021, "Adaptive Federated Optimization", algorithm 2.

Both keep a first and a second moment of the mean change and divide by the root of the second. As in the paper there is
no bias correction, and `floor` (its tau) bounds how much a quiet coordinate is blown up.
"""

from dataclasses import dataclass

import numpy as np

from covey.aggregation.averaging import check_decay, check_learning_rate
from covey.aggregation.server_state import Change, Parameters, ServerState, moved
from covey.errors import Code, PlanError


@dataclass(frozen=True, slots=True)
class FedAdam:
    """Steps scaled coordinate by coordinate by an exponential mean of squared changes."""

    learning_rate: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.99
    floor: float = 0.001

    def __post_init__(self) -> None:
        """Refuse values outside the paper's."""
        _check(self.learning_rate, self.beta1, self.beta2, self.floor)

    def start(self, n_parameters: int) -> ServerState:
        """Both moments; the second starts at floor squared, as in the paper."""
        return np.zeros(n_parameters), np.full(n_parameters, self.floor**2)

    def step(self, parameters: Parameters, change: Change, state: ServerState) -> tuple[Parameters, ServerState]:
        """The model after `change` (p,), and the state for the next round; inputs stay as they are."""
        first = self.beta1 * state[0] + (1.0 - self.beta1) * change
        second = self.beta2 * state[1] + (1.0 - self.beta2) * change**2
        return moved(parameters, self.learning_rate * first / (np.sqrt(second) + self.floor)), (first, second)


@dataclass(frozen=True, slots=True)
class FedYogi:
    """As FedAdam, but the second moment moves by a fixed share of the squared change: it forgets more slowly."""

    learning_rate: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.99
    floor: float = 0.001

    def __post_init__(self) -> None:
        """Refuse values outside the paper's."""
        _check(self.learning_rate, self.beta1, self.beta2, self.floor)

    def start(self, n_parameters: int) -> ServerState:
        """Both moments; the second starts at floor squared, as in the paper."""
        return np.zeros(n_parameters), np.full(n_parameters, self.floor**2)

    def step(self, parameters: Parameters, change: Change, state: ServerState) -> tuple[Parameters, ServerState]:
        """The model after `change` (p,), and the state for the next round; inputs stay as they are."""
        square = change**2
        first = self.beta1 * state[0] + (1.0 - self.beta1) * change
        second = state[1] - (1.0 - self.beta2) * square * np.sign(state[1] - square)
        return moved(parameters, self.learning_rate * first / (np.sqrt(second) + self.floor)), (first, second)


def _check(learning_rate: float, beta1: float, beta2: float, floor: float) -> None:
    check_learning_rate(learning_rate)
    check_decay("beta1", beta1)
    check_decay("beta2", beta2)
    if not floor > 0.0:
        raise PlanError(Code.PLAN_OUT_OF_RANGE, f"floor must be above 0, not {floor}")
