"""What a coordinator has to know of a Plan, with units resolved."""

from dataclasses import dataclass
from math import ceil

from covey.aggregation import Aggregator, ServerOptimiser
from covey.core import Recipe
from covey.models import Model
from covey.pipeline import compile_recipe
from covey.plan import Plan
from covey.selection import Selector
from covey.telemetry.sketch import SketchRule
from covey.training import Trainer
from covey.wire import DEFAULT_DETECTION, DEFAULT_SCHEMA, DetectionSettings, FeatureSchema

#: Devices that sketch, at most. Knots are quantiles, which more devices would hardly move; each costs some 12 KB of
#: traffic and some 4 ms of the coordinator's time, once.
STATISTICS_COHORT = 256


@dataclass(frozen=True, slots=True)
class Settings:
    """The run as the coordinator sees it."""

    seed: int
    rounds: int
    quorum: float  # share of a round's target
    deadline_ms: int  # of a round, from its opening
    staleness: int  # rounds
    sketch: SketchRule
    model: Model
    trainer: Trainer
    recipe: Recipe
    selector: Selector
    aggregator: Aggregator
    server: ServerOptimiser
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    threads: int = 1
    schema: FeatureSchema = DEFAULT_SCHEMA
    detection: DetectionSettings = DEFAULT_DETECTION

    @classmethod
    def of(
        cls, plan: Plan, feature_names: tuple[str, ...], class_names: tuple[str, ...], seed: int, threads: int = 1
    ) -> "Settings":
        """The settings of a Plan for these features and classes; `seed` is that of this fleet's run."""
        return cls(
            seed=seed,
            rounds=plan.rounds.count,
            quorum=plan.rounds.quorum,
            deadline_ms=max(1, round(plan.rounds.deadline_s * 1000)),
            staleness=plan.rounds.staleness,
            sketch=plan.statistics,
            model=plan.model,
            trainer=plan.training,
            recipe=compile_recipe(plan.pipeline),
            selector=plan.selection,
            aggregator=plan.aggregation,
            server=plan.server,
            feature_names=feature_names,
            class_names=class_names,
            threads=threads,
            schema=plan.data.source.schema,
            detection=plan.detection,
        )

    def needed(self, target: int) -> int:
        """Updates without which a round of this target publishes nothing: at least the quorum's share of it.

        A product that rounding left a hair above a whole number is that number, as in `selection`.
        """
        return max(1, ceil(self.quorum * target - 1e-9))
