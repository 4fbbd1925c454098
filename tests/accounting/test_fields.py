"""The table of fields: whole, and the same as the job it describes."""

from __future__ import annotations

import msgspec
import pytest

from poller.accounting.columns import SLOTS, slot_of, slots_of, version_by_count, version_by_fields
from poller.accounting.fields import FIELDS, MEDIUM_FIELDS, VERSIONS, Version
from poller.accounting.job import Job, Medium
from poller.accounting.words import MEANINGS, WORDS
from tests.accounting.logs import CANONICAL, made


def of(version: Version) -> set[str]:
    return {field.name for field in FIELDS if field.places[version].belongs != "no"}


def test_a_job_has_the_fields_of_the_table_in_its_order() -> None:
    names = [field.name for field in msgspec.structs.fields(Job)]
    assert names == [*(field.name for field in FIELDS), "finishing", "media", "extra"]
    assert [field.name for field in msgspec.structs.fields(Medium)] == [field.name for field in MEDIUM_FIELDS]


def test_a_job_has_the_types_of_the_table() -> None:
    types = {"count": int, "time": int, "flag": bool, "text": str, "word": str}
    hints = {field.name: field.type for field in msgspec.structs.fields(Job)}
    assert {field.name: types[field.kind] | None for field in FIELDS} == {field.name: hints[field.name] for field in FIELDS}


@pytest.mark.parametrize("version, scalars, columns", [("2", 43, 103), ("3", 48, 108), ("3.1", 51, 111), ("4", 52, 112)])
def test_a_version_has_so_many_fields(version: Version, scalars: int, columns: int) -> None:
    assert (len(of(version)), len(slots_of(version, CANONICAL))) == (scalars, columns)
    assert len(slots_of(version, made(medium_attributes=10))) == columns + 50


def test_the_manual_names_what_each_version_adds() -> None:
    assert of("3") - of("2") == {"channel_idle_milliseconds", "initial_jdl", "initial_jde", "djde_records_read", "lines_printed"}
    assert of("3.1") - of("3") == {"interrupt_status", "job_source", "rip_interrupted_seconds"}
    assert of("4") - of("3.1") == {"pages_trapped"}
    stated = [field for field in FIELDS if field.places["2"].belongs == "no"]
    assert {field.places["2"].source for field in stated} == {"manual"}


def test_what_no_page_settles_is_unknown_and_never_called_the_manuals() -> None:
    unknown = {field.name for field in FIELDS if field.places["2"].belongs == "unknown"}
    assert unknown == {"pages_antialiased", "sheets_wider_345mm", "pages_spaced", "complexity_skips"}
    assert {field.places["2"].source for field in FIELDS if field.name in unknown} == {"inferred"}


def test_every_name_of_a_slot_means_that_slot() -> None:
    for at, slot in enumerate(SLOTS):
        assert slot_of(slot.english, CANONICAL) == at
        assert slot_of(slot.german, CANONICAL) == at


@pytest.mark.parametrize(
    "name, field",
    [
        ("JOB-ID", "job_id"),
        (" total  sheets greater than 9 wide printed ", "sheets_wider_9in"),
        ("Elapsed RIP Time", "rip_seconds"),
        ("Number Pages RIPed", "pages_ripped"),
        ("Start Date", "print_started_utc_seconds"),
        ("Completion Date", "print_completed_utc_seconds"),
        ("Groesse der Eingabedatei", "input_bytes"),
        ("GRÖSSE DER EINGABEDATEI (BYTE)", "input_bytes"),
        ("Kanal-Leerlaufdauer", "channel_idle_milliseconds"),
        ("copies_printed", "copies_printed"),
        ("medium 2 size", "media.2.size"),
        ("Material 3, Anzahl", "media.3.number_printed"),
        ("Endverarbeitung 10", "finishing.10"),
    ],
)
def test_a_name_is_understood_in_many_ways(name: str, field: str) -> None:
    slot = slot_of(name, CANONICAL)
    assert slot is not None
    assert SLOTS[slot].name == field


@pytest.mark.parametrize("name", ["", "Account ID", "Final JDL", "Medium 11, Size", "412"])
def test_another_name_means_nothing(name: str) -> None:
    assert slot_of(name, CANONICAL) is None


def test_new_fields_may_stand_behind_the_others() -> None:
    appended = [SLOTS[at].name for at in slots_of("4", made(placement="appended"))]
    assert appended[43:53] == [field.name for field in FIELDS if field.name in of("4") - of("2")] + ["finishing.1"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_is_known_by_its_fields_and_guessed_by_their_number(version: Version) -> None:
    slots = slots_of(version, CANONICAL)
    assert version_by_fields(slots) == version
    assert version_by_count(len(slots), CANONICAL) == (version, slots)
    assert version_by_count(len(slots), CANONICAL, "3" if version == "2" else "2") is None


def test_every_word_is_understood_and_none_is_two() -> None:
    for field, words in WORDS.items():
        assert {MEANINGS[field][way] for way in MEANINGS[field]} == set(words)
    assert MEANINGS["pdl"]["geraetespezifisch"] == "Native"
    assert MEANINGS["record_status"]["4"] == WORDS["record_status"][3]
