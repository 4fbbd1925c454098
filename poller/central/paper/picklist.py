"""The pick list: A4, one location after the other, its articles in the order in which they lie on the shelf.

Each location begins on a page of its own, since its goods go into boxes of their own. A row is one supply for one device, and all rows are
of one height, so how many pages there are is known before the first is drawn. What a row says, from left to right: a square to tick, the
pieces, the colour as a letter on its colour, article and supply in words, the device with room and numbers, the request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from poller.central.paper.sheet import STRANGE, PaperError, Sheet, mark_of
from poller.central.paper.stops import Load, Stop, address_of, model_of, number_of, place_of, room_of, serial_of, stops_of
from poller.central.supplies.parcels import Item, Parcel
from poller.central.supplies.words import Language, language_of, supply_words

ROWS_MAX = 5000

_WIDTH, _HEIGHT = 210.0, 297.0
_LEFT, _RIGHT, _TOP, _FOOT = 15.0, 195.0, 14.0, 284.0
_TABLE, _TABLE_AGAIN = 56.0, 22.0
"""Where the table begins: below the address on a location's first page, below its name on those that follow."""
_TABLE_HEAD, _ROW = 5.5, 15.5
_PIECES, _MARK, _ARTICLE, _DEVICE, _REQUEST = 22.0, 37.0, 50.0, 98.0, 167.0
_PALE = 0.35

_WORDS: dict[Language, dict[str, str]] = {
    "de": {
        "title": "Pickliste",
        "again": "Fortsetzung",
        "one": "1 Stück",
        "many": "{count} Stück",
        "together": "zusammen {count}",
        "pieces": "Stück",
        "article": "Artikel",
        "device": "Für Gerät",
        "request": "Anforderung",
        "instead": "oder",
        "customer": "Kunde",
        "phone": "Tel.",
        "parcel": "Sendung",
        "page": "Seite {page} von {pages}",
        "strange": f"{STRANGE} steht für ein Zeichen, das hier nicht gedruckt werden kann.",
    },
    "en": {
        "title": "Pick list",
        "again": "continued",
        "one": "1 piece",
        "many": "{count} pieces",
        "together": "{count} in all",
        "pieces": "Pieces",
        "article": "Article",
        "device": "For device",
        "request": "Request",
        "instead": "or",
        "customer": "Customer",
        "phone": "Phone",
        "parcel": "Parcel",
        "page": "Page {page} of {pages}",
        "strange": f"{STRANGE} stands for a character that cannot be printed here.",
    },
}


def pick_list(parcels: Sequence[Parcel], *, language: Language | None = None) -> bytes:
    """Return the list as PDF, in the language of the first parcel unless told. Raises PaperError for no row, and beyond `ROWS_MAX`."""
    stops = stops_of(parcels)
    count = sum(len(stop.loads) for stop in stops)
    if not 0 < count <= ROWS_MAX:
        raise PaperError(f"a pick list has 1 to {ROWS_MAX} rows, not {count}; choose other parcels")
    spoken = language or language_of(parcels[0].language)
    made_at = max(parcel.made_at for parcel in parcels)
    sheet = Sheet(_WIDTH, _HEIGHT, title=_WORDS[spoken]["title"], language=spoken, made_at=made_at)
    pages = [(stop, rows) for stop in stops for rows in _pages(stop)]
    before = None
    for number, (stop, rows) in enumerate(pages, 1):
        sheet.begin_page()
        _draw_page(sheet, stop, rows, spoken, is_first=stop is not before)
        _draw_foot(sheet, stop, _WORDS[spoken], page=number, pages=len(pages))
        before = stop
    return sheet.finish()


Row = tuple[Item, int | None]
"""An item; with the first of several rows of one article, how many pieces those rows are together."""


def _pages(stop: Stop) -> Iterator[list[Row]]:
    """Yield the rows of each page of a location."""
    rows = list(_rows(stop.loads))
    top = _TABLE
    while rows:
        fitting = int((_FOOT - 4 - _TABLE_HEAD - top) / _ROW)
        yield rows[:fitting]
        del rows[:fitting]
        top = _TABLE_AGAIN


def _rows(loads: Sequence[Load]) -> Iterator[Row]:
    for _, group in groupby((load.item for load in loads), key=lambda item: item.article):
        same = list(group)
        for item in same:
            yield item, sum(one.pieces for one in same) if item is same[0] and len(same) > 1 else None


# --- drawing ---------------------------------------------------------------------------------------------------------------


def _draw_page(sheet: Sheet, stop: Stop, rows: Sequence[Row], language: Language, *, is_first: bool) -> None:
    words = _WORDS[language]
    if is_first:
        _draw_head(sheet, stop, language)
    else:
        name = f"{_name(stop.parcels[0])} · {place_of(stop.parcels[0], language)}"
        sheet.write(_LEFT, _TOP, _RIGHT - _LEFT, f"{words['title']}, {words['again']}: {name}", size=10, bold=True)
    y = _TABLE if is_first else _TABLE_AGAIN
    for x, width, word in ((_PIECES, 25.0, "pieces"), (_ARTICLE, 46.0, "article"), (_DEVICE, 66.0, "device")):
        sheet.write(x, y, width, words[word], size=8, grey=_PALE)
    sheet.write(_REQUEST, y, _RIGHT - _REQUEST, words["request"], size=8, grey=_PALE, align="right")
    y += _TABLE_HEAD
    sheet.draw_line(_LEFT, y - 1, _RIGHT, y - 1, grey=0.0, thick=0.4)
    for item, together in rows:
        _draw_row(sheet, y, item, together, language)
        y += _ROW
        sheet.draw_line(_LEFT, y - 1, _RIGHT, y - 1)


def _draw_head(sheet: Sheet, stop: Stop, language: Language) -> None:
    words, one = _WORDS[language], stop.parcels[0]
    pieces = sum(load.item.pieces for load in stop.loads)
    told = words["one" if pieces == 1 else "many"].format(count=pieces)
    sheet.write(_LEFT, _TOP, 110, words["title"], size=18, bold=True)
    sheet.write(_RIGHT - 60, _TOP + 2, 60, f"{stop.parcels[-1].made_at:%Y-%m-%d %H:%M} UTC", size=10, align="right")
    y = _TOP + 11
    sheet.write(_RIGHT - 50, y, 50, told, size=13, bold=True, align="right")
    customer = f" · {words['customer']} {one.customer}" if one.customer else ""
    y = sheet.write_lines(_LEFT, y, 125, _name(one) + customer, size=12, lines_max=1, bold=True)
    y = sheet.write_lines(_LEFT, y, 125, place_of(one, language), size=10, lines_max=1, bold=True)
    y = sheet.write_lines(_LEFT, y, 125, address_of(one), size=10, lines_max=2)
    phone = f"{words['phone']} {one.phone}" if one.phone else ""
    sheet.write(_LEFT, y, 125, " · ".join(part for part in (one.contact, phone) if part), size=10)


def _draw_row(sheet: Sheet, y: float, item: Item, together: int | None, language: Language) -> None:
    words = _WORDS[language]
    sheet.draw_box(_LEFT, y + 2, 5, 5)
    sheet.write(_PIECES, y + 1.3, 12, f"{item.pieces} ×", size=13, bold=True)
    if together is not None:
        sheet.write(_LEFT, y + 9.6, _MARK - _LEFT - 2.5, words["together"].format(count=together), size=8, grey=_PALE, align="right")
    sheet.draw_mark(_MARK, y + 2, 10, 9.5, mark_of(item.colour), size=12)
    width = _DEVICE - _ARTICLE - 2
    sheet.write(_ARTICLE, y + 0.8, width, item.article, size=11, size_least=8, bold=True)
    sheet.write(_ARTICLE, y + 5.8, width, supply_words(item.kind, item.colour, language), size=9)
    if item.alternatives:
        sheet.write(_ARTICLE, y + 10, width, f"{words['instead']} {', '.join(item.alternatives)}", size=8, grey=_PALE)
    width = _REQUEST - _DEVICE - 2
    number, serial = number_of(item, language), serial_of(item)
    half = width / 2 if number and serial else 0.0
    sheet.write(_DEVICE, y + 0.8, width, model_of(item), size=11, size_least=9, bold=True)
    sheet.write(_DEVICE, y + 5.8, width, room_of(item, language), size=9)
    sheet.write(_DEVICE, y + 10, (half or width) - 1, number, size=8)
    sheet.write(_DEVICE + half, y + 10, half or width, serial, size=8)
    sheet.write(_REQUEST, y + 1.4, _RIGHT - _REQUEST, item.request, size=9, align="right")


def _draw_foot(sheet: Sheet, stop: Stop, words: dict[str, str], *, page: int, pages: int) -> None:
    if sheet.has_strange_letters:
        sheet.write(_LEFT, _FOOT - 4, _RIGHT - _LEFT, words["strange"], size=8, grey=_PALE)
    names = ", ".join(parcel.id for parcel in stop.parcels)
    sheet.write(_LEFT, _FOOT, 140, f"{words['parcel']} {names}", size=8, grey=_PALE)
    sheet.write(_RIGHT - 38, _FOOT, 38, words["page"].format(page=page, pages=pages), size=9, align="right")


def _name(parcel: Parcel) -> str:
    return parcel.title or parcel.account
