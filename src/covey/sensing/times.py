"""Times in text: numbers since 1970, or ISO 8601. No clock and no time zones but UTC and given offsets."""

import re

NS = 1_000_000_000
LATEST_NS = (1 << 63) - 1
# A number of at least so much is of the unit; as seconds it would lie beyond the year 5000.
_UNITS = ((10**17, 1), (10**14, 10**3), (10**11, 10**6), (0, NS))
#: Names of columns that say the unit of their numbers.
UNITS_NS = {"time_ns": 1, "time_us": 10**3, "time_ms": 10**6, "time_s": NS, "frame.time_epoch": NS}
_NUMBER = re.compile(r"(\d{1,20})(?:\.(\d{0,30}))?\Z", re.ASCII)
_EXPONENT = re.compile(r"\d{1,20}(?:\.\d{0,30})?[eE]\+?\d{1,2}\Z", re.ASCII)
_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,30}))?)?)?"
    r"\s?(?:Z|z|UTC|([+-])(\d{2}):?(\d{2})?)?\Z",
    re.ASCII,
)
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def parse_time(text: str, unit_ns: int | None = None) -> int | None:
    """Nanoseconds since 1970 UTC, or None for a text that is no time, or none from 1970 to 2262.

    Numbers are in units of unit_ns; without, seconds, milliseconds, microseconds or nanoseconds, by their size. They
    may have decimals, and are not rounded to float64. ISO 8601 without an offset is UTC.
    """
    text = text.strip()
    if match := _NUMBER.match(text):
        whole, decimals = int(match[1]), match[2] or ""
    elif _EXPONENT.match(text):
        whole, decimals = int(float(text)), ""
    else:
        return _iso(text)
    unit = unit_ns or next(unit for least, unit in _UNITS if whole >= least)
    time_ns = whole * unit + (int(decimals) * unit // 10 ** len(decimals) if decimals else 0)
    return time_ns if time_ns <= LATEST_NS else None


def _iso(text: str) -> int | None:
    match = _ISO.match(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1] + (is_leap and month == 2):
        return None
    if hour > 23 or minute > 59 or second > 59:
        return None
    offset_s = (int(match[9] or 0) * 60 + int(match[10] or 0)) * 60 * (-1 if match[8] == "-" else 1)
    seconds = ((_days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second - offset_s
    fraction = int((match[7] or "0")[:9].ljust(9, "0"))
    time_ns = seconds * NS + fraction
    return time_ns if 0 <= time_ns <= LATEST_NS else None


def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 in the Gregorian calendar."""
    years = year - 1
    leaps = years // 4 - years // 100 + years // 400
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return years * 365 + leaps + sum(_DAYS[: month - 1]) + (is_leap and month > 2) + day - 1 - 719_162
