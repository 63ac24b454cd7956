"""The driver against the plain way of simulating: the same bits, whatever the fleet and whatever goes wrong."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.models import ModelVersion
from covey.protocol import Outcome, RoundRecord, SendTasks
from covey.simulation.driver import Driver
from covey.simulation.fleet import Fleet
from covey.simulation.machines import Machines
from covey.wire import Task, Verdict
from tests.simulation.fleets import Parts, dataset_of, generator_of, parts_of, plan_of
from tests.simulation.heap_driver import HeapDriver


def run_in_blocks(parts: Parts, driver: Driver) -> list[RoundRecord]:
    driver.start()
    return list(driver.rounds())


def driver_of(parts: Parts, plan: object) -> Driver:
    fleet = Fleet(Machines.of(parts.n_devices), parts.launcher, parts.cohorts)
    return Driver(parts.coordinator, fleet, lambda candidate: True, generator_of(plan))


CHANCES = st.sampled_from([0.0, 0.1, 0.4])
PROFILES = st.fixed_dictionaries(
    {
        "rows_per_s": st.sampled_from([1.0, 30.0, 5_000.0]),
        "uplink_bytes_per_s": st.sampled_from([10.0, 12_500.0]),
        "latency_s": st.sampled_from([0.0, 0.05, 20.0]),
        "duty_cycle": st.sampled_from([1.0, 0.3]),
    }
)
PLANS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 1000),
        "fleet": st.lists(PROFILES, min_size=1, max_size=3).map(
            lambda profiles: {"profiles": tuple({"name": f"p{at}", **one} for at, one in enumerate(profiles))}
        ),
        "faults": st.fixed_dictionaries(
            {"dropout": CHANCES, "straggler": CHANCES, "lost": CHANCES, "duplicated": CHANCES, "crash": CHANCES}
        ),
        "training": st.sampled_from(
            [{"kind": "fedavg"}, {"kind": "scaffold", "steps": 4, "batch": 8, "momentum": 0.5}]
        ),
        "selection": st.sampled_from(
            [
                {"kind": "uniform"},
                {"kind": "uniform", "cohort": 4, "over_selection": 1.5},
                {"kind": "by_state", "cohort": 3, "over_selection": 2.0},
            ]
        ),
        "rounds": st.fixed_dictionaries(
            {
                "count": st.just(5),
                "quorum": st.sampled_from([0.1, 0.6]),
                "deadline_s": st.sampled_from([5.0, 90.0, 600.0]),
                "staleness": st.integers(0, 2),
            }
        ),
    }
)


@given(PLANS)
def test_blocks_give_the_same_bits_as_one_event_at_a_time(tables: dict[str, object]) -> None:
    plan = plan_of(**tables)
    dataset = dataset_of(n_devices=7)
    plain_parts, parts = parts_of(plan, dataset), parts_of(plan, dataset)
    plain = HeapDriver(plain_parts, generator_of(plan))
    driver = driver_of(parts, plan)

    assert run_in_blocks(parts, driver) == plain.run()
    assert parts.coordinator.memory.counters.last.tolist() == plain_parts.coordinator.memory.counters.last.tolist()
    records = driver.fleet.machines.records
    assert [records[device].tobytes() for device in range(7)] == [device.snapshot() for device in plain.devices]
    variates, plain_variates = parts.cohorts.variates.arrays(), plain_parts.cohorts.variates.arrays()
    size = variates["variates.table"].shape[1]
    devices = variates["variates.devices"]
    assert set(devices.tolist()) == set(plain_variates["variates.devices"].tolist())
    if devices.size:
        kept = parts.cohorts.variates.of(devices, size)
        assert kept.tobytes() == plain_parts.cohorts.variates.of(devices, size).tobytes()


def test_a_fleet_without_faults_gets_every_update_through() -> None:
    plan = plan_of()
    records = run_in_blocks(parts := parts_of(plan, dataset_of()), driver_of(parts, plan))
    assert [record.round for record in records] == [0, 1, 2, 3, 4]
    assert all(record.outcome is Outcome.PUBLISHED and record.accepted == 5 for record in records)


def test_lost_and_doubled_messages_are_sent_again_and_counted_once() -> None:
    plan = plan_of(faults={"lost": 0.3, "duplicated": 0.5}, rounds={"count": 12, "deadline_s": 3600.0})
    records = run_in_blocks(parts := parts_of(plan, dataset_of()), driver_of(parts, plan))
    assert sum(record.count(Verdict.DUPLICATE) for record in records) > 0
    for record in records:
        assert record.accepted <= record.selected


def test_a_round_without_its_quorum_changes_nothing() -> None:
    plan = plan_of(faults={"dropout": 0.25}, rounds={"count": 30, "quorum": 0.8}, seed=3)
    records = run_in_blocks(parts := parts_of(plan, dataset_of()), driver_of(parts, plan))
    outcomes = [record.outcome for record in records[1:]]
    assert outcomes.count(Outcome.TOO_FEW_UPDATES) > 0
    assert outcomes.count(Outcome.PUBLISHED) > 0
    for before, after in pairwise(records):
        kept = (before.sequence, before.digest) == (after.sequence, after.digest)
        assert kept == (after.outcome is Outcome.TOO_FEW_UPDATES)


def test_training_lowers_the_loss() -> None:
    plan = plan_of(rounds={"count": 20})
    records = run_in_blocks(parts := parts_of(plan, dataset_of()), driver_of(parts, plan))
    assert records[-1].loss < 0.8 * records[1].loss


def test_devices_that_never_come_to_an_end_do_not_upset_the_clock() -> None:
    slow = {"name": "slow", "rows_per_s": 1e-3, "uplink_bytes_per_s": 1e-3, "latency_s": 86_400.0}
    plan = plan_of(
        fleet={"profiles": (slow, {"name": "quick", "share": 9.0})},
        rounds={"count": 3, "quorum": 0.1, "deadline_s": 2_592_000.0, "staleness": 100},
        faults={"straggler": 0.2, "straggler_factor": 1_000.0},
    )
    records = run_in_blocks(parts := parts_of(plan, dataset_of(n_devices=12)), driver_of(parts, plan))
    assert len(records) == 4


def test_a_round_in_which_nobody_is_fit_waits_for_its_deadline() -> None:
    plan = plan_of(selection={"kind": "by_state", "min_rows": 10_000}, rounds={"count": 2, "deadline_s": 60.0})
    records = run_in_blocks(parts := parts_of(plan, dataset_of()), driver_of(parts, plan))
    assert [record.outcome for record in records[1:]] == [Outcome.TOO_FEW_UPDATES] * 2
    assert [record.closed_ms - record.opened_ms for record in records[1:]] == [60_000] * 2


@pytest.mark.parametrize("kind", ["fedavg", "scaffold"])
def test_devices_train_from_the_bytes_of_their_tasks_and_from_nothing_else(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that forbid all steps, on the way from a coordinator that knows nothing of it, leave the model as it is."""
    plan = plan_of(training={"kind": kind, "steps": 4})
    parts = parts_of(plan, dataset_of())
    driver = driver_of(parts, plan)
    send = driver.fleet.send_tasks

    def send_changed(tasks: SendTasks, now_ms: int) -> None:
        send(replace(tasks, full=without_layers(tasks.full), short=without_layers(tasks.short)), now_ms)

    monkeypatch.setattr(driver.fleet, "send_tasks", send_changed)
    run_in_blocks(parts, driver)
    assert parts.coordinator.memory.current.sequence == 5
    first = Task.decode(parts.cohorts.first_task.tobytes())
    assert isinstance(first, Task)
    assert first.model is not None
    begin = ModelVersion.decode(first.model)
    assert (parts.coordinator.memory.current.parameters == begin.parameters).all()


def without_layers(message: bytes) -> bytes:
    """The same Task with all layers frozen."""
    task = Task.decode(message) if message else None
    if not isinstance(task, Task) or task.terms is None:
        return message
    return replace(task, trainable=bytes(2)).encode()
