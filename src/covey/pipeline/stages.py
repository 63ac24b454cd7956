"""The stages an update passes on its device, as a Plan names them.

Rules: transforms come first, the codec last and once; without a codec the update travels as float32. What a stage does
is done by the core on every device alike; a stage here only says so.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from covey.core import Codec, Recipe
from covey.errors import Code, PlanError


@dataclass(frozen=True, slots=True)
class Identity:
    """Codec: float32, bit for bit. For comparisons; four times the bytes of int8."""

    is_codec: ClassVar[bool] = True

    def added_to(self, recipe: Recipe) -> Recipe:
        """The recipe with this codec."""
        return replace(recipe, codec=Codec.FLOAT32, block=0)


@dataclass(frozen=True, slots=True)
class Int8:
    """Codec: int8 with one float32 scale a block, rounded at random so that the mean over devices is kept."""

    is_codec: ClassVar[bool] = True
    #: Parameters that share a scale. 64 costs 6 % of bytes for the scales and keeps small layers apart.
    block: int = 64

    def __post_init__(self) -> None:
        """Refuse blocks that the core does not know."""
        if not 16 <= self.block <= 4096:
            raise PlanError(Code.PLAN_OUT_OF_RANGE, f"block must be from 16 to 4096 parameters, not {self.block}")

    def added_to(self, recipe: Recipe) -> Recipe:
        """The recipe with this codec."""
        return replace(recipe, codec=Codec.INT8, block=self.block)


@dataclass(frozen=True, slots=True)
class Clip:
    """Transform: an update longer than `norm` (L2) is scaled down to it, so that no device weighs too much."""

    is_codec: ClassVar[bool] = False
    norm: float = 10.0

    def __post_init__(self) -> None:
        """Refuse a bound that lets nothing through."""
        if not self.norm > 0.0:
            raise PlanError(Code.PLAN_OUT_OF_RANGE, f"norm must be above 0, not {self.norm}")

    def added_to(self, recipe: Recipe) -> Recipe:
        """The recipe with this bound; the tighter of two holds."""
        tighter = min(recipe.clip_norm, self.norm) if recipe.clip_norm else self.norm
        return replace(recipe, clip_norm=tighter)
