"""Typed fields of a decoded CBOR map; whatever is missing, unknown or of another type is a ModelError."""

import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from covey.errors import Code, ModelError
from covey.wire.cbor import Value


@dataclass(frozen=True, slots=True)
class Fields:
    """A map whose keys are known."""

    values: dict[int, Value]

    @classmethod
    def of(cls, value: Value, keys: Iterable[int]) -> Self:
        """`value` as a map with exactly these keys."""
        if not isinstance(value, dict) or set(value) != set(keys):
            raise _misfit("a map with other fields")
        return cls(value)

    def number(self, key: int) -> int:
        """A whole number."""
        value = self.values[key]
        if isinstance(value, bool) or not isinstance(value, int):
            raise _misfit(f"field {key} is no number")
        return value

    def real(self, key: int) -> float:
        """A floating-point number."""
        value = self.values[key]
        if not isinstance(value, float):
            raise _misfit(f"field {key} is no floating-point number")
        return value

    def data(self, key: int, item_bytes: int = 1) -> bytes:
        """A byte string, a whole number of items long."""
        value = self.values[key]
        if not isinstance(value, bytes):
            raise _misfit(f"field {key} is no byte string")
        if len(value) % item_bytes:
            raise _misfit(f"field {key} is no whole number of values")
        return value

    def text(self, key: int) -> str:
        """A text."""
        value = self.values[key]
        if not isinstance(value, str):
            raise _misfit(f"field {key} is no text")
        return value

    def texts(self, key: int) -> tuple[str, ...]:
        """A list of texts."""
        value = self.values[key]
        if not isinstance(value, list):
            raise _misfit(f"field {key} is no list")
        texts = tuple(item for item in value if isinstance(item, str))
        if len(texts) != len(value):
            raise _misfit(f"field {key} holds other things than texts")
        return texts

    def map(self, key: int, keys: Iterable[int]) -> "Fields":
        """A map within the map."""
        return Fields.of(self.values[key], keys)


def floats(data: bytes) -> "array[float]":
    """The values of little-endian float32 bytes."""
    return _array("f", data)


def doubles(data: bytes) -> "array[float]":
    """The values of little-endian float64 bytes."""
    return _array("d", data)


def uint16s(data: bytes) -> "array[int]":
    """The values of little-endian uint16 bytes."""
    values = array("H", data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def packed(values: "array[float] | array[int]") -> bytes:
    """The little-endian bytes of an array."""
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return values.tobytes()


def _array(typecode: str, data: bytes) -> "array[float]":
    values: array[float] = array(typecode, data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _misfit(what: str) -> ModelError:
    return ModelError(Code.MODEL_FILE, f"the file is no model of Covey: {what}")
