"""What a device makes of a Task: the work to do now, and what it keeps so that later Tasks can be short.

A live device calls this on the bytes that reach it, the simulator on the same bytes, once for a cohort.
"""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from covey.core import DIGEST_BYTES, Codec, Recipe, TrainingArguments
from covey.errors import ModelError
from covey.models import ModelSpec, ModelVersion
from covey.training import spread_steps
from covey.wire import Task, Verdict

FLOAT32 = np.dtype("<f4")
Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Equipment:
    """What a device keeps of a Task that brought a model's file: all that does not change from round to round."""

    version: ModelVersion
    step_scale: Vector | None  # (parameters)

    @classmethod
    def of(cls, task: Task) -> "Equipment | Verdict":
        """From a training task with a model's file, or what is wrong with that."""
        if task.model is None:
            return Verdict.MALFORMED
        try:
            version = ModelVersion.decode(task.model)
            rows = None if task.step_scale is None else _vector(task.step_scale)
            scale = None if rows is None else spread_steps(version.spec, rows)
        except (ModelError, ValueError):
            return Verdict.MALFORMED
        if version.digest[:DIGEST_BYTES] != task.digest:
            return Verdict.WRONG_MODEL
        return cls(version, scale) if scale is None or np.isfinite(scale).all() else Verdict.NONFINITE


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """The work of a training task."""

    task: Task
    equipment: Equipment
    parameters: Vector
    variate: Vector | None  # (parameters): the fleet's

    @classmethod
    def of(cls, task: Task, kept: Equipment | None) -> "Assignment | Verdict":
        """From a training task, for a device that keeps the equipment of an earlier one, if any did."""
        equipment = kept if task.model is None else Equipment.of(task)
        if equipment is None or isinstance(equipment, Verdict):
            return equipment or Verdict.WRONG_MODEL
        version = equipment.version
        try:
            parameters = version.parameters if task.parameters is None else _vector(task.parameters)
            variate = None if task.variate is None else _vector(task.variate)
        except ValueError:
            return Verdict.MALFORMED
        fault = _fault_of(task, version.spec, [parameters] if variate is None else [parameters, variate])
        return cls(task, equipment, parameters, variate) if fault is None else fault

    @property
    def arguments(self) -> TrainingArguments:
        """How to train; the seed and the correction are each device's own."""
        return arguments_of(self.task, self.equipment.step_scale)


def _fault_of(task: Task, spec: ModelSpec, vectors: list[Vector]) -> Verdict | None:
    """Why a task and its vectors are no work for a model of `spec`."""
    if task.model is None and task.step_scale is not None:
        return Verdict.MALFORMED
    if any(vector.size != spec.n_parameters for vector in vectors):
        return Verdict.WRONG_MODEL
    if task.trainable is not None and len(task.trainable) != len(spec.layers):
        return Verdict.WRONG_MODEL
    return None if all(np.isfinite(vector).all() for vector in vectors) else Verdict.NONFINITE


def recipe_of(task: Task) -> Recipe:
    """How the update of this training task is to be packed."""
    if task.recipe is None:
        raise ValueError("this task asks for no update")
    return Recipe(Codec(task.recipe.codec), task.recipe.block, task.recipe.clip_norm)


def arguments_of(task: Task, step_scale: Vector | None) -> TrainingArguments:
    """How to train for this task."""
    if task.terms is None:
        raise ValueError("this task asks for no training")
    return TrainingArguments(**asdict(task.terms), step_scale=step_scale, trainable=task.trainable)


def _vector(data: bytes) -> Vector:
    """The float32 of a field; ValueError for another number of bytes than of whole ones."""
    return np.frombuffer(data, FLOAT32).astype(np.float32)
