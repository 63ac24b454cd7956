"""From a TOML file and overrides to a Plan, or to every problem that stands in the way."""

import json
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import ValidationError

from covey.errors import Code, PlanError
from covey.plan.document import Override, apply_override, line_of, read_override
from covey.plan.needs import unmet_needs
from covey.plan.plan import Plan
from covey.plan.problems import InvalidPlanError, KeyPath, Problem, dotted, named, problems_of, shown, unknown_key
from covey.plan.sections import Section


def load(path: Path | str, overrides: Sequence[str] = ()) -> Plan:
    """The Plan in a TOML file, with `key=value` overrides applied; InvalidPlanError names everything that is wrong."""
    path = Path(path)
    text = _text_of(path)
    try:
        tree: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        hint = 'text needs quotes, lists need [ ], a table begins with [name]: kind = "fedavg"'
        raise PlanError(Code.PLAN_SYNTAX, f"this is not TOML: {error}", hint, str(path)) from error
    changes = [read_override(override) for override in overrides]
    for change in changes:
        apply_override(tree, change)
    problems = list(_untranslatable(tree))
    plan = None
    if not problems:
        plan, problems = _checked(tree)
    if plan is None or problems:
        raise InvalidPlanError([_placed(problem, path, text, changes) for problem in problems])
    return plan


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PlanError(Code.PLAN_SYNTAX, f"{path} is not a text file in UTF-8", where=str(path)) from error
    except OSError as error:
        cause = f"{path} cannot be read: {(error.strerror or str(error)).lower()}"
        nearby = ", ".join(sorted(str(plan) for plan in path.parent.glob("*.toml"))[:8]) if path.parent.is_dir() else ""
        hint = f"Plans there: {nearby}" if nearby else "the Plans that come with Covey are in the folder `plans`"
        raise PlanError(Code.PLAN_NOT_FOUND, cause, hint) from error


def _checked(tree: dict[str, object]) -> tuple[Plan | None, list[Problem]]:
    try:
        plan = Plan.model_validate_json(json.dumps(tree))
    except ValidationError as error:
        return None, [_with_suggestion(problem) for problem in problems_of(error)]
    return plan, list(unmet_needs(plan))


def _with_suggestion(problem: Problem) -> Problem:
    """An unknown key of a plain section gets its nearest known key; strategies have given theirs already."""
    if problem.code is not Code.PLAN_UNKNOWN_KEY or problem.hint is not None:
        return problem
    section: type[Section] = Plan
    for part in problem.path[:-1]:
        field = section.model_fields.get(str(part))
        inner = field.annotation if field else None
        if isinstance(inner, type) and issubclass(inner, Section):
            section = inner
    return unknown_key(problem.path, tuple(section.model_fields))


def _untranslatable(value: object, path: KeyPath = ()) -> Iterable[Problem]:
    """TOML has dates; no key of a Plan is one."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from _untranslatable(entry, (*path, key))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _untranslatable(entry, (*path, index))
    elif not isinstance(value, str | int | float):
        yield Problem(Code.PLAN_WRONG_TYPE, path, f"`{named(path)}` is {shown(value)}: no key of a Plan is a date")


def _placed(problem: Problem, path: Path, text: str, changes: Sequence[Override]) -> PlanError:
    """The problem with the place to look at: the override that made it, or file, line and key."""
    for change in reversed(changes):
        shorter = min(len(change.path), len(problem.path))
        if shorter and change.path[:shorter] == problem.path[:shorter]:
            return PlanError(problem.code, problem.cause, problem.advice, f"--set {change.text}")
    line = line_of(text, problem.path)
    place = f"{path}:{line}" if line else str(path)
    key = dotted(problem.path)
    return PlanError(problem.code, problem.cause, problem.advice, f"{place} ({key})" if key else place)
