"""What simulated devices are like and what happens to them: as often as the Plan says, and the same for all orders."""

import numpy as np
import pytest

from covey.plan import Faults, Profile
from covey.simulation.mishaps import COPY_DELAY_MS, CRASH_WINDOW, Mishaps
from covey.simulation.traits import WAKE_PERIOD_MS, FleetTraits

MANY = np.arange(20_000, dtype=np.uint32)


def share(flags: np.ndarray) -> float:
    return float(flags.mean())


def test_profiles_are_dealt_by_their_share() -> None:
    profiles = (Profile(name="a", share=3.0, rows_per_s=10.0), Profile(name="b", share=1.0, rows_per_s=20.0))
    traits = FleetTraits(profiles, seed=1).traits(MANY)
    assert share(traits.rows_per_s == 10.0) == pytest.approx(0.75, abs=0.02)
    assert set(traits.rows_per_s.tolist()) == {10.0, 20.0}


def test_draws_depend_on_the_device_and_not_on_who_else_is_asked() -> None:
    profiles = (Profile(name="a", duty_cycle=0.2), Profile(name="b", duty_cycle=0.7))
    fleet = FleetTraits(profiles, seed=4)
    mishaps = Mishaps(Faults(dropout=0.3, straggler=0.3, crash=0.3, lost=0.3, duplicated=0.3), seed=4)
    some = MANY[[5, 17, 900]]
    for whole, part in (
        (fleet.traits(MANY).phase_ms, fleet.traits(some).phase_ms),
        (mishaps.of_round(MANY, 3).crash, mishaps.of_round(some, 3).crash),
        (mishaps.of_round(MANY, 3).silent, mishaps.of_round(some, 3).silent),
    ):
        assert np.array_equal(whole[[5, 17, 900]], part)
    other_round = mishaps.of_round(MANY, 4)
    assert not np.array_equal(other_round.silent, mishaps.of_round(MANY, 3).silent)


def test_mishaps_happen_as_often_as_the_plan_says() -> None:
    faults = Faults(dropout=0.1, straggler=0.2, straggler_factor=7.0, crash=0.3, duplicated=0.4)
    fate = Mishaps(faults, seed=2).of_round(MANY, 1)
    assert share(fate.silent) == pytest.approx(0.1, abs=0.01)
    assert share(fate.slowness == 7.0) == pytest.approx(0.2, abs=0.01)
    crashed = fate.crash[fate.crash < np.inf]
    assert crashed.size / MANY.size == pytest.approx(0.3, abs=0.01)
    assert crashed.max() < CRASH_WINDOW
    sends = Mishaps(faults, seed=2).of_sends(fate.seeds, np.ones(MANY.size, np.uint16))
    assert share(sends.copy_delay_ms > 0) == pytest.approx(0.4, abs=0.02)
    assert sends.copy_delay_ms.max() <= COPY_DELAY_MS
    assert not sends.lost.any()


def test_each_attempt_has_a_luck_of_its_own() -> None:
    mishaps = Mishaps(Faults(lost=0.5), seed=2)
    seeds = mishaps.of_round(MANY, 1).seeds
    first, second = (mishaps.of_sends(seeds, np.full(MANY.size, attempt, np.uint16)) for attempt in (1, 2))
    assert share(first.lost & second.lost) == pytest.approx(0.25, abs=0.02)
    assert share(first.lost & first.receipt_lost) == pytest.approx(0.25, abs=0.02)


def test_a_fleet_without_faults_has_no_mishaps() -> None:
    fate = Mishaps(Faults(), seed=2).of_round(MANY, 1)
    assert not fate.silent.any()
    assert (fate.slowness == 1.0).all()
    assert np.isinf(fate.crash).all()


def test_a_sleeping_device_is_reached_when_it_wakes_up() -> None:
    traits = FleetTraits((Profile(duty_cycle=0.25),), seed=3).traits(MANY)
    called = np.full(MANY.size, 1_000_000, np.uint64)
    reached = traits.reached_ms(called)
    assert (reached >= called).all()
    assert (reached < called + np.uint64(WAKE_PERIOD_MS)).all()
    assert share(reached == called) == pytest.approx(0.25, abs=0.02)
    assert np.array_equal(traits.reached_ms(reached), reached)


def test_states_follow_the_profile() -> None:
    profiles = (Profile(name="mains"), Profile(name="battery", battery=0.5, charging=0.3, metered=True))
    fleet = FleetTraits(profiles, seed=5)
    states = fleet.states(MANY, 1, np.full(MANY.size, 9))
    on_battery = fleet.profile_of(MANY) == 1
    assert (states.battery[~on_battery] == 1.0).all()
    assert states.charging[~on_battery].all()
    assert states.battery[on_battery].mean() == pytest.approx(0.5, abs=0.02)
    assert share(states.charging[on_battery]) == pytest.approx(0.3, abs=0.02)
    assert np.array_equal(states.metered, on_battery)
