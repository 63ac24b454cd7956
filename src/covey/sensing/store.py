"""The rules of a device's local store: what fits into it, what is believed benign, and what a label means.

Rows of features are the device's own telemetry. They are kept for local training only and never leave it; no message
has a field for them. `sampling` says which are kept, `covey.io.local_store` keeps them on the disk, docs/store.md tells
an operator about it.

A row is believed benign without an operator's word (a pseudo-label) only if
- the model was calibrated, and the row's score is far below the threshold of its time: by a factor of `far` (scores are
  logarithms, of odds or of errors);
- no window within `calm_s` before or after it came near the threshold, or was in alarm; and
- `calm_windows` windows have ended since it was taken in, whatever the time in packets says.
Nothing is ever taken for an attack without an operator's word.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from hashlib import sha256
from itertools import pairwise
from math import ceil, log
from typing import Protocol

from covey.core import Loss
from covey.wire import ModelFile

NANOSECONDS = 1_000_000_000
PAGE_BYTES = 4096
BENIGN, ATTACK = "benign", "attack"


class Pool(IntEnum):
    """Which quota a row counts in."""

    CALM = 0  # far below the threshold, or taken before there was one
    UNUSUAL = 1  # near or above it, by kind of alarm
    JUDGED = 2  # of alerts that an operator has judged


class Origin(StrEnum):
    """Who says what a row is."""

    OPERATOR = "operator"
    PSEUDO = "pseudo"  # the rule above
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class StoreSchema:
    """What the rows of a store are."""

    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] = ()  # of the model in use: what an operator may answer
    learns_usual: bool = False  # the model in use reconstructs what is usual, instead of telling classes apart

    @classmethod
    def of(cls, model: ModelFile) -> "StoreSchema":
        """What a store for this model holds."""
        design = model.design
        return cls(design.feature_names, design.class_names, design.loss in (Loss.MSE, Loss.HUBER))

    @property
    def digest(self) -> str:
        """Tells stores of other features apart; what else is said here may change with the model."""
        return sha256("\0".join((str(len(self.feature_names)), *self.feature_names)).encode()).hexdigest()

    @property
    def row_bytes(self) -> int:
        """Bytes of a row's features."""
        return 4 * len(self.feature_names)


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """How much is kept, and what is believed.

    size_bytes bounds the database with its log and index files together. age_s is by the host's clock, from when a row
    was taken in, so that times in packets cannot empty the store.
    """

    size_bytes: int = 32 << 20
    age_s: float = 30 * 86_400.0
    strata: int = 10  # stretches of time with equal shares
    unusual: float = 0.2  # share of the rows near alarms
    judged: float = 0.2  # share of the rows of alerts that an operator has judged
    far: float = 8.0
    calm_s: float = 300.0
    calm_windows: int = 6

    def __post_init__(self) -> None:
        """ValueError for values out of range."""
        if not 1 << 20 <= self.size_bytes <= 1 << 40:
            raise ValueError(f"the store's size is {self.size_bytes} bytes; it must be 1 MiB to 1 TiB")
        if not 60 <= self.age_s <= 100 * 365 * 86_400:
            raise ValueError(f"the store's age is {self.age_s} s; it must be a minute to a hundred years")
        if not 1 <= self.strata <= 100 or not (self.unusual > 0 < self.judged and self.unusual + self.judged < 1):
            raise ValueError("the store's shares must be positive and leave something for usual rows")
        if not self.far > 1 or not self.calm_s >= 0 or not self.calm_windows >= 0:
            raise ValueError("far must be more than 1, calm_s and calm_windows not negative")

    @property
    def log_bytes(self) -> int:
        """Of size_bytes, what SQLite's write-ahead log may take."""
        return min(self.size_bytes // 4, 4 << 20)

    @property
    def index_bytes(self) -> int:
        """Of size_bytes, what the log's shared index may take: 32 KiB for every 4,000 pages in the log."""
        return (32 << 10) * ceil((self.log_bytes // PAGE_BYTES + 1) / 4000)

    @property
    def most_pages(self) -> int:
        """Pages of the database itself."""
        return (self.size_bytes - self.log_bytes - self.index_bytes) // PAGE_BYTES


#: Bytes of a row beside its features: numbers, names, its packet and SQLite's own; measured, and rounded up.
ROW_OVERHEAD = 220
#: Bytes of a row that one page holds; a longer one takes pages of its own.
LONGEST_CELL = PAGE_BYTES - 64
#: Rows that are replaced by longer ones leave gaps in pages: so much of the space is counted on.
FILL = 0.65
#: Bytes that an alert takes, with its label and its index.
ALERT_BYTES = 900
SHARE_OF_ALERTS = 0.1
#: More than anybody judges; all of them are forgotten in one transaction when they are too old.
MOST_ALERTS = 4000
#: Pages of tables that stay small, and how many of them one transaction writes at most.
FIXED_PAGES, FIXED_FRAMES = 48, 24
#: A page in the write-ahead log.
FRAME_BYTES = PAGE_BYTES + 24


@dataclass(frozen=True, slots=True)
class Quotas:
    """Rows and alerts that fit."""

    calm: int
    unusual: int
    judged: int
    alerts: int
    batch: int  # rows that one transaction may write so that its pages fit the log

    @classmethod
    def of(cls, limits: StoreLimits, schema: StoreSchema) -> "Quotas":
        """From the bound in bytes; ValueError where not even a few rows fit."""
        size = schema.row_bytes + ROW_OVERHEAD
        pages_a_row = 1 / (LONGEST_CELL // size) if size <= LONGEST_CELL else 1 + ceil(size / (PAGE_BYTES - 4))
        pages = limits.most_pages - FIXED_PAGES
        alerts = min(int(pages * PAGE_BYTES * SHARE_OF_ALERTS) // ALERT_BYTES, MOST_ALERTS)
        rows = int(pages * (1 - SHARE_OF_ALERTS) * FILL / pages_a_row)
        batch = int((0.75 * limits.log_bytes / FRAME_BYTES - FIXED_FRAMES) / (2 * max(1.0, pages_a_row)))
        unusual, judged = int(rows * limits.unusual), int(rows * limits.judged)
        quotas = cls(rows - unusual - judged, unusual, judged, alerts, batch)
        if min(quotas.unusual, quotas.judged, quotas.alerts, quotas.batch) < 4 or quotas.calm <= limits.strata:
            raise ValueError(f"{limits.size_bytes} bytes hold only {max(0, rows)} rows of {size} bytes")
        return quotas


class WindowLike(Protocol):
    """What the rules want of a window that ended: core.Window, for one."""

    @property
    def start_ns(self) -> int: ...
    @property
    def end_ns(self) -> int: ...
    @property
    def score(self) -> float: ...
    @property
    def threshold(self) -> float: ...
    @property
    def top_score(self) -> float: ...
    @property
    def alarm(self) -> int: ...
    @property
    def top(self) -> bytes: ...


def far_below(threshold: float, far: float) -> float:
    """The highest score that is far below the threshold: by a factor of `far` in odds or in error."""
    return threshold - log(far)


#: Spans of doubt that are remembered; beyond, the two nearest become one: more doubt, never less.
MOST_SPANS = 256


@dataclass(slots=True)
class Doubt:
    """Stretches of the stream's time in which nothing is believed.

    They surround windows that were not calm, and the two ends of each stretch that was watched: what came before it
    began and after it ended nobody saw.
    """

    calm_ns: int
    spans: list[tuple[int, int]] = field(default_factory=list)  # ascending, apart from each other
    end_ns: int = 0  # of the last window
    windows: int = 0  # that have ended
    is_watching: bool = False  # whether a window has ended since the start of the program

    def window(self, start_ns: int, end_ns: int, *, is_calm: bool) -> bool:
        """Take in a window that ended; whether the spans have changed."""
        begins = not self.is_watching
        if begins:
            if self.windows:
                self._add(self.end_ns, self.end_ns)
            self._add(start_ns, start_ns)
            self.is_watching = True
        if not is_calm:
            self._add(start_ns, end_ns)
        self.end_ns = end_ns
        self.windows += 1
        return begins or not is_calm

    def believes(self, time_ns: int, window: int, calm_windows: int) -> bool:
        """Whether a calm row of this time, taken when so many windows had ended, may be believed benign by now."""
        if self.windows - window < calm_windows or abs(time_ns - self.end_ns) <= self.calm_ns:
            return False
        return not any(first <= time_ns <= last for first, last in self.spans)

    def _add(self, start_ns: int, end_ns: int) -> None:
        first, last = start_ns - self.calm_ns, end_ns + self.calm_ns
        near = [span for span in self.spans if not (span[1] < first or span[0] > last)]
        apart = [span for span in self.spans if span[1] < first or span[0] > last]
        joined = (min([first, *(span[0] for span in near)]), max([last, *(span[1] for span in near)]))
        self.spans = sorted([*apart, joined])
        while len(self.spans) > MOST_SPANS:
            gaps = [later[0] - earlier[1] for earlier, later in pairwise(self.spans)]
            at = gaps.index(min(gaps))
            self.spans[at : at + 2] = [(self.spans[at][0], self.spans[at + 1][1])]


def class_of(label: str, class_names: Sequence[str]) -> int | None:
    """The class that a label means to a model of these classes, 0 being benign; None: it says nothing to this model.

    "attack" is the one other class of a model with two; a model of several kinds cannot learn which it was.
    """
    if label == BENIGN or (class_names and label == class_names[0]):
        return 0
    if label in class_names:
        return list(class_names).index(label)
    return 1 if len(class_names) == 2 else None
