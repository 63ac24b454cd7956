"""From a Plan's stages to the core's Recipe: the compact form that travels, because a device never sees the Plan."""

from collections.abc import Sequence

from covey.core import Codec, Recipe
from covey.errors import Code, PlanError
from covey.pipeline.stages import Clip, Identity, Int8

#: What the core wants in `block` where the codec has no blocks.
NO_BLOCK = 0


def compile_recipe(stages: Sequence[Identity | Int8 | Clip]) -> Recipe:
    """The Recipe that does what `stages` say, in their order; PlanError where they contradict each other."""
    codec, block, norm = Codec.FLOAT32, NO_BLOCK, 0.0
    closed_by = None
    for stage in stages:
        if closed_by is not None:
            raise PlanError(
                Code.PLAN_CONFLICT,
                f"`{_name(stage)}` comes after the codec `{closed_by}`, and nothing can change an encoded update",
                f"put `{_name(stage)}` before `{closed_by}`" if isinstance(stage, Clip) else "keep one codec",
            )
        match stage:
            case Clip():
                norm = min(norm, stage.norm) if norm else stage.norm
            case Int8():
                codec, block, closed_by = Codec.INT8, stage.block, "int8"
            case Identity():
                closed_by = "identity"
    return Recipe(codec, block, norm)


def _name(stage: Identity | Int8 | Clip) -> str:
    return type(stage).__name__.lower()
