"""What a model is for: where its rows come from, how scores become alarms. Fields 14 and 15 of a model file."""

import math
from dataclasses import dataclass
from enum import StrEnum

from covey.errors import Code, ModelError
from covey.wire.cbor import Value
from covey.wire.fields import Fields

SHORTEST_WINDOW_S = 0.001  # times are whole nanoseconds: a window must not become nothing
LONGEST_S = 366 * 86_400.0  # of a window, a gap or a silence: about a year
LONGEST_WARM_UP_S = 86_400.0  # a device that is blind for longer after each start watches nothing
MOST_WINDOW_ROWS = 1 << 20
MOST_ORDER = 16  # COVEY_MAX_ORDER of covey_watch.h
MOST_VOTES = 32  # COVEY_MAX_VOTES of covey_watch.h


class SourceKind(StrEnum):
    """Where a model's rows come from."""

    PACKETS = "packets"  # a capture, a packet CSV or an interface: features of streams, a row a packet
    CONNECTIONS = "connections"  # a connection log: a row a connection
    READINGS = "readings"  # numbers of sensors: a row a window, features named <column>_<statistic>
    ROWS = "rows"  # features made elsewhere: no source on a device gives them


class Missing(StrEnum):
    """What a reading that is not there counts as."""

    SKIP = "skip"  # as nothing: statistics are over the readings that are there
    HOLD = "hold"  # as the reading before it


@dataclass(frozen=True, slots=True)
class FeatureSchema:
    """Where a model's rows come from; ModelError for parameters that the kind does not have or that make no sense.

    Readings need exactly one of window_s (windows of time on a grid since 1970) and window_rows (windows of so many
    readings). A gap of more than gap_s between two readings ends the window; 0 is no such end.
    """

    kind: SourceKind = SourceKind.ROWS
    window_s: float = 0.0
    window_rows: int = 0
    gap_s: float = 0.0
    missing: Missing = Missing.SKIP

    def __post_init__(self) -> None:
        """Check the parameters."""
        _require_window(self.window_s)
        _require_s("gap_s", self.gap_s)
        _require(0 <= self.window_rows <= MOST_WINDOW_ROWS, f"window_rows is {self.window_rows}")
        if self.kind is SourceKind.READINGS:
            _require(
                (self.window_s > 0) != (self.window_rows > 0), "readings need either window_s or window_rows, not both"
            )
        else:
            others = (self.window_s, self.window_rows, self.gap_s, self.missing) != (0.0, 0, 0.0, Missing.SKIP)
            _require(not others, f"a source of {self.kind.value} has no windows of readings")

    def value(self) -> dict[int, Value]:
        """Field 14 of a model file."""
        return {
            1: self.kind.value,
            2: float(self.window_s),
            3: self.window_rows,
            4: float(self.gap_s),
            5: self.missing.value,
        }

    @classmethod
    def read(cls, fields: Fields) -> "FeatureSchema":
        """The schema of a field 14; ModelError or ValueError for one that `value` did not make."""
        return cls(
            SourceKind(fields.text(1)), fields.real(2), fields.number(3), fields.real(4), Missing(fields.text(5))
        )


SCHEMA_KEYS = range(1, 6)


@dataclass(frozen=True, slots=True)
class DetectionSettings:
    """How rows' scores become windows and alarms (covey_watch.h); ModelError for settings out of range.

    A window's score is its `order`-th highest row score. An alarm is raised when `votes` of the last `of` windows lie
    above the threshold, and ends when none of them lies above threshold - hysteresis. One raised within quiet_s of the
    last is not told again. The threshold is set so that benign windows lie above it alarms_per_hour times an hour.
    Rows of the first warm_up_s seconds after features begin afresh are in no window.

    Defaults: 10 seconds are soon enough to act and long enough for some packets of most devices; the third highest
    score and two windows of three, so that neither an odd packet nor an odd window is an alarm. No warm-up: rows of
    connections and readings need none, and a capture may be short; a model of packets that is to watch for hours does.
    """

    window_s: float = 10.0  # 0: each row is a window
    order: int = 3
    votes: int = 2
    of: int = 3
    hysteresis: float = 0.5
    quiet_s: float = 300.0
    alarms_per_hour: float = 1.0
    warm_up_s: float = 0.0

    def __post_init__(self) -> None:
        """Check the settings."""
        _require_window(self.window_s)
        _require_s("quiet_s", self.quiet_s)
        _require(1 <= self.order <= MOST_ORDER, f"order is {self.order}; it is from 1 to {MOST_ORDER}")
        _require(1 <= self.of <= MOST_VOTES, f"of is {self.of}; it is from 1 to {MOST_VOTES}")
        _require(1 <= self.votes <= self.of, f"votes is {self.votes}; it is from 1 to of = {self.of}")
        _require(0 <= self.hysteresis <= 1e30, f"hysteresis is {self.hysteresis}; it is finite and not negative")
        _require(
            0 < self.alarms_per_hour <= 1e6,
            f"alarms_per_hour is {self.alarms_per_hour}; it is above 0 and at most 1,000,000",
        )
        in_range = 0 <= self.warm_up_s <= LONGEST_WARM_UP_S
        _require(in_range, f"warm_up_s is {self.warm_up_s}; it is from 0 to {LONGEST_WARM_UP_S:.0f} seconds")

    def value(self) -> dict[int, Value]:
        """Field 15 of a model file."""
        return {
            1: float(self.window_s),
            2: self.order,
            3: self.votes,
            4: self.of,
            5: float(self.hysteresis),
            6: float(self.quiet_s),
            7: float(self.alarms_per_hour),
            8: float(self.warm_up_s),
        }

    @classmethod
    def read(cls, fields: Fields) -> "DetectionSettings":
        """The settings of a field 15; ModelError for some that `value` did not make."""
        return cls(
            window_s=fields.real(1),
            order=fields.number(2),
            votes=fields.number(3),
            of=fields.number(4),
            hysteresis=fields.real(5),
            quiet_s=fields.real(6),
            alarms_per_hour=fields.real(7),
            warm_up_s=fields.real(8),
        )


DETECTION_KEYS = range(1, 9)


def _require_window(window_s: float) -> None:
    _require_s("window_s", window_s)
    least = f"window_s is {window_s}; it is 0 or at least {SHORTEST_WINDOW_S} seconds"
    _require(window_s == 0 or window_s >= SHORTEST_WINDOW_S, least)


def _require_s(name: str, value: float) -> None:
    _require(
        math.isfinite(value) and 0 <= value <= LONGEST_S, f"{name} is {value}; it is from 0 to {LONGEST_S:.0f} seconds"
    )


def _require(holds: bool, text: str) -> None:
    if not holds:
        raise ModelError(Code.MODEL_SHAPE, text)


DEFAULT_SCHEMA = FeatureSchema()
DEFAULT_DETECTION = DetectionSettings()
