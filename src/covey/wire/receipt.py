"""The coordinator's answer to one message of a device."""

from dataclasses import dataclass

from covey.wire.cbor import Limits, decode, encode
from covey.wire.reader import Reader, require_uint
from covey.wire.verdict import Verdict

VERSION = 1
LIMITS = Limits(size_bytes=32, depth=1, items=16)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of the message of that round and counter. Durable or not, the device is done with it."""

    round: int
    counter: int
    verdict: Verdict

    def encode(self) -> bytes:
        """The message; WireError if a number is out of range."""
        require_uint("round", self.round, 32)
        require_uint("counter", self.counter, 32)
        return encode({1: VERSION, 2: self.round, 3: self.counter, 4: int(self.verdict)})

    @classmethod
    def decode(cls, data: bytes) -> "Receipt | Verdict":
        """The message, or why it is none. A verdict this side does not know is a rejection: MALFORMED is read."""
        reader = Reader(decode(data, LIMITS))
        reader.version(VERSION)
        round_number, counter, number = reader.uint(2, 32), reader.uint(3, 32), reader.uint(4, 8)
        fault = reader.finish()
        if fault is not None:
            return fault
        known = number in Verdict.__members__.values()
        return cls(round_number, counter, Verdict(number) if known else Verdict.MALFORMED)
