"""Which rows are kept: as many as asked for, evenly over time, the same on every machine."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from covey.telemetry.thinning import phase, thinned

START = st.floats(0, 1, exclude_max=True)


def test_few_rows_are_all_kept() -> None:
    assert thinned(np.array([5, 5, 7]), 3, 0.5).tolist() == [0, 1, 2]
    assert thinned(np.zeros(0, np.int64), 3, 0.5).tolist() == []


def test_a_burst_of_packets_does_not_crowd_out_the_quiet_hours() -> None:
    slots = np.array([1] + [2] * 100 + [3] * 2)
    kept = thinned(slots, 7, 0.0)
    assert np.bincount(slots[kept]).tolist() == [0, 1, 4, 2]


def test_rows_of_a_slot_are_taken_at_even_distances() -> None:
    assert thinned(np.zeros(12, np.int64), 4, 0.0).tolist() == [0, 3, 6, 9]
    assert thinned(np.zeros(12, np.int64), 4, 0.5).tolist() == [1, 4, 7, 10]


def test_what_is_left_over_goes_to_slots_at_even_distances() -> None:
    slots = np.repeat(np.arange(8), 5)
    kept = thinned(slots, 10, 0.0)  # one each, and two more
    assert np.bincount(slots[kept]).tolist() == [2, 1, 1, 1, 2, 1, 1, 1]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=300), st.integers(1, 200), START)
def test_no_slot_gives_more_than_one_row_more_than_another_that_has_more(
    values: list[int], most: int, start: float
) -> None:
    slots = np.sort(np.array(values))
    kept = thinned(slots, most, start)
    assert kept.size == min(most, slots.size)
    assert (np.diff(kept) > 0).all()
    has = np.bincount(slots, minlength=31)
    got = np.bincount(slots[kept], minlength=31)
    not_whole = got < has
    if not_whole.any():
        assert got.max() - got[not_whole].min() <= 1


def test_the_phase_belongs_to_seed_and_names() -> None:
    assert phase(1, "lamp", "flood") == phase(1, "lamp", "flood")
    assert len({phase(1, "lamp"), phase(2, "lamp"), phase(1, "lock"), phase(1, "la", "mp")}) == 4
    assert 0 <= phase(0) < 1
