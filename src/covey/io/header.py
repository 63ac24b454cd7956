"""What a run writes at the top of its files, to know them again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from covey.errors import Code, JournalError

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Header:
    """What a run must share with its journal and its checkpoint to go on."""

    plan: str  # digests in hex
    data: str
    core: str
    seed: int
    format: int = FORMAT

    @classmethod
    def from_record(cls, record: dict[str, object]) -> Self:
        """From what `asdict` gave; ValueError where it is not that."""
        texts = [record.get(name) for name in ("plan", "data", "core")]
        numbers = [record.get(name) for name in ("seed", "format")]
        plan, data, core = (text if isinstance(text, str) else None for text in texts)
        seed, format_number = (number if type(number) is int else None for number in numbers)
        if len(record) != 5 or plan is None or data is None or core is None or seed is None or format_number is None:
            raise ValueError("not a header")
        return cls(plan, data, core, seed, format_number)

    def check(self, found: "Header", path: Path, hint: str | None = None) -> None:
        """JournalError, with this hint if any, where the file at `path`, in which `found` stands, is of another run."""
        what, where = f"the {path.name}", str(path)
        if found.format != self.format or found.core != self.core:
            cause = f"{what} was written by another version of Covey (format {found.format}, core {found.core})"
            raise JournalError(Code.JOURNAL_VERSION, cause, hint or "go on with the version that began the run", where)
        if found.plan != self.plan:
            cause = f"{what} belongs to another Plan (digest {found.plan[:12]}, not {self.plan[:12]})"
        elif found.seed != self.seed:
            cause = f"{what} belongs to another seed ({found.seed}, not {self.seed})"
        elif found.data != self.data:
            cause = f"{what} belongs to other data (digest {found.data[:12]}, not {self.data[:12]})"
            hint = hint or "resume with the very data folder of the first run"
            raise JournalError(Code.JOURNAL_OTHER_DATA, cause, hint, where)
        else:
            return
        hint = hint or "resume with the very Plan and `--set` values of the first run"
        raise JournalError(Code.JOURNAL_OTHER_PLAN, cause, hint, where)
