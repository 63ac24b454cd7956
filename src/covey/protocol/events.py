"""What a coordinator is told. Time is an argument of `handle`, so no event carries it except where messages differ."""

from dataclasses import dataclass
from typing import TypeAlias

from covey.protocol.blocks import MessageBlock


@dataclass(frozen=True, slots=True)
class Started:
    """The first event: the fleet is there, begin."""


@dataclass(frozen=True, slots=True, eq=False)
class SketchesReceived:
    """Sketches of the statistics round."""

    block: MessageBlock


@dataclass(frozen=True, slots=True, eq=False)
class UpdatesReceived:
    """Updates; at most `Coordinator.room()` of them, so that none outlives the round it is judged in."""

    block: MessageBlock


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """It is `next_deadline()` or later."""


@dataclass(frozen=True, slots=True)
class ValidationDone:
    """The answer to Validate: whether the candidate of that sequence may be published."""

    sequence: int
    passed: bool


Event: TypeAlias = Started | SketchesReceived | UpdatesReceived | DeadlinePassed | ValidationDone
