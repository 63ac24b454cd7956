"""The plain way to simulate a fleet: one event at a time from a heap, in order of time. The oracle of the driver.

It shares the draws of traits and mishaps and the core with the real one, but no calendar, no blocks and no arrays of
machines: each device is a DeviceRecord of its own, each message a block of one, each training a call of its own.
"""

import heapq

import numpy as np

from covey.core import DeviceEffect, DeviceEvent, DeviceRecord, DeviceState, EffectKind, EventKind
from covey.protocol import (
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
    block_of,
)
from covey.simulation.calendar import RANK
from covey.simulation.flights import Flight
from covey.simulation.machines import RETRY_MS
from covey.simulation.mishaps import REBOOT_MS
from tests.simulation.fleets import Parts

AT_DEVICE, AT_COORDINATOR = 0, 1


class HeapDriver:
    """Join the parts by a heap of single events."""

    def __init__(self, parts: Parts, rng: np.random.Generator) -> None:
        self.coordinator = parts.coordinator
        self.launcher = parts.launcher
        self.cohorts = parts.cohorts
        self.rng = rng
        self.devices = [DeviceRecord(RETRY_MS) for _ in range(parts.n_devices)]
        self.flights: dict[int, Flight] = {}
        self.waiting: dict[int, int] = {}
        self.heap: list[tuple[tuple[int, ...], dict[str, int]]] = []
        self.records: list[RoundRecord] = []
        self.now = 0

    def run(self) -> list[RoundRecord]:
        """All rounds."""
        self.apply(self.coordinator.handle(Started(), 0, self.rng))
        while not self.coordinator.finished:
            deadline = self.coordinator.next_deadline()
            if deadline is not None and (not self.heap or self.heap[0][0][0] > deadline):
                self.now = deadline
                self.apply(self.coordinator.handle(DeadlinePassed(), deadline, self.rng))
                continue
            key, event = heapq.heappop(self.heap)
            self.now = key[0]
            if key[1] == AT_COORDINATOR:
                self.arrive(event)
            else:
                self.happen(EventKind(event["kind"]), event)
        return self.records

    def push(self, time: int, kind: EventKind, **event: int) -> None:
        order = (event["device"], RANK[kind], event["round"], event.get("attempt", 0), event.get("copy", 0))
        heapq.heappush(self.heap, ((time, AT_DEVICE, *order), {"kind": int(kind), "time": time, **event}))

    def apply(self, effects: list[Effect], arrival: dict[str, int] | None = None) -> None:
        for effect in effects:
            match effect:
                case SendTasks():
                    self.send_tasks(effect)
                case SendReceipts():
                    assert arrival is not None
                    if not arrival["receipt_lost"]:
                        self.push(
                            arrival["receipt"],
                            EventKind.RECEIPT,
                            device=arrival["device"],
                            round=int(effect.rounds[0]),
                            counter=int(effect.counters[0]),
                            value=int(effect.durable[0]),
                            attempt=arrival["attempt"],
                            copy=arrival["copy"],
                        )
                case Validate(candidate):
                    answer = ValidationDone(candidate.sequence, passed=True)
                    self.apply(self.coordinator.handle(answer, self.now, self.rng))
                case RecordRound(record):
                    self.records.append(record)
                case Publish() | Finished():
                    pass

    def send_tasks(self, tasks: SendTasks) -> None:
        flight = self.launcher.launch(tasks, self.cohorts)
        self.flights[flight.round] = flight
        arrivals = flight.task_arrival_ms(self.now)
        for row, device in enumerate(tasks.devices.tolist()):
            if not flight.mishaps.silent[row]:
                lifetime = tasks.task.lifetime_ms
                self.push(int(arrivals[row]), EventKind.TASK, device=device, round=flight.round, value=lifetime)

    def arrive(self, event: dict[str, int]) -> None:
        flight = self.flights[event["round"]]
        row = event["row"]
        start, size = int(flight.offsets[row]), int(flight.sizes[row])
        block = block_of(event["device"], flight.content[start : start + size].tobytes(), self.now)
        received = SketchesReceived if flight.round == 0 else UpdatesReceived
        self.apply(self.coordinator.handle(received(block), self.now, self.rng), event)

    def happen(self, kind: EventKind, event: dict[str, int]) -> None:
        device = event["device"]
        record = self.devices[device]
        if kind is EventKind.DEADLINE and record.deadline_ms != event["time"]:
            return
        value = event.get("value", 0)
        if kind is EventKind.BOOT:
            value = int(record.state is DeviceState.SENDING)
        digest = bytes(16)
        if kind is EventKind.TASK:
            digest = self.flights[event["round"]].tasks.task.digest.ljust(16, b"\0")
        effect = record.handle(DeviceEvent(kind, event["round"], event.get("counter", 0), value, digest), self.now)
        match effect.kind:
            case EffectKind.TRAIN:
                self.train(device, event["round"])
            case EffectKind.SEND:
                self.send(device, effect)
            case EffectKind.CLEAR:
                self.clear(device, effect, durable=kind is EventKind.RECEIPT and value == 1)
            case EffectKind.IGNORE:
                if kind is EventKind.TASK and record.state is DeviceState.SENDING:
                    self.waiting[device] = event["round"]

    def clear(self, device: int, effect: DeviceEffect, *, durable: bool) -> None:
        flight = self.flights[effect.round]
        if durable and flight.assignment is not None and flight.assignment.variate is not None:
            self.cohorts.move_variates(flight, flight.rows_of(np.array([device], np.uint32)))
        if device in self.waiting:
            number = self.waiting.pop(device)
            lifetime = self.flights[number].tasks.task.lifetime_ms
            self.push(self.now, EventKind.TASK, device=device, round=number, value=lifetime)

    def train(self, device: int, number: int) -> None:
        flight = self.flights[number]
        rows = flight.rows_of(np.array([device], np.uint32))
        row = int(rows[0])
        lasts = int(flight.training_ms[row])
        crash = float(flight.mishaps.crash[row])
        if crash < np.inf:
            reboot = REBOOT_MS if crash < 1.0 else 0
            self.push(self.now + int(np.ceil(crash * lasts)) + reboot, EventKind.BOOT, device=device, round=number)
            if crash < 1.0:
                return
        work = self.cohorts.train if flight.assignment else self.cohorts.sketch
        counter = np.array([self.devices[device].counter + 1], np.uint32)
        worked = bool(work(flight, rows, counter)[0])
        self.push(self.now + lasts, EventKind.TRAINED, device=device, round=number, value=int(worked))

    def send(self, device: int, effect: DeviceEffect) -> None:
        flight = self.flights[effect.round]
        rows = flight.rows_of(np.array([device], np.uint32))
        attempt = self.devices[device].attempts
        fate = self.launcher.mishaps.of_sends(flight.mishaps.seeds[rows], np.array([attempt], np.uint16))
        arrival = self.now + int(flight.uplink_ms(rows)[0])
        back = int(flight.receipt_ms(rows)[0])
        base = {"device": device, "round": flight.round, "row": int(rows[0]), "attempt": attempt}
        sends = []
        if not fate.lost[0]:
            sends.append((arrival, 0, bool(fate.receipt_lost[0])))
        if fate.copy_delay_ms[0]:
            sends.append((arrival + int(fate.copy_delay_ms[0]), 1, bool(fate.copy_receipt_lost[0])))
        for time, copy, receipt_lost in sends:
            event = {**base, "copy": copy, "receipt": time + back, "receipt_lost": receipt_lost}
            heapq.heappush(self.heap, ((time, AT_COORDINATOR, device, flight.round, attempt, copy), event))
        deadline = self.devices[device].deadline_ms
        assert deadline is not None
        self.push(deadline, EventKind.DEADLINE, device=device, round=flight.round, attempt=attempt)
