"""The real coordinator over spool folders: what a coordinator's program will do by network, in a test by files."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from covey.io.spool import put_message
from covey.models import ModelVersion
from covey.protocol import (
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
    Settings,
    SketchesReceived,
    Started,
    UpdatesReceived,
    Validate,
    ValidationDone,
    block_of,
)
from covey.selection import Candidates, DeviceStates
from covey.wire import Receipt, Verdict


def states(devices: np.ndarray) -> DeviceStates:
    n = devices.size
    return DeviceStates(np.ones(n, np.float32), np.ones(n, np.bool_), np.zeros(n, np.bool_), np.full(n, 9))


@dataclass
class SpoolFleet:
    """A coordinator with devices that are folders; `turn` handles what has come and answers it."""

    settings: Settings
    folders: list[Path]
    publishes: bool = True  # whether models travel on their own, as they will by a retained message
    now: int = 0
    records: list[RoundRecord] = field(default_factory=list)
    published: list[ModelVersion] = field(default_factory=list)
    messages: list[tuple[int, str, bytes]] = field(default_factory=list)  # all that came: device, file, bytes
    sent: list[tuple[int, bytes]] = field(default_factory=list)  # all tasks
    finished: bool = False
    _number: int = 0

    def __post_init__(self) -> None:
        self.coordinator = Coordinator(self.settings, Candidates(len(self.folders), states))
        self.rng = np.random.Generator(np.random.Philox(key=1))
        for folder in self.folders:
            for part in ("inbox", "outbox"):
                (folder / part).mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        self._handle(Started())

    def turn(self, now_ms: int) -> int:
        """Take all messages out of the outboxes; how many there were."""
        self.now = max(self.now, now_ms)
        taken = 0
        for device, folder in enumerate(self.folders):
            for path in sorted((folder / "outbox").glob("[!.]*")):
                content = path.read_bytes()
                self.messages.append((device, path.name, content))
                block = block_of(device, content, self.now)
                kind = SketchesReceived if path.name.startswith("sketch") else UpdatesReceived
                self._handle(kind(block))
                path.unlink()
                taken += 1
        deadline = self.coordinator.next_deadline()
        if deadline is not None and self.now >= deadline:
            self._handle(DeadlinePassed())
        return taken

    def _handle(self, event: Event) -> None:
        self._apply(self.coordinator.handle(event, self.now, self.rng))

    def _apply(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case SendTasks():
                    for row, device in enumerate(effect.devices.tolist()):
                        content = effect.message(row)
                        self.sent.append((device, content))
                        self._put(device, "task", content)
                case SendReceipts():
                    self._send_receipts(effect)
                case Validate(candidate):
                    self._handle(ValidationDone(candidate.sequence, bool(np.isfinite(candidate.parameters).all())))
                case Publish(version):
                    self.published.append(version)
                    for device in range(len(self.folders) if self.publishes else 0):
                        self._put(device, "model", version.file.encode())
                case RecordRound(record):
                    self.records.append(record)
                case Finished():
                    self.finished = True

    def _send_receipts(self, effect: SendReceipts) -> None:
        columns = (effect.devices, effect.rounds, effect.counters, effect.verdicts)
        for device, number, counter, verdict in zip(*columns, strict=True):
            receipt = Receipt(int(number), int(counter), Verdict(int(verdict)))
            self._put(int(device), "receipt", receipt.encode())

    def _put(self, device: int, kind: str, content: bytes) -> None:
        self._number += 1
        put_message(self.folders[device] / "inbox", f"{kind}-{self._number}.cbor", content)

    def updates(self, device: int) -> list[bytes]:
        """Update messages of a device as they came, each once, by round."""
        found = {name: content for of, name, content in self.messages if of == device and name.startswith("update")}
        return [found[name] for name in sorted(found, key=lambda name: int(name.split("-")[1]))]
