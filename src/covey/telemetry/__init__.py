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
from covey.telemetry.scaling import knot_share, knots_from, signed_log_from, standard_from
from covey.telemetry.sketch import FeatureSketch, SketchFault, SketchRule, check, from_wire, merge, sketch, to_wire

__all__ = [
    "NOBODY",
    "PARTITIONS",
    "BenignOnly",
    "CsvFolder",
    "Dataset",
    "Dirichlet",
    "FeatureRule",
    "FeatureSketch",
    "FewRows",
    "Iid",
    "LabelSkew",
    "LeaveOneOut",
    "Natural",
    "Partition",
    "Population",
    "Repeat",
    "SketchFault",
    "SketchRule",
    "Targets",
    "Task",
    "check",
    "from_wire",
    "knot_share",
    "knots_from",
    "merge",
    "signed_log_from",
    "sketch",
    "standard_from",
    "targets",
    "to_wire",
]
