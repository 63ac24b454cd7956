"""A whole simulation: reports, results, and going on after an end at any moment."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from covey.errors import Code, CoveyError, EnvironmentFault, JournalError, OutputError
from covey.models import DeviceClass, ModelVersion
from covey.plan import Plan
from covey.simulation import RoundReport, Simulation, simulation
from covey.telemetry import Task
from tests.simulation.fleets import dataset_of, plan_of

HARD = {
    "fleet": {"profiles": ({"name": "slow", "rows_per_s": 20.0, "duty_cycle": 0.5},)},
    "faults": {"lost": 0.2, "duplicated": 0.2, "crash": 0.2, "straggler": 0.2},
    "training": {"kind": "scaffold", "steps": 5, "momentum": 0.5, "step_scale": "knot_share"},
    "server": {"kind": "fedavgm", "momentum": 0.5},
    "selection": {"kind": "uniform", "cohort": 3, "over_selection": 1.5},
    "rounds": {"count": 5, "quorum": 0.3, "deadline_s": 120.0},
    "judging": {"local": False, "central": False},
}
DATA = dataset_of()


@pytest.fixture(autouse=True)
def _a_checkpoint_every_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "CHECKPOINT_EVERY_S", 0.0)
    monkeypatch.setattr(simulation, "CHECKPOINT_COST_FACTOR", 0.0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[RoundReport], bytes]:
    """A run without interruption: its folder, reports and model."""
    out = tmp_path_factory.mktemp("whole") / "run"
    reports = list(Simulation(plan_of(**HARD), DATA, out, threads=1))
    return out, reports, (out / "model.covey").read_bytes()


def outcome(reports: list[RoundReport]) -> list[object]:
    return [(report.record, report.look) for report in reports]


def resumed(out: Path, plan: Plan | None = None) -> list[RoundReport]:
    return list(Simulation(plan or plan_of(**HARD), DATA, out, resume=True, threads=2))


def test_a_run_reports_every_round_and_writes_its_model(whole: tuple[Path, list[RoundReport], bytes]) -> None:
    _, reports, model = whole
    assert [report.round for report in reports] == [0, 1, 2, 3, 4, 5]
    assert ModelVersion.decode(model).digest == reports[-1].record.digest


@pytest.mark.parametrize("rounds", range(7))
def test_a_stopped_run_goes_on_to_the_same_bits(
    whole: tuple[Path, list[RoundReport], bytes], tmp_path: Path, rounds: int
) -> None:
    out = tmp_path / "run"
    first = Simulation(plan_of(**HARD), DATA, out, threads=1)
    reports: Iterator[RoundReport] = iter(first)
    for at in range(rounds):
        if at == rounds - 1:
            first.stop()
        next(reports, None)
    list(reports) if rounds else out.mkdir()
    again = resumed(out) if rounds else list(Simulation(plan_of(**HARD), DATA, out, threads=1))
    assert outcome(again) == outcome(whole[1])
    assert (out / "model.covey").read_bytes() == whole[2]


@pytest.mark.parametrize("has_checkpoint", [True, False])
def test_a_journal_cut_at_any_byte_goes_on_to_the_same_bits(
    whole: tuple[Path, list[RoundReport], bytes], tmp_path: Path, has_checkpoint: bool
) -> None:
    content = (whole[0] / "journal").read_bytes()
    for at, size in enumerate((*range(0, len(content), 331), len(content) - 1)):
        out = tmp_path / str(at)
        shutil.copytree(whole[0], out)
        (out / "journal").write_bytes(content[:size])
        if not has_checkpoint:
            (out / "checkpoint").unlink()
        assert outcome(resumed(out)) == outcome(whole[1])
        assert (out / "model.covey").read_bytes() == whole[2]


def test_a_finished_run_is_there_at_once_and_can_be_judged_again(
    whole: tuple[Path, list[RoundReport], bytes],
) -> None:
    again = Simulation(plan_of(**HARD), DATA, whole[0], resume=True)
    assert outcome(list(again)) == outcome(whole[1])
    assert again.result().as_json()["model"]["digest"] == whole[1][-1].record.digest.hex()  # type: ignore[index]


def test_another_plan_and_other_data_are_refused(whole: tuple[Path, list[RoundReport], bytes]) -> None:
    with pytest.raises(JournalError) as caught:
        resumed(whole[0], plan_of(**HARD | {"seed": 2}))
    assert caught.value.code is Code.JOURNAL_OTHER_PLAN
    with pytest.raises(JournalError) as caught:
        list(Simulation(plan_of(**HARD), dataset_of(number=1), whole[0], resume=True))
    assert caught.value.code is Code.JOURNAL_OTHER_DATA


def test_a_journal_that_says_something_else_is_told(
    whole: tuple[Path, list[RoundReport], bytes], tmp_path: Path
) -> None:
    from covey.io import Journal, read_journal

    header, records = read_journal(whole[0] / "journal")
    assert header is not None
    with Journal.create(tmp_path / "journal", header) as journal:
        for record in records:
            journal.add({**record, "up_bytes": 1})
    with pytest.raises(JournalError) as caught:
        resumed(tmp_path)
    assert caught.value.code is Code.JOURNAL_CORRUPT


def test_a_new_run_does_not_overwrite_an_old_one(whole: tuple[Path, list[RoundReport], bytes]) -> None:
    with pytest.raises(OutputError) as caught:
        list(Simulation(plan_of(**HARD), DATA, whole[0]))
    assert caught.value.code is Code.OUTPUT_EXISTS


def test_a_result_has_what_its_page_says() -> None:
    plan = plan_of()
    run = Simulation(plan, DATA, None)
    reports = list(run)
    tree = run.result().as_json()
    assert {"data", "model", "devices", "pooled", "rounds", "verdicts", "traffic", "speed"} <= set(tree)
    assert len(tree["rounds"]) == plan.rounds.count  # type: ignore[arg-type]
    assert tree["traffic"]["up_bytes"] == sum(report.up_bytes for report in reports)  # type: ignore[index]
    assert set(tree["devices"]) == set(DATA.device_ids)  # type: ignore[call-overload]


def test_each_device_is_left_out_in_turn() -> None:
    plan = plan_of(data={"task": Task.BINARY, "partition": {"kind": "leave_one_out"}}, rounds={"count": 2})
    run = Simulation(plan, dataset_of(n_devices=3), None)
    reports = list(run)
    assert [report.federation for report in reports[::3]] == [f"without device-{device}" for device in range(3)]
    assert set(run.result().as_json()["devices"]) == {"device-0", "device-1", "device-2"}  # type: ignore[call-overload]


def test_leaving_out_goes_on_after_a_stop_between_two_devices(tmp_path: Path) -> None:
    plan = plan_of(data={"task": Task.BINARY, "partition": {"kind": "leave_one_out"}}, rounds={"count": 2})
    data = dataset_of(n_devices=3)
    expected = outcome(list(Simulation(plan, data, None)))
    for rounds in (3, 4):
        run = Simulation(plan, data, tmp_path / str(rounds))
        reports = iter(run)
        for at in range(rounds):
            if at == rounds - 1:
                run.stop()
            next(reports, None)
        assert list(reports) == []
        again = Simulation(plan, data, tmp_path / str(rounds), resume=True)
        assert outcome(list(again)) == expected
        assert again.result().as_json()["devices"]


def test_threads_and_memory_of_the_run_change_no_bit() -> None:
    plans = plan_of(**HARD)
    one, two = (outcome(list(Simulation(plans, DATA, None, threads=threads))) for threads in (1, 3))
    assert one == two


def test_training_that_diverges_everywhere_ends_the_run_with_a_reason() -> None:
    plan = plan_of(training={"kind": "fedavg", "learning_rate": 90.0, "momentum": 0.99, "steps": 300})
    plan = plan.changed(model=plan_of(model={"kind": "mlp", "hidden": [8]}).model, rounds={"count": 30})
    with pytest.raises(EnvironmentFault) as caught:
        list(Simulation(plan, DATA, None))
    assert caught.value.code is Code.SIMULATION_DIVERGED


def test_a_fleet_in_which_nobody_answers_ends_the_run_with_a_reason() -> None:
    plan = plan_of(faults={"dropout": 0.999}, rounds={"count": 3})
    with pytest.raises(EnvironmentFault) as caught:
        list(Simulation(plan, DATA, None))
    assert caught.value.code is Code.SIMULATION_QUORUM


def test_the_checkpoint_of_another_run_is_refused(whole: tuple[Path, list[RoundReport], bytes], tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    shutil.copytree(whole[0], mine)
    plan = plan_of(**HARD | {"seed": 2})
    first = outcome(list(Simulation(plan, DATA, other)))
    shutil.copy(mine / "checkpoint", other / "checkpoint")
    with pytest.raises(JournalError) as caught:
        resumed(other, plan)
    assert caught.value.code is Code.JOURNAL_OTHER_PLAN
    assert "checkpoint" in caught.value.cause
    (other / "journal").unlink()
    assert outcome(list(Simulation(plan, DATA, other))) == first
    shutil.copy(mine / "checkpoint", other / "checkpoint")
    (other / "journal").write_bytes(b"")
    assert outcome(resumed(other, plan)) == first


def test_a_run_that_fails_before_its_first_training_round_leaves_nothing(tmp_path: Path) -> None:
    plan = plan_of(fleet={"device_class": DeviceClass.MCU_SMALL}, model={"kind": "mlp", "hidden": [1024, 64]})
    run = Simulation(plan, DATA, tmp_path)
    with pytest.raises(CoveyError):
        list(run)
    assert list(tmp_path.iterdir()) == []


def test_an_anomaly_run_without_benign_test_rows_comes_to_a_result(tmp_path: Path) -> None:
    data = replace(DATA, is_train=DATA.is_train | (DATA.label == 0))
    plan = plan_of(
        data={"task": Task.ANOMALY, "partition": {"kind": "benign_only"}},
        model={"kind": "autoencoder", "hidden": [2]},
        rounds={"count": 2},
    )
    run = Simulation(plan, data, tmp_path)
    reports = list(run)
    assert reports[-1].look is not None
    assert reports[-1].look.loss is None
    assert outcome(list(Simulation(plan, data, tmp_path, resume=True))) == outcome(reports)
    assert json.dumps(run.result().as_json(), allow_nan=False)
