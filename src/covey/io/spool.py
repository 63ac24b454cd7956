"""A spool: a folder by which messages come to a device and leave it, where there is no network or others have it.

    inbox/task-7.cbor, receipt-12.cbor, model-3.cbor     written by the coordinator's side, removed by the device
    outbox/sketch-0-1.cbor, update-7-2.cbor              written by the device, removed by the coordinator's side

Rules, for both sides: a message is written under a name that begins with a dot, synced, and then given its name in one
step; so a name that is there stands for a whole message. Numbers order messages of one kind: lower ones came first. A
message is removed only when what follows from it is durable; until then it is given again after a restart. A network
transport will have the same face: `receive`, `done`, `send`.

A spool belongs to Covey. What comes with another name, as no plain file, or longer than its kind may be, is removed and
counted by its verdict, as a message that cannot be read is; folders are left alone. Nothing of a spool is followed
(links) or waited for (pipes).
"""

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path

from covey.errors import Code, OutputError
from covey.io.files import sync_folder
from covey.wire import Verdict


class Inbound(StrEnum):
    """What comes to a device; handled in this order, so that an answer is seen before the next question."""

    RECEIPT = "receipt"
    MODEL = "model"
    TASK = "task"


class Outbound(StrEnum):
    """What leaves a device."""

    SKETCH = "sketch"
    UPDATE = "update"


#: Bytes of a message at most: the limits of `covey.wire`, with room for none beyond.
MOST_BYTES = {Inbound.RECEIPT: 32, Inbound.MODEL: 16 << 20, Inbound.TASK: 20 << 20}
#: Entries of the inbox that are looked at in one go, and messages that are read of them.
MOST_ENTRIES, MOST_MESSAGES = 4096, 64
_NAME = re.compile(r"(receipt|model|task)-(0|[1-9][0-9]{0,18})\.cbor")
SUFFIX, DRAFT = ".cbor", ".draft"


@dataclass(frozen=True, slots=True)
class Arrived:
    """One message for the device."""

    kind: Inbound
    number: int
    content: bytes

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.kind}-{self.number}{SUFFIX}"


@dataclass(slots=True)
class Spool:
    """The device's side of a spool; made by `open`."""

    folder: Path
    refused: dict[Verdict, int] = field(default_factory=dict)  # what was removed unread, by reason

    @classmethod
    def open(cls, folder: Path) -> "Spool":
        """The spool in `folder`, made where it is missing; OutputError where that cannot be."""
        spool = cls(folder)
        try:
            for part in (spool.inbox, spool.outbox):
                part.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left in spool.outbox.glob(f".*{DRAFT}"):  # of a crash
                left.unlink(missing_ok=True)
            sync_folder(folder)
        except OSError as error:
            raise _unusable(folder, error) from error
        return spool

    @property
    def inbox(self) -> Path:
        """Where messages come."""
        return self.folder / "inbox"

    @property
    def outbox(self) -> Path:
        """Where messages leave."""
        return self.folder / "outbox"

    def receive(self, skip: str = "") -> Iterator[Arrived]:
        """Messages that are there, receipts first, then by number; each again until it is `done`.

        They are read one at a time, as they are asked for; the one of the name `skip` is not. OutputError where the
        folder cannot be read.
        """
        try:
            with os.scandir(self.inbox) as entries:
                names = [entry.name for entry in islice(entries, MOST_ENTRIES)]
        except OSError as error:
            raise _unusable(self.folder, error) from error
        known = []
        for name in names:
            found = _NAME.fullmatch(name)
            if found and name != skip:
                known.append((list(Inbound).index(Inbound(found[1])), int(found[2]), name))
            elif not found and not name.startswith("."):  # a dot: somebody is still writing
                self.refuse(name, Verdict.MALFORMED)
        arrived = (self._read(Inbound(list(Inbound)[kind]), number, name) for kind, number, name in sorted(known))
        yield from islice((message for message in arrived if message is not None), MOST_MESSAGES)

    def done(self, message: Arrived) -> None:
        """Nothing of this message is left to do; OutputError where it cannot be removed."""
        try:
            (self.inbox / message.name).unlink(missing_ok=True)
        except OSError as error:
            raise _unusable(self.folder, error) from error

    def refuse(self, name: str, verdict: Verdict) -> None:
        """Count and remove what is no message, as far as it can be removed."""
        place = self.inbox / name
        with suppress(OSError):
            if not stat.S_ISDIR(place.lstat().st_mode):
                place.unlink()
                self.refused[verdict] = self.refused.get(verdict, 0) + 1

    def send(self, kind: Outbound, round_number: int, counter: int, content: bytes) -> None:
        """Let a message leave; it is durable once this returns. Again does no harm. OutputError where it cannot be."""
        put_message(self.outbox, f"{kind}-{round_number}-{counter}{SUFFIX}", content)

    def _read(self, kind: Inbound, number: int, name: str) -> Arrived | None:
        """A message's bytes; None, and counted, where it is none, or gone."""
        try:
            handle = os.open(self.inbox / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
                self.refuse(name, Verdict.MALFORMED)
                return None
            raise _unusable(self.folder, error) from error
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            self.refuse(name, Verdict.MALFORMED)
            return None
        with os.fdopen(handle, "rb") as file:
            content = file.read(MOST_BYTES[kind] + 1)
        if len(content) > MOST_BYTES[kind]:
            self.refuse(name, Verdict.TOO_LARGE)
            return None
        return Arrived(kind, number, content)


def put_message(folder: Path, name: str, content: bytes) -> None:
    """Write a message so that it is there whole or not at all; OutputError where it cannot be written."""
    draft = folder / f".{name}{DRAFT}"
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / name)
        sync_folder(folder)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise _unusable(folder, error) from error


def _unusable(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        Code.SPOOL_NOT_WRITABLE,
        f"the spool {folder} cannot be used: {error.strerror or error}",
        "check its owner and rights and the room on its disk; what is to be sent is kept until then",
        str(folder),
    )
