"""Every field of a DocuSP job log: its names, its unit, and which export version has it. The one table; everything else follows from it.

No page of a public manual says what the file looks like, and only for some fields which version has them. So belonging is three-valued
(yes, no, unknown) and carries its source: `manual` (System Guide of the Xerox 4590 with DocuSP, its German edition, and the guide of DocuSP
3.7, 701P40211), `sibling` (guides of DocuTech HLC and FreeFlow Print Server 6, 701P25032), `inferred` ("version 3 exports all entries").
An unknown field is exported with the rest; a dialect may take it away (`v2_excludes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Version = Literal["2", "3", "3.1", "4"]
VERSIONS: tuple[Version, ...] = ("2", "3", "3.1", "4")
"""Export versions, oldest first; 4 is the manual's "4.0"."""

Kind = Literal["count", "text", "word", "flag", "time"]
"""count: a whole number from 0; word: one of `words.WORDS`; flag: yes or no; time: a moment, kept as seconds since 1970 in UTC."""
Belonging = Literal["yes", "no", "unknown"]
Source = Literal["manual", "sibling", "inferred"]


class Place(NamedTuple):
    """Whether one version has one field, and how that is known."""

    belongs: Belonging
    source: Source


class Field(NamedTuple):
    """One field: `name` is the attribute of `Job` or `Medium`; of a repeated field, `english` and `german` have {} for its number."""

    name: str
    english: str
    german: str
    is_german_attested: bool
    """Whether the German name stands in a manual. The rest is our translation, understood on reading."""
    kind: Kind
    unit: str
    places: Mapping[Version, Place]
    aliases: tuple[str, ...] = ()


_BELONGS: dict[str, Belonging] = {"y": "yes", "n": "no", "?": "unknown"}
_SOURCES: dict[str, Source] = {"m": "manual", "s": "sibling", "i": "inferred"}

_ALL = "yi ym ym ym"
_SIBLING = "yi ys ys ys"
_DOUBTED = "?i ym ym ym"
_DOUBTED_SIBLING = "?i ys ys ys"
_FROM_3 = "nm ym ym ym"
_FROM_3_1 = "nm nm ym ym"
_FROM_4 = "nm nm nm ym"
_UNKNOWN = "?s ?s ?s ?s"


def _places(marks: str) -> Mapping[Version, Place]:
    return {version: Place(_BELONGS[mark[0]], _SOURCES[mark[1]]) for version, mark in zip(VERSIONS, marks.split(), strict=True)}


def _field(name: str, english: str, german: str, kind: Kind, unit: str, marks: str, *aliases: str) -> Field:
    """A German name that begins with `=` is attested."""
    return Field(name, english, german.removeprefix("="), german.startswith("="), kind, unit, _places(marks), aliases)


FIELDS: tuple[Field, ...] = (
    _field("job_id", "Job ID", "Auftrags-ID", "count", "", _ALL),
    _field("container_id", "Container ID", "Container-ID", "count", "", _ALL),
    _field("report_id", "Report ID", "Report-ID", "text", "", _ALL),
    _field("host_job_number", "Host Job Number", "Host-Auftragsnummer", "text", "", _ALL),
    _field("record_status", "Record Status", "Datensatzstatus", "word", "", _ALL),
    _field("document_name", "Document Name", "Dokumentname", "text", "", _ALL),
    _field("document_utc_seconds", "Document Date", "Dokumentdatum", "time", "s", _ALL),
    _field("sender", "Sender Name", "Absender", "text", "", _ALL, "Sender"),
    _field("recipient", "Recipient", "Empfänger", "text", "", _ALL, "Recipient Name"),
    _field("account", "Account", "=Kostenstelle", "text", "", _ALL, "Kontodaten"),
    _field("disposition", "Disposition", "Verwendung", "word", "", _ALL),
    _field("job_status", "Job Status", "Auftragsstatus", "word", "", _ALL),
    _field("interrupt_status", "Interrupt Status", "=Unterbrechungsstatus", "word", "", _FROM_3_1),
    _field("server", "Print Server Name", "Druckservername", "text", "", _ALL, "Print Server"),
    _field("virtual_printer", "Virtual Printer", "Virtueller Drucker", "text", "", _ALL),
    _field("printer_type", "Printer Type", "Druckertyp", "text", "", _ALL),
    _field("job_source", "Job Source", "=Auftragsquelle", "text", "", _FROM_3_1),
    _field(
        "channel_idle_milliseconds",
        *("Channel Idle Time (milliseconds)", "=Kanalleerlaufdauer (Millisekunden)", "count", "ms", _FROM_3),
        *("Channel Idle Time", "Kanal-Leerlaufdauer"),
    ),
    _field("submitted_utc_seconds", "Job Submission Date", "=Datum der Auftragsübertragung", "time", "s", _ALL, "Submission Date"),
    _field("input_bytes", "Input File Size (bytes)", "=Größe der Eingabedatei (Byte)", "count", "bytes", _ALL, "Input File Size"),
    _field("pdl", "PDL Format", "=PDL-Format", "word", "", _ALL),
    _field("rip_started_utc_seconds", "Start RIP Time", "=Verarbeitungsbeginn", "time", "s", _ALL),
    _field("rip_stopped_utc_seconds", "Stop RIP Time", "=Verarbeitungsende", "time", "s", _ALL),
    _field("rip_seconds", "Elapsed RIP Time (seconds)", "=Verarbeitungsdauer (Sekunden)", "count", "s", _ALL, "Elapsed RIP Time"),
    _field(
        "rip_interrupted_seconds",
        *("RIP Interrupt Time (seconds)", "=RIP-Unterbrechungsdauer (Sekunden)", "count", "s", _FROM_3_1, "RIP Interrupt Time"),
    ),
    _field("initial_jdl", "Initial JDL", "=Start-JDL", "text", "", _FROM_3),
    _field("initial_jde", "Initial JDE", "=Start-JDE", "text", "", _FROM_3),
    _field("records_read", "Records Read", "Gelesene Datensätze", "count", "records", _ALL),
    _field("djde_records_read", "DJDE Records Read", "=gelesene DJDE-Datensätze", "count", "records", _FROM_3),
    _field("data_blocks_processed", "Data Blocks Processed", "Verarbeitete Datenblöcke", "count", "blocks", _ALL),
    _field("data_blocks_skipped", "Data Blocks Skipped", "Übersprungene Datenblöcke", "count", "blocks", _ALL),
    _field(
        "pages_ripped", "Number Pages RIPped", "Verarbeitete Seiten", "count", "pages", _ALL, "Number Pages RIPed", "Number of Pages RIPped"
    ),
    _field("pages_trapped", "Total Pages Trapped", "=Überfüllen", "count", "pages", _FROM_4, "Seiten mit Überfüllung", "Trapping"),
    _field("pages_antialiased", "Total Anti Aliased Pages Processed", "Seiten mit Anti-Aliasing", "count", "pages", _DOUBTED),
    _field("print_started_utc_seconds", "Print Start Date", "Druckbeginn", "time", "s", _ALL, "Start Date"),
    _field("print_completed_utc_seconds", "Print Completion Date", "Druckende", "time", "s", _ALL, "Completion Date"),
    _field("pages_to_print", "Pages To Print", "Zu druckende Seiten", "text", "", _ALL),
    _field("is_collated", "Collate Mode", "Sortierung", "flag", "", _ALL),
    _field("copies_requested", "Copies Requested", "Angeforderte Exemplare", "count", "copies", _ALL),
    _field("copies_printed", "Copies Printed", "Gedruckte Exemplare", "count", "copies", _ALL),
    _field("sheets_wider_9in", 'Total Sheets Greater than 9" Wide Printed', "Blätter breiter als 9 Zoll", "count", "sheets", _ALL),
    _field("sheets_wider_345mm", "Total Sheets Greater than 345mm Wide Printed", "Blätter breiter als 345 mm", "count", "sheets", _DOUBTED),
    _field("sheets", "Total Sheets Printed", "Blätter gesamt", "count", "sheets", _ALL),
    _field("impressions", "Total Impressions Printed", "Drucke gesamt", "count", "impressions", _ALL),
    _field("pages_to_bin", "Pages to Bin", "Seiten im Ausgabefach", "count", "pages", _ALL),
    _field("sheets_one_sided", "Number 1-Sided Sheets Printed", "1-seitige Blätter", "count", "sheets", _SIBLING),
    _field("sheets_two_sided", "Number 2-Sided Sheets Printed", "2-seitige Blätter", "count", "sheets", _SIBLING),
    _field("lines_printed", "Lines Printed", "=gedruckte Zeilen", "count", "lines", _FROM_3),
    _field("pages_spaced", "Pages Spaced", "Leerseiten vorgeschoben", "count", "pages", _DOUBTED_SIBLING),
    _field("black_pages", "Total Black Only Pages Printed", "Nur-Schwarz-Seiten", "count", "pages", _SIBLING),
    _field("colour_pages", "Total Color Pages Printed", "Farbseiten", "count", "pages", _SIBLING),
    _field("complexity_skips", "Complexity Induced Skips", "Komplexitätsbedingte Auslassungen", "count", "skips", _DOUBTED_SIBLING),
)
"""The scalar fields, in the order of the manual."""

FINISHING = _field("finishing", "Finishing Applied {}", "Endverarbeitung {}", "text", "", _SIBLING)
FINISHING_MAX = 10

MEDIUM_FIELDS: tuple[Field, ...] = (
    _field("number_printed", "Medium {}, Number Printed", "Material {}, Anzahl", "count", "sheets", _SIBLING),
    _field("type", "Medium {}, Type", "Material {}, Art", "text", "", _SIBLING),
    _field("modulus", "Medium {}, Modulus", "Material {}, Modulus", "count", "parts", _SIBLING),
    _field("size", "Medium {}, Size", "Material {}, Format", "text", "", _SIBLING),
    _field("colour", "Medium {}, Color", "Material {}, Farbe", "text", "", _SIBLING),
    _field("name", "Medium {}, Name", "Material {}, Name", "text", "", _UNKNOWN),
    _field("opacity", "Medium {}, Opacity", "Material {}, Opazität", "text", "", _UNKNOWN),
    _field("holes", "Medium {}, Holes count", "Material {}, Lochung", "count", "holes", _UNKNOWN),
    _field("grain", "Medium {}, Grain", "Material {}, Laufrichtung", "text", "", _UNKNOWN),
    _field("finish", "Medium {}, Finish", "Material {}, Oberfläche", "text", "", _UNKNOWN),
)
"""What is said of each medium. The last five are known from FreeFlow Print Server 6 alone; a dialect with ten attributes has them."""
MEDIA_MAX = 10
MEDIUM_ATTRIBUTES_FEW = 5

FIELD_BY_NAME: Mapping[str, Field] = {field.name: field for field in FIELDS}
