"""Bytes as they come: packed or not, in any pieces, and lines of them."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.errors import Code, SourceError
from covey.sensing.incoming import CHUNK_BYTES, LONGEST_LINE_BYTES, Incoming


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def lines(*chunks: bytes) -> list[tuple[int, str]]:
    return list(Incoming(chunks, "given").lines())


@given(st.binary(max_size=400), st.integers(1, 50), st.booleans())
def test_bytes_come_out_as_they_went_in(data: bytes, size: int, packed: bool) -> None:
    given_data = gzip.compress(data) if packed else data
    incoming = Incoming(pieces(given_data, size), "given")
    if packed or data[:2] != b"\x1f\x8b":
        assert b"".join(incoming.chunks()) == data
        assert not incoming.is_cut_off


@given(st.integers(1, 70), st.integers(0, 5))
def test_gzip_members_one_behind_the_other_are_one_file(size: int, zeros: int) -> None:
    data = gzip.compress(b"one ") + bytes(zeros) + gzip.compress(b"") + gzip.compress(b"two") + bytes(zeros)
    assert b"".join(Incoming(pieces(data, size), "given").chunks()) == b"one two"


def test_a_little_gzip_that_unpacks_to_much_comes_in_pieces_of_a_bounded_size() -> None:
    n = 40 * CHUNK_BYTES
    sizes = [len(chunk) for chunk in Incoming([gzip.compress(bytes(n))], "given").chunks()]
    assert sum(sizes) == n
    assert max(sizes) <= CHUNK_BYTES


@pytest.mark.parametrize("tail", [b"junk", b"\x1f\x8bjunk", gzip.compress(b"more")[:-4] + b"\0\0\0\1"])
def test_bytes_behind_a_gzip_member_that_are_none_are_damage(tail: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        list(Incoming([gzip.compress(b"good") + tail], "given").chunks())
    assert caught.value.code is Code.SOURCE_COMPRESSION


def test_a_gzip_that_stops_in_the_middle_is_cut_off() -> None:
    data = gzip.compress(bytes(range(256)))
    incoming = Incoming([data[:-9]], "given")
    assert bytes(range(256)).startswith(b"".join(incoming.chunks()))
    assert incoming.is_cut_off


def test_the_head_is_there_to_look_at_and_still_comes() -> None:
    incoming = Incoming([b"ab", b"c\n", b"def"], "given")
    assert incoming.head(4) == b"abc\n"
    assert incoming.first_line() == b"abc"
    assert b"".join(incoming.chunks()) == b"abc\ndef"
    assert Incoming([], "given").head(4) == b""


def test_lines_are_counted_and_lose_their_ends_and_the_byte_order_mark() -> None:
    assert lines(b"\xef\xbb\xbfone\r\n\ntw", b"o\nlast") == [(1, "one"), (2, ""), (3, "two"), (4, "last")]
    assert lines() == []


def test_a_silence_is_a_line_with_the_number_0() -> None:
    assert lines(b"a\n", b"", b"b\n") == [(1, "a"), (0, ""), (2, "b")]


def test_a_line_that_never_ends_is_an_error_before_it_fills_the_memory() -> None:
    def endless() -> object:
        for sent in range(10_000):
            assert sent * 100_000 < 3 * LONGEST_LINE_BYTES, "it goes on reading"
            yield b"x" * 100_000

    with pytest.raises(SourceError, match="longer than") as caught:
        list(Incoming(endless(), "given").lines())  # type: ignore[arg-type]
    assert caught.value.code is Code.SOURCE_LINE


def test_a_line_that_is_not_text_is_named() -> None:
    with pytest.raises(SourceError) as caught:
        lines(b"good\n\xff\xfe\n")
    assert caught.value.where == "given:2"


def test_the_last_line_says_whether_it_has_an_end() -> None:
    for data, is_unended in ((b"a\nb", True), (b"a\nb\n", False)):
        incoming = Incoming([data], "given")
        list(incoming.lines())
        assert incoming.is_unended is is_unended
