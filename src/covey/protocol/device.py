"""The device's machine, one device at a time: what a live device runs. The rules are the core's, in C.

The simulator steps thousands of the same records in one call (`core.handle_many`); this is the same function with
another door, so the two cannot come apart. No numpy here, but the room's other
modules need it; what a device without numpy has is `covey.core`.
"""

from covey.core import DeviceEffect, DeviceEvent, DeviceRecord, DeviceState


class Device:
    """One device: events in, one effect out. Store `snapshot()` before acting on an effect."""

    __slots__ = ("_record",)

    def __init__(self, retry_ms: int) -> None:
        self._record = DeviceRecord(retry_ms)

    def handle(self, event: DeviceEvent, now_ms: int) -> list[DeviceEffect]:
        """What to do after `event` at `now_ms`."""
        return [self._record.handle(event, now_ms)]

    def next_deadline(self) -> int | None:
        """When to call with a DEADLINE event, in milliseconds; None: no deadline."""
        return self._record.deadline_ms

    @property
    def state(self) -> DeviceState:
        """What it is doing."""
        return self._record.state

    @property
    def round(self) -> int:
        """Of the task at hand, or of the last one."""
        return self._record.round

    @property
    def counter(self) -> int:
        """Of the last message made."""
        return self._record.counter

    @property
    def completed(self) -> int:
        """Messages with a durable receipt."""
        return self._record.completed

    def snapshot(self) -> bytes:
        """The record's 64 bytes."""
        return self._record.snapshot()

    @classmethod
    def restore(cls, snapshot: bytes) -> "Device":
        """The device that `snapshot` was taken of; CoreError if it is none."""
        device = cls(1)
        device._record = DeviceRecord.restore(snapshot)
        return device
