"""Every recording that comes with the package is what its name says, and is invented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from poller.errors import ConfigError
from poller.simulator import recordings
from poller.simulator.recordings import Recording
from poller.simulator.wear import Cells, cells_of, number_at
from poller.snmp import ber
from poller.snmp.oid import parse as oid
from poller.snmp.oid import text as oid_text

PRINTER_MIB = "1.3.6.1.2.1.43."
ALL = [recordings.load(name) for name in recordings.names()]
PRINTERS = [recording for recording in ALL if recording.is_printer]


def named(name: str) -> Recording:
    return recordings.load(name)


def column(recording: Recording, entry: str, number: int) -> dict[tuple[int, ...], bytes]:
    """Return a column's values by row."""
    rows = dict(recording.rows)
    return {row: rows[at][1] for (at_column, row), at in cells_of(rows, oid(PRINTER_MIB + entry)).items() if at_column == number}


def numbers(recording: Recording, entry: str, number: int) -> list[int]:
    return [int.from_bytes(content, "big", signed=True) for content in column(recording, entry, number).values()]


def texts(recording: Recording, charset: str) -> str:
    return "\n".join(content.decode(charset) for content in column(recording, "11.1.1", 6).values())


def test_there_are_at_least_twelve_printers_and_three_others() -> None:
    assert len(PRINTERS) >= 12
    assert {recording.name for recording in ALL if not recording.is_printer} == {"network-camera", "switch", "ups"}


@pytest.mark.parametrize("recording", ALL, ids=lambda recording: recording.name)
def test_every_device_has_a_system_group_and_a_serial_number(recording: Recording) -> None:
    rows = dict(recording.rows)
    for number, tag in ((1, 4), (2, 6), (3, 67), (4, 4), (5, 4), (6, 4), (7, 2)):
        assert rows[oid(f"1.3.6.1.2.1.1.{number}.0")][0] == tag
    assert len(re.findall(rb"[0-9]", recording.serial)) >= 6


@pytest.mark.parametrize("recording", PRINTERS, ids=lambda recording: recording.name)
def test_every_printer_has_the_tables_a_reader_needs(recording: Recording) -> None:
    rows = dict(recording.rows)
    types = {value for at, (_, value) in rows.items() if at.startswith(oid("1.3.6.1.2.1.25.3.2.1.2"))}
    assert oid("1.3.6.1.2.1.25.3.1.5") in types
    assert any(at.startswith(oid("1.3.6.1.2.1.25.3.5.1.1")) for at in rows)
    for entry in ("5.1.1", "6.1.1", "7.1.1", "8.2.1", "9.2.1", "10.2.1", "16.5.1"):
        assert cells_of(rows, oid(PRINTER_MIB + entry)), entry
    assert recording.grows == tuple((at, share) for at, share in recording.grows if at in rows)


@pytest.mark.parametrize("recording", [recording for recording in ALL if not recording.is_printer], ids=lambda recording: recording.name)
def test_what_is_no_printer_has_nothing_of_a_printer(recording: Recording) -> None:
    assert not any(at.startswith(oid("1.3.6.1.2.1.43")) for at, _ in recording.rows)
    assert not any(content == oid("1.3.6.1.2.1.25.3.1.5") for _, (_, content) in recording.rows)


@pytest.mark.parametrize("recording", ALL, ids=lambda recording: recording.name)
def test_every_address_is_invented(recording: Recording) -> None:
    for at, (tag, content) in recording.rows:
        if at.startswith(oid("1.3.6.1.2.1.2.2.1.6")) and any(content):
            assert content[0] == 0x02, oid_text(at)
        assert tag != ber.IP_ADDRESS, oid_text(at)
        for host in re.findall(rb"@([a-z.]+)", content if tag == ber.OCTET_STRING else b""):
            assert host == b"example.org"


def test_mono_laser_has_one_toner_and_a_maintenance_kit() -> None:
    assert numbers(named("mono-laser"), "11.1.1", 5) == [21, 15]


def test_colour_laser_has_four_toners_and_a_waste_box_that_only_says_some() -> None:
    device = named("colour-laser")
    assert numbers(device, "11.1.1", 5) == [21, 21, 21, 21, 4]
    assert numbers(device, "11.1.1", 9)[-1] == -3


def test_a3_colour_mfp_has_four_trays_a_finisher_with_staples_and_a_waste_box() -> None:
    device = named("a3-colour-mfp")
    assert numbers(device, "8.2.1", 2).count(3) == 4
    assert 32 in numbers(device, "31.1.1", 4)
    assert 4 in numbers(device, "11.1.1", 4)
    assert (4200 * 100) in numbers(device, "8.2.1", 4)


def test_mono_mfp_has_one_colour_and_a_scanner() -> None:
    device = named("mono-mfp")
    assert len(column(device, "12.1.1", 4)) == 1
    assert any(b"scanner" in content.lower() for at, (_, content) in device.rows if at.startswith(oid("1.3.6.1.2.1.25.3.2.1.3")))


def test_inkjet_photo_has_two_blacks_and_an_error_state_without_octets() -> None:
    device = named("inkjet-photo")
    assert {b"black", b"photo black"} <= set(column(device, "12.1.1", 4).values())
    assert dict(device.rows)[oid("1.3.6.1.2.1.25.3.5.1.2.1")][1] == b""


def test_label_printer_has_a_roll_in_metres_and_no_supplies() -> None:
    device = named("label-printer")
    assert not column(device, "11.1.1", 6)
    assert (numbers(device, "8.2.1", 2), numbers(device, "8.2.1", 8)) == ([6], [17])


def test_some_remaining_never_says_a_number() -> None:
    device = named("some-remaining")
    assert set(numbers(device, "11.1.1", 9)) == set(numbers(device, "8.2.1", 10)) == {-3}


def test_sparse_indexes_start_late_and_have_gaps_and_missing_cells() -> None:
    device = named("sparse-indexes")
    rows = dict(device.rows)
    cells: Cells = cells_of(rows, oid(PRINTER_MIB + "11.1.1"))
    present = {row for _, row in cells}
    assert min(present) == (3, 3)
    assert any((number, row) not in cells for row in present for number in range(2, 10))
    descriptions = set(column(device, "11.1.1", 6).values())
    assert not any(colour in description for colour in (b"black", b"cyan", b"magenta", b"yellow") for description in descriptions)
    assert set(column(device, "12.1.1", 4).values()) == {b"black", b"cyan", b"magenta", b"yellow"}


@pytest.mark.parametrize(
    "name, mib_enum, charset, word",
    [
        ("japanese-shift-jis", 17, "shift_jis", "ブラックトナー"),
        ("chinese-gbk", 113, "gbk", "黑色粉盒"),
        ("german-latin1", 4, "latin-1", "Resttonerbehälter"),
    ],
)
def test_texts_are_in_the_charset_the_device_names(name: str, mib_enum: int, charset: str, word: str) -> None:
    device = named(name)
    assert numbers(device, "7.1.1", 4) == [mib_enum]
    assert word in texts(device, charset)
    with pytest.raises(UnicodeDecodeError):
        texts(device, "utf-8")


def test_snmp_v1_only_speaks_nothing_else() -> None:
    assert named("snmp-v1-only").versions == ("1",)
    assert all(recording.versions == ("1", "2c") for recording in ALL if recording.name != "snmp-v1-only")


def test_parts_rich_reports_drums_fuser_belt_and_rollers() -> None:
    device = named("parts-rich")
    assert {3, 4, 9, 10, 15, 18, 20, 21} - {3} <= set(numbers(device, "11.1.1", 5))
    assert "Roller" in texts(device, "ascii")


def test_big_alert_table_is_big() -> None:
    assert len(column(named("big-alert-table"), "18.1.1", 2)) >= 50


def test_solid_ink_counts_wax_in_items_and_wide_format_ink_in_tenths_of_millilitres() -> None:
    assert numbers(named("solid-ink"), "11.1.1", 5).count(12) == 4
    assert set(numbers(named("solid-ink"), "11.1.1", 7)) == {18, 19}
    assert numbers(named("wide-format"), "11.1.1", 7).count(15) == 5
    assert number_at(dict(named("wide-format").rows), oid(PRINTER_MIB + "8.2.1.2.1.1"), default=0) == 6


def test_a_file_is_read_with_its_remarks(tmp_path: Path) -> None:
    path = tmp_path / "mine.snmprec"
    path.write_text("# versions: 2c\n# not a printer\n# serial: AB12\n# grows: 1.3.6.1 0.5\n# anything else\n1.3.6.1|65|7\n")
    device = recordings.load(path)
    assert device == Recording("mine", ((oid("1.3.6.1"), (65, b"\x07")),), ("2c",), False, b"AB12", ((oid("1.3.6.1"), 0.5),))


@pytest.mark.parametrize(
    "text, fault",
    [
        ("1.3.6.1|99|7\n", "broken: line 1: no such tag: '99'"),
        ("# versions: 3\n1.3.6.1|5|\n", "broken: line 1: versions are 1 and 2c, not '3'"),
        ("# grows: 1.3\n1.3.6.1|5|\n", "broken: line 1: want 'grows: OID SHARE', got '1.3'"),
        ("# grows: 1.3.6.1 nan\n1.3.6.1|5|\n", "broken: line 1: a share of nan per page"),
        ("", "broken: no rows"),
    ],
)
def test_a_broken_file_is_a_config_error_with_its_place(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "broken.snmprec"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        recordings.load(path)
    assert caught.value.faults == (fault,)


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="did you mean 'mono-laser'"):
        recordings.load("mono-lasr")


def test_a_folder_or_a_file_that_is_no_text_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="directory"):
        recordings.load(tmp_path)
    (tmp_path / "latin.snmprec").write_bytes(b"1.3.6|4|B\xfcro\n")
    with pytest.raises(ConfigError, match="4x"):
        recordings.load(tmp_path / "latin.snmprec")
