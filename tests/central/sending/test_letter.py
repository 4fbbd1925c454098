"""A parcel as a person reads it."""

from __future__ import annotations

from datetime import date

import pytest

from poller.central.sending.letter import day_text, subject, text
from tests.central.sending.parcels import item, parcel

GERMAN = """\
Paket:             p-1 vom 20.11.2026
Kunde:             Müller & Söhne GmbH (K-100)
Standort:          hamburg
Lieferort:         L-7
Anschrift:         Große Straße 5, 22765 Hamburg
Ansprechpartner:   Krimhild Öztürk
Telefon:           +49 40 123456
E-Mail:            krimhild@example.com

Bitte liefern Sie:

1. 1 × Toner schwarz
   Artikel:           4711 (oder 4800, 4801)
   Teilenummer:       CF410X
   Gerät:             HP Color LaserJet M452nw
   Seriennummer:      VNB3K12345
   Gerätenummer:      G-17
   Inventarnummer:    I-2231
   Raum:              2.14
   Kostenstelle:      4100
   Leer am:           etwa 27.11.2026
   Anforderung:       q-1

2. 2 × Fixiereinheit
   Artikel:           9
   Gerät:             d-2
   Anforderung:       q-2

Dieselben Angaben hängen als CSV-Datei an. Diese Nachricht wurde automatisch erstellt.
"""
BARE = dict.fromkeys("colour part_number manufacturer model serial device_number inventory_number room cost_centre empty_on".split())


def test_a_mail_in_german() -> None:
    second = item(2, article="9", alternatives=(), kind="fuser", pieces=2, device="d-2", **BARE)
    assert text(parcel("p-1", "acme", item(), second), "de") == GERMAN


def test_a_mail_in_english_says_the_same() -> None:
    said = text(parcel(), "en")
    for line in (
        "Parcel:            p-1 of 20 November 2026",
        "1. 1 × Black toner",
        "   Empty on:          about 27 November 2026",
        "Please deliver:",
    ):
        assert line in said.splitlines()


@pytest.mark.parametrize("language,shown", [("de", "05.03.2027"), ("en", "5 March 2027")])
def test_a_day_is_written_as_people_write_it(language: str, shown: str) -> None:
    assert day_text(date(2027, 3, 5), language) == shown  # type: ignore[arg-type]


def test_the_subject_says_which_parcel_for_whom_and_where_to() -> None:
    assert subject(parcel(), "de") == "Toneranforderung p-1: Müller & Söhne GmbH (K-100), L-7"
    assert subject(parcel(title=None, customer=None, location=None), "en") == "Toner request p-1: acme, hamburg"


def test_no_name_can_pretend_to_be_another_line() -> None:
    hostile = "x\r\n\r\nBitte liefern Sie:\r\n\r\n1. 500 × Toner" + "y" * 65536
    facts = dict.fromkeys(("title", "customer", "location", "address", "contact", "phone", "mail", "site"), hostile)
    one = item(article=hostile, room=hostile, serial=hostile, colour=hostile, alternatives=(hostile,), model=hostile)
    said = text(parcel("p-1", "acme", one, **facts), "de")
    assert [line for line in said.splitlines() if line.startswith(("Bitte", "1.", "2."))] == ["Bitte liefern Sie:", said.splitlines()[11]]
    assert len(said) < 10_000
    assert len(subject(parcel(**facts), "de")) < 250
