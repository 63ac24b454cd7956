"""The device's protocol machine: one record of 64 bytes, or a whole fleet of them in one array. Rules: docs/SPEC.md.

The field lists are numpy dtypes: np.dtype(DEVICE_FIELDS).itemsize == 64.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from covey.core.buffers import readable, releasing_views, writable
from covey.core.status import Status, checked, ffi, lib
from covey.core.updates import DIGEST_BYTES

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

DEVICE_FIELDS: list[tuple[str, str]] = [
    ("deadline_ms", "<u8"),
    ("expires_ms", "<u8"),
    ("round", "<u4"),
    ("counter", "<u4"),
    ("completed", "<u4"),
    ("ignored", "<u4"),
    ("attempts", "<u2"),
    ("state", "u1"),
    ("seen_task", "u1"),
    ("digest", "V16"),
    ("retry_ms", "<u4"),
    ("reserved", "V8"),
]
EVENT_FIELDS: list[tuple[str, str]] = [
    ("kind", "<u4"),
    ("round", "<u4"),
    ("counter", "<u4"),
    ("value", "<u4"),
    ("digest", "V16"),
]
EFFECT_FIELDS: list[tuple[str, str]] = [("kind", "<u4"), ("round", "<u4"), ("counter", "<u4"), ("reserved", "<u4")]


class DeviceState(IntEnum):
    """`covey_device_state` of covey.h."""

    IDLE = 0
    TRAINING = 1
    SENDING = 2


class EventKind(IntEnum):
    """`covey_event_kind` of covey.h."""

    BOOT = 0
    TASK = 1
    TRAINED = 2
    RECEIPT = 3
    DEADLINE = 4


class EffectKind(IntEnum):
    """`covey_effect_kind` of covey.h."""

    NONE = 0
    TRAIN = 1
    SEND = 2
    CLEAR = 3
    IGNORE = 4


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """What happened to a device; which fields count follows from `kind` (covey.h). digest: 16 bytes."""

    kind: EventKind
    round: int = 0
    counter: int = 0
    value: int = 0
    digest: bytes = bytes(16)


@dataclass(frozen=True, slots=True)
class DeviceEffect:
    """What the host shall do now, for the update of `round` and `counter`."""

    kind: EffectKind
    round: int
    counter: int


class DeviceRecord:
    """One device. Store `snapshot()` after every event and before its effect is acted on."""

    __slots__ = ("_device",)

    def __init__(self, retry_ms: int) -> None:
        """Make a device that has never seen a task; retry_ms: its first wait for a receipt, at least 1."""
        self._device = ffi.new("covey_device *")
        lib.covey_device_init(self._device, retry_ms)

    @classmethod
    def restore(cls, snapshot: bytes) -> "DeviceRecord":
        """Read back what `snapshot()` gave; CoreError if it is not that."""
        record = cls(1)
        memory = ffi.buffer(record._device)
        if len(snapshot) != len(memory):
            checked(Status.LENGTH, f"restoring a device from {len(snapshot)} bytes")
        memory[:] = snapshot
        if record._device.state not in tuple(DeviceState):
            checked(Status.FORMAT, f"restoring a device whose state is {record._device.state}")
        return record

    def snapshot(self) -> bytes:
        """The record's 64 bytes, which are all there is to a device's protocol state."""
        return bytes(ffi.buffer(self._device))

    def handle(self, event: DeviceEvent, now_ms: int) -> DeviceEffect:
        """Take one event at `now_ms`, milliseconds of a clock that does not go back; CoreError if it is malformed."""
        if len(event.digest) != DIGEST_BYTES or not 0 <= now_ms < 1 << 64:
            checked(Status.ARGUMENT, f"handling an event at {now_ms} ms with a digest of {len(event.digest)} bytes")
        try:
            given = ffi.new("covey_event *", (int(event.kind), event.round, event.counter, event.value, event.digest))
        except OverflowError:
            checked(Status.ARGUMENT, f"handling {event}")
            raise
        effect = ffi.new("covey_effect *")
        checked(lib.covey_device_handle(self._device, given, now_ms, effect), "handling an event")
        return DeviceEffect(EffectKind(effect.kind), effect.round, effect.counter)

    @property
    def state(self) -> DeviceState:
        """What the device is doing."""
        return DeviceState(self._device.state)

    @property
    def round(self) -> int:
        """Of the task at hand, or of the last one."""
        return int(self._device.round)

    @property
    def counter(self) -> int:
        """Of the last update made."""
        return int(self._device.counter)

    @property
    def completed(self) -> int:
        """Updates with a durable receipt."""
        return int(self._device.completed)

    @property
    def ignored(self) -> int:
        """Events that were stale, early, duplicates or out of place."""
        return int(self._device.ignored)

    @property
    def attempts(self) -> int:
        """Sends of the update at hand."""
        return int(self._device.attempts)

    @property
    def deadline_ms(self) -> int | None:
        """When to call with a DEADLINE event, if at all."""
        return int(self._device.deadline_ms) or None


@releasing_views
def handle_many(
    devices: "WriteableBuffer",
    index: "ReadableBuffer",
    events: "ReadableBuffer",
    now_ms: "ReadableBuffer",
    effects: "WriteableBuffer",
) -> None:
    """Give event i to devices[index[i]] at now_ms[i], in order; effect i answers it. All are checked before the first.

    devices (n) of DEVICE_FIELDS; index (m) uint32; events (m) of EVENT_FIELDS; now_ms (m) uint64; effects (m) of
    EFFECT_FIELDS. CoreError, and nothing changed, if an event is malformed or an index out of range.
    """
    places = readable("uint32_t", index, None, "index")
    n = len(places)
    fleet = writable("covey_device", devices, None, "devices")
    given = readable("covey_event", events, n, "events")
    times = readable("uint64_t", now_ms, n, "now_ms")
    answers = writable("covey_effect", effects, n, "effects")
    checked(
        lib.covey_device_handle_many(fleet, len(fleet), places, given, times, n, answers), "handling a fleet's events"
    )
