"""Dense layers on scaled features."""

from dataclasses import dataclass
from typing import ClassVar

from covey.core import EncodingKind
from covey.models.choices import ActivationName, ScalingName, activation_of, scaling_of
from covey.models.encoding import Encoding
from covey.models.outputs import check_widths, classifier
from covey.models.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Mlp:
    """Dense layers of `hidden` units on scaled features: the plain network to compare with."""

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "classes"})
    hidden: tuple[int, ...] = (32, 16)
    #: Network features span many orders of magnitude; the logarithm keeps the small ones visible.
    scaling: ScalingName = "signed_log"
    activation: ActivationName = "relu"

    def __post_init__(self) -> None:
        """ValueError for values out of range."""
        check_widths("hidden", self.hidden)

    @property
    def encoding_kind(self) -> EncodingKind:
        """How its features are encoded."""
        return scaling_of(self.scaling)

    def spec(self, n_features: int, n_classes: int, encoding: Encoding) -> ModelSpec:  # noqa: ARG002
        """The model for `n_classes` classes."""
        return classifier([], n_features, self.hidden, activation_of(self.activation), n_classes)
