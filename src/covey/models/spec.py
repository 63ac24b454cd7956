"""What a model is: layers, a loss and one flat vector of parameters. Families of models only build this."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import NamedTuple, Self

import numpy as np

from covey.core import Activation, LayerKind, Loss, Model, random_u64
from covey.errors import Code, ModelError
from covey.models.encoding import Encoding, Floats
from covey.vector import Layout


class Layer(NamedTuple):
    """One layer, its fields in the order of `covey_layer`; the header explains them."""

    kind: LayerKind
    activation: Activation
    inputs: int
    outputs: int
    knots: int = 0
    length: int = 0
    kernel: int = 0
    stride: int = 0

    @property
    def weight_rows(self) -> int:
        """Rows of the weight; 0 for pooling, which has no parameters."""
        match self.kind:
            case LayerKind.DENSE:
                return self.inputs
            case LayerKind.SPLINE:
                return self.knots
            case LayerKind.CONV1D:
                return self.kernel * self.inputs
            case _:
                return 0

    @property
    def steps(self) -> int:
        """Steps of the output sequence of a convolution or pooling; 1 for the others."""
        return (self.length - self.kernel) // self.stride + 1 if self.length else 1


def dense(inputs: int, outputs: int, activation: Activation = Activation.LINEAR) -> Layer:
    """A fully connected layer."""
    return Layer(LayerKind.DENSE, activation, inputs, outputs)


def spline(features: int, outputs: int, knots: int, activation: Activation) -> Layer:
    """A spline layer on encoded features with `knots` knots in all."""
    return Layer(LayerKind.SPLINE, activation, features, outputs, knots)


def conv1d(length: int, channels: int, filters: int, *, kernel: int, stride: int, activation: Activation) -> Layer:
    """A convolution along a sequence (length, channels)."""
    return Layer(LayerKind.CONV1D, activation, channels, filters, 0, length, kernel, stride)


def max_pool1d(length: int, channels: int, window: int) -> Layer:
    """The largest of each `window` steps, channel by channel."""
    return Layer(LayerKind.MAXPOOL1D, Activation.LINEAR, channels, channels, 0, length, window, window)


@dataclass(frozen=True)
class ModelSpec:
    """Layers and loss, and where each weight and bias stands in the flat vector."""

    layers: tuple[Layer, ...]
    loss: Loss
    layout: Layout

    @classmethod
    def of(cls, layers: Sequence[Layer], loss: Loss) -> Self:
        """The spec of these layers; segments are each layer's `<i>.weight` (rows, outputs) and `<i>.bias` (outputs)."""
        shapes: list[tuple[str, tuple[int, ...]]] = []
        for index, layer in enumerate(layers):
            if layer.weight_rows:
                shapes.append((f"{index}.weight", (layer.weight_rows, layer.outputs)))
                shapes.append((f"{index}.bias", (layer.outputs,)))
        spec = cls(tuple(layers), loss, Layout.of(shapes))
        if spec.core.n_parameters != spec.n_parameters:
            raise ModelError(
                Code.MODEL_SPEC, f"the core counts {spec.core.n_parameters} parameters, not {spec.n_parameters}"
            )
        return spec

    @cached_property
    def core(self) -> Model:
        """The same for the core; CoreError if the layers do not fit together."""
        return Model([tuple(int(value) for value in layer) for layer in self.layers], int(self.loss))

    @property
    def n_parameters(self) -> int:
        """Length of the flat vector."""
        return self.layout.size

    @property
    def n_inputs(self) -> int:
        """Inputs a row."""
        return self.core.n_inputs

    @property
    def n_outputs(self) -> int:
        """Outputs a row: a logit per class, one logit, or the reconstructed inputs."""
        return self.core.n_outputs

    @property
    def float32_bytes(self) -> int:
        """Bytes of the parameters as they are trained."""
        return 4 * self.n_parameters

    def int8_bytes(self, encoding: Encoding) -> int:
        """All that a device stores to detect: int8 weights, their scales, biases and the encoding."""
        return self.core.int8_size + encoding.size_bytes

    def initial_parameters(self, seed: int) -> Floats:
        """Weights to start from, uniform, biases 0; a function of the seed alone, the same bits everywhere.

        The variance is gain / fan_in: gain 2 before a relu (He et al. 2015), else 1. A spline unit's fan-in is its
        number of features, as a row touches a point between two knots of each.
        """
        parameters = np.zeros(self.n_parameters, np.float32)
        views = self.layout.views(parameters)
        for index, layer in enumerate(self.layers):
            if not layer.weight_rows:
                continue
            is_spline = layer.kind is LayerKind.SPLINE
            fan_in = layer.inputs if is_spline else layer.weight_rows
            gain = 2.0 if layer.activation is Activation.RELU and not is_spline else 1.0
            segment = self.layout.segment(f"{index}.weight")
            draws = [random_u64(seed, segment.offset + position) >> 40 for position in range(segment.size)]
            unit = np.array(draws, np.float32) * np.float32(2.0**-23) - np.float32(1.0)  # exact, in [-1, 1)
            views[segment.name][:] = (unit * np.float32(sqrt(3.0 * gain / fan_in))).reshape(segment.shape)
        return parameters
