"""How long features warm up: by the traffic's own time, whatever the clock does."""

from array import array

import pytest

from covey.core import PACKET_BYTES
from covey.sensing import WarmUp


def packets(*times_s: float) -> bytes:
    """Packets with these times and nothing else."""
    return b"".join(array("q", [round(time_s * 1e9)]).tobytes() + bytes(PACKET_BYTES - 8) for time_s in times_s)


def left_out(warm_up: WarmUp, *times_s: float) -> int:
    return warm_up.leave_out(packets(*times_s), len(times_s))


def test_rows_are_left_out_until_the_span_has_passed_since_the_first() -> None:
    warm_up = WarmUp(60.0)
    assert left_out(warm_up, 1000, 1030) == 2
    assert not warm_up.is_over
    assert warm_up.passed_s == 30
    assert left_out(warm_up, 1059.9, 1060, 1061) == 1
    assert warm_up.is_over
    assert left_out(warm_up, 1062, 1000) == 0
    assert (warm_up.rows, warm_up.passed_s) == (3, 60)


def test_without_a_span_there_is_none() -> None:
    warm_up = WarmUp(0.0)
    assert warm_up.is_over
    assert left_out(warm_up, 5.0) == 0
    assert (warm_up.rows, warm_up.passed_s) == (0, 0)


def test_an_empty_block_is_not_a_beginning() -> None:
    warm_up = WarmUp(60.0)
    assert left_out(warm_up) == 0
    assert left_out(warm_up, 1000, 1060) == 1


def test_only_the_rows_of_a_block_are_looked_at_where_its_memory_is_larger() -> None:
    warm_up = WarmUp(60.0)
    assert warm_up.leave_out(packets(1000, 1001, 9999), 2) == 2
    assert not warm_up.is_over


def test_packets_a_little_out_of_order_change_nothing() -> None:
    warm_up = WarmUp(60.0)
    assert left_out(warm_up, *(time_s for pair in range(1000, 1059) for time_s in (pair + 0.5, pair))) == 118
    assert left_out(warm_up, 1060, 1060.5) == 1  # the first was at 1000.5


def test_a_clock_that_is_set_back_takes_nothing_off_and_adds_nothing() -> None:
    warm_up = WarmUp(60.0)
    assert left_out(warm_up, 1_000_000, 1_000_040) == 2
    assert left_out(warm_up, 500, 519, 520, 521) == 2  # 40 s had passed, 20 are left
    assert warm_up.is_over


def test_a_clock_that_is_set_back_again_and_again_does_not_prolong_it() -> None:
    warm_up = WarmUp(60.0)
    times = [1000.0 + second % 10 for second in range(200)]  # ten seconds forward, then back
    assert left_out(warm_up, *times) < 80  # each time back loses at most the step itself


def test_a_clock_that_is_set_forward_ends_it() -> None:
    warm_up = WarmUp(60.0)
    assert left_out(warm_up, 0, 10, 1_700_000_000) == 2


@pytest.mark.parametrize("cut", range(6))
def test_blocks_do_not_matter(cut: int) -> None:
    times = (10.0, 20.0, 5.0, 40.0, 80.0, 81.0)
    warm_up = WarmUp(50.0)
    whole = left_out(WarmUp(50.0), *times)
    assert left_out(warm_up, *times[:cut]) + left_out(warm_up, *times[cut:]) == whole == 4
