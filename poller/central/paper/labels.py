"""Labels for boxes: 100 x 62 mm, a page each, one for every piece.

That is what the label printers of most offices are loaded with (62 mm wide, 100 long), and every other takes it as a page of its own. Most
parcels are one to five boxes: a sheet of fourteen labels would be fed half used and begun anew in its middle, and gives each half the room.

Such printers are black and white as often as not, and one man in twelve tells red from green badly. So the colour stands there three times:
as a bar, as its letter on white within the bar, and in words.
"""

from __future__ import annotations

from collections.abc import Sequence

from poller.central.paper.sheet import PaperError, Sheet, mark_of
from poller.central.paper.stops import Load, address_of, model_of, number_of, place_of, room_of, serial_of, stops_of
from poller.central.supplies.parcels import Parcel
from poller.central.supplies.words import Language, language_of, supply_words

LABELS_MAX = 1000

_WIDTH, _HEIGHT = 100.0, 62.0
_EDGE = 3.0
"""What no label printer prints on."""
_BAR, _LEFT, _RIGHT = 15.0, 22.0, _WIDTH - _EDGE
_LINE = _RIGHT - _LEFT

_TITLE: dict[Language, str] = {"de": "Etiketten", "en": "Labels"}
_ONE_OF: dict[Language, str] = {"de": "{one} von {all}", "en": "{one} of {all}"}


def labels(parcels: Sequence[Parcel], *, language: Language | None = None) -> bytes:
    """Return the labels as PDF, in the order of the pick list, each in the language of its parcel unless told.

    Raises PaperError for none, or for more than `LABELS_MAX`.
    """
    loads = [load for stop in stops_of(parcels) for load in stop.loads]
    count = sum(load.item.pieces for load in loads)
    if not 0 < count <= LABELS_MAX:
        raise PaperError(f"1 to {LABELS_MAX} labels are printed at once, not {count}; choose other parcels")
    spoken = language or language_of(parcels[0].language)
    sheet = Sheet(_WIDTH, _HEIGHT, title=_TITLE[spoken], language=spoken, made_at=max(parcel.made_at for parcel in parcels))
    for load in loads:
        for piece in range(load.item.pieces):
            sheet.begin_page()
            _draw_label(sheet, load, language or language_of(load.parcel.language), piece=piece + 1)
    return sheet.finish()


def _draw_label(sheet: Sheet, load: Load, language: Language, *, piece: int) -> None:
    parcel, item = load
    sheet.draw_mark(_EDGE, _EDGE, _BAR, _HEIGHT - 2 * _EDGE, mark_of(item.colour), size=32)

    sheet.write_lines(_LEFT, 2.5, _LINE, model_of(item), size=12, lines_max=2, bold=True)
    sheet.write(_LEFT, 14.2, _LINE, room_of(item, language), size=15, size_least=10, bold=True)
    number, serial = number_of(item, language), serial_of(item)
    half = _LINE / 2 if number and serial else 0.0
    sheet.write(_LEFT, 21.8, (half or _LINE) - 1, number, size=9)
    sheet.write(_LEFT + half, 21.8, half or _LINE, serial, size=9)

    sheet.draw_line(_LEFT, 27.2, _RIGHT, 27.2, grey=0.0)
    sheet.write(_LEFT, 28.2, _LINE - 20, supply_words(item.kind, item.colour, language), size=13, size_least=9, bold=True)
    if item.pieces > 1:
        told = _ONE_OF[language].format(one=piece, all=item.pieces)
        sheet.write(_RIGHT - 19, 28.7, 19, told, size=11, align="right")
    sheet.write(_LEFT, 34.6, _LINE - 30, item.article, size=13, size_least=9, bold=True)
    sheet.write(_RIGHT - 29, 35.6, 29, item.request, size=9, align="right")

    sheet.draw_line(_LEFT, 41.6, _RIGHT, 41.6, grey=0.0)
    customer = " · ".join(part for part in (parcel.title or parcel.account, parcel.contact) if part)
    sheet.write(_LEFT, 42.4, _LINE, customer, size=9, bold=True)
    sheet.write_lines(_LEFT, 46.6, _LINE, address_of(parcel), size=9, lines_max=2)
    sheet.write(_LEFT, 55, _LINE, f"{place_of(parcel, language)} · {parcel.id}", size=8)
