"""What trainers by local stochastic gradient descent share.

The fields are one flat table because that is what a Plan's author writes, so trainers take them over by one level of
inheritance; nothing is overridden.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import cos, pi
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from covey.core import TrainingArguments
from covey.errors import Code, PlanError
from covey.training.step_scale import StepScale


class Schedule(StrEnum):
    """How the learning rate goes down over the rounds."""

    CONSTANT = "constant"
    COSINE = "cosine"
    LINEAR = "linear"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSgd:
    """What all trainers share: how long, in which batches, how far a step goes."""

    #: Passes over a device's rows.
    epochs: int = 1
    #: Mini-batches, the same number on every device, in place of `epochs`; 0: as `epochs` says.
    steps: int = 0
    batch: int = 16
    learning_rate: float = 0.1
    #: How the learning rate goes down over the rounds, and the share of it that is left in the last one.
    schedule: Schedule = Schedule.CONSTANT
    final_share: float = 0.02
    momentum: float = 0.0
    weight_decay: float = 0.0
    #: L2 limit of a step's gradient; 0: none.
    gradient_clip: float = 0.0
    #: Share of a row's label that is spread over all classes, so that a model does not grow too sure.
    label_smoothing: float = 0.0
    #: Train with weights rounded to int8, for models whose int8 form loses too much otherwise.
    fake_quantise: bool = False

    #: Longer steps for rows of the spline layer that few values touch, at most `step_cap` times as long.
    step_scale: StepScale = StepScale.NONE
    step_cap: float = 100.0

    #: Take the rows in a new order in every pass.
    shuffle: bool = True

    #: Devices keep a control variate each, and the server broadcasts the fleet's.
    has_variates: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse values that the core refuses, or that train nothing."""
        check_range("epochs", self.epochs, low=1, high=1_000)
        check_range("steps", self.steps, low=0, high=1_000_000)
        check_range("batch", self.batch, low=1, high=1_024)
        check_range("final_share", self.final_share, low=0.0, high=1.0)
        check_range("weight_decay", self.weight_decay, low=0.0, high=1.0)
        check_range("step_cap", self.step_cap, low=1.0, high=1e6)
        check_range("gradient_clip", self.gradient_clip, low=0.0, high=1e6)
        for name, value in (("momentum", self.momentum), ("label_smoothing", self.label_smoothing)):
            if not 0.0 <= value < 1.0:
                raise _out_of_range(name, "from 0 to below 1", value)
        if not 0.0 < self.learning_rate <= 100.0:
            raise _out_of_range("learning_rate", "above 0 and at most 100", self.learning_rate)

    def rate(self, round_number: int, rounds: int) -> float:
        """The learning rate of a round, 1 to `rounds`."""
        done = (round_number - 1) / max(1, rounds - 1)
        if self.schedule is Schedule.CONSTANT:
            return self.learning_rate
        left = 1.0 - done if self.schedule is Schedule.LINEAR else 0.5 * (1.0 + cos(pi * done))
        return self.learning_rate * (self.final_share + (1.0 - self.final_share) * left)

    def steps_for(self, examples: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Mini-batches that devices with so many rows (n,) train, (n,)."""
        return _steps_of(self.steps, self.epochs, self.batch, examples)

    def rows_for(self, examples: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows that devices with so many (n) go through in a round, each time counted, (n)."""
        if self.steps:
            return self.steps * np.minimum(self.batch, examples)
        return self.epochs * examples

    def reach(self, round_number: int, rounds: int, examples: NDArray[np.uint32]) -> NDArray[np.float64]:
        """How far a lasting unit gradient moves devices with so many rows (n) in a round, (n), without a step scale."""
        return reach_of(sgd_arguments(self, round_number, rounds), examples)


def sgd_arguments(trainer: LocalSgd, round_number: int, rounds: int, proximal: float = 0.0) -> TrainingArguments:
    """The core's arguments for local steps of `trainer`; the seed is replaced device by device."""
    return TrainingArguments(
        epochs=0 if trainer.steps else trainer.epochs,
        max_steps=trainer.steps,
        batch=trainer.batch,
        learning_rate=trainer.rate(round_number, rounds),
        momentum=trainer.momentum,
        weight_decay=trainer.weight_decay,
        proximal=proximal,
        gradient_clip=trainer.gradient_clip,
        label_smoothing=trainer.label_smoothing,
        fake_quantise=trainer.fake_quantise,
        shuffle=trainer.shuffle,
    )


def reach_of(arguments: TrainingArguments, examples: NDArray[np.uint32]) -> NDArray[np.float64]:
    """How far a lasting unit gradient moves devices with so many rows (n) that are told `arguments`, (n).

    S steps with momentum mu, which starts at rest, add up to (S - mu (1 - mu^S) / (1 - mu)) / (1 - mu).
    """
    mu = arguments.momentum
    steps = _steps_of(arguments.max_steps, arguments.epochs, arguments.batch, examples)
    lasting = (steps - mu * (1.0 - mu**steps) / (1.0 - mu)) / (1.0 - mu)
    return arguments.learning_rate * lasting


def _steps_of(fixed: int, epochs: int, batch: int, examples: NDArray[np.uint32]) -> NDArray[np.int64]:
    if fixed:
        return np.full(examples.size, fixed, np.int64)
    return epochs * -(-examples.astype(np.int64) // batch)


def check_range(name: str, value: float, *, low: float, high: float) -> None:
    """PlanError unless `value` is from `low` to `high`."""
    if not low <= value <= high:
        raise _out_of_range(name, f"from {low} to {high}", value)


def _out_of_range(name: str, bounds: str, value: float) -> PlanError:
    return PlanError(Code.PLAN_OUT_OF_RANGE, f"{name} must be {bounds}, not {value}")
