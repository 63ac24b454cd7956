"""Which columns of a file are features, and which say what a row is."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from covey.errors import Code, DataError, did_you_mean

LABEL = "label"
DESCRIBING = (LABEL, "split", "attack", "family")  # these are never features


@dataclass(frozen=True, slots=True)
class FeatureRule:
    """Features are the columns that match an include pattern and no exclude pattern (`*`, `?`, `[abc]`)."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()

    def takes(self, column: str) -> bool:
        """Whether a column is a feature."""
        return (
            column not in DESCRIBING
            and any(fnmatchcase(column, pattern) for pattern in self.include)
            and not any(fnmatchcase(column, pattern) for pattern in self.exclude)
        )


@dataclass(frozen=True, slots=True)
class Columns:
    """One file's header, read: positions of the features (in the order of the fleet) and of the describing columns."""

    header: tuple[str, ...]
    features: tuple[int, ...]
    describing: dict[str, int]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(self.header[position] for position in self.features)


def read_header(header: Sequence[str], rule: FeatureRule, file: str) -> Columns:
    """Sort a header's columns; DataError for a name twice or none, no `label`, or no feature left."""
    seen: set[str] = set()
    for position, name in enumerate(header, start=1):
        if not name.strip():
            raise DataError(Code.DATA_MISSING_COLUMN, f"{file}, line 1: column {position} of the header has no name")
        if name in seen:
            raise DataError(
                Code.DATA_DUPLICATE_COLUMN, f"{file}, line 1: the column {name!r} stands twice in the header"
            )
        seen.add(name)
    if LABEL not in seen:
        near = did_you_mean(LABEL, seen)
        raise DataError(
            Code.DATA_MISSING_COLUMN,
            f"{file}, line 1: there is no column 'label'",
            f"did you mean {near!r}? Rename it" if near else "add a column 'label': 0 for benign rows, 1 for attacks",
        )
    features = tuple(position for position, name in enumerate(header) if rule.takes(name))
    if not features:
        raise DataError(
            Code.DATA_NO_FEATURES,
            f"{file}: none of its {len(header)} columns is a feature under the Plan's patterns",
            "correct data.features.include and data.features.exclude in the Plan",
        )
    describing = {name: position for position, name in enumerate(header) if name in DESCRIBING}
    return Columns(tuple(header), features, describing)


def align(columns: Columns, first: Columns, file: str, first_file: str) -> Columns:
    """`columns` with its features in the order of `first`; DataError when the two files have different columns."""
    ours, theirs = set(columns.feature_names), set(first.feature_names)
    ours |= set(columns.describing)
    theirs |= set(first.describing)
    for name in sorted(theirs - ours):
        near = did_you_mean(name, ours - theirs)
        raise DataError(
            Code.DATA_MIXED_COLUMNS,
            f"{file}, line 1: the column {name!r} is missing, which {first_file} has",
            f"did you mean {name!r} by {near!r}?" if near else "all devices need the same columns",
        )
    for name in sorted(ours - theirs):
        raise DataError(
            Code.DATA_MIXED_COLUMNS,
            f"{file}, line 1: the column {name!r} is new, {first_file} has none of that name",
            "all devices need the same columns; data.features.exclude can leave one out",
        )
    position = {name: index for index, name in enumerate(columns.header)}
    return Columns(columns.header, tuple(position[name] for name in first.feature_names), columns.describing)
