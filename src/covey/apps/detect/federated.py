"""A live device that takes part in training: Tasks in, sketches and updates out, new models for detection.

The decisions are the device machine's (`covey.protocol.Device`); this module is its host. The rules of a host: what an
effect needs is durable first, then the machine's record, then the effect is acted on; a message is removed from the
inbox when all that follows from it is durable. So kill -9 anywhere repeats something and never loses or doubles it.
Training runs in a thread of its own, without the GIL, so that detection goes on.

numpy is needed here: import this module only for `--mode federated`.
"""

from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from covey.apps.detect.acceptance import Opinion, judge
from covey.apps.detect.device_work import Order, Outcome, assignment_of, do, moved_variate
from covey.apps.detect.model_line import ModelLine
from covey.core import DeviceEffect, DeviceEvent, DeviceState, EffectKind, EventKind
from covey.errors import Code, CoreError, CoveyError, ModelError, OutputError
from covey.io.device_folder import Answer, DeviceFolder, Part
from covey.io.spool import Arrived, Inbound, Outbound, Spool
from covey.io.training_rows import read_training_rows
from covey.protocol import Device
from covey.sensing.store import StoreSchema
from covey.wire import ModelFile, Receipt, Task, TaskKind, Verdict

FOLDER = "federated"
#: First wait for a receipt, as in the simulation.
RETRY_MS = 30_000
#: How often the spool is looked into, and after trouble with a disk.
LOOK_EVERY_MS, REST_MS = 250, 5_000
#: A clock that is ahead by more than that since the last step was set, or the machine slept.
LONGEST_STEP_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class FederatedStatus:
    """Where a device stands, for its summary and counters."""

    state: DeviceState
    round: int
    completed: int  # messages that the coordinator has for good
    sequence: int  # of the model in use
    line: int  # of the fleet's newest model that was verified
    refused: dict[str, int]  # messages that were none or came out of place, by verdict
    models_refused: dict[str, int]
    rows: int  # that the last message was made from
    labels: dict[str, int]  # of the store's rows at that time, by who says so: "operator attack", "pseudo benign"


class FederatedDevice:
    """One device; call `step` often, and `close` at the end."""

    def __init__(self, spool: Path, store: Path, model: ModelFile, *, retry_ms: int = RETRY_MS) -> None:
        """Join a spool and a store's folder; OutputError where one cannot be used or is damaged. model: in use."""
        self._spool = Spool.open(spool)
        self._store, self._schema = store, StoreSchema.of(model)
        self._folder = DeviceFolder.open(store / FOLDER)
        self._device = self._restored(retry_ms)
        self._line = ModelLine.restore(self._folder, model, self._judge)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="training")
        self._work: tuple[str, Future[Outcome]] | None = None  # and the name of the task's file
        self._hand: tuple[Arrived, Task] | None = None  # the task to train on, or being trained on
        self._owed: deque[DeviceEffect] = deque()
        self._is_written = True  # whether the record on the disk is that of the machine
        self._booted = False
        self._now_ms = self._next_ms = 0
        self._clock_ms: int | None = None
        self._refused: Counter[str] = Counter()
        self._rows = 0
        self._labels: dict[str, int] = {}
        self.fault: CoveyError | None = None

    @property
    def threshold(self) -> float | None:
        """What the last model that `step` gave may begin with: the highest score of rows believed benign."""
        return self._line.threshold

    @property
    def status(self) -> FederatedStatus:
        """Where it stands."""
        refused = self._refused + Counter({verdict.label: n for verdict, n in self._spool.refused.items()})
        return FederatedStatus(
            state=self._device.state,
            round=self._device.round,
            completed=self._device.completed,
            sequence=self._line.in_use.sequence,
            line=0 if self._line.newest is None else self._line.newest.sequence,
            refused=dict(sorted(refused.items())),
            models_refused=dict(sorted(self._line.refused.items())),
            rows=self._rows,
            labels=self._labels,
        )

    def step(self, now_ms: int) -> ModelFile | None:
        """Do what is due at `now_ms` (since 1970); a model to detect with from now on, or None.

        Trouble with files does not come as an exception: `fault` says what it is, and it is tried again. With a model
        comes `threshold`, a cautious one to begin with, or None.
        """
        self._advance(now_ms)
        if self._now_ms < self._next_ms and not self._is_done():
            return None
        self._next_ms = self._now_ms + LOOK_EVERY_MS
        try:
            self._settle()
            self._boot()
            self._finish_work()
            self._line.finish(self._pool)
            self._keep_deadline()
            for arrived in self._spool.receive(skip=self._hand[0].name if self._hand is not None else ""):
                self._take(arrived)
            self.fault = self._line.fault
        except OutputError as error:
            self.fault = error
            self._next_ms = self._now_ms + REST_MS
        return self._line.take()

    def close(self) -> None:
        """Stop; training that is under way is given up and done again after the next start."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _advance(self, now_ms: int) -> None:
        """The machine's time never goes back, and a clock that is set does not let its deadlines pass or never come."""
        if self._clock_ms is None:
            self._now_ms = now_ms
        else:
            elapsed = now_ms - self._clock_ms
            self._now_ms += elapsed if 0 <= elapsed <= LONGEST_STEP_MS else LOOK_EVERY_MS
        self._clock_ms = now_ms

    # -- the machine

    def _handle(self, event: DeviceEvent) -> EffectKind:
        """Tell the machine, write its record down and act."""
        effects = self._device.handle(event, self._now_ms)
        if effects[0].kind is not EffectKind.IGNORE:
            self._is_written = False
            self._owed.extend(effects)
        self._settle()
        return effects[0].kind

    def _settle(self) -> None:
        """Make the record durable, then act on what is owed; OutputError leaves the rest for the next time."""
        if not self._is_written:
            self._folder.write(Part.DEVICE, self._device.snapshot())
            self._is_written = True
        while self._owed:
            self._act(self._owed[0])
            self._owed.popleft()

    def _act(self, effect: DeviceEffect) -> None:
        match effect.kind:
            case EffectKind.TRAIN:
                self._begin_work()
            case EffectKind.SEND:
                answer = self._folder.answer()
                if answer is not None and answer.round == effect.round:
                    self._spool.send(Outbound(answer.kind), answer.round, answer.counter, answer.content)
            case EffectKind.CLEAR:
                self._folder.drop(Part.ANSWER)
                self._folder.drop(Part.ORDER)
            case _:
                pass

    def _boot(self) -> None:
        if not self._booted:
            self._booted = True
            answer = self._folder.answer()
            holds = answer is not None and (answer.round, answer.counter) == (self._device.round, self._device.counter)
            self._handle(DeviceEvent(EventKind.BOOT, value=int(holds)))

    def _keep_deadline(self) -> None:
        deadline = self._device.next_deadline()
        if deadline is not None and self._now_ms >= deadline:
            self._handle(DeviceEvent(EventKind.DEADLINE))

    def _restored(self, retry_ms: int) -> Device:
        content = self._folder.read(Part.DEVICE)
        try:
            return Device(retry_ms) if content is None else Device.restore(content)
        except CoreError as error:
            path = str(self._store / FOLDER / Part.DEVICE)
            raise OutputError(Code.FEDERATED_STATE, f"{path} holds no device's record", None, path) from error

    # -- messages

    def _take(self, arrived: Arrived) -> None:
        """One message; it is removed unless it is a task that is still to be done."""
        match arrived.kind:
            case Inbound.RECEIPT:
                self._take_receipt(arrived)
            case Inbound.MODEL:
                self._take_model(arrived)
            case Inbound.TASK:
                self._take_task(arrived)

    def _take_receipt(self, arrived: Arrived) -> None:
        receipt = Receipt.decode(arrived.content)
        if isinstance(receipt, Verdict):
            self._refuse(arrived, receipt)
            return
        if receipt.verdict.durable and self._waits_for(receipt):
            self._move_variate()
        durable = int(receipt.verdict.durable)
        self._handle(DeviceEvent(EventKind.RECEIPT, receipt.round, receipt.counter, durable))
        self._spool.done(arrived)

    def _waits_for(self, receipt: Receipt) -> bool:
        mine = (self._device.round, self._device.counter)
        return self._device.state is DeviceState.SENDING and (receipt.round, receipt.counter) == mine

    def _take_task(self, arrived: Arrived) -> None:
        task = Task.decode(arrived.content)
        if isinstance(task, Verdict):
            self._refuse(arrived, task)
            return
        device = self._device
        if device.state is DeviceState.SENDING and task.round > device.round:
            return  # it waits until the message at hand is done with
        previous, self._hand = self._hand, (arrived, task)
        event = DeviceEvent(EventKind.TASK, task.round, value=task.lifetime_ms, digest=task.digest or bytes(16))
        if self._handle(event) is EffectKind.TRAIN:
            if previous is not None:
                self._spool.done(previous[0])
            return
        self._hand = previous
        self._refuse(arrived, Verdict.LATE)

    def _take_model(self, arrived: Arrived) -> None:
        """A model that was published; it is to follow what is known of the fleet's line."""
        try:
            found = ModelFile.decode(arrived.content)
        except ModelError:
            self._refuse(arrived, Verdict.MALFORMED)
            return
        fault = self._line.follow(found, self._pool)
        if fault is not None and fault is not Verdict.DUPLICATE:
            self._refused[fault.label] += 1
        self._spool.done(arrived)

    def _refuse(self, arrived: Arrived, verdict: Verdict) -> None:
        self._refused[verdict.label] += 1
        self._spool.done(arrived)

    # -- training

    def _begin_work(self) -> None:
        """Start to train on the task at hand, unless an older one is still being trained on."""
        if self._work is not None or self._hand is None:
            return
        task = self._hand[1]
        variate = self._folder.variate() if task.variate is not None else None
        order = Order(
            task=task,
            counter=self._device.counter + 1,
            store=self._store,
            schema=self._schema,
            equipment=self._folder.read(Part.EQUIPMENT) if task.model is None else None,
            line=None if self._line.newest is None else self._line.newest.encode(),
            variate=None if variate is None else variate[1],
        )
        self._work = (self._hand[0].name, self._pool.submit(do, order))

    def _is_done(self) -> bool:
        return self._line.is_done or (self._work is not None and self._work[1].done())

    def _finish_work(self) -> None:
        """Take over what training made, if it has ended: first on the disk, then told to the machine."""
        if self._work is None or not self._work[1].done() or self._hand is None:
            return
        arrived, task = self._hand
        if self._device.state is DeviceState.TRAINING and task.round == self._device.round:
            if self._work[0] != arrived.name:  # a newer task came meanwhile
                self._work = None
                self._begin_work()
                return
            self._finish_task(arrived, task, self._outcome(self._work[1]))
        self._work = self._hand = None
        self._spool.done(arrived)

    def _finish_task(self, arrived: Arrived, task: Task, outcome: Outcome | None) -> None:
        worked = outcome is not None and outcome.message is not None
        self._labels = {} if outcome is None else outcome.labels
        if outcome is not None and worked:
            self._keep(outcome, arrived)
        elif outcome is not None:
            self._refused[outcome.verdict.label] += 1
        if outcome is not None and outcome.version is not None:
            self._line.follow(outcome.version, self._pool)
        self._handle(DeviceEvent(EventKind.TRAINED, task.round, value=int(worked)))

    def _outcome(self, work: Future[Outcome]) -> Outcome | None:
        """What training came to; None, and `fault` says why, where it could not be done."""
        try:
            return work.result()
        except CoveyError as error:
            self.fault = error
            return None

    def _keep(self, outcome: Outcome, arrived: Arrived) -> None:
        """Make durable what the message that goes out now depends on."""
        task, self._rows = outcome.order.task, outcome.rows
        if task.model is not None:
            self._folder.write(Part.EQUIPMENT, arrived.content)
        if task.variate is not None:
            self._folder.write(Part.ORDER, arrived.content)
        kind = Outbound.SKETCH if task.kind is TaskKind.STATISTICS else Outbound.UPDATE
        self._folder.keep_answer(Answer(kind, task.round, outcome.order.counter, outcome.message or b""))

    def _move_variate(self) -> None:
        """The update at hand is durable: the control variate follows, once for each round."""
        content, answer = self._folder.read(Part.ORDER), self._folder.answer()
        if content is None or answer is None:
            return
        kept = self._folder.variate()
        task = Task.decode(content)
        if not isinstance(task, Task) or task.round != answer.round or (kept is not None and kept[0] >= answer.round):
            return
        assignment = assignment_of(task, self._folder.read(Part.EQUIPMENT))
        if not isinstance(assignment, Verdict):
            own = None if kept is None else kept[1]
            self._folder.keep_variate(answer.round, moved_variate(assignment, own, answer.content))

    def _judge(self, found: ModelFile, in_use: ModelFile) -> Opinion:
        return judge(found, in_use, read_training_rows(self._store, self._schema))
