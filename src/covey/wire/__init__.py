"""Messages on the wire, apart from updates, whose bytes the core makes, and model files: strict CBOR (docs/SPEC.md).

`X.decode(data)` of a message gives an X or a Verdict, never an exception: bytes from outside may be anything. `encode`
raises WireError where the caller's own fields cannot be sent. A model file is a person's file: what is wrong with it is
a ModelError.
"""

from covey.wire.cbor import Limits, Value, decode, encode
from covey.wire.model_file import EncodingFields, ModelDesign, ModelFile
from covey.wire.model_schema import (
    DEFAULT_DETECTION,
    DEFAULT_SCHEMA,
    DetectionSettings,
    FeatureSchema,
    Missing,
    SourceKind,
)
from covey.wire.receipt import Receipt
from covey.wire.sketch import Sketch
from covey.wire.task import RecipeTerms, SketchTerms, Task, TaskKind, TrainingTerms
from covey.wire.verdict import Verdict

__all__ = [
    "DEFAULT_DETECTION",
    "DEFAULT_SCHEMA",
    "DetectionSettings",
    "EncodingFields",
    "FeatureSchema",
    "Limits",
    "Missing",
    "ModelDesign",
    "ModelFile",
    "Receipt",
    "RecipeTerms",
    "Sketch",
    "SketchTerms",
    "SourceKind",
    "Task",
    "TaskKind",
    "TrainingTerms",
    "Value",
    "Verdict",
    "decode",
    "encode",
]
