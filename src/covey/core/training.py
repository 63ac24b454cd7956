"""Models and their training in the core: the Python face of `covey_train`, `covey_gradient` and `covey_predict`.

Buffers are anything with the buffer protocol (numpy arrays, array.array, bytearray); float32 unless said otherwise,
C-contiguous, never copied. The caller allocates outputs. Calls release the GIL. The arithmetic is libcovey's: the same
bits on every machine.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from covey.core.buffers import optional, readable, releasing_views, writable
from covey.core.status import Status, checked, ffi, lib

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

LARGEST_PREDICTION = 1 << 20  # rows a call to C, so that an interrupt is not kept waiting for long
_scratch = ffi.new_allocator(should_clear_after_alloc=False)


class LayerKind(IntEnum):
    """`covey_layer_kind` of covey.h."""

    DENSE = 1
    SPLINE = 2
    CONV1D = 3
    MAXPOOL1D = 4
    MEANPOOL1D = 5


class Activation(IntEnum):
    """`covey_activation` of covey.h."""

    LINEAR = 0
    RELU = 1
    TANH = 2


class Loss(IntEnum):
    """`covey_loss_kind` of covey.h."""

    SOFTMAX_CE = 1
    BCE = 2
    MSE = 3
    HUBER = 4


class Model:
    """Layers and a loss, checked by the core and kept where C can read them.

    layers: tuples in the order of `covey_layer`: kind, activation, inputs, outputs, knots, length, kernel, stride.
    Raises CoreError if they do not fit together or exceed a limit.
    """

    __slots__ = ("_layers", "int8_size", "layers", "loss", "n_inputs", "n_outputs", "n_parameters", "pointer")

    def __init__(self, layers: Sequence[tuple[int, ...]], loss: int) -> None:
        self.layers = tuple(tuple(int(field) for field in layer) for layer in layers)
        try:
            self.loss = Loss(loss)
            self._layers = ffi.new("covey_layer[]", self.layers)
            self.pointer: Any = ffi.new("covey_model *", (self._layers, len(self.layers), int(loss)))
        except (OverflowError, ValueError):
            checked(Status.MODEL, f"making a model of {self.layers}")
            raise
        checked(lib.covey_model_check(self.pointer), f"making a model of {self.layers}")
        self.n_parameters = int(lib.covey_model_parameters(self.pointer))
        self.n_inputs = int(lib.covey_model_inputs(self.pointer))
        self.n_outputs = int(lib.covey_model_outputs(self.pointer))
        self.int8_size = int(lib.covey_int8_size(self.pointer))

    def __repr__(self) -> str:
        """The constructor's arguments."""
        return f"Model({list(self.layers)}, {self.loss!r})"


@dataclass(frozen=True, slots=True)
class TrainingArguments:
    """How to train: `covey_training` of covey.h, which says how a step is made of these.

    epochs: passes over the rows, 0 for as many as `max_steps` needs; max_steps: 0 for no limit; batch: 1..1024.
    anchor, correction, step_scale: (n_parameters) or None; trainable: (n_layers) bytes, 0 freezes a layer, or None.
    """

    epochs: int = 1
    max_steps: int = 0
    batch: int = 32
    learning_rate: float = 0.1
    momentum: float = 0.0
    weight_decay: float = 0.0
    proximal: float = 0.0
    gradient_clip: float = 0.0
    huber_delta: float = 1.0
    label_smoothing: float = 0.0
    fake_quantise: bool = False
    shuffle: bool = True
    seed: int = 0
    anchor: "ReadableBuffer | None" = None
    correction: "ReadableBuffer | None" = None
    step_scale: "ReadableBuffer | None" = None
    trainable: "ReadableBuffer | None" = None


@dataclass(frozen=True, slots=True)
class Rows:
    """Training rows: encoded inputs (n_rows, n_inputs) and, by the model's loss, labels or targets.

    labels: (n_rows) int32, a class, or 0 and 1 for BCE. targets: (n_rows, n_outputs); None = the inputs themselves.
    sample_weight: (n_rows), multiplies a row's loss; the mean is over rows.
    """

    inputs: "ReadableBuffer"
    n_rows: int
    labels: "ReadableBuffer | None" = None
    targets: "ReadableBuffer | None" = None
    sample_weight: "ReadableBuffer | None" = None


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """Mini-batches done, and the mean loss of the first and the last pass, each row taken before its step."""

    steps: int
    first_loss: float
    last_loss: float


def training_struct(model: Model, arguments: TrainingArguments) -> Any:
    """`covey_training` for C, and what it points to: keep the pair alive during the call."""
    n = model.n_parameters
    buffers = (
        optional("float", arguments.anchor, n, "anchor"),
        optional("float", arguments.correction, n, "correction"),
        optional("float", arguments.step_scale, n, "step_scale"),
        optional("uint8_t", arguments.trainable, len(model.layers), "trainable"),
    )
    struct = ffi.new("covey_training *")
    try:
        struct.epochs, struct.max_steps, struct.batch = arguments.epochs, arguments.max_steps, arguments.batch
    except OverflowError:
        checked(Status.ARGUMENT, "training with a count of epochs, steps or rows a batch that is not in its range")
    struct.learning_rate, struct.momentum = arguments.learning_rate, arguments.momentum
    struct.weight_decay, struct.proximal = arguments.weight_decay, arguments.proximal
    struct.gradient_clip, struct.huber_delta = arguments.gradient_clip, arguments.huber_delta
    struct.label_smoothing = arguments.label_smoothing
    struct.fake_quantise, struct.shuffle = arguments.fake_quantise, arguments.shuffle
    struct.seed = arguments.seed & 0xFFFF_FFFF_FFFF_FFFF
    struct.anchor, struct.correction, struct.step_scale, struct.trainable = buffers
    return struct, buffers


def rows_struct(model: Model, rows: Rows) -> Any:
    """`covey_rows` for C, and what it points to: keep the pair alive during the call."""
    n = rows.n_rows
    if not 0 < n < 1 << 32:
        checked(Status.ARGUMENT, f"training on {n} rows")
    buffers = (
        readable("float", rows.inputs, n * model.n_inputs, "inputs"),
        optional("int32_t", rows.labels, n, "labels"),
        optional("float", rows.targets, n * model.n_outputs, "targets"),
        optional("float", rows.sample_weight, n, "sample_weight"),
    )
    return ffi.new("covey_rows *", (*buffers, n)), buffers


@releasing_views
def train(model: Model, arguments: TrainingArguments, rows: Rows, parameters: "WriteableBuffer") -> TrainingResult:
    """Train `parameters` (n_parameters) in place on these rows.

    CoreError if an argument is out of its range, a value is not finite, a label is none of the classes, or training
    diverges; `parameters` are then as they were, but for the portable kernels, which spoil them when training diverges.
    """
    struct, keep = training_struct(model, arguments)
    data, keep_rows = rows_struct(model, rows)
    weights = writable("float", parameters, model.n_parameters, "parameters")
    result = ffi.new("covey_training_result *")
    size = lib.covey_train_size(model.pointer, struct, rows.n_rows)
    arena = _scratch("uint8_t[]", size or 1)
    checked(lib.covey_train(model.pointer, struct, data, weights, arena, size, result), "training")
    del keep, keep_rows
    return TrainingResult(result.steps, result.first_loss, result.last_loss)


@releasing_views
def gradient(model: Model, rows: Rows, parameters: "ReadableBuffer", out: "WriteableBuffer") -> float:
    """Write the gradient of the rows' mean loss to `out` (n_parameters) and return that loss. Huber's delta is 1.

    CoreError where values are wrong or overflow; `out` may then be written.
    """
    data, keep = rows_struct(model, rows)
    weights = readable("float", parameters, model.n_parameters, "parameters")
    target = writable("float", out, model.n_parameters, "out")
    loss = ffi.new("float *")
    size = lib.covey_gradient_size(model.pointer)
    arena = _scratch("uint8_t[]", size)
    checked(lib.covey_gradient(model.pointer, data, weights, target, loss, arena, size), "taking a gradient")
    del keep
    return float(loss[0])


@releasing_views
def predict(
    model: Model,
    parameters: "ReadableBuffer",
    inputs: "ReadableBuffer",
    n_rows: int,
    out: "WriteableBuffer",
    *,
    n_threads: int = 1,
) -> None:
    """Write the outputs of `n_rows` encoded rows to `out` (n_rows, n_outputs): logits, or reconstructions.

    Rows are shared among `n_threads` threads; the results do not depend on their number. CoreError where a parameter or
    an input is not finite or an output overflows; some of `out` may then be written. n_threads: at least 1.
    """
    if n_threads < 1 or n_rows < 0:
        checked(Status.ARGUMENT, f"predicting {n_rows} rows on {n_threads} threads")
    if n_rows == 0:
        return
    weights = readable("float", parameters, model.n_parameters, "parameters")
    rows = readable("float", inputs, n_rows * model.n_inputs, "inputs")
    target = writable("float", out, n_rows * model.n_outputs, "out")
    size = lib.covey_predict_size(model.pointer)

    def predict_part(first: int) -> int:
        count = min(part, n_rows - first)
        arena = _scratch("uint8_t[]", size)
        source, sink = rows + first * model.n_inputs, target + first * model.n_outputs
        return int(lib.covey_predict(model.pointer, weights, source, count, sink, arena, size))

    part = min(LARGEST_PREDICTION, -(-n_rows // n_threads))
    firsts = range(0, n_rows, part)
    if n_threads == 1:
        statuses = [predict_part(first) for first in firsts]
    else:
        with ThreadPoolExecutor(n_threads) as pool:
            statuses = list(pool.map(predict_part, firsts))
    checked(min(statuses), "predicting")
