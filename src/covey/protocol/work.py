"""What devices compute for a Task: the same calls for one live device and for a simulated cohort.

So an update of the same rows, Task and counter has the same bytes in both (a test holds it). Rows come in, and only
messages go out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covey.core import (
    CLIENT_FIELDS,
    CLIENT_RESULT_FIELDS,
    UPDATE_HEADER_FIELDS,
    Job,
    Loss,
    Rows,
    Status,
    decode_updates,
    read_updates,
    run,
)
from covey.models import ModelVersion
from covey.protocol.assignments import Assignment, recipe_of
from covey.telemetry import SketchRule, sketch, to_wire
from covey.training import device_variates, reach_of
from covey.wire import SketchTerms

CLIENT = np.dtype(CLIENT_FIELDS)
RESULT = np.dtype(CLIENT_RESULT_FIELDS)
HEADER = np.dtype(UPDATE_HEADER_FIELDS)

Floats = NDArray[np.float32]


def rule_of(terms: SketchTerms) -> SketchRule:
    """How a statistics task asks to sketch; ValueError for terms out of range."""
    return SketchRule(terms.bits, terms.points, terms.max_rows, terms.limit)


def sketch_message(x: Floats, rule: SketchRule, round_number: int, counter: int) -> bytes:
    """A device's answer to a statistics task, from its rows x (n, d), n >= 1, all finite."""
    return to_wire(sketch(x, rule), round_number, counter).encode()


def is_classifier(version: ModelVersion) -> bool:
    """Whether training needs labels."""
    return version.spec.loss in (Loss.SOFTMAX_CE, Loss.BCE)


def training_rows(version: ModelVersion, inputs: Floats, classes: NDArray[np.int32]) -> Rows:
    """Rows for the core: encoded inputs (n, d) and, where the model learns from them, their classes (n)."""
    return Rows(inputs, inputs.shape[0], labels=classes if is_classifier(version) else None)


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What became of the training of n devices."""

    sizes: NDArray[np.uint32]  # (n): bytes of each message
    worked: NDArray[np.bool_]  # (n)


def train_clients(  # noqa: PLR0917 (the columns of a cohort)
    assignment: Assignment,
    rows: Rows,
    clients: NDArray[np.void],
    own: Floats | None,
    messages: NDArray[np.uint8],
    threads: int = 1,
) -> Trained:
    """Train `clients` (n of CLIENT) on their parts of `rows` and write their updates to `messages` (n, stride).

    own: (n, parameters), the devices' control variates, where the task has the fleet's. Corrections are filled in here.
    """
    task, variate = assignment.task, assignment.variate
    corrections = None
    if variate is not None and own is not None:
        corrections = variate - own
        places = 4 * variate.size * np.arange(clients.size, dtype=np.uint64)
        clients["correction"] = corrections.ctypes.data + places
    results = np.zeros(clients.size, RESULT)
    job = Job(
        model=assignment.equipment.version.spec.core,
        arguments=assignment.arguments,
        rows=rows,
        parameters=assignment.parameters,
        clients=clients,
        results=results,
        recipe=recipe_of(task),
        round=task.round,
        digest=task.digest,
        messages=messages,
        message_stride=messages.size // max(1, clients.size),
    )
    run(job, threads)
    del corrections
    return Trained(results["message_size"], results["status"] == Status.OK)


def moved_variates(
    assignment: Assignment,
    own: Floats,
    content: NDArray[np.uint8],
    offsets: NDArray[np.uint64],
    sizes: NDArray[np.uint32],
) -> Floats:
    """The control variates (n, parameters) that devices have after their updates, from those that they had."""
    if assignment.variate is None:
        return own
    n_parameters = assignment.variate.size
    headers = np.zeros(offsets.size, HEADER)
    read_updates(content, offsets, sizes, n_parameters, headers)
    updates = np.zeros((offsets.size, n_parameters), np.float32)
    decode_updates(content, offsets, headers, n_parameters, updates)
    reach = reach_of(assignment.arguments, headers["num_examples"])
    moved: Floats = device_variates(own, assignment.variate, updates, reach, assignment.equipment.step_scale)
    return moved
