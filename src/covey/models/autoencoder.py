"""Dense layers that learn to give benign rows back; what they give back badly is unusual."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from covey.core import EncodingKind, Loss
from covey.models.choices import ActivationName, ScalingName, activation_of, scaling_of
from covey.models.encoding import Encoding
from covey.models.outputs import check_widths
from covey.models.spec import ModelSpec, dense


@dataclass(frozen=True, slots=True)
class Autoencoder:
    """Dense layers through a narrow middle that reconstruct a row: an anomaly detector that needs benign rows alone."""

    tasks: ClassVar[frozenset[str]] = frozenset({"anomaly"})
    hidden: tuple[int, ...] = (32, 8, 32)
    scaling: ScalingName = "signed_log"
    activation: ActivationName = "tanh"

    def __post_init__(self) -> None:
        """ValueError for values out of range."""
        check_widths("hidden", self.hidden, fewest=1)

    @property
    def encoding_kind(self) -> EncodingKind:
        """How its features are encoded."""
        return scaling_of(self.scaling)

    def spec(self, n_features: int, n_classes: int, encoding: Encoding) -> ModelSpec:  # noqa: ARG002
        """The model for rows of `n_features`; it knows no classes."""
        activation = activation_of(self.activation)
        widths = (n_features, *self.hidden)
        layers = [dense(inputs, outputs, activation) for inputs, outputs in pairwise(widths)]
        return ModelSpec.of([*layers, dense(widths[-1], n_features)], Loss.MSE)
