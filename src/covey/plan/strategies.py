"""Strategies by `kind`: a table of the Plan becomes the frozen dataclass that it names.

A family is one explicit dict from kind to class, kept by the room that owns the family. The dataclass's fields are the
table's keys, its annotations their types, its defaults theirs: nothing is listed twice.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from functools import cache
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, ValidationError, create_model
from pydantic_core import CoreSchema, core_schema

from covey.errors import Code, CoveyError, did_you_mean
from covey.plan.problems import Problem, TableError, problems_of, shown, unknown_key

Table = Mapping[str, object]


class Family:
    """Marks a Plan's field as one strategy of a family (`many`: a list of them), for pydantic to build and to dump."""

    def __init__(self, noun: str, kinds: Mapping[str, type], *, many: bool = False, default: str | None = None) -> None:
        self.noun = noun
        self.kinds = kinds
        self.many = many
        self.default = default  # the kind of a table that names none
        self._kind_of = {strategy: kind for kind, strategy in kinds.items()}

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Take over from pydantic: validation and dump of this field are `load` and `dump`."""
        del source, handler
        return core_schema.no_info_plain_validator_function(
            self.load, serialization=core_schema.plain_serializer_function_ser_schema(self.dump)
        )

    def load(self, value: object) -> object:
        """A strategy from its table, or a tuple of them from a list of tables; ready ones pass."""
        if not self.many:
            return self._one(value)
        if not isinstance(value, list | tuple):
            raise TableError([Problem(Code.PLAN_WRONG_TYPE, (), "a list of tables is expected")])
        built: list[object] = []
        problems: list[Problem] = []
        for index, entry in enumerate(value):
            try:
                built.append(self._one(entry))
            except TableError as rejected:
                problems.extend(problem.below((index,)) for problem in rejected.problems)
        if problems:
            raise TableError(problems)
        return tuple(built)

    def dump(self, value: Any) -> object:
        """The table (or tables) from which `load` builds the same again, every default written out."""
        if self.many:
            return [self._table(strategy) for strategy in value]
        return self._table(value)

    def _table(self, strategy: Any) -> dict[str, object]:
        return {"kind": self._kind_of[type(strategy)], **asdict(strategy)}

    def _one(self, value: object) -> object:
        if type(value) in self._kind_of:
            return value
        if not isinstance(value, Mapping):
            cause = f"{shown(value)} is no table: a {self.noun} is a table with a `kind`"
            raise TableError([Problem(Code.PLAN_WRONG_TYPE, (), cause, f"kinds: {', '.join(self.kinds)}")])
        kind = value.get("kind", self.default)
        if kind is None:
            cause = f"`kind` is missing: which {self.noun}?"
            raise TableError([Problem(Code.PLAN_MISSING_KEY, ("kind",), cause, f"kinds: {', '.join(self.kinds)}")])
        if not isinstance(kind, str) or kind not in self.kinds:
            meant = did_you_mean(str(kind), self.kinds)
            hint = (f'did you mean "{meant}"? ' if meant else "") + f"kinds: {', '.join(self.kinds)}"
            raise TableError([Problem(Code.PLAN_UNKNOWN_KIND, ("kind",), f"no {self.noun} is {shown(kind)}", hint)])
        table = {key: entry for key, entry in value.items() if key != "kind"}
        return build(self.kinds[kind], table, f' of kind "{kind}"')


class Settings:
    """Marks a Plan's field as one frozen dataclass of a lower room, without kinds to choose from."""

    def __init__(self, settings: type) -> None:
        self.settings = settings

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Take over from pydantic: validation of this field is `load`."""
        del source, handler
        return core_schema.no_info_plain_validator_function(
            self.load, serialization=core_schema.plain_serializer_function_ser_schema(asdict)
        )

    def load(self, value: object) -> object:
        """The dataclass from its table; a ready one passes."""
        if isinstance(value, self.settings):
            return value
        if not isinstance(value, Mapping):
            raise TableError([Problem(Code.PLAN_WRONG_TYPE, (), f"{shown(value)} is no table")])
        return build(self.settings, value)


def build(strategy: type, table: Table, owner: str = "") -> object:
    """The dataclass from its table; TableError has every problem found. `owner` is named with unknown keys."""
    keys = tuple(field.name for field in fields(strategy) if field.init)
    strangers = [unknown_key((key,), keys, owner) for key in table if key not in keys]
    known = {key: value for key, value in table.items() if key in keys}
    try:
        checked = _schema_of(strategy).model_validate_json(json.dumps(known))
        built: object = strategy(**{key: getattr(checked, key) for key in keys})
    except ValidationError as error:
        raise TableError([*strangers, *problems_of(error)]) from error
    except CoveyError as error:
        raise TableError(
            [*strangers, Problem(error.code, _blamed(error.cause, keys), error.cause, error.hint)]
        ) from error
    except ValueError as error:
        raise TableError(
            [*strangers, Problem(Code.PLAN_OUT_OF_RANGE, _blamed(str(error), keys), str(error))]
        ) from error
    if strangers:
        raise TableError(strangers)
    return built


def _blamed(cause: str, keys: tuple[str, ...]) -> tuple[str, ...]:
    """The key that a cause begins with or names first, so that the message can point at its line."""
    words = [word.strip("`'\":,;.()") for word in cause.split()]
    return next(((word,) for word in words if word in keys), ())


@cache
def _schema_of(strategy: type) -> type[BaseModel]:
    """The pydantic twin of a dataclass: the same fields, strict, nothing else."""
    hints = get_type_hints(strategy, include_extras=True)
    definitions: dict[str, Any] = {}
    for field in fields(strategy):
        if not field.init:
            continue
        if field.default is not MISSING:
            definitions[field.name] = (hints[field.name], field.default)
        elif field.default_factory is not MISSING:
            definitions[field.name] = (hints[field.name], Field(default_factory=field.default_factory))
        else:
            definitions[field.name] = (hints[field.name], ...)
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, arbitrary_types_allowed=True)
    model: type[BaseModel] = create_model(strategy.__name__, __config__=config, **definitions)
    return model
