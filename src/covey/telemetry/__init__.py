"""Telemetry: where rows come from, who holds which, and what a fleet may know of them (floor 2)."""

from covey.telemetry.columns import FeatureRule
from covey.telemetry.csv_folder import CsvFolder
from covey.telemetry.dataset import Dataset, Targets, Task, targets
from covey.telemetry.partitions import (
    PARTITIONS,
    BenignOnly,
    Dirichlet,
    FewRows,
    Iid,
    LabelSkew,
    LeaveOneOut,
    Natural,
    Partition,
    Repeat,
)
from covey.telemetry.population import NOBODY, Population

__all__ = [
    "NOBODY",
    "PARTITIONS",
    "BenignOnly",
    "CsvFolder",
    "Dataset",
    "Dirichlet",
    "FeatureRule",
    "FewRows",
    "Iid",
    "LabelSkew",
    "LeaveOneOut",
    "Natural",
    "Partition",
    "Population",
    "Repeat",
    "Targets",
    "Task",
    "targets",
]
