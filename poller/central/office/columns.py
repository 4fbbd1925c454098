"""What the columns of a list are called, in German and in English, and what their cells mean. Pure.

Names are compared without case, blanks and marks, umlauts as two letters: `Geräte-Nr.` is `geraetenr`. A column of a name not known here is
left alone, and said so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from poller.central.meters.samples import COUNT_MAX
from poller.central.office.contracts import KINDS, SUPPLY_KINDS
from poller.central.office.sheets import Cell

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_GROUPED = re.compile(r"\d{1,3}(?:([.,' ])\d{3})(?:\1\d{3})*")
_WHOLE = re.compile(r"\d+")
_NOTHING_BEHIND = re.compile(r"[.,]0{1,3}$")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?")
_GERMAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_POWER = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)
_DIGITS_KEPT = 15  # a spreadsheet's number has no more: the sixteenth digit of a serial number became a zero

_KIND_WORDS = {
    "full-service": "full-service fullservice full vollservice vollwartung allin",
    "pages-only": "pages-only pagesonly seitenpreis klick klickpreis nurseiten",
    "monitoring": "monitoring ueberwachung nurueberwachung",
    "lease": "lease leasing miete",
    "none": "none kein keiner ohne",
}
_SUPPLY_WORDS = {
    "toner": "toner tonerkartusche",
    "ink": "ink tinte",
    "drum": "drum trommel bildtrommel fotoleiter",
    "developer": "developer entwickler",
    "wasteToner": "wastetoner resttoner resttonerbehaelter",
    "fuser": "fuser fixiereinheit fixierer",
    "transferBelt": "transferbelt transferband",
    "maintenanceKit": "maintenancekit wartungskit",
    "feedRoller": "feedroller einzugsrolle einzugsrollen",
    "staples": "staples heftklammern",
}


class CellError(ValueError):
    """A cell does not mean what its column wants."""


def plain(name: str) -> str:
    """Return a column's name as names are compared."""
    return "".join(letter for letter in name.lower().translate(_UMLAUTS) if letter.isalnum())


# --- cells -----------------------------------------------------------------------------------------------------------------


def text(cell: Cell) -> str:
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def serial(cell: Cell) -> str:
    """Return a serial number; one that a spreadsheet made a power of ten of is lost, and nobody should guess."""
    told = text(cell)
    if _POWER.fullmatch(told) or (isinstance(cell, int) and len(told) > _DIGITS_KEPT):
        raise CellError(f"{told} was a serial number before a spreadsheet rounded it: make the column text")
    return told.upper()


def hardware(cell: Cell) -> str:
    """Return `mac:` and twelve digits, however they are grouped; or the keyed hash an agent shows for a masked one."""
    told = text(cell).lower()
    if re.fullmatch(r"mac-hash:[0-9a-f]{32}", told):
        return told
    digits = re.sub(r"[-:. ]", "", told.removeprefix("mac:"))
    if not re.fullmatch(r"[0-9a-f]{12}", digits):
        raise CellError(f"{told} is no MAC address: want twelve hex digits, or the mac-hash:… an agent shows for a masked one")
    return f"mac:{digits}"


def whole(cell: Cell) -> int:
    """Return a whole number: 12345, 12.345, 12,345, 12 345 or 12345,00."""
    if isinstance(cell, int):
        number = cell
    else:
        told = text(cell).replace("\u00a0", " ")
        bare = told if _GROUPED.fullmatch(told) else _NOTHING_BEHIND.sub("", told)
        if not (_WHOLE.fullmatch(bare) or _GROUPED.fullmatch(bare)):
            raise CellError(f"{told} is no whole number")
        number = int(re.sub(r"\D", "", bare))
    if not 0 <= number <= COUNT_MAX:
        raise CellError(f"{number} is no count")
    return number


def day(cell: Cell) -> date:
    """Return a date: 2026-01-31 or 31.1.2026. What might be day or month first is refused."""
    if isinstance(cell, date):
        return cell
    told = text(cell)
    try:
        if found := _ISO.fullmatch(told):
            return date(*map(int, found.groups()))
        if found := _GERMAN.fullmatch(told):
            return date(*map(int, reversed(found.groups())))
    except ValueError as error:
        raise CellError(f"{told}: {error}") from error
    raise CellError(f"{told} is no date: want 2026-01-31 or 31.01.2026")


def contract_kind(cell: Cell) -> str:
    return _word(_KIND_WORDS, cell, KINDS)


def supply_kind(cell: Cell) -> str:
    return _word(_SUPPLY_WORDS, cell, SUPPLY_KINDS)


def supply_kinds(cell: Cell) -> tuple[str, ...]:
    told = re.split(r"[,;/+]", text(cell))
    return tuple(dict.fromkeys(supply_kind(one.strip()) for one in told if one.strip()))


def numbers(cell: Cell) -> list[str]:
    return [one.strip() for one in re.split(r"[,;]", text(cell)) if one.strip()]


def _word(words: Mapping[str, str], cell: Cell, known: Sequence[str]) -> str:
    wanted = plain(text(cell))
    for word in known:
        if wanted == plain(word) or wanted in words.get(word, "").split():
            return word
    raise CellError(f"{text(cell)} is none of {', '.join(known)}")


# --- columns ---------------------------------------------------------------------------------------------------------------

Reader = Callable[[Cell], Any]
Columns = dict[str, tuple[Reader, str]]
"""What a column gives: how its cells are read, and what it may be called."""

DEVICES: Columns = {
    "device": (text, "device deviceid geraet geraeteid"),
    "serial": (serial, "serial serialnumber serialno serialnr sn seriennummer seriennr"),
    "mac": (hardware, "mac macaddress macadresse"),
    "customer": (text, "customer customernumber customerno kunde kundennummer kundennr debitor"),
    "device_number": (text, "devicenumber deviceno erpnumber equipmentnumber geraetenummer geraetenr maschinennummer maschinennr"),
    "inventory_number": (text, "inventorynumber inventory assetnumber inventarnummer inventarnr inventar"),
    "cost_centre": (text, "costcentre costcenter kostenstelle"),
    "location": (text, "location standort standortnummer lieferort"),
    "number": (text, "contract contractnumber contractno vertrag vertragsnummer vertragsnr"),
    "kind": (contract_kind, "contractkind contracttype kind vertragsart vertragstyp"),
    "begins": (day, "begins start startdate contractstart vertragsbeginn beginn"),
    "ends": (day, "ends end enddate contractend vertragsende ende"),
    "lease_until": (day, "leaseuntil leaseend leasingende leasingbis"),
    "lessor": (text, "lessor leasinggeber"),
    "supplies": (supply_kinds, "supplies includedsupplies inklusive verbrauchsmaterial"),
    "start_meter total": (whole, "startmeter startmetertotal startzaehler anfangszaehler startzaehlerstand startzaehlergesamt"),
    "start_meter total.mono": (whole, "startmetermono startmeterblack startzaehlersw startzaehlerschwarz anfangszaehlersw"),
    "start_meter total.colour": (whole, "startmetercolour startmetercolor startzaehlerfarbe anfangszaehlerfarbe"),
    "start_meter total.large": (whole, "startmeterlarge startmetera3 startzaehlera3"),
    "pool": (text, "pool pagepool seitenpool"),
    "pool_pages": (whole, "poolpages freepages poolseiten freiseiten inklusivseiten"),
}
LOCATIONS: Columns = {
    "location": (text, "location locationnumber standort standortnummer standortnr nummer number"),
    "title": (text, "title name bezeichnung"),
    "address": (text, "address adresse anschrift"),
    "room": (text, "room raum zimmer"),
    "cost_centre": (text, "costcentre costcenter kostenstelle"),
    "site": (text, "site"),
    "range": (text, "range netz bereich"),
}
CONTACTS: Columns = {
    "contact": (text, "contact contactnumber kontakt kontaktnummer ansprechpartnernummer nummer number"),
    "name": (text, "name ansprechpartner"),
    "mail": (text, "mail email emailaddress emailadresse"),
    "phone": (text, "phone telephone telefon telefonnummer"),
    "location": (text, "location standort standortnummer"),
}
CATALOGUE: Columns = {
    "model": (text, "model modelpattern modell modellmuster"),
    "kind": (supply_kind, "kind art supply verbrauchsmaterial"),
    "colour": (text, "colour color farbe"),
    "article": (text, "article articlenumber artikel artikelnummer artikelnr"),
    "alternatives": (numbers, "alternative alternatives alternativartikel ersatzartikel alternativen"),
    "yield_pages": (whole, "yield yieldpages reichweite seiten"),
    "pack": (whole, "pack packsize packungsgroesse ve verpackungseinheit"),
}

COLOURS = {"schwarz": "black", "cyan": "cyan", "magenta": "magenta", "gelb": "yellow", "blau": "cyan", "rot": "magenta"}


class Heading:
    """A heading understood: `found` has the place of each column known, `unknown` the names of the others."""

    def __init__(self, cells: Sequence[Cell], columns: Columns) -> None:
        self._columns = columns
        self.found: dict[str, int] = {}
        self.unknown: list[str] = []
        self.twice: list[str] = []
        for at, cell in enumerate(cells):
            if cell is None:
                continue
            name = next((key for key, (_, words) in columns.items() if plain(text(cell)) in words.split()), None)
            if name is None:
                self.unknown.append(text(cell))
            elif name in self.found:
                self.twice.append(text(cell))
            else:
                self.found[name] = at

    def read(self, cells: Sequence[Cell]) -> tuple[dict[str, Any], list[str]]:
        """Return what a row says, by column, empty cells left out; and what is wrong with it."""
        told: dict[str, Any] = {}
        faults = []
        for name, at in self.found.items():
            cell = cells[at] if at < len(cells) else None
            if cell is None:
                continue
            try:
                told[name] = self._columns[name][0](cell)
            except CellError as error:
                faults.append(f"{name}: {error}")
        return told, faults
