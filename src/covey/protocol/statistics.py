"""The statistics round: sketches in, the encoding of features and the first model out.

Sketches are merged only when the round is over; merging is exact, so their order does not matter.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covey.core import EncodingKind, seed
from covey.models import Encoding, Model, ModelVersion, SplineMlp
from covey.protocol.blocks import MessageBlock
from covey.protocol.door import pass_counters
from covey.protocol.effects import SendReceipts
from covey.protocol.memory import Arrays, Memory
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


@dataclass(slots=True, eq=False)
class StatisticsRound:
    """Waiting for sketches."""

    devices: NDArray[np.uint32]  # asked, ascending
    tally: Tally
    deadline_ms: int
    received: list[bytes]  # accepted sketches, as they came

    def receive(self, block: MessageBlock, settings: Settings, memory: Memory) -> SendReceipts:
        """Judge sketches, keep the accepted ones and answer all."""
        read = read_sketches(block)
        judged = [self._judge(one, int(sender), settings) for one, sender in zip(read, block.devices, strict=True)]
        receipts = receipts_for(block, read, judged, memory)
        kept = np.flatnonzero(receipts.verdicts == Verdict.ACCEPTED).tolist()
        self.received += [block.message(row) for row in kept]
        self.tally.count(receipts, block.sizes)
        return receipts

    def _judge(self, read: Sketch | Verdict, device: int, settings: Settings) -> Verdict:
        if isinstance(read, Verdict):
            return read
        if read.round != STATISTICS_ROUND:
            return Verdict.WRONG_ROUND
        if not np.isin(device, self.devices, assume_unique=True):
            return Verdict.NOT_SELECTED
        fault = check(from_wire(read), settings.sketch, len(settings.feature_names))
        return Verdict.ACCEPTED if fault is None else Verdict.MALFORMED

    def room(self) -> int:
        """Sketches that may be judged before the round could be over."""
        return max(0, self.devices.size - self.tally.accepted)

    def is_over(self, now_ms: int) -> bool:
        """All have answered, or the time is up."""
        return self.room() == 0 or now_ms >= self.deadline_ms

    def merged(self) -> tuple[FeatureSketch, NDArray[np.uint32]]:
        """The fleet's sketch, and the rows each device spoke for."""
        sketches = [
            from_wire(read) for message in self.received if not isinstance(read := Sketch.decode(message), Verdict)
        ]
        return merge(sketches), np.array([part.rows for part in sketches], np.uint32)

    def arrays(self) -> Arrays:
        """For a snapshot."""
        return {
            "statistics.devices": self.devices,
            "statistics.deadline": np.array([self.deadline_ms], np.uint64),
            "statistics.sizes": np.array([len(message) for message in self.received], np.int64),
            "statistics.received": np.frombuffer(b"".join(self.received), np.uint8),
            **self.tally.arrays(),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> "StatisticsRound":
        """From a snapshot."""
        content = arrays["statistics.received"].tobytes()
        ends = np.cumsum(arrays["statistics.sizes"].astype(np.int64)).tolist()
        return cls(
            devices=arrays["statistics.devices"].astype(np.uint32),
            tally=Tally.from_arrays(arrays),
            deadline_ms=int(arrays["statistics.deadline"][0]),
            received=[content[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)],
        )


def read_sketches(block: MessageBlock) -> list[Sketch | Verdict]:
    """The sketches of a block, or what is wrong with them."""
    return [Sketch.decode(block.message(row)) for row in range(block.n_messages)]


def receipts_for(
    block: MessageBlock, read: list[Sketch | Verdict], judged: list[Verdict], memory: Memory
) -> SendReceipts:
    """Receipts of n sketches judged but for their counters."""
    counters = np.array([0 if isinstance(one, Verdict) else one.counter for one in read], np.uint32)
    readable = np.array([not isinstance(one, Verdict) for one in read], np.bool_)
    verdicts = pass_counters(block.devices, counters, readable, np.array(judged, np.uint8), memory.counters)
    return SendReceipts(block.devices, np.zeros(len(read), np.uint32), counters, verdicts)


def late_sketches(block: MessageBlock, memory: Memory) -> SendReceipts:
    """Answer sketches that come after their round; copies of accepted ones are durable."""
    read = read_sketches(block)
    judged = [one if isinstance(one, Verdict) else Verdict.LATE for one in read]
    return receipts_for(block, read, judged, memory)


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


def agree_step_scale(settings: Settings, fleet: FeatureSketch, version: ModelVersion) -> NDArray[np.float32] | None:
    """The multiplier of each parameter's step (n_parameters,) that the trainer wants for this model, if any."""
    encoding = version.encoding
    if settings.trainer.step_scale is not StepScale.KNOT_SHARE or encoding.kind is not EncodingKind.KNOTS:
        return None
    shares = knot_share(fleet, encoding.knots, encoding.offsets)
    return knot_steps(version.spec, shares, settings.trainer.step_cap)


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
    )
