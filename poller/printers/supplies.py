"""What a supply is: kind, colour, part number, serial number, out of the columns a device fills in and the text it shows its user.

Columns first, text second, and each only where it is good. The type column is believed unless the description names another part and not
that one: real devices put toner under "other", drums under "toner", rollers and kits under "transfer unit". The class column (consumed or
receptacle) is nearly always right. The colour is the colorant's, else the only colour the description names. Nothing is guessed from the
order of rows: every maker has another one.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple

from poller.printers import mib, words

Process = Literal["toner", "ink"]
"""What the device prints with, where it says so: then a "cartridge" is filled with it."""


class Part(NamedTuple):
    """What one description says, together with the columns beside it."""

    kind: str
    colour: str | None
    part_number: str | None
    serial: str | None
    is_receptacle: bool


_KIND_BY_TYPE = {
    "inkCartridge": "ink", "inkRibbon": "ribbon", "opc": "drum", "solidWax": "solidInk", "ribbonWax": "ribbon", "wasteWax": "wasteInk",
    "coronaWire": "unknown", "fuserOilWick": "fuserOil", "cleanerUnit": "cleaner", "fuserCleaningPad": "cleaner", "tonerCartridge": "toner",
    "fuserOiler": "fuserOil", "matteToner": "toner", "matteInk": "ink",
}  # fmt: skip
_SAME_NAME = {"toner", "wasteToner", "ink", "wasteInk", "developer", "fuserOil", "fuser", "transferUnit", "staples"}

_WASTE_KINDS = {"wasteToner", "wasteInk", "punchWaste"}
_BROAD_KINDS = {"transferUnit", "cleaner"}
"""Types devices use for belts, rollers and cleaners alike; the description knows better."""

_COLOURED_KINDS = {"toner", "ink", "drum", "developer", "ribbon", "solidInk", "printhead", "unknown"}
"""Kinds a printer has one of per colour. Elsewhere a colour is filler: mono devices give their only colorant to everything."""

_LABELLED_NUMBER = re.compile(
    r"\b(?:P/?N|Part(?: ?(?:No\.?|Number|#))?)\s*[#:.]?\s*((?=[A-Z/-]*\d)[A-Z0-9]+(?:[/-][A-Z0-9]+)*)", re.IGNORECASE
)
_LABELLED_SERIAL = re.compile(r"\b(?:S/?N|Serial(?: ?(?:No\.?|Number|#))?)\s*[#:.]?\s*((?=[A-Z-]*\d)[A-Z0-9][A-Z0-9-]{3,})", re.IGNORECASE)
_TAIL = re.compile(r"[,;]|\bS/N|\bP/N|\bSerial\b", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w/-])(?=[A-Z0-9/-]*\d\d)(?=[A-Z0-9/-]*[A-Z])[A-Z0-9]+(?:[/-][A-Z0-9]+)*(?![\w/-])")
_VOLTAGE = re.compile(r"\d+(?:-\d+)?V(?:AC)?")
_VOLTAGE_BEFORE = re.compile(r"\b\d{3}(?:-\d{3})?V(?:AC)?-(?=[A-Z]+\d)")
_SPACED_NUMBER = re.compile(r"\bC-EXV ?\d+[A-Z]?\b")
_DIGITS_NUMBER = re.compile(r"(?<![\w/-])\d{8}(?![\w/-])")
_BARE_NUMBER = re.compile(r"\b(?:HP|cartridge|cartouche|cartucho|patrone|bottle)\s+(\d{2,4})(?![\w/-])", re.IGNORECASE)
_LONE_NUMBER = re.compile(r"[A-Z]{1,5}-?(?=[A-Z]*\d)[A-Z0-9]+(?:-[A-Z0-9]+)*")
_COLOUR_SUFFIX = re.compile(r"\d(?:X{0,3}L|H|HC|S)?-?([MP]?BK|K|C|M|Y)")
_COLOUR_LETTER = re.compile(
    r"[(\[](BK|[KCMY])[)\]]"
    r"|\b(?i:toner|ink|drum|developer|cartridge(?: \d[\dH/]*)?|unit|tank|bottle)[ -](BK|[KCMY])$"
    r"|^(BK|[KCMY])[ -](?i:toner|ink|drum)\b"
)
_COLOUR_INFIX = re.compile(r"CLT-([KCMY])\d+[A-Z]?")


@lru_cache(maxsize=16384)
def read_part(
    text: str | None, type_number: int | None, class_number: int | None, *, colorant: str | None = None, process: Process | None = None
) -> Part:
    """Return what a supply is; all arguments as the device gave them, None where it did not.

    *text* is the description, *colorant* the colorant's name. Never raises: words that mean nothing here mean "unknown".
    """
    folded = unicodedata.normalize("NFKC", text) if text else ""
    body = _LABELLED_SERIAL.sub(" ", _LABELLED_NUMBER.sub(" ", folded))
    lone = bool(_LONE_NUMBER.fullmatch(folded)) and _NUMBER.fullmatch(folded) is not None
    kind = _kind(body, type_number, class_number, process=process, is_lone=lone)
    colour = None
    if kind in _COLOURED_KINDS:
        colour = read_colour(colorant) or _colour_in(body) or _colour_by_letter(body) or (_colour_of_number(folded) if lone else None)
    is_receptacle = class_number == mib.RECEPTACLE or (class_number != mib.CONSUMED and kind in _WASTE_KINDS)
    return Part(kind, colour, _part_number(folded), _serial(folded), is_receptacle)


def read_colour(name: str | None) -> str | None:
    """Return the colour a colorant's name means: one of ours, else the name itself in lower case; None where it means none."""
    plain = (name or "").strip().lower()
    if plain in words.NO_COLOUR:
        return None
    return words.LETTERS.get(plain) or _colour_in(plain) or plain[:32]


def _kind(body: str, type_number: int | None, class_number: int | None, *, process: Process | None, is_lone: bool) -> str:
    declared = mib.SUPPLY_TYPES.get(type_number) if type_number is not None else None
    by_type = _KIND_BY_TYPE.get(declared, declared if declared in _SAME_NAME else None) if declared is not None else None
    named = [kind for kind, pattern in words.KINDS.items() if pattern.search(body)]
    if by_type in _WASTE_KINDS and "punchWaste" not in named:
        return by_type
    if words.INK_WASTE.search(body):
        return "wasteInk"
    if words.WASTE.search(body) or class_number == mib.RECEPTACLE:
        if "punchWaste" in named:
            return "punchWaste"
        is_ink = by_type == "ink" or "ink" in named or (process == "ink" and "toner" not in named)
        if is_ink:
            return "wasteInk"
        is_waste = bool(words.WASTE.search(body))
        if not is_waste and by_type == "toner" and "toner" in named and _colour_in(body) is not None:
            return "toner"  # "Black Toner" of a device that calls every supply a receptacle
        if is_waste or by_type == "toner" or "toner" in named:
            return "wasteToner"
    if by_type == "solidInk" and named[:1] == ["ink"]:
        return by_type
    if by_type is not None and by_type in named and by_type not in _BROAD_KINDS:
        return by_type
    if named:
        return named[0]
    if by_type is not None:
        return by_type
    if is_lone:
        return next((kind for kind, pattern in words.LONE_PARTS.items() if pattern.match(body)), "unknown")
    return process if process is not None and words.CARTRIDGE.search(body) else "unknown"


def _colour_in(text: str) -> str | None:
    """Return the only colour *text* names; None where it names none, or several."""
    found = set()
    for colour, pattern in words.SHADES.items():
        text, count = pattern.subn(" ", text)
        if count:
            found.add(colour)
    found.update(colour for colour, pattern in words.COLOURS.items() if pattern.search(text))
    return found.pop() if len(found) == 1 else None


def _colour_by_letter(text: str) -> str | None:
    """Return the colour of a letter that stands alone in brackets or at either end: "Toner (K)", "Drum C", "Y Toner"."""
    found = {letter for match in _COLOUR_LETTER.finditer(text.strip()) for letter in match.groups() if letter}
    return words.LETTERS[found.pop().lower()] if len(found) == 1 else None


def _colour_of_number(number: str) -> str | None:
    """Return the colour in a part number that is the whole description: CK-8512C, TN-241BK, CLT-M404S."""
    suffix = _COLOUR_INFIX.fullmatch(number) or re.fullmatch(rf".*{_COLOUR_SUFFIX.pattern}", number)
    return words.LETTERS[suffix[1].lower()] if suffix else None


def _part_number(text: str) -> str | None:
    """Return the number a label announces; else one in the first part of the text, since behind a comma stands the printer's model."""
    labelled = _LABELLED_NUMBER.search(text)
    if labelled:
        return labelled[1]
    head = _VOLTAGE_BEFORE.sub("", _TAIL.split(text, maxsplit=1)[0])
    spaced = _SPACED_NUMBER.search(head)
    if spaced:
        return spaced[0]
    for found in _NUMBER.finditer(head):
        if len(found[0]) >= 4 and not _VOLTAGE.fullmatch(found[0]):
            return found[0]
    bare = _BARE_NUMBER.search(head)
    if bare:
        return bare[1]
    digits = _DIGITS_NUMBER.search(head)
    return digits[0] if digits else None


def _serial(text: str) -> str | None:
    found = _LABELLED_SERIAL.search(text)
    return found[1] if found else None
