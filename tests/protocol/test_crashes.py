"""A coordinator whose host is killed anywhere, with devices that send until they have a receipt."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.aggregation import FedAdam
from covey.core import UpdateFields, encode_payload, write_update
from covey.protocol import (
    STATISTICS_ROUND,
    Coordinator,
    DeadlinePassed,
    Effect,
    Event,
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
    block_of,
)
from covey.selection import Candidates, Uniform
from covey.telemetry import sketch, to_wire
from covey.training import Scaffold
from tests.protocol.machines import settings_of, states

DEVICES = 5
SETTINGS = replace(
    settings_of(
        rounds=5, quorum=0.6, staleness=1, trainer=Scaffold(steps=3), selector=Uniform(cohort=3, over_selection=1.3)
    ),
    server=FedAdam(),
)


class Device:
    """Answers each newer Task once, and sends the answer until a receipt comes."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.round = -1
        self.counter = 0
        self.outbox: bytes | None = None
        self.n_parameters = 0

    def take(self, tasks: SendTasks) -> None:
        """Answer a Task, unless it is known or this device is out of reach in that round."""
        if tasks.task.round <= self.round:
            return
        self.round = tasks.task.round
        self.counter += 1
        if self.round == STATISTICS_ROUND:
            rows = np.random.default_rng(self.number).normal(size=(20, 3)).astype(np.float32)
            self.outbox = to_wire(sketch(rows, SETTINGS.sketch), self.round, self.counter).encode()
        elif (self.number + self.round) % 4:
            delta = np.full(self.n_parameters, 0.01 * self.number - 0.02 * self.round, np.float32)
            payload, _ = encode_payload(SETTINGS.recipe, delta, 0)
            self.outbox = write_update(UpdateFields(self.round, self.counter, 20, 0.5, tasks.task.digest, payload))
        else:
            self.outbox = None


class Host:
    """Stores, then acts; `kills` says for each event whether power goes before or after storing."""

    def __init__(self, kills: list[str]) -> None:
        self.kills = list(kills)
        self.devices = [Device(number) for number in range(DEVICES)]
        self.candidates = Candidates(DEVICES, states)
        self.coordinator = Coordinator(SETTINGS, self.candidates)
        self.rng = np.random.Generator(np.random.Philox(key=5))
        self.now = 0
        self.judged: list[ValidationDone] = []
        self.published: list[bytes] = []
        self.finished = False
        self.records: list[RoundRecord] = []
        self.store([])

    def store(self, effects: list[Effect]) -> None:
        arrays = {name: array.copy() for name, array in self.coordinator.snapshot().items()}
        self.stored = arrays, deepcopy(self.rng.bit_generator.state)
        self.records += [effect.record for effect in effects if isinstance(effect, RecordRound)]

    def restart(self) -> None:
        arrays, words = self.stored
        self.judged = []
        self.rng = np.random.Generator(np.random.Philox())
        self.rng.bit_generator.state = words
        self.coordinator = Coordinator.restore(SETTINGS, self.candidates, arrays)
        for effect in self.coordinator.resume():
            self.act(effect)

    def handle(self, event: Event) -> None:
        kill = self.kills.pop(0) if self.kills else ""
        effects = self.coordinator.handle(event, self.now, self.rng)
        if kill != "before":
            self.store(effects)
        if kill:
            self.restart()
            return
        for effect in effects:
            self.act(effect)

    def act(self, effect: Effect) -> None:
        match effect:
            case SendTasks():
                version = self.coordinator.memory.version
                for device in effect.devices.tolist():
                    self.devices[device].n_parameters = version.spec.n_parameters if version else 0
                    self.devices[device].take(effect)
            case SendReceipts():
                for device in effect.devices.tolist():
                    self.devices[device].outbox = None
            case Validate(candidate):
                self.judged.append(ValidationDone(candidate.sequence, candidate.digest[0] % 3 != 0))
            case Publish(version):
                if version.digest not in self.published:
                    self.published.append(version.digest)
            case Finished():
                self.finished = True
            case RecordRound():
                pass

    def run(self) -> "Host":
        while self.coordinator.memory.version is None and not self.devices[0].counter:
            self.handle(Started())
        while not self.finished:
            self.step()
        return self

    def step(self) -> None:
        sender = next((device for device in self.devices if device.outbox is not None), None)
        if self.judged:
            self.handle(self.judged.pop(0))
        elif sender is not None and sender.outbox is not None:
            received = SketchesReceived if sender.round == STATISTICS_ROUND else UpdatesReceived
            self.now += 10
            self.handle(received(block_of(sender.number, sender.outbox, self.now)))
        else:
            deadline = self.coordinator.next_deadline()
            assert deadline is not None, "nothing can happen any more"
            self.now = max(self.now, deadline)
            self.handle(DeadlinePassed())

    def story(self) -> list[object]:
        """What must not depend on crashes."""
        kept = [(record.round, record.outcome, record.accepted, record.digest) for record in self.records]
        return [
            kept,
            self.published,
            self.coordinator.memory.current.encode(),
            self.coordinator.memory.variate.tolist(),
        ]


UNHURT = Host([]).run().story()


@given(st.lists(st.sampled_from(["", "before", "after"]), max_size=60))
def test_a_host_killed_anywhere_ends_with_the_same_model(kills: list[str]) -> None:
    assert Host(kills).run().story() == UNHURT


@pytest.mark.parametrize("kill", ["before", "after"])
def test_a_host_killed_once_at_any_event_ends_with_the_same_model(kill: str) -> None:
    for event in range(40):
        assert Host([""] * event + [kill]).run().story() == UNHURT, event


def test_a_restored_coordinator_asks_the_gate_again() -> None:
    host = Host([])
    host.handle(Started())
    while not host.judged:
        host.step()
    candidate = host.judged[0].sequence
    host.restart()
    assert host.coordinator.next_deadline() is None
    assert [event.sequence for event in host.judged] == [candidate]


def test_a_coordinator_restored_after_its_end_says_so_again() -> None:
    publish, finished = Host([]).run().coordinator.resume()
    assert isinstance(publish, Publish)
    assert finished == Finished(complete=True)
