"""Small fleets for tests, put together from the real parts."""

from dataclasses import dataclass

import numpy as np

from covey.core import seed
from covey.io import Stopwatch
from covey.plan import Plan
from covey.protocol import Coordinator, Settings
from covey.selection import Candidates
from covey.simulation.cohorts import Cohorts
from covey.simulation.launch import Launcher
from covey.simulation.mishaps import Mishaps
from covey.simulation.traits import FleetTraits
from covey.simulation.variates import DeviceVariates
from covey.telemetry import Dataset, Task, targets


def dataset_of(n_devices: int = 5, rows: int = 40, n_features: int = 4, number: int = 0) -> Dataset:
    """Two overlapping clouds on every device; one row in four is for testing."""
    rng = np.random.default_rng(number)
    n = n_devices * rows
    label = (np.arange(n) % 2).astype(np.int32)
    x = (rng.normal(size=(n, n_features)) + 1.5 * label[:, np.newaxis]).astype(np.float32)
    return Dataset(
        device_ids=tuple(f"device-{device}" for device in range(n_devices)),
        feature_names=tuple(f"f{feature}" for feature in range(n_features)),
        x=x,
        first_row=np.arange(n_devices + 1) * rows,
        is_train=np.arange(n) % 4 < 3,
        label=label,
        attack=label,
        attack_names=("benign", "flood"),
        family=label,
        family_names=("benign", "flood"),
    )


def plan_of(**parts: object) -> Plan:
    """A small Plan; `parts` replace its tables."""
    tables: dict[str, object] = {
        "name": "small",
        "data": {"task": Task.BINARY},
        "model": {"kind": "spline_mlp", "hidden": [4], "knots": 3},
        "training": {"kind": "fedavg", "learning_rate": 0.2},
        "pipeline": [{"kind": "int8", "block": 16}],
        "rounds": {"count": 4},
    }
    return Plan.model_validate(tables | parts)


@dataclass
class Parts:
    """What a driver is made of."""

    coordinator: Coordinator
    launcher: Launcher
    cohorts: Cohorts
    n_devices: int


def parts_of(plan: Plan, dataset: Dataset) -> Parts:
    """A fleet and its coordinator, not yet joined."""
    chosen = targets(dataset, plan.data.task, plan.data.merge)
    (population,) = plan.data.partition(dataset, np.random.Generator(np.random.Philox(key=plan.seed)))
    traits = FleetTraits(plan.fleet.profiles, seed(plan.seed, 1001))
    mishaps = Mishaps(plan.faults, seed(plan.seed, 1002))
    cohorts = Cohorts(
        dataset=dataset,
        targets=chosen,
        population=population,
        rule=plan.statistics,
        threads=1,
        training_clock=Stopwatch(),
        variates=DeviceVariates(),
    )
    parts: list[Parts] = []
    candidates = Candidates(
        population.n_clients,
        lambda devices: traits.states(devices, parts[0].coordinator.memory.round, population.n_rows[devices]),
    )
    settings = Settings.of(plan, dataset.feature_names, chosen.class_names, plan.seed)
    parts.append(
        Parts(
            Coordinator(settings, candidates),
            Launcher(traits, mishaps, plan.training),
            cohorts,
            population.n_clients,
        )
    )
    return parts[0]


def generator_of(plan: Plan) -> np.random.Generator:
    """The generator that a driver of this Plan gets."""
    return np.random.Generator(np.random.Philox(key=plan.seed + 1))
