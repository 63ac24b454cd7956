"""Deterministic CBOR: what is written is read, by us and by cbor2, and nothing else is."""

import math

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.errors import Code, WireError
from covey.wire import Limits, Verdict, decode, encode

LIMITS = Limits(size_bytes=10_000, depth=6, items=500)
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.binary(max_size=40)
    | st.text(max_size=20)
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.integers(0, 2**64 - 1), inner, max_size=5),
    max_leaves=20,
)


@given(values)
def test_values_come_back_and_cbor2_reads_them_too(value: object) -> None:
    data = encode(value)
    assert decode(data, LIMITS) == value
    assert cbor2.loads(data) == value


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_a_value_with_these_bytes_or_a_verdict(data: bytes) -> None:
    value = decode(data, LIMITS)
    assert isinstance(value, Verdict) or encode(value) == data


@given(values, st.data())
def test_a_changed_byte_never_passes_for_the_same_value(value: object, data: st.DataObject) -> None:
    message = bytearray(encode(value))
    message[data.draw(st.integers(0, len(message) - 1))] ^= data.draw(st.integers(1, 255))
    other = decode(bytes(message), LIMITS)
    assert isinstance(other, Verdict) or encode(other) == message


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        ("", Verdict.MALFORMED),
        ("a20100", Verdict.MALFORMED),  # half a map
        ("a201000100", Verdict.MALFORMED),  # a key twice
        ("a202000100", Verdict.MALFORMED),  # keys out of order
        ("a1613100", Verdict.MALFORMED),  # a text key
        ("a12000", Verdict.MALFORMED),  # a negative key
        ("a1f500", Verdict.MALFORMED),  # a key that is true
        ("0000", Verdict.MALFORMED),  # two values
        ("1817", Verdict.MALFORMED),  # 23 in two bytes
        ("190017", Verdict.MALFORMED),
        ("5f4100ff", Verdict.MALFORMED),  # indefinite length
        ("9fff", Verdict.MALFORMED),
        ("c000", Verdict.MALFORMED),  # a tag
        ("c249010000000000000000", Verdict.MALFORMED),  # a big number
        ("f93c00", Verdict.MALFORMED),  # float16
        ("fb3ff0000000000000", Verdict.MALFORMED),  # 1.0 in 64 bits
        ("f7", Verdict.MALFORMED),  # undefined
        ("f8ff", Verdict.MALFORMED),
        ("61ff", Verdict.MALFORMED),  # not UTF-8
        ("5affffffff", Verdict.MALFORMED),  # 4 GB of nothing
        ("fa7fc00000", Verdict.NONFINITE),
        ("fb7ff0000000000000", Verdict.NONFINITE),
        ("9affffffff", Verdict.TOO_LARGE),  # 4 G items of nothing
        ("bb7fffffffffffffff", Verdict.TOO_LARGE),
        ("81" * 9 + "00", Verdict.TOO_LARGE),  # too deep
        ("81" * 5000, Verdict.TOO_LARGE),
        ("59" + "2711" + "00" * 10_001, Verdict.TOO_LARGE),
    ],
)
def test_each_kind_of_bad_bytes_has_its_verdict(data: str, verdict: Verdict) -> None:
    assert decode(bytes.fromhex(data), LIMITS) is verdict


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (math.nan, Code.WIRE_NONFINITE),
        ([math.inf], Code.WIRE_NONFINITE),
        (1 << 64, Code.WIRE_LIMIT),
        (-(1 << 64) - 1, Code.WIRE_LIMIT),
        ({"a": 1}, Code.WIRE_FORMAT),
        ({-1: 1}, Code.WIRE_FORMAT),
        ({True: 1}, Code.WIRE_FORMAT),
        ({1, 2}, Code.WIRE_FORMAT),
    ],
)
def test_what_cannot_be_sent_is_the_callers_error(value: object, code: Code) -> None:
    with pytest.raises(WireError) as caught:
        encode(value)
    assert caught.value.code is code
