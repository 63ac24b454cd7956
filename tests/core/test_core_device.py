"""The device's machine: its whole table against docs/SPEC.md, and a life with power loss at every step."""

import re
import struct
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from covey import core
from covey.core import DeviceEvent, DeviceRecord, DeviceState, EffectKind, EventKind, status
from covey.errors import CoreError

SPEC = Path(__file__).resolve().parents[2] / "docs" / "SPEC.md"
RECORD = struct.Struct("<QQIIIIHBB16sI8x")  # the order of DEVICE_FIELDS
NOW = 5000


def record_in(state: DeviceState, expires_ms: int, *, deadline_ms: int = NOW) -> DeviceRecord:
    """A device in round 7 with counter 3."""
    values = (deadline_ms, expires_ms, 7, 3, 2, 0, 1, state, 1, bytes([7]) * 16, 100)
    return DeviceRecord.restore(RECORD.pack(*values))


def cases() -> dict[tuple[EventKind, str], tuple[DeviceEvent, int, int]]:
    """What each event can mean: the event, and the record's expiry and deadline."""
    late, never = NOW - 1, 0
    durable, rejected = (DeviceEvent(EventKind.RECEIPT, 7, 3, value) for value in (1, 0))
    return {
        (EventKind.BOOT, "outbox empty"): (DeviceEvent(EventKind.BOOT), never, NOW),
        (EventKind.BOOT, "outbox full"): (DeviceEvent(EventKind.BOOT, value=1), never, NOW),
        (EventKind.BOOT, "outbox full, expired"): (DeviceEvent(EventKind.BOOT, value=1), late, NOW),
        (EventKind.TASK, "not newer"): (DeviceEvent(EventKind.TASK, 7), never, NOW),
        (EventKind.TASK, "newer"): (DeviceEvent(EventKind.TASK, 8), never, NOW),
        (EventKind.TASK, "newer, old one expired"): (DeviceEvent(EventKind.TASK, 8), late, NOW),
        (EventKind.TRAINED, "other round"): (DeviceEvent(EventKind.TRAINED, 6, value=1), never, NOW),
        (EventKind.TRAINED, "failed"): (DeviceEvent(EventKind.TRAINED, 7), never, NOW),
        (EventKind.TRAINED, "done"): (DeviceEvent(EventKind.TRAINED, 7, value=1), never, NOW),
        (EventKind.TRAINED, "done, expired"): (DeviceEvent(EventKind.TRAINED, 7, value=1), late, NOW),
        (EventKind.RECEIPT, "other round or counter"): (DeviceEvent(EventKind.RECEIPT, 7, 2, 1), never, NOW),
        (EventKind.RECEIPT, "rejected"): (rejected, never, NOW),
        (EventKind.RECEIPT, "durable"): (durable, never, NOW),
        (EventKind.DEADLINE, "early"): (DeviceEvent(EventKind.DEADLINE), never, NOW + 1),
        (EventKind.DEADLINE, "due"): (DeviceEvent(EventKind.DEADLINE), never, NOW),
        (EventKind.DEADLINE, "due, expired"): (DeviceEvent(EventKind.DEADLINE), late, NOW),
    }


def note(before: DeviceRecord, after: DeviceRecord) -> str:
    """What changed besides the state."""
    notes = []
    if after.counter != before.counter:
        notes.append("counter + 1")
    if after.completed != before.completed:
        notes.append("completed + 1")
    if after.round < before.round:
        notes.append("the round may come again")
    if after.state is DeviceState.SENDING and after.attempts > 1:
        notes.append("attempts + 1")
    return ", ".join(notes)


def table() -> list[tuple[str, ...]]:
    """Every (state, event, meaning) that is not ignored: state, event, meaning, effect, next state, what else."""
    lines = []
    for state, ((kind, meaning), (event, expires_ms, deadline_ms)) in product(DeviceState, cases().items()):
        before = record_in(state, expires_ms, deadline_ms=deadline_ms)
        after = DeviceRecord.restore(before.snapshot())
        effect = after.handle(event, NOW)
        if effect.kind is EffectKind.IGNORE:
            assert after.ignored == before.ignored + 1
            assert after.snapshot()[:28] == before.snapshot()[:28]
            assert after.snapshot()[32:] == before.snapshot()[32:]
        elif state is not DeviceState.IDLE or kind in {EventKind.BOOT, EventKind.TASK}:
            lines.append((state.name, kind.name, meaning, effect.kind.name, after.state.name, note(before, after)))
    return lines


def test_the_table_of_the_specification_is_what_the_machine_does() -> None:
    text = SPEC.read_text()
    rows = [
        tuple(cell.strip() for cell in line.strip().strip("|").split("|")) for line in text.splitlines() if "|" in line
    ]
    states = {state.name for state in DeviceState}
    written = [row for row in rows if len(row) == 6 and row[0] in states]
    assert written == table()


def test_the_diagram_of_the_specification_has_exactly_the_tables_arrows() -> None:
    drawn = re.findall(r"^ *([A-Z]+) --> ([A-Z]+) *:", SPEC.read_text(), flags=re.MULTILINE)
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == {(state, after) for state, _, _, _, after, _ in table()}


@pytest.mark.parametrize(
    "fields", [core.DEVICE_FIELDS, core.EVENT_FIELDS, core.EFFECT_FIELDS, core.UPDATE_HEADER_FIELDS]
)
def test_numpy_sees_the_same_records_as_c(fields: list) -> None:
    names = {64: "covey_device", 32: "covey_event", 16: "covey_effect", 44: "covey_update_header"}
    dtype = np.dtype(fields)
    struct_fields = dict(status.ffi.typeof(names[dtype.itemsize]).fields)
    assert {name: dtype.fields[name][1] for name in dtype.names} == {
        name: field.offset for name, field in struct_fields.items()
    }


def test_a_fleet_in_an_array_does_what_single_devices_do() -> None:
    generator = np.random.default_rng(4)
    fleet = np.zeros(5, np.dtype(core.DEVICE_FIELDS))
    fleet["retry_ms"] = 100
    alone = [DeviceRecord(100) for _ in range(5)]
    events = np.zeros(3000, np.dtype(core.EVENT_FIELDS))
    events["kind"] = generator.integers(0, 5, 3000)
    events["round"] = np.arange(3000) // 100 + generator.integers(0, 2, 3000)
    events["counter"] = np.arange(3000) // 150
    events["value"] = generator.integers(0, 2, 3000)
    index = generator.integers(0, 5, 3000).astype(np.uint32)
    now_ms = np.arange(3000, dtype=np.uint64) * 40
    effects = np.zeros(3000, np.dtype(core.EFFECT_FIELDS))
    core.handle_many(fleet, index, events, now_ms, effects)
    for i, row in enumerate(events.tolist()):
        kind, *rest = row
        effect = alone[index[i]].handle(DeviceEvent(EventKind(kind), *rest[:3], bytes(rest[3])), int(now_ms[i]))
        assert (effect.kind, effect.round, effect.counter) == tuple(effects[i])[:3]
    assert fleet.tobytes() == b"".join(one.snapshot() for one in alone)


def test_malformed_events_and_records_change_nothing() -> None:
    fleet = np.zeros(2, np.dtype(core.DEVICE_FIELDS))
    events = np.zeros(2, np.dtype(core.EVENT_FIELDS))
    events["kind"] = [EventKind.TASK, 9]
    now_ms, effects = np.zeros(2, np.uint64), np.zeros(2, np.dtype(core.EFFECT_FIELDS))
    for index in ([0, 1], [0, 2]):
        with pytest.raises(CoreError):
            core.handle_many(fleet, np.array(index, np.uint32), events, now_ms, effects)
        assert not fleet["state"].any()
        events["kind"] = EventKind.TASK
    with pytest.raises(CoreError, match="63 bytes"):
        DeviceRecord.restore(bytes(63))
    with pytest.raises(CoreError, match="state is 3"):
        DeviceRecord.restore(RECORD.pack(0, 0, 0, 0, 0, 0, 0, 3, 0, bytes(16), 1))


class Life(RuleBasedStateMachine):
    """A device, its flash, a network that loses, repeats and reorders, and a coordinator that accepts each update once.

    An update is a number, given when its training ends; flash holds the record and the outbox, and nothing else
    survives power loss. Every event may be cut short: before the record is stored, or before its effect is acted on.
    """

    crashes = st.sampled_from([None, None, None, "before", "after"])

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 0
        self.flash = DeviceRecord(100).snapshot()
        self.outbox: int | None = None
        self.device = DeviceRecord.restore(self.flash)
        self.training: int | None = None  # round
        self.updates = 0
        self.sent: dict[int, tuple[int, int]] = {}  # counter: (round, update)
        self.network: list[tuple[int, int]] = []  # (round, counter)
        self.receipts: list[tuple[int, int, int]] = []
        self.accepted: list[int] = []  # counters
        self.rounds: set[int] = set()

    def give(self, event: DeviceEvent, crash: str | None) -> None:
        """Handle one event as a host must: the record first, then the effect."""
        before = self.device.state
        effect = self.device.handle(event, self.now_ms)
        if before is DeviceState.SENDING and self.device.state is not DeviceState.SENDING and crash != "before":
            done = event.kind is EventKind.RECEIPT
            _, expires_ms = struct.unpack_from("<QQ", self.flash)
            assert done or 0 < expires_ms <= self.now_ms, "an update was dropped that was neither answered nor expired"
        if crash == "before":
            self.lose_power()
            return
        self.flash = self.device.snapshot()
        if crash == "after":
            self.lose_power()
            return
        self.act(effect)

    def act(self, effect: core.DeviceEffect) -> None:
        if effect.kind is EffectKind.TRAIN:
            self.training, self.outbox = effect.round, None
        elif effect.kind is EffectKind.CLEAR:
            self.training, self.outbox = None, None
        elif effect.kind is EffectKind.SEND:
            assert self.outbox is not None
            update = (effect.round, self.outbox)
            assert self.sent.setdefault(effect.counter, update) == update, "a counter was used for two updates"
            assert effect.counter == max(self.sent), "an old counter came back"
            self.network.append((effect.round, effect.counter))

    def lose_power(self, again: str | None = None) -> None:
        """Power is lost and comes back, and may be lost again while the device boots."""
        self.training = None
        self.device = DeviceRecord.restore(self.flash)
        self.give(DeviceEvent(EventKind.BOOT, value=int(self.outbox is not None)), again)

    @rule(step=st.integers(-1, 2), lifetime_ms=st.sampled_from([0, 300, 5000]), crash=crashes)
    def task(self, step: int, lifetime_ms: int, crash: str | None) -> None:
        number = max(0, self.device.round + step)
        self.give(DeviceEvent(EventKind.TASK, number, value=lifetime_ms, digest=bytes([number % 256]) * 16), crash)

    @precondition(lambda self: self.training is not None)
    @rule(done=st.booleans(), crash=crashes)
    def finish_training(self, done: bool, crash: str | None) -> None:
        assert self.training is not None
        number, self.training = self.training, None
        if done:
            self.updates += 1
            self.outbox = self.updates
        self.give(DeviceEvent(EventKind.TRAINED, number, value=int(done)), crash)

    @precondition(lambda self: self.network)
    @rule(data=st.data(), keep=st.booleans())
    def arrive(self, data: st.DataObject, keep: bool) -> None:
        """One message reaches the coordinator, which accepts growing counters only."""
        at = data.draw(st.integers(0, len(self.network) - 1))
        number, counter = self.network[at] if keep else self.network.pop(at)
        last = max(self.accepted, default=0)
        if counter > last:
            self.accepted.append(counter)
        self.receipts.append((number, counter, int(counter >= last)))

    @precondition(lambda self: self.receipts)
    @rule(data=st.data(), keep=st.booleans(), crash=crashes)
    def receipt(self, data: st.DataObject, keep: bool, crash: str | None) -> None:
        at = data.draw(st.integers(0, len(self.receipts) - 1))
        number, counter, durable = self.receipts[at] if keep else self.receipts.pop(at)
        self.give(DeviceEvent(EventKind.RECEIPT, number, counter, durable), crash)

    @precondition(lambda self: self.network)
    @rule()
    def lose_messages(self) -> None:
        self.network.clear()

    @rule(wait_ms=st.integers(1, 4000), crash=crashes)
    def wait(self, wait_ms: int, crash: str | None) -> None:
        self.now_ms += wait_ms
        deadline_ms = self.device.deadline_ms
        if deadline_ms is not None and deadline_ms <= self.now_ms:
            self.give(DeviceEvent(EventKind.DEADLINE), crash)

    @rule(again=crashes)
    def power_loss(self, again: str | None) -> None:
        self.lose_power(again)

    @invariant()
    def an_update_once_trained_is_in_flash_until_it_is_answered_or_expires(self) -> None:
        record = DeviceRecord.restore(self.flash)
        if record.state is DeviceState.SENDING:
            assert self.outbox is not None
            assert self.sent.get(record.counter, (record.round, self.outbox)) == (record.round, self.outbox)

    @invariant()
    def no_update_is_counted_twice(self) -> None:
        assert self.device.completed <= len(set(self.accepted))
        assert len(self.accepted) == len({self.sent[counter][1] for counter in self.accepted})

    def teardown(self) -> None:
        """With no more trouble, whatever is in the outbox gets its receipt."""
        for _ in range(3):
            if self.device.state is DeviceState.SENDING:
                self.now_ms = self.device.deadline_ms or self.now_ms
                self.give(DeviceEvent(EventKind.DEADLINE), None)
                if self.network:
                    number, counter = self.network[-1]
                    self.give(DeviceEvent(EventKind.RECEIPT, number, counter, 1), None)
        assert self.device.state is not DeviceState.SENDING


TestLife = Life.TestCase


@pytest.mark.parametrize(
    "event",
    [
        DeviceEvent(EventKind.TASK, 1, digest=bytes(17)),
        DeviceEvent(EventKind.TASK, 1, digest=bytes(15)),
        DeviceEvent(EventKind.TASK, -1),
        DeviceEvent(EventKind.TASK, 2**32),
        DeviceEvent(EventKind.RECEIPT, 1, counter=-1),
    ],
)
def test_an_event_whose_fields_are_out_of_range_is_refused(event: DeviceEvent) -> None:
    record = DeviceRecord(5)
    before = record.snapshot()
    with pytest.raises(CoreError, match="out of its range"):
        record.handle(event, 0)
    assert record.snapshot() == before


def test_a_task_of_the_last_round_number_cannot_lock_a_device() -> None:
    record = DeviceRecord(5)
    assert record.handle(DeviceEvent(EventKind.TASK, 2**32 - 1), 0).kind is EffectKind.IGNORE
    assert record.handle(DeviceEvent(EventKind.TASK, 1), 0).kind is EffectKind.TRAIN
