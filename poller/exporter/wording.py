"""How the status page says things: words for kinds, states and grades, and numbers as people read them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from poller.engine.fleet import Entry, Grade
from poller.model import Alert, Counter, Printer, Supply, Tray

_NARROW = "\u202f"  # narrow no-break space: the thousands separator nobody takes for a decimal sign

_STATES = {"some-remaining": "some left", "not-reported": "not reported"}
_GRADES = {
    Grade.STOPPED: ("stopped", "stopped"),
    Grade.EMPTY: ("empty", "supply empty"),
    Grade.LOW: ("low", "supply low"),
    Grade.NOTICE: ("notice", "notice"),
    Grade.OK: ("ok", "ok"),
    Grade.UNREAD: ("silent", "not read yet"),
}
_MODES = {"all": "", "mono": "mono", "colour": "colour", "single": "single colour", "two": "two colours"}
_WITH_COLOUR = ("drum", "developer", "printhead", "cleaner")  # kinds that come one per colour, besides what prints
_PRINTS = ("toner", "ink", "solidInk", "ribbon")

# PrtAlertCodeTC (IANA-PRINTER-MIB, RFC 3805), without the codes that only say a fault is over. A group already names the part, so its
# prefix is left off.
_ALERTS = {
    int(code): words.replace("_", " ")
    for code, words in (
        item.split(":")
        for item in """
        3:cover_open 5:interlock_open 7:configuration_changed 8:jam 9:missing 10:life_almost_over 11:life_over 12:almost_empty 13:empty
        14:almost_full 15:full 16:near_limit 17:at_limit 18:opened 20:turned_on 21:turned_off 22:offline 23:power_saver 24:warming_up
        25:added 26:removed 27:resource_added 28:resource_removed 29:recoverable_failure 30:unrecoverable_failure
        31:recoverable_storage_error 32:unrecoverable_storage_error 33:motor_failure 34:memory_exhausted 35:too_cold 36:too_hot
        37:timing_failure 38:thermistor_failure 501:door_open 503:power_up 504:power_down 505:reset_over_the_network 506:reset_by_hand
        507:ready_to_print 801:tray_missing 802:media_size_changed 803:media_weight_changed 804:media_type_changed
        805:media_colour_changed 806:form_parts_changed 807:low 808:empty 809:media_change_wanted 810:manual_feed_wanted
        811:position_failure 812:elevation_failure 813:cannot_feed_the_size_selected 901:tray_missing 902:almost_full 903:full
        904:mailbox_failure 1001:fuser_too_cold 1002:fuser_too_hot 1003:fuser_timing_failure 1004:fuser_thermistor_failure
        1005:adjusting_print_quality 1101:toner_empty 1102:ink_empty 1103:ribbon_empty 1104:toner_almost_empty 1105:ink_almost_empty
        1106:ribbon_almost_empty 1107:waste_toner_almost_full 1108:waste_ink_almost_full 1109:waste_toner_full 1110:waste_ink_full
        1111:drum_life_almost_over 1112:drum_life_over 1113:developer_almost_empty 1114:developer_empty 1115:toner_cartridge_missing
        1301:tray_missing 1302:almost_full 1303:full 1304:cannot_print_both_sides_of_this_media 1507:resource_unavailable
        1509:page_too_complex
        """.split()
    )
}

# A colour a device names is shown only if the style sheet has it; what is not in here gets the neutral one.
_BARS = frozenset(
    "black cyan magenta yellow red green blue orange violet white gray grey lightcyan lightmagenta lightgray lightgrey".split()
)


def spaced(name: str) -> str:
    """Return a MIB label as words: `wasteToner` as `Waste toner`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.replace("-", " ")).lower()
    return words[:1].upper() + words[1:]


def number(value: float) -> str:
    return f"{value:,}".replace(",", _NARROW)


def name(printer: Printer) -> str:
    """Return what people call this device: maker and model, else its host name, else its address."""
    model, maker = printer.model, printer.manufacturer
    if model and maker and not model.casefold().startswith(maker.casefold()):
        return f"{maker} {model}"
    return model or maker or printer.hostname or printer.address or printer.id


def grade(entry: Entry) -> tuple[str, str]:
    """Return (class, word) for how a printer is."""
    if not entry.is_up:
        return "silent", "silent"
    return _GRADES[entry.grade]


def supply(item: Supply) -> str:
    """Return a short name: `Cyan` for a cyan toner, `Drum cyan`, `Waste` for its box."""
    if item.kind in _PRINTS and item.colour:
        return spaced(item.colour)
    if item.is_receptacle and item.kind.startswith("waste"):
        return "Waste"
    if item.kind == "unknown":
        return item.description or "Supply"
    return f"{spaced(item.kind)} {item.colour}" if item.kind in _WITH_COLOUR and item.colour else spaced(item.kind)


def level(item: Supply | Tray) -> str:
    """Return a level as a person says it; no number unless the device vouches for one."""
    if item.ratio is not None:
        free = " free" if isinstance(item, Supply) and item.is_receptacle else ""
        return f"{percent(item.ratio)}{_NARROW}%{free}"
    return _STATES.get(item.state, item.state)


def percent(ratio: float) -> int:
    """Return whole percent, and 0 and 100 only where that is exactly so."""
    exact = ratio * 100
    return round(exact) if exact in (0, 100) else min(99, max(1, round(exact)))


def bar(colour: str | None) -> str:
    """Return the class of a bar in the supply's own colour."""
    plain = (colour or "").replace(" ", "").replace("-", "").casefold()
    return f"ink-{plain}" if plain in _BARS else "ink-other"


def counter(item: Counter) -> str:
    """Return a counter's name from its cell: `Print, colour, large`."""
    parts = (
        spaced(item.function),
        _MODES[item.colour],
        "large" if item.size == "large" else "",
        "two-sided" if item.sides == "duplex" else "",
    )
    return ", ".join(part for part in parts if part)


def alert(item: Alert) -> str:
    """Return an alert as a part and what is the matter with it; its free text is not for the page."""
    group = spaced(item.group) if item.group else "Alert"
    return group if item.code is None else f"{group}: {_ALERTS.get(item.code, f'code {item.code}')}"


def age(then: datetime, now: datetime) -> str:
    """Return how long ago *then* was, in its largest unit; a clock that went back makes nothing younger than now."""
    seconds = max(0, int((now - then).total_seconds()))
    for limit, unit_seconds, unit in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds // unit_seconds}{_NARROW}{unit}"
    return f"{seconds // 86400}{_NARROW}d"


def moment(then: datetime) -> str:
    return f"{then:%Y-%m-%d %H:%M} UTC"


FILTERS: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (spaced, number, supply, level, percent, bar, counter, alert, age, moment)
}
