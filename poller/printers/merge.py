"""One printer told twice: what SNMP says and what IPP says, as one reading.

Where SNMP has a number, it stays: it has units, capacities and counters by meter, IPP has whole per cents. IPP fills in what SNMP leaves
open: the level behind a -2 or -3, a colour, a part of the identity, a whole table. What IPP filled in is noted in `Decoded.by_ipp`.

A supply is the same one when the device describes it in the same words, else when it is the only one of its kind and colour, or one of
equally many in the same order. Nothing is matched by position alone.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Hashable, Iterable, Sequence

import msgspec

from poller.model import Counter, Decoded, Printer, State, Status, Supply, Tray

_OPEN: frozenset[State] = frozenset({"some-remaining", "unknown", "not-reported"})
_NO_STATUS = (None, "unknown")


def is_same_printer(one: Printer, other: Printer) -> bool:
    """Say whether two descriptions are of one device: a shared identity, or the same serial number under two makers' numbers.

    An address alone proves it only while neither has anything better that contradicts: two serial numbers are two devices.
    """
    if one.serial is not None and other.serial is not None:
        return one.serial.upper() == other.serial.upper()
    return one.address == other.address or not set(one.identities).isdisjoint(other.identities)


def wants_levels(decoded: Decoded) -> bool:
    """Say whether SNMP left something open that IPP may know: no supply at all, a level that is no number, or no counter."""
    reading = decoded.reading
    return not reading.supplies or not reading.counters or any(one.ratio is None and one.state in _OPEN for one in reading.supplies)


def merge(snmp: Decoded, ipp: Decoded) -> Decoded:
    """Return one reading of the two, which are of one device. It was taken when SNMP's was, and keeps its id."""
    mine, theirs = snmp.reading, ipp.reading
    supplies, filled = fill_supplies(mine.supplies, theirs.supplies)
    trays, filled_trays = _fill_trays(mine.trays, theirs.trays)
    told = snmp if mine.alerts or not theirs.alerts else ipp
    reading = msgspec.structs.replace(
        mine,
        is_printer=mine.is_printer or theirs.is_printer,
        printer=merge_printers(mine.printer, theirs.printer),
        status=_merge_status(mine.status, theirs.status),
        supplies=supplies,
        counters=mine.counters + _counters_beside(mine.counters, theirs.counters),
        trays=trays,
        covers=mine.covers or theirs.covers,
        alerts=told.reading.alerts,
    )
    return msgspec.structs.replace(
        snmp,
        reading=reading,
        boot_utc=snmp.boot_utc or ipp.boot_utc,
        alert_texts=told.alert_texts,
        by_ipp=tuple(supplies[at].key for at in filled) + tuple(f"tray:{trays[at].key}" for at in filled_trays),
    )


def merge_printers(mine: Printer, theirs: Printer) -> Printer:
    """Return *mine* with what it leaves open filled in, and every identity the device goes by."""
    names = ("manufacturer", "model", "serial", "firmware", "hostname", "location", "mac")
    blanks = {name: getattr(theirs, name) for name in names if getattr(mine, name) is None}
    identities = dict.fromkeys((*mine.identities, *(name for name in theirs.identities if not _is_other_serial(name, mine, theirs))))
    via = mine.via if theirs.via in mine.via.split("+") else f"{mine.via}+{theirs.via}"
    return msgspec.structs.replace(mine, identities=tuple(identities), via=via, **blanks)


def _is_other_serial(name: str, mine: Printer, theirs: Printer) -> bool:
    """Whether an identity is the serial number SNMP has as well, under a number that IPP could only derive from the brand."""
    return name.startswith("serial:") and mine.serial is not None and theirs.serial is not None


def _merge_status(mine: Status, theirs: Status) -> Status:
    errors = (*mine.errors, *(name for name in theirs.errors if name not in mine.errors))
    return Status(
        printer=theirs.printer if mine.printer in _NO_STATUS and theirs.printer is not None else mine.printer,
        device=theirs.device if mine.device in _NO_STATUS and theirs.device is not None else mine.device,
        errors=errors,
    )


def _counters_beside(mine: Sequence[Counter], theirs: Sequence[Counter]) -> tuple[Counter, ...]:
    """Return the counters of a (function, unit) SNMP does not count: parts from one source would not add up to a total from another."""
    counted = {(one.function, one.unit) for one in mine}
    return tuple(one for one in theirs if (one.function, one.unit) not in counted)


# --- supplies and trays ------------------------------------------------------------------------------------------------


def fill_supplies(mine: Sequence[Supply], theirs: Sequence[Supply]) -> tuple[tuple[Supply, ...], tuple[int, ...]]:
    """Return *mine*, filled in from *theirs* and with those it lacks behind, and the positions of the rows that gained a level.

    A row of *theirs* that is none of *mine* is added only where no row of *mine* is left that it might be: a supply told twice is worse
    than one told once.
    """
    pairs = _pair(mine, theirs)
    filled = [_fill_supply(one, theirs[pairs[at]]) if at in pairs else one for at, one in enumerate(mine)]
    gained = [at for at, one in enumerate(filled) if (one.ratio, one.state) != (mine[at].ratio, mine[at].state)]
    left, taken = [one for at, one in enumerate(mine) if at not in pairs], set(pairs.values())
    for at, one in enumerate(theirs):
        if at not in taken and not any(_might_be(other, one) for other in left):
            gained.append(len(filled))
            filled.append(one)
    return tuple(filled), tuple(gained)


def _fill_supply(mine: Supply, theirs: Supply) -> Supply:
    """Return *mine* with what it leaves open.

    A level of 0 does not fill a "some remaining": the two contradict each other, and many a device says 0 where it means "I cannot tell".
    Nor does any level overrule the device's own "empty".
    """
    blanks: dict[str, object] = {
        name: getattr(theirs, name)
        for name in ("description", "colour", "part_number", "serial")
        if getattr(mine, name) is None and getattr(theirs, name) is not None
    }
    if mine.kind == "unknown" != theirs.kind:
        blanks |= {"kind": theirs.kind, "is_receptacle": mine.is_receptacle or theirs.is_receptacle}
    contradicts = mine.state == "empty" or (mine.state == "some-remaining" and theirs.state == "empty")
    if mine.ratio is None and theirs.ratio is not None and not contradicts:
        blanks["ratio"] = theirs.ratio
        if mine.state != "low":  # the device's own word for this row
            blanks["state"] = theirs.state
        if mine.units is None and (mine.capacity is None or (mine.capacity, mine.unit) == (theirs.capacity, theirs.unit)):
            blanks |= {"units": theirs.units, "capacity": theirs.capacity, "unit": theirs.unit}  # else the ratio alone: 40 % of 2,300 pages
    elif mine.state in ("not-reported", "unknown") and theirs.state in ("some-remaining", "low", "empty"):
        blanks["state"] = theirs.state
    return msgspec.structs.replace(mine, **blanks) if blanks else mine


def _fill_trays(mine: Sequence[Tray], theirs: Sequence[Tray]) -> tuple[tuple[Tray, ...], tuple[int, ...]]:
    """Return *mine* with levels and media filled in by name; *theirs* where SNMP shows no tray at all."""
    if not mine:
        return tuple(theirs), tuple(range(len(theirs)))
    ours, others = _by_name(mine), _by_name(theirs)
    filled: list[Tray] = []
    gained: list[int] = []
    for at, tray in enumerate(mine):
        name = _plain(tray.name)
        other = others.get(name) if name in ours else None
        if other is not None and tray.ratio is None and other.ratio is not None and tray.state in _OPEN:
            tray = msgspec.structs.replace(
                tray, ratio=other.ratio, state=other.state, units=other.units, capacity=other.capacity, unit=other.unit
            )
            gained.append(at)
        if other is not None and tray.media is None and other.media is not None:
            tray = msgspec.structs.replace(tray, media=other.media)
        filled.append(tray)
    return tuple(filled), tuple(gained)


def _by_name(trays: Sequence[Tray]) -> dict[str, Tray]:
    """Return the trays that are the only one of their name."""
    names = Tally(_plain(one.name) for one in trays)
    return {name: one for one in trays if (name := _plain(one.name)) and names[name] == 1}


def _pair(mine: Sequence[Supply], theirs: Sequence[Supply]) -> dict[int, int]:
    """Return which position of *theirs* is which of *mine*: by their words first, by kind and colour what is left, by kind the last one."""
    pairs: dict[int, int] = {}
    for key in (_words, _sort, _kind):
        left = _positions(mine, key, without=pairs.keys())
        right = _positions(theirs, key, without=pairs.values())
        for sort, places in left.items():
            others = right.get(sort, [])
            if len(places) != len(others):
                continue
            if key is not _kind or (len(places) == 1 and _might_be(mine[places[0]], theirs[others[0]])):
                pairs.update(zip(places, others, strict=True))
    return pairs


def _might_be(one: Supply, other: Supply) -> bool:
    """Say whether the two may be one, as far as their kinds and colours go; what is not told contradicts nothing."""
    if "unknown" in (one.kind, other.kind):
        return True
    return one.kind == other.kind and (one.colour == other.colour or None in (one.colour, other.colour))


def _positions(
    supplies: Sequence[Supply], key: Callable[[Supply], Hashable | None], *, without: Iterable[int]
) -> dict[Hashable, list[int]]:
    taken = set(without)
    found: dict[Hashable, list[int]] = {}
    for at, one in enumerate(supplies):
        sort = key(one)
        if at not in taken and sort is not None:
            found.setdefault(sort, []).append(at)
    return found


def _words(supply: Supply) -> Hashable | None:
    return None if supply.description is None else (_plain(supply.description), supply.is_receptacle)


def _sort(supply: Supply) -> Hashable | None:
    """Return kind and colour; None where the kind is not known."""
    return None if supply.kind == "unknown" else (supply.kind, supply.colour)


def _kind(supply: Supply) -> Hashable | None:
    return None if supply.kind == "unknown" else supply.kind


def _plain(text: str | None) -> str:
    return " ".join((text or "").casefold().split())
