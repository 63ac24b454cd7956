"""A Plan as TOML text: writing values and tables, finding the line of a key, applying `--set` overrides."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from covey.errors import Code, PlanError
from covey.plan.problems import KeyPath, dotted

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-.\"']+(?:\s*\.\s*[A-Za-z0-9_\-\"']+)*)\s*=")
WIDTH = 100  # longer lists are written an entry a line
_BARE_WORD = re.compile(r"[A-Za-z_*][\w\-./*]*")


@dataclass(frozen=True, slots=True)
class Override:
    """One `--set key=value`: the key's path and its value, and the text for messages."""

    path: KeyPath
    value: object
    text: str


def read_override(text: str) -> Override:
    """`training.learning_rate=0.1`: the value is TOML, quotes around a single word may be left out."""
    key, equals, literal = text.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not literal.strip() or not all(re.fullmatch(r"[A-Za-z0-9_\-]+", part) for part in parts):
        raise PlanError(
            Code.PLAN_OVERRIDE,
            f"`{text}` is not key=value",
            "for example --set training.learning_rate=0.1",
            f"--set {text}",
        )
    path = tuple(int(part) if part.isdigit() else part for part in parts)
    return Override(path, _literal(literal.strip(), text), text)


def _literal(literal: str, text: str) -> object:
    try:
        return tomllib.loads(f"value = {literal}")["value"]
    except tomllib.TOMLDecodeError as error:
        if _BARE_WORD.fullmatch(literal):
            return literal
        hint = "text with blanks or commas needs quotes: --set 'title=\"two words\"'"
        raise PlanError(Code.PLAN_OVERRIDE, f"`{literal}` is no TOML value", hint, f"--set {text}") from error


def apply_override(tree: dict[str, object], override: Override) -> None:
    """Set one key of a parsed Plan, making the tables on its way."""
    table: object = tree
    for depth, part in enumerate(override.path):
        last = depth == len(override.path) - 1
        if isinstance(table, dict) and isinstance(part, str):
            if last:
                table[part] = override.value
            else:
                table = table.setdefault(part, {})
        elif isinstance(table, list) and isinstance(part, int) and part < len(table):
            if last:
                table[part] = override.value
            else:
                table = table[part]
        else:
            here = dotted(override.path[:depth]) or "the Plan"
            cause = f"{here} has no `{part}` to set"
            raise PlanError(Code.PLAN_OVERRIDE, cause, "entries of a list count from 0", f"--set {override.text}")


def line_of(text: str, path: KeyPath) -> int | None:
    """The line (from 1) where the key, or the nearest table around it, stands; only for messages."""
    best: tuple[int, int] | None = None
    for number, found in _keys(text):
        depth = len(found)
        if found == path[:depth] and (best is None or depth > best[0]):
            best = (depth, number)
    return best[1] if best else None


def _keys(text: str) -> list[tuple[int, KeyPath]]:
    places: list[tuple[int, KeyPath]] = []
    table: KeyPath = ()
    seen: dict[KeyPath, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _parts(header[2])
            if header[1] == "[[":
                seen[table] = seen.get(table, -1) + 1
                places.append((number, table))
                table = (*table, seen[table])
            places.append((number, table))
        elif key := _KEY.match(line):
            places.append((number, (*table, *_parts(key[1]))))
    return places


def _parts(dotted_key: str) -> KeyPath:
    return tuple(part.strip().strip("\"'") for part in dotted_key.split("."))


def toml_value(value: object) -> str:
    """One value in TOML's spelling."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Sequence):
        return f"[{', '.join(toml_value(entry) for entry in value)}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(key)} = {toml_value(entry)}' for key, entry in value.items())} }}"
    return repr(value)


def _assignment(key: str, value: object) -> str:
    line = f"{key} = {toml_value(value)}\n"
    if len(line) <= WIDTH or not isinstance(value, list):
        return line
    entries = "".join(f"    {toml_value(entry)},\n" for entry in value)
    return f"{key} = [\n{entries}]\n"


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_\-]+", key) else toml_value(key)


def toml_document(tree: Mapping[str, object], path: tuple[str, ...] = ()) -> str:
    """A tree as a TOML document: plain keys first, then tables; null means absent, which is what it stands for."""
    plain, tables = [], []
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            tables.append(f"\n[{'.'.join(_key(part) for part in (*path, key))}]\n{toml_document(value, (*path, key))}")
        elif isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
            heading = f"\n[[{'.'.join(_key(part) for part in (*path, key))}]]\n"
            tables.extend(heading + toml_document(entry, (*path, key)) for entry in value)
        elif value is not None and value != {}:
            plain.append(_assignment(_key(key), value))
    return "".join(plain + tables)
