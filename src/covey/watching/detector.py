"""A model in use on a device: raw rows in, scores out, no numpy. Its weights are int8, as on a microcontroller."""

from array import array
from typing import TYPE_CHECKING

from covey.core import EncodingArguments, EncodingKind, Loss, Model, encode, int8_predict, quantise, scores
from covey.errors import Code, CoreError
from covey.wire import ModelFile

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

ROWS_A_CALL = 1024  # encoded together: the buffers of a model with 115 inputs take 0.5 MB
LARGEST_SCORE = (2 - 2**-23) * 2.0**127


class Detector:
    """What a device makes of rows (n, d) float32 with one model.

    Buffers are reused: what `score` and `encode` give is valid until they are called again.
    """

    __slots__ = (
        "_inputs",
        "_int8",
        "_outputs",
        "_scores",
        "class_names",
        "digest",
        "encoding",
        "feature_names",
        "model",
        "sequence",
        "unscorable",
    )

    def __init__(self, file: ModelFile) -> None:
        """Take a model into use; ModelError or CoreError where its layers and parameters do not fit together."""
        design = file.design
        self.model = Model(design.layers, design.loss)
        self._int8 = bytearray(self.model.int8_size)
        quantise(self.model, array("f", file.parameters), self._int8)
        if self.model.n_inputs != design.encoding.n_features:
            raise CoreError(Code.CORE_MODEL, f"a model of {self.model.n_inputs} inputs has an encoding of another size")
        self.encoding = _encoding(file)
        self.feature_names = design.feature_names
        self.class_names = design.class_names
        self.sequence = file.sequence
        self.digest = file.digest
        self.unscorable = 0  # rows whose outputs were no numbers: they count as most suspicious
        self._inputs = float_memory(ROWS_A_CALL * self.model.n_inputs)
        self._outputs = float_memory(ROWS_A_CALL * self.model.n_outputs)
        self._scores = float_memory(0)

    @property
    def n_features(self) -> int:
        """Columns of a raw row."""
        return self.model.n_inputs

    @property
    def is_error(self) -> bool:
        """Whether a score is the logarithm of an error of reconstruction rather than log odds."""
        return self.model.loss in (Loss.MSE, Loss.HUBER)

    def rescale(self, center: "array[float]", scale: "array[float]") -> None:
        """Go on with other centres and scales (d) float32, for encodings that have them."""
        old = self.encoding
        self.encoding = EncodingArguments(old.kind, old.inputs, center, scale, old.limit)

    def encode(self, rows: "ReadableBuffer", n: int, encoding: EncodingArguments | None = None) -> "memoryview[float]":
        """Inputs (n, d) of n <= ROWS_A_CALL raw rows, with the encoding in use or another."""
        inputs = self._inputs[: n * self.n_features]
        encode(encoding or self.encoding, rows, inputs, n)
        return inputs

    def score_inputs(self, inputs: "ReadableBuffer", n: int, out: "memoryview[float]") -> None:
        """Write the scores of n <= ROWS_A_CALL encoded rows to `out` (n)."""
        outputs = self._outputs[: n * self.model.n_outputs]
        int8_predict(self.model, self._int8, inputs, n, outputs)
        scores(self.model, outputs, inputs, n, out)

    def score(self, rows: "ReadableBuffer", n: int) -> "memoryview[float]":
        """Scores (n) of raw rows (n, d); greater is more suspicious (covey_scores)."""
        if n > len(self._scores):
            self._scores = float_memory(n)
        out = self._scores[:n]
        raw, width = memoryview(rows).cast("B"), 4 * self.n_features
        for first in range(0, n, ROWS_A_CALL):
            end = min(n, first + ROWS_A_CALL)
            inputs = self.encode(raw[first * width : end * width], end - first)
            try:
                self.score_inputs(inputs, end - first, out[first:end])
            except CoreError as error:
                if error.code is not Code.CORE_NONFINITE:
                    raise
                self._score_one_by_one(inputs, out[first:end])
        return out

    def _score_one_by_one(self, inputs: "memoryview[float]", out: "memoryview[float]") -> None:
        """The same where a row drives the model out of the numbers: nobody may blind the device with one packet."""
        d = self.n_features
        for i in range(len(out)):
            try:
                self.score_inputs(inputs[i * d : (i + 1) * d], 1, out[i : i + 1])
            except CoreError as error:
                if error.code is not Code.CORE_NONFINITE:
                    raise
                out[i] = LARGEST_SCORE
                self.unscorable += 1

    def class_of(self, row: "ReadableBuffer") -> tuple[str, float] | None:
        """The likeliest class but the first of one raw row, and by how much it is above the first, in log odds.

        None for models that do not tell classes apart.
        """
        if self.model.loss is not Loss.SOFTMAX_CE or self.model.n_outputs != len(self.class_names):
            return None
        outputs = self._outputs[: self.model.n_outputs]
        try:
            int8_predict(self.model, self._int8, self.encode(row, 1), 1, outputs)
        except CoreError:
            return None  # counted as unscorable when it was scored
        logits = outputs.tolist()
        best = max(range(1, len(logits)), key=logits.__getitem__)
        return self.class_names[best], logits[best] - logits[0]


def float_memory(n: int) -> "memoryview[float]":
    """Memory for n float32 values, zeros."""
    return memoryview(bytearray(4 * n)).cast("f")


def _encoding(file: ModelFile) -> EncodingArguments:
    fields = file.design.encoding
    return EncodingArguments(
        kind=EncodingKind(fields.kind),
        inputs=fields.n_features,
        center=array("f", fields.center) if fields.center else None,
        scale=array("f", fields.scale) if fields.scale else None,
        limit=fields.limit,
        knot=fields.knot_values() if fields.knots else None,
        offset=fields.offsets() if fields.counts else None,
    )
