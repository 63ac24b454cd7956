"""The virtual clock: joins a fleet and its coordinator in memory, exact to the bit.

The result is that of the plain way, one event at a time from a heap in order of time (a test compares the two). What
makes it fast: the coordinator gets messages in blocks up to the first moment at which anything could depend on its
answer. It can next act by itself at its deadline, or with the last update that its round has room for; before the
earliest time at which that many updates can be there, devices and coordinator only have to be told things in their own
order.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from covey.models import ModelVersion
from covey.protocol import (
    NO_LIMIT,
    STATISTICS_ROUND,
    Coordinator,
    DeadlinePassed,
    Effect,
    Finished,
    Publish,
    RecordRound,
    RoundRecord,
    SendReceipts,
    SendTasks,
    SketchesReceived,
    Started,
    UpdatesReceived,
    Validate,
    ValidationDone,
)
from covey.simulation.calendar import NEVER, Rows
from covey.simulation.fleet import Fleet

Gate: TypeAlias = Callable[[ModelVersion], bool]


class Driver:
    """One run: iterate over its rounds' records."""

    def __init__(self, coordinator: Coordinator, fleet: Fleet, gate: Gate, rng: np.random.Generator) -> None:
        self.coordinator = coordinator
        self.fleet = fleet
        self.now_ms = 0
        self.rng = rng
        self._gate = gate
        self._records: list[RoundRecord] = []

    def start(self) -> None:
        """Open the statistics round."""
        self._apply(self.coordinator.handle(Started(), self.now_ms, self.rng))

    def rounds(self) -> Iterator[RoundRecord]:
        """Records of the rounds to come, each when it is over; the next has then begun."""
        while True:
            while self._records:
                yield self._records.pop(0)
            if self.coordinator.finished:
                self.fleet.advance(np.uint64(self.now_ms))
                return
            self._turn()

    def _turn(self) -> None:
        """Go on to the next block of messages, or to the coordinator's deadline."""
        deadline = self.coordinator.next_deadline()
        room = self.coordinator.room()
        until = NEVER if deadline is None else np.uint64(deadline)
        if room < NO_LIMIT:
            until = min(until, self.fleet.soonest_ms(room))
        self.fleet.advance(until)
        arrivals = self.fleet.take_arrivals(until)
        if arrivals.size:
            self._hand_over(arrivals)
        elif deadline is not None and until >= deadline:
            self.now_ms = deadline
            self._apply(self.coordinator.handle(DeadlinePassed(), deadline, self.rng))
        elif deadline is None and self.fleet.is_idle():
            raise RuntimeError("nothing can happen any more, but the coordinator has not finished")

    def _hand_over(self, arrivals: Rows) -> None:
        """Give the coordinator arrivals in blocks, until a round ends."""
        begin = 0
        while begin < arrivals.size:
            rounds = arrivals["round"][begin : begin + min(self.coordinator.room(), arrivals.size)]
            others = np.flatnonzero(rounds != rounds[0])
            end = begin + (int(others[0]) if others.size else rounds.size)
            part = arrivals[begin:end]
            if int(part["time_ms"][0]) < self.now_ms:
                raise RuntimeError("a message arrived in the past: the calendar let the coordinator go on too early")
            begin = end
            self.now_ms = int(part["time_ms"][-1])
            received = SketchesReceived if rounds[0] == STATISTICS_ROUND else UpdatesReceived
            effects = self.coordinator.handle(received(self.fleet.block(part)), self.now_ms, self.rng)
            self._apply(effects, part)
            if len(effects) > 1:
                break
        self.fleet.put_back(arrivals[begin:])

    def _apply(self, effects: list[Effect], arrived: Rows | None = None) -> None:
        for effect in effects:
            match effect:
                case SendTasks():
                    self.fleet.send_tasks(effect, self.now_ms)
                case SendReceipts() if arrived is not None:
                    self.fleet.send_receipts(arrived, effect)
                case Validate(candidate):
                    answer = ValidationDone(candidate.sequence, self._gate(candidate))
                    self._apply(self.coordinator.handle(answer, self.now_ms, self.rng))
                case RecordRound(record):
                    self._records.append(record)
                case Publish() | Finished() | SendReceipts():
                    pass
