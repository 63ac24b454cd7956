"""Trainers as a Plan names them: their arguments, schedules and bounds."""

import numpy as np
import pytest

from covey.errors import PlanError
from covey.training import TRAINERS, FedAvg, FedProx, Scaffold, Schedule


@pytest.fixture(params=sorted(TRAINERS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_constant_rate_stays_and_others_end_at_their_share() -> None:
    assert [FedAvg(learning_rate=0.5).rate(number, 3) for number in (1, 2, 3)] == [0.5, 0.5, 0.5]
    linear = FedAvg(learning_rate=1.0, schedule=Schedule.LINEAR, final_share=0.2)
    assert [linear.rate(number, 3) for number in (1, 2, 3)] == pytest.approx([1.0, 0.6, 0.2])
    cosine = FedAvg(learning_rate=1.0, schedule=Schedule.COSINE, final_share=0.0)
    assert [cosine.rate(number, 3) for number in (1, 2, 3)] == pytest.approx([1.0, 0.5, 0.0])
    assert cosine.rate(1, 1) == 1.0


def test_steps_replace_epochs() -> None:
    examples = np.array([1, 16, 17, 200], np.uint32)
    assert FedAvg(epochs=2).steps_for(examples).tolist() == [2, 2, 4, 26]
    assert FedAvg(steps=7).steps_for(examples).tolist() == [7, 7, 7, 7]
    assert FedAvg(steps=7).arguments(1, 1).epochs == 0
    assert FedAvg(epochs=2).rows_for(examples.astype(np.int64)).tolist() == [2, 32, 34, 400]


def test_only_fedprox_has_a_spring() -> None:
    assert FedProx(proximal=0.5).arguments(1, 1).proximal == 0.5
    assert FedAvg().arguments(1, 1).proximal == Scaffold().arguments(1, 1).proximal == 0.0


def test_reach_is_what_lasting_unit_gradients_add_up_to() -> None:
    trainer = Scaffold(steps=5, learning_rate=0.3, momentum=0.6)
    velocity = moved = 0.0
    for _ in range(5):
        velocity = 0.6 * velocity + 1.0
        moved += 0.3 * velocity
    assert trainer.reach(1, 1, np.array([8], np.uint32)).tolist() == pytest.approx([moved])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("steps", -1),
        ("batch", 0),
        ("batch", 2000),
        ("learning_rate", 0.0),
        ("momentum", 1.0),
        ("final_share", 1.5),
        ("weight_decay", -0.1),
        ("gradient_clip", -1.0),
        ("label_smoothing", 1.0),
        ("step_cap", 0.5),
    ],
)
def test_values_out_of_range_are_refused_by_name(kind: str, field: str, value: float) -> None:
    with pytest.raises(PlanError, match=field):
        TRAINERS[kind](**{field: value})


def test_a_spring_that_pushes_away_is_refused() -> None:
    with pytest.raises(PlanError, match="proximal"):
        FedProx(proximal=-1.0)
