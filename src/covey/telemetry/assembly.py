"""From recordings to a Dataset: each device's rows, thinned to what it would keep.

Rows that are thinned out are still there for whoever judges by windows: the recordings go with the Dataset.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covey.core import FEATURE_NAMES
from covey.errors import Code, DataError
from covey.telemetry.columns import FeatureRule
from covey.telemetry.dataset import Dataset, Flags, Floats, Indices
from covey.telemetry.recording import NS, Recording
from covey.telemetry.thinning import phase, thinned

#: Rows are thinned evenly over slots of this length: what a window of detection is long, by default.
SLOT_NS = 10 * NS


@dataclass(frozen=True, slots=True)
class Budget:
    """Rows that are kept of each device, on each side of the split; none of a capture's first `warm_up_s` seconds."""

    benign: int
    attack: int  # of each kind
    warm_up_s: float
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    x: Floats  # (n, d)
    kind: NDArray[np.uint8]  # (n)
    slot: Indices  # (n)
    is_train: Flags  # (n)


def packet_features(rule: FeatureRule) -> tuple[str, ...]:
    """The features of streams that a rule takes, in their order; DataError for none."""
    names = tuple(name for name in FEATURE_NAMES if rule.takes(name))
    if not names:
        raise DataError(
            Code.DATA_NO_FEATURES,
            f"none of the {len(FEATURE_NAMES)} features of packets is taken by the Plan's patterns",
            f"correct data.features.include and data.features.exclude; features are named like {FEATURE_NAMES[0]}",
        )
    return names


def assemble(
    recordings: Sequence[Recording], kinds: Sequence[str], families: Sequence[str], rule: FeatureRule, budget: Budget
) -> Dataset:
    """A Dataset of all devices of `recordings`, with these; `kinds` of attack and their `families` (k each)."""
    names = packet_features(rule)
    devices = sorted({recording.device_id for recording in recordings})
    parts = [
        _kept(
            _read([one for one in recordings if one.device_id == device and one.is_learnt], names, budget),
            device,
            budget,
        )
        for device in devices
    ]
    for device, rows in zip(devices, parts, strict=True):
        _check(device, rows)
    kind = np.concatenate([rows.kind for rows in parts]).astype(np.int32)
    family_names = ("benign", *sorted(set(families) - {"benign"}))
    family_of = np.array([0, *(family_names.index(name) for name in families)], np.int32)
    return Dataset(
        device_ids=tuple(devices),
        feature_names=names,
        x=np.concatenate([rows.x for rows in parts]),
        first_row=np.cumsum([0, *(rows.kind.size for rows in parts)], dtype=np.int64),
        is_train=np.concatenate([rows.is_train for rows in parts]),
        label=np.asarray(kind != 0, np.int32),
        attack=kind,
        attack_names=("benign", *kinds),
        family=family_of[kind],
        family_names=family_names,
        recordings=tuple(sorted(recordings, key=lambda one: (one.device_id, not one.is_train, one.session))),
    )


def _read(recordings: Iterable[Recording], names: tuple[str, ...], budget: Budget) -> _Rows:
    """All rows of a device's recordings behind their warm-up."""
    x, kind, slot, is_train = [np.zeros((0, len(names)), np.float32)], [], [], []
    for recording in recordings:
        for part in recording.parts(names, budget.warm_up_s):
            x.append(part.x.copy())
            kind.append(part.kind.copy())
            slot.append(part.time_ns // SLOT_NS)
            is_train.append(np.full(part.kind.size, recording.is_train))
    return _Rows(
        np.concatenate(x),
        np.concatenate([np.zeros(0, np.uint8), *kind]),
        np.concatenate([np.zeros(0, np.int64), *slot]),
        np.concatenate([np.zeros(0, np.bool_), *is_train]),
    )


def _kept(rows: _Rows, device: str, budget: Budget) -> _Rows:
    """The rows within the budget, in their order."""
    kept = [np.zeros(0, np.int64)]
    for kind in np.unique(rows.kind).tolist():
        for is_train in (True, False):
            members = np.flatnonzero((rows.kind == kind) & (rows.is_train == is_train))
            start = phase(budget.seed, device, str(kind), str(is_train))
            kept.append(members[thinned(rows.slot[members], budget.attack if kind else budget.benign, start)])
    chosen = np.sort(np.concatenate(kept))
    return _Rows(rows.x[chosen], rows.kind[chosen], rows.slot[chosen], rows.is_train[chosen])


def _check(device: str, rows: _Rows) -> None:
    """DataError where a device has nothing to train on or to be judged by."""
    for part, flags in (("training", rows.is_train), ("testing", ~rows.is_train)):
        if not flags.any():
            raise DataError(
                Code.DATA_EMPTY_DEVICE,
                f"the captures of {device!r} hold no packet for {part}",
                "a warm-up (detection.warm_up_s) as long as the capture leaves none; else leave the device out",
            )
