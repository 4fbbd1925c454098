"""Rules that take a model, serial number or version out of what a vendor's object says; each is one line of a profile.

A rule that does not fit means "no value here", so that the next choice is tried: a wrong serial number is worse than none.
"""

from __future__ import annotations

import re
from functools import lru_cache

from poller.printers import levels
from poller.printers.charset import read_text
from poller.snmp import ber
from poller.snmp.message import Missing, Value
from poller.snmp.oid import Oid, is_well_formed, parse, tail_arcs

_LETTERS_MAX = 64
_SHORT_KEYS = {"MANUFACTURER": "MFG", "MODEL": "MDL", "SERN": "SN", "SER": "SN", "SERIALNUMBER": "SN", "DESCRIPTION": "DES"}


@lru_cache(maxsize=1024)
def cleaner(rule: str) -> tuple[str, str]:
    """Return (name, argument) of the rule written as one line. Raises ValueError for what is none."""
    name, _, argument = rule.partition(" ")
    argument = argument.strip()
    if name == "pml" and not argument:
        return name, argument
    if name == "strip" and argument.isdigit() and 0 < int(argument) <= 64:
        return name, argument
    if name == "key" and re.fullmatch(r"[A-Za-z0-9 ]{1,32}", argument):
        return name, _SHORT_KEYS.get(argument.upper(), argument.upper())
    if name in ("regex", "drop", "refuse") and argument:
        try:
            re.compile(argument)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"pattern {argument!r}: {error}") from error
        return name, argument
    if name == "arcs":
        parse(argument)
        return name, argument
    raise ValueError(f"{rule!r} is no rule: want pml, strip N, key NAME, regex P, drop P, refuse P or arcs PREFIX")


@lru_cache(maxsize=8192)
def clean(value: Value | Missing, rules: tuple[str, ...], charset: int | None) -> str | None:
    """Return what *rules* make of *value*; None where there is none, it is blank, or a rule does not fit."""
    if not isinstance(value, tuple):
        return None
    tag, octets = value
    if tag == ber.OBJECT_IDENTIFIER:
        text = None
    elif tag != ber.OCTET_STRING:
        number = levels.integer(value)
        text = str(number) if number is not None else None
        octets = text.encode() if text is not None else b""
    else:
        text = None
    for rule in rules:
        name, argument = cleaner(rule)
        if name == "arcs":
            letters = _arcs(octets, parse(argument)) if tag == ber.OBJECT_IDENTIFIER else None
            if letters is None:
                return None
            text, tag = letters, ber.OCTET_STRING
            continue
        if name in ("pml", "strip") and text is None:
            octets = _without_set(octets) if name == "pml" else octets[int(argument) :]
            continue
        if tag == ber.OBJECT_IDENTIFIER:
            return None
        text = _apply(name, argument, text if text is not None else read_text(octets, charset) or "")
        if text is None:
            return None
    if tag == ber.OBJECT_IDENTIFIER:
        return None
    text = text if text is not None else read_text(octets, charset)
    return text.strip() or None if text is not None else None


def _apply(name: str, argument: str, text: str) -> str | None:
    if name == "key":
        return fields(text).get(argument)
    if name == "drop":
        return re.sub(argument, "", text)
    found = re.search(argument, text)
    if name == "refuse":
        return text if found is None else None
    if name == "regex":
        return None if found is None else found[1] if found.re.groups else found[0]
    return text


def fields(text: str) -> dict[str, str]:
    """Return the fields of an IEEE 1284 device id, long names as their short ones."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        key, colon, value = part.partition(":")
        key = key.strip().upper()
        if colon and value.strip():
            found.setdefault(_SHORT_KEYS.get(key, key), value.strip())
    return found


def _without_set(octets: bytes) -> bytes:
    """Return HP's text without the two octets that name its symbol set; text that begins with a letter has none."""
    return octets[2:] if len(octets) >= 2 and octets[0] < 0x20 and int.from_bytes(octets[:2], "big") < 0x0400 else octets


def _arcs(content: bytes, prefix: Oid) -> str | None:
    if not is_well_formed(content) or not content.startswith(prefix):
        return None
    arcs = tail_arcs(content[len(prefix) :])[1 : _LETTERS_MAX + 1]
    return "".join(map(chr, arcs)) if arcs and all(0x20 <= arc < 0x7F for arc in arcs) else None
