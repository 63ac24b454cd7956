"""Convolutions along a sequence, for rows that are windows of a signal or ordered features."""

from dataclasses import dataclass
from typing import ClassVar

from covey.core import EncodingKind
from covey.errors import Code, ModelError
from covey.models.choices import ActivationName, ScalingName, activation_of, scaling_of
from covey.models.encoding import Encoding
from covey.models.outputs import check_widths, classifier
from covey.models.spec import Layer, ModelSpec, conv1d, max_pool1d


@dataclass(frozen=True, slots=True)
class Conv1d:
    """Convolutions over a row read as a sequence of steps with `channels` values each, then dense layers."""

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "classes"})
    channels: int = 1
    filters: tuple[int, ...] = (8, 16)
    kernel: int = 5
    stride: int = 2
    #: Window of the pooling after the last convolution; 1 is none.
    pool: int = 2
    hidden: tuple[int, ...] = (16,)
    scaling: ScalingName = "standard"
    activation: ActivationName = "relu"

    def __post_init__(self) -> None:
        """ValueError for values out of range."""
        check_widths("filters", self.filters, fewest=1)
        check_widths("hidden", self.hidden)
        for name in ("channels", "kernel", "stride", "pool"):
            value = getattr(self, name)
            if not 1 <= value <= 1024:
                raise ValueError(f"{name} is {value}; it must be 1 to 1,024")

    @property
    def encoding_kind(self) -> EncodingKind:
        """How its features are encoded."""
        return scaling_of(self.scaling)

    def spec(self, n_features: int, n_classes: int, encoding: Encoding) -> ModelSpec:  # noqa: ARG002
        """The model for `n_classes` classes; ModelError where a row is too short or no whole number of steps."""
        if n_features % self.channels:
            raise ModelError(
                Code.MODEL_SPEC, f"{n_features} features are no whole number of steps of {self.channels} channels"
            )
        activation = activation_of(self.activation)
        length, channels = n_features // self.channels, self.channels
        layers: list[Layer] = []
        for filters in self.filters:
            length = self._long_enough(length, self.kernel)
            layers.append(
                conv1d(length, channels, filters, kernel=self.kernel, stride=self.stride, activation=activation)
            )
            length, channels = layers[-1].steps, filters
        if self.pool > 1:
            layers.append(max_pool1d(self._long_enough(length, self.pool), channels, self.pool))
            length = layers[-1].steps
        return classifier(layers, length * channels, self.hidden, activation, n_classes)

    def _long_enough(self, length: int, window: int) -> int:
        if length < window:
            raise ModelError(
                Code.MODEL_SPEC,
                f"a sequence of {length} steps is shorter than a window of {window}",
                "use fewer layers of filters, a smaller kernel, stride or pool",
            )
        return length
