"""The local store's rules without a disk: samples are fair, floods push nothing out, doubt wins over belief."""

import math
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from covey.sensing.sampling import MOST_KINDS, OTHER_KINDS, Draws, Kinds, Places, Reservoir, Strata
from covey.sensing.store import (
    NANOSECONDS,
    Doubt,
    Quotas,
    StoreLimits,
    StoreSchema,
    class_of,
    far_below,
)

SECOND = NANOSECONDS


def schema_of(n_features: int) -> StoreSchema:
    return StoreSchema(tuple(f"f{i}" for i in range(n_features)), ("benign", "attack"))


# -- one reservoir


def kept_of(n: int, capacity: int, seed: int, part: int) -> list[int]:
    """Numbers of the rows that a reservoir holds after n rows, offered `part` at a time."""
    reservoir = Reservoir(capacity, Draws(seed))
    slots = [-1] * capacity
    for first in range(0, n, part):
        for number, slot in reservoir.take(min(part, n - first)):
            slots[slot] = first + number
    return slots


def test_every_row_of_a_stream_is_kept_with_the_same_probability() -> None:
    n, capacity, runs = 200, 20, 3000
    counts = Counter(row for seed in range(runs) for row in kept_of(n, capacity, seed, 7))
    expected = runs * capacity / n
    chi = sum((counts[row] - expected) ** 2 / (expected * (1 - capacity / n)) for row in range(n))
    spread = math.sqrt(2 * (n - 1))
    assert abs(chi - (n - 1)) < 5 * spread  # a fair sample's chi-square, five standard deviations either way


@given(st.integers(0, 400), st.integers(1, 30), st.integers(0, 2**64 - 1), st.integers(1, 50))
def test_a_sample_does_not_depend_on_how_the_stream_is_cut(n: int, capacity: int, seed: int, part: int) -> None:
    whole = kept_of(n, capacity, seed, max(1, n))
    assert kept_of(n, capacity, seed, part) == whole
    held = [row for row in whole if row >= 0]
    assert len(held) == len(set(held)) == min(n, capacity)


def test_a_reservoir_goes_on_from_its_numbers_as_if_it_had_not_stopped() -> None:
    one = Reservoir(5, Draws(3))
    first = one.take(1000)
    two = Reservoir(5, Draws(3, one.draws.made), one.seen, one.next, one.weight)
    assert one.take(5000) == two.take(5000)
    assert first


# -- strata


def test_strata_have_equal_shares_and_the_oldest_is_forgotten() -> None:
    strata, places = Strata(60, 100 * SECOND, 5, 1), Places(set())
    held: dict[int, int] = {}  # place: second in which its row came
    for second in range(0, 400, 2):
        for place in strata.turn(second * SECOND):
            del held[place]
            places.give_back(place)
        for _, _, place in strata.take(50, places):
            held[place] = second
        assert len(held) <= 60
        assert min(held.values()) >= second - 100
    by_stratum = [len(stratum.places) for stratum in strata.live]
    assert len(by_stratum) in (5, 6)
    assert max(by_stratum) - min(by_stratum) <= 2
    assert set(held) == {place for stratum in strata.live for place in stratum.places}


def test_a_flood_in_one_stratum_leaves_the_others_their_rows() -> None:
    strata, places = Strata(60, 100 * SECOND, 5, 1), Places(set())
    for second, rows in ((0, 30), (20, 1_000_000), (40, 30)):
        for place in strata.turn(second * SECOND):
            places.give_back(place)
        strata.take(rows, places)
    assert [len(stratum.places) for stratum in strata.live] == [20, 20, 20]


@pytest.mark.parametrize("jump", [-(10**6), -50, 10**6])
def test_a_clock_that_jumps_never_stops_the_sampling(jump: int) -> None:
    strata, places = Strata(60, 100 * SECOND, 5, 1), Places(set())
    for start in (10**6, 10**6 + jump):
        for second in range(start, start + 30, 5):
            for place in strata.turn(second * SECOND):
                places.give_back(place)
            strata.take(20, places)
        assert strata.live[-1].places
    assert all(stratum.opened_ns >= 0 for stratum in strata.live)
    now = (10**6 + jump + 25) * SECOND
    assert all(abs(now - stratum.opened_ns) <= 121 * SECOND for stratum in strata.live)


# -- kinds


def offer(kinds: Kinds, places: Places, kind: str, n: int) -> None:
    for _ in range(n):
        kinds.take(kind, places)


def test_a_flood_of_one_kind_pushes_out_no_other() -> None:
    kinds, places = Kinds(40, Draws(5)), Places(set())
    offer(kinds, places, "scan", 3)
    offer(kinds, places, "flood", 100_000)
    offer(kinds, places, "late", 5)
    held = {kind: len(group.places) for kind, group in kinds.groups.items()}
    assert held == {"scan": 3, "flood": 32, "late": 5}
    assert kinds.held == 40


def test_kinds_that_want_more_than_there_is_share_evenly() -> None:
    kinds, places = Kinds(40, Draws(5)), Places(set())
    for _ in range(5000):
        for kind in "abcd":
            kinds.take(kind, places)
    assert [len(group.places) for group in kinds.groups.values()] == [10, 10, 10, 10]


def test_names_of_kinds_that_an_attacker_makes_up_share_one_group() -> None:
    kinds, places = Kinds(100, Draws(5)), Places(set())
    offer(kinds, places, "real", 50)
    for number in range(10_000):
        kinds.take(f"tcp/{number}", places)
    assert len(kinds.groups) == MOST_KINDS + 1
    assert len(kinds.groups["real"].places) >= 100 // (MOST_KINDS + 1)
    assert OTHER_KINDS in kinds.groups


@given(st.lists(st.sampled_from("abcde"), max_size=200), st.integers(1, 20))
def test_places_are_never_held_twice_and_never_more_than_the_quota(kinds_offered: list[str], quota: int) -> None:
    kinds, places = Kinds(quota, Draws(1)), Places(set())
    for kind in kinds_offered:
        kinds.take(kind, places)
        held = [place for group in kinds.groups.values() for place in group.places]
        assert len(held) == len(set(held)) <= quota
        assert all(place < quota for place in held)
    assert kinds.held == min(quota, len(kinds_offered))


# -- what is believed


def calm_stream(doubt: Doubt, windows: int, start: int = 0) -> None:
    for window in range(start, start + windows):
        doubt.window(10 * window * SECOND, 10 * (window + 1) * SECOND, is_calm=True)


def test_a_row_is_believed_only_after_calm_before_and_behind_it() -> None:
    doubt = Doubt(300 * SECOND)
    calm_stream(doubt, 200)  # 2,000 s
    assert doubt.believes(1000 * SECOND, 100, 6)
    assert not doubt.believes(299 * SECOND, 29, 6)  # what was before the stream began nobody saw
    assert not doubt.believes(1701 * SECOND, 170, 6)  # what comes behind is not known yet


def test_one_window_near_the_threshold_takes_the_belief_from_all_around_it() -> None:
    doubt = Doubt(300 * SECOND)
    calm_stream(doubt, 100)
    doubt.window(1000 * SECOND, 1010 * SECOND, is_calm=False)
    calm_stream(doubt, 200, 101)
    assert not doubt.believes(701 * SECOND, 70, 6)
    assert not doubt.believes(1005 * SECOND, 100, 6)
    assert not doubt.believes(1309 * SECOND, 130, 6)
    assert doubt.believes(699 * SECOND, 69, 6)
    assert doubt.believes(1311 * SECOND, 131, 6)


def test_a_clock_of_packets_that_jumps_ahead_makes_nothing_believed_before_windows_have_passed() -> None:
    doubt = Doubt(300 * SECOND)
    calm_stream(doubt, 100)
    doubt.window(10**9 * SECOND, (10**9 + 10) * SECOND, is_calm=True)
    assert not doubt.believes(990 * SECOND, 99, 6)


def test_what_happened_while_nobody_watched_is_not_known() -> None:
    doubt = Doubt(300 * SECOND)
    calm_stream(doubt, 100)
    again = Doubt(doubt.calm_ns, doubt.spans, doubt.end_ns, doubt.windows)  # after a restart
    calm_stream(again, 100, 1000)
    assert not again.believes(900 * SECOND, 90, 6)  # its calm_s behind it were cut short
    assert not again.believes(10_100 * SECOND, 110, 6)
    assert again.believes(500 * SECOND, 50, 6)


def test_too_many_spans_become_more_doubt_never_less() -> None:
    doubt = Doubt(1 * SECOND)
    for window in range(1000):
        doubt.window(100 * window * SECOND, (100 * window + 10) * SECOND, is_calm=False)
    assert len(doubt.spans) <= 256
    doubt.window(10**6 * SECOND, (10**6 + 10) * SECOND, is_calm=True)
    assert not any(doubt.believes((100 * window + 5) * SECOND, 0, 0) for window in range(1000))


def test_far_below_is_a_factor_in_odds_or_in_error() -> None:
    assert far_below(math.log(2.0), 8.0) == pytest.approx(math.log(0.25))


@pytest.mark.parametrize(
    ("label", "classes", "expected"),
    [
        ("benign", ("benign", "attack"), 0),
        ("attack", ("benign", "attack"), 1),
        ("mirai", ("benign", "attack"), 1),
        ("mirai", ("usual", "mirai", "scan"), 1),
        ("benign", ("usual", "mirai", "scan"), 0),
        ("attack", ("usual", "mirai", "scan"), None),
    ],
)
def test_a_label_means_a_class_or_nothing(label: str, classes: tuple[str, ...], expected: int | None) -> None:
    assert class_of(label, classes) == expected


# -- what fits


@given(st.integers(1 << 20, 1 << 30), st.integers(1, 1024))
@example(1 << 20, 458)
def test_quotas_fit_the_bound_whatever_it_is(size_bytes: int, n_features: int) -> None:
    limits, schema = StoreLimits(size_bytes=size_bytes), schema_of(n_features)
    try:
        quotas = Quotas.of(limits, schema)
    except ValueError:
        assert size_bytes < 400 * (schema.row_bytes + 1000)  # refused only where there is really no room
        return
    rows = quotas.calm + quotas.unusual + quotas.judged
    assert rows * schema.row_bytes + limits.log_bytes + limits.index_bytes < size_bytes
    assert rows * (schema.row_bytes + 220) > 0.1 * size_bytes


@pytest.mark.parametrize(
    "wrong",
    [
        {"size_bytes": 1000},
        {"age_s": 1.0},
        {"age_s": math.nan},
        {"strata": 0},
        {"unusual": 0.6, "judged": 0.5},
        {"unusual": 0.0},
        {"far": 1.0},
        {"calm_s": -1.0},
    ],
)
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        StoreLimits(**wrong)  # type: ignore[arg-type]
