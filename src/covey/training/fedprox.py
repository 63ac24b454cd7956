"""Proximal local training: Li et al. 2020."""

from dataclasses import dataclass

from covey.core import TrainingArguments
from covey.training.local_sgd import LocalSgd, check_range, sgd_arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class FedProx(LocalSgd):
    """Local steps held near the global model by a spring, so that devices with other rows drift less."""

    #: Strength of the spring (mu).
    proximal: float = 0.01

    def __post_init__(self) -> None:
        """Refuse a spring that pushes away."""
        LocalSgd.__post_init__(self)
        check_range("proximal", self.proximal, low=0.0, high=1e4)

    def arguments(self, round_number: int, rounds: int) -> TrainingArguments:
        """What a device of this round is told."""
        return sgd_arguments(self, round_number, rounds, proximal=self.proximal)
