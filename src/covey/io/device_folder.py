"""What a device that takes part in training must not forget: its protocol record, and what it owes or was told.

    device      the record of the device's machine (64 bytes), with a checksum
    answer      the update or sketch at hand, until a receipt says what became of it
    order       the Task that it answers, where its control variate depends on that
    equipment   the Task that brought the encoding and the model's shape
    variate     its control variate, and after which round
    line        the fleet's newest model that it could verify; model: the one that it detects with

Every file is replaced in one step and synced, so that a crash leaves the old content or the new; a file that its
checksum does not fit is damage, which is told and never guessed around.
"""

import os
import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from covey.errors import Code, OutputError
from covey.io.files import sync_folder
from covey.io.store_file import store_error

_HEAD = struct.Struct("<8sI")
_MAGIC = b"COVEYDV1"
_ANSWER = struct.Struct("<8sII")
_VARIATE = struct.Struct("<I")


class Part(StrEnum):
    """The files."""

    DEVICE = "device"
    ANSWER = "answer"
    ORDER = "order"
    EQUIPMENT = "equipment"
    VARIATE = "variate"
    LINE = "line"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Answer:
    """A message that the device owes the coordinator. kind: as the transport calls it, 8 characters at most."""

    kind: str
    round: int
    counter: int
    content: bytes


class DeviceFolder:
    """One device's folder; made by `open`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, folder: Path) -> "DeviceFolder":
        """The folder, made where it is missing; OutputError where that cannot be."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left in folder.glob(".*.draft"):  # of a crash
                left.unlink(missing_ok=True)
            sync_folder(folder.parent)
        except OSError as error:
            raise store_error(folder, error) from error
        return cls(folder)

    def read(self, part: Part) -> bytes | None:
        """What was written, None where there is nothing; OutputError where it is damaged or cannot be read."""
        path = self.path / part
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise store_error(self.path, error) from error
        body = content[_HEAD.size :]
        if content[: _HEAD.size] != _HEAD.pack(_MAGIC, zlib.crc32(body)):
            raise OutputError(Code.FEDERATED_STATE, f"{path} is not what this device wrote", None, str(path))
        return body

    def write(self, part: Part, body: bytes) -> None:
        """Replace a file; durable once this returns. OutputError where it cannot be written."""
        draft = self.path / f".{part}.draft"
        try:
            with draft.open("wb") as file:
                file.write(_HEAD.pack(_MAGIC, zlib.crc32(body)))
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path / part)
            sync_folder(self.path)
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            raise store_error(self.path, error) from error

    def drop(self, part: Part) -> None:
        """Remove a file, if it is there."""
        try:
            (self.path / part).unlink(missing_ok=True)
            sync_folder(self.path)
        except OSError as error:
            raise store_error(self.path, error) from error

    def answer(self) -> Answer | None:
        """The message at hand, if there is one."""
        body = self.read(Part.ANSWER)
        if body is None:
            return None
        kind, round_number, counter = _ANSWER.unpack_from(body)
        return Answer(kind.rstrip(b"\0").decode(), round_number, counter, body[_ANSWER.size :])

    def keep_answer(self, answer: Answer) -> None:
        """Write the message at hand down."""
        head = _ANSWER.pack(answer.kind.encode(), answer.round, answer.counter)
        self.write(Part.ANSWER, head + answer.content)

    def variate(self) -> tuple[int, bytes] | None:
        """The round after which the control variate was moved last, and its float32."""
        body = self.read(Part.VARIATE)
        return None if body is None else (*_VARIATE.unpack_from(body), body[_VARIATE.size :])

    def keep_variate(self, round_number: int, values: bytes) -> None:
        """Write the control variate down."""
        self.write(Part.VARIATE, _VARIATE.pack(round_number) + values)
