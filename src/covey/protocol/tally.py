"""Counts of one round while it is under way, and the record they become."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from covey.models import ModelVersion
from covey.protocol.effects import SendReceipts
from covey.protocol.records import Outcome, RoundRecord
from covey.wire import Verdict

#: Bytes of the longest Receipt.
RECEIPT_BYTES = 18


@dataclass(slots=True, eq=False)
class Tally:
    """What a round has seen so far."""

    round: int
    selected: int
    opened_ms: int
    down_bytes: int
    up_bytes: int = 0
    examples: int = 0
    loss: float = 0.0  # sum over rows
    verdicts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(Verdict), np.int64))

    @property
    def accepted(self) -> int:
        """Messages accepted so far."""
        return int(self.verdicts[Verdict.ACCEPTED])

    def count(self, receipts: SendReceipts, sizes: NDArray[np.uint32]) -> None:
        """Count n messages of so many bytes (n) with the receipts that answer them."""
        self.verdicts += np.bincount(receipts.verdicts, minlength=len(Verdict))
        self.up_bytes += int(sizes.sum(dtype=np.int64))
        self.down_bytes += int(receipt_sizes(receipts).sum(dtype=np.int64))

    def record(self, outcome: Outcome, now_ms: int, version: ModelVersion | None) -> RoundRecord:
        """The round's record, closed now."""
        return RoundRecord(
            round=self.round,
            outcome=outcome,
            selected=self.selected,
            verdicts=tuple(self.verdicts.tolist()),
            examples=self.examples,
            loss=self.loss / self.examples if self.examples else 0.0,
            up_bytes=self.up_bytes,
            down_bytes=self.down_bytes,
            opened_ms=self.opened_ms,
            closed_ms=now_ms,
            sequence=version.sequence if version else 0,
            digest=version.digest if version else b"",
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """For a snapshot."""
        whole = (self.round, self.selected, self.opened_ms, self.down_bytes, self.up_bytes, self.examples)
        return {
            "tally.whole": np.array(whole, np.int64),
            "tally.loss": np.array([self.loss]),
            "tally.verdicts": self.verdicts,
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> "Tally":
        """From a snapshot."""
        round_number, selected, opened_ms, down, up, examples = arrays["tally.whole"].tolist()
        verdicts = arrays["tally.verdicts"].astype(np.int64)
        loss = float(arrays["tally.loss"][0])
        return cls(round_number, selected, opened_ms, down, up, examples, loss, verdicts)


def receipt_sizes(receipts: SendReceipts) -> NDArray[np.int64]:
    """Bytes of each Receipt's encoding, (n): a test holds it to Receipt.encode."""
    fixed = 7  # the map, its four keys, the version and the verdict
    return fixed + _uint_bytes(receipts.rounds) + _uint_bytes(receipts.counters)


def _uint_bytes(values: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Bytes of CBOR's shortest form of each number, (n)."""
    return np.array([1, 2, 3, 5])[np.searchsorted(np.array([23, 255, 65535], np.uint32), values)]
