"""Views of Python memory for C: anything with the buffer protocol, no copies, types, lengths and alignment checked.

numpy arrays, array.array, bytearray and memoryview all do; numpy itself is not needed. A view keeps its owner alive.

Functions that hold views and may raise are `releasing_views`.
"""

from collections.abc import Callable
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from covey.core.status import ffi
from covey.errors import Code, CoreError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_P = ParamSpec("_P")
_R = TypeVar("_R")

# C type -> formats of the struct module that hold it on every platform we build for; "B" is raw memory.
_FORMATS = {
    "float": "f",
    "double": "d",
    "int32_t": "il",
    "uint32_t": "IL",
    "uint16_t": "H",
    "int64_t": "ql",
    "uint64_t": "QL",
    "uint8_t": "Bbc",
}


@cache
def _array_of(ctype: str) -> tuple[Any, int, int, tuple[str, ...]]:
    """The C type of an array of `ctype`, its values' size and alignment, and the formats that hold them."""
    formats = tuple(order + letter for letter in _FORMATS.get(ctype, "") for order in ("", "<", "=", "@"))
    return ffi.typeof(f"{ctype}[]"), int(ffi.sizeof(ctype)), int(ffi.alignof(ctype)), formats


def _view(ctype: str, buffer: "ReadableBuffer", n: int | None, what: str, *, writable: bool) -> Any:
    memory = memoryview(buffer)
    array, size, alignment, formats = _array_of(ctype)
    typed = memory.itemsize == size and memory.format in formats
    if not (typed or memory.format == "B" or ctype.startswith("covey_")):
        raise CoreError(Code.CORE_ARGUMENT, f"{what} must hold {ctype} values, not format {memory.format!r}")
    if not memory.c_contiguous:
        raise CoreError(Code.CORE_ARGUMENT, f"{what} must be contiguous", "pass a C-contiguous copy")
    if writable and memory.readonly:
        raise CoreError(Code.CORE_ARGUMENT, f"{what} must be writable")
    size_bytes = memory.nbytes
    if size_bytes % size or (n is not None and size_bytes != n * size):
        expected = "whole" if n is None else str(n)
        raise CoreError(Code.CORE_ARGUMENT, f"{what} must hold {expected} values, not {size_bytes / size:g}")
    pointer = ffi.from_buffer(array, buffer)
    if alignment > 1 and size_bytes and int(ffi.cast("uintptr_t", pointer)) % alignment:
        raise CoreError(Code.CORE_ARGUMENT, f"{what} must lie where a {ctype} may", "pass an aligned copy")
    return pointer


def readable(ctype: str, buffer: "ReadableBuffer", n: int | None, what: str) -> Any:
    """`buffer` as a C array of `n` values (any number where None); CoreError names it as `what` if it is not that."""
    return _view(ctype, buffer, n, what, writable=False)


def writable(ctype: str, buffer: "WriteableBuffer", n: int | None, what: str) -> Any:
    """The same for memory that C writes to."""
    return _view(ctype, buffer, n, what, writable=True)


def optional(ctype: str, buffer: "ReadableBuffer | None", n: int | None, what: str) -> Any:
    """The same for an input that may be left out: None becomes NULL."""
    return ffi.NULL if buffer is None else readable(ctype, buffer, n, what)


def releasing_views(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """`function`, whose CoreErrors keep none of its frames, and so none of the views in them.

    When Python 3.11 collects a cycle with a memoryview of which C holds a view, it crashes (gh-77894; 3.12 does not).
    An exception that somebody keeps is such a cycle: it holds its traceback, that the frames, and they hold it.
    """

    @wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except CoreError as error:
            raise error.with_traceback(None) from error.__cause__

    return call
