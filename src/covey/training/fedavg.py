"""Plain local training: McMahan et al. 2017."""

from dataclasses import dataclass

from covey.core import TrainingArguments
from covey.training.local_sgd import LocalSgd, sgd_arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class FedAvg(LocalSgd):
    """Plain local steps; what the device learned is the difference of the models."""

    def arguments(self, round_number: int, rounds: int) -> TrainingArguments:
        """What a device of this round is told."""
        return sgd_arguments(self, round_number, rounds)
