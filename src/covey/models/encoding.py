"""From raw features to a model's inputs: a part of the model, agreed by the fleet, computed by the core."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from covey.core import EncodingArguments, EncodingKind
from covey.core import encode as core_encode
from covey.errors import Code, ModelError

Floats: TypeAlias = NDArray[np.float32]
Offsets: TypeAlias = NDArray[np.uint16]

#: Scaled inputs beyond this are outliers; they must not drive a step.
DEFAULT_LIMIT = 8.0
BYTES_PER_KNOT = 2  # bfloat16
MOST_KNOTS = 255  # of a feature, whose number is stored in one byte


@dataclass(frozen=True, eq=False)
class Encoding:
    """How d raw features become d inputs; made by `identity`, `standard`, `signed_log` or `with_knots`."""

    kind: EncodingKind
    n_features: int
    #: STANDARD and SIGNED_LOG: subtracted and then multiplied, (d) each; inputs are clamped to +-limit, 0 is no clamp.
    center: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    scale: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    limit: float = 0.0
    #: KNOTS: all features' knots, each a bfloat16 value.
    knots: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    #: (d + 1): the knots of feature j are knots[offsets[j] : offsets[j + 1]].
    offsets: Offsets = field(default_factory=lambda: np.zeros(0, np.uint16))

    def __post_init__(self) -> None:
        """ModelError for columns that do not fit the kind."""
        scaled = self.kind in (EncodingKind.STANDARD, EncodingKind.SIGNED_LOG)
        n_scales = self.n_features if scaled else 0
        if self.n_features < 1 or self.center.shape != (n_scales,) or self.scale.shape != (n_scales,):
            raise ModelError(Code.MODEL_SHAPE, f"the encoding's scales do not fit {self.n_features} features")
        if not (np.isfinite(self.center).all() and np.isfinite(self.scale).all() and 0 <= self.limit < np.inf):
            raise ModelError(Code.MODEL_SHAPE, "the encoding's scales are not finite")
        if self.kind is EncodingKind.KNOTS:
            self._check_knots()
        elif self.knots.size or self.offsets.size:
            raise ModelError(Code.MODEL_SHAPE, f"an encoding of kind {self.kind.name} has no knots")

    def _check_knots(self) -> None:
        counts = np.diff(self.offsets.astype(np.int64))
        if self.offsets.shape != (self.n_features + 1,) or self.offsets[0] != 0 or self.offsets[-1] != self.knots.size:
            raise ModelError(Code.MODEL_SHAPE, f"the knots' offsets do not fit {self.n_features} features")
        if counts.min() < 2 or counts.max() > MOST_KNOTS:
            raise ModelError(Code.MODEL_SHAPE, f"a feature has fewer than 2 or more than {MOST_KNOTS} knots")
        inner = np.ones(self.knots.size - 1, np.bool_)
        inner[self.offsets[1:-1].astype(np.int64) - 1] = False  # steps from one feature to the next
        if not np.isfinite(self.knots).all() or not (np.diff(self.knots)[inner] > 0).all():
            raise ModelError(Code.MODEL_SHAPE, "the knots of a feature are not finite and ascending")
        if (self.knots.view(np.uint32) & 0xFFFF).any():
            raise ModelError(Code.MODEL_SHAPE, "a knot is no bfloat16 value")

    @classmethod
    def identity(cls, n_features: int) -> Self:
        """Features as they are."""
        return cls(EncodingKind.IDENTITY, n_features)

    @classmethod
    def standard(cls, center: Floats, scale: Floats, limit: float = DEFAULT_LIMIT) -> Self:
        """(x - center) * scale, clamped."""
        return cls(EncodingKind.STANDARD, center.size, center, scale, limit)

    @classmethod
    def signed_log(cls, center: Floats, scale: Floats, limit: float = DEFAULT_LIMIT) -> Self:
        """(sign(x) log(1 + |x|) - center) * scale, clamped."""
        return cls(EncodingKind.SIGNED_LOG, center.size, center, scale, limit)

    @classmethod
    def with_knots(cls, knots: Floats, offsets: Offsets) -> Self:
        """Places between knots, for a spline layer."""
        return cls(EncodingKind.KNOTS, offsets.size - 1, knots=knots, offsets=offsets)

    @property
    def n_knots(self) -> int:
        """Knots of all features together."""
        return self.knots.size

    @property
    def size_bytes(self) -> int:
        """What a device stores: 2 bytes a knot and 1 a feature for their number, or 8 bytes a feature and the limit."""
        if self.kind is EncodingKind.KNOTS:
            return BYTES_PER_KNOT * self.knots.size + self.n_features
        return 4 * (self.center.size + self.scale.size + 1) if self.center.size else 0

    @cached_property
    def core(self) -> EncodingArguments:
        """The same for the core."""
        return EncodingArguments(
            kind=self.kind,
            inputs=self.n_features,
            center=self.center if self.center.size else None,
            scale=self.scale if self.scale.size else None,
            limit=self.limit,
            knot=self.knots if self.knots.size else None,
            offset=self.offsets if self.offsets.size else None,
        )

    def encode(self, raw: Floats) -> Floats:
        """Inputs (n, d) of raw rows (n, d); ModelError where the number of features differs."""
        if raw.ndim != 2 or raw.shape[1] != self.n_features:
            raise ModelError(Code.MODEL_SHAPE, f"rows of shape {raw.shape} have not {self.n_features} features")
        rows = np.ascontiguousarray(raw, np.float32)
        inputs = np.empty_like(rows)
        if rows.size:
            core_encode(self.core, rows, inputs, rows.shape[0])
        return inputs
