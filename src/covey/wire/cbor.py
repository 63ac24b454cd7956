"""Deterministic CBOR (RFC 8949, section 4.2.1), as strict on reading as on writing.

Map keys are unsigned integers in ascending order; heads are as short as possible, lengths definite; floats are finite,
float32 where that holds the value exactly and float64 elsewhere; there are no tags and no other simple values than
false, true and null. So a value has one encoding, and bytes that differ from it are refused.

Bytes from outside are first walked without building anything, within limits; then cbor2 builds the value, and encoding
it again must give the same bytes.
"""

import math
import struct
from dataclasses import dataclass
from typing import TypeAlias

import cbor2

from covey.errors import Code, WireError
from covey.wire.verdict import Verdict

Value: TypeAlias = "bool | int | float | bytes | str | list[Value] | dict[int, Value] | None"

_UINT, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
LARGEST_FLOAT32 = (2 - 2**-23) * 2.0**127
_FLOAT32, _FLOAT64 = 26, 27  # in the low bits of a _SIMPLE head


@dataclass(frozen=True, slots=True)
class Limits:
    """What a message may weigh: bytes in all, levels of nesting, values in all (keys count)."""

    size_bytes: int
    depth: int
    items: int


def encode(value: Value) -> bytes:
    """The bytes of `value`; WireError if it is not one that can be sent."""
    out = bytearray()
    _append(out, value)
    return bytes(out)


def decode(data: bytes, limits: Limits) -> "Value | Verdict":
    """The value that `data` is the encoding of, or why it is none."""
    if len(data) > limits.size_bytes:
        return Verdict.TOO_LARGE
    walk = _Walk(data, limits)
    if walk.value(limits.depth) and walk.at != len(data):
        walk.refuse(Verdict.MALFORMED)
    if walk.fault is not None:
        return walk.fault
    try:
        value: Value = cbor2.loads(data)
        same = encode(value) == data
    except (cbor2.CBORDecodeError, WireError, ValueError):  # ValueError: text that is not UTF-8
        return Verdict.MALFORMED
    return value if same else Verdict.MALFORMED


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * size):
            return bytes([major << 5 | info]) + argument.to_bytes(size, "big")
    raise WireError(Code.WIRE_LIMIT, f"{argument} needs more than 64 bits")


def _append(out: bytearray, value: Value) -> None:
    match value:
        case bool() | None:
            out.append(_SIMPLE << 5 | {False: 20, True: 21, None: 22}[value])
        case int():
            out += _head(_UINT, value) if value >= 0 else _head(_NEGATIVE, -1 - value)
        case float():
            out += _float(value)
        case bytes():
            out += _head(_BYTES, len(value)) + value
        case str():
            text = value.encode()
            out += _head(_TEXT, len(text)) + text
        case list():
            out += _head(_ARRAY, len(value))
            for item in value:
                _append(out, item)
        case dict():
            _append_map(out, value)
        case _:
            raise WireError(Code.WIRE_FORMAT, f"{type(value).__name__} cannot be sent")


def _append_map(out: bytearray, value: dict[int, Value]) -> None:
    if any(type(key) is not int or key < 0 for key in value):
        raise WireError(Code.WIRE_FORMAT, f"map keys must be numbers that are not negative, not {list(value)}")
    out += _head(_MAP, len(value))
    for key in sorted(value):
        _append(out, key)
        _append(out, value[key])


def _float(value: float) -> bytes:
    if not math.isfinite(value):
        raise WireError(Code.WIRE_NONFINITE, f"{value} cannot be sent")
    if abs(value) <= LARGEST_FLOAT32:
        narrow = struct.pack(">f", value)
        if struct.unpack(">f", narrow)[0] == value:
            return bytes([_SIMPLE << 5 | _FLOAT32]) + narrow
    return bytes([_SIMPLE << 5 | _FLOAT64]) + struct.pack(">d", value)


class _Walk:
    """A walk over the heads of encoded bytes that keeps the first fault; every method is false after one."""

    __slots__ = ("at", "data", "fault", "items")

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.data = data
        self.at = 0
        self.items = limits.items
        self.fault: Verdict | None = None

    def refuse(self, verdict: Verdict) -> bool:
        self.fault = self.fault or verdict
        return False

    def skip(self, n: int) -> bool:
        """Pass n bytes, if there are so many."""
        if n > len(self.data) - self.at:
            return self.refuse(Verdict.MALFORMED)
        self.at += n
        return True

    def value(self, depth: int) -> bool:
        """Pass one value of at most `depth` levels."""
        self.items -= 1
        if self.items < 0 or depth < 0:
            return self.refuse(Verdict.TOO_LARGE)
        major, argument = self.head()
        if self.fault is not None or major in {_UINT, _NEGATIVE}:
            return self.fault is None
        if major == _SIMPLE:
            return self.simple(argument)
        if major in {_BYTES, _TEXT}:
            return self.skip(argument)
        return self.members(major, argument, depth - 1)

    def head(self) -> tuple[int, int]:
        """Pass a head: its major type and argument; for _SIMPLE the low bits, as the rest may be a float."""
        start = self.at
        if not self.skip(1):
            return _SIMPLE, 0
        major, info = self.data[start] >> 5, self.data[start] & 31
        if major == _SIMPLE or info < 24:
            argument = info
        elif info > 27:  # 31: of indefinite length
            argument = int(self.refuse(Verdict.MALFORMED))
        else:
            self.skip(1 << (info - 24))
            argument = int.from_bytes(self.data[start + 1 : self.at], "big")
        if major == _TAG:
            self.refuse(Verdict.MALFORMED)
        return major, argument

    def members(self, major: int, n: int, depth: int) -> bool:
        """Pass the n values of an array, or the n pairs of a map."""
        if n * (2 if major == _MAP else 1) > self.items:
            return self.refuse(Verdict.TOO_LARGE)
        for _ in range(n):
            if major == _MAP:
                if self.at < len(self.data) and self.data[self.at] >> 5 != _UINT:
                    return self.refuse(Verdict.MALFORMED)
                if not self.value(0):
                    return False
            if not self.value(depth):
                return False
        return True

    def simple(self, info: int) -> bool:
        """Pass a float, or one of the three other values."""
        if info in {20, 21, 22}:
            return True
        if info not in {_FLOAT32, _FLOAT64}:
            return self.refuse(Verdict.MALFORMED)
        start, form = self.at, ">f" if info == _FLOAT32 else ">d"
        if not self.skip(struct.calcsize(form)):
            return False
        finite = math.isfinite(struct.unpack_from(form, self.data, start)[0])
        return finite or self.refuse(Verdict.NONFINITE)
