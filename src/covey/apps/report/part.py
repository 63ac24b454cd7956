"""What every part of the result tree is, for the modules that spell the parts out."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]


class Part(BaseModel):
    """A part of the tree. New keys may come at any time, so unknown ones are let pass."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)
