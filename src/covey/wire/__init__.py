"""Messages on the wire, apart from updates, whose bytes the core makes: strict deterministic CBOR (docs/SPEC.md).

`X.decode(data)` gives an X or a Verdict, never an exception: bytes from outside may be anything. `encode` raises
WireError where the caller's own fields cannot be sent.
"""

from covey.wire.cbor import Limits, Value, decode, encode
from covey.wire.receipt import Receipt
from covey.wire.sketch import Sketch
from covey.wire.task import RecipeTerms, SketchTerms, Task, TaskKind, TrainingTerms
from covey.wire.verdict import Verdict

__all__ = [
    "Limits",
    "Receipt",
    "RecipeTerms",
    "Sketch",
    "SketchTerms",
    "Task",
    "TaskKind",
    "TrainingTerms",
    "Value",
    "Verdict",
    "decode",
    "encode",
]
