"""Models for tests, trained through the core on rows at hand; small, and real."""

from array import array

import numpy as np
from numpy.typing import NDArray

from covey.core import (
    Activation,
    EncodingArguments,
    EncodingKind,
    LayerKind,
    Loss,
    Model,
    Rows,
    TrainingArguments,
    encode,
    train,
)
from covey.wire import (
    DEFAULT_DETECTION,
    DetectionSettings,
    EncodingFields,
    FeatureSchema,
    ModelDesign,
    ModelFile,
    SourceKind,
)
from covey.wire.fields import packed

PACKETS = FeatureSchema(SourceKind.PACKETS)


def knots_encoding(rows: NDArray[np.float32], most: int = 8) -> EncodingFields:
    """Quantiles of each column as bfloat16 knots, at least two of each."""
    knots: list[NDArray[np.uint16]] = []
    for column in rows.T:
        cuts = np.quantile(column.astype(np.float64), np.linspace(0, 1, most)).astype(np.float32)
        high = np.unique((np.unique(cuts).view(np.uint32) >> 16).astype(np.uint16).view(np.uint16))
        values = np.unique((high.astype(np.uint32) << 16).view(np.float32))
        if values.size < 2:
            values = np.array([values[0], values[0] + 1 + abs(values[0]) / 64], np.float32)
            values = np.unique(((values.view(np.uint32) >> 16) << 16).view(np.float32))
        knots.append((values.view(np.uint32) >> 16).astype(np.uint16))
    counts = bytes(len(values) for values in knots)
    return EncodingFields(3, rows.shape[1], knots=np.concatenate(knots).tobytes(), counts=counts)


def standard_encoding(rows: NDArray[np.float32], kind: EncodingKind = EncodingKind.STANDARD) -> EncodingFields:
    values = np.sign(rows) * np.log1p(np.abs(rows)) if kind is EncodingKind.SIGNED_LOG else rows
    center = values.mean(axis=0).astype(np.float32)
    scale = (1 / np.maximum(values.std(axis=0), 1e-3)).astype(np.float32)
    return EncodingFields(int(kind), rows.shape[1], center.tobytes(), scale.tobytes(), 8.0)


def arguments_of(fields: EncodingFields) -> EncodingArguments:
    return EncodingArguments(
        EncodingKind(fields.kind),
        fields.n_features,
        array("f", fields.center) if fields.center else None,
        array("f", fields.scale) if fields.scale else None,
        fields.limit,
        fields.knot_values() if fields.knots else None,
        fields.offsets() if fields.counts else None,
    )


def trained(
    rows: NDArray[np.float32],
    labels: NDArray[np.int32],
    feature_names: tuple[str, ...],
    class_names: tuple[str, ...] = ("benign", "attack"),
    *,
    encoding: EncodingFields | None = None,
    schema: FeatureSchema = PACKETS,
    detection: DetectionSettings = DEFAULT_DETECTION,
    thresholds: tuple[float, ...] = (),
    sequence: int = 1,
    steps: int = 400,
    loss: Loss | None = None,
) -> ModelFile:
    """A detector: BCE for two classes, softmax for more, or an autoencoder (loss MSE) of the rows labelled 0."""
    fields = encoding or knots_encoding(rows)
    n, d = rows.shape
    loss = loss or (Loss.BCE if len(class_names) == 2 else Loss.SOFTMAX_CE)
    outputs = {Loss.BCE: 1, Loss.SOFTMAX_CE: len(class_names)}.get(loss, d)
    first = (
        (int(LayerKind.SPLINE), int(Activation.RELU), d, 8, sum(fields.counts), 0, 0, 0)
        if fields.counts
        else (int(LayerKind.DENSE), int(Activation.RELU), d, 8, 0, 0, 0, 0)
    )
    layers = (first, (int(LayerKind.DENSE), int(Activation.LINEAR), 8, outputs, 0, 0, 0, 0))
    model = Model(layers, loss)
    inputs = np.zeros_like(rows)
    encode(arguments_of(fields), np.ascontiguousarray(rows), inputs, n)
    rng = np.random.default_rng(7)
    parameters = (rng.standard_normal(model.n_parameters) * 0.1).astype(np.float32)
    is_error = loss is Loss.MSE
    used = np.ascontiguousarray(inputs[labels == 0] if is_error else inputs)
    train(
        model,
        TrainingArguments(0, steps, batch=64, learning_rate=0.05, momentum=0.9, seed=3, gradient_clip=5.0),
        Rows(used, used.shape[0], labels=None if is_error else np.ascontiguousarray(labels, np.int32)),
        parameters,
    )
    design = ModelDesign(layers, int(loss), fields, feature_names, class_names, thresholds, schema, detection)
    numbers = packed(array("f", parameters.tobytes()))
    return ModelFile.of(sequence=sequence, parent=b"", design=design, parameters=numbers)
