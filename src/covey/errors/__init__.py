"""Errors a user can act on: a code, a cause and a hint (floor 0)."""

from covey.errors.catalogue import CATALOGUE, Explanation, explain
from covey.errors.codes import Code
from covey.errors.exceptions import (
    CoreError,
    CoveyError,
    DataError,
    DetectionError,
    EnvironmentFault,
    JournalError,
    ModelError,
    OutputError,
    PlanError,
    SourceError,
    WireError,
)
from covey.errors.suggestion import did_you_mean

__all__ = [
    "CATALOGUE",
    "Code",
    "CoreError",
    "CoveyError",
    "DataError",
    "DetectionError",
    "EnvironmentFault",
    "Explanation",
    "JournalError",
    "ModelError",
    "OutputError",
    "PlanError",
    "SourceError",
    "WireError",
    "did_you_mean",
    "explain",
]
