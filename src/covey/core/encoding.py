"""From raw features to model inputs, and the histograms from which knots are taken. The rules are in covey.h."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from covey.core.buffers import optional, readable, releasing_views, writable
from covey.core.status import Status, checked, ffi, lib

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class EncodingKind(IntEnum):
    """`covey_encoding_kind` of covey.h."""

    IDENTITY = 0
    STANDARD = 1
    SIGNED_LOG = 2
    KNOTS = 3


@dataclass(frozen=True, slots=True)
class EncodingArguments:
    """An encoding of `inputs` features; which buffers it needs follows from `kind`.

    center, scale: (inputs) float32, STANDARD and SIGNED_LOG; limit: results are clamped to +-limit, 0 for none.
    knot: float32, ascending within a feature; offset: (inputs + 1) uint16, where each feature's knots start.
    """

    kind: EncodingKind
    inputs: int
    center: "ReadableBuffer | None" = None
    scale: "ReadableBuffer | None" = None
    limit: float = 0.0
    knot: "ReadableBuffer | None" = None
    offset: "ReadableBuffer | None" = None
    struct: Any = field(default=None, init=False, repr=False, compare=False)  # made once: encoding_struct


def encoding_struct(arguments: EncodingArguments) -> tuple[Any, tuple[Any, ...]]:
    """`covey_encoding` for C, and what it points to: keep the pair alive as long as it is used."""
    if arguments.struct is not None:
        kept: tuple[Any, tuple[Any, ...]] = arguments.struct
        return kept
    d = arguments.inputs
    center = optional("float", arguments.center, d, "center")
    scale = optional("float", arguments.scale, d, "scale")
    offset = optional("uint16_t", arguments.offset, d + 1, "offset")
    n_knots = offset[d] if arguments.offset is not None else None
    knot = optional("float", arguments.knot, n_knots, "knot")
    encoding = ffi.new("covey_encoding *", (int(arguments.kind), d, center, scale, arguments.limit, knot, offset))
    made = encoding, (center, scale, knot, offset)
    buffers = (arguments.center, arguments.scale, arguments.knot, arguments.offset)
    if not any(isinstance(buffer, memoryview) for buffer in buffers):  # held open, they crash Python 3.11's collector
        object.__setattr__(arguments, "struct", made)
    return made


@releasing_views
def encode(arguments: EncodingArguments, raw: "ReadableBuffer", out: "WriteableBuffer", n_rows: int) -> None:
    """Encode `n_rows` rows: raw and out are (n_rows, inputs) float32, and may be the same memory."""
    encoding, keep = encoding_struct(arguments)
    source = readable("float", raw, n_rows * arguments.inputs, "raw")
    target = writable("float", out, n_rows * arguments.inputs, "out")
    checked(lib.covey_encode(encoding, source, target, n_rows), "encoding features")
    del keep


def signed_log(x: float) -> float:
    """sign(x) * log(1 + |x|) in the core's arithmetic."""
    return float(lib.covey_signed_log(x))


def bucket(value: float, bits: int) -> int:
    """The histogram bucket of `value`, in [0, 2^(9 + bits)): ordered like the values, 2^-bits wide relative to them."""
    return int(lib.covey_bucket(value, bits))


def bucket_low(bucket: int, bits: int) -> float:
    """The smallest value of a bucket."""
    return float(lib.covey_bucket_low(bucket, bits))


@releasing_views
def histogram(values: "ReadableBuffer", n: int, stride: int, bits: int, counts: "WriteableBuffer") -> None:
    """Add the buckets of the n values values[0], values[stride], ... to `counts`, (2^(9 + bits)) uint32. bits: 0..7."""
    source = readable("float", values, None, "values")
    target = writable("uint32_t", counts, 1 << (9 + bits), "counts")
    if not 0 <= n <= (len(source) + stride - 1) // max(1, stride):
        checked(Status.ARGUMENT, f"counting {n} of {len(source)} values, every {stride}")
    checked(lib.covey_histogram(source, n, stride, bits, target), "counting a histogram")
