"""From a Plan's stages to the core's Recipe: the compact form that travels, because a device never sees the Plan."""

from collections.abc import Sequence

from covey.core import Recipe
from covey.errors import Code, PlanError
from covey.pipeline.family import Stage


def compile_recipe(stages: Sequence[Stage]) -> Recipe:
    """The Recipe that does what `stages` say, in their order, as float32 where no codec is among them.

    PlanError where something comes after the codec.
    """
    recipe = Recipe()
    codec: Stage | None = None
    for stage in stages:
        if codec is not None:
            raise PlanError(
                Code.PLAN_CONFLICT,
                f"`{_name(stage)}` comes after the codec `{_name(codec)}`, and nothing can change an encoded update",
                "keep one codec" if stage.is_codec else f"put `{_name(stage)}` before `{_name(codec)}`",
            )
        recipe = stage.added_to(recipe)
        codec = stage if stage.is_codec else None
    return recipe


def _name(stage: Stage) -> str:
    return type(stage).__name__.lower()
