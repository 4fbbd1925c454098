"""A page that nothing leaves and on which no letter vanishes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from poller.central.paper.sheet import Sheet, mark_of
from tests.central.paper.pdf import read

MADE = datetime(2026, 11, 20, tzinfo=UTC)


def sheet() -> Sheet:
    one = Sheet(100, 62, title="Test", language="en", made_at=MADE)
    one.begin_page()
    return one


NAMES = [
    "Łódź, Gdańsk, Żółć, Kęty",
    "Šťastný Dvořák, Příbram, Ďáblice, Žďár",
    "Güneş İşçi, Iğdır, Çağlar",
    "Γιώργος Παπαδόπουλος, Οδός Ευριπίδη, Ϊ ΐ ΰ",
    "Őry Gyűlölő, Ștefan Țăran, Sørensen, Þór Ðuro",
    "Київ, Їжак Ґанок, Щёлково, Ђорђе",
    "Straße 7 – »Süd« „Halle“ € 10 × 2 … Nguyễn Đức",
]


@pytest.mark.parametrize("name", NAMES)
def test_letters_of_every_european_name_are_printed_as_they_are(name: str) -> None:
    one = sheet()
    one.write(3, 3, 94, name, size=8)
    one.write(3, 13, 94, name, size=8, bold=True)
    (page,) = read(one.finish())
    assert page.all() == [name, name]
    assert not one.has_strange_letters


@pytest.mark.parametrize(
    "text, printed, is_strange",
    [
        ("Z\u0307aneta S\u030cev", "Żaneta Šev", False),  # accents that came apart
        ("two\nlines\r\nand\ttab\u2028\u00a0end ", "two lines and tab end", False),
        ("\x00nul\x1b[31mred\x7f", "nul [31mred", False),
        ("left\u202eright\u200b\ufeff\u00adly", "leftrightly", False),
        ("北京 7", "�� 7", True),
        ("😀", "�", True),
        ("\ud800half", "�half", True),
        ("{nb} \\( ) \\", "{nb} \\( ) \\", False),
        ("", "", False),
        (" \n ", "", False),
    ],
)
def test_what_cannot_be_printed_is_shown_and_what_nobody_sees_is_left_out(text: str, printed: str, is_strange: bool) -> None:
    one = sheet()
    assert one.plain(text) == printed
    one.write(3, 3, 90, text, size=10)
    assert one.has_strange_letters == is_strange
    (page,) = read(one.finish())
    assert page.all() == ([printed] if printed else [])


@pytest.mark.parametrize("text", ["W" * 5000, "word " * 3000, "ﷺ" * 600, "Donaudampfschifffahrtsgesellschaftskapitän " * 9])
@pytest.mark.parametrize("align", ["left", "right", "centre"])
def test_what_is_too_long_is_cut_visibly_within_its_place(text: str, align: str) -> None:
    one = sheet()
    below = one.write_lines(10, 5, 30, text, size=10, lines_max=3, align=align)  # type: ignore[arg-type]
    (page,) = read(one.finish())
    assert len(page.texts) == 3
    assert page.texts[-1].text.endswith("…")
    assert all(9.9 <= line.x <= 40 and 5 < line.y < below for line in page.texts)  # to the right and in the middle this bounds the width


def test_text_that_shrinks_does_so_no_further_than_told() -> None:
    one = sheet()
    one.write(3, 3, 40, "Room 7", size=15, size_least=10)
    one.write(3, 13, 40, "Room 10.02, open space south", size=15, size_least=6)
    one.write(3, 23, 40, "Room " * 50, size=15, size_least=10)
    whole, smaller, cut = read(one.finish())[0].texts
    assert (whole.text, whole.size) == ("Room 7", 15)
    assert smaller.text == "Room 10.02, open space south"
    assert 6 < smaller.size < 15
    assert cut.size == 10
    assert cut.text.endswith("…")


def test_no_colour_and_unknown_colours_have_a_mark_too() -> None:
    assert [mark_of(name).letters for name in ("black", "cyan", "magenta", "yellow", "light cyan", None, "gold", "7", "ß")] == [
        *("K", "C", "M", "Y", "LC", "–", "GO", "?", "SS"),
    ]


def test_the_same_texts_give_the_same_bytes_whenever_they_are_printed() -> None:
    documents = []
    for _ in range(2):
        one = sheet()
        one.write(3, 3, 90, NAMES[0], size=10)
        documents.append(one.finish())
    assert documents[0] == documents[1]
    assert b"D:20261120000000" in documents[0]
