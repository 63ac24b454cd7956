"""Thresholds and bins of drift against their twins; the share of windows above a threshold, as it really comes out."""

import array
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from watching_twin import TailTwin

from covey import core
from covey.core import Bins, Tail
from covey.errors import CoreError


@given(
    scores=st.lists(st.integers(-20, 20).map(lambda x: x / 4), min_size=1, max_size=200),
    rate=st.floats(1e-9, 0.99),
    splits=st.lists(st.integers(0, 200), max_size=4),
)
def test_thresholds_are_those_of_all_scores_sorted_however_they_came(
    scores: list[float], rate: float, splits: list[int]
) -> None:
    tail, values = Tail(), np.array(scores, np.float32)
    edges = [0, *sorted(split % (len(scores) + 1) for split in splits), len(scores)]
    for begin, end in pairwise(edges):
        tail.add(array.array("f", values[begin:end].tolist()))
        other = Tail()
        other.restore(tail.snapshot())
        tail = other
    assert (tail.count, tail.n_scores) == (len(scores), min(64, len(scores)))
    expected = TailTwin(values).threshold(rate)
    assert tail.threshold(rate) == pytest.approx(expected, rel=2e-4, abs=2e-4)
    if rate * (len(scores) + 1) < min(64, len(scores)):
        assert np.sum(values > tail.threshold(rate)) <= rate * (len(scores) + 1)
    assert tail.threshold(min(0.99, rate * 1.5)) <= tail.threshold(rate)


DRAWS = {
    "exponential": lambda generator, n: generator.exponential(size=n),
    "normal": lambda generator, n: generator.normal(size=n),
    "laplace": lambda generator, n: generator.laplace(size=n),
    "steps": lambda generator, n: np.floor(generator.exponential(3.0, n)),
    "heavy": lambda generator, n: generator.standard_t(5, n),
}


def realised(name: str, n: int, rate: float, halvings: int) -> float:
    """The mean share of windows above the threshold asked for at `rate`, over 100 devices, as a multiple of it."""
    generator = np.random.default_rng(20)
    everything = np.sort(DRAWS[name](generator, 1_000_000).astype(np.float32))
    shares = []
    for _ in range(100):
        tail = Tail()
        tail.add(DRAWS[name](generator, n).astype(np.float32))
        for _ in range(halvings):
            tail.forget()
            tail.add(DRAWS[name](generator, n).astype(np.float32))
        at = np.searchsorted(everything, np.float32(tail.threshold(rate)), side="right")
        shares.append(1 - at / len(everything))
    return float(np.mean(shares)) / rate


@pytest.mark.parametrize("name", DRAWS)
def test_the_share_above_a_threshold_is_the_share_asked_for_where_the_data_has_that_rank(name: str) -> None:
    low = 0.7 if name == "steps" else 0.85  # a threshold between steps of the score lets fewer through
    assert low < realised(name, 2000, 0.01, 0) < 1.15
    assert low < realised(name, 4000, 0.002, 3) < 1.15


@pytest.mark.parametrize(("name", "low", "high"), [("exponential", 0.7, 1.4), ("normal", 0.05, 0.9), ("heavy", 1, 4)])
def test_beyond_the_data_the_share_is_right_for_exponential_tails_low_for_light_and_high_for_heavy_ones(
    name: str, low: float, high: float
) -> None:
    assert low < realised(name, 2000, 1e-4, 0) < high


def test_forgetting_halves_ranks_and_follows_scores_that_sink() -> None:
    tail = Tail()
    tail.add(array.array("f", range(1, 41)))
    tail.forget()
    assert (tail.count, tail.n_scores, tail.threshold(1 / 21)) == (20.0, 20, 39.0)
    days = Tail()
    generator = np.random.default_rng(3)
    days.add((generator.exponential(size=8640) + 10).astype(np.float32))
    thresholds = []
    for _ in range(16):
        days.forget()
        days.add(generator.exponential(size=8640).astype(np.float32))
        thresholds.append(days.threshold(5e-4))
    assert thresholds[0] > 10
    assert 6.0 < np.median(thresholds[-4:]) < 9.5  # log(2000) is 7.6


def test_a_tail_refuses_what_it_cannot_answer_and_what_it_did_not_write() -> None:
    tail = Tail()
    with pytest.raises(CoreError):
        tail.threshold(0.1)
    tail.add(array.array("f", [1.0, 2.0]))
    before = tail.snapshot()
    for rate in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(CoreError):
            tail.threshold(rate)
    with pytest.raises(CoreError):
        tail.add(array.array("f", [1.0, float("nan")]))
    assert tail.snapshot() == before
    ascending = before[:8] + before[12:16] + before[8:12] + before[16:]
    too_many = before[:-8] + (65).to_bytes(4, "little") + before[-4:]
    no_count = np.array([np.nan]).tobytes() + before[8:]
    for bad in (before[:-1], ascending, too_many, no_count):
        with pytest.raises(CoreError):
            Tail().restore(bad)


def knots_encoding(generator: np.random.Generator, n_features: int) -> core.EncodingArguments:
    counts = generator.integers(2, 10, n_features)
    offset = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint16)
    knot = np.concatenate([np.sort(generator.integers(-6, 6, count)) for count in counts]).astype(np.float32)
    return core.EncodingArguments(core.EncodingKind.KNOTS, n_features, knot=knot, offset=offset)


@given(seed=st.integers(0, 2**32), n=st.integers(0, 50), stride=st.integers(1, 7), split=st.integers(0, 50))
def test_bins_count_where_positions_fall_one_row_in_so_many(seed: int, n: int, stride: int, split: int) -> None:
    generator = np.random.default_rng(seed)
    encoding = knots_encoding(generator, 5)
    raw = (generator.integers(-16, 16, (n, 5)) / 2).astype(np.float32)
    inputs = np.empty_like(raw)
    core.encode(encoding, raw, inputs, n)
    bins = Bins(encoding)
    offset, at = np.asarray(encoding.offset), 0
    assert bins.bins == tuple(np.diff(offset.astype(int)) + 1)
    split = min(split, n)
    bins.add(inputs[:split].tobytes(), split, stride)
    bins.add(inputs[split:].tobytes(), n - split, stride)
    for j in range(5):
        first, last = int(offset[j]), int(offset[j + 1]) - 1
        expected = [0] * bins.bins[j]
        for value in inputs[::stride, j]:
            inside = int(np.floor(value)) - first + 1
            expected[0 if value <= first else len(expected) - 1 if value >= last else inside] += 1
        assert list(bins.counts[at : at + bins.bins[j]]) == expected
        at += bins.bins[j]
    bins.reset()
    assert not any(bins.counts)


@pytest.mark.parametrize(("limit", "edge"), [(4.0, 4.0), (0.0, 8.0)])
def test_bins_of_other_encodings_are_sixteen_of_equal_width(limit: float, edge: float) -> None:
    one = np.ones(1, np.float32)
    bins = Bins(core.EncodingArguments(core.EncodingKind.STANDARD, 1, center=0 * one, scale=one, limit=limit))
    values = np.linspace(-edge, edge, 17)[:-1] + edge / 16
    bins.add(values.astype(np.float32), 16)
    assert list(bins.counts) == [1] * 16
    bins.add(np.array([-1e30, np.nan, 1e30], np.float32), 3)
    assert (bins.counts[0], bins.counts[15]) == (3, 2)
