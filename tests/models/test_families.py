"""Families of models: layers, sizes by hand, and what fits a device; each is held to the checks that all share."""

from itertools import pairwise

import numpy as np
import pytest

from covey.core import Activation, Loss, predict
from covey.errors import Code, CoveyError, ModelError
from covey.models import (
    LIMITS,
    MODELS,
    Autoencoder,
    Conv1d,
    DeviceClass,
    Encoding,
    Mlp,
    Model,
    ModelSpec,
    SplineMlp,
    check_fits,
)

KNOTS = Encoding.with_knots(
    np.array([0, 1, 2] * 4 + [0, 1] * 8, np.float32),
    np.concatenate((np.arange(0, 13, 3), np.arange(14, 29, 2))).astype(np.uint16),
)
EACH: dict[str, Model] = {
    "spline_mlp": SplineMlp(),
    "mlp": Mlp(),
    "autoencoder": Autoencoder(),
    "conv1d": Conv1d(filters=(4,), kernel=3),
}


def spec_of(kind: str, n_classes: int = 3) -> ModelSpec:
    return EACH[kind].spec(12, n_classes, KNOTS)


def test_every_family_has_its_example_here() -> None:
    assert set(EACH) == set(MODELS)
    assert all(type(model) is MODELS[kind] for kind, model in EACH.items())


@pytest.mark.parametrize("kind", EACH)
def test_the_layout_is_the_cores_parameters(kind: str) -> None:
    spec = spec_of(kind)
    assert spec.layout.size == spec.n_parameters == spec.core.n_parameters
    assert spec.n_inputs == 12


@pytest.mark.parametrize("kind", EACH)
def test_first_parameters_are_a_function_of_the_seed_and_give_finite_outputs(kind: str) -> None:
    spec = spec_of(kind)
    first = spec.initial_parameters(7)
    assert np.array_equal(first, spec.initial_parameters(7))
    assert not np.array_equal(first, spec.initial_parameters(8))
    inputs = KNOTS.encode(np.ones((4, 12), np.float32))
    outputs = np.empty((4, spec.n_outputs), np.float32)
    predict(spec.core, first, inputs, 4, outputs)
    assert np.isfinite(outputs).all()


@pytest.mark.parametrize("kind", EACH)
def test_int8_bytes_are_weights_and_eight_a_unit_and_the_encoding(kind: str) -> None:
    spec = spec_of(kind)
    weights = sum(layer.weight_rows * layer.outputs for layer in spec.layers)
    units = sum(layer.outputs for layer in spec.layers if layer.weight_rows)
    assert spec.int8_bytes(KNOTS) == weights + 8 * units + KNOTS.size_bytes
    assert spec.float32_bytes == 4 * (weights + units)


@pytest.mark.parametrize("kind", ["spline_mlp", "mlp", "conv1d"])
def test_two_classes_are_one_logit_and_more_are_a_logit_each(kind: str) -> None:
    assert (spec_of(kind, 2).loss, spec_of(kind, 2).n_outputs) == (Loss.BCE, 1)
    assert (spec_of(kind, 5).loss, spec_of(kind, 5).n_outputs) == (Loss.SOFTMAX_CE, 5)
    with pytest.raises(ModelError):
        spec_of(kind, 1)


def test_a_spline_mlp_counts_the_knots_of_all_features() -> None:
    spec = SplineMlp(hidden=(16, 8)).spec(12, 10, KNOTS)
    assert KNOTS.n_knots == 28
    assert spec.n_parameters == 28 * 16 + 16 + 16 * 8 + 8 + 8 * 10 + 10
    assert [layer.activation for layer in spec.layers] == [Activation.RELU, Activation.RELU, Activation.LINEAR]


def test_an_mlp_may_have_no_hidden_layer() -> None:
    assert Mlp(hidden=()).spec(12, 3, Encoding.identity(12)).n_parameters == 12 * 3 + 3


def test_an_autoencoder_gives_its_inputs_back() -> None:
    spec = Autoencoder(hidden=(6, 2, 6)).spec(12, 2, Encoding.identity(12))
    assert [layer.outputs for layer in spec.layers] == [6, 2, 6, 12]
    assert spec.loss is Loss.MSE
    assert spec.n_parameters == 12 * 6 + 6 + 6 * 2 + 2 + 2 * 6 + 6 + 6 * 12 + 12


def test_a_convolution_runs_along_steps_of_channels() -> None:
    spec = Conv1d(channels=3, filters=(4, 5), kernel=3, stride=2, pool=2, hidden=(6,)).spec(
        60, 4, Encoding.identity(60)
    )
    # 20 steps -> (20 - 3) // 2 + 1 = 9 -> 4 -> pooled 2 steps of 5 filters.
    assert [layer.steps for layer in spec.layers[:3]] == [9, 4, 2]
    assert spec.layers[3].inputs == 10
    assert spec.n_parameters == 3 * 3 * 4 + 4 + 3 * 4 * 5 + 5 + 10 * 6 + 6 + 6 * 4 + 4


def test_a_row_that_is_no_whole_number_of_steps_or_too_short_is_refused() -> None:
    with pytest.raises(ModelError, match="whole number of steps"):
        Conv1d(channels=5).spec(12, 2, KNOTS)
    with pytest.raises(ModelError, match="shorter than a window"):
        Conv1d(kernel=13).spec(12, 2, KNOTS)


def test_a_weights_spread_follows_its_fan_in() -> None:
    spec = Mlp(hidden=(256,)).spec(96, 10, Encoding.identity(96))
    views = spec.layout.views(spec.initial_parameters(1))
    assert views["0.weight"].std() == pytest.approx((2 / 96) ** 0.5, rel=0.02)
    assert views["1.weight"].std() == pytest.approx((1 / 256) ** 0.5, rel=0.05)
    assert not views["0.bias"].any()


@pytest.mark.parametrize(
    "make",
    [
        lambda: SplineMlp(hidden=()),
        lambda: SplineMlp(knots=1),
        lambda: Mlp(hidden=(0,)),
        lambda: Mlp(hidden=(1025,)),
        lambda: Mlp(hidden=(4,) * 8),
        lambda: Autoencoder(hidden=()),
        lambda: Conv1d(filters=()),
        lambda: Conv1d(stride=0),
        lambda: Conv1d(channels=0),
    ],
)
def test_values_out_of_range_are_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"must"):
        make()  # type: ignore[operator]


def test_more_layers_than_the_core_has_are_refused() -> None:
    with pytest.raises(CoveyError):
        Conv1d(filters=(2,) * 7, kernel=1, stride=1, pool=2, hidden=(2, 2)).spec(12, 2, KNOTS)


def test_a_model_that_a_device_cannot_hold_is_refused_with_the_figures() -> None:
    identity = Encoding.identity(100)
    check_fits(DeviceClass.MCU_SMALL, Mlp(hidden=(32,)).spec(100, 2, identity), identity)
    with pytest.raises(ModelError) as caught:
        check_fits(DeviceClass.MCU_SMALL, Mlp(hidden=(128,)).spec(100, 2, identity), identity)
    assert caught.value.code is Code.MODEL_TOO_LARGE
    assert "13,960 bytes" in caught.value.cause  # 100 x 128 + 128 weights, 129 units of 8 bytes
    assert "10,240" in caught.value.cause


def test_every_device_class_has_limits_that_grow() -> None:
    limits = [LIMITS[device_class] for device_class in DeviceClass]
    assert all(a.int8_bytes <= b.int8_bytes and a.float32_bytes <= b.float32_bytes for a, b in pairwise(limits))
