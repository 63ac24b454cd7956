"""Models as data: layers, a loss, an encoding of features and one flat vector of parameters (floor 2)."""

from typing import TypeAlias

from covey.models.autoencoder import Autoencoder
from covey.models.conv1d import Conv1d
from covey.models.device_class import LIMITS, DeviceClass, Limits, check_fits
from covey.models.encoding import Encoding
from covey.models.mlp import Mlp
from covey.models.spec import Layer, ModelSpec
from covey.models.spline_mlp import SplineMlp
from covey.models.version import ModelVersion

Model: TypeAlias = SplineMlp | Mlp | Autoencoder | Conv1d

MODELS: dict[str, type[Model]] = {
    "spline_mlp": SplineMlp,
    "mlp": Mlp,
    "autoencoder": Autoencoder,
    "conv1d": Conv1d,
}

__all__ = [
    "LIMITS",
    "MODELS",
    "Autoencoder",
    "Conv1d",
    "DeviceClass",
    "Encoding",
    "Layer",
    "Limits",
    "Mlp",
    "Model",
    "ModelSpec",
    "ModelVersion",
    "SplineMlp",
    "check_fits",
]
