"""One federation of a Plan: its fleet, its coordinator, its judge, and its state in a checkpoint."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covey.core import seed
from covey.errors import Code, EnvironmentFault
from covey.io import Stopwatch, wall_s
from covey.models import ModelVersion, check_fits
from covey.plan import Plan
from covey.protocol import Arrays, Coordinator, RoundRecord, Settings, below
from covey.selection import Candidates, DeviceStates
from covey.simulation.cohorts import Cohorts
from covey.simulation.driver import Driver
from covey.simulation.fleet import Fleet
from covey.simulation.judging import Judge, Look
from covey.simulation.launch import Launcher
from covey.simulation.machines import Machines
from covey.simulation.mishaps import Mishaps
from covey.simulation.reports import Pace, RoundReport
from covey.simulation.traits import FleetTraits
from covey.simulation.variates import DeviceVariates
from covey.telemetry import Dataset, Population, Targets

#: Labels of the child seeds of a run that belong to the simulator; the coordinator's are lower.
SEED_OF_TRAITS, SEED_OF_MISHAPS, SEED_OF_SELECTION, SEED_OF_PARTITION = 101, 102, 103, 104
#: A model with a parameter beyond this has run away; it would overflow on a device.
LARGEST_PARAMETER = 1e6
#: Rounds in which every device fails before a run is given up: the start of a schedule may be rough.
ROUNDS_OF_DIVERGENCE = 3


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What all federations of a run share."""

    plan: Plan
    dataset: Dataset
    targets: Targets
    threads: int


class Federation:
    """One federation, from its statistics round to its last model."""

    def __init__(self, scene: Scene, population: Population, number: int) -> None:
        plan = scene.plan
        self.population = population
        self.number = number
        self._scene = scene
        self._seed = seed(plan.seed, number)
        self._training_clock = Stopwatch()
        self._settings = Settings.of(
            plan, scene.dataset.feature_names, scene.targets.class_names, self._seed, scene.threads
        )
        self._traits = FleetTraits(plan.fleet.profiles, seed(self._seed, SEED_OF_TRAITS))
        self._judge: Judge | None = None
        rng = np.random.Generator(np.random.Philox(key=seed(self._seed, SEED_OF_SELECTION)))
        coordinator = Coordinator(self._settings, self._candidates())
        self._driver = Driver(coordinator, self._fleet(Machines.of(population.n_clients)), self._gate, rng)
        self._is_started = False
        self._diverged = 0
        self.first: ModelVersion | None = None

    @property
    def last(self) -> ModelVersion | None:
        """The newest model."""
        return self._driver.coordinator.memory.version

    @property
    def step_scale(self) -> NDArray[np.float32] | None:
        """What multiplies the steps of the parameters (parameters,), if anything does."""
        return self._driver.coordinator.memory.steps

    @property
    def virtual_s(self) -> float:
        """Seconds that have passed for the fleet."""
        return self._driver.now_ms / 1000.0

    @property
    def name(self) -> str:
        """Its name, "" where a Plan has only one."""
        return self.population.name

    def reports(self) -> Iterator[RoundReport]:
        """The rounds to come."""
        of_rounds = self._scene.plan.rounds.count
        if not self._is_started:
            self._is_started = True
            self._driver.start()
        begin = wall_s()
        since, trained = begin, self._training_clock.seconds
        for record in self._driver.rounds():
            self._watch_for_divergence(record)
            pace = Pace(wall_s() - since, self._training_clock.seconds - trained)
            if self.first is None:
                self.first = self.last
                self._check_size()
            yield RoundReport(record, self._look(record), pace, of_rounds, wall_s() - begin, self.name)
            since, trained = wall_s(), self._training_clock.seconds

    def _watch_for_divergence(self, record: RoundRecord) -> None:
        """EnvironmentFault once training has failed on every device for several rounds on end."""
        cohorts = self._driver.fleet.cohorts
        diverged = 0 < cohorts.trained == cohorts.failed and record.accepted == 0
        cohorts.trained = cohorts.failed = 0
        self._diverged = self._diverged + 1 if diverged else 0
        if self._diverged >= ROUNDS_OF_DIVERGENCE:
            raise EnvironmentFault(
                Code.SIMULATION_DIVERGED,
                f"training diverged on every device in {ROUNDS_OF_DIVERGENCE} rounds on end",
                "lower training.learning_rate or training.step_cap, or set training.gradient_clip",
            )

    def _look(self, record: RoundRecord) -> Look | None:
        plan, version = self._scene.plan, self.last
        is_last = record.round == plan.rounds.count
        if version is None or record.round == 0 or (record.round % plan.judging.every and not is_last):
            return None
        if self._judge is None:
            self._judge = Judge.of(
                self._scene.dataset,
                self._scene.targets,
                self.population,
                spec=version.spec,
                encoding=version.encoding,
                threads=self._scene.threads,
            )
        return self._judge.look(version.parameters)

    # -- checkpoints

    def arrays(self) -> Arrays:
        """For a checkpoint, between two rounds."""
        driver = self._driver
        arrays = {
            **{f"coordinator/{name}": array for name, array in driver.coordinator.snapshot().items()},
            **{f"fleet/{name}": array for name, array in driver.fleet.arrays().items()},
            "machines": driver.fleet.machines.records.view(np.uint8),
            "now": np.array([driver.now_ms], np.int64),
            "rng": _words_of(driver.rng),
        }
        if self.first is not None:
            arrays["first"] = np.frombuffer(self.first.encode(), np.uint8)
        return arrays

    def restore(self, arrays: Arrays) -> None:
        """Go on from a checkpoint."""
        coordinator = Coordinator.restore(self._settings, self._candidates(), below("coordinator/", arrays))
        fleet = self._fleet(Machines.from_bytes(arrays["machines"]))
        driver = Driver(coordinator, fleet, self._gate, _philox(arrays["rng"].astype(np.uint64)))
        driver.now_ms = int(arrays["now"][0])
        self._driver = driver
        if "first" in arrays:
            self.first = ModelVersion.decode(arrays["first"].tobytes())
        fleet.restore(below("fleet/", arrays))
        self._is_started = True

    # -- parts

    def _fleet(self, machines: Machines) -> Fleet:
        plan = self._scene.plan
        mishaps = Mishaps(plan.faults, seed(self._seed, SEED_OF_MISHAPS))
        cohorts = Cohorts(
            dataset=self._scene.dataset,
            targets=self._scene.targets,
            population=self.population,
            rule=plan.statistics,
            threads=self._scene.threads,
            training_clock=self._training_clock,
            variates=DeviceVariates(),
        )
        return Fleet(machines, Launcher(self._traits, mishaps, plan.training), cohorts)

    def _candidates(self) -> Candidates:
        return Candidates(self.population.n_clients, self._states)

    def _states(self, devices: NDArray[np.uint32]) -> DeviceStates:
        """What devices (n) say of themselves as the round opens."""
        round_number = self._driver.coordinator.memory.round
        return self._traits.states(devices, round_number, self.population.n_rows[devices])

    def _gate(self, candidate: ModelVersion) -> bool:
        return bool(np.abs(candidate.parameters).max() <= LARGEST_PARAMETER)

    def _check_size(self) -> None:
        device_class = self._scene.plan.fleet.device_class
        if device_class is not None and self.first is not None:
            check_fits(device_class, self.first.spec, self.first.encoding)


def _words_of(rng: np.random.Generator) -> NDArray[np.uint64]:
    """Where a Philox generator is, (13)."""
    state = rng.bit_generator.state
    rest = np.array([state["buffer_pos"], state["has_uint32"], state["uinteger"]], np.uint64)
    return np.concatenate((state["state"]["counter"], state["state"]["key"], state["buffer"], rest))


def _philox(words: NDArray[np.uint64]) -> np.random.Generator:
    """The generator that is where `_words_of` noted."""
    bits = np.random.Philox()
    state = bits.state
    state["state"] = {"counter": words[:4], "key": words[4:6]}
    state["buffer"] = words[6:10]
    state["buffer_pos"], state["has_uint32"], state["uinteger"] = words[10:].tolist()
    bits.state = state
    return np.random.Generator(bits)
