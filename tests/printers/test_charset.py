from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.printers.charset import OCTETS_MAX, read_text


@pytest.mark.parametrize(
    ("octets", "charset", "expected"),
    [
        (b"Fuser Unit", None, "Fuser Unit"),
        (b"Fuser Unit\x00", None, "Fuser Unit"),
        (b"Fuser\x00leftover", None, "Fuser"),
        (b"  Fuser   Unit \r\n", None, "Fuser Unit"),
        (b"", 106, None),
        (b"\x00\x00", 106, None),
        (b"   ", None, None),
        (b"\xff\xff\xff", 4, None),
        ("Tóner amarillo".encode(), 106, "Tóner amarillo"),
        ("Tóner amarillo".encode(), None, "Tóner amarillo"),
        ("Tóner amarillo".encode(), 4, "Tóner amarillo"),  # UTF-8 under a wrong name
        ("Tóner amarillo".encode("latin-1"), 4, "Tóner amarillo"),
        ("Tóner amarillo".encode("latin-1"), 106, "Tóner amarillo"),
        ("Tóner amarillo".encode("latin-1"), None, "Tóner amarillo"),
        ("Café".encode("latin-1"), None, "Café"),
        ("Gerät".encode("hp-roman8"), 2004, "Gerät"),
        ("Kartuş".encode("iso8859-9"), 12, "Kartuş"),
        ("Картридж".encode("iso8859-5"), 8, "Картридж"),
        ("Картридж".encode("cp1251"), 2251, "Картридж"),
        ("用紙切れ".encode("shift_jis"), 17, "用紙切れ"),
        ("用紙切れ".encode("euc_jp"), 18, "用紙切れ"),
        ("缺纸".encode("gb2312"), 2025, "缺纸"),
        ("缺紙".encode("big5"), 2026, "缺紙"),
        ("용지 없음".encode("euc_kr"), 38, "용지 없음"),
        ("缺纸".encode(), 106, "缺纸"),
        ("缺纸".encode("utf-16-be"), 1000, "缺纸"),
        ("Tray 2".encode("utf-16-be"), 1000, "Tray 2"),
        (b"Tray 2", 1000, "Tray 2"),
        ("碳粉不足".encode()[:-1], 106, "碳粉不"),  # cut by the device's length limit
        (b"\x01\x15" + "Gerät".encode("hp-roman8"), None, "Gerät"),
        (b"\x01\x15Q7788-X\x00", 106, "Q7788-X"),
        (b"Tray\x1b[31m 2\x07", None, "Tray [31m 2"),
        ("Tray\u202e 2".encode(), 106, "Tray 2"),
        (b"Tray 2", 999_999, "Tray 2"),
        (b"Tray\xa02", 4, "Tray 2"),
    ],
)
def test_octets_are_read_as(octets: bytes, charset: int | None, expected: str | None) -> None:
    assert read_text(octets, charset) == expected


@given(st.binary(max_size=300), st.sampled_from([None, 3, 4, 17, 18, 36, 37, 39, 106, 113, 1000, 1014, 2004, 2026, 2252, 5, -1, 10**9]))
def test_any_octets_give_printable_text_on_one_line_or_none(octets: bytes, charset: int | None) -> None:
    text = read_text(octets, charset)
    assert text is None or (text.isprintable() and text == " ".join(text.split()) and text)


def test_a_text_without_end_is_cut() -> None:
    assert len(read_text(b"a" * 10 * OCTETS_MAX) or "") == OCTETS_MAX
