"""Server optimisers: their first steps by hand, and what all of them keep to."""

import numpy as np
import pytest

from covey.aggregation import SERVER_OPTIMISERS, FedAdam, FedAvg, FedAvgM, FedYogi
from covey.errors import PlanError

W = np.array([1.0, -2.0, 0.5], np.float32)
D = np.array([0.5, 0.25, -1.0])


@pytest.fixture(params=sorted(SERVER_OPTIMISERS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_fedavg_adds_the_mean_change() -> None:
    moved, state = FedAvg().step(W, D, ())
    assert moved.tolist() == [1.5, -1.75, -0.5]
    assert state == ()


def test_momentum_adds_up_over_rounds() -> None:
    server = FedAvgM(momentum=0.5)
    first, state = server.step(W, D, server.start(3))
    second, _ = server.step(first, D, state)
    assert first.tolist() == [1.5, -1.75, -0.5]
    assert second.tolist() == [2.25, -1.375, -2.0]  # the second step is 1.5 times the change


def test_nesterov_looks_ahead() -> None:
    server = FedAvgM(momentum=0.5, nesterov=True)
    moved, _ = server.step(W, D, server.start(3))
    assert moved.tolist() == [1.75, -1.625, -1.0]  # change + 0.5 * momentum, and the momentum is the change


def test_fedadam_and_fedyogi_take_the_papers_first_step() -> None:
    change = np.array([2.0])
    for server, second in (
        (FedAdam(learning_rate=1.0, beta1=0.5, beta2=0.75, floor=1.0), 0.75 * 1.0 + 0.25 * 4.0),
        (FedYogi(learning_rate=1.0, beta1=0.5, beta2=0.75, floor=1.0), 1.0 - 0.25 * 4.0 * -1.0),
    ):
        moved, state = server.step(np.zeros(1, np.float32), change, server.start(1))
        assert state[0].tolist() == [1.0]
        assert state[1].tolist() == [second]
        assert moved[0] == np.float32(1.0 / (np.sqrt(second) + 1.0))


def test_inputs_stay_untouched_and_the_step_is_deterministic(kind: str) -> None:
    server = SERVER_OPTIMISERS[kind]()
    state = server.start(3)
    before = W.tobytes(), D.tobytes(), tuple(moment.tobytes() for moment in state)
    results = [server.step(W, D, state)[0].tobytes() for _ in range(2)]
    assert results[0] == results[1]
    assert before == (W.tobytes(), D.tobytes(), tuple(moment.tobytes() for moment in state))


def test_no_change_moves_nothing_at_rest(kind: str) -> None:
    server = SERVER_OPTIMISERS[kind]()
    assert server.step(W, np.zeros(3), server.start(3))[0].tolist() == W.tolist()


def test_the_model_stays_float32_and_a_huge_change_does_not_hide(kind: str) -> None:
    server = SERVER_OPTIMISERS[kind]()
    with np.errstate(over="ignore"):
        moved, _ = server.step(W, np.full(3, 1e200), server.start(3))
    assert moved.dtype == np.float32
    assert kind in {"fedadam", "fedyogi"} or not np.isfinite(moved).any()


def test_values_out_of_range_are_refused_by_name(kind: str) -> None:
    with pytest.raises(PlanError, match="learning_rate"):
        SERVER_OPTIMISERS[kind](learning_rate=0.0)


@pytest.mark.parametrize(
    ("strategy", "field", "value"),
    [(FedAvgM, "momentum", 1.0), (FedAdam, "beta2", 1.0), (FedYogi, "beta1", -0.1), (FedAdam, "floor", 0.0)],
)
def test_moments_out_of_range_are_refused_by_name(strategy: type, field: str, value: float) -> None:
    with pytest.raises(PlanError, match=field):
        strategy(**{field: value})
