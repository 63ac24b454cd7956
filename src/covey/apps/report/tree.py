"""The result tree of docs/RESULT.md, typed: what the report and the command line read of a run, and nothing else."""

from typing import Annotated

from pydantic import Field

from covey.apps.report.part import Count, Part
from covey.apps.report.window_tree import Windows

Curve = list[float]


class Score(Part):
    """How well a model judges test rows; None where it was not computed or there is nothing to compute it from."""

    accuracy: float | None = None
    macro_f1: float | None = None
    tpr_at_fpr_1pct: float | None = None
    tpr_at_fpr_0p1pct: float | None = None
    fpr_at_1pct: float | None = None
    fpr_at_0p1pct: float | None = None


class Scores(Part):
    """The fleet's model beside what it is compared with."""

    federated: Score
    local: Score | None = None
    central: Score | None = None
    plain_fedavg: Score | None = None
    int8: Score | None = None
    central_int8: Score | None = None


class Device(Scores):
    """One device's scores and rows."""

    train_rows: Count | None = None
    test_rows: Count | None = None
    gap_closed: float | None = None


class PlanText(Part):
    """Which Plan was run, and its full text."""

    name: str
    title: str = ""
    notes: list[str] = Field(default_factory=list)
    digest: str
    source: str


class Telemetry(Part):
    """Which rows were learnt from."""

    source: str
    folder: str
    devices: Count
    train_rows: Count
    test_rows: Count
    features: Count
    task: str
    classes: list[str]


class ModelSize(Part):
    """The model and its sizes."""

    kind: str
    parameters: Count
    float32_bytes: Count
    int8_bytes: Count
    encoding_bytes: Count | None = None
    digest: str = ""


class Round(Part):
    """One round; figures of judging are None in rounds that were not judged."""

    federation: str = ""
    round: Annotated[int, Field(ge=1)]
    outcome: str = "published"
    cohort: Count = 0
    verdicts: dict[str, int] = Field(default_factory=dict)
    loss: float | None = None
    accuracy: float | None = None
    macro_f1: float | None = None
    worst_device: str | None = None
    worst_accuracy: float | None = None
    up_bytes: Count = 0
    down_bytes: Count = 0
    device_rounds_per_s: float | None = None


class Worst(Part):
    """The device with the lowest accuracy."""

    device: str
    accuracy: float


class Confusion(Part):
    """Counts: row = true class, column = answer."""

    classes: list[str]
    federated: list[list[int]]


class Roc(Part):
    """One receiver operating characteristic."""

    fpr: Curve
    tpr: Curve


class Traffic(Part):
    """Bytes on the wire."""

    up_bytes_per_update: float | None = None
    down_bytes_per_update: float | None = None
    up_bytes: Count = 0
    down_bytes: Count = 0
    statistics_up_bytes_per_device: float | None = None
    per_device_bytes: float | None = None


class Speed(Part):
    """Device-rounds a second and where the time went."""

    device_rounds_per_s: float | None = None
    seconds: float | None = None
    training_seconds: float | None = None
    virtual_seconds: float | None = None


class SeedScores(Part):
    """Pooled scores of one seed."""

    seed: int
    federated: Score
    local: Score | None = None
    central: Score | None = None
    worst_accuracy: float | None = None


class Confidence(Part):
    """A figure over several seeds: mean, standard deviation and the 95 % interval of the mean."""

    mean: float
    sd: float
    low: float
    high: float


class Result(Part):
    """The whole tree."""

    format: str = "covey.result"
    version: int = 1
    covey: str
    outcome: str = "complete"
    plan: PlanText
    seeds: list[int]
    data: Telemetry
    model: ModelSize
    judged_on: str = "own"
    devices: dict[str, Device]
    pooled: Scores
    worst_device: dict[str, Worst | None] = Field(default_factory=dict)
    gap_closed: float | None = None
    confusion: Confusion | None = None
    roc: dict[str, Roc | None] = Field(default_factory=dict)
    hold_out: dict[str, Score] = Field(default_factory=dict)
    hold_out_mean: Score | None = None
    by_seed: list[SeedScores] = Field(default_factory=list)
    confidence: dict[str, Confidence] = Field(default_factory=dict)
    windows: Windows | None = None
    rounds: list[Round]
    plain_fedavg_rounds: list[Round] = Field(default_factory=list)
    verdicts: dict[str, int] = Field(default_factory=dict)
    traffic: Traffic = Traffic()
    speed: Speed = Speed()

    @property
    def by_round(self) -> list[Round]:
        """The rounds; where a Plan has several federations the means of their figures and sums of their bytes."""
        groups: dict[int, list[Round]] = {}
        for entry in self.rounds:
            groups.setdefault(entry.round, []).append(entry)
        return [_together(group) for group in groups.values()]


def _together(group: list[Round]) -> Round:
    """One entry for the same round of several federations."""
    if len(group) == 1:
        return group[0]
    judged = [entry for entry in group if entry.worst_accuracy is not None]
    worst = min(judged, key=lambda entry: entry.worst_accuracy or 0.0, default=None)
    return Round(
        round=group[0].round,
        outcome=group[0].outcome,
        cohort=sum(entry.cohort for entry in group),
        verdicts={
            name: sum(entry.verdicts.get(name, 0) for entry in group) for entry in group for name in entry.verdicts
        },
        loss=_mean([entry.loss for entry in group]),
        accuracy=_mean([entry.accuracy for entry in group]),
        macro_f1=_mean([entry.macro_f1 for entry in group]),
        worst_device=worst.worst_device if worst else None,
        worst_accuracy=worst.worst_accuracy if worst else None,
        up_bytes=sum(entry.up_bytes for entry in group),
        down_bytes=sum(entry.down_bytes for entry in group),
    )


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
