"""Loss and last layer of a classifier, and the checks all families share."""

from covey.core import Activation, Loss
from covey.errors import Code, ModelError
from covey.models.spec import Layer, ModelSpec, dense

MOST_LAYERS = 8
WIDEST = 1024


def check_widths(name: str, widths: tuple[int, ...], fewest: int = 0) -> None:
    """ValueError unless there are `fewest` widths or more, few enough for the core, each from 1 to 1,024."""
    if not fewest <= len(widths) < MOST_LAYERS:
        raise ValueError(f"{name} has {len(widths)} layers; it must have {fewest} to {MOST_LAYERS - 1}")
    if any(not 1 <= width <= WIDEST for width in widths):
        raise ValueError(f"{name} is {list(widths)}; each must be 1 to {WIDEST:,}")


def classifier(
    body: list[Layer], width: int, hidden: tuple[int, ...], activation: Activation, n_classes: int
) -> ModelSpec:
    """`body` with `width` outputs, then dense layers, then one logit for two classes or a logit for each of more."""
    if n_classes < 2:
        raise ModelError(Code.MODEL_SPEC, f"a classifier tells two classes or more apart, not {n_classes}")
    layers = list(body)
    for units in hidden:
        layers.append(dense(width, units, activation))
        width = units
    layers.append(dense(width, 1 if n_classes == 2 else n_classes))
    return ModelSpec.of(layers, Loss.BCE if n_classes == 2 else Loss.SOFTMAX_CE)
