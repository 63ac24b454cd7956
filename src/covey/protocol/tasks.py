"""The Tasks of a round: what a cohort is told, in the bytes that travel."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from covey.core import DIGEST_BYTES, seed
from covey.protocol.effects import SendTasks
from covey.protocol.memory import Memory
from covey.protocol.seeds import child_seeds, word
from covey.protocol.settings import Settings
from covey.protocol.statistics import SEED_OF_TASKS, STATISTICS_ROUND
from covey.wire import Task

LONGEST_LIFETIME_MS = (1 << 32) - 1
FLOAT32 = np.dtype("<f4")


def statistics_tasks(settings: Settings, devices: NDArray[np.uint32]) -> SendTasks:
    """Ask `devices` for their sketches."""
    task = Task.statistics(round=STATISTICS_ROUND, lifetime_ms=lifetime_ms(settings, 1), rule=settings.sketch)
    return SendTasks(
        devices=devices,
        seeds=np.zeros(devices.size, np.uint64),
        is_equipped=np.ones(devices.size, np.bool_),
        task=task,
        full=b"",
        short=task.encode(),
    )


def training_tasks(settings: Settings, memory: Memory, devices: NDArray[np.uint32]) -> SendTasks:
    """Ask `devices` to train on the current model in the current round."""
    version = memory.current
    task_seed = seed(seed(settings.seed, SEED_OF_TASKS), memory.round)
    task = Task.training(
        round=memory.round,
        digest=version.digest[:DIGEST_BYTES],
        lifetime_ms=lifetime_ms(settings, settings.staleness + 1),
        seed=task_seed,
        recipe=settings.recipe,
        arguments=settings.trainer.arguments(memory.round, settings.rounds),
        sequence=version.sequence,
    )
    told = replace(task, variate=_bytes_of(memory.variate))
    is_equipped = memory.is_equipped[devices]
    full = short = b""
    if not is_equipped.any() or not is_equipped.all():
        full = replace(told, model=version.encode(), step_scale=_bytes_of(memory.step_scale)).encode()
    if is_equipped.any():
        short = replace(told, parameters=_bytes_of(version.parameters)).encode()
    return SendTasks(
        devices=devices,
        seeds=child_seeds(word(task_seed), devices.astype(np.uint64)),
        is_equipped=is_equipped,
        task=task,
        full=full,
        short=short,
    )


def lifetime_ms(settings: Settings, rounds: int) -> int:
    """How long a Task is worth doing whose update counts for so many rounds; 49 days at most, as Tasks can say it."""
    return min(rounds * settings.deadline_ms, LONGEST_LIFETIME_MS)


def _bytes_of(vector: NDArray[np.float32] | None) -> bytes | None:
    """A field of float32."""
    return None if vector is None else vector.astype(FLOAT32).tobytes()
