"""A parcel as a person reads it: the subject and the text of a mail, in German or English.

Everything in it was told by somebody: each fact is one line, cut, and in its place, so that no name can pretend to be another line.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date

from poller.central.sending.texts import clean, clean_lines
from poller.central.supplies.parcels import Item, Parcel
from poller.central.supplies.words import Language, supply_words

_SUBJECT_NAME_MAX = 60
_WIDTH = 18

_WORDS = {
    "subject": ("Toneranforderung", "Toner request"),
    "please": ("Bitte liefern Sie:", "Please deliver:"),
    "parcel": ("Paket", "Parcel"),
    "of": ("vom", "of"),
    "customer": ("Kunde", "Customer"),
    "site": ("Standort", "Site"),
    "location": ("Lieferort", "Location"),
    "address": ("Anschrift", "Address"),
    "contact": ("Ansprechpartner", "Contact"),
    "phone": ("Telefon", "Phone"),
    "mail": ("E-Mail", "E-mail"),
    "article": ("Artikel", "Article"),
    "or": ("oder", "or"),
    "part_number": ("Teilenummer", "Part number"),
    "device": ("Gerät", "Device"),
    "serial": ("Seriennummer", "Serial number"),
    "device_number": ("Gerätenummer", "Device number"),
    "inventory_number": ("Inventarnummer", "Inventory number"),
    "room": ("Raum", "Room"),
    "cost_centre": ("Kostenstelle", "Cost centre"),
    "empty_on": ("Leer am", "Empty on"),
    "about": ("etwa ", "about "),
    "request": ("Anforderung", "Request"),
    "end": (
        "Dieselben Angaben hängen als CSV-Datei an. Diese Nachricht wurde automatisch erstellt.",
        "The attached CSV file says the same. This message was written by a program.",
    ),
}
_MONTHS = "January February March April May June July August September October November December".split()


def subject(parcel: Parcel, language: Language) -> str:
    """Return which parcel, for whom and where to."""
    place = clean(parcel.location or parcel.site, _SUBJECT_NAME_MAX)
    return f"{_word('subject', language)} {parcel.id}: {_customer(parcel, _SUBJECT_NAME_MAX)}, {place}"


def text(parcel: Parcel, language: Language) -> str:
    """Return the mail's text, lines ended by a newline."""
    lines = [*_head(parcel, language), "", _word("please", language)]
    for number, item in enumerate(parcel.items, 1):
        lines += ["", *_item(number, item, language)]
    return "\n".join([*lines, "", _word("end", language), ""])


def day_text(day: date, language: Language) -> str:
    """Return a day as one writes it: 27.11.2026, 27 November 2026."""
    return f"{day:%d.%m.%Y}" if language == "de" else f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _head(parcel: Parcel, language: Language) -> Iterator[str]:
    made_on = day_text(parcel.made_at.astimezone(UTC).date(), language)
    yield _line("parcel", f"{parcel.id} {_word('of', language)} {made_on}", language)
    yield _line("customer", _customer(parcel), language)
    yield _line("site", clean(parcel.site), language)
    for name in ("location", "address", "contact", "phone", "mail"):
        if told := clean_lines(getattr(parcel, name)):
            yield _line(name, told, language)


def _item(number: int, item: Item, language: Language) -> Iterator[str]:
    yield f"{number}. {item.pieces} × {clean(supply_words(item.kind, item.colour, language))}"
    article = clean(item.article)
    if others := ", ".join(map(clean, item.alternatives)):
        article += f" ({_word('or', language)} {others})"
    device = " ".join(filter(None, (clean(item.manufacturer), clean(item.model)))) or clean(item.device)
    facts = {
        "article": article,
        "part_number": clean(item.part_number),
        "device": device,
        "serial": clean(item.serial),
        "device_number": clean(item.device_number),
        "inventory_number": clean(item.inventory_number),
        "room": clean(item.room),
        "cost_centre": clean(item.cost_centre),
        "empty_on": "" if item.empty_on is None else _word("about", language) + day_text(item.empty_on, language),
        "request": clean(item.request),
    }
    for name, told in facts.items():
        if told:
            yield "   " + _line(name, told, language)


def _customer(parcel: Parcel, characters_max: int = 200) -> str:
    """Return the customer's name with its number, as far as they are known."""
    name = clean(parcel.title or parcel.account, characters_max)
    number = clean(parcel.customer, characters_max)
    return f"{name} ({number})" if number else name


def _line(name: str, told: str, language: Language) -> str:
    return f"{_word(name, language) + ':':{_WIDTH}} {told}"


def _word(name: str, language: Language) -> str:
    return _WORDS[name][language == "en"]
