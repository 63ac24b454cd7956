"""Partitions deal training rows to clients; each is held to the checks that all share."""

import numpy as np
import pytest

from covey.errors import Code, DataError
from covey.telemetry import (
    NOBODY,
    PARTITIONS,
    BenignOnly,
    Dataset,
    Dirichlet,
    FewRows,
    Iid,
    LabelSkew,
    LeaveOneOut,
    Natural,
    Partition,
    Repeat,
)

KINDS = ("benign", "flood", "scan", "sweep")


def generator(seed: int = 1) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=seed))


def fleet(*kinds_of_devices: dict[str, int]) -> Dataset:
    """Devices with so many training rows of each kind, and as many test rows."""
    attack, device, is_train = [], [], []
    for index, kinds in enumerate(kinds_of_devices):
        for train in (True, False):
            for kind, n in kinds.items():
                attack += [KINDS.index(kind)] * n
                device += [index] * n
                is_train += [train] * n
    sizes = np.bincount(device)
    codes = np.array(attack, np.int32)
    return Dataset(
        device_ids=tuple(f"device-{index}" for index in range(len(kinds_of_devices))),
        feature_names=("x",),
        x=np.arange(len(attack), dtype=np.float32).reshape(-1, 1),
        first_row=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        is_train=np.array(is_train),
        label=(codes > 0).astype(np.int32),
        attack=codes,
        attack_names=KINDS,
        family=codes,
        family_names=KINDS,
    )


FLEET = fleet(
    {"benign": 30, "flood": 10, "scan": 10, "sweep": 10},
    {"benign": 20, "scan": 20},
    {"benign": 50, "flood": 5, "sweep": 5},
)
EACH: dict[str, Partition] = {
    "natural": Natural(),
    "label_skew": LabelSkew(order=("flood", "scan", "sweep"), attacks_per_device=1),
    "leave_one_out": LeaveOneOut(),
    "few_rows": FewRows(rows=8),
    "benign_only": BenignOnly(),
    "iid": Iid(clients=7),
    "dirichlet": Dirichlet(clients=6, alpha=0.3, least_rows=4),
    "repeat": Repeat(clients=1000, rows=7),
}


def test_every_partition_has_its_example_here() -> None:
    assert set(EACH) == set(PARTITIONS)
    assert all(isinstance(partition, PARTITIONS[kind]) for kind, partition in EACH.items())


@pytest.mark.parametrize("kind", EACH)
def test_no_partition_touches_a_test_row(kind: str) -> None:
    for population in EACH[kind](FLEET, generator()):
        assert FLEET.is_train[population.rows].all()


@pytest.mark.parametrize("kind", EACH)
def test_every_client_has_rows_within_bounds(kind: str) -> None:
    for population in EACH[kind](FLEET, generator()):
        assert (population.n_rows >= 1).all()
        assert (population.first_row >= 0).all()
        assert (population.first_row + population.n_rows <= population.rows.size).all()
        assert population.home.size == population.n_clients == population.n_rows.size


@pytest.mark.parametrize("kind", EACH)
def test_the_seed_alone_decides(kind: str) -> None:
    first, again = (EACH[kind](FLEET, generator(3)) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.rows, other.rows)
        assert np.array_equal(one.first_row, other.first_row)


@pytest.mark.parametrize("kind", EACH)
def test_a_device_that_is_a_client_trains_on_its_own_rows_alone(kind: str) -> None:
    device_of_row = np.repeat(np.arange(FLEET.n_devices), np.diff(FLEET.first_row))
    for population in EACH[kind](FLEET, generator()):
        for client in range(0, population.n_clients, 97):
            if population.home[client] != NOBODY:
                assert (device_of_row[population.client_rows(client)] == population.home[client]).all()


def test_natural_clients_are_the_devices() -> None:
    (population,) = Natural()(FLEET, generator())
    assert population.n_rows.tolist() == [60, 40, 60]
    assert population.judges == (0, 1, 2)
    assert population.gather(FLEET.x)[:, 0].tolist() == population.rows.tolist()


def test_attacks_are_dealt_round_robin_and_a_lacking_one_waits_for_the_next_device() -> None:
    deal = LabelSkew(order=("flood", "scan", "sweep"), attacks_per_device=1).deal(FLEET)
    assert deal == [("flood",), ("scan",), ("sweep",)]
    # The second device has only scan, which the first took last: it gets no second kind.
    deal = LabelSkew(order=("flood", "scan", "sweep"), attacks_per_device=2).deal(FLEET)
    assert deal == [("flood", "scan"), ("scan",), ("sweep", "flood")]


def test_dealt_devices_keep_their_benign_rows_and_lose_all_other_attacks() -> None:
    (population,) = EACH["label_skew"](FLEET, generator())
    assert population.n_rows.tolist() == [30 + 10, 20 + 20, 50 + 5]
    held = [set(FLEET.attack[population.client_rows(client)].tolist()) for client in range(3)]
    assert held == [{0, 1}, {0, 2}, {0, 3}]


def test_dealing_an_unknown_attack_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(DataError) as caught:
        LabelSkew(order=("floot",))(FLEET, generator())
    assert caught.value.code is Code.DATA_UNKNOWN_CLASS
    assert "flood" in str(caught.value.hint)


def test_each_device_in_turn_stays_out_and_judges() -> None:
    populations = LeaveOneOut()(FLEET, generator())
    assert [population.judges for population in populations] == [(0,), (1,), (2,)]
    assert [population.home.tolist() for population in populations] == [[1, 2], [0, 2], [0, 1]]
    assert populations[1].name == "without device-1"


def test_leaving_out_an_unknown_device_is_an_error() -> None:
    with pytest.raises(DataError, match="device-9"):
        LeaveOneOut(devices=("device-9",))(FLEET, generator())
    assert len(LeaveOneOut(devices=("device-2",))(FLEET, generator())) == 1


def test_few_rows_hold_each_kind_at_least_once_and_then_in_proportion() -> None:
    (population,) = FewRows(rows=8)(FLEET, generator())
    assert population.n_rows.tolist() == [8, 8, 8]
    # 30 benign and 3 x 10 attacks: one each, then by highest averages 15, 10, 7.5 of benign beat 5.
    assert np.bincount(FLEET.attack[population.client_rows(0)], minlength=4).tolist() == [5, 1, 1, 1]
    assert np.bincount(FLEET.attack[population.client_rows(1)], minlength=4).tolist() == [4, 0, 4, 0]


def test_more_rows_than_a_device_has_are_an_error() -> None:
    with pytest.raises(DataError) as caught:
        FewRows(rows=41)(FLEET, generator())
    assert caught.value.code is Code.DATA_TOO_FEW_ROWS
    assert "device-1" in caught.value.cause


def test_benign_only_leaves_out_every_attack() -> None:
    (population,) = BenignOnly()(FLEET, generator())
    assert population.n_rows.tolist() == [30, 20, 50]
    assert not FLEET.label[population.rows].any()


def test_a_device_without_benign_rows_cannot_train_on_benign_rows_only() -> None:
    with pytest.raises(DataError) as caught:
        BenignOnly()(fleet({"benign": 3}, {"scan": 3}), generator())
    assert caught.value.code is Code.DATA_EMPTY_DEVICE


@pytest.mark.parametrize("partition", [Iid(clients=7), Dirichlet(clients=6, alpha=0.3, least_rows=4)])
def test_dealt_rows_are_all_training_rows_once(partition: Partition) -> None:
    (population,) = partition(FLEET, generator())
    assert sorted(population.rows.tolist()) == np.flatnonzero(FLEET.is_train).tolist()
    assert population.n_rows.sum() == 160
    assert not population.one_per_device


def test_dirichlet_clients_have_their_least_rows_and_skew_grows_as_alpha_falls() -> None:
    def skew(alpha: float) -> float:
        (population,) = Dirichlet(clients=5, alpha=alpha, least_rows=4)(FLEET, generator())
        assert population.n_rows.min() >= 4
        shares = [np.bincount(FLEET.attack[population.client_rows(client)], minlength=4) for client in range(5)]
        return float(np.mean([counts.max() / counts.sum() for counts in shares]))

    assert skew(0.05) > skew(100.0)


def test_too_many_clients_for_the_rows_are_an_error() -> None:
    with pytest.raises(DataError):
        Dirichlet(clients=100, least_rows=8)(FLEET, generator())
    with pytest.raises(DataError):
        Iid(clients=161)(FLEET, generator())


def test_more_clients_than_rows_are_refused_before_any_work() -> None:
    for partition in (Iid(clients=10_000_000), Dirichlet(clients=10_000_000)):
        with pytest.raises(DataError) as caught:
            partition(FLEET, generator())
        assert caught.value.code is Code.DATA_TOO_FEW_ROWS
        assert "10,000,000 clients" in caught.value.cause
    for kind in (Iid, Dirichlet, Repeat):
        with pytest.raises(ValueError, match="clients is 10000001"):
            kind(clients=10_000_001)


def test_a_million_clients_share_the_rows_they_read() -> None:
    (population,) = Repeat(clients=1_000_000, rows=7)(FLEET, generator())
    assert population.n_clients == 1_000_000
    assert population.rows.size == 160
    assert (population.n_rows == 7).all()
    assert population.client_rows(3).tolist() == (FLEET.train_rows(0)[7:14]).tolist()


@pytest.mark.parametrize(
    "make",
    [
        lambda: LabelSkew(order=()),
        lambda: LabelSkew(order=("a", "a")),
        lambda: LabelSkew(order=("a",), attacks_per_device=0),
        lambda: FewRows(rows=0),
        lambda: Iid(clients=0),
        lambda: Dirichlet(alpha=0.0),
        lambda: Dirichlet(alpha=float("inf")),
        lambda: Repeat(rows=0),
    ],
)
def test_values_out_of_range_are_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"must"):
        make()  # type: ignore[operator]
