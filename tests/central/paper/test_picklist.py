"""The pick list, read back from its PDF."""

from __future__ import annotations

import pytest

from poller.central.paper.picklist import ROWS_MAX, pick_list
from poller.central.paper.sheet import PaperError
from tests.central.paper.goods import item, parcel
from tests.central.paper.pdf import Page, read


def articles(page: Page) -> list[str]:
    """Return what stands in the column of articles, in the order of the rows."""
    left = page.find("Artikel").x
    return [one.text for one in page.texts if abs(one.x - left) < 0.1 and one.text != "Artikel" and one.size == 11]


def test_a_row_says_what_to_take_and_for_which_device() -> None:
    (page,) = read(pick_list([parcel(item(pieces=2, alternatives=("CF410A", "W2030X")))]))
    wanted = """2 ×|K|CF410X|Toner schwarz|oder CF410A, W2030X|HP Color LaserJet M452nw|Raum 2.14|Inv.-Nr. 4711|S/N VNB3K12345|q-1"""
    head = """Pickliste|2026-11-20 14:05 UTC|2 Stück|Acme GmbH · Kunde 10023|Lieferort K-100 (hamburg)|Musterweg 1, 20095 Hamburg
        |Anna Beispiel · Tel. +49 40 123|Sendung p-77a1|Seite 1 von 1"""
    assert {one.strip() for one in f"{wanted}|{head}".split("|")} <= set(page.all())
    assert (round(page.width), round(page.height)) == (210, 297)


def test_it_is_in_english_where_the_customer_or_the_caller_says_so() -> None:
    for document in (pick_list([parcel(language="en")]), pick_list([parcel()], language="en")):
        (page,) = read(document)
        assert {"Pick list", "1 piece", "Black toner", "Room 2.14", "Inv. no. 4711", "Page 1 of 1"} <= set(page.all())
        assert b"/Lang (en)" in document


def test_items_stand_in_the_order_of_the_shelf_and_then_of_the_rooms() -> None:
    names = ["TK-10", "tk-8", "CF412X", "CF410X", "TK-8"]
    (page,) = read(pick_list([parcel(*(item(article=name, request=f"q-{name}") for name in names))]))
    assert articles(page) == ["CF410X", "CF412X", "TK-8", "tk-8", "TK-10"]
    rooms = ["10.1", "2.14", "2.2", None]
    (page,) = read(pick_list([parcel(*(item(room=room, request=f"q-{room}") for room in rooms))]))
    assert [one for one in page.all() if one.startswith("q-")] == ["q-None", "q-2.2", "q-2.14", "q-10.1"]


def test_several_rows_of_one_article_say_how_many_pieces_they_are_together() -> None:
    (page,) = read(pick_list([parcel(item(pieces=2), item(request="q-2"), item(request="q-3", article="X"))]))
    assert [one for one in page.all() if one.startswith("zusammen")] == ["zusammen 3"]


def test_each_location_begins_on_a_page_of_its_own_and_its_parcels_are_joined() -> None:
    parcels = [
        parcel(item(request="q-1"), id="p-1", location="K-2"),
        parcel(item(request="q-2"), id="p-2", location="K-1"),
        parcel(item(request="q-3"), id="p-3", location="K-2"),
        parcel(item(request="q-4"), id="p-4", location=None, site="berlin"),
    ]
    pages = read(pick_list(parcels))
    assert [[one for one in page.all() if one.startswith("q-")] for page in pages] == [["q-4"], ["q-2"], ["q-1", "q-3"]]
    assert "Sendung p-1, p-3" in pages[2].all()
    assert "berlin" in pages[0].all()
    assert "Seite 3 von 3" in pages[2].all()


@pytest.mark.parametrize("count, pages", [(1, 1), (14, 1), (15, 2), (30, 2), (31, 3), (100, 7)])
def test_every_row_is_there_once_on_as_many_pages_as_it_takes(count: int, pages: int) -> None:
    many = [item(request=f"r-{number:03}", article=f"A-{number:03}") for number in range(count)]
    found = read(pick_list([parcel(*many)]))
    assert len(found) == pages
    assert [one for page in found for one in page.all() if one.startswith("r-")] == [one.request for one in many]
    assert [f"Seite {number} von {pages}" in page.all() for number, page in enumerate(found, 1)] == [True] * pages
    assert all("Fortsetzung: Acme GmbH" in page.texts[0].text for page in found[1:])
    lowest = max(one.y for page in found for one in page.texts if one.text.startswith("S/N"))
    assert lowest < found[0].find("Sendung p-77a1").y - 5


def test_a_device_without_numbers_is_still_told_apart() -> None:
    bare = item(manufacturer="Konica Minolta", model="bizhub C258", inventory_number=None, room=None, serial=None)
    nameless = item(manufacturer=None, model=None, inventory_number=None, device_number=None, request="q-2")
    (page,) = read(pick_list([parcel(bare, nameless)]))
    assert {"Konica Minolta bizhub C258", "Geräte-Nr. M-7", "VNB3K12345", "S/N VNB3K12345"} <= set(page.all())


def test_hostile_texts_stay_in_their_columns() -> None:
    evil = "W" * 400 + "\n\x00\x1b[2J\u202e北京"
    names = ("article", "model", "manufacturer", "serial", "inventory_number", "device_number", "room", "request", "kind", "colour")
    one = item(**dict.fromkeys(names, evil), alternatives=(evil, evil), pieces=123456)
    sender = ("id", "title", "customer", "site", "location", "address", "contact", "phone")
    (page,) = read(pick_list([parcel(one, **dict.fromkeys(sender, evil))]))
    assert sum(text.endswith("…") for text in page.all()) >= 12
    assert all(0 < one.x < 196 and 0 < one.y < 295 for one in page.texts)


def test_letters_that_cannot_be_printed_are_explained_at_the_foot() -> None:
    first, second = read(pick_list([parcel(item(model="北京")), parcel(location="K-200")]))
    assert any("kann" in text and text.startswith("�") for text in first.all())
    assert not any("�" in text for text in second.all())


def test_nothing_and_too_much_are_refused() -> None:
    empty = parcel()
    for parcels in ([], [type(empty)(**{**{name: getattr(empty, name) for name in empty.__struct_fields__}, "items": ()})]):
        with pytest.raises(PaperError, match="not 0; choose other parcels"):
            pick_list(parcels)
    with pytest.raises(PaperError, match=f"not {ROWS_MAX + 1}"):
        pick_list([parcel(*[item()] * (ROWS_MAX + 1))])
