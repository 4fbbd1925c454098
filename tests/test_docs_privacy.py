"""docs/privacy.md lists the fields there are, no more and no fewer; the two papers for the IT department say the same as it does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from poller.accounting.joblines import JobLine
from poller.config.catalogue import SETTINGS
from poller.model import Reading
from poller.upload.ledger import Refused
from poller.upload.update import UpdateStatus
from tests.conftest import ROOT
from tests.privacy_page import PAGE, listed_fields, section

DOCS = ROOT / "docs"
PAPERS = {"en": DOCS / "for-it.en.md", "de": DOCS / "for-it.de.md"}


def fields_of(struct: Any, at: str = "") -> Iterator[str]:
    """Yield the JSON path of every field of a Struct and of those in it."""
    tag = struct.__struct_config__.tag_field
    if tag is not None:
        yield at + tag
    hints = get_type_hints(struct)
    for field in msgspec.structs.fields(struct):
        yield at + field.encode_name
        for inner, brackets in structs_in(hints[field.name]):
            yield from fields_of(inner, f"{at}{field.encode_name}{brackets}.")


def structs_in(kind: Any) -> Iterator[tuple[Any, str]]:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        for one in get_args(kind):
            yield from structs_in(one)
    elif origin is tuple:
        for one in get_args(kind):
            yield from ((inner, "[]") for inner, _ in structs_in(one))
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind, ""


def written_fields(path: Path, key: str) -> set[str]:
    """Return the JSON paths of the dictionary with *key* that the source at *path* writes out."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Dict) and any(isinstance(one, ast.Constant) and one.value == key for one in node.keys):
            return set(_paths(node, ""))
    raise AssertionError(f"{path} writes no line with {key!r}")


def _paths(node: ast.Dict, at: str) -> Iterator[str]:
    for name, value in zip(node.keys, node.values, strict=True):
        assert isinstance(name, ast.Constant) and isinstance(name.value, str), "a line whose fields are not written out"
        yield f"{at}{name.value}"
        if isinstance(value, ast.Dict):
            yield from _paths(value, f"{at}{name.value}.")


def leaves(names: set[str]) -> set[str]:
    return {name for name in names if not any(other != name and re.match(re.escape(name) + r"[.\[]", other) for other in names)}


def test_every_field_of_a_reading_is_listed_and_no_other() -> None:
    assert leaves(listed_fields("reading")) == leaves(set(fields_of(Reading)))


def test_every_field_of_a_job_is_listed_and_no_other() -> None:
    assert leaves(listed_fields("job")) == leaves(set(fields_of(JobLine)))


def test_every_choice_about_names_of_job_logs_is_explained() -> None:
    words = next(one.kind for one in SETTINGS if (one.section, one.key) == ("accounting", "names"))
    assert all(f'"{word}"' in section("Job logs") for word in getattr(words, "words"))  # noqa: B009 - of one kind of many


def test_every_field_of_a_heartbeat_is_listed_and_no_other() -> None:
    written = written_fields(ROOT / "poller" / "upload" / "courier.py", "central_keys")
    inside = {f"update.{name}" for name in fields_of(UpdateStatus)} | {f"settings_refused.{name}" for name in fields_of(Refused)}
    assert leaves(listed_fields("health")) == leaves(written | inside)


def test_every_field_of_an_enrolment_is_listed_and_no_other() -> None:
    assert listed_fields("enrolment") == written_fields(ROOT / "poller" / "upload" / "enrolment.py", "secret")


def test_every_mask_is_explained() -> None:
    words = next(one.kind for one in SETTINGS if (one.section, one.key) == ("privacy", "mask"))
    assert all(f'"{word}"' in section("Masks and days") for word in getattr(words, "words"))  # noqa: B009 - of one kind of many


# --- the papers for the IT department ---

# What each list of the papers is about, in the words of docs/privacy.md and of each paper, in the same order.
COLLECTED = {
    "page": ["identity of the device", "the location text", "supplies", "counters", "paper trays, covers, status, alerts"],
    "en": ["identity of the device", "the location text", "supplies", "counters", "paper trays, covers, status, alerts"],
    "de": ["Identität des Geräts", "der Standorttext", "Verbrauchsmaterial", "Zähler", "Papierfächer, Klappen, Zustand, Meldungen"],
}
NEVER = {
    "page": ["No document", "No person", "Nothing of other devices", "No text from the display"],
    "en": ["No document", "No person", "Nothing of other devices", "No text from the display"],
    "de": ["Kein Dokument", "Keine Person", "Nichts über andere Geräte", "Kein Text vom Bedienfeld"],
}
HEADINGS = {
    "page": ("Collected", "Never collected"),
    "en": ("Collected", "Never collected"),
    "de": ("Erfasst wird", "Nie erfasst wird"),
}


def page_of(name: str) -> Path:
    return PAGE if name == "page" else PAPERS[name]


@pytest.mark.parametrize("name", HEADINGS)
def test_page_and_papers_list_the_same_things_as_collected_and_never_collected(name: str) -> None:
    collected, never = (section(heading, page=page_of(name)) for heading in HEADINGS[name])
    rows = [row for row in re.findall(r"^\| (.+?) \|", collected, re.MULTILINE) if not set(row) <= set("-| ")][1:]
    assert len(rows) == len(COLLECTED[name])
    assert all(row.startswith(begin) for row, begin in zip(rows, COLLECTED[name], strict=True))
    assert re.findall(r"^- \*\*(.+?)\*\*", never, re.MULTILINE) == NEVER[name]


@pytest.mark.parametrize("language", PAPERS)
def test_the_papers_are_two_pages_at_most(language: str) -> None:
    words = len(PAPERS[language].read_text().split())
    assert words <= 1400, "two printed pages of text and tables hold about that"


def figures(path: Path) -> list[str]:
    """Return every number of a page, written alike: 2,500 and 2.500 are one."""
    text = re.sub(r"\]\([^)]*\)", "]", path.read_text())
    return sorted(re.sub(r"[.,\s]", "", number) for number in re.findall(r"\d(?:[\d.,]*\d)?", text))


def test_both_papers_state_the_same_figures() -> None:
    assert figures(PAPERS["en"]) == figures(PAPERS["de"])


def test_the_papers_take_their_packets_from_the_firewall_sheet() -> None:
    sheet = re.sub(r"\s", " ", (DOCS / "install.md").read_text())
    for figure in ("71 bytes", "92 to 116 packets", "2.6 to 7 packets", "290 kB", "29 MB", "6.5 kB", "5.1 kB", "3.5 kB, 16 packets"):
        assert figure in sheet
        assert figure in PAPERS["en"].read_text()
