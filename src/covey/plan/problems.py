"""What is wrong with a Plan, found all at once: a code, the key's path, the cause and a hint; no file yet."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from covey.errors import Code, PlanError, did_you_mean

KeyPath = tuple[str | int, ...]

_TYPE_NAMES = {
    "float_type": "a number is expected",
    "float_parsing": "a number is expected",
    "int_type": "a whole number is expected",
    "int_from_float": "a whole number is expected",
    "string_type": "a text in quotes is expected",
    "bool_type": "true or false is expected",
    "bool_parsing": "true or false is expected",
    "tuple_type": "a list in [ ] is expected",
    "dict_type": "a table is expected",
    "model_type": "a table is expected",
    "finite_number": "a finite number is expected",
}
_HINTS = {
    Code.PLAN_MISSING_KEY: "add it; the Plans in the folder `plans` are examples to copy from",
    Code.PLAN_WRONG_TYPE: "`covey plan show` on one of the Plans in the folder `plans` shows how it is written",
    Code.PLAN_OUT_OF_RANGE: "change the value in the Plan, or for one run with --set",
}
_TYPE_FAULTS = frozenset(_TYPE_NAMES) - {"finite_number"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the key at `path`."""

    code: Code
    path: KeyPath
    cause: str
    hint: str | None = None

    @property
    def advice(self) -> str | None:
        """The hint, or what is advised for any problem of this code."""
        return self.hint or _HINTS.get(self.code)

    def below(self, path: KeyPath) -> "Problem":
        """The same problem, its path read from the Plan's top instead of from the table at `path`."""
        return replace(self, path=path + self.path)


class TableError(ValueError):
    """Carries the problems of a nested table through pydantic, which lets only a ValueError pass."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.cause for problem in problems))
        self.problems = tuple(problems)


class InvalidPlanError(PlanError):
    """A Plan with at least one problem; reads as the first of `problems`."""

    def __init__(self, problems: Sequence[PlanError]) -> None:
        first = problems[0]
        super().__init__(first.code, first.cause, first.hint, first.where)
        self.problems = tuple(problems)

    def __reduce__(self) -> tuple[type["InvalidPlanError"], tuple[Sequence[PlanError]]]:  # type: ignore[override]
        """Rebuild from the problems, so that all of them travel between processes."""
        return type(self), (self.problems,)


def dotted(path: KeyPath) -> str:
    """The path as a user writes it: `training.learning_rate`, `pipeline[0].norm`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def named(path: KeyPath) -> str:
    """The end of a path that says which value is meant: `count`, `hidden[1]`."""
    start = max((index for index, part in enumerate(path) if isinstance(part, str)), default=0)
    return dotted(path[start:])


def shown(value: object) -> str:
    """A value as it would stand in the Plan, cut to a readable length."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def problems_of(error: ValidationError, known_keys: Sequence[str] = ()) -> list[Problem]:
    """Every error of pydantic as a Problem. `known_keys` are those of the table at the top, for suggestions."""
    found: list[Problem] = []
    errors = error.errors(include_url=False)
    for details in errors:
        path: KeyPath = details["loc"]
        if details["type"] == "too_short" and any(other["loc"][:-1][: len(path)] == path for other in errors):
            continue  # pydantic counts good entries only: what is wrong with the others is told already
        nested = details.get("ctx", {}).get("error")
        if isinstance(nested, TableError):
            found.extend(problem.below(path) for problem in nested.problems)
        else:
            found.append(_problem(details, path, known_keys))
    return found


def unknown_key(path: KeyPath, known_keys: Sequence[str], of: str = "") -> Problem:
    """A key that nobody reads, with the nearest known one."""
    meant = did_you_mean(str(path[-1]), known_keys)
    hint = f"did you mean `{meant}`?" if meant else f"known keys: {', '.join(known_keys)}" if known_keys else None
    return Problem(Code.PLAN_UNKNOWN_KEY, path, f"unknown key `{named(path)}`{of}", hint)


def _problem(details: ErrorDetails, path: KeyPath, known_keys: Sequence[str]) -> Problem:
    kind = details["type"]
    if kind == "extra_forbidden":
        return unknown_key(path, known_keys)
    if kind == "missing":
        return Problem(Code.PLAN_MISSING_KEY, path, f"`{named(path)}` is missing and has no default")
    code = Code.PLAN_WRONG_TYPE if kind in _TYPE_FAULTS else Code.PLAN_OUT_OF_RANGE
    rule = _TYPE_NAMES.get(kind) or details["msg"].replace("Input should", "it should").replace("Value error, ", "")
    return Problem(code, path, f"`{named(path)}` is {shown(details['input'])}: {rule}")
