"""Judging a model by hand-made detectors, and comparing it with its baselines on a fleet small enough to follow."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from covey.models import Autoencoder, Encoding, Mlp, ModelVersion
from covey.plan import JudgedOn
from covey.simulation.baselines import Budget, Pieces, train_central, train_local
from covey.simulation.comparison import Comparison, compare, gap_closed, mean_score
from covey.simulation.judging import Judge
from covey.simulation.scores import Score, tally, total
from covey.telemetry import BenignOnly, Dataset, Iid, LeaveOneOut, Natural, Population, Targets, Task, targets
from covey.training import FedAvg

Detector = Callable[[np.ndarray], np.ndarray]
IDENTITY = Encoding.identity(2)


def generator() -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=1))


def fleet(n_devices: int = 3, rows: int = 40) -> Dataset:
    """Devices whose benign rows lie near (-1, 0) and attacks near (1, device); the first half is for training."""
    rng = generator()
    device, row = np.divmod(np.arange(n_devices * rows), rows)
    label = (row % 2).astype(np.int32)
    center = np.stack([2.0 * label - 1, label * device], axis=1)
    return Dataset(
        device_ids=tuple(f"device-{index}" for index in range(n_devices)),
        feature_names=("a", "b"),
        x=(center + 0.1 * rng.standard_normal(center.shape)).astype(np.float32),
        first_row=np.arange(0, n_devices * rows + 1, rows),
        is_train=row < rows // 2,
        label=label,
        attack=label,
        attack_names=("benign", "attack"),
        family=label,
        family_names=("benign", "attack"),
    )


FLEET = fleet()
BINARY = targets(FLEET, Task.BINARY)
NATURAL = Natural()(FLEET, generator())[0]
SPEC = Mlp(hidden=(4,), scaling="none").spec(2, 2, IDENTITY)
TRAINER = FedAvg(epochs=5, batch=5, learning_rate=0.5)


def judge_of(population: Population = NATURAL, dataset: Dataset = FLEET, learnt: Targets = BINARY) -> Judge:
    return Judge.of(dataset, learnt, population, spec=SPEC, encoding=IDENTITY)


def by_first_feature(inputs: np.ndarray) -> np.ndarray:
    """A perfect detector: the logit is the first feature."""
    return inputs[:, :1].copy()


def always_benign(inputs: np.ndarray) -> np.ndarray:
    return np.full((inputs.shape[0], 1), -1, np.float32)


def version_of(parameters: np.ndarray) -> ModelVersion:
    return ModelVersion.of(
        sequence=1,
        parent=b"",
        spec=SPEC,
        parameters=parameters,
        encoding=IDENTITY,
        feature_names=("a", "b"),
        class_names=("benign", "attack"),
    )


def test_a_device_without_test_rows_is_not_the_worst() -> None:
    dataset = replace(FLEET, is_train=FLEET.is_train | (np.arange(FLEET.label.size) < 40))  # device-0 only trains
    parameters = np.ones(SPEC.n_parameters, np.float32)
    look = judge_of(Natural()(dataset, generator())[0], dataset).look(parameters)
    everyone = judge_of().look(parameters)
    assert look.worst_device == "device-1"
    assert look.worst_accuracy == everyone.worst_accuracy == 0.5


def test_a_perfect_detector_finds_all_attacks_with_its_own_thresholds() -> None:
    judgement = judge_of().judge(by_first_feature)
    for one in (*judgement.own, *judgement.everywhere):
        assert one.score == Score(1.0, 1.0, 1.0, 1.0, one.score.fpr_at_1pct, one.score.fpr_at_0p1pct)
    assert [int(one.confusion.sum()) for one in judgement.own] == [20, 20, 20]
    assert [int(one.confusion.sum()) for one in judgement.everywhere] == [60, 60, 60]


def test_each_device_is_judged_with_its_own_detector() -> None:
    judgement = judge_of().judge_each([by_first_feature, always_benign, by_first_feature])
    assert [one.score.accuracy for one in judgement.own] == [1.0, 0.5, 1.0]
    assert [one.score.accuracy for one in judgement.everywhere] == [1.0, 0.5, 1.0]
    # Benign F1 is 2 * 10 / (2 * 10 + 10), attack F1 is 0.
    assert judgement.own[1].score.macro_f1 == pytest.approx((2 / 3 + 0) / 2)


def test_thresholds_come_from_training_rows_and_never_from_test_rows() -> None:
    def sees_training_rows_only(inputs: np.ndarray) -> np.ndarray:
        calls.append(inputs)
        return inputs[:, :1].copy()

    calls: list[np.ndarray] = []
    judge_of().judge(sees_training_rows_only)
    test, *benign = calls
    assert np.array_equal(test, FLEET.x[~FLEET.is_train])
    for device, seen in enumerate(benign):
        rows = FLEET.train_rows(device)
        assert np.array_equal(seen, FLEET.x[rows[FLEET.label[rows] == 0]])


def test_a_left_out_device_judges_alone_and_knows_what_is_usual_for_it() -> None:
    population = LeaveOneOut()(FLEET, generator())[1]
    judge = judge_of(population)
    assert judge.device_ids == ("device-1",)
    assert judge.benign.shape[0] == 10
    assert judge.judge(by_first_feature).own[0].score.accuracy == 1.0


def test_a_device_without_benign_training_rows_has_no_rates_but_an_accuracy() -> None:
    rows = FLEET.rows(0)
    attacked = np.where(np.arange(rows.stop) < 20, 1, FLEET.label[rows]).astype(np.int32)
    label = np.concatenate((attacked, FLEET.label[rows.stop :]))
    dataset = Dataset(*(label if name == "label" else getattr(FLEET, name) for name in Dataset.__dataclass_fields__))
    learnt = targets(dataset, Task.BINARY)
    score = judge_of(Natural()(dataset, generator())[0], dataset, learnt).judge(by_first_feature).own[0].score
    assert score.accuracy == 1.0
    assert (score.tpr_at_fpr_1pct, score.fpr_at_1pct) == (None, None)


def test_a_look_is_the_judgement_of_float32_parameters() -> None:
    judge = judge_of()
    parameters = SPEC.initial_parameters(3)
    look = judge.look(parameters)
    judgement = judge.judge(judge.in_float32(parameters))
    assert look.accuracy == total(judgement.own).score.accuracy
    assert look.macro_f1 == total(judgement.own).score.macro_f1
    accuracies = {name: one.score.accuracy for name, one in zip(judge.device_ids, judgement.own, strict=True)}
    assert look.worst_accuracy == min(accuracies.values()) == accuracies[look.worst_device]  # type: ignore[type-var]
    outputs = judge.in_float32(parameters)(judge.test)[:, 0].astype(float)
    chances = 1 / (1 + np.exp(-outputs))
    assert look.loss == pytest.approx(-np.log(np.where(judge.truth == 1, chances, 1 - chances)).mean())


def test_an_anomaly_detector_answers_by_its_devices_threshold() -> None:
    spec = Autoencoder(hidden=(1,)).spec(2, 2, IDENTITY)
    population = BenignOnly()(FLEET, generator())[0]
    judge = Judge.of(FLEET, targets(FLEET, Task.ANOMALY), population, spec=spec, encoding=IDENTITY)

    def usual(inputs: np.ndarray) -> np.ndarray:
        return np.broadcast_to(np.array([-1, 0], np.float32), inputs.shape).copy()

    judgement = judge.judge(usual)
    for one in judgement.own:
        # Of 10 benign test rows, those further off than all 10 benign training rows are false alarms.
        assert one.confusion[1].tolist() == [0, 10]
        assert one.confusion[0].sum() == 10
        assert one.score.fpr_at_1pct == one.confusion[0, 1] / 10
    assert judge.look(spec.initial_parameters(1)).loss is not None


@pytest.mark.filterwarnings("error")
def test_an_anomaly_detector_without_benign_test_rows_has_no_loss() -> None:
    dataset = replace(FLEET, is_train=FLEET.is_train | (FLEET.label == 0))
    spec = Autoencoder(hidden=(1,)).spec(2, 2, IDENTITY)
    population = BenignOnly()(dataset, generator())[0]
    judge = Judge.of(dataset, targets(dataset, Task.ANOMALY), population, spec=spec, encoding=IDENTITY)
    assert judge.look(spec.initial_parameters(1)).loss is None


def test_int8_answers_are_nearly_those_of_float32() -> None:
    pieces = Pieces(FLEET.x[NATURAL.rows], BINARY.y[NATURAL.rows], NATURAL.first_row, NATURAL.n_rows)
    trained = train_central(SPEC, SPEC.initial_parameters(1), pieces, Budget(TRAINER, 10, seed=1))
    judge = judge_of()
    difference = judge.in_int8(trained)(judge.test) - judge.in_float32(trained)(judge.test)
    assert np.abs(difference).max() < 0.2
    assert total(judge.judge(judge.in_int8(trained)).own).score.accuracy == 1.0


def test_local_training_learns_each_client_alone_and_central_training_all() -> None:
    pieces = Pieces(FLEET.x[NATURAL.rows], BINARY.y[NATURAL.rows], NATURAL.first_row, NATURAL.n_rows)
    start = SPEC.initial_parameters(1)
    budget = Budget(TRAINER, 10, seed=1, threads=2)
    alone = train_local(SPEC, start, pieces, budget)
    assert alone.shape == (3, SPEC.n_parameters)
    # The same client alone in the world learns the same: nothing of the others reaches it.
    first = Pieces(pieces.inputs, pieces.labels, pieces.first_row[:1], pieces.n_rows[:1])
    assert np.array_equal(train_local(SPEC, start, first, budget)[0], alone[0])
    assert np.array_equal(train_local(SPEC, start, pieces, Budget(TRAINER, 10, seed=1)), alone)
    assert not np.array_equal(train_local(SPEC, start, pieces, Budget(TRAINER, 10, seed=2)), alone)
    judge = judge_of()
    central = train_central(SPEC, start, pieces, budget)
    assert judge.look(central).accuracy == 1.0
    assert np.array_equal(start, SPEC.initial_parameters(1))


def test_baselines_have_the_budget_of_steps_of_the_federation() -> None:
    """With a rate so small that each step adds the same, the way that parameters go counts the steps."""
    rows = np.ones((30, 2), np.float32)
    pieces = Pieces(rows, np.ones(30, np.int32), np.array([0, 20]), np.array([20, 10]))
    start = np.zeros(SPEC.n_parameters, np.float32)
    trainer = FedAvg(epochs=1, batch=5, learning_rate=1e-3)
    alone = train_local(SPEC, start, pieces, Budget(trainer, 2, seed=1))
    central = train_central(SPEC, start, pieces, Budget(trainer, 2, seed=1))
    half = train_central(SPEC, start, pieces, Budget(trainer, 2, seed=1, cohort_share=0.5))
    # Only the last bias moves, by rate * 0.5 a step: 4 and 2 steps a round, and 6 or 3 together.
    assert alone[:, -1] == pytest.approx([0.5e-3 * 8, 0.5e-3 * 4], rel=1e-2)
    assert central[-1] == pytest.approx(0.5e-3 * 12, rel=1e-2)
    assert half[-1] == pytest.approx(0.5e-3 * 6, rel=1e-2)


def compared(population: Population = NATURAL, judged_on: JudgedOn = JudgedOn.OWN) -> Comparison:
    first = version_of(SPEC.initial_parameters(1))
    pieces = Pieces(FLEET.x[NATURAL.rows], BINARY.y[NATURAL.rows], NATURAL.first_row, NATURAL.n_rows)
    budget = Budget(TRAINER, 10, seed=1)
    last = first.successor(train_central(SPEC, first.parameters, pieces, budget))
    return compare(FLEET, BINARY, population, first=first, last=last, budget=budget, judged_on=judged_on)


def test_the_tree_has_what_the_documentation_says() -> None:
    tree = compared().tree()
    names = {"federated", "local", "central"}
    figures = {"accuracy", "macro_f1", "tpr_at_fpr_1pct", "tpr_at_fpr_0p1pct", "fpr_at_1pct", "fpr_at_0p1pct"}
    assert set(tree["devices"]) == set(FLEET.device_ids)  # type: ignore[call-overload]
    for device in tree["devices"].values():  # type: ignore[attr-defined]
        assert set(device) == names | {"gap_closed", "own_rows", "all_rows"}
        assert all(set(device[name]) == figures for name in names)
    assert set(tree["pooled"]) == names | {"int8", "central_int8"}  # type: ignore[call-overload]
    assert set(tree["worst_device"]) == names  # type: ignore[call-overload]
    assert tree["confusion"] == {"classes": ["benign", "attack"], "federated": [[30, 0], [0, 30]]}
    assert set(tree["roc"]) == names  # type: ignore[call-overload]
    assert (tree["judged_on"], tree["hold_out"], tree["hold_out_mean"]) == ("own", {}, None)


def test_scores_on_all_rows_are_chosen_by_the_plan() -> None:
    tree = compared(judged_on=JudgedOn.ALL).tree()
    for device in tree["devices"].values():  # type: ignore[attr-defined]
        assert all(device[name] == device["all_rows"][name] for name in ("federated", "local", "central"))


def test_left_out_devices_are_merged_into_one_comparison() -> None:
    parts = [compared(population) for population in LeaveOneOut()(FLEET, generator())]
    tree = Comparison.merged(parts).tree()
    assert list(tree["devices"]) == list(FLEET.device_ids)  # type: ignore[call-overload]
    assert list(tree["hold_out"]) == list(FLEET.device_ids)  # type: ignore[call-overload]
    assert tree["hold_out_mean"]["accuracy"] == 1.0  # type: ignore[index]
    assert tree["confusion"]["federated"] == [[30, 0], [0, 30]]  # type: ignore[index]


def test_clients_that_are_no_devices_are_compared_too() -> None:
    tree = compared(Iid(clients=6)(FLEET, generator())[0]).tree()
    assert tree["pooled"]["federated"]["accuracy"] == 1.0  # type: ignore[index]
    assert tree["pooled"]["local"]["accuracy"] > 0.5  # type: ignore[index]


def test_the_gap_is_the_way_from_local_to_central() -> None:
    def score(accuracy: float | None) -> Score:
        return Score(accuracy, None, None, None, None, None)

    assert gap_closed(score(0.9), score(0.8), score(1.0)) == pytest.approx(0.5)
    assert gap_closed(score(0.7), score(0.8), score(1.0)) == pytest.approx(-0.5)
    assert gap_closed(score(0.9), score(1.0), score(1.0)) is None
    assert gap_closed(score(0.9), None, score(1.0)) is None
    assert gap_closed(score(None), score(0.8), score(1.0)) is None


def test_means_leave_out_what_is_unknown() -> None:
    mean = mean_score([Score(0.5, 1.0, None, None, None, None), Score(1.0, None, None, None, None, None)])
    assert mean == {
        "accuracy": 0.75,
        "macro_f1": 1.0,
        "tpr_at_fpr_1pct": None,
        "tpr_at_fpr_0p1pct": None,
        "fpr_at_1pct": None,
        "fpr_at_0p1pct": None,
    }
    assert mean_score([]) is None


def test_tallies_add_up() -> None:
    truth, answers = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 0])
    scores = np.array([0.1, 0.6, 0.9, 0.4])
    one = tally(truth, answers, scores, (0.5, 0.8), 2)
    assert (one.found, one.alarms, one.attacks, one.benign) == ((1, 1), (1, 0), 2, 2)
    unknown = tally(truth, answers, scores, (float("nan"), float("nan")), 2)
    both = one + unknown
    assert both.confusion.tolist() == [[2, 2], [2, 2]]
    assert both.score.tpr_at_fpr_1pct == 0.5
    assert unknown.score.tpr_at_fpr_1pct is None
