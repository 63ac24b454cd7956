"""What a checkpoint keeps of a federation: its generator, word for word, and so which devices come next."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.simulation import Simulation, simulation
from covey.simulation.federation import _philox, _words_of
from tests.simulation.fleets import dataset_of, plan_of

DATA = dataset_of(n_devices=12)


@given(st.integers(0, 2**128 - 1), st.integers(0, 50), st.booleans())
def test_a_generator_goes_on_where_its_words_were_noted(key: int, drawn: int, half: bool) -> None:
    rng = np.random.Generator(np.random.Philox(key=key))
    rng.integers(0, 2**64, drawn, np.uint64)
    if half:
        rng.integers(0, 2**32, 1, np.uint32)
    words = _words_of(rng)
    again = _philox(words)
    assert _words_of(again).tolist() == words.tolist()
    assert again.integers(0, 2**64, 9, np.uint64).tolist() == rng.integers(0, 2**64, 9, np.uint64).tolist()
    assert again.integers(0, 2**32, 3, np.uint32).tolist() == rng.integers(0, 2**32, 3, np.uint32).tolist()


@pytest.mark.parametrize(
    "selection",
    [
        {"kind": "uniform", "cohort": 3},
        {"kind": "uniform", "cohort": 4, "over_selection": 1.5},
        {"kind": "by_state", "cohort": 3, "over_selection": 2.0},
    ],
)
def test_a_resumed_run_asks_the_devices_that_the_whole_run_asks(
    selection: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "CHECKPOINT_EVERY_S", 0.0)
    monkeypatch.setattr(simulation, "CHECKPOINT_COST_FACTOR", 0.0)
    for seed in range(1, 5):
        plan = plan_of(seed=seed, selection=selection, rounds={"count": 8}, judging={"local": False, "central": False})
        whole = [report.record for report in Simulation(plan, DATA, None, threads=1)]
        out = tmp_path / str(seed)
        run = Simulation(plan, DATA, out, threads=1)
        for report in run:
            if report.round == 2:
                run.stop()
        again = Simulation(plan, DATA, out, resume=True, threads=1)
        assert [report.record for report in again] == whole
