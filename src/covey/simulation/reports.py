"""What a simulation says of a round: its record, a look at the test rows, and how fast it went."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from covey.protocol import Outcome, RoundRecord
from covey.simulation.judging import Look
from covey.wire import Verdict

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Pace:
    """Wall-clock time of a round, judging not counted."""

    seconds: float
    training_seconds: float  # in the core


@dataclass(frozen=True, slots=True)
class RoundReport:
    """One round of one federation."""

    record: RoundRecord
    look: Look | None  # None in rounds that were not judged
    pace: Pace
    of_rounds: int
    elapsed_s: float  # wall-clock, since the run began or went on
    federation: str  # "" where there is only one

    @property
    def round(self) -> int:
        """Number of the round; 0 is the statistics round."""
        return self.record.round

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        return self.record.outcome

    @property
    def cohort(self) -> int:
        """Devices asked."""
        return self.record.selected

    @property
    def verdicts(self) -> Mapping[str, int]:
        """Messages by verdict."""
        return self.record.named_verdicts()

    @property
    def loss(self) -> float:
        """Mean training loss."""
        return self.record.loss

    @property
    def up_bytes(self) -> int:
        """Bytes that came from devices."""
        return self.record.up_bytes

    @property
    def down_bytes(self) -> int:
        """Bytes sent to devices."""
        return self.record.down_bytes

    @property
    def accuracy(self) -> float | None:
        """Accuracy on all test rows."""
        return self.look.accuracy if self.look else None

    @property
    def macro_f1(self) -> float | None:
        """Macro-F1 on all test rows."""
        return self.look.macro_f1 if self.look else None

    @property
    def worst_device(self) -> str | None:
        """The device with the lowest accuracy."""
        return self.look.worst_device if self.look else None

    @property
    def worst_accuracy(self) -> float | None:
        """Its accuracy."""
        return self.look.worst_accuracy if self.look else None

    @property
    def device_rounds_per_s(self) -> float:
        """Updates accepted a second of wall-clock time."""
        return self.record.accepted / self.pace.seconds if self.pace.seconds > 0 else 0.0

    def to_json(self) -> dict[str, object]:
        """For the journal."""
        record, look = self.record, self.look
        return {
            "round": record.round,
            "outcome": record.outcome.value,
            "selected": record.selected,
            "verdicts": list(record.verdicts),
            "examples": record.examples,
            "loss": record.loss,
            "up_bytes": record.up_bytes,
            "down_bytes": record.down_bytes,
            "opened_ms": record.opened_ms,
            "closed_ms": record.closed_ms,
            "sequence": record.sequence,
            "digest": record.digest.hex(),
            "look": None
            if look is None
            else [
                look.loss,
                look.accuracy,
                look.macro_f1,
                look.worst_device,
                look.worst_accuracy,
            ],
            "pace": [self.pace.seconds, self.pace.training_seconds],
            "federation": self.federation,
        }

    @classmethod
    def from_json(cls, written: dict[str, object], of_rounds: int) -> Self:
        """From the journal; ValueError, TypeError or KeyError where it is not that."""
        values = _Values(written)
        verdicts = tuple(int(count) for count in values.numbers("verdicts", len(Verdict)))
        record = RoundRecord(
            round=values.whole("round"),
            outcome=Outcome(values.text("outcome")),
            selected=values.whole("selected"),
            verdicts=verdicts,
            examples=values.whole("examples"),
            loss=values.number("loss"),
            up_bytes=values.whole("up_bytes"),
            down_bytes=values.whole("down_bytes"),
            opened_ms=values.whole("opened_ms"),
            closed_ms=values.whole("closed_ms"),
            sequence=values.whole("sequence"),
            digest=bytes.fromhex(values.text("digest")),
        )
        pace = Pace(*values.numbers("pace", 2))
        return cls(record, values.look(), pace, of_rounds, elapsed_s=0.0, federation=values.text("federation"))


def idle_rounds(reports: Iterable[RoundReport]) -> Counter[Outcome]:
    """Training rounds that left the model as it was, by how they ended."""
    return Counter(one.outcome for one in reports if one.round and one.outcome is not Outcome.PUBLISHED)


def idle_words(idle: Mapping[Outcome, int]) -> str:
    """`3 rejected by gate, 1 too few updates`."""
    return ", ".join(f"{count:,} {outcome.value.replace('_', ' ')}" for outcome, count in idle.items())


class _Values:
    """Typed access to one record of the journal."""

    def __init__(self, written: dict[str, object]) -> None:
        self._written = written

    def whole(self, name: str) -> int:
        value = self._written[name]
        if not isinstance(value, int):
            raise TypeError(name)
        return value

    def number(self, name: str) -> float:
        return _number(self._written[name])

    def text(self, name: str) -> str:
        value = self._written[name]
        if not isinstance(value, str):
            raise TypeError(name)
        return value

    def numbers(self, name: str, count: int) -> list[float]:
        value = self._written[name]
        if not isinstance(value, list) or len(value) != count:
            raise TypeError(name)
        return [_number(entry) for entry in value]

    def look(self) -> Look | None:
        value = self._written["look"]
        if value is None:
            return None
        if not isinstance(value, list):
            raise TypeError("look")
        loss, accuracy, macro_f1, worst_device, worst_accuracy = value
        figures = (None if figure is None else _number(figure) for figure in (loss, accuracy, macro_f1))
        loss, accuracy, macro_f1 = figures
        return Look(loss, accuracy, macro_f1, str(worst_device), _number(worst_accuracy))


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError(repr(value))
    return float(value)
