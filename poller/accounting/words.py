"""The words a log uses where only certain ones are defined, as DocuSP's guides spell them, with what else is understood for each.

Source of the English lists: DocuSP 3.7 guide (701P40211) and the guide of the 61xx family; of the German PDL formats: System Guide of the
4590 with DocuSP, German edition. Other German words are ours, understood on reading, never written. Whether a file holds words or codes is
documented nowhere: a digit for a record status is understood as its number in the manual's list.
A word that is in no list is kept as it stands; `checks` says so.
"""

from __future__ import annotations

from collections.abc import Mapping

from poller.accounting.names import normal

COMPLETE = "Complete"
QUANTITIES_LOW = "Quantities may be less than actual"
DESCRIPTION_LOST = "Descriptive data lost"
BOTH_LOST = "Descriptive data lost and quantities may be less than actual"

SAVE_COMPLETED = frozenset({"Save completed", "Save completed with warnings", "Save completed with errors"})

_WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "record_status": {
        COMPLETE: ("1", "Vollständig"),
        QUANTITIES_LOW: ("2", "Quantities shown may be less than actual", "Mengen eventuell zu niedrig"),
        DESCRIPTION_LOST: ("3", "Descriptive data was lost, quantities correct", "Beschreibende Daten verloren"),
        BOTH_LOST: ("4", "Descriptive data lost and quantities may be less", "Beschreibende Daten verloren, Mengen eventuell zu niedrig"),
    },
    "disposition": {"Print": ("Drucken", "Druck"), "Save": ("Speichern", "Sichern")},
    "job_status": {
        "Completed": ("Abgeschlossen",),
        "Completed with warnings": ("Abgeschlossen mit Warnungen",),
        "Completed with errors": ("Abgeschlossen mit Fehlern",),
        "Undefined": ("Undefiniert",),
        "Faulted": ("Fehlerhaft",),
        "Cancelled by user": ("Canceled by user", "Vom Benutzer abgebrochen"),
        "Cancelled by operator": ("Canceled by operator", "Vom Bediener abgebrochen"),
        "Aborted": ("Abgebrochen",),
        "Rejected": ("Abgewiesen",),
        "Held by user": ("Vom Benutzer angehalten",),
        "Held by operator": ("Vom Bediener angehalten",),
        "Save completed": ("Speichern abgeschlossen",),
        "Save completed with warnings": ("Speichern abgeschlossen mit Warnungen",),
        "Save completed with errors": ("Speichern abgeschlossen mit Fehlern",),
    },
    "interrupt_status": {
        "No Interruption": ("Keine Unterbrechung",),
        "Interrupted": ("Unterbrochen",),
        "Interrupt": ("Unterbrechung",),
        "Interrupt Interrupted": ("Unterbrechung unterbrochen",),
    },
    "pdl": {
        "Ascii": (),
        "Binary": ("Binär",),
        "HPPCL": ("HP PCL",),
        "Interpress": (),
        "LCDS": (),
        "PostScript": (),
        "PostScript2": (),
        "PostScript Query": (),
        "TIFF": (),
        "PDF": (),
        "IPDS": (),
        "HTML": (),
        "DocuJob": (),
        "Internal": ("Systemintern",),
        "Native": ("Gerätespezifisch",),
    },
}

WORDS: Mapping[str, tuple[str, ...]] = {field: tuple(words) for field, words in _WORDS.items()}
"""The words of each field of kind `word`, in the manual's order."""

MEANINGS: Mapping[str, Mapping[str, str]] = {
    field: {normal(way): word for word, others in words.items() for way in (word, *others)} for field, words in _WORDS.items()
}
"""The same by everything that is understood for them, in its normal form."""

FLAGS: Mapping[str, bool] = {"yes": True, "y": True, "ja": True, "j": True, "1": True, "no": False, "n": False, "nein": False, "0": False}
