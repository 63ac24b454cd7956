"""Words of a Plan for what a model is made of."""

from typing import Literal, TypeAlias

from covey.core import Activation, EncodingKind

ActivationName: TypeAlias = Literal["relu", "tanh"]
ScalingName: TypeAlias = Literal["none", "standard", "signed_log"]


def activation_of(name: ActivationName) -> Activation:
    """The core's activation of this name."""
    return Activation.RELU if name == "relu" else Activation.TANH


def scaling_of(name: ScalingName) -> EncodingKind:
    """The encoding that a choice of scaling means."""
    match name:
        case "none":
            return EncodingKind.IDENTITY
        case "standard":
            return EncodingKind.STANDARD
        case "signed_log":
            return EncodingKind.SIGNED_LOG
