"""A coordinator with a fleet of scripted devices: real messages, no simulator."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from covey.aggregation import FedAvg as ServerFedAvg
from covey.aggregation import Mean
from covey.core import Codec, Recipe, UpdateFields, encode_payload, write_update
from covey.models import ModelVersion, SplineMlp
from covey.protocol import (
    Coordinator,
    DeadlinePassed,
    Effect,
    Event,
    MessageBlock,
    Publish,
    RecordRound,
    RoundRecord,
    SendReceipts,
    SendTasks,
    Settings,
    SketchesReceived,
    Started,
    UpdatesReceived,
    Validate,
    ValidationDone,
)
from covey.selection import Candidates, DeviceStates, Selector, Uniform
from covey.telemetry import SketchRule, sketch, to_wire
from covey.training import FedAvg, Trainer
from covey.wire import Task, Verdict

FEATURES = ("a", "b", "c")
SECOND = 1000


def states(devices: np.ndarray) -> DeviceStates:
    n = devices.size
    return DeviceStates(np.ones(n, np.float32), np.ones(n, np.bool_), np.zeros(n, np.bool_), np.full(n, 9))


def settings_of(
    *,
    rounds: int = 3,
    quorum: float = 0.5,
    staleness: int = 1,
    selector: Selector | None = None,
    trainer: Trainer | None = None,
    server_rate: float = 1.0,
) -> Settings:
    return Settings(
        seed=7,
        rounds=rounds,
        quorum=quorum,
        deadline_ms=60 * SECOND,
        staleness=staleness,
        sketch=SketchRule(bits=3, points=16),
        model=SplineMlp(hidden=(2,), knots=3),
        trainer=trainer or FedAvg(),
        recipe=Recipe(Codec.FLOAT32),
        selector=selector or Uniform(),
        aggregator=Mean(),
        server=ServerFedAvg(server_rate),
        feature_names=FEATURES,
        class_names=("benign", "attack"),
    )


@dataclass
class Bench:
    """A coordinator, what it wanted done, and a clock that the test turns."""

    settings: Settings
    n_devices: int = 4
    now: int = 0
    effects: list[Effect] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.coordinator = Coordinator(self.settings, Candidates(self.n_devices, states))
        self.rng = np.random.Generator(np.random.Philox(key=1))

    def handle(self, event: Event, *, validate: bool | None = True) -> list[Effect]:
        """Handle an event now; candidates pass unless `validate` says otherwise (None: no answer yet)."""
        effects = self.coordinator.handle(event, self.now, self.rng)
        for effect in list(effects):
            if isinstance(effect, Validate) and validate is not None:
                answer = ValidationDone(effect.candidate.sequence, validate)
                effects += self.coordinator.handle(answer, self.now, self.rng)
        self.effects += effects
        return effects

    def start(self, answering: Sequence[int] | None = None) -> "Bench":
        """Through the statistics round, all devices answering, or those that are named."""
        chosen = range(self.n_devices) if answering is None else answering
        self.handle(Started())
        rows = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
        messages = [to_wire(sketch(rows + d, self.settings.sketch), 0, 1).encode() for d in chosen]
        self.handle(SketchesReceived(self.block(chosen, messages)))
        if len(chosen) < self.n_devices:
            self.now += self.settings.deadline_ms
            self.handle(DeadlinePassed())
        return self

    def block(self, devices: object, messages: list[bytes]) -> MessageBlock:
        """A block of messages that arrive now."""
        sizes = np.array([len(message) for message in messages], np.uint32)
        return MessageBlock(
            devices=np.array(list(devices), np.uint32),  # type: ignore[call-overload]
            content=np.frombuffer(b"".join(messages), np.uint8),
            offsets=np.cumsum(sizes, dtype=np.uint64) - sizes,
            sizes=sizes,
            arrived_ms=np.full(len(messages), self.now, np.uint64),
        )

    def update(
        self,
        value: float = 0.1,
        *,
        round_number: int | None = None,
        counter: int | None = None,
        examples: int = 10,
        digest: bytes | None = None,
        n_parameters: int | None = None,
    ) -> bytes:
        """An update of the current round whose every value is `value`."""
        tasks = self.tasks(round_number)
        n = n_parameters or self.coordinator.memory.current.spec.n_parameters
        payload, _ = encode_payload(self.settings.recipe, np.full(n, value, np.float32), 0)
        number = tasks.task.round if round_number is None else round_number
        return write_update(
            UpdateFields(number, counter or number + 1, examples, 0.5, digest or tasks.task.digest, payload)
        )

    def tasks(self, round_number: int | None = None) -> SendTasks:
        """The tasks of a round, by default the newest."""
        sent = [effect for effect in self.effects if isinstance(effect, SendTasks)]
        of_round = [effect for effect in sent if round_number in {None, effect.task.round}]
        return (of_round or sent)[-1]

    def parameters(self, round_number: int) -> np.ndarray:
        """The parameters that a round's devices start from, as they are told."""
        task = self.told(round_number)
        data = task.parameters or ModelVersion.decode(task.model or b"").parameters.tobytes()
        return np.frombuffer(data, np.float32)

    def variate(self, round_number: int) -> np.ndarray:
        """The fleet's control variate, as a round's devices are told."""
        return np.frombuffer(self.told(round_number).variate or b"", np.float32)

    def told(self, round_number: int) -> Task:
        """What a round's devices are told."""
        tasks = self.tasks(round_number)
        task = Task.decode(tasks.short or tasks.full)
        assert isinstance(task, Task)
        return task

    def send(self, *sends: tuple[int, bytes]) -> list[Verdict]:
        """Messages of devices arrive now as one block; their verdicts."""
        devices, messages = [device for device, _ in sends], [message for _, message in sends]
        effects = self.handle(UpdatesReceived(self.block(devices, messages)))
        (receipts,) = (effect for effect in effects if isinstance(effect, SendReceipts))
        return [Verdict(verdict) for verdict in receipts.verdicts.tolist()]

    def records(self) -> list[RoundRecord]:
        """All records so far."""
        return [effect.record for effect in self.effects if isinstance(effect, RecordRound)]

    def published(self) -> list[int]:
        """Sequences of all models published."""
        return [effect.version.sequence for effect in self.effects if isinstance(effect, Publish)]
