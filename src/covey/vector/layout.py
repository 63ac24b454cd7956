"""Names for the parts of a flat vector.

All parameters of a model are one flat float32 vector, because that is what is trained, compressed, sent and added up. A
layout says which part is which. Rules: segments start at 0, follow each other without gaps, have unique names and are
not empty.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Segment:
    """One named array inside a flat vector: where it starts and its shape, row-major."""

    name: str
    offset: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of values."""
        return prod(self.shape)

    def __post_init__(self) -> None:
        """Refuse shapes that hold nothing."""
        if self.offset < 0 or not self.shape or min(self.shape) < 1:
            raise ValueError(f"segment {self.name!r} at {self.offset} with shape {self.shape} holds nothing")


@dataclass(frozen=True, slots=True)
class Layout:
    """The segments of a flat vector, in order and without gaps."""

    segments: tuple[Segment, ...]

    def __post_init__(self) -> None:
        """Hold the module's rules; ValueError says which one is broken."""
        end = 0
        for segment in self.segments:
            if segment.offset != end:
                raise ValueError(
                    f"segment {segment.name!r} starts at {segment.offset}, the one before it ends at {end}"
                )
            end += segment.size
        names = [segment.name for segment in self.segments]
        if len(set(names)) != len(names):
            raise ValueError(f"two segments have the same name among {names}")

    @classmethod
    def of(cls, shapes: Iterable[tuple[str, tuple[int, ...]]]) -> Self:
        """Lay out (name, shape) pairs one after the other."""
        segments = []
        offset = 0
        for name, shape in shapes:
            segment = Segment(name, offset, shape)
            segments.append(segment)
            offset += segment.size
        return cls(tuple(segments))

    @property
    def size(self) -> int:
        """Number of values of the whole vector."""
        return self.segments[-1].offset + self.segments[-1].size if self.segments else 0

    def segment(self, name: str) -> Segment:
        """The segment of this name; KeyError if there is none."""
        for segment in self.segments:
            if segment.name == name:
                return segment
        raise KeyError(name)

    def views(self, flat: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Views (not copies) into `flat` (size,) by name; ValueError if it is not one flat vector of that size."""
        if flat.shape != (self.size,):
            raise ValueError(f"a vector of shape {flat.shape} does not fit a layout of {self.size} values")
        return {
            segment.name: flat[segment.offset : segment.offset + segment.size].reshape(segment.shape)
            for segment in self.segments
        }
