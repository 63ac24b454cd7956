"""What arrives at the coordinator: messages side by side in columns, one or a thousand.

A live coordinator hands over blocks of one message, a simulated fleet hands over all that arrive before anything else
can happen. Cutting a block in two anywhere changes nothing (a property test holds it).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: The number of a sender that the transport cannot place.
UNKNOWN_SENDER = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True, eq=False)
class MessageBlock:
    """n messages in the order of their arrival."""

    devices: NDArray[np.uint32]  # (n): senders, as the transport knows them, not as they claim
    content: NDArray[np.uint8]  # the bytes of all messages, anywhere in it
    offsets: NDArray[np.uint64]  # (n): where a message begins
    sizes: NDArray[np.uint32]  # (n)
    arrived_ms: NDArray[np.uint64]  # (n): ascending

    @property
    def n_messages(self) -> int:
        """Number of messages."""
        return self.devices.size

    def part(self, first: int, last: int) -> "MessageBlock":
        """Messages `first` up to, not including, `last`, over the same content."""
        rows = slice(first, last)
        return MessageBlock(
            self.devices[rows], self.content, self.offsets[rows], self.sizes[rows], self.arrived_ms[rows]
        )

    def message(self, row: int) -> bytes:
        """The bytes of one message."""
        start = int(self.offsets[row])
        return self.content[start : start + int(self.sizes[row])].tobytes()


def block_of(device: int, message: bytes, now_ms: int) -> MessageBlock:
    """A block of one message, as a live coordinator hands it over."""
    return MessageBlock(
        devices=np.array([device], np.uint32),
        content=np.frombuffer(message, np.uint8),
        offsets=np.zeros(1, np.uint64),
        sizes=np.array([len(message)], np.uint32),
        arrived_ms=np.array([now_ms], np.uint64),
    )
