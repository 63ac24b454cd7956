"""Detectors as functions from raw rows to suspicion, in both forms of a model: as trained, and as on a device."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from covey.core import predict, scores
from covey.models import ModelVersion
from covey.watching import Detector

Floats: TypeAlias = NDArray[np.float32]
#: Scores (n) of raw rows (n, d): log odds of an attack, or log squared error; greater is more suspicious.
Scorer: TypeAlias = Callable[[Floats], Floats]


def on_device(version: ModelVersion) -> Scorer:
    """The model as a device runs it: its own code, int8."""
    detector = Detector(version.file)

    def score(rows: Floats) -> Floats:
        return np.array(detector.score(np.ascontiguousarray(rows), rows.shape[0]), np.float32)

    return score


def in_float32(version: ModelVersion, parameters: Floats, threads: int = 1) -> Scorer:
    """A model of the version's shape and encoding with these parameters, as it is trained."""
    model = version.spec.core

    def score(rows: Floats) -> Floats:
        n = rows.shape[0]
        inputs = version.encoding.encode(rows)
        outputs = np.empty((n, version.spec.n_outputs), np.float32)
        predict(model, parameters, inputs, n, outputs, n_threads=threads)
        found = np.empty(n, np.float32)
        scores(model, outputs, inputs, n, found)
        return found

    return score
