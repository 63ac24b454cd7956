"""The Tasks of a round: what a cohort is told, what that weighs on its way down, and what a device makes of it."""

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from covey.core import DIGEST_BYTES, Codec, Recipe, TrainingArguments, seed
from covey.protocol.effects import SendTasks
from covey.protocol.memory import Memory
from covey.protocol.seeds import child_seeds, word
from covey.protocol.settings import Settings
from covey.protocol.statistics import SEED_OF_TASKS, STATISTICS_ROUND
from covey.wire import Task

LONGEST_LIFETIME_MS = (1 << 32) - 1


def statistics_tasks(settings: Settings, devices: NDArray[np.uint32]) -> SendTasks:
    """Ask `devices` for their sketches."""
    task = Task.statistics(round=STATISTICS_ROUND, lifetime_ms=lifetime_ms(settings, 1), rule=settings.sketch)
    seeds = np.zeros(devices.size, np.uint64)
    sizes = np.full(devices.size, len(task.encode()), np.uint32)
    return SendTasks(devices, seeds, sizes, task, version=None, variate=None, step_scale=None)


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
    vectors = 1 if memory.variate is None else 2
    size = len(task.encode()) + vectors * vector_field_bytes(version.spec.float32_bytes)
    sizes = np.full(devices.size, size, np.uint32)
    is_new = memory.counters.last[devices] <= 1  # at most its sketch came from it
    sizes[is_new] += np.uint32(version.encoding.size_bytes + memory.step_scale_bytes)
    seeds = child_seeds(word(task_seed), devices.astype(np.uint64))
    return SendTasks(devices, seeds, sizes, task, version, memory.variate, memory.step_scale)


def vector_field_bytes(size: int) -> int:
    """What a vector of so many bytes adds to a Task: its key, the head of a CBOR byte string, and itself."""
    head = 1 if size < 24 else 2 if size < 1 << 8 else 3 if size < 1 << 16 else 5
    return 1 + head + size


def lifetime_ms(settings: Settings, rounds: int) -> int:
    """How long a Task is worth doing whose update counts for so many rounds; 49 days at most, as Tasks can say it."""
    return min(rounds * settings.deadline_ms, LONGEST_LIFETIME_MS)


def recipe_of(task: Task) -> Recipe:
    """How the update of this training task is to be packed."""
    if task.recipe is None:
        raise ValueError("this task asks for no update")
    return Recipe(Codec(task.recipe.codec), task.recipe.block, task.recipe.clip_norm)


def arguments_of(task: Task, step_scale: NDArray[np.float32] | None) -> TrainingArguments:
    """How to train for this task."""
    if task.terms is None:
        raise ValueError("this task asks for no training")
    return TrainingArguments(**asdict(task.terms), step_scale=step_scale)
