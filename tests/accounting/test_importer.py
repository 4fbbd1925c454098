"""The door for every format, and the lines behind it."""

from __future__ import annotations

import io
from typing import BinaryIO, cast

import pytest

from poller.accounting import importer
from poller.accounting.generate import generate
from poller.accounting.job import Entry
from poller.accounting.lines import LINE_OCTETS_MAX, Lines, is_too_long
from poller.accounting.reader import Options
from poller.errors import ConfigError
from tests.accounting.logs import CANONICAL, log_of


class Pipe:
    """A file that can do nothing but read lines."""

    def __init__(self, octets: bytes) -> None:
        self._file = io.BytesIO(octets)

    def readline(self, size: int) -> bytes:
        return self._file.readline(size)


def test_a_pipe_will_do() -> None:
    octets = log_of(generate(100))
    log = importer.read(cast(BinaryIO, Pipe(octets)), Options(dialect=CANONICAL))
    assert [item.line for item in log if isinstance(item, Entry)] == list(range(2, 102))


def test_a_format_is_chosen_by_name_or_refused() -> None:
    octets = log_of(generate(1))
    assert len(list(importer.read(io.BytesIO(octets), Options(dialect=CANONICAL), format_name="docusp"))) == 1
    with pytest.raises(ConfigError, match=r"there are .*docusp"):
        importer.read(io.BytesIO(octets), Options(dialect=CANONICAL), format_name="fax")


def test_the_last_format_takes_whatever_no_other_recognises() -> None:
    assert importer.FORMATS[-1].name == "docusp"
    assert importer.FORMATS[-1].recognise([b"anything"])


def test_lines_can_be_looked_at_and_put_back() -> None:
    lines = Lines(io.BytesIO(b"a\nb\nc"))
    assert lines.peek(2) == [b"a\n", b"b\n"]
    assert (lines.take(), lines.number) == (b"a\n", 1)
    taken = [lines.take(), lines.take()]
    assert (taken, lines.number) == ([b"b\n", b"c"], 3)
    lines.push_back([b"b\n", b"c"])
    assert (lines.number, lines.take(), lines.number) == (1, b"b\n", 2)
    assert (lines.take(), lines.take(), lines.number) == (b"c", None, 3)


def test_a_line_without_end_is_cut_and_the_next_is_whole() -> None:
    lines = Lines(io.BytesIO(b"x" * (5 * LINE_OCTETS_MAX) + b"\nnext\n"))
    first = lines.take()
    assert first is not None
    assert is_too_long(first)
    assert len(first) == LINE_OCTETS_MAX + 1
    assert (lines.take(), lines.number) == (b"next\n", 2)


@pytest.mark.parametrize("over", [-1, 0])
def test_a_line_just_within_the_limit_is_whole(over: int) -> None:
    line = b"x" * (LINE_OCTETS_MAX - 1 + over) + b"\n"
    lines = Lines(io.BytesIO(line + b"next\n"))
    assert lines.take() == line
    assert not is_too_long(line)
    assert lines.take() == b"next\n"
