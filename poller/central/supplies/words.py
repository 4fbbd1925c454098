"""What people call supplies and their colours, in German and in English; for whatever they read: paper, mails, pages. Pure."""

from __future__ import annotations

from typing import Literal

Language = Literal["de", "en"]

_KINDS = {
    "toner": ("Toner", "toner"),
    "ink": ("Tinte", "ink"),
    "ribbon": ("Farbband", "ribbon"),
    "wasteToner": ("Resttonerbehälter", "waste toner box"),
    "wasteInk": ("Resttintenbehälter", "waste ink box"),
    "drum": ("Trommel", "drum"),
    "developer": ("Entwickler", "developer"),
    "fuser": ("Fixiereinheit", "fuser"),
    "fuserOil": ("Fixieröl", "fuser oil"),
    "transferBelt": ("Transferband", "transfer belt"),
    "transferRoller": ("Transferrolle", "transfer roller"),
    "transferUnit": ("Transfereinheit", "transfer unit"),
    "transferBeltCleaner": ("Transferbandreiniger", "transfer belt cleaner"),
    "feedRoller": ("Einzugsrolle", "feed roller"),
    "maintenanceKit": ("Wartungskit", "maintenance kit"),
    "documentFeederKit": ("Wartungskit Vorlageneinzug", "document feeder kit"),
    "cleaner": ("Reinigungseinheit", "cleaner"),
    "printhead": ("Druckkopf", "printhead"),
    "solidInk": ("Festtinte", "solid ink"),
    "labelRoll": ("Etikettenrolle", "label roll"),
    "staples": ("Heftklammern", "staples"),
    "punchWaste": ("Locherabfallbehälter", "punch waste box"),
    "ozoneFilter": ("Ozonfilter", "ozone filter"),
    "unknown": ("Verbrauchsmaterial", "supply"),
}
"""By the kinds of design.md section 5."""
_COLOURS = {
    "black": ("schwarz", "black"),
    "cyan": ("cyan", "cyan"),
    "magenta": ("magenta", "magenta"),
    "yellow": ("gelb", "yellow"),
    "light black": ("hellschwarz", "light black"),
    "light cyan": ("hellcyan", "light cyan"),
    "light magenta": ("hellmagenta", "light magenta"),
    "light gray": ("hellgrau", "light gray"),
    "gray": ("grau", "gray"),
    "red": ("rot", "red"),
    "green": ("grün", "green"),
    "blue": ("blau", "blue"),
    "orange": ("orange", "orange"),
    "violet": ("violett", "violet"),
    "white": ("weiß", "white"),
    "clear": ("transparent", "clear"),
}


def language_of(text: str) -> Language:
    """Return the language meant by `de`, `de-AT` and the like; English for all that are not spoken here."""
    return "de" if text.lower().startswith("de") else "en"


def kind_word(kind: str, language: Language) -> str:
    """Return what a kind of supply is called; one without a word is called as it is written."""
    words = _KINDS.get(kind)
    return kind if words is None else words[language == "en"]


def colour_word(colour: str | None, language: Language) -> str:
    """Return what a colour is called, "" for none; a vendor's own name is the same in every language."""
    words = _COLOURS.get(colour or "")
    return colour or "" if words is None else words[language == "en"]


def supply_words(kind: str, colour: str | None, language: Language) -> str:
    """Return both as one reads them: `Toner schwarz`, `Black toner`, `Fixiereinheit`."""
    words = (kind_word(kind, language), colour_word(colour, language))
    joined = " ".join(word for word in (words if language == "de" else reversed(words)) if word)
    return joined[:1].upper() + joined[1:]
