"""Encodings: what they compute, what they weigh, and what they refuse."""

import numpy as np
import pytest

from covey.core import EncodingKind
from covey.errors import Code, ModelError
from covey.models import Encoding

KNOTS = np.array([0, 1, 3, 10, 20], np.float32)
OFFSETS = np.array([0, 3, 5], np.uint16)


def rows(*values: tuple[float, ...]) -> np.ndarray:
    return np.array(values, np.float32)


def test_identity_leaves_features_as_they_are() -> None:
    encoding = Encoding.identity(2)
    assert encoding.encode(rows((1, -2))).tolist() == [[1, -2]]
    assert encoding.size_bytes == 0


def test_standard_subtracts_and_multiplies_and_clamps() -> None:
    encoding = Encoding.standard(rows((1, 2))[0], rows((2, 10))[0], limit=5.0)
    assert encoding.encode(rows((2, 2.25), (100, 0))).tolist() == [[2, 2.5], [5, -5]]
    assert encoding.size_bytes == 4 * (2 + 2 + 1)


def test_signed_log_is_the_same_after_the_logarithm() -> None:
    encoding = Encoding.signed_log(np.zeros(1, np.float32), np.ones(1, np.float32))
    assert encoding.encode(rows((np.e - 1,), (1 - np.e,)))[:, 0] == pytest.approx([1, -1], abs=1e-6)


def test_knots_give_places_between_knots() -> None:
    encoding = Encoding.with_knots(KNOTS, OFFSETS)
    places = encoding.encode(rows((0, 10), (1, 20), (3, 15), (99, -99)))
    assert places[:, 0].tolist() == [0, 1, 2, 2]
    assert places[[0, 1, 3], 1].tolist() == [3, 4, 3]
    assert 3 < places[2, 1] < 4
    assert encoding.n_knots == 5
    assert encoding.size_bytes == 2 * 5 + 2


def test_no_rows_are_encoded_to_no_rows() -> None:
    assert Encoding.with_knots(KNOTS, OFFSETS).encode(np.zeros((0, 2), np.float32)).shape == (0, 2)


def test_rows_are_not_changed() -> None:
    raw = rows((1, 2))
    Encoding.standard(rows((1, 1))[0], rows((2, 2))[0]).encode(raw)
    assert raw.tolist() == [[1, 2]]


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(ModelError) as caught:
        Encoding.identity(2).encode(rows((1,)))
    assert caught.value.code is Code.MODEL_SHAPE


@pytest.mark.parametrize(
    ("knots", "offsets"),
    [
        ([0, 1, 3], [0, 2, 3]),  # one knot
        ([0, 1, 3, 3], [0, 2, 4]),  # equal knots
        ([1, 0, 3, 4], [0, 2, 4]),  # falling knots
        ([0, 1, 3, np.inf], [0, 2, 4]),
        ([0, 1, 3, 4.001], [0, 2, 4]),  # no bfloat16
        ([0, 1, 3, 4], [0, 2]),
        ([0, 1, 3, 4], [1, 2, 4]),
        ([0, 1, 3, 4], [0, 2, 3]),
    ],
)
def test_knots_that_make_no_encoding_are_refused(knots: list[float], offsets: list[int]) -> None:
    with pytest.raises(ModelError):
        Encoding(EncodingKind.KNOTS, 2, knots=np.array(knots, np.float32), offsets=np.array(offsets, np.uint16))


def test_knots_may_fall_from_one_feature_to_the_next() -> None:
    assert Encoding.with_knots(rows((5, 6, 0, 1))[0], np.array([0, 2, 4], np.uint16)).n_features == 2


def test_columns_that_do_not_fit_the_kind_are_refused() -> None:
    with pytest.raises(ModelError):
        Encoding(EncodingKind.STANDARD, 2)
    with pytest.raises(ModelError):
        Encoding(EncodingKind.IDENTITY, 2, knots=KNOTS, offsets=OFFSETS)
    with pytest.raises(ModelError):
        Encoding.standard(rows((np.nan,))[0], rows((1,))[0])
