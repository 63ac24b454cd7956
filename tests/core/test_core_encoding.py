"""Encodings against the twin, and where positions may lie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twins import bucket, ordered, position

from covey import core
from covey.errors import Code, CoreError

anything = st.floats(width=32, allow_nan=True, allow_infinity=True)
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def knots(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Knots of a few features, some of them equal, at any offset below 2^16."""
    lists = draw(
        st.lists(st.lists(finite | st.sampled_from([0.0, -0.0, 1.0]), min_size=2, max_size=9), min_size=1, max_size=5)
    )
    offset = np.cumsum([0, *map(len, lists)]).astype(np.uint16)
    return np.concatenate([np.sort(np.array(one, np.float32)) for one in lists]), offset


def encoded(arguments: core.EncodingArguments, raw: np.ndarray) -> np.ndarray:
    out = np.empty_like(raw)
    core.encode(arguments, raw, out, raw.shape[0])
    return out


@given(knots(), st.data())
def test_positions_are_those_of_the_twin_and_stay_within_their_feature(fleet: tuple, data: st.DataObject) -> None:
    knot, offset = fleet
    d = offset.size - 1
    near = st.sampled_from(knot.tolist()) | anything
    raw = np.array([data.draw(st.lists(near, min_size=d, max_size=d))], np.float32)
    out = encoded(core.EncodingArguments(core.EncodingKind.KNOTS, d, knot=knot, offset=offset), raw)[0]
    for j in range(d):
        assert out[j] == position(knot[offset[j] : offset[j + 1]], int(offset[j]), raw[0, j])
        assert offset[j] <= out[j] <= offset[j + 1] - 1


def test_half_way_between_1_and_a_million_is_about_a_thousand() -> None:
    knot, offset = np.array([1, 2**20], np.float32), np.array([0, 2], np.uint16)
    raw = np.array([[2**10]], np.float32)
    assert encoded(core.EncodingArguments(core.EncodingKind.KNOTS, 1, knot=knot, offset=offset), raw) == 0.5


@given(st.lists(anything, min_size=1, max_size=20), finite, finite, st.floats(0, 100, width=32))
def test_scaled_features_are_finite_and_within_the_limit(raw: list, center: float, scale: float, limit: float) -> None:
    given_rows = np.array(raw, np.float32)[:, None]
    for kind in (core.EncodingKind.STANDARD, core.EncodingKind.SIGNED_LOG):
        centers, scales = np.array([center], np.float32), np.array([scale], np.float32)
        out = encoded(core.EncodingArguments(kind, 1, center=centers, scale=scales, limit=limit), given_rows)
        assert np.isfinite(out).all()
        assert limit == 0 or (np.abs(out) <= limit).all()


@given(st.lists(finite, min_size=1, max_size=50))
def test_signed_log_is_that_of_numpy(values: list) -> None:
    raw = np.array(values, np.float32)[:, None]
    plain = np.zeros(1, np.float32)
    out = encoded(core.EncodingArguments(core.EncodingKind.SIGNED_LOG, 1, center=plain, scale=plain + 1), raw)
    expected = np.sign(raw.astype(float)) * np.log1p(np.abs(raw.astype(float)))
    np.testing.assert_allclose(out, expected, rtol=5e-7)


@given(st.lists(anything, max_size=60), st.integers(0, 7))
def test_buckets_are_those_of_the_twin_and_count_every_value(values: list, bits: int) -> None:
    raw = np.array(values, np.float32)
    counts = np.zeros(1 << (9 + bits), np.uint32)
    core.histogram(raw, raw.size, 1, bits, counts)
    expected = np.bincount([bucket(x, bits) for x in raw], minlength=counts.size)
    assert (counts == expected).all()
    for x in raw[np.isfinite(raw)]:
        low = core.bucket_low(core.bucket(float(x), bits), bits)
        assert ordered(np.float32(low)) <= ordered(x)
        assert core.bucket(low, bits) == core.bucket(float(x), bits)


def test_histograms_of_a_column_take_every_stride() -> None:
    rows = np.array([[1, 50], [1, 60], [2, 70]], np.float32)
    counts = np.zeros(1 << 12, np.uint32)
    core.histogram(rows.reshape(-1)[0:], 3, 2, 3, counts)
    assert counts[core.bucket(1, 3)] == 2
    assert counts.sum() == 3
    with pytest.raises(CoreError):
        core.histogram(rows.reshape(-1), 4, 2, 3, counts)


@pytest.mark.parametrize(
    ("raw", "out", "complaint"),
    [
        (np.zeros((2, 2)), np.zeros((2, 2), np.float32), "raw must hold float values"),
        (np.zeros((2, 2), np.float32), np.zeros((2, 3), np.float32), "out must hold 4 values"),
        (np.zeros((2, 4), np.float32)[:, ::2], np.zeros((2, 2), np.float32), "raw must be contiguous"),
        (np.zeros((2, 2), np.float32), np.zeros((2, 2), np.float32).tobytes(), "out must be writable"),
    ],
)
def test_buffers_that_do_not_fit_are_refused_before_c_sees_them(raw: object, out: object, complaint: str) -> None:
    with pytest.raises(CoreError, match=complaint) as caught:
        core.encode(core.EncodingArguments(core.EncodingKind.IDENTITY, 2), raw, out, 2)
    assert caught.value.code is Code.CORE_ARGUMENT
