"""Telemetry of a fleet in memory: every device's rows, which of them are for training, and what they are.

Rules: rows of a device stand together, devices in the order of their ids; features are finite float32; test rows are
for judging only and no partition, statistic or encoding ever sees them.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from covey.errors import Code, DataError, did_you_mean
from covey.telemetry.recording import Recording

Floats: TypeAlias = NDArray[np.float32]
Indices: TypeAlias = NDArray[np.int64]
Labels: TypeAlias = NDArray[np.int32]
Flags: TypeAlias = NDArray[np.bool_]


class Task(StrEnum):
    """What a detector tells apart: benign from attack, the kinds of attack, or the usual from the unusual."""

    BINARY = "binary"
    CLASSES = "classes"
    ANOMALY = "anomaly"


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Rows of all devices, n in all, d features each."""

    device_ids: tuple[str, ...]
    feature_names: tuple[str, ...]
    x: Floats  # (n, d), C-contiguous
    first_row: Indices  # (devices + 1): rows of device i are first_row[i] .. first_row[i + 1]
    is_train: Flags  # (n)
    label: Labels  # (n): 0 benign, 1 attack
    attack: Labels  # (n): index into attack_names
    attack_names: tuple[str, ...]
    family: Labels  # (n): index into family_names
    family_names: tuple[str, ...]
    #: The captures that the rows are from, if they are from captures: all their packets, for judging by windows.
    recordings: tuple[Recording, ...] = ()

    @property
    def n_devices(self) -> int:
        """Number of devices."""
        return len(self.device_ids)

    def rows(self, device: int) -> slice:
        """All rows of a device."""
        return slice(int(self.first_row[device]), int(self.first_row[device + 1]))

    def train_rows(self, device: int) -> Indices:
        """Indices of a device's training rows, ascending."""
        rows = self.rows(device)
        return np.asarray(np.flatnonzero(self.is_train[rows]) + rows.start, np.int64)

    def test_rows(self, device: int) -> Indices:
        """Indices of a device's test rows, ascending."""
        rows = self.rows(device)
        return np.asarray(np.flatnonzero(~self.is_train[rows]) + rows.start, np.int64)

    def digest(self) -> bytes:
        """SHA-256 over all content, for a journal to know the data it was written with."""
        content = hashlib.sha256()
        for names in (self.device_ids, self.feature_names, self.attack_names, self.family_names):
            content.update("\0".join((str(len(names)), *names)).encode())
        for array in (self.x, self.first_row, self.is_train, self.label, self.attack, self.family):
            content.update(np.ascontiguousarray(array).data)
        for recording in self.recordings:
            content.update(recording.digest())
        return content.digest()


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What a model learns: a class for every row; class 0 is benign."""

    class_names: tuple[str, ...]
    y: Labels  # (n): index into class_names

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)


def targets(dataset: Dataset, task: Task, merge: Mapping[str, str] | None = None) -> Targets:
    """Classes of the rows for a task.

    CLASSES takes the `attack` names, those in `merge` replaced (`{"gafgyt_tcp": "gafgyt_flood"}`), the benign class
    first, the others by name. The other tasks tell benign from attack. DataError when the training rows hold one class
    only (not for ANOMALY, which learns from benign rows alone), when test rows hold one of CLASSES that no training row
    has (no model could answer it), when `merge` names an attack that no device has, or when benign rows have several
    names.
    """
    if task is Task.CLASSES:
        result = _attack_classes(dataset, merge or {})
    else:
        result = Targets(("benign", "attack"), dataset.label)
    trained = np.unique(result.y[dataset.is_train])
    if task is Task.ANOMALY and 0 not in trained:
        raise DataError(Code.DATA_ONE_CLASS, "no training row is benign, so there is no usual behaviour to learn")
    if task is not Task.ANOMALY and trained.size < 2:
        name = result.class_names[int(trained[0])]
        raise DataError(
            Code.DATA_ONE_CLASS,
            f"all training rows of all devices are of one class, {name!r}",
            'set data.task = "anomaly" to learn from benign rows alone, or add rows of another class',
        )
    if task is Task.CLASSES and trained.size < result.n_classes:
        unknown = [name for index, name in enumerate(result.class_names) if index not in trained]
        raise DataError(
            Code.DATA_UNKNOWN_CLASS,
            f"only test rows are of the class {unknown[0]!r}, so no model can learn to answer it",
            "add training rows of it, merge it with another in the Plan's [data.classes], or leave its rows out",
        )
    return result


def _attack_classes(dataset: Dataset, merge: Mapping[str, str]) -> Targets:
    for name in merge:
        if name not in dataset.attack_names:
            near = did_you_mean(name, dataset.attack_names)
            known = ", ".join(dataset.attack_names)
            raise DataError(
                Code.DATA_UNKNOWN_CLASS,
                f"the class map names {name!r}, which no device has",
                f"did you mean {near!r}?" if near else f"the data has: {known}",
            )
    merged = np.array([merge.get(name, name) for name in dataset.attack_names])[dataset.attack]
    benign = np.unique(merged[dataset.label == 0])
    attacks = np.unique(merged[dataset.label != 0])
    both = sorted(set(benign.tolist()) & set(attacks.tolist()))
    if both:
        raise DataError(
            Code.DATA_BAD_LABEL,
            f"rows named {both[0]!r} are benign (label 0) and attacks (label 1) at once",
            "give each name in the `attack` column one label, and merge no attack into the benign class",
        )
    if benign.size != 1:
        raise DataError(
            Code.DATA_UNKNOWN_CLASS,
            f"the benign rows (label 0) have {benign.size} names: {', '.join(benign.tolist()) or 'none'}",
            "give them one name in the `attack` column, or merge them in the Plan's class map",
        )
    names = (*benign.tolist(), *attacks.tolist())
    code = {name: index for index, name in enumerate(names)}
    table = np.array([code.get(merge.get(name, name), 0) for name in dataset.attack_names], dtype=np.int32)
    return Targets(tuple(str(name) for name in names), table[dataset.attack])
