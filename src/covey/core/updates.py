"""Updates on the wire: payloads (a clipped delta through a codec) and the message around them. Bytes: docs/SPEC.md.

Bytes from outside are read to a value or a Status, never to an exception; misuse of this module raises CoreError.
"""

from dataclasses import dataclass
from enum import IntEnum
from math import inf, sqrt
from typing import TYPE_CHECKING, Any

from covey.core.buffers import readable, releasing_views, writable
from covey.core.status import Status, checked, ffi, lib

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

DIGEST_BYTES: int = lib.COVEY_DIGEST_BYTES

# covey_update_header as a numpy dtype: np.dtype(UPDATE_HEADER_FIELDS).
UPDATE_HEADER_FIELDS: list[tuple[str, str]] = [
    ("status", "<i4"),
    ("round", "<u4"),
    ("counter", "<u4"),
    ("num_examples", "<u4"),
    ("loss", "<f4"),
    ("payload_offset", "<u4"),
    ("payload_size", "<u4"),
    ("digest", "V16"),
]


class Codec(IntEnum):
    """`covey_codec` of covey.h."""

    FLOAT32 = 1
    INT8 = 2


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a delta becomes a payload: clipped to L2 norm `clip_norm` (0: not at all), then the codec.

    block: parameters that share a scale, 16..4096; INT8 only.
    """

    codec: Codec = Codec.FLOAT32
    block: int = 0
    clip_norm: float = 0.0

    def payload_size(self, n_parameters: int) -> int:
        """Bytes of a payload; 0 if the recipe or the number is out of range."""
        recipe = recipe_struct(self)
        return int(lib.covey_payload_size(recipe, n_parameters)) if recipe and 0 <= n_parameters < 1 << 32 else 0

    def message_size(self, n_parameters: int) -> int:
        """Upper bound of the bytes of a whole update message; 0 as above."""
        recipe = recipe_struct(self)
        return int(lib.covey_update_size(recipe, n_parameters)) if recipe and 0 <= n_parameters < 1 << 32 else 0

    @property
    def longest_norm(self) -> float:
        """L2 norm that no payload of this recipe exceeds; infinite where nothing is clipped.

        int8 moves a value by less than its block's scale, a 127th of the block's largest value, so the whole by less
        than sqrt(block) / 127 of the clip. A thousandth is for rounding in float32.
        """
        if self.clip_norm == 0.0:
            return inf
        rounding = sqrt(self.block) / 127.0 if self.codec is Codec.INT8 else 0.0
        return 1.001 * self.clip_norm * (1.0 + rounding)


def recipe_struct(recipe: Recipe) -> Any:
    """`covey_recipe`, or NULL where a field is beyond its C type: the core refuses that as it does a bad value."""
    try:
        return ffi.new("covey_recipe *", (int(recipe.codec), recipe.block, recipe.clip_norm))
    except OverflowError:
        return ffi.NULL


@releasing_views
def encode_payload(recipe: Recipe, delta: "WriteableBuffer", seed: int) -> tuple[bytes, float]:
    """The payload of `delta` (n) float32, which is clipped in place, and its L2 norm before that.

    INT8 rounds up or down at random (from `seed`, modulo 2^64), so that each value is right on the average. CoreError
    if the recipe is out of its range or the delta's norm is not finite.
    """
    values = writable("float", delta, None, "delta")
    struct = recipe_struct(recipe)
    size = lib.covey_payload_size(struct, len(values))
    out = bytearray(size)
    norm = ffi.new("float *")
    status = lib.covey_payload_encode(
        struct, values, len(values), seed & 0xFFFF_FFFF_FFFF_FFFF, ffi.from_buffer(out), size, norm
    )
    checked(status, "encoding an update")
    return bytes(out), float(norm[0])


@releasing_views
def check_payload(payload: "ReadableBuffer", n_parameters: int) -> Status:
    """Whether these bytes are a payload for `n_parameters` values, all finite: OK or why not."""
    data = readable("uint8_t", payload, None, "payload")
    return Status(lib.covey_payload_check(data, len(data), n_parameters))


@releasing_views
def decode_payload(payload: "ReadableBuffer", out: "WriteableBuffer") -> Status:
    """Write the payload's values to `out` (n) float32; nothing is written unless the answer is OK."""
    data = readable("uint8_t", payload, None, "payload")
    values = writable("float", out, None, "out")
    return Status(lib.covey_payload_decode(data, len(data), len(values), values))


@releasing_views
def accumulate_payload(payload: "ReadableBuffer", weight: float, total: "WriteableBuffer") -> Status:
    """Add weight * value to `total` (n) float64; nothing is added unless the answer is OK."""
    data = readable("uint8_t", payload, None, "payload")
    sums = writable("double", total, None, "total")
    return Status(lib.covey_payload_accumulate(data, len(data), len(sums), weight, sums))


@dataclass(frozen=True, slots=True)
class UpdateFields:
    """What an update message says. digest: 16 bytes, of the model version it starts from; loss: finite."""

    round: int
    counter: int
    num_examples: int
    loss: float
    digest: bytes
    payload: bytes


def write_update(fields: UpdateFields) -> bytes:
    """The message's bytes; CoreError if a field is out of its range."""
    if len(fields.digest) != DIGEST_BYTES:
        checked(Status.ARGUMENT, f"writing an update with a digest of {len(fields.digest)} bytes")
    payload = ffi.from_buffer("uint8_t[]", fields.payload)
    update = ffi.new("covey_update *")
    try:
        update.round, update.counter, update.num_examples = fields.round, fields.counter, fields.num_examples
        update.loss, update.digest = fields.loss, fields.digest
    except OverflowError:
        checked(Status.ARGUMENT, "writing an update whose round, counter or number of examples is not a 32-bit count")
    update.payload, update.payload_size = payload, len(payload)
    out = bytearray(len(payload) + 64)
    size = checked(lib.covey_update_write(update, ffi.from_buffer(out), len(out)), "writing an update")
    return bytes(out[:size])


@releasing_views
def read_update(message: "ReadableBuffer") -> UpdateFields | Status:
    """The fields of a message from outside, or why it is none. The payload is not looked into."""
    data = readable("uint8_t", message, None, "message")
    update = ffi.new("covey_update *")
    status = Status(lib.covey_update_read(data, len(data), update))
    if status is not Status.OK:
        return status
    return UpdateFields(
        round=update.round,
        counter=update.counter,
        num_examples=update.num_examples,
        loss=update.loss,
        digest=bytes(ffi.buffer(update.digest)),
        payload=bytes(ffi.buffer(update.payload, update.payload_size)),
    )


@releasing_views
def read_updates(
    messages: "ReadableBuffer",
    offsets: "ReadableBuffer",
    sizes: "ReadableBuffer",
    n_parameters: int,
    headers_out: "WriteableBuffer",
) -> None:
    """Read and check a block of messages into headers (n of UPDATE_HEADER_FIELDS), each with its own status.

    Message i is messages[offsets[i] : offsets[i] + sizes[i]]; offsets uint64, sizes uint32. CoreError if one lies
    outside of the block: the block is the caller's own, only what is in it comes from outside.
    """
    data = readable("uint8_t", messages, None, "messages")
    places = readable("uint64_t", offsets, None, "offsets")
    lengths = readable("uint32_t", sizes, len(places), "sizes")
    headers = writable("covey_update_header", headers_out, len(places), "headers")
    status = lib.covey_updates_read(data, len(data), places, lengths, len(places), n_parameters, headers)
    checked(status, "reading a block of updates")


@releasing_views
def decode_updates(
    messages: "ReadableBuffer",
    offsets: "ReadableBuffer",
    headers: "ReadableBuffer",
    n_parameters: int,
    out: "WriteableBuffer",
) -> None:
    """Write the deltas of a block of messages that `read_updates` found OK to `out` (n, n_parameters) float32.

    CoreError, and nothing written, where a header is not OK or belongs to another block or number of parameters.
    """
    data, places, read = _read_block(messages, offsets, headers)
    rows = writable("float", out, len(places) * n_parameters, "out")
    checked(
        lib.covey_updates_decode(data, len(data), places, read, len(places), n_parameters, rows),
        "decoding a block of updates",
    )


@releasing_views
def square_updates(
    messages: "ReadableBuffer",
    offsets: "ReadableBuffer",
    headers: "ReadableBuffer",
    n_parameters: int,
    out: "WriteableBuffer",
) -> None:
    """Write the squared L2 norms of a block's updates to `out` (n) float64; 0 for those that `read_updates` refused."""
    data, places, read = _read_block(messages, offsets, headers)
    sums = writable("double", out, len(places), "out")
    status = lib.covey_updates_squares(data, len(data), places, read, len(places), n_parameters, sums)
    checked(status, "measuring a block of updates")


@releasing_views
def accumulate_updates(
    messages: "ReadableBuffer",
    offsets: "ReadableBuffer",
    headers: "ReadableBuffer",
    weights: "ReadableBuffer",
    total: "WriteableBuffer",
    *,
    n_threads: int = 1,
) -> None:
    """Add weights[i] * update i to `total` (n_parameters) float64, in the order of i, where the weight is not 0.

    Each must have been found OK by `read_updates` for len(total) parameters; CoreError, and nothing added, if not, or
    if a weight is not finite. The bits do not depend on `n_threads`.
    """
    data, places, read = _read_block(messages, offsets, headers)
    n = len(places)
    shares = readable("double", weights, n, "weights")
    sums = writable("double", total, None, "total")
    status = lib.covey_updates_accumulate(data, len(data), places, read, shares, n, len(sums), n_threads, sums)
    checked(status, "accumulating a block of updates")


def _read_block(
    messages: "ReadableBuffer", offsets: "ReadableBuffer", headers: "ReadableBuffer"
) -> tuple[Any, Any, Any]:
    """C's views of a block that `read_updates` has read: its bytes, where each message begins, its headers."""
    data = readable("uint8_t", messages, None, "messages")
    places = readable("uint64_t", offsets, None, "offsets")
    return data, places, readable("covey_update_header", headers, len(places), "headers")
