"""Stages become one Recipe, in their order, or say why they cannot."""

import pytest

from covey.core import Codec, Recipe
from covey.errors import Code, PlanError
from covey.pipeline import STAGES, Clip, Identity, Int8, compile_recipe


def test_without_stages_an_update_travels_as_float32() -> None:
    assert compile_recipe(()) == Recipe(Codec.FLOAT32, 0, 0.0)


def test_clip_then_int8() -> None:
    assert compile_recipe((Clip(3.0), Int8(block=32))) == Recipe(Codec.INT8, 32, 3.0)


def test_the_tighter_of_two_bounds_holds() -> None:
    assert compile_recipe((Clip(3.0), Clip(2.0), Identity())).clip_norm == 2.0


@pytest.mark.parametrize("stages", [(Int8(), Clip(1.0)), (Identity(), Int8())])
def test_nothing_may_follow_the_codec(stages: tuple[object, ...]) -> None:
    with pytest.raises(PlanError, match="after the codec") as caught:
        compile_recipe(stages)  # type: ignore[arg-type]
    assert caught.value.code is Code.PLAN_CONFLICT


@pytest.mark.parametrize("bad", [lambda: Int8(block=8), lambda: Int8(block=5000), lambda: Clip(0.0)])
def test_values_out_of_range_are_refused(bad: object) -> None:
    with pytest.raises(PlanError):
        bad()  # type: ignore[operator]


@pytest.mark.parametrize("kind", sorted(STAGES))
def test_every_stage_makes_a_recipe_that_the_core_knows(kind: str) -> None:
    assert compile_recipe((STAGES[kind](),)).payload_size(100) > 0
