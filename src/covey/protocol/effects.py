"""What a coordinator wants done. It does nothing itself: results come back as events."""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from covey.models import ModelVersion
from covey.protocol.records import RoundRecord
from covey.wire import Task, TaskKind, Verdict

_DURABLE = np.array([verdict.durable for verdict in Verdict])


@dataclass(frozen=True, slots=True, eq=False)
class SendTasks:
    """Ask n devices to train (or to sketch), each by one of two encoded Tasks with a seed of its own in it.

    Seeds have a fixed width, so what a device is sent is as long as the one here. In the statistics round all get the
    short one.
    """

    devices: NDArray[np.uint32]  # (n), ascending
    seeds: NDArray[np.uint64]  # (n)
    is_equipped: NDArray[np.bool_]  # (n): keeps what the full Task brought once, and gets the short one
    task: Task  # what both say, without model and vectors
    full: bytes  # with the model's file; empty where all get the short one
    short: bytes  # with the parameters alone; empty where nobody gets it

    @property
    def sizes(self) -> NDArray[np.uint32]:
        """Bytes of each device's Task, (n)."""
        return np.where(self.is_equipped, len(self.short), len(self.full)).astype(np.uint32)

    def message(self, row: int) -> bytes:
        """The bytes that one of the devices is sent, its seed in them."""
        content = self.short if self.is_equipped[row] else self.full
        task = Task.decode(content)
        if not isinstance(task, Task):
            raise TypeError(f"the coordinator made a Task that is {task.label}")
        return content if task.kind is TaskKind.STATISTICS else replace(task, seed=int(self.seeds[row])).encode()


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
