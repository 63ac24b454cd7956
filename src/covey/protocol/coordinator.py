"""The coordinator: a machine without clock, socket, file or randomness of its own.

    Started -> statistics round -> (training round -> publishing)* -> finished

Rules: `handle` never waits and never fails because of what a device sent; what a device sent wrong is a Verdict in its
receipt. The time of events never goes back. A round ends with enough updates or at its deadline; without its quorum it
leaves the model as it is. A round's tasks are sent in the same call that ended the round before it.

A host that is to survive a crash stores, after each `handle` and in one step, the snapshot, the state of `rng` and the
records among the effects; only then it acts on the effects. So a receipt that says "durable" tells the truth. After a
crash it restores, acts on what `resume` gives, and goes on: devices send again what they have no receipt for, and what
was accepted before the crash is answered as a duplicate, durable too (a test kills a run anywhere).
"""

from typing import TypeAlias

import numpy as np

from covey.protocol.arrays import Arrays
from covey.protocol.door import Counters
from covey.protocol.effects import Effect, Finished, Publish, RecordRound, SendTasks, Validate
from covey.protocol.events import DeadlinePassed, Event, SketchesReceived, Started, UpdatesReceived, ValidationDone
from covey.protocol.issues import Issue, Issues
from covey.protocol.memory import Memory
from covey.protocol.publishing import Publishing, candidate_of, move_variate, refuse_updates
from covey.protocol.records import Outcome
from covey.protocol.settings import STATISTICS_COHORT, Settings
from covey.protocol.statistics import (
    STATISTICS_ROUND,
    StatisticsRound,
    agree_step_scale,
    first_version,
    late_sketches,
    most_rows,
)
from covey.protocol.tally import Tally
from covey.protocol.tasks import statistics_tasks, training_tasks
from covey.protocol.training_round import TrainingRound
from covey.selection import Candidates, draw_devices
from covey.training import VariateSum

Phase: TypeAlias = StatisticsRound | TrainingRound | Publishing

#: More messages than ever arrive at once: `room` where no number of them can end anything.
NO_LIMIT = 1 << 62


class Coordinator:
    """One fleet's coordinator."""

    def __init__(self, settings: Settings, candidates: Candidates) -> None:
        self._settings = settings
        self._candidates = candidates
        counters = Counters(np.zeros(candidates.size, np.uint32))
        self._memory = Memory(counters, Issues(settings.staleness), np.zeros(candidates.size, np.bool_))
        self._phase: Phase | None = None
        self._finished = False

    @property
    def finished(self) -> bool:
        """Nothing more will be asked."""
        return self._finished

    @property
    def memory(self) -> Memory:
        """What it knows; for reading."""
        return self._memory

    def next_deadline(self) -> int | None:
        """When to call with DeadlinePassed, in milliseconds; None: no deadline."""
        return self._phase.deadline_ms if isinstance(self._phase, StatisticsRound | TrainingRound) else None

    def room(self) -> int:
        """Most messages that one block may hold now."""
        return NO_LIMIT if self._phase is None or isinstance(self._phase, Publishing) else self._phase.room()

    def handle(self, event: Event, now_ms: int, rng: np.random.Generator) -> list[Effect]:
        """What to do after `event` at `now_ms`. ValueError for events that the host must not send now."""
        match event:
            case Started():
                return self._open_statistics(now_ms, rng)
            case SketchesReceived():
                return self._receive_sketches(event, now_ms, rng)
            case UpdatesReceived():
                return self._receive_updates(event, now_ms, rng)
            case DeadlinePassed():
                return self._turn(now_ms, rng)
            case ValidationDone():
                return self._validated(event, now_ms, rng)

    def resume(self) -> list[Effect]:
        """What to do first after `restore`, for all that a crash may have swallowed. Doing it twice does no harm.

        The current model, and what the phase waits for: tasks of those that have not answered (a device ignores a Task
        that it has already; their bytes are not counted again), or the gate's answer.
        """
        memory = self._memory
        effects: list[Effect] = [] if memory.version is None else [Publish(memory.version)]
        match self._phase:
            case StatisticsRound() as phase:
                effects.append(statistics_tasks(self._settings, phase.issue.unanswered()))
            case TrainingRound():
                effects.append(training_tasks(self._settings, memory, memory.issues.current.unanswered()))
            case Publishing() as phase:
                effects.append(Validate(phase.candidate))
            case None if self._finished:
                effects.append(Finished(complete=memory.version is not None))
        return effects

    def snapshot(self) -> Arrays:
        """Everything needed to go on, as named arrays; they are the coordinator's own, so use them before `handle`."""
        phase = np.frombuffer(type(self._phase).__name__.encode(), np.uint8)
        arrays = {"phase": phase, "finished": np.array([self._finished]), **self._memory.arrays()}
        return arrays if self._phase is None else arrays | self._phase.arrays()

    @classmethod
    def restore(cls, settings: Settings, candidates: Candidates, arrays: Arrays) -> "Coordinator":
        """The coordinator that `snapshot` was taken of."""
        coordinator = cls(settings, candidates)
        coordinator._memory = Memory.from_arrays(settings, arrays)
        coordinator._finished = bool(arrays["finished"][0])
        coordinator._phase = _phase_of(arrays, settings)
        return coordinator

    def _open_statistics(self, now_ms: int, rng: np.random.Generator) -> list[Effect]:
        if self._phase is not None or self._finished or self._memory.version is not None:
            raise ValueError("a coordinator starts once")
        tasks = statistics_tasks(self._settings, draw_devices(self._candidates.size, STATISTICS_COHORT, rng))
        tally = Tally(STATISTICS_ROUND, tasks.devices.size, now_ms, down_bytes_of(tasks))
        issue = Issue.to(tasks.devices, STATISTICS_ROUND, b"")
        self._phase = StatisticsRound(issue, tally, now_ms + self._settings.deadline_ms, [], [], None)
        return [tasks]

    def _receive_sketches(self, event: SketchesReceived, now_ms: int, rng: np.random.Generator) -> list[Effect]:
        if not isinstance(self._phase, StatisticsRound):
            return [late_sketches(event.block, self._settings, self._memory)]
        return [self._phase.receive(event.block, self._settings, self._memory), *self._turn(now_ms, rng)]

    def _receive_updates(self, event: UpdatesReceived, now_ms: int, rng: np.random.Generator) -> list[Effect]:
        block = event.block
        match self._phase:
            case TrainingRound() as phase:
                if block.n_messages > phase.room():
                    raise ValueError(
                        f"a block of {block.n_messages} messages, but the round has room for {phase.room()}"
                    )
                return [phase.receive(block, self._settings, self._memory), *self._turn(now_ms, rng)]
            case Publishing() as phase:
                return [phase.receive(block, self._settings, self._memory)]
            case _:
                return [refuse_updates(block, self._settings, self._memory)]

    def _turn(self, now_ms: int, rng: np.random.Generator) -> list[Effect]:
        """End the round if it is over."""
        match self._phase:
            case StatisticsRound() as phase if phase.is_over(now_ms):
                return self._close_statistics(phase, now_ms, rng)
            case TrainingRound() as phase if phase.is_over(now_ms):
                return self._close_round(phase, now_ms, rng)
            case _:
                return []

    def _close_statistics(self, done: StatisticsRound, now_ms: int, rng: np.random.Generator) -> list[Effect]:
        settings, memory = self._settings, self._memory
        if done.fleet is None or done.tally.accepted < settings.needed(done.issue.devices.size):
            self._phase, self._finished = None, True
            return [RecordRound(done.tally.record(Outcome.TOO_FEW_UPDATES, now_ms, None)), Finished(complete=False)]
        version = first_version(settings, done.fleet)
        memory.version = version
        memory.server_state = settings.server.start(version.spec.n_parameters)
        memory.variate = np.zeros(version.spec.n_parameters, np.float32) if settings.trainer.has_variates else None
        memory.step_scale = agree_step_scale(settings, done.fleet, version.encoding)
        memory.most_rows = most_rows(done.rows)
        rows = np.minimum(np.array(done.rows, np.uint32), memory.most_rows).astype(np.uint32)
        memory.fleet_weight = float(settings.aggregator.weights(rows).mean()) * self._candidates.size
        done.tally.examples = int(rows.sum(dtype=np.int64))
        record = RecordRound(done.tally.record(Outcome.PUBLISHED, now_ms, version))
        return [Publish(version), record, *self._next_round(now_ms, rng)]

    def _next_round(self, now_ms: int, rng: np.random.Generator) -> list[Effect]:
        settings, memory = self._settings, self._memory
        if memory.round >= settings.rounds:
            self._phase, self._finished = None, True
            return [Finished(complete=True)]
        memory.round += 1
        devices = settings.selector.select(self._candidates, rng)
        tasks = training_tasks(settings, memory, devices)
        memory.issues = memory.issues.opened(Issue.to(devices, memory.round, tasks.task.digest, memory.variate))
        n_parameters = memory.current.spec.n_parameters
        self._phase = TrainingRound(
            target=max(1, min(settings.selector.target(self._candidates.size), devices.size)),
            tally=Tally(memory.round, devices.size, now_ms, down_bytes_of(tasks)),
            deadline_ms=now_ms + settings.deadline_ms,
            aggregate=settings.aggregator.start(n_parameters),
            variates=VariateSum(np.zeros(n_parameters)) if settings.trainer.has_variates else None,
        )
        return [tasks]

    def _close_round(self, done: TrainingRound, now_ms: int, rng: np.random.Generator) -> list[Effect]:
        is_sound = move_variate(done, self._memory)
        if not done.has_quorum(self._settings):
            return self._record(done.tally, Outcome.TOO_FEW_UPDATES, now_ms, rng)
        candidate = candidate_of(done, self._settings, self._memory) if is_sound else None
        if candidate is None:
            return self._record(done.tally, Outcome.REJECTED_BY_GATE, now_ms, rng)
        self._phase = candidate
        return [Validate(candidate.candidate)]

    def _validated(self, event: ValidationDone, now_ms: int, rng: np.random.Generator) -> list[Effect]:
        phase = self._phase
        if not isinstance(phase, Publishing) or phase.candidate.sequence != event.sequence:
            raise ValueError(f"no candidate {event.sequence} is waiting")
        if not event.passed:
            return self._record(phase.tally, Outcome.REJECTED_BY_GATE, now_ms, rng)
        phase.accept(self._memory)
        return [Publish(phase.candidate), *self._record(phase.tally, Outcome.PUBLISHED, now_ms, rng)]

    def _record(self, tally: Tally, outcome: Outcome, now_ms: int, rng: np.random.Generator) -> list[Effect]:
        """Write the round down and go on to the next."""
        return [RecordRound(tally.record(outcome, now_ms, self._memory.version)), *self._next_round(now_ms, rng)]


def _phase_of(arrays: Arrays, settings: Settings) -> Phase | None:
    match arrays["phase"].tobytes().decode():
        case StatisticsRound.__name__:
            return StatisticsRound.from_arrays(arrays, settings)
        case TrainingRound.__name__:
            return TrainingRound.from_arrays(arrays, settings.aggregator)
        case Publishing.__name__:
            return Publishing.from_arrays(arrays)
        case _:
            return None


def down_bytes_of(tasks: SendTasks) -> int:
    """Bytes of all Tasks."""
    return int(tasks.sizes.sum(dtype=np.int64))
