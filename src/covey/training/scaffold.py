"""SCAFFOLD: Karimireddy et al. 2020, option II, with one vector on the way up.

A device adds `c - c_i` to every gradient, where c_i is the mean gradient it saw last time and c the fleet's mean of
them, so devices with different rows no longer drift apart. Its new c_i follows from the update it sent:
`c_i - c - update / reach`, reach being how far a unit gradient would have moved it. The server knows all of that too,
so it derives the change of c from the very same bytes, and nothing but the update travels up. The device keeps a new
c_i only once a receipt tells it that its update is durable, and the server counts what it accepted whatever becomes of
the round, so both sides count the same updates. They part, for good, by the share of a device that gives up between the
two: its Task expires, or it loses its memory, after its update was accepted and before any receipt came through.
"""

from dataclasses import dataclass
from typing import ClassVar

from covey.core import TrainingArguments
from covey.training.local_sgd import LocalSgd, sgd_arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaffold(LocalSgd):
    """Local steps corrected for what this device's rows pull towards more than the fleet's do."""

    has_variates: ClassVar[bool] = True

    def arguments(self, round_number: int, rounds: int) -> TrainingArguments:
        """What a device of this round is told besides c; its c_i never leaves it."""
        return sgd_arguments(self, round_number, rounds)
