"""What a device says of its supplies without saying of which: alerts of the marker as a whole, and "toner low"."""

from __future__ import annotations

from poller.central.supplies.slots import Word
from poller.model import Reading

TONERS = frozenset({"toner", "ink", "solidInk", "ribbon"})
"""Devices call all of these toner."""
CARTRIDGE_MISSING = 1115
"""PrtAlertCodeTC markerTonerCartridgeMissing."""

_ALERTS: dict[int, tuple[str, Word]] = {
    1101: ("toner", Word.EMPTY),
    1102: ("ink", Word.EMPTY),
    1103: ("ribbon", Word.EMPTY),
    1104: ("toner", Word.LOW),
    1105: ("ink", Word.LOW),
    1106: ("ribbon", Word.LOW),
    1107: ("wasteToner", Word.LOW),
    1108: ("wasteInk", Word.LOW),
    1109: ("wasteToner", Word.EMPTY),
    1110: ("wasteInk", Word.EMPTY),
    1111: ("drum", Word.LOW),
    1112: ("drum", Word.EMPTY),
    1113: ("developer", Word.LOW),
    1114: ("developer", Word.EMPTY),
}
"""PrtAlertCodeTC (RFC 3805): what is nearly used up, or is. For a waste box "empty" means no room is left."""
_ERRORS = {"lowToner": Word.LOW, "noToner": Word.EMPTY}
"""hrPrinterDetectedErrorState (RFC 2790)."""


def complaints_of(reading: Reading) -> dict[str, Word]:
    """Return the strongest word the device has for each kind of supply; an alert that names the kind comes before "toner low"."""
    told: dict[str, Word] = {}
    for alert in reading.alerts:
        if alert.code in _ALERTS:
            kind, word = _ALERTS[alert.code]
            told[kind] = _stronger(told.get(kind, Word.NOTHING), word)
    if told.keys().isdisjoint(TONERS):
        for error in reading.status.errors:
            if error in _ERRORS:
                told["toner"] = _stronger(told.get("toner", Word.NOTHING), _ERRORS[error])
    return told


def is_meant(kind: str, told: str) -> bool:
    """Whether a word about *told* can mean a supply of this *kind*."""
    return kind == told or (told in TONERS and kind in TONERS)


def _stronger(one: Word, other: Word) -> Word:
    return max(one, other, key=lambda word: word.value)
