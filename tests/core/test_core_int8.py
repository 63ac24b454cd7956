"""int8 models against the twin and against float32."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twins import int8_predict

from covey import core
from covey.errors import CoreError

MODELS = {
    "spline": [(2, 1, 5, 17, 20, 0, 0, 0), (1, 1, 17, 9, 0, 0, 0, 0), (1, 0, 9, 4, 0, 0, 0, 0)],
    "dense": [(1, 1, 12, 33, 0, 0, 0, 0), (1, 0, 33, 1, 0, 0, 0, 0)],
    "conv1d": [(3, 1, 2, 7, 0, 16, 3, 2), (4, 0, 7, 7, 0, 7, 2, 2), (3, 2, 7, 5, 0, 3, 2, 1), (5, 0, 5, 5, 0, 2, 2, 1)],
}


def made(name: str, seed: int) -> tuple[core.Model, np.ndarray, bytearray, np.ndarray]:
    """A model, its parameters, their int8 bytes, and eight rows of inputs."""
    generator = np.random.default_rng(seed)
    model = core.Model(MODELS[name], core.Loss.MSE)
    parameters = generator.normal(scale=0.3, size=model.n_parameters).astype(np.float32)
    inputs = generator.normal(size=(8, model.n_inputs)).astype(np.float32)
    if name == "spline":
        inputs = (np.arange(5) * 4 + generator.uniform(0, 3, (8, 5))).astype(np.float32)
    data = bytearray(model.int8_size)
    core.quantise(model, parameters, data)
    return model, parameters, data, inputs


@pytest.mark.parametrize("name", MODELS)
@given(seed=st.integers(0, 2**32))
def test_integer_inference_is_that_of_the_twin(name: str, seed: int) -> None:
    model, _, data, inputs = made(name, seed)
    out = np.empty((8, model.n_outputs), np.float32)
    core.int8_predict(model, data, inputs, 8, out)
    expected = np.stack([int8_predict(MODELS[name], bytes(data), row) for row in inputs])
    np.testing.assert_allclose(out, expected, rtol=2e-5, atol=2e-3 if name == "conv1d" else 2e-5)


@pytest.mark.parametrize("name", MODELS)
@given(seed=st.integers(0, 2**32))
def test_weights_are_off_by_half_a_step_at_most(name: str, seed: int) -> None:
    model, parameters, data, _ = made(name, seed)
    wide = np.empty_like(parameters)
    core.dequantise(model, data, wide)
    assert np.abs(wide - parameters).max() <= np.abs(parameters).max() / 127 * 0.5001
    again = bytearray(model.int8_size)
    core.quantise(model, wide, again)
    assert again[-4:] == data[-4:]


def test_int8_answers_are_close_to_float32_answers() -> None:
    for name in MODELS:
        model, parameters, data, inputs = made(name, 5)
        quick, exact = np.empty((2, 8, model.n_outputs), np.float32)
        core.int8_predict(model, data, inputs, 8, quick)
        core.predict(model, parameters, inputs, 8, exact)
        assert np.abs(quick - exact).max() <= 0.03 * np.abs(exact).max()


def test_training_with_int8_weights_uses_the_weights_that_devices_run() -> None:
    """The gradient of fake-quantised training at w is the plain gradient at the dequantised w."""
    generator = np.random.default_rng(3)
    model = core.Model(MODELS["dense"], core.Loss.BCE)
    parameters = generator.normal(scale=0.3, size=model.n_parameters).astype(np.float32)
    inputs = generator.normal(size=(16, 12)).astype(np.float32)
    rows = core.Rows(inputs, 16, labels=(np.arange(16) % 2).astype(np.int32))
    data, wide = bytearray(model.int8_size), np.empty_like(parameters)
    core.quantise(model, parameters, data)
    core.dequantise(model, data, wide)
    arguments = core.TrainingArguments(epochs=1, batch=16, learning_rate=0.5, shuffle=False, fake_quantise=True)
    trained = parameters.copy()
    core.train(model, arguments, rows, trained)
    gradient = np.empty_like(parameters)
    core.gradient(model, rows, wide, gradient)
    np.testing.assert_allclose(trained, parameters - np.float32(0.5) * gradient, rtol=1e-5, atol=1e-6)


def test_bytes_of_another_model_are_refused() -> None:
    model, parameters, data, inputs = made("dense", 1)
    out = np.empty((8, 1), np.float32)
    with pytest.raises(CoreError, match="another number of parameters"):
        core.int8_predict(model, data[:-1], inputs, 8, out)
    data[0:4] = np.float32(np.nan).tobytes()
    with pytest.raises(CoreError, match="NaN or an infinity"):
        core.dequantise(model, data, parameters)
