"""The raw maths of federated averaging and the full stack come to the same model, round after round."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from tests.simulation.fleets import generator_of, parts_of, plan_of

from covey.models import ModelVersion
from covey.simulation.driver import Driver
from covey.simulation.fleet import Fleet
from covey.simulation.machines import Machines
from covey.telemetry import Dataset, Task

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "fedavg_in_one_file.py"


@pytest.fixture(scope="module")
def example() -> dict[str, object]:
    return runpy.run_path(str(EXAMPLE))


def dataset_from(devices: list[tuple[np.ndarray, np.ndarray]]) -> Dataset:
    """The example's fleet as a data set: all rows for training."""
    x = np.concatenate([rows for rows, _ in devices])
    kind = np.concatenate([kinds for _, kinds in devices]).astype(np.int32)
    names = ("benign", "flood", "scan")
    return Dataset(
        device_ids=tuple(f"device-{at}" for at in range(len(devices))),
        feature_names=tuple(f"f{at}" for at in range(x.shape[1])),
        x=x,
        first_row=np.cumsum([0, *(kinds.size for _, kinds in devices)]),
        is_train=np.ones(kind.size, np.bool_),
        label=(kind > 0).astype(np.int32),
        attack=kind,
        attack_names=names,
        family=kind,
        family_names=names,
    )


def test_the_full_stack_equals_the_raw_maths(example: dict[str, object]) -> None:
    plan = plan_of(
        data={"task": Task.CLASSES},
        model={"kind": "mlp", "hidden": [8], "scaling": "standard"},
        training={"kind": "fedavg", "batch": 16, "learning_rate": 0.1, "shuffle": False},
        pipeline=[{"kind": "identity"}],
        rounds={"count": 5},
    )
    devices = example["fleet"](n_devices=4, rows=37)  # type: ignore[operator]
    parts = parts_of(plan, dataset_from(devices))
    driver = Driver(
        parts.coordinator,
        Fleet(Machines.of(parts.n_devices), parts.launcher, parts.cohorts),
        lambda candidate: True,
        generator_of(plan),
    )
    driver.start()
    rounds = driver.rounds()
    next(rounds)
    first = parts.coordinator.memory.current
    plain = network_of(example, first)
    encoded = [(first.encoding.encode(x), y) for x, y in devices]
    for _ in rounds:
        plain = example["federated_round"](plain, encoded)  # type: ignore[operator]
        flat = np.concatenate([part.ravel() for part in plain.parts()])
        np.testing.assert_allclose(parts.coordinator.memory.current.parameters, flat, rtol=2e-5, atol=2e-6)
    moved = np.abs(parts.coordinator.memory.current.parameters - first.parameters).max()
    assert moved > 0.05  # the two did not agree by standing still


def network_of(example: dict[str, object], version: ModelVersion) -> object:
    views = version.spec.layout.views(version.parameters.copy())
    network: object = example["Network"](*(views[name] for name in ("0.weight", "0.bias", "1.weight", "1.bias")))  # type: ignore[operator]
    return network


def test_the_example_learns(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert float(lines[-1].split()[-1]) > float(lines[0].split()[-1])
