"""The protocol machines: no clock, socket, file or randomness of their own (floor 5)."""

from covey.protocol.arrays import Arrays, below
from covey.protocol.assignments import Assignment, Equipment, arguments_of, recipe_of
from covey.protocol.blocks import UNKNOWN_SENDER, MessageBlock, block_of
from covey.protocol.coordinator import NO_LIMIT, Coordinator
from covey.protocol.device import Device
from covey.protocol.effects import (
    Effect,
    Finished,
    Publish,
    RecordRound,
    SendReceipts,
    SendTasks,
    Validate,
)
from covey.protocol.events import (
    DeadlinePassed,
    Event,
    SketchesReceived,
    Started,
    UpdatesReceived,
    ValidationDone,
)
from covey.protocol.records import Outcome, RoundRecord
from covey.protocol.seeds import child_seeds, random_words, uniforms, word
from covey.protocol.settings import Settings
from covey.protocol.statistics import STATISTICS_ROUND
from covey.protocol.tally import RECEIPT_BYTES
from covey.protocol.work import (
    CLIENT,
    Trained,
    is_classifier,
    moved_variates,
    rule_of,
    sketch_message,
    train_clients,
    training_rows,
)

__all__ = [
    "CLIENT",
    "NO_LIMIT",
    "RECEIPT_BYTES",
    "STATISTICS_ROUND",
    "UNKNOWN_SENDER",
    "Arrays",
    "Assignment",
    "Coordinator",
    "DeadlinePassed",
    "Device",
    "Effect",
    "Equipment",
    "Event",
    "Finished",
    "MessageBlock",
    "Outcome",
    "Publish",
    "RecordRound",
    "RoundRecord",
    "SendReceipts",
    "SendTasks",
    "Settings",
    "SketchesReceived",
    "Started",
    "Trained",
    "UpdatesReceived",
    "Validate",
    "ValidationDone",
    "arguments_of",
    "below",
    "block_of",
    "child_seeds",
    "is_classifier",
    "moved_variates",
    "random_words",
    "recipe_of",
    "rule_of",
    "sketch_message",
    "train_clients",
    "training_rows",
    "uniforms",
    "word",
]
