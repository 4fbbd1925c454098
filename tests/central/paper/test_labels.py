"""Box labels, read back from their PDF."""

from __future__ import annotations

import pytest

from poller.central.paper.labels import LABELS_MAX, labels
from poller.central.paper.sheet import PaperError
from tests.central.paper.goods import item, parcel
from tests.central.paper.pdf import read


def test_a_label_says_where_its_box_goes_and_what_is_in_it() -> None:
    (page,) = read(labels([parcel()]))
    assert (round(page.width), round(page.height)) == (100, 62)
    assert page.all() == [
        *("K", "HP Color LaserJet M452nw", "Raum 2.14", "Inv.-Nr. 4711", "S/N VNB3K12345", "Toner schwarz", "CF410X", "q-1"),
        *("Acme GmbH · Anna Beispiel", "Musterweg 1, 20095 Hamburg", "Lieferort K-100 (hamburg) · p-77a1"),
    ]


def test_the_colour_is_a_bar_a_letter_and_a_word() -> None:
    colours = {"black": ("K", "schwarz"), "cyan": ("C", "cyan"), "magenta": ("M", "magenta"), "yellow": ("Y", "gelb")}
    pages = read(labels([parcel(*(item(colour=colour, article=colour) for colour in colours))]))
    assert [(page.texts[0].text, f"Toner {colours[name][1]}" in page.all()) for name, page in zip(sorted(colours), pages, strict=True)] == [
        *(("K", True), ("C", True), ("M", True), ("Y", True)),
    ]
    assert all(page.texts[0].size == 32 for page in pages)


def test_what_has_no_colour_has_a_dash_and_its_kind() -> None:
    (page,) = read(labels([parcel(item(kind="wasteToner", colour=None))]))
    assert page.texts[0].text == "–"
    assert "Resttonerbehälter" in page.all()


def test_every_piece_has_its_label_in_the_order_of_the_pick_list() -> None:
    pages = read(labels([parcel(item(article="B", pieces=3), item(article="A", request="q-2"))]))
    assert [[one for one in page.all() if " von " in one] for page in pages] == [[], ["1 von 3"], ["2 von 3"], ["3 von 3"]]


def test_each_label_is_in_the_language_of_its_customer_unless_told() -> None:
    parcels = [parcel(location="K-1"), parcel(location="K-2", language="en")]
    german, english = read(labels(parcels))
    assert "Raum 2.14" in german.all()
    assert "Room 2.14" in english.all()
    assert all("Raum 2.14" in page.all() for page in read(labels(parcels, language="de")))


def test_hostile_texts_stay_on_the_label() -> None:
    evil = "W W" * 200 + "\n\x00\u202e北京"
    names = ("article", "model", "manufacturer", "serial", "inventory_number", "device_number", "room", "request", "kind", "colour")
    names_of_parcel = ("id", "title", "site", "location", "address", "contact")
    (page,) = read(labels([parcel(item(**dict.fromkeys(names, evil)), **dict.fromkeys(names_of_parcel, evil))]))
    assert sum(text.endswith("…") for text in page.all()) >= 9
    assert all(0 < one.x < 97 and 0 < one.y < 60 for one in page.texts)


def test_nothing_and_too_much_are_refused() -> None:
    with pytest.raises(PaperError, match="not 0; choose other parcels"):
        labels([])
    with pytest.raises(PaperError, match=f"1 to {LABELS_MAX} labels"):
        labels([parcel(item(pieces=LABELS_MAX), item())])
