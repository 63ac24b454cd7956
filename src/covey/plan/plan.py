"""The Plan: one typed, checked and frozen description of everything a run does."""

import hashlib
import json
from functools import cached_property
from typing import Annotated

from pydantic import Field

from covey.aggregation import AGGREGATORS, SERVER_OPTIMISERS, Aggregator, Mean, ServerOptimiser
from covey.aggregation import FedAvg as ServerFedAvg
from covey.models import MODELS, Model
from covey.pipeline import STAGES, Stage
from covey.plan.document import toml_document
from covey.plan.sections import Faults, Fleet, Judging, Rounds, Section
from covey.plan.strategies import Family, Settings
from covey.selection import SELECTORS, Selector, Uniform
from covey.telemetry import PARTITIONS, SOURCES, CsvFolder, FeatureRule, Natural, Partition, SketchRule, Source, Task
from covey.training import TRAINERS, Trainer
from covey.wire import DetectionSettings


class Data(Section):
    """Which rows: the folder, the features, the task, and what each device may learn from."""

    #: The folder that the source reads, from the data folder (`--data`, COVEY_DATA); none: that folder itself.
    path: str | None = None
    #: What is in the folder: `<device>.csv.gz` files of rows, or captures.
    source: Annotated[Source, Family("source", SOURCES, default="csv_folder")] = CsvFolder()
    task: Task
    features: Annotated[FeatureRule, Settings(FeatureRule)] = FeatureRule()
    #: Classes that are one: new name to the attacks it merges. For the task "classes".
    classes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    partition: Annotated[Partition, Family("partition", PARTITIONS, default="natural")] = Natural()

    @property
    def merge(self) -> dict[str, str]:
        """The class map by attack: `{"gafgyt_tcp": "gafgyt_flood", ...}`."""
        return {attack: name for name, attacks in self.classes.items() for attack in attacks}


class Plan(Section):
    """Everything a run does, from one TOML file; `digest` names it."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9\-]{0,63}$")
    title: str = ""
    #: What a reader of the report must know about the data or the method.
    notes: tuple[str, ...] = ()
    #: Every random thing of a run derives from it.
    seed: int = Field(default=1, ge=0, lt=2**63)
    data: Data
    model: Annotated[Model, Family("model", MODELS)]
    training: Annotated[Trainer, Family("trainer", TRAINERS)]
    #: What happens to an update before it travels, in order; the last stage is the codec. Empty: float32 as it is.
    pipeline: Annotated[tuple[Stage, ...], Family("stage", STAGES, many=True)] = ()
    selection: Annotated[Selector, Family("selector", SELECTORS, default="uniform")] = Uniform()
    aggregation: Annotated[Aggregator, Family("aggregator", AGGREGATORS, default="mean")] = Mean()
    server: Annotated[ServerOptimiser, Family("server optimiser", SERVER_OPTIMISERS, default="fedavg")] = ServerFedAvg()
    rounds: Rounds
    #: The sketches of the first round, from which scaling or knots are agreed.
    statistics: Annotated[SketchRule, Settings(SketchRule)] = SketchRule()
    fleet: Fleet = Fleet()
    faults: Faults = Faults()
    judging: Judging = Judging()
    #: How rows' scores become windows and alarms on a device, and the budget of false alarms; part of the model.
    detection: Annotated[DetectionSettings, Settings(DetectionSettings)] = DetectionSettings()

    def changed(self, **parts: object) -> "Plan":
        """A Plan with some parts replaced, checked as when loaded from a file (but for the needs of parts)."""
        return Plan.model_validate({name: getattr(self, name) for name in Plan.model_fields} | parts)

    @cached_property
    def tree(self) -> dict[str, object]:
        """The whole Plan as plain values, every default written out."""
        return self.model_dump(mode="json")

    @cached_property
    def source(self) -> str:
        """The whole Plan as TOML; loading it gives the same Plan."""
        return toml_document(self.tree)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the canonical form: the tree as JSON with sorted keys, no blanks, UTF-8."""
        canonical = json.dumps(self.tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).digest()
