"""Typed fields of a decoded CBOR map; whatever is missing, unknown or of another type is a ModelError."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from covey.errors import Code, ModelError
from covey.wire import Value


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

    def data(self, key: int) -> bytes:
        """A byte string."""
        value = self.values[key]
        if not isinstance(value, bytes):
            raise _misfit(f"field {key} is no byte string")
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

    def array(self, key: int, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
        """A byte string as numbers."""
        data = self.data(key)
        if len(data) % dtype.itemsize:
            raise _misfit(f"field {key} is no whole number of values")
        return np.frombuffer(data, dtype)

    def map(self, key: int, keys: Iterable[int]) -> "Fields":
        """A map within the map."""
        return Fields.of(self.values[key], keys)


def _misfit(what: str) -> ModelError:
    return ModelError(Code.MODEL_FILE, f"the file is no model of Covey: {what}")
