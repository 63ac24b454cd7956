"""A device's own last look at a model of what is usual: is it of more use than the mean of the usual rows?"""

import numpy as np
import pytest

from covey.apps.detect.acceptance import Refusal, judge
from covey.core import Loss
from covey.io.training_rows import StoredRows
from covey.models import ModelVersion
from covey.models.encoding import Encoding
from covey.models.spec import ModelSpec, dense
from covey.sensing.store import Origin, Pool
from covey.wire import ModelFile

WIDTH, N = 3, 100


def usual_rows(seed: int) -> StoredRows:
    """Normal values of variance 1 about 0, believed benign."""
    x = np.random.default_rng(seed).normal(size=(N, WIDTH)).astype(np.float32)
    return StoredRows(bytearray(x.tobytes()), ("benign",) * N, (Origin.PSEUDO,) * N, (Pool.CALM,) * N)


def linear(gain: float, bias: float) -> ModelFile:
    """A trained model that gives back `gain * x + bias` for x."""
    spec = ModelSpec.of([dense(WIDTH, WIDTH)], Loss.MSE)
    parameters = np.concatenate([(gain * np.eye(WIDTH)).ravel(), np.full(WIDTH, bias)]).astype(np.float32)
    start = ModelVersion.of(
        sequence=1,
        parent=b"",
        spec=spec,
        parameters=np.zeros_like(parameters),
        encoding=Encoding.identity(WIDTH),
        feature_names=("a", "b", "c"),
        class_names=("usual",),
    )
    return start.successor(parameters).file


@pytest.mark.parametrize(
    ("gain", "bias", "refusal"),
    [
        (0.6, 0.0, None),  # an error of 0.4 squared, and the mean's is 1
        (0.0, 1.0, Refusal.SUSPECTS_USUAL),  # 1 + 1
        (0.0, 3.0, Refusal.SUSPECTS_USUAL),  # 9 + 1
    ],
)
def test_a_model_that_gives_rows_back_worse_than_their_mean_is_refused(
    gain: float, bias: float, refusal: Refusal | None
) -> None:
    rows = usual_rows(1)
    opinion = judge(linear(gain, bias), linear(0.6, 0.0), rows)
    assert opinion.refusal is refusal
    if refusal is None:
        x = np.frombuffer(rows.features, np.float32).reshape(N, WIDTH)
        assert opinion.threshold == pytest.approx(np.log(0.16 * np.square(x).mean(axis=1).max()), abs=0.05)  # int8


def test_rows_that_never_change_accept_no_model() -> None:
    same = usual_rows(1)
    same.features[:] = np.ones((N, WIDTH), np.float32).tobytes()  # their mean makes no error at all
    assert judge(linear(0.6, 0.0), linear(0.6, 0.0), same).refusal is Refusal.SUSPECTS_USUAL
