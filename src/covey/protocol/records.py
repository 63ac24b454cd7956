"""What is written down of a round: the journal, the live table and the report read this and nothing else."""

from dataclasses import dataclass
from enum import StrEnum

from covey.wire import Verdict


class Outcome(StrEnum):
    """How a round ended."""

    PUBLISHED = "published"
    TOO_FEW_UPDATES = "too_few_updates"
    REJECTED_BY_GATE = "rejected_by_gate"


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """One round. Round 0 is the statistics round: its messages are sketches, its examples the rows they speak for."""

    round: int
    outcome: Outcome
    selected: int  # devices asked
    verdicts: tuple[int, ...]  # messages by Verdict
    examples: int  # training rows behind the accepted messages, as far as devices count with them
    loss: float  # mean training loss of the accepted updates, by rows; 0 where there are none
    up_bytes: int  # of all messages that arrived while it was open or its model judged, whatever their verdict
    down_bytes: int  # of all Tasks sent, and of the receipts of those messages
    opened_ms: int
    closed_ms: int
    sequence: int  # of the model that is current after the round
    digest: bytes  # of that model

    def count(self, verdict: Verdict) -> int:
        """Messages with this verdict."""
        return self.verdicts[verdict]

    @property
    def accepted(self) -> int:
        """Messages accepted."""
        return self.verdicts[Verdict.ACCEPTED]

    def named_verdicts(self) -> dict[str, int]:
        """Counts by the verdict's name, those of 0 left out."""
        return {verdict.label: self.verdicts[verdict] for verdict in Verdict if self.verdicts[verdict]}
