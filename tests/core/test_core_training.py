"""The core's training against its twin, to the bit and in mathematics, and its refusals."""

from dataclasses import replace

import numpy as np
import pytest
from training_cases import MODELS, Case, case
from training_twin import Twin

from covey.core import (
    Activation,
    LayerKind,
    Loss,
    Model,
    Rows,
    TrainingArguments,
    TrainingResult,
    gradient,
    kernel_name,
    predict,
    select_kernel,
    train,
)
from covey.core.status import ffi, lib
from covey.errors import Code, CoreError

PLAIN = TrainingArguments(epochs=2, batch=16, learning_rate=0.05, shuffle=False)


def scalar(function):
    """The core's own function, element by element, for the twin's float32 arithmetic."""
    return lambda values: np.array([function(float(v)) for v in np.ravel(values)], np.float32).reshape(np.shape(values))


def trained(c: Case, arguments: TrainingArguments, *, weighted: bool = False) -> tuple[np.ndarray, TrainingResult]:
    parameters = c.parameters.copy()
    result = train(c.model, arguments, c.rows(weighted=weighted), parameters)
    return parameters, result


def variants(n: int) -> dict[str, TrainingArguments]:
    rng = np.random.Generator(np.random.PCG64(3))
    anchor, correction = rng.normal(size=(2, n)).astype(np.float32) * np.float32(0.05)
    scale = rng.uniform(0.5, 2, n).astype(np.float32)
    return {
        "plain": PLAIN,
        "shuffled": replace(PLAIN, shuffle=True, seed=7),
        "momentum_and_decay": replace(PLAIN, momentum=0.9, weight_decay=0.1),
        "proximal": replace(PLAIN, proximal=0.5),
        "anchor": replace(PLAIN, proximal=0.5, anchor=anchor),
        "correction": replace(PLAIN, correction=correction, momentum=0.5),
        "step_scale": replace(PLAIN, step_scale=scale, weight_decay=0.01),
        "smoothed": replace(PLAIN, label_smoothing=0.1),
        "steps": replace(PLAIN, epochs=0, max_steps=7, batch=9, shuffle=True),
        "clipped": replace(PLAIN, gradient_clip=0.1),
        "rounded": replace(PLAIN, fake_quantise=True),
        "one_batch": replace(PLAIN, batch=1024),
        "frozen": replace(PLAIN, trainable=bytes([0, 1, 1, 1, 1]), weight_decay=0.1),
    }


def arguments_for(c: Case, variant: str) -> TrainingArguments:
    arguments = variants(c.model.n_parameters)[variant]
    return replace(arguments, trainable=arguments.trainable and arguments.trainable[: len(c.model.layers)])


@pytest.mark.parametrize("variant", sorted(set(variants(1)) - {"clipped"}))
@pytest.mark.parametrize("name", ["relu_mlp", "spline"])
def test_training_has_the_bits_of_one_chain_per_sum(name: str, variant: str) -> None:
    c = case(name)
    arguments = arguments_for(c, variant)
    twin = Twin(c.model, c.parameters.copy(), exp=scalar(lib.covey_expf), log=scalar(lib.covey_logf))
    means = twin.train(arguments, c.x, c.labels, c.targets, c.weights)
    parameters, result = trained(c, arguments, weighted=True)
    np.testing.assert_array_equal(parameters.view(np.uint32), twin.parameters.view(np.uint32))
    assert result.first_loss == pytest.approx(means[0], rel=1e-6)
    assert result.last_loss == pytest.approx(means[-1], rel=1e-6)


@pytest.mark.parametrize("variant", sorted(variants(1)))
@pytest.mark.parametrize("name", sorted(MODELS))
def test_training_follows_mathematics(name: str, variant: str) -> None:
    c = case(name)
    arguments = arguments_for(c, variant)
    twin = Twin(c.model, c.parameters.astype(np.float64))
    means = twin.train(arguments, c.x.astype(np.float64), c.labels, c.targets, c.weights)
    parameters, result = trained(c, arguments, weighted=True)
    np.testing.assert_allclose(parameters, twin.parameters, atol=3e-5 if variant != "rounded" else 5e-3)
    assert result.last_loss == pytest.approx(means[-1], rel=1e-3 if variant == "rounded" else 1e-5)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_gradients_are_the_slopes_of_the_loss(name: str) -> None:
    c = case(name)
    exact = np.empty_like(c.parameters)
    loss = gradient(c.model, c.rows(weighted=True), c.parameters, exact)
    rng = np.random.Generator(np.random.PCG64(0))
    nothing = replace(PLAIN, learning_rate=0.0, epochs=1, batch=64)
    for i in rng.choice(c.model.n_parameters, 12, replace=False):
        around = []
        for step in (-1e-5, 1e-5):
            moved = c.parameters.astype(np.float64)
            moved[i] += step
            twin = Twin(c.model, moved)
            around += twin.train(nothing, c.x.astype(np.float64), c.labels, c.targets, c.weights)
        assert exact[i] == pytest.approx((around[1] - around[0]) / 2e-5, abs=2e-5 + 2e-3 * float(np.abs(exact).max()))
    assert loss == pytest.approx(sum(around) / 2, rel=1e-4)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_predictions_follow_mathematics_on_any_number_of_threads(name: str) -> None:
    c = case(name, 200)
    one, four = np.empty((2, 200, c.model.n_outputs), np.float32)
    predict(c.model, c.parameters, c.x, 200, one)
    predict(c.model, c.parameters, c.x, 200, four, n_threads=4)
    expected = Twin(c.model, c.parameters.astype(np.float64)).forward(
        c.x.astype(np.float64), c.parameters.astype(np.float64)
    )
    np.testing.assert_allclose(one, expected, atol=1e-5)
    np.testing.assert_array_equal(one, four)


def test_kernels_of_this_machine_agree_to_the_bit() -> None:
    default = kernel_name()
    try:
        for name in MODELS:
            c = case(name)
            for arguments in variants(c.model.n_parameters).values():
                free = arguments.trainable and arguments.trainable[: len(c.model.layers)]
                found = set()
                for kernel in ("portable", "sse2", "neon", "avx2", "avx512"):
                    try:
                        select_kernel(kernel)
                    except CoreError:
                        continue
                    found.add(trained(c, replace(arguments, trainable=free))[0].tobytes())
                assert len(found) == 1, name
    finally:
        select_kernel(default)


def test_an_unknown_kernel_is_refused() -> None:
    with pytest.raises(CoreError) as caught:
        select_kernel("abacus")
    assert caught.value.code is Code.CORE_KERNEL


def test_an_autoencoder_without_targets_learns_its_inputs() -> None:
    c = case("autoencoder")
    parameters = c.parameters.copy()
    result = train(c.model, replace(PLAIN, epochs=30, learning_rate=0.5), Rows(c.x, len(c.x)), parameters)
    assert result.last_loss < result.first_loss
    twin = Twin(c.model, c.parameters.astype(np.float64))
    assert result.first_loss == pytest.approx(
        twin.train(replace(PLAIN, epochs=1, learning_rate=0.5), c.x, c.labels, c.x)[0], rel=1e-5
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"epochs": 0}, Code.CORE_ARGUMENT),
        ({"epochs": -1}, Code.CORE_ARGUMENT),
        ({"batch": 0}, Code.CORE_ARGUMENT),
        ({"batch": 1025}, Code.CORE_ARGUMENT),
        ({"learning_rate": float("nan")}, Code.CORE_ARGUMENT),
        ({"momentum": 1.0}, Code.CORE_ARGUMENT),
        ({"anchor": np.zeros(3, np.float32)}, Code.CORE_ARGUMENT),
        ({"correction": np.zeros(663, np.float64)}, Code.CORE_ARGUMENT),
        ({"trainable": b"\x01"}, Code.CORE_ARGUMENT),
        ({"learning_rate": 1e30, "epochs": 50}, Code.CORE_NONFINITE),
    ],
)
def test_wrong_arguments_are_refused_with_their_code(change: dict, code: Code) -> None:
    c = case("relu_mlp")
    parameters = c.parameters.copy()
    with pytest.raises(CoreError) as caught:
        train(c.model, replace(PLAIN, **change), c.rows(), parameters)
    assert caught.value.code is code
    np.testing.assert_array_equal(parameters, c.parameters)


def test_wrong_rows_are_refused_with_their_code() -> None:
    c = case("relu_mlp")
    bad = c.x.copy()
    bad[-1, -1] = np.inf
    labels = c.labels.copy()
    labels[-1] = 5
    for rows, code in [
        (Rows(bad, 41, labels=c.labels), Code.CORE_NONFINITE),
        (Rows(c.x, 41, labels=labels), Code.CORE_LABEL),
        (Rows(c.x, 41), Code.CORE_ARGUMENT),
        (Rows(c.x, 40, labels=c.labels), Code.CORE_ARGUMENT),
        (Rows(c.x, 0, labels=c.labels), Code.CORE_ARGUMENT),
        (Rows(c.x.astype(np.float64), 41, labels=c.labels), Code.CORE_ARGUMENT),
        (Rows(c.x.T, 41, labels=c.labels), Code.CORE_ARGUMENT),
        (Rows(c.x, 41, labels=c.labels.astype(np.int64)), Code.CORE_ARGUMENT),
        (Rows(c.x, 41, labels=c.labels, sample_weight=np.full(41, np.nan, np.float32)), Code.CORE_NONFINITE),
    ]:
        with pytest.raises(CoreError) as caught:
            train(c.model, PLAIN, rows, c.parameters.copy())
        assert caught.value.code is code


def test_parameters_must_be_writable_finite_and_complete() -> None:
    c = case("relu_mlp")
    frozen = c.parameters.copy()
    frozen.flags.writeable = False
    wrong = np.where(np.arange(len(c.parameters)) == 7, np.nan, c.parameters).astype(np.float32)
    for parameters, code in [
        (frozen, Code.CORE_ARGUMENT),
        (c.parameters[:-1].copy(), Code.CORE_ARGUMENT),
        (wrong, Code.CORE_NONFINITE),
    ]:
        with pytest.raises(CoreError) as caught:
            train(c.model, PLAIN, c.rows(), parameters)
        assert caught.value.code is code


@pytest.mark.parametrize(
    "layers",
    [
        [],
        [(1, 0, 3, 4, 0, 0, 0, 0), (1, 0, 5, 2, 0, 0, 0, 0)],
        [(9, 0, 3, 4, 0, 0, 0, 0)],
        [(1, 0, 3, 70000, 0, 0, 0, 0)],
        [(1, 0, 3, -4, 0, 0, 0, 0)],
        [(2, 0, 3, 4, 1, 0, 0, 0)],
    ],
)
def test_layers_that_do_not_fit_are_refused(layers: list[tuple[int, ...]]) -> None:
    with pytest.raises(CoreError) as caught:
        Model(layers, Loss.MSE)
    assert caught.value.code is Code.CORE_MODEL


@pytest.mark.parametrize(("enum", "prefix"), [(LayerKind, "COVEY_"), (Activation, "COVEY_"), (Loss, "COVEY_")], ids=str)
def test_enums_have_the_values_of_the_header(enum: type, prefix: str) -> None:
    for member in enum:
        assert int(member) == getattr(lib, prefix + member.name)
    ctype = {LayerKind: "covey_layer_kind", Activation: "covey_activation", Loss: "covey_loss_kind"}[enum]
    assert len(ffi.typeof(ctype).elements) == len(enum)


def test_a_loss_that_does_not_exist_is_a_wrong_model() -> None:
    with pytest.raises(CoreError, match="do not fit together"):
        Model([(1, 0, 2, 3, 0, 0, 0, 0)], 9)


@pytest.mark.parametrize(("n_rows", "n_threads"), [(4, 0), (4, -1), (-1, 1)])
def test_counts_below_their_range_predict_nothing(n_rows: int, n_threads: int) -> None:
    model = Model([(1, 0, 2, 3, 0, 0, 0, 0)], 3)
    with pytest.raises(CoreError, match="out of its range"):
        predict(
            model,
            np.zeros(9, np.float32),
            np.zeros(8, np.float32),
            n_rows,
            np.zeros(12, np.float32),
            n_threads=n_threads,
        )


def test_outputs_that_overflow_are_told() -> None:
    model = Model([(1, 0, 2, 3, 0, 0, 0, 0)], 3)
    with pytest.raises(CoreError, match="NaN or an infinity"):
        predict(model, np.full(9, 3e38, np.float32), np.full((1, 2), 3e38, np.float32), 1, np.zeros((1, 3), np.float32))
