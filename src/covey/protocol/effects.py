"""What a coordinator wants done. It does nothing itself: results come back as events."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from covey.models import ModelVersion
from covey.protocol.records import RoundRecord
from covey.wire import Task, Verdict

_DURABLE = np.array([verdict.durable for verdict in Verdict])


@dataclass(frozen=True, slots=True, eq=False)
class SendTasks:
    """Ask n devices to train (or to sketch). The Task is the same for all but for the seed."""

    devices: NDArray[np.uint32]  # (n), ascending
    seeds: NDArray[np.uint64]  # (n): replaces the Task's
    sizes: NDArray[np.uint32]  # (n): bytes on the way down: Task, parameters, what a newcomer needs besides
    task: Task
    version: ModelVersion | None  # the model to start from; None in the statistics round
    variate: NDArray[np.float32] | None  # (parameters): the fleet's control variate, where the trainer has one
    step_scale: NDArray[np.float32] | None  # (parameters): multiplies each step, where the trainer has one


@dataclass(frozen=True, slots=True, eq=False)
class SendReceipts:
    """Answer n messages, in the order of the block they came in."""

    devices: NDArray[np.uint32]  # (n)
    rounds: NDArray[np.uint32]  # (n)
    counters: NDArray[np.uint32]  # (n)
    verdicts: NDArray[np.uint8]  # (n) of Verdict

    @property
    def durable(self) -> NDArray[np.bool_]:
        """Which of the messages are kept for good, (n)."""
        return _DURABLE[self.verdicts]


@dataclass(frozen=True, slots=True, eq=False)
class Validate:
    """Judge a candidate; answer with ValidationDone."""

    candidate: ModelVersion


@dataclass(frozen=True, slots=True, eq=False)
class Publish:
    """Make this the fleet's model from now on."""

    version: ModelVersion


@dataclass(frozen=True, slots=True)
class RecordRound:
    """Write this down."""

    record: RoundRecord


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing more will be asked. `complete` is false when the statistics round found too few devices."""

    complete: bool


Effect: TypeAlias = SendTasks | SendReceipts | Validate | Publish | RecordRound | Finished
