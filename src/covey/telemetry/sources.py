"""Strategies that read a fleet's telemetry: each a frozen dataclass, named in a Plan by `[data.source] kind`."""

from pathlib import Path
from typing import ClassVar, Protocol

from covey.telemetry.benign_captures import BenignCaptures
from covey.telemetry.captures import Captures
from covey.telemetry.columns import FeatureRule
from covey.telemetry.csv_folder import CsvFolder
from covey.telemetry.dataset import Dataset
from covey.wire import FeatureSchema


class Source(Protocol):
    """Reads a folder."""

    #: Whether its data sets have recordings, so that they are judged by windows.
    has_recordings: ClassVar[bool]

    @property
    def schema(self) -> FeatureSchema:
        """What a device needs to make such rows of its own; it becomes part of the model."""
        ...

    def is_at(self, folder: Path) -> bool:
        """Whether a folder looks like one of this source's."""
        ...

    def load(self, folder: Path, rule: FeatureRule | None = None, warm_up_s: float = 0.0) -> Dataset:
        """All devices' rows, behind a warm-up where rows have times; DataError where the folder is not in order."""
        ...


SOURCES: dict[str, type[CsvFolder | Captures | BenignCaptures]] = {
    "csv_folder": CsvFolder,
    "captures": Captures,
    "benign_captures": BenignCaptures,
}
