"""Base 32 for people: what one writes, the other types, and it is the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.errors import SealError
from poller.sealing import base32


@pytest.mark.parametrize(
    "data, text",
    [
        (b"", ""),
        (b"\x00", "00"),
        (b"\xff", "ZW"),  # 11111 111|00
        (b"foobar", "CSQPYRK1E8"),  # RFC 4648 section 10, MZXW6YTBOI, in Crockford's characters
    ],
)
def test_bits_are_taken_from_the_front(data: bytes, text: str) -> None:
    assert base32.encode(data, group=100) == text
    assert base32.decode(text) == data


@given(st.binary(max_size=60), st.integers(1, 10))
def test_what_was_written_is_read(data: bytes, group: int) -> None:
    assert base32.decode(base32.encode(data, group=group)) == data


def test_people_may_write_as_they_do() -> None:
    assert base32.decode("csqp-yrk1\te8\n") == base32.decode("CSQPYRKLE8") == base32.decode("csqpyrkie8") == b"foobar"
    assert base32.decode("OO") == b"\0"


@pytest.mark.parametrize("text", ["U0", "0", "ZZ", "000", "=0", "é0", "ß0"])
def test_what_nobody_wrote_is_refused(text: str) -> None:
    with pytest.raises(SealError):
        base32.decode(text)
