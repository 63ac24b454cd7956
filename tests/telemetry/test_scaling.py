"""Knots and scales from sketches, against the rows themselves."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from covey.core import EncodingArguments, EncodingKind, encode, signed_log
from covey.telemetry import (
    CsvFolder,
    FeatureRule,
    SketchRule,
    knot_share,
    knots_from,
    merge,
    signed_log_from,
    sketch,
    standard_from,
)
from covey.telemetry.scaling import nearest_bfloat16, next_bfloat16

EXACT = SketchRule(points=65_536)
TINY = 1e-38  # below the normal numbers, bfloat16 steps are no longer relative to the value


def test_knots_are_the_quantiles_of_the_rows() -> None:
    made = sketch(np.arange(1, 102, dtype=np.float32).reshape(-1, 1), EXACT)
    knots, offsets = knots_from(made, 5)
    assert knots.tolist() == [1, 26, 51, 76, 101]
    assert offsets.tolist() == [0, 5]


def test_quantiles_that_fall_together_are_one_knot() -> None:
    column = np.array([0] * 90 + [7] * 10, np.float32)
    knots, offsets = knots_from(sketch(np.stack([column, column + 1], axis=1), EXACT), 9)
    assert knots.tolist() == [0, 7, 1, 8]
    assert offsets.tolist() == [0, 2, 4]


@pytest.mark.parametrize("value", [0.0, 5.0, -5.0, 1e-30, -1e17])
def test_a_constant_feature_has_two_knots_of_which_the_first_is_its_value(value: float) -> None:
    knots, offsets = knots_from(sketch(np.full((4, 1), value, np.float32), EXACT), 9)
    assert offsets.tolist() == [0, 2]
    assert knots[0] == nearest_bfloat16(np.array([value], np.float32))[0]
    assert knots[1] > knots[0]
    assert abs(knots[1] - knots[0]) <= abs(value) / 64 + 1e-37


@given(arrays(np.float32, st.tuples(st.integers(1, 50), st.just(2)), elements=st.floats(-(2.0**60), 2.0**60, width=32)))
def test_knots_ascend_and_are_bfloat16_and_begin_and_end_near_the_extremes(rows: np.ndarray) -> None:
    knots, offsets = knots_from(sketch(rows, SketchRule()), 6)
    assert not (knots.view(np.uint32) & 0xFFFF).any()
    for feature in range(2):
        own = knots[offsets[feature] : offsets[feature + 1]]
        assert (np.diff(own) > 0).all()
        assert abs(own[0] - rows[:, feature].min()) <= abs(rows[:, feature].min()) / 64 + TINY
        assert own[-1] >= rows[:, feature].max() - abs(rows[:, feature].max()) / 64 - TINY


@pytest.mark.parametrize("k", [1, 256])
def test_a_number_of_knots_out_of_range_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match="k is"):
        knots_from(sketch(np.ones((1, 1), np.float32), EXACT), k)


def test_standard_scaling_gives_mean_0_and_variance_1() -> None:
    rows = np.array([[1, 10], [2, 20], [3, 60]], np.float32)
    center, scale = standard_from(merge([sketch(rows[:1], EXACT), sketch(rows[1:], EXACT)]))
    assert center.tolist() == [2, 30]
    assert scale == pytest.approx(1 / rows.std(axis=0))


def test_signed_log_scaling_is_that_of_the_logarithms() -> None:
    rows = np.array([[1], [-100], [1e9]], np.float32)
    center, scale = signed_log_from(sketch(rows, EXACT))
    logs = np.array([signed_log(float(value)) for value in rows[:, 0]])
    assert center == pytest.approx([logs.mean()], rel=1e-6)
    assert scale == pytest.approx([1 / logs.std()], rel=1e-6)


def test_a_constant_feature_is_not_blown_up() -> None:
    center, scale = standard_from(sketch(np.full((10, 1), 290.1, np.float32), EXACT))
    assert center == pytest.approx([290.1])
    assert scale.tolist() == [1]


def test_on_real_rows_scales_of_merged_sketches_are_those_of_pooled_rows(nbaiot_folder: Path) -> None:
    dataset = CsvFolder().load(nbaiot_folder, FeatureRule(include=("MI_dir_*",)))
    rule = SketchRule(max_rows=1 << 20)
    merged = merge([sketch(dataset.x[dataset.train_rows(device)], rule) for device in range(dataset.n_devices)])
    center, scale = standard_from(merged)
    pooled = dataset.x[dataset.is_train].astype(np.float64)
    assert center == pytest.approx(pooled.mean(axis=0), rel=1e-5)
    assert scale == pytest.approx(1 / pooled.std(axis=0), rel=1e-4)


def test_bfloat16_rounds_to_nearest_with_ties_to_even() -> None:
    near = nearest_bfloat16(np.array([1, 1 + 2**-9, 1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-7, -0.0], np.float32))
    assert near.tolist() == [1, 1, 1, 1 + 2**-6, -1 - 2**-7, 0]
    assert not np.signbit(near[-1])


def test_the_next_bfloat16_is_the_nearest_one_above() -> None:
    assert next_bfloat16(np.float32(1)) == 1 + 2**-7
    assert next_bfloat16(np.float32(-1)) == -1 + 2**-8
    assert next_bfloat16(np.float32(0)) == np.finfo(np.float32).tiny


def test_the_share_of_a_knot_is_its_mean_activation() -> None:
    rows = np.array([[1], [1], [4], [16]], np.float32)
    shares = knot_share(sketch(rows, EXACT), np.array([1, 16], np.float32), np.array([0, 2], np.uint16))
    # 4 lies half way from 1 to 16 on the scale of bit patterns, where each power of two is one step.
    assert shares.tolist() == [2.5 / 4, 1.5 / 4]


def test_on_real_rows_knot_shares_are_close_to_the_activations_of_pooled_rows(nbaiot_folder: Path) -> None:
    dataset = CsvFolder().load(nbaiot_folder, FeatureRule(include=("MI_dir_*", "HpHp_*")))
    rule = SketchRule(max_rows=1 << 20)
    merged = merge([sketch(dataset.x[dataset.train_rows(device)], rule) for device in range(dataset.n_devices)])
    knots, offsets = knots_from(merged, 9)
    rows = dataset.x[dataset.is_train]
    places = np.empty_like(rows)
    encode(
        EncodingArguments(EncodingKind.KNOTS, rows.shape[1], knot=knots, offset=offsets), rows, places, rows.shape[0]
    )
    below = places.astype(np.int64)
    upper = places - below
    true = np.bincount(below.ravel(), 1 - upper.ravel(), knots.size + 1)
    true += np.bincount(below.ravel() + 1, upper.ravel(), knots.size + 1)
    found = knot_share(merged, knots, offsets)
    assert found == pytest.approx(true[:-1] / rows.shape[0], abs=0.02)
    assert np.add.reduceat(found, offsets[:-1].astype(int)) == pytest.approx(np.ones(rows.shape[1]), abs=1e-5)
