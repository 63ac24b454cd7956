"""The fleet's model beside its baselines, and the part of result.json that says so (docs/RESULT.md)."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Self, TypeAlias

import numpy as np

from covey.detection import roc
from covey.models import ModelVersion
from covey.plan import JudgedOn
from covey.simulation.baselines import Budget, Pieces, train_central, train_local
from covey.simulation.judging import Judge, Judgement
from covey.simulation.scorers import Scorer, in_float32, on_device
from covey.simulation.scores import Score, Tally, total
from covey.simulation.watch_judging import judge_windows
from covey.simulation.windows import WindowJudgement
from covey.telemetry import Dataset, Population, Targets
from covey.telemetry.dataset import Indices

Tree: TypeAlias = dict[str, object]
FIGURES = tuple(field.name for field in fields(Score))


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Judgements of one run, or of several federations of a run with different judging devices."""

    class_names: tuple[str, ...]
    judged_on: JudgedOn
    federated: Judgement
    int8: Judgement
    local: Judgement | None = None
    central: Judgement | None = None
    central_int8: Judgement | None = None
    are_left_out: bool = False  # the judging devices took no part in the training
    windows: WindowJudgement | None = None  # where rows are from captures

    @classmethod
    def merged(cls, parts: Sequence[Self]) -> Self:
        """One comparison of all devices from federations that left out one after the other."""
        first = parts[0]
        return cls(
            first.class_names,
            first.judged_on,
            _merged([part.federated for part in parts]),
            _merged([part.int8 for part in parts]),
            _merged_if_all([part.local for part in parts]),
            _merged_if_all([part.central for part in parts]),
            _merged_if_all([part.central_int8 for part in parts]),
            first.are_left_out,
            WindowJudgement.merged([part.windows for part in parts if part.windows]) if first.windows else None,
        )

    def tree(self) -> Tree:
        """What docs/RESULT.md calls judgement, from `judged_on` to `roc`; and `windows`, of captures."""
        judged = {
            name: judgement
            for name, judgement in (("federated", self.federated), ("local", self.local), ("central", self.central))
            if judgement is not None
        }
        pooled = {name: self._pooled(judgement) for name, judgement in judged.items()}
        extra = {"int8": self.int8, "central_int8": self.central_int8}
        left_out = [tally.score for tally in self._tallies(self.federated)] if self.are_left_out else []
        return {
            "judged_on": self.judged_on.value,
            "devices": {
                device_id: self._device(position, judged)
                for position, device_id in enumerate(self.federated.device_ids)
            },
            "pooled": {
                **{name: asdict(score) for name, score in pooled.items()},
                **{name: asdict(self._pooled(judgement)) for name, judgement in extra.items() if judgement is not None},
            },
            "worst_device": {name: self._worst(judgement) for name, judgement in judged.items()},
            "gap_closed": gap_closed(pooled.get("federated"), pooled.get("local"), pooled.get("central")),
            "confusion": {
                "classes": list(self.class_names),
                "federated": total(self.federated.own).confusion.tolist(),
            },
            "hold_out": {name: asdict(score) for name, score in zip(self.federated.device_ids, left_out, strict=False)},
            "hold_out_mean": mean_score(left_out),
            "roc": {name: curve for name, judgement in judged.items() if (curve := _curve(judgement)) is not None},
            **({"windows": self.windows.tree()} if self.windows else {}),
        }

    def _tallies(self, judgement: Judgement) -> tuple[Tally, ...]:
        """On the rows that the Plan chose; on their own where all devices' rows would be too many."""
        return judgement.everywhere if self.judged_on is JudgedOn.ALL and judgement.everywhere else judgement.own

    def _pooled(self, judgement: Judgement) -> Score:
        return total(self._tallies(judgement)).score

    def _device(self, position: int, judged: dict[str, Judgement]) -> Tree:
        def scores(of: Callable[[Judgement], tuple[Tally, ...]]) -> Tree:
            return {name: asdict(of(judgement)[position].score) for name, judgement in judged.items()}

        chosen = {name: self._tallies(judgement)[position].score for name, judgement in judged.items()}
        tree = scores(self._tallies)
        tree["gap_closed"] = gap_closed(chosen.get("federated"), chosen.get("local"), chosen.get("central"))
        tree["own_rows"] = scores(lambda judgement: judgement.own)
        if self.federated.everywhere:
            tree["all_rows"] = scores(lambda judgement: judgement.everywhere)
        return tree

    def _worst(self, judgement: Judgement) -> Tree:
        accuracies = [tally.score.accuracy for tally in self._tallies(judgement)]
        lowest = min(range(len(accuracies)), key=lambda position: _or_one(accuracies[position]))
        return {"device": judgement.device_ids[lowest], "accuracy": accuracies[lowest]}


def compare(
    dataset: Dataset,
    targets: Targets,
    population: Population,
    *,
    first: ModelVersion,
    last: ModelVersion,
    budget: Budget,
    judged_on: JudgedOn = JudgedOn.OWN,
    local: bool = True,
    central: bool = True,
) -> Comparison:
    """Judge the fleet's `last` model and, if asked for, the baselines trained from its `first` one.

    A device that is no client (it is left out) trains alone on all of its training rows. Where clients are no devices,
    one at even distances stands for each judging device.
    """
    judge = Judge.of(dataset, targets, population, spec=last.spec, encoding=last.encoding, threads=budget.threads)
    judged_local = judged_central = central_int8 = None
    scorers = {"int8": on_device(last), "federated": in_float32(last, last.parameters, budget.threads)}
    own_scorers: dict[str, list[Scorer]] = {}
    if local:
        pieces = _pieces(dataset, targets, last, [_own_rows(dataset, population, at) for at in range(judge.n_devices)])
        alone = train_local(last.spec, first.parameters, pieces, budget)
        judged_local = judge.judge_each([judge.in_float32(parameters) for parameters in alone])
        own_scorers["local"] = [in_float32(last, parameters, budget.threads) for parameters in alone]
    if central:
        x = last.encoding.encode(population.gather(dataset.x))
        pieces = Pieces(x, targets.y[population.rows], population.first_row, population.n_rows)
        together = train_central(last.spec, first.parameters, pieces, budget)
        judged_central = judge.judge(judge.in_float32(together))
        central_int8 = judge.judge(judge.in_int8(together))
        scorers["central"] = in_float32(last, together, budget.threads)
    windows = None
    if dataset.recordings:
        windows = judge_windows(dataset, population.judges, last.detection, scorers, own_scorers)
    return Comparison(
        class_names=targets.class_names,
        judged_on=judged_on,
        federated=judge.judge(judge.in_float32(last.parameters)),
        int8=judge.judge(judge.in_int8(last.parameters)),
        local=judged_local,
        central=judged_central,
        central_int8=central_int8,
        are_left_out=not np.isin(population.judges, population.home).any() and population.one_per_device,
        windows=windows,
    )


def _own_rows(dataset: Dataset, population: Population, position: int) -> Indices:
    """The rows on which a judging device trains alone."""
    device = population.judges[position]
    if not population.one_per_device:
        return population.client_rows(position * population.n_clients // len(population.judges))
    clients = np.flatnonzero(population.home == device)
    return population.client_rows(int(clients[0])) if clients.size else dataset.train_rows(device)


def _pieces(dataset: Dataset, targets: Targets, version: ModelVersion, groups: list[Indices]) -> Pieces:
    rows = np.concatenate(groups)
    counts = np.array([group.size for group in groups], np.int64)
    return Pieces(version.encoding.encode(dataset.x[rows]), targets.y[rows], np.cumsum(counts) - counts, counts)


def gap_closed(federated: Score | None, local: Score | None, central: Score | None) -> float | None:
    """Share of the way from local to central accuracy that federated goes; None where central is not the better one."""
    if federated is None or local is None or central is None:
        return None
    if federated.accuracy is None or local.accuracy is None or central.accuracy is None:
        return None
    gap = central.accuracy - local.accuracy
    return (federated.accuracy - local.accuracy) / gap if gap > 0 else None


def mean_score(scores: Sequence[Score]) -> dict[str, float | None] | None:
    """Means over devices of each figure, over those that have it; None for no devices."""
    if not scores:
        return None
    columns = {name: [value for score in scores if (value := getattr(score, name)) is not None] for name in FIGURES}
    return {name: sum(column) / len(column) if column else None for name, column in columns.items()}


def _or_one(accuracy: float | None) -> float:
    return 1.0 if accuracy is None else accuracy


def _merged(parts: list[Judgement]) -> Judgement:
    """All devices of several judgements. Each left-out device's detector knows no rows but its own: none everywhere."""
    if len(parts) == 1:
        return parts[0]
    return Judgement(
        device_ids=tuple(name for part in parts for name in part.device_ids),
        own=tuple(tally for part in parts for tally in part.own),
        everywhere=(),
        scores=np.concatenate([part.scores for part in parts]),
        is_attack=np.concatenate([part.is_attack for part in parts]),
    )


def _merged_if_all(parts: list[Judgement | None]) -> Judgement | None:
    known = [part for part in parts if part is not None]
    return _merged(known) if len(known) == len(parts) else None


def _curve(judgement: Judgement) -> Tree | None:
    curve = roc(judgement.scores, judgement.is_attack)
    if curve is None:
        return None
    return {
        "fpr": [round(value, 6) for value in curve.fpr.tolist()],
        "tpr": [round(value, 6) for value in curve.tpr.tolist()],
    }
