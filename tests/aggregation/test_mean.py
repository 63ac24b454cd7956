"""The streaming mean: what it computes, and that nothing about the way updates come changes it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.aggregation import AGGREGATORS, Mean, RunningAggregate, Weighting
from covey.core import UPDATE_HEADER_FIELDS, Recipe, UpdateFields, encode_payload, read_updates, write_update

N = 24


def block_of(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Messages, offsets and headers of float32 updates (n, N)."""
    messages = [
        write_update(UpdateFields(1, 1, 7, 0.5, bytes(16), encode_payload(Recipe(), vector.copy(), 0)[0]))
        for vector in vectors.astype(np.float32)
    ]
    sizes = np.array([len(message) for message in messages], np.uint32)
    offsets = np.cumsum(sizes, dtype=np.uint64) - sizes
    content = np.frombuffer(b"".join(messages), np.uint8)
    headers = np.zeros(len(messages), np.dtype(UPDATE_HEADER_FIELDS))
    read_updates(content, offsets, sizes, N, headers)
    return content, offsets, headers


def summed(aggregate: RunningAggregate, vectors: np.ndarray, weights: np.ndarray) -> RunningAggregate:
    aggregate.add(*block_of(vectors), weights, 1)
    return aggregate


VECTORS = np.random.default_rng(1).normal(size=(6, N))


@pytest.fixture(params=sorted(AGGREGATORS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_weighted_mean_of_two_updates_by_hand() -> None:
    vectors = np.zeros((2, N))
    vectors[0], vectors[1] = 1.0, 4.0
    assert summed(Mean().start(N), vectors, np.array([2.0, 1.0])).change().tolist() == [2.0] * N


def test_examples_weigh_updates_unless_all_weigh_the_same() -> None:
    examples = np.array([10, 30], np.uint32)
    assert Mean().weights(examples).tolist() == [10.0, 30.0]
    assert Mean(Weighting.EQUAL).weights(examples).tolist() == [1.0, 1.0]


def test_an_update_of_weight_zero_counts_for_nothing() -> None:
    with_it = summed(Mean().start(N), VECTORS, np.array([1.0, 1.0, 0.0, 1.0, 0.0, 1.0])).change()
    assert np.array_equal(with_it, summed(Mean().start(N), VECTORS[[0, 1, 3, 5]], np.ones(4)).change())


def test_the_mean_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no updates"):
        Mean().start(N).change()


# What every aggregator must keep to.


def test_one_update_comes_out_as_it_is(kind: str) -> None:
    change = summed(AGGREGATORS[kind]().start(N), VECTORS[:1], np.array([3.0])).change()
    np.testing.assert_allclose(change, VECTORS[0], rtol=1e-6)


def test_inputs_stay_untouched(kind: str) -> None:
    content, offsets, headers = block_of(VECTORS)
    before = content.tobytes(), offsets.tobytes(), headers.tobytes()
    AGGREGATORS[kind]().start(N).add(content, offsets, headers, np.ones(6), 1)
    assert before == (content.tobytes(), offsets.tobytes(), headers.tobytes())


@given(st.integers(0, 6), st.permutations(range(6)))
def test_cuts_change_no_bit_and_order_next_to_nothing(cut: int, order: list[int]) -> None:
    for aggregator in (strategy() for strategy in AGGREGATORS.values()):
        weights = np.arange(1.0, 7.0)
        whole = summed(aggregator.start(N), VECTORS, weights)
        parts = aggregator.start(N)
        for rows in (slice(0, cut), slice(cut, 6)):
            if VECTORS[rows].size:
                summed(parts, VECTORS[rows], weights[rows])
        assert parts.change().tobytes() == whole.change().tobytes()
        shuffled = summed(aggregator.start(N), VECTORS[order], weights[order])
        np.testing.assert_allclose(shuffled.change(), whole.change(), rtol=1e-12, atol=1e-15)


def test_huge_updates_stay_finite(kind: str) -> None:
    change = summed(AGGREGATORS[kind]().start(N), np.full((3, N), 1e18), np.full(3, 1e200)).change()
    np.testing.assert_allclose(change, 1e18, rtol=1e-6)


def test_a_snapshot_goes_on_to_the_same_bits(kind: str) -> None:
    aggregator = AGGREGATORS[kind]()
    first = summed(aggregator.start(N), VECTORS[:3], np.ones(3))
    again = aggregator.restore({name: array.copy() for name, array in first.arrays().items()})
    assert (
        summed(again, VECTORS[3:], np.ones(3)).change().tobytes()
        == summed(first, VECTORS[3:], np.ones(3)).change().tobytes()
    )
