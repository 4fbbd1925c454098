"""Invented Brothers: meters and supplies in strings of records, of one, two or four octets."""

from __future__ import annotations

import pytest

from poller.model import Supply
from tests.printers.vendor_devices import read, rows

BROTHER = "1.3.6.1.4.1.2435.2.3.9"
OWN = f"{BROTHER}.4.2.1.5.5"
LIFE = {"1.3.6.1.2.1.43.10.2.1.3.1.1": 7, "1.3.6.1.2.1.43.10.2.1.4.1.1": 10009}

Cells = dict[str, int | str | bytes]


def records(values: dict[int, int], size: int = 4) -> bytes:
    return b"".join(bytes((id_, 1, size)) + value.to_bytes(size, "big") for id_, value in values.items()) + b"\xff"


def care(values: dict[int, int], size: int = 4) -> Cells:
    return {f"{OWN}.8.0": records(values, size)}


def device_id(model: str) -> Cells:
    return {f"{BROTHER}.1.1.7.0": f"MFG:Brother;CMD:PJL,HBP;MDL:{model};CLS:PRINTER;"}


def table(root: str, counts: dict[int, int]) -> Cells:
    """Return a table of types and counts; rows in no order of types."""
    cells: Cells = {}
    for row, kind in enumerate(sorted(counts, reverse=True), 1):
        cells |= {f"{OWN}.{root}.2.{row}": kind, f"{OWN}.{root}.3.{row}": counts[kind]}
    return cells


def counts(cells: Cells) -> dict[str, int]:
    return read(rows(cells, object_id=f"{BROTHER}.1")).counts()


def supplies(cells: Cells) -> dict[str, Supply]:
    return {one.key.removeprefix("v:"): one for one in read(rows(cells, object_id=f"{BROTHER}.1")).reading.supplies}


def test_every_row_has_its_cell() -> None:
    cells = {
        f"{OWN}.10.0": records({0: 10007, 1: 8009, 2: 1997, 6: 2003, 7: 1201, 8: 802, 0x12: 991, 0x16: 997}),
        **table("52.21.1", {1: 7001, 2: 43, 3: 2963, 4: 499, 5: 1499, 6: 2, 7: 5501, 8: 41, 9: 2467}),
        **table("54.2.2.1", {1: 601, 2: 307, 3: 211}),
        **table("52.1.1", {2: 11, 3: 13, 25: 17, 26: 8501, 27: 101, 45: 19, 46: 103, 890: 107, 897: 23, 999: 29}),
        **table("52.11.1", {1: 9011, 2: 1009}),
        **LIFE,
    }
    assert counts(cells) == {
        "total/all": 10007, "total/mono": 8009, "total/colour": 1997, "total/all/duplex": 2003, "total/all/large": 101 + 103 + 107,
        "print/all": 7001, "print/mono": 5501, "print/colour": 1499, "copy/all": 2963, "copy/mono": 2467, "copy/colour": 499,
        "fax/all": 43, "fax/mono": 41, "fax/colour": 2, "scan/all": 601 + 307 + 211, "scan/all/duplex": 211, "other/all": 10009,
    }  # fmt: skip


def test_backs_tell_duplex_where_no_record_does() -> None:
    assert counts(table("52.11.1", {1: 9011, 2: 1009})) == {"total/all/duplex": 2018}


def test_the_life_count_is_the_total_where_there_is_no_record() -> None:
    assert counts({f"{OWN}.10.0": records({1: 461, 2: 491}), **LIFE}) == {"total/all": 10009, "total/mono": 461, "total/colour": 491}


def test_an_ink_model_without_any_total_adds_its_colours() -> None:
    assert counts({f"{OWN}.10.0": records({1: 461, 2: 491})}) == {"total/all": 952, "total/mono": 461, "total/colour": 491}


def test_a_colour_laser_shows_all_its_parts_in_hundredths_of_a_percent() -> None:
    found = supplies({
        **device_id("DCP-L9550CDW series"),
        **care({
            0x31: 1, 0x6F: 2600, 0x81: 30, 0x32: 1, 0x70: 1900, 0x33: 2, 0x71: 1700, 0x34: 2, 0x72: 200, 0x80: 9200, 0x79: 9300,
            0x7A: 9400, 0x7B: 9500, 0x69: 9700, 0x6A: 8900, 0x6B: 8300, 0x6C: 7900, 0x6D: 9800,
        }),
        f"{OWN}.11.0": records({0xA4: 16381, 0x88: 48437, 0x73: 48383, 0x77: 48731}),
    })  # fmt: skip
    assert {key: (one.kind, one.colour, one.ratio, one.state) for key, one in found.items()} == {
        "cartridge-black": ("toner", "black", 0.26, "ok"),
        "cartridge-cyan": ("toner", "cyan", 0.19, "ok"),
        "cartridge-magenta": ("toner", "magenta", 0.17, "low"),
        "cartridge-yellow": ("toner", "yellow", 0.02, "low"),
        "drum-black": ("drum", "black", 0.92, "ok"),
        "drum-cyan": ("drum", "cyan", 0.93, "ok"),
        "drum-magenta": ("drum", "magenta", 0.94, "ok"),
        "drum-yellow": ("drum", "yellow", 0.95, "ok"),
        "belt": ("transferBelt", None, 0.97, "ok"),
        "fuser": ("fuser", None, 0.89, "ok"),
        "feeder-1": ("feedRoller", None, 0.98, "ok"),
        "feeder-mp": ("feedRoller", None, 0.79, "ok"),
        "laser": ("unknown", None, 0.83, "ok"),
    }


def test_pages_left_stand_in_where_there_is_no_share() -> None:
    found = supplies({f"{OWN}.11.0": records({0x82: 7817, 0x88: 48437, 0x89: 31337, 0x86: 4999, 0xA5: 16381})})
    assert {key: (one.kind, one.colour, one.ratio, one.units, one.unit) for key, one in found.items()} == {
        "drum": ("drum", None, None, 7817, "impressions"),
        "drum-cyan": ("drum", "cyan", None, 16381, "impressions"),
        "belt": ("transferBelt", None, None, 48437, "impressions"),
        "fuser": ("fuser", None, None, 31337, "impressions"),
        "feeder-mp": ("feedRoller", None, None, 4999, "impressions"),
    }


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("MFC-J999DW", "ink"), ("DCP-T999W", "ink"), ("MFC-5999CN", "ink"), ("DCP-199C", "ink"), ("HL-J9999DW", "ink"),
        ("MFC-9999CDN", "toner"), ("DCP-L9999CDW", "toner"), ("HL-9999CN", "toner"), ("MFC-8999DW", "toner"), ("FAX-2999", "toner"),
    ],
)  # fmt: skip
def test_a_cartridge_is_filled_with_what_the_model_prints_with(model: str, kind: str) -> None:
    assert supplies({**device_id(model), **care({0x6F: 4700})})["cartridge-black"].kind == kind


def test_plain_percents_stand_in_for_hundredths() -> None:
    assert supplies(care({0x82: 35}))["cartridge-cyan"].ratio == 0.35


def test_old_ink_models_say_level_and_full_in_two_octets() -> None:
    found = supplies({**device_id("MFC-5999CN"), **care({0xA1: 0x0414, 0xA2: 0x0C14, 0xA3: 0x0614, 0xA4: 0x0014}, size=2)})
    assert {key: (one.kind, one.ratio, one.state) for key, one in found.items()} == {
        "cartridge-black": ("ink", 0.2, "ok"),
        "cartridge-cyan": ("ink", 0.6, "ok"),
        "cartridge-magenta": ("ink", 0.3, "ok"),
        "cartridge-yellow": ("ink", 0.0, "empty"),
    }


def test_a_status_of_one_octet_is_no_level() -> None:
    found = supplies({f"{OWN}.8.0": bytes.fromhex("1101 04 000061a8 310101 02 410101 03 630101 03 540101 01 ff".replace(" ", ""))})
    assert {key: (one.ratio, one.state) for key, one in found.items()} == {
        "cartridge-black": (None, "low"), "drum": (None, "empty"),
    }  # fmt: skip


def test_records_fill_the_standard_rows_that_only_say_some_remaining() -> None:
    entry = "1.3.6.1.2.1.43.11.1.1"
    standard: Cells = {}
    for row, kind, text, full, level in ((1, 3, "Black Toner Cartridge", -2, -3), (2, 9, "Drum Unit", 12000, 11501)):
        standard |= {f"{entry}.{column}.1.{row}": value for column, value in ((5, kind), (6, text), (8, full), (9, level))}
    found = supplies({**standard, **care({0x6F: 7700, 0x41: 9500, 0x31: 1, 0x63: 1})})
    assert {key: (one.ratio, one.units) for key, one in found.items()} == {"1.1": (0.77, 77), "1.2": (11501 / 12000, 11501)}


def test_identity_is_the_printers_not_its_network_cards() -> None:
    cells = {
        "1.3.6.1.2.1.1.1.0": "Brother NC-9300h, Firmware Ver.1.14  (14.11.06),MID 8C5-F01,FID 2",
        **device_id("MFC-L9710DW series"),
        f"{OWN}.1.0": "E79917G9N1",
        f"{OWN}.17.0": "U1905021248",
    }
    printer = read(rows({**cells}, object_id=f"{BROTHER}.1")).reading.printer
    assert (printer.manufacturer, printer.model, printer.serial) == ("Brother", "MFC-L9710DW", "E79917G9N1")
    assert (printer.firmware, printer.profile) == ("U1905021248", "brother")


def test_lines_of_pjl_name_it_where_nothing_else_does() -> None:
    lines = ('MODEL="HL-9170DW series"', "SERIAL=D9J771119", 'FIRMID="x"', 'FIRMVER="1.19"')
    cells: Cells = {f"1.3.6.1.4.1.2435.2.4.3.99.3.1.6.1.2.{row}": line for row, line in enumerate(lines, 1)}
    printer = read(rows(cells, object_id=f"{BROTHER}.1")).reading.printer
    assert (printer.model, printer.serial, printer.firmware) == ("HL-9170DW series", "D9J771119", "1.19")
