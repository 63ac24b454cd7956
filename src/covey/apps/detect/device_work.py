"""What a live device computes for a Task, out of the rows of its store: the one way from rows to a message.

The steps are those of the simulation (`covey.protocol.work`); what is different is where rows and labels come from.
Labels: an operator's word first, then what is believed benign (`covey.sensing.store`). Models that learn what is usual
train on benign rows only. What the sketch of the statistics round is taken of is all that is kept, but for those models
only rows that were calm.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from covey.core import DIGEST_BYTES
from covey.errors import CoreError, ModelError
from covey.io.training_rows import StoredRows, read_training_rows
from covey.models import ModelVersion
from covey.protocol import (
    CLIENT,
    Assignment,
    Equipment,
    is_classifier,
    moved_variates,
    recipe_of,
    rule_of,
    sketch_message,
    train_clients,
    training_rows,
)
from covey.sensing.store import Pool, StoreSchema, class_of
from covey.wire import ModelFile, Task, TaskKind, Verdict

FLOAT32 = np.dtype("<f4")
#: Rows that one task may ask to train on, repeats counted: some minutes of a small Linux device, not its life.
MOST_ROWS_TO_TRAIN = 100_000_000
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Order:
    """A Task to do, and what the device keeps for it."""

    task: Task
    counter: int  # of the message that answers it
    store: Path
    schema: StoreSchema
    equipment: bytes | None  # the Task that brought it
    line: bytes | None  # the newest model of the fleet that was verified
    variate: bytes | None  # the device's own, float32


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an order. message: None where there was nothing to learn from, or training failed."""

    order: Order
    message: bytes | None
    rows: int  # that it was made from
    version: ModelFile | None = None  # the model that the Task brought, where its digest could be verified
    verdict: Verdict = Verdict.ACCEPTED  # why the task was no work
    labels: dict[str, int] = field(default_factory=dict)  # of the store's rows, by who says so


def do(order: Order) -> Outcome:
    """Do it. OutputError where the store cannot be read; a task that makes no sense is an Outcome with its verdict."""
    rows = read_training_rows(order.store, order.schema)
    try:
        outcome = (_sketch if order.task.kind is TaskKind.STATISTICS else _train)(order, rows)
    except (CoreError, ModelError, ValueError, OverflowError):  # terms that the core or numpy refuse
        outcome = Outcome(order, None, 0, verdict=Verdict.MALFORMED)
    return replace(outcome, labels=rows.summary())


def _train(order: Order, rows: StoredRows) -> Outcome:
    assignment = assignment_of(order.task, order.equipment)
    if isinstance(assignment, Verdict):
        return Outcome(order, None, 0, verdict=assignment)
    version = assignment.equipment.version
    if version.feature_names != order.schema.feature_names:
        return Outcome(order, None, 0, verdict=Verdict.WRONG_MODEL)
    x, classes = examples(rows, version)
    verified = verified_version(order, assignment)
    if classes.size == 0:
        return Outcome(order, None, 0, verified, Verdict.NO_EXAMPLES)
    if rows_to_train(order.task, classes.size) > MOST_ROWS_TO_TRAIN:
        return Outcome(order, None, 0, verified, Verdict.TOO_LARGE)
    message = update_message(assignment, x, classes, order.counter, order.variate)
    return Outcome(order, message, classes.size, verified, Verdict.ACCEPTED if message else Verdict.NONFINITE)


def rows_to_train(task: Task, n_rows: int) -> int:
    """Rows that a training task wants to be gone through, each as often as it is."""
    if task.terms is None:
        return 0
    epochs, steps = task.terms.epochs, task.terms.max_steps * task.terms.batch
    return min(epochs * n_rows, steps) if epochs and steps else epochs * n_rows or steps


def assignment_of(task: Task, equipment: bytes | None) -> Assignment | Verdict:
    """What a training task asks of a device that keeps the Task which brought its equipment."""
    kept = None
    if task.model is None and equipment is not None:
        told = Task.decode(equipment)
        found = Equipment.of(told) if isinstance(told, Task) else told
        if isinstance(found, Verdict):
            return found
        kept = found
    return Assignment.of(task, kept)


def examples(rows: StoredRows, version: ModelVersion) -> tuple[Floats, NDArray[np.int32]]:
    """Rows (n, d) that a model may learn from, and their classes (n)."""
    x = matrix(rows, len(version.feature_names))
    names = version.class_names
    known = {label: class_of(label, names) for label in {label for label in rows.labels if label is not None}}
    classes = np.array([-1 if label is None or known[label] is None else known[label] for label in rows.labels])
    usable = (classes >= 0 if is_classifier(version) else classes == 0) & np.isfinite(x).all(axis=1)
    return np.ascontiguousarray(x[usable]), classes[usable].astype(np.int32)


def matrix(rows: StoredRows, n_features: int) -> Floats:
    """All rows, (n, d)."""
    return np.frombuffer(rows.features, np.float32).reshape(rows.n_rows, n_features)


def update_message(
    assignment: Assignment, x: Floats, classes: NDArray[np.int32], counter: int, variate: bytes | None
) -> bytes | None:
    """The update of a device with rows x (n, d), n >= 1; None where training diverges. variate: its own, float32."""
    task = assignment.task
    version = assignment.equipment.version
    n_parameters = assignment.parameters.size
    rows = training_rows(version, version.encoding.encode(x), classes)
    clients = np.zeros(1, CLIENT)
    clients["n_rows"], clients["counter"], clients["seed"] = x.shape[0], counter, task.seed
    messages = np.zeros(recipe_of(task).message_size(n_parameters), np.uint8)
    trained = train_clients(assignment, rows, clients, own_variate(variate, n_parameters), messages)
    return messages[: int(trained.sizes[0])].tobytes() if trained.worked[0] else None


def moved_variate(assignment: Assignment, variate: bytes | None, message: bytes) -> bytes:
    """The device's control variate once its update is durable."""
    content = np.frombuffer(message, np.uint8)
    own = own_variate(variate, assignment.parameters.size)
    sizes = np.array([content.size], np.uint32)
    return moved_variates(assignment, own, content, np.zeros(1, np.uint64), sizes).astype(FLOAT32).tobytes()


def own_variate(variate: bytes | None, n_parameters: int) -> Floats:
    """As a row (1, parameters); zeros for a device that has none yet, or one of another model."""
    if variate is None or len(variate) != 4 * n_parameters:
        return np.zeros((1, n_parameters), np.float32)
    return np.frombuffer(variate, FLOAT32).astype(np.float32).reshape(1, n_parameters)


def verified_version(order: Order, assignment: Assignment) -> ModelFile | None:
    """The model that a training task starts from, as a file, where the Task's digest proves it; else None.

    A Task with the model's file proves itself. One with parameters does so to a device that knows the version before.
    """
    version = assignment.equipment.version
    if order.task.model is None:
        try:
            before = None if order.line is None else ModelVersion.of_file(ModelFile.decode(order.line))
            if before is None or before.sequence + 1 != order.task.sequence:
                return None
            version = before.successor(assignment.parameters)
        except ModelError:
            return None
    return version.file if version.digest[:DIGEST_BYTES] == order.task.digest else None


def _sketch(order: Order, rows: StoredRows) -> Outcome:
    terms = order.task.sketch
    x = matrix(rows, len(order.schema.feature_names))
    usable = np.isfinite(x).all(axis=1)
    if order.schema.learns_usual:
        usable &= np.array([pool is Pool.CALM for pool in rows.pools], np.bool_)
    chosen = np.ascontiguousarray(x[usable])
    if terms is None or chosen.shape[0] == 0:
        return Outcome(order, None, 0, verdict=Verdict.NO_EXAMPLES)
    try:
        message = sketch_message(chosen, rule_of(terms), order.task.round, order.counter)
    except ValueError:
        return Outcome(order, None, 0, verdict=Verdict.MALFORMED)
    return Outcome(order, message, chosen.shape[0])
