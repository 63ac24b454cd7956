"""Which conversations were flagged, where a truth says which are attacks.

A conversation is what passes between two ends (addresses, ports, protocol), both ways; for rows that are connections it
is one connection. It is flagged if one of its rows scores above the threshold, and an attack if one of its rows is.
"""

from dataclasses import dataclass

from covey.core import PACKET_BYTES
from covey.sensing import Block
from covey.wire import SourceKind

MOST_FLOWS = 1_000_000  # remembered; those beyond are not judged
_PORTS, _PROTOCOL = 60, 66  # places in a packet (covey_packet)


@dataclass(slots=True)
class FlowCounts:
    """Conversations by truth and verdict."""

    attack: int = 0
    attack_flagged: int = 0
    benign: int = 0
    benign_flagged: int = 0

    @property
    def recall(self) -> float | None:
        """Attacks that were flagged, of all attacks."""
        return self.attack_flagged / self.attack if self.attack else None

    @property
    def precision(self) -> float | None:
        """Attacks among those that were flagged."""
        flagged = self.attack_flagged + self.benign_flagged
        return self.attack_flagged / flagged if flagged else None


class FlowJudge:
    """Collects conversations."""

    def __init__(self, kind: SourceKind) -> None:
        """kind: of the rows."""
        self._is_connection = kind is SourceKind.CONNECTIONS
        self._flows: dict[bytes | int, int] = {}  # 1: an attack, 2: flagged
        self._rows = 0

    def take(self, block: Block, scores: "memoryview[float]", labels: bytes, threshold: float) -> None:
        """Rows of a block with their labels; those from which a threshold is learnt are not for judging."""
        data = bytes(block.packets)
        for i in range(block.n):
            key = self._rows + i if self._is_connection else _conversation(data, i * PACKET_BYTES)
            known = self._flows.get(key)
            if known is None and len(self._flows) >= MOST_FLOWS:
                continue
            verdict = (labels[i] != 0) + 2 * (scores[i] > threshold)
            self._flows[key] = (known or 0) | verdict
        self._rows += block.n

    def counts(self) -> FlowCounts:
        """So far."""
        marks = list(self._flows.values())
        by = [marks.count(mark) for mark in range(4)]
        return FlowCounts(attack=by[1] + by[3], attack_flagged=by[3], benign=by[0] + by[2], benign_flagged=by[2])


def _conversation(data: bytes, at: int) -> bytes:
    """The same for both directions."""
    one = data[at + 16 : at + 32] + data[at + _PORTS : at + _PORTS + 2]
    other = data[at + 32 : at + 48] + data[at + _PORTS + 2 : at + _PORTS + 4]
    return min(one, other) + max(one, other) + data[at + _PROTOCOL : at + _PROTOCOL + 2]
