"""The recording format: what is written reads back as the same bytes, and a fault names its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poller.snmp import snmprec
from poller.snmp.message import Value
from poller.snmp.oid import Oid, from_arcs
from poller.snmp.oid import parse as oid

arc = st.integers(min_value=0, max_value=2**32 - 1)
oids = st.builds(
    lambda top, second, rest: from_arcs((top, second, *rest)), st.integers(0, 1), st.integers(0, 39), st.lists(arc, max_size=20)
)
values = st.tuples(st.sampled_from(sorted(snmprec.TAGS)), st.binary(max_size=40) | st.text(max_size=20).map(lambda text: text.encode()))


unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # machines differ; a test has no clock


@unhurried
@given(st.dictionaries(oids, values, max_size=20))
def test_whatever_is_recorded_reads_back_as_the_same_bytes(device: dict[Oid, Value]) -> None:
    assert dict(snmprec.parse(snmprec.format(device.items()))) == device


@unhurried
@given(st.text(max_size=200))
def test_any_text_gives_rows_or_a_value_error(text: str) -> None:
    try:
        rows = snmprec.parse(text)
    except ValueError:
        return
    assert snmprec.parse(snmprec.format(rows)) == rows


@unhurried
@given(st.integers(-(2**31), 2**64 - 1))
def test_integers_are_in_shortest_form(number: int) -> None:
    content = snmprec.integer_content(number)
    assert int.from_bytes(content, "big", signed=True) == number
    assert len(content) == 1 or content[:2] not in {b"\0" + bytes([low]) for low in range(128)}
    assert len(content) == 1 or content[0] != 0xFF or content[1] < 0x80


@pytest.mark.parametrize(
    "line, tag, content",
    [
        ("1.3.6.1.2.1.1.1.0|4|Laser", 4, b"Laser"),
        ("1.3.6.1.2.1.1.1.0|4|", 4, b""),
        ("1.3.6.1.2.1.1.1.0|4| two  blanks ", 4, b" two  blanks "),
        ("1.3.6.1.2.1.1.1.0|4|a|b", 4, b"a|b"),
        ("1.3.6.1.2.1.1.1.0|4|Büro", 4, "Büro".encode()),
        ("1.3.6.1.2.1.1.1.0|4x|42fc726f", 4, b"B\xfcro"),
        ("1.3.6.1.2.1.1.1.0|4x|", 4, b""),
        ("1.3.6.1.2.1.1.1.0|2|-3", 2, b"\xfd"),
        ("1.3.6.1.2.1.1.1.0|2|128", 2, b"\x00\x80"),
        ("1.3.6.1.2.1.1.1.0|2x|00000005", 2, b"\x00\x00\x00\x05"),
        ("1.3.6.1.2.1.1.1.0|65|4294967295", 65, b"\x00\xff\xff\xff\xff"),
        ("1.3.6.1.2.1.1.1.0|70|18446744073709551615", 70, b"\x00" + b"\xff" * 8),
        ("1.3.6.1.2.1.1.1.0|64|192.0.2.7", 64, bytes([192, 0, 2, 7])),
        ("1.3.6.1.2.1.1.1.0|6|.1.3.6.1.4.1.11", 6, bytes([43, 6, 1, 4, 1, 11])),
        ("1.3.6.1.2.1.1.1.0|6|0.0", 6, b"\x00"),
        ("1.3.6.1.2.1.1.1.0|5|", 5, b""),
        (".1.3.6.1.2.1.1.1.0|67|0\r", 67, b"\x00"),
    ],
)
def test_a_line_gives_tag_and_content(line: str, tag: int, content: bytes) -> None:
    assert snmprec.parse(line) == [(oid("1.3.6.1.2.1.1.1.0"), (tag, content))]


@pytest.mark.parametrize(
    "text, fault",
    [
        ("1.3.6|4", "line 1: want OID|tag|value"),
        ("\n# a remark\n1.3.6|9|x", "line 3: no such tag: '9'"),
        ("1.3.6|4e|x", "line 1: no such tag: '4e'"),
        ("1.3.6||x", "line 1: no such tag: ''"),
        ("1.3.6|4x|abc", "line 1: not hex: 'abc'"),
        ("1.3.6|4x|zz", "line 1: not hex: 'zz'"),
        ("1.3.6|2|", "line 1: want a number -2147483648..2147483647, got ''"),
        ("1.3.6|2|2147483648", "line 1: want a number -2147483648..2147483647, got '2147483648'"),
        ("1.3.6|65|-1", "line 1: want a number 0..4294967295, got '-1'"),
        ("1.3.6|66|1_0", "line 1: want a number 0..4294967295, got '1_0'"),
        ("1.3.6|64|1.2.3.256", "line 1: not an IPv4 address: '1.2.3.256'"),
        ("1.3.6|5|null", "line 1: tag 5 has no plain value: 'null'"),
        ("printer|4|x", "line 1: not an object identifier: 'printer'"),
        ("1.3.6|6|x", "line 1: not an object identifier: 'x'"),
        ("1.3.6|4|a\n.1.3.6|4|b", "line 2: 1.3.6 stands in line 1 already"),
    ],
)
def test_a_fault_names_its_line(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(fault)}$"):
        snmprec.parse(text)


def test_rows_come_in_oid_order_not_in_text_or_byte_order() -> None:
    rows = snmprec.parse("1.3.10|4|c\n1.3.9|4|a\n1.3.9.1|4|b\n1.3.300|4|e\n1.3.128|4|d")
    assert [content for _, (_, content) in rows] == [b"a", b"b", b"c", b"d", b"e"]


@pytest.mark.parametrize("content", [b"a|b", b"line\nbreak", b"tail ", b"nul\0", b"\xff\xfe", "\u00a0".encode(), "\u2028".encode()])
def test_text_that_an_editor_could_spoil_is_written_in_hex(content: bytes) -> None:
    assert snmprec.format([(oid("1.3.6"), (4, content))]) == f"1.3.6|4x|{content.hex()}\n"


def test_a_counter_without_its_leading_zero_octet_stays_as_it_was_sent() -> None:
    assert snmprec.format([(oid("1.3.6"), (65, b"\xff\xff\xff\xff"))]) == "1.3.6|65x|ffffffff\n"


def test_a_tag_that_is_not_in_the_format_is_refused_with_its_oid() -> None:
    with pytest.raises(ValueError, match=r"1\.3\.6: no such tag: 153"):
        snmprec.format([(oid("1.3.6"), (0x99, b""))])


def test_bounds_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snmprec, "ROWS_MAX", 2)
    with pytest.raises(ValueError, match="line 3: more than 2 rows"):
        snmprec.parse("1.3.1|5|\n1.3.2|5|\n1.3.3|5|\n1.3.4|5|")
    monkeypatch.setattr(snmprec, "TEXT_LENGTH_MAX", 10)
    with pytest.raises(ValueError, match="at most 10"):
        snmprec.parse("1.3.1|5|\n1.3.2|5|")
    with pytest.raises(ValueError, match="octets; at most"):
        snmprec.format([(oid("1.3.6"), (4, bytes(snmprec.CONTENT_OCTETS_MAX + 1)))])


def test_recordings_of_the_field_read_and_read_back(shared: Path) -> None:
    for path in sorted((shared / "corpus" / "recordings").glob("*.snmprec")):
        rows = snmprec.parse(path.read_text(encoding="utf-8"))
        assert snmprec.parse(snmprec.format(rows)) == rows, path.name
