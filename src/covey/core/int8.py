"""Models as int8 bytes: 4 + 4 bytes a unit (scale, bias), one byte a weight.

This is what devices run, and what travels to them.
"""

from typing import TYPE_CHECKING

from covey.core.buffers import readable, releasing_views, writable
from covey.core.status import checked, ffi, lib

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

    from covey.core.training import Model


@releasing_views
def quantise(model: "Model", parameters: "ReadableBuffer", out: "WriteableBuffer") -> None:
    """Write the int8 form of `parameters` (n_parameters) float32 to `out` (model.int8_size bytes)."""
    source = readable("float", parameters, model.n_parameters, "parameters")
    target = writable("uint8_t", out, None, "out")
    checked(lib.covey_int8_quantise(model.pointer, source, target, len(target)), "quantising a model")


@releasing_views
def dequantise(model: "Model", data: "ReadableBuffer", out: "WriteableBuffer") -> None:
    """Write the float32 parameters that int8 bytes stand for to `out` (n_parameters).

    CoreError if they are no model of this shape.
    """
    source = readable("uint8_t", data, None, "data")
    target = writable("float", out, model.n_parameters, "out")
    checked(lib.covey_int8_dequantise(model.pointer, source, len(source), target), "widening an int8 model")


@releasing_views
def int8_predict(
    model: "Model", data: "ReadableBuffer", inputs: "ReadableBuffer", n_rows: int, out: "WriteableBuffer"
) -> None:
    """Outputs (n_rows, n_outputs) float32 of int8 bytes for encoded inputs (n_rows, n_inputs), with integer sums.

    CoreError where bytes or inputs are wrong; rows before one whose values overflow are then already written.
    """
    source = readable("uint8_t", data, None, "data")
    rows = readable("float", inputs, n_rows * model.n_inputs, "inputs")
    target = writable("float", out, n_rows * model.n_outputs, "out")
    size = lib.covey_int8_predict_size(model.pointer)
    arena = ffi.new("uint32_t[]", (size + 3) // 4)
    status = lib.covey_int8_predict(model.pointer, source, len(source), rows, n_rows, target, arena, size)
    checked(status, "predicting with an int8 model")
