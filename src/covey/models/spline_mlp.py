"""A spline layer, then dense layers: the default for tables of features.

Each feature has knots at quantiles of the fleet; a value lies between two of them and activates both, linearly (hat
functions, a B-spline of degree 1). So the first layer is a free curve of each feature for each unit, at the cost of two
rows of its weight however many knots there are, and features need no scaling.
"""

from dataclasses import dataclass
from typing import ClassVar

from covey.core import EncodingKind
from covey.models.choices import ActivationName, activation_of
from covey.models.encoding import MOST_KNOTS, Encoding
from covey.models.outputs import check_widths, classifier
from covey.models.spec import ModelSpec, spline


@dataclass(frozen=True, slots=True)
class SplineMlp:
    """A spline layer on `knots` knots a feature, then dense layers of `hidden` units: best for tables of features."""

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "classes"})
    encoding_kind: ClassVar[EncodingKind] = EncodingKind.KNOTS
    #: 16-16 units with 9 knots make 9.4 KB at int8 for N-BaIoT's 85 features, under the 10 KB of a small device.
    hidden: tuple[int, ...] = (16, 16)
    knots: int = 9
    activation: ActivationName = "relu"

    def __post_init__(self) -> None:
        """ValueError for values out of range."""
        check_widths("hidden", self.hidden, fewest=1)
        if not 2 <= self.knots <= MOST_KNOTS:
            raise ValueError(f"knots is {self.knots}; it must be 2 to {MOST_KNOTS}")

    def spec(self, n_features: int, n_classes: int, encoding: Encoding) -> ModelSpec:
        """The model for `n_classes` classes on rows encoded with knots."""
        activation = activation_of(self.activation)
        first = spline(n_features, self.hidden[0], encoding.n_knots, activation)
        return classifier([first], self.hidden[0], self.hidden[1:], activation, n_classes)
