"""The statistics round: sketches in, the encoding of features and the first model out.

Merging is exact, so the order of sketches and the blocks they come in do not matter.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from covey.core import EncodingKind, seed
from covey.models import Encoding, Model, ModelVersion, SplineMlp
from covey.protocol.arrays import Arrays
from covey.protocol.blocks import MessageBlock
from covey.protocol.door import Claims, pass_once
from covey.protocol.effects import SendReceipts
from covey.protocol.issues import Issue
from covey.protocol.memory import Memory
from covey.protocol.settings import Settings
from covey.protocol.tally import Tally
from covey.telemetry import (
    FeatureSketch,
    check,
    from_wire,
    knot_share,
    knots_from,
    merge,
    signed_log_from,
    standard_from,
)
from covey.training import StepScale, knot_steps
from covey.wire import Sketch, Verdict

#: Labels of the child seeds of a run.
SEED_OF_PARAMETERS = 1
SEED_OF_TASKS = 2

STATISTICS_ROUND = 0

#: A device weighs as much as so many of the median device at most, whatever it says that it holds: fleets differ that
#: much, and a liar has to be half of the statistics round to move the median.
MOST_MEDIANS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """One message of the statistics round: what it holds, or what is wrong with it."""

    message: bytes
    verdict: Verdict  # as far as the message alone tells
    counter: int | None = None  # None: it is no message
    sketch: FeatureSketch | None = None

    @classmethod
    def read(cls, message: bytes, settings: Settings) -> "Answer":
        """From the message's bytes."""
        read = Sketch.decode(message)
        if isinstance(read, Verdict):
            return cls(message, read)
        if read.round != STATISTICS_ROUND:
            return cls(message, Verdict.WRONG_ROUND, read.counter)
        sketch = from_wire(read)
        fault = check(sketch, settings.sketch, len(settings.feature_names))
        return cls(message, Verdict.ACCEPTED if fault is None else Verdict.MALFORMED, read.counter, sketch)


@dataclass(slots=True, eq=False)
class StatisticsRound:
    """Waiting for sketches."""

    issue: Issue
    tally: Tally
    deadline_ms: int
    messages: list[bytes]  # accepted, as they came
    rows: list[int]  # that the device behind each of them holds
    fleet: FeatureSketch | None  # all of them merged

    def receive(self, block: MessageBlock, settings: Settings, memory: Memory) -> SendReceipts:
        """Judge sketches, keep the accepted ones and answer all."""
        answers = read_answers(block, settings)
        uninvited = ~self.issue.asked(block.devices)
        receipts = receipts_for(block, answers, uninvited, Verdict.NOT_SELECTED, memory, (self.issue,))
        self.keep([answers[row] for row in np.flatnonzero(receipts.verdicts == Verdict.ACCEPTED).tolist()])
        self.tally.count(receipts, block.sizes)
        return receipts

    def keep(self, answers: list[Answer]) -> None:
        """Merge sound sketches into the fleet's."""
        sketches = [answer.sketch for answer in answers if answer.sketch is not None]
        self.messages += [answer.message for answer in answers]
        self.rows += [sketch.held for sketch in sketches]
        if sketches:
            self.fleet = merge(sketches if self.fleet is None else [self.fleet, *sketches])

    def room(self) -> int:
        """Sketches that may be judged before the round could be over."""
        return max(0, self.issue.devices.size - self.tally.accepted)

    def is_over(self, now_ms: int) -> bool:
        """All have answered, or the time is up."""
        return self.room() == 0 or now_ms >= self.deadline_ms

    def arrays(self) -> Arrays:
        """For a snapshot."""
        return {
            "statistics.devices": self.issue.devices,
            "statistics.answered": self.issue.answered.copy(),
            "statistics.deadline": np.array([self.deadline_ms], np.uint64),
            "statistics.sizes": np.array([len(message) for message in self.messages], np.int64),
            "statistics.messages": np.frombuffer(b"".join(self.messages), np.uint8),
            **self.tally.arrays(),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, settings: Settings) -> "StatisticsRound":
        """From a snapshot; merging is exact, so doing it again gives the same fleet."""
        content = arrays["statistics.messages"].tobytes()
        ends = [0, *np.cumsum(arrays["statistics.sizes"].astype(np.int64)).tolist()]
        restored = cls(
            issue=Issue(
                STATISTICS_ROUND,
                b"",
                arrays["statistics.devices"].astype(np.uint32),
                arrays["statistics.answered"].astype(np.bool_),
            ),
            tally=Tally.from_arrays(arrays),
            deadline_ms=int(arrays["statistics.deadline"][0]),
            messages=[],
            rows=[],
            fleet=None,
        )
        restored.keep([Answer.read(content[start:end], settings) for start, end in pairwise(ends)])
        return restored


def read_answers(block: MessageBlock, settings: Settings) -> list[Answer]:
    """What the messages of a block hold."""
    return [Answer.read(block.message(row), settings) for row in range(block.n_messages)]


def receipts_for(  # noqa: PLR0917 (the columns of a block)
    block: MessageBlock,
    answers: list[Answer],
    refused: NDArray[np.bool_],
    reason: Verdict,
    memory: Memory,
    issues: tuple[Issue, ...] = (),
) -> SendReceipts:
    """Receipts of n answers to `issues`; sound ones that are `refused` (n) are so for `reason`."""
    counters = np.array([answer.counter or 0 for answer in answers], np.uint32)
    readable = np.array([answer.counter is not None for answer in answers], np.bool_)
    rounds = np.full(len(answers), STATISTICS_ROUND, np.uint32)
    verdicts = np.array([answer.verdict for answer in answers], np.uint8)
    verdicts[refused & (verdicts == Verdict.ACCEPTED)] = reason
    claims = Claims(block.devices, rounds, counters, readable)
    verdicts = pass_once(claims, verdicts, memory.counters, issues)
    return SendReceipts(block.devices, rounds, counters, verdicts)


def late_sketches(block: MessageBlock, settings: Settings, memory: Memory) -> SendReceipts:
    """Answer sketches that come after their round; copies of accepted ones are durable."""
    answers = read_answers(block, settings)
    return receipts_for(block, answers, np.ones(len(answers), np.bool_), Verdict.LATE, memory)


def agree_encoding(model: Model, fleet: FeatureSketch) -> Encoding:
    """The encoding of features that a model wants, from what the fleet said of them."""
    match model.encoding_kind:
        case EncodingKind.KNOTS if isinstance(model, SplineMlp):
            return Encoding.with_knots(*knots_from(fleet, model.knots))
        case EncodingKind.STANDARD:
            return Encoding.standard(*standard_from(fleet))
        case EncodingKind.SIGNED_LOG:
            return Encoding.signed_log(*signed_log_from(fleet))
        case _:
            return Encoding.identity(fleet.n_features)


def most_rows(rows: list[int]) -> int:
    """Rows that a device counts with at most, from what devices (n >= 1) say that they hold."""
    return MOST_MEDIANS * max(1, int(np.median(rows)))


def agree_step_scale(settings: Settings, fleet: FeatureSketch, encoding: Encoding) -> NDArray[np.float32] | None:
    """The multiplier of the steps of each row of the spline layer (n,) that the trainer wants, if any."""
    if settings.trainer.step_scale is not StepScale.KNOT_SHARE or encoding.kind is not EncodingKind.KNOTS:
        return None
    shares = knot_share(fleet, encoding.knots, encoding.offsets)
    return knot_steps(shares, settings.trainer.step_cap)


def first_version(settings: Settings, fleet: FeatureSketch) -> ModelVersion:
    """The model that round 1 starts from."""
    encoding = agree_encoding(settings.model, fleet)
    spec = settings.model.spec(len(settings.feature_names), len(settings.class_names), encoding)
    parameters = spec.initial_parameters(seed(settings.seed, SEED_OF_PARAMETERS))
    return ModelVersion.of(
        sequence=1,
        parent=b"",
        spec=spec,
        parameters=parameters,
        encoding=encoding,
        feature_names=settings.feature_names,
        class_names=settings.class_names,
        schema=settings.schema,
        detection=settings.detection,
    )
