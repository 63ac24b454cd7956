"""How errors look: code and cause, the place, the hint, and where to read more. Always on stderr, never a traceback."""

import os
import traceback
from enum import IntEnum

import click

from covey.apps.printable import printable
from covey.errors import CATALOGUE, Code, CoveyError, PlanError

_USAGE_CODES = frozenset({Code.USAGE, Code.UNKNOWN_CODE, Code.SOURCE_ADDRESS})


class Exit(IntEnum):
    """Exit statuses of every command."""

    OK = 0
    FAILURE = 1  # data, output, model, core or environment
    USAGE = 2  # options, arguments or the Plan
    INTERNAL = 70  # a defect of Covey
    INTERRUPTED = 130  # Ctrl-C


def exit_status(error: CoveyError) -> Exit:
    """The exit status that an error ends with."""
    return Exit.USAGE if isinstance(error, PlanError) or error.code in _USAGE_CODES else Exit.FAILURE


def show_error(error: CoveyError) -> None:
    """Print an error; one that holds several problems prints them all."""
    for part in problems_in(error):
        _show(part.code, part.cause, part.where, part.hint)


def problems_in(error: CoveyError) -> tuple[CoveyError, ...]:
    """The error itself, or the problems that it collects."""
    if isinstance(error, PlanError):
        from covey.plan import InvalidPlanError  # noqa: PLC0415 (heavy, and only a failed command needs it)

        if isinstance(error, InvalidPlanError):
            return error.problems
    return (error,)


def show_warning(text: str) -> None:
    """Print what a user must know though the command goes on."""
    _print("warning:", "yellow", "", text)


def show_internal(error: Exception, *, debug: bool) -> None:
    """Print an exception that nobody expected, with the traceback only on request."""
    if debug:
        traceback.print_exception(error)
    _show(Code.INTERNAL, f"internal error: {type(error).__name__}: {error}", None, None)


def _show(code: Code, cause: str, where: str | None, hint: str | None) -> None:
    _print("error", "red", f"[{code}]", cause)
    if where:
        _print("  -->", "blue", "", where)
    _print("  hint:", "green", "", hint or CATALOGUE[code].remedy)
    _print("  more:", "cyan", "", f"covey explain {code}")


def _print(mark: str, colour: str, code: str, text: str) -> None:
    separator = ": " if code else " "
    click.echo(click.style(mark + code, fg=colour, bold=True) + separator + printable(text), err=True, color=colours())


def colours() -> bool | None:
    """False where NO_COLOR asks for none; None lets click find out what the terminal can."""
    return False if os.environ.get("NO_COLOR") else None
