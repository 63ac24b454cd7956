"""The compiled core and what its status codes mean to a Python caller.

Every module of this room takes `ffi` and `lib` from here, so that a missing or broken build is one clear error.
"""

from enum import IntEnum

from covey.errors import Code, CoreError

try:
    from covey.core._core import ffi, lib
except ImportError as error:
    raise CoreError(
        Code.CORE_NOT_BUILT, f"the compiled core cannot be loaded: {error}", "run `make test` once, or `pip install .`"
    ) from error

__all__ = ["Status", "checked", "ffi", "lib"]


class Status(IntEnum):
    """`covey_status` of covey.h."""

    OK = 0
    ARGUMENT = -1
    ARENA = -2
    MODEL = -3
    NONFINITE = -4
    LABEL = -5
    TRUNCATED = -6
    FORMAT = -7
    VERSION = -8
    LENGTH = -9
    SPACE = -10


_MEANING: dict[Status, tuple[Code, str]] = {
    Status.ARGUMENT: (Code.CORE_ARGUMENT, "an argument is missing, empty or out of its range"),
    Status.ARENA: (Code.CORE_ARENA, "the scratch memory is too small"),
    Status.MODEL: (Code.CORE_MODEL, "the layers do not fit together or exceed a limit"),
    Status.NONFINITE: (Code.CORE_NONFINITE, "there is a NaN or an infinity among the values"),
    Status.LABEL: (Code.CORE_LABEL, "a label is not one of the model's classes"),
    Status.TRUNCATED: (Code.WIRE_TRUNCATED, "the bytes end early"),
    Status.FORMAT: (Code.WIRE_FORMAT, "the bytes are not in the format of docs/SPEC.md"),
    Status.VERSION: (Code.WIRE_VERSION, "this core does not know that codec or version"),
    Status.LENGTH: (Code.WIRE_LENGTH, "the bytes were made for another number of parameters"),
    Status.SPACE: (Code.CORE_SPACE, "the output buffer is too small"),
}


def checked(status: int, doing: str) -> int:
    """`status` itself where it is no error (a count of bytes, say); CoreError otherwise. `doing`: "encoding rows"."""
    if status >= 0:
        return status
    code, meaning = _MEANING[Status(status)]
    raise CoreError(code, f"{doing}: {meaning}")
