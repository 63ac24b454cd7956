"""Sketches merge exactly and say of quantiles what the module promises."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from covey.core import bucket, bucket_low, histogram, signed_log
from covey.telemetry import (
    CsvFolder,
    FeatureRule,
    FeatureSketch,
    SketchFault,
    SketchRule,
    check,
    from_wire,
    merge,
    sketch,
    to_wire,
)
from covey.telemetry.sketch import UNIT_BITS, lower_edges
from covey.wire import Sketch

EXACT = SketchRule(points=65_536)
values = st.floats(-(2.0**64), 2.0**64, width=32)
rows = arrays(np.float32, st.tuples(st.integers(1, 60), st.just(3)), elements=values)


def table(*column: float) -> np.ndarray:
    return np.array(column, np.float32).reshape(-1, 1)


def test_a_sketch_counts_and_adds_up_the_rows() -> None:
    made = sketch(table(1, 1, -3), EXACT)
    assert made.rows == 3
    assert made.sum_of("value").tolist() == [-1]
    assert made.sum_of("square").tolist() == [11]
    assert made.sum_of("log").tolist() == [np.float64(np.float32(signed_log(1))) * 2 + np.float32(signed_log(-3))]
    buckets, counts = made.entries(0)
    assert buckets.tolist() == [bucket(-3, 7), bucket(1, 7)]
    assert counts.tolist() == [1, 2]


def test_sums_are_exact_where_floating_point_would_round() -> None:
    small = sketch(table(1.0), EXACT)
    large = sketch(table(2.0**60), EXACT)
    both = merge([large, small])
    assert both.sums[0][0] == (2**60 + 1) << UNIT_BITS


@given(st.lists(rows, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_merging_gives_the_same_bits_in_any_order_and_grouping(parts: list[np.ndarray], random: object) -> None:
    rule = SketchRule(points=4)
    sketches = [sketch(part, rule) for part in parts]
    whole = merge(sketches)
    shuffled = list(sketches)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert merge(shuffled) == whole
    assert merge([merge(sketches[:2]), *sketches[2:]]) == whole
    assert whole.rows == sum(part.shape[0] for part in parts)


@given(st.lists(rows, min_size=1, max_size=5))
def test_unjoined_quantiles_are_the_buckets_of_the_true_ones(parts: list[np.ndarray]) -> None:
    shares = np.linspace(0, 1, 7)
    merged = merge([sketch(part, EXACT) for part in parts])
    true = np.quantile(np.concatenate(parts), shares, axis=0, method="inverted_cdf").T
    found = merged.quantiles(shares)
    for low, value in zip(found.ravel().tolist(), true.ravel().tolist(), strict=True):
        assert bucket(low, 7) == bucket(value, 7)


@given(st.lists(rows, min_size=1, max_size=5), st.integers(2, 9))
def test_joined_quantiles_lie_within_the_promised_bound(parts: list[np.ndarray], points: int) -> None:
    shares = np.linspace(0, 1, 11)
    merged = merge([sketch(part, SketchRule(points=points)) for part in parts])
    pooled = np.sort(np.concatenate(parts), axis=0)
    hold_bound(merged, pooled, shares, points)


def hold_bound(merged: FeatureSketch, pooled: np.ndarray, shares: np.ndarray, points: int) -> None:
    """F(q) <= upper edge of b, lower edge of b <= F(q + 1 / points)."""
    n = pooled.shape[0]
    for feature in range(pooled.shape[1]):
        buckets = np.array([bucket(low, merged.bits) for low in merged.quantiles(shares)[feature].tolist()])
        ranks = np.ceil(shares * n).clip(1).astype(int) - 1
        higher = np.ceil(shares * n + n / points).clip(1, n).astype(int) - 1
        assert (pooled[ranks, feature] <= lower_edges(buckets + 1, merged.bits)).all()
        assert (lower_edges(buckets, merged.bits) <= pooled[higher, feature]).all()


def test_on_real_rows_merged_sketches_hold_the_bound_and_stay_small(nbaiot_folder: Path) -> None:
    dataset = CsvFolder().load(nbaiot_folder, FeatureRule(include=("MI_dir_*", "HpHp_*")))
    rule = SketchRule(max_rows=1 << 20)
    parts = [dataset.x[dataset.train_rows(device)] for device in range(dataset.n_devices)]
    made = [sketch(part, rule) for part in parts]
    assert all(check(one, rule, dataset.x.shape[1]) is None for one in made)
    hold_bound(merge(made), np.sort(np.concatenate(parts), axis=0), np.linspace(0, 1, 9), rule.points)
    assert max(one.keys.size for one in made) <= 65 * dataset.x.shape[1]
    assert max(len(to_wire(one, 0, 1).encode()) for one in made) < 9_000


@given(st.integers(0, 7), st.lists(values, min_size=1, max_size=30))
def test_lower_edges_are_the_cores(bits: int, numbers: list[float]) -> None:
    buckets = np.array([bucket(number, bits) for number in numbers])
    assert lower_edges(buckets, bits).tolist() == [np.float32(bucket_low(int(one), bits)) for one in buckets]


def test_a_device_counts_as_no_more_rows_than_the_rule_allows() -> None:
    made = sketch(table(*range(1, 1001)), SketchRule(max_rows=100))
    assert made.rows == 100
    assert made.entries(0)[1].sum() == 100
    assert abs(made.quantiles(np.array([0.5]))[0, 0] - 500) < 20


def test_values_are_clipped_to_the_limit() -> None:
    made = sketch(table(-1e30, 3.0, 1e30), SketchRule(limit=1024.0))
    assert made.quantiles(np.array([0.0, 1.0])).tolist() == [[-1024, 1024]]
    assert made.sum_of("value").tolist() == [3]


@given(rows, st.integers(2, 9))
def test_an_honest_sketch_passes_and_survives_its_message(part: np.ndarray, points: int) -> None:
    rule = SketchRule(points=points)
    made = sketch(part, rule)
    message = Sketch.decode(to_wire(made, 0, 1).encode())
    assert isinstance(message, Sketch)
    assert from_wire(message) == made
    assert check(from_wire(message), rule, 3) is None


GOOD = sketch(np.array([[1, -5], [2, 0], [700, 3]], np.float32), SketchRule())


def with_sum(kind: int, value: float) -> FeatureSketch:
    sums = list(GOOD.sums)
    numerator, denominator = value.as_integer_ratio()
    sums[kind] = (numerator * ((1 << UNIT_BITS) // denominator), *sums[kind][1:])
    return replace(GOOD, sums=tuple(sums))


@pytest.mark.parametrize(
    ("hostile", "fault"),
    [
        (replace(GOOD, bits=3), SketchFault.BITS),
        (replace(GOOD, sums=GOOD.sums[:3]), SketchFault.FEATURES),
        (replace(GOOD, sums=tuple(part[:1] for part in GOOD.sums)), SketchFault.FEATURES),
        (replace(GOOD, rows=0), SketchFault.ROWS),
        (replace(GOOD, rows=10_001), SketchFault.ROWS),
        (replace(GOOD, rows=10_001, held=10_001), SketchFault.ROWS),
        (replace(GOOD, held=4), SketchFault.ROWS),
        (replace(GOOD, keys=GOOD.keys[::-1].copy()), SketchFault.BUCKETS),
        (replace(GOOD, keys=GOOD.keys + (1 << 16)), SketchFault.BUCKETS),
        (replace(GOOD, keys=np.append(GOOD.keys[:-1], (1 << 16) + 0xFFFF)), SketchFault.BUCKETS),
        (replace(GOOD, keys=np.append(GOOD.keys[:-1], (1 << 16) + bucket(1e38, 7))), SketchFault.BUCKETS),
        (replace(GOOD, counts=-GOOD.counts), SketchFault.COUNTS),
        (replace(GOOD, counts=np.array([2, 1, 1, 1, 1, 1])), SketchFault.COUNTS),
        (replace(GOOD, counts=np.array([3, 1, -1, 1, 1, 1])), SketchFault.COUNTS),
        (replace(GOOD, counts=GOOD.counts[:3], keys=GOOD.keys[:3]), SketchFault.COUNTS),
        (with_sum(0, 1e30), SketchFault.SUMS),
        (with_sum(0, -1e30), SketchFault.SUMS),
        (with_sum(0, 3.9), SketchFault.SUMS),
        (with_sum(1, -1.0), SketchFault.SUMS),
        (with_sum(1, 1e12), SketchFault.SUMS),
        (with_sum(2, 50.0), SketchFault.SUMS),
        (with_sum(3, 1e6), SketchFault.SUMS),
    ],
)
def test_a_hostile_sketch_is_refused_with_its_reason(hostile: FeatureSketch, fault: SketchFault) -> None:
    assert check(GOOD, SketchRule(), 2) is None
    assert check(hostile, SketchRule(), 2) is fault


def test_more_buckets_than_points_are_refused() -> None:
    many = sketch(table(*range(1, 100)), EXACT)
    assert check(many, SketchRule(points=8), 1) is SketchFault.BUCKETS


def test_sketches_of_other_features_are_not_merged() -> None:
    with pytest.raises(ValueError, match="cannot be merged"):
        merge([GOOD, sketch(table(1), SketchRule())])
    with pytest.raises(ValueError, match="cannot be merged"):
        merge([])


@pytest.mark.parametrize("bad", [{"bits": 8}, {"points": 1}, {"max_rows": 0}, {"limit": 0.0}, {"limit": float("inf")}])
def test_a_rule_out_of_range_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(bad))} is"):
        SketchRule(**bad)  # type: ignore[arg-type]


@given(arrays(np.float32, st.tuples(st.integers(1, 60), st.just(1)), elements=values), st.integers(0, 7))
def test_entries_are_the_cores_histogram(part: np.ndarray, bits: int) -> None:
    counts = np.zeros(1 << (9 + bits), np.uint32)
    histogram(part, part.size, 1, bits, counts)
    buckets, held = sketch(part, SketchRule(bits=bits, points=65_536)).entries(0)
    assert buckets.tolist() == np.flatnonzero(counts).tolist()
    assert held.tolist() == counts[counts > 0].tolist()
