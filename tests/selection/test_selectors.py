"""Who is selected: fair draws, fit devices, and costs that do not grow with the population."""

import numpy as np
import pytest

from covey.errors import PlanError
from covey.selection import SELECTORS, ByState, Candidates, DeviceStates, Uniform, draw_devices


def generator(number: int = 1) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=number))


def all_fit(devices: np.ndarray) -> DeviceStates:
    n = devices.size
    return DeviceStates(np.ones(n, np.float32), np.ones(n, np.bool_), np.zeros(n, np.bool_), np.full(n, 9))


def odd_ones_are_empty(devices: np.ndarray) -> DeviceStates:
    n = devices.size
    battery = np.where(devices % 2 == 1, 0.1, 0.9).astype(np.float32)
    return DeviceStates(battery, np.zeros(n, np.bool_), np.zeros(n, np.bool_), np.full(n, 9))


@pytest.fixture(params=sorted(SELECTORS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize(("size", "count"), [(10, 3), (1000, 10), (1000, 999), (5, 9)])
def test_a_draw_has_different_devices_in_order(size: int, count: int) -> None:
    drawn = draw_devices(size, count, generator())
    assert drawn.size == min(size, count)
    assert (np.diff(drawn.astype(np.int64)) > 0).all()
    assert drawn.max() < size


@pytest.mark.parametrize(("size", "count"), [(20, 5), (400, 5)])
def test_all_devices_are_equally_likely(size: int, count: int) -> None:
    rng = generator()
    draws = 40 * size
    times = sum(np.bincount(draw_devices(size, count, rng), minlength=size) for _ in range(draws))
    expected = draws * count / size
    assert np.abs(times - expected).max() < 6.0 * np.sqrt(expected)


def test_nobody_chosen_means_everybody(kind: str) -> None:
    assert SELECTORS[kind]().select(Candidates(7, all_fit), generator()).tolist() == list(range(7))


def test_over_selection_asks_more_than_it_needs(kind: str) -> None:
    selector = SELECTORS[kind](cohort=10, over_selection=1.3)
    assert selector.target(100) == 10
    assert selector.select(Candidates(100, all_fit), generator()).size == 13


def test_the_same_generator_gives_the_same_cohort(kind: str) -> None:
    selector = SELECTORS[kind](cohort=20)
    first, second = (selector.select(Candidates(5000, all_fit), generator(9)) for _ in range(2))
    assert first.tolist() == second.tolist()


def test_a_small_population_limits_the_target(kind: str) -> None:
    assert SELECTORS[kind](cohort=10).target(4) == 4


@pytest.mark.parametrize(("field", "value"), [("cohort", -1), ("over_selection", 0.5)])
def test_cohorts_that_cannot_be_drawn_are_refused(kind: str, field: str, value: float) -> None:
    with pytest.raises(PlanError, match=field):
        SELECTORS[kind](**{field: value})


def test_devices_low_on_battery_are_passed_over() -> None:
    chosen = ByState(cohort=50).select(Candidates(1000, odd_ones_are_empty), generator())
    assert chosen.size == 50
    assert (chosen % 2 == 0).all()


def test_fewer_are_asked_where_too_few_are_fit() -> None:
    assert ByState(cohort=9).select(Candidates(10, odd_ones_are_empty), generator()).tolist() == [0, 2, 4, 6, 8]


def test_charging_metered_and_rows_decide_too() -> None:
    states = DeviceStates(
        battery=np.array([1.0, 0.1, 1.0, 1.0], np.float32),
        charging=np.array([False, True, False, False]),
        metered=np.array([False, False, True, False]),
        rows=np.array([9, 9, 9, 2]),
    )
    assert ByState(min_rows=3).fit(states).tolist() == [True, True, False, False]
    assert ByState(min_rows=3, charging_only=True).fit(states).tolist() == [False, True, False, False]
    assert ByState(metered=True).fit(states).tolist() == [True, True, True, True]


def test_states_are_asked_for_a_few_devices_of_a_million_only() -> None:
    seen = 0

    def counted(devices: np.ndarray) -> DeviceStates:
        nonlocal seen
        seen += devices.size
        return all_fit(devices)

    assert ByState(cohort=100).select(Candidates(1_000_000, counted), generator()).size == 100
    assert seen <= 400


def test_uniform_asks_for_no_states() -> None:
    def never(devices: np.ndarray) -> DeviceStates:
        raise AssertionError(devices)

    assert Uniform(cohort=3).select(Candidates(10, never), generator()).size == 3
