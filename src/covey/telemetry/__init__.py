"""Telemetry: where rows come from, who holds which, and what a fleet may know of them (floor 2)."""

from covey.telemetry.benign_captures import BenignCaptures
from covey.telemetry.captures import Captures
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
from covey.telemetry.recording import RecordedRows, Recording
from covey.telemetry.scaling import knot_share, knots_from, signed_log_from, standard_from
from covey.telemetry.sketch import FeatureSketch, SketchFault, SketchRule, check, from_wire, merge, sketch, to_wire
from covey.telemetry.sources import SOURCES, Source

__all__ = [
    "NOBODY",
    "PARTITIONS",
    "SOURCES",
    "BenignCaptures",
    "BenignOnly",
    "Captures",
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
    "RecordedRows",
    "Recording",
    "Repeat",
    "SketchFault",
    "SketchRule",
    "Source",
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
