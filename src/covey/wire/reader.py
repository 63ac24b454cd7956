"""Typed fields of a decoded map: one fault ends a reading, and every value before that has the type it is read as."""

import struct
from typing import TypeVar

from covey.errors import Code, WireError
from covey.wire.cbor import LARGEST_FLOAT32, Value
from covey.wire.verdict import Verdict

T = TypeVar("T")


class Reader:
    """Takes fields out of a map by key. After the first fault all reads give zeros, and `finish` tells the fault."""

    __slots__ = ("_fault", "_fields")

    def __init__(self, value: "Value | Verdict") -> None:
        self._fault: Verdict | None = None
        self._fields: dict[int, Value] = {}
        if isinstance(value, Verdict):
            self._fault = value
        elif isinstance(value, dict):
            self._fields = dict(value)
        else:
            self._fault = Verdict.MALFORMED

    def refuse(self, verdict: Verdict) -> None:
        """Take down a fault, if it is the first."""
        if self._fault is None:
            self._fault = verdict

    def version(self, expected: int) -> None:
        """Field 1, before any other: a later version may mean something else by everything that follows."""
        if self.uint(1, 64) != expected:
            self.refuse(Verdict.WRONG_VERSION)

    def uint(self, key: int, bits: int) -> int:
        """A number in [0, 2^bits)."""
        value = self._take(key, int, 0)
        if isinstance(value, bool) or not 0 <= value < 1 << bits:
            self.refuse(Verdict.MALFORMED)
            return 0
        return value

    def flag(self, key: int) -> bool:
        """True or false."""
        return self._take(key, bool, default=False)

    def float32(self, key: int) -> float:
        """A number that float32 holds."""
        value = self._take(key, float, 0.0)
        if abs(value) > LARGEST_FLOAT32 or as_float32(value) != value:
            self.refuse(Verdict.MALFORMED)
        return value

    def data(self, key: int, size: int | None = None) -> bytes:
        """A byte string, of `size` bytes if that is given."""
        value = self._take(key, bytes, b"")
        if size is not None and len(value) != size:
            self.refuse(Verdict.MALFORMED)
        return value

    def optional_data(self, key: int) -> bytes | None:
        """A byte string that may be missing."""
        return self.data(key) if key in self._fields else None

    def optional_uint(self, key: int, bits: int) -> int | None:
        """A number in [0, 2^bits) that may be missing."""
        return self.uint(key, bits) if key in self._fields else None

    def nested(self, key: int) -> "Reader":
        """A map within the map; give its faults back with `close`."""
        value = self._fields.pop(key, None)
        return Reader(value if isinstance(value, dict) else self._fault or Verdict.MALFORMED)

    def close(self, inner: "Reader") -> None:
        """Take over the fault of a nested map, if there is one."""
        fault = inner.finish()
        if fault is not None:
            self.refuse(fault)

    def finish(self) -> Verdict | None:
        """The first fault, or MALFORMED if fields are left that nobody asked for; None if all is well."""
        if self._fields:
            self.refuse(Verdict.MALFORMED)
        return self._fault

    def _take(self, key: int, kind: type[T], default: T) -> T:
        value = self._fields.pop(key, None)
        if self._fault is None and type(value) is kind:
            return value
        self.refuse(Verdict.MALFORMED)
        return default


def as_float32(value: float) -> float:
    """`value` rounded to float32; WireError if that has no finite float32."""
    try:
        narrow: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError as error:
        raise WireError(Code.WIRE_NONFINITE, f"{value} is more than a float32 holds") from error
    return narrow


def require_uint(name: str, value: int, bits: int) -> None:
    """WireError unless `value` is a number in [0, 2^bits)."""
    if not 0 <= value < 1 << bits:
        raise WireError(Code.WIRE_LIMIT, f"{name} is {value}; it must be from 0 to 2^{bits} - 1")


def require_size(name: str, value: bytes, size: int) -> None:
    """WireError unless `value` has `size` bytes."""
    if len(value) != size:
        raise WireError(Code.WIRE_LENGTH, f"{name} has {len(value)} bytes; it must have {size}")
