"""What happens to an update before it travels, compiled into the Recipe that a device is told."""

from covey.pipeline.compilation import compile_recipe
from covey.pipeline.family import Stage
from covey.pipeline.stages import Clip, Identity, Int8

#: The family's stages by `kind`. A new one: one file, one line here, its vectors.
STAGES: dict[str, type] = {"identity": Identity, "int8": Int8, "clip": Clip}

__all__ = ["STAGES", "Clip", "Identity", "Int8", "Stage", "compile_recipe"]
