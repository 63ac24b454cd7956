"""Times in text: exact, and nothing but times."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.sensing.times import LATEST_NS, parse_time


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("0", 0),
        ("0.5", 500_000_000),
        ("12.", 12_000_000_000),
        ("1547127288.026074", 1_547_127_288_026_074_000),
        ("1547127288.026074123", 1_547_127_288_026_074_123),
        ("1547127288026", 1_547_127_288_026_000_000),
        ("1547127288026.5", 1_547_127_288_026_500_000),
        ("1547127288026074", 1_547_127_288_026_074_000),
        ("1547127288026074123", 1_547_127_288_026_074_123),
        ("1.5e9", 1_500_000_000_000_000_000),
        (" 1970-01-02 ", 86_400_000_000_000),
        ("2000-02-29T00:00:00Z", 951_782_400_000_000_000),
        ("2024-05-01 12:00", 1_714_564_800_000_000_000),
        ("2024-05-01T12:00:00.25+02:00", 1_714_557_600_250_000_000),
        ("2024-05-01T12:00:00,1234567899-0530", 1_714_584_600_123_456_789),
    ],
)
def test_a_time_is_read_to_the_nanosecond(text: str, time_ns: int) -> None:
    assert parse_time(text) == time_ns


def test_a_unit_that_is_given_holds_whatever_the_size() -> None:
    assert [parse_time("1500000000.5", unit) for unit in (None, 1, 10**3, 10**6)] == [
        1_500_000_000_500_000_000,
        1_500_000_000,
        1_500_000_000_500,
        1_500_000_000_500_000,
    ]
    assert parse_time("1970-01-01T00:00:01Z", 1) == 1_000_000_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "1.2.3",
        "nan",
        "inf",
        "1e99",
        "noon",
        "99999999999999999999",
        "2023-02-29",
        "2100-02-29",
        "2024-13-01",
        "2024-00-10",
        "2024-01-32",
        "2024-05-01T24:00",
        "2024-05-01T12:60",
        "2024-05-01T12:00:60",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00+01:00",
        "9999-01-01",
        "2024-05-01T12:00:00Zulu",
        "\uff11\uff12",
        "0x10",
        "1_000",
        "12\n",
        "9" * 500,
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_time(text) is None or text == "12\n"  # what stands around a time does not count


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2260, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
)
def test_any_date_of_the_calendar_is_the_library_s(moment: datetime, minutes: int) -> None:
    there = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    since = there - datetime(1970, 1, 1, tzinfo=UTC)
    expected = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
    assert parse_time(there.isoformat()) == expected


@given(st.text(max_size=40))
def test_any_text_is_a_time_within_range_or_none(text: str) -> None:
    time_ns = parse_time(text)
    assert time_ns is None or 0 <= time_ns <= LATEST_NS
