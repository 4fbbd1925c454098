from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.ipp.message import OutOfBand, Value, decode
from poller.model import Reading, Supply
from poller.printers import attributes, gauges, ipp_identity, ipp_words, mib
from tests.ipp import answers

NOW = datetime(2026, 11, 20, 6, 28, 42, 120_000, tzinfo=UTC)

MARKERS: dict[str, tuple[Value, ...]] = {
    "marker-names": ("Black Toner CB410", "Cyan Toner", "Waste Toner Box"),
    "marker-types": ("toner-cartridge", "toner-cartridge", "waste-toner"),
    "marker-colors": ("#000000", "#00FFFF", "none"),
    "marker-levels": (63, -3, -2),
}


def read(**told: tuple[Value, ...]) -> Reading:
    given = {name.replace("_", "-"): values for name, values in told.items()}
    return attributes.decode(given, address="192.0.2.7", taken_at=NOW).reading


def markers(**changed: tuple[Value, ...]) -> tuple[Supply, ...]:
    told = MARKERS | {name.replace("_", "-"): values for name, values in changed.items()}
    return attributes.decode(told, address="192.0.2.7", taken_at=NOW).reading.supplies


# --- marker-* ----------------------------------------------------------------------------------------------------------


def test_a_marker_is_a_supply_in_per_cent_with_a_key_of_its_own_and_no_index() -> None:
    black, cyan, waste = markers()
    assert black == Supply(
        key="v:toner-black",
        index=None,
        description="Black Toner CB410",
        kind="toner",
        colour="black",
        part_number="CB410",
        ratio=0.63,
        state="ok",
        units=63,
        capacity=100,
        unit="percent",
    )
    assert (cyan.key, cyan.colour, cyan.state) == ("v:toner-cyan", "cyan", "some-remaining")
    assert (waste.key, waste.kind, waste.is_receptacle, waste.state) == ("v:wasteToner", "wasteToner", True, "unknown")


@pytest.mark.parametrize(
    "level, low, ratio, state",
    [
        (100, 10, 1.0, "ok"),
        (11, 10, 0.11, "ok"),
        (10, 0, 0.10, "low"),
        (14, 15, 0.14, "low"),  # the device's own threshold
        (14, 100, 0.14, "ok"),  # none that means anything
        (0, 10, 0.0, "empty"),
        (-1, 10, None, "unknown"),
        (-2, 10, None, "unknown"),
        (-3, 10, None, "some-remaining"),
        (-4, 10, None, "not-reported"),
        (101, 10, None, "unknown"),
        (OutOfBand.NO_VALUE, 10, None, "not-reported"),
        (True, 10, None, "not-reported"),
        ("63", 10, None, "not-reported"),
    ],
)
def test_no_sentinel_and_nothing_impossible_is_a_number(level: Value, low: Value, ratio: float | None, state: str) -> None:
    (supply,) = markers(
        marker_names=("Toner",), marker_types=("toner",), marker_colors=("none",), marker_levels=(level,), marker_low_levels=(low,)
    )
    assert (supply.ratio, supply.state) == (ratio, state)
    assert supply.units == (level if ratio is not None else None)


@pytest.mark.parametrize("levels", [(), (63,), (63, 50, 40, 30)])
def test_levels_that_cannot_be_matched_to_names_are_not_reported(levels: tuple[int, ...]) -> None:
    assert {(one.ratio, one.state) for one in markers(marker_levels=levels)} == {(None, "not-reported")}


def test_levels_without_names_are_supplies_without_a_description() -> None:
    (only,) = read(marker_levels=(40,), marker_types=("ink",)).supplies
    assert (only.key, only.description, only.kind, only.ratio) == ("v:ink", None, "ink", 0.4)


def test_no_value_in_place_of_the_lists_is_no_supply() -> None:
    nothing: tuple[Value, ...] = (OutOfBand.NO_VALUE,)
    assert read(marker_names=nothing, marker_levels=nothing, marker_types=nothing).supplies == ()


@pytest.mark.parametrize(
    "level, low, high, ratio, state",
    [
        (40, 0, 95, 0.60, "ok"),  # it warns when it is high: it counts up
        (97, 0, 95, 0.03, "low"),
        (100, 0, 95, 0.0, "empty"),
        (40, 15, 100, None, "unknown"),  # thresholds of a cartridge: which way it counts, nobody knows
        (40, None, None, None, "unknown"),
        (-3, 0, 95, None, "some-remaining"),
        (200, 0, 95, None, "unknown"),
    ],
)
def test_a_waste_box_is_a_number_only_where_its_thresholds_say_what_it_counts(
    level: int, low: int | None, high: int | None, ratio: float | None, state: str
) -> None:
    thresholds = {} if low is None or high is None else {"marker-low-levels": (low,), "marker-high-levels": (high,)}
    told: dict[str, tuple[Value, ...]] = {"marker-names": ("Waste",), "marker-types": ("waste-toner",), "marker-levels": (level,)}
    (waste,) = attributes.decode(told | thresholds, address="192.0.2.7", taken_at=NOW).reading.supplies
    assert (waste.is_receptacle, waste.state) == (True, state)
    assert waste.ratio == (None if ratio is None else pytest.approx(ratio))


@pytest.mark.parametrize(
    "name, colour, wanted",
    [
        ("Cartridge 7", "#000000", "black"),
        ("Cartridge 7", "#231f20", "black"),
        ("Cartridge 7", "#00AEEF", "cyan"),
        ("Cartridge 7", "#FF00FF", "magenta"),
        ("Cartridge 7", "#FFF200", "yellow"),
        ("Cartridge 7", "#808080", "gray"),
        ("Cartridge 7", "#123456", "#123456"),  # no colour of ours, but still another than the next
        ("Light Cyan", "#00FFFF", "light cyan"),  # the words are more precise than the screen
        ("Photo Black", "#000000", "black"),
        ("Tri-colour Cartridge", "#00FFFF#FF00FF#FFFF00", None),
        ("Cartridge 7", "#00FFFF#FF00FF#FFFF00", None),
        ("Cartridge 7", "none", None),
        ("Cartridge 7", "unknown", None),
        ("Cartridge 7", "cyan", "cyan"),
        ("Cartridge 7", "#12", None),
        ("Cartridge 7", "#", None),
        ("Cartridge 7", "", None),
    ],
)
def test_a_colour_is_named(name: str, colour: str, wanted: str | None) -> None:
    (ink,) = markers(marker_names=(name,), marker_types=("ink-cartridge",), marker_colors=(colour,), marker_levels=(50,))
    assert ink.colour == wanted


@pytest.mark.parametrize(
    "keyword, name, kind, is_receptacle",
    [
        ("toner", "X", "toner", False),
        ("tonerCartridge", "X", "toner", False),
        ("ink-cartridge", "X", "ink", False),
        ("waste-ink", "X", "wasteInk", True),
        ("waste-toner", "X", "wasteToner", True),
        ("opc", "X", "drum", False),
        ("developer", "X", "developer", False),
        ("fuser", "X", "fuser", False),
        ("transfer-unit", "Transfer Belt", "transferBelt", False),
        ("staples", "X", "staples", False),
        ("other", "Maintenance Kit", "maintenanceKit", False),
        ("unknown", "X", "unknown", False),
        ("no-such-type", "X", "unknown", False),
    ],
)
def test_kinds_are_those_of_the_mib(keyword: str, name: str, kind: str, is_receptacle: bool) -> None:
    (supply,) = markers(marker_names=(name,), marker_types=(keyword,), marker_colors=("none",), marker_levels=(50,))
    assert (supply.kind, supply.is_receptacle) == (kind, is_receptacle)


def test_keys_are_unique_and_follow_the_kind_not_the_order() -> None:
    told = markers(
        marker_names=("Photo Black", "Matte Black", "Gloss Optimizer", ""),
        marker_types=("ink", "ink", "other", "other"),
        marker_colors=("#000000", "#000000", "none", "none"),
        marker_levels=(1, 2, 3, 4),
    )
    assert [one.key for one in told] == ["v:ink-black", "v:ink-black-2", "v:gloss-optimizer", "v:supply"]


# --- printer-supply ----------------------------------------------------------------------------------------------------

ROW = "index=2;class=supplyThatIsConsumed;type=toner;unit=impressions;maxcapacity=2300;level=1449;colorantname=black;"


def test_a_row_of_the_mib_as_text_is_that_row() -> None:
    (supply,) = read(printer_supply=(ROW.encode(),), printer_supply_description=("Black Cartridge CF410X",)).supplies
    assert supply == Supply(
        key="v:toner-black",
        index=None,
        description="Black Cartridge CF410X",
        kind="toner",
        colour="black",
        part_number="CF410X",
        ratio=0.63,
        state="ok",
        units=1449,
        capacity=2300,
        unit="impressions",
    )


@pytest.mark.parametrize(
    "row, ratio, state, units",
    [
        ("type=toner;unit=percent;level=7;", 0.07, "low", 7),
        ("type=toner;unit=percent;level=-3", None, "some-remaining", None),
        ("TYPE=toner; unit = percent ;Level= -2 ;", None, "unknown", None),
        ("type=toner;unit=percent;maxcapacity=-2;level=55;", 0.55, "ok", 55),
        ("type=toner;unit=sheets;maxcapacity=-2;level=55;", None, "ok", 55),
        ("type=toner;unit=percent;level=143065;", None, "unknown", None),
        ("type=toner;level=99999999999999999999;", None, "not-reported", None),
        ("type=toner;level=seven;", None, "not-reported", None),
        ("type=toner;level=1;level=90;unit=percent", 0.01, "low", 1),
        ("type=toner;class=receptacleThatIsFilled;unit=percent;level=25", 0.25, "ok", 25),  # by the MIB: space left
        ("type=toner", None, "not-reported", None),
    ],
)
def test_a_row_is_read_as_far_as_it_makes_sense(row: str, ratio: float | None, state: str, units: int | None) -> None:
    (supply,) = read(printer_supply=(row,)).supplies
    assert (supply.ratio, supply.state, supply.units) == (ratio, state, units)


@pytest.mark.parametrize("row", ["", ";;;", "=", "=5;", "no fields", "level="])
def test_a_row_without_fields_is_none(row: str) -> None:
    assert read(printer_supply=(row, ROW.encode())).supplies[0].units == 1449
    assert read(printer_supply=(row,)).supplies == ()


def test_rows_count_and_markers_fill_in_what_they_leave_open() -> None:
    rows = (ROW.encode(), b"index=3;class=supplyThatIsConsumed;type=toner;unit=percent;maxcapacity=100;level=-3;colorantname=cyan;")
    told: dict[str, tuple[Value, ...]] = {"printer-supply": rows, **MARKERS, "marker-levels": (60, 40, -3)}
    supplies = attributes.decode(told, address="192.0.2.7", taken_at=NOW).reading.supplies
    assert [(one.key, one.ratio, one.units) for one in supplies] == [
        ("v:toner-black", 0.63, 1449),
        ("v:toner-cyan", 0.4, 40),
        ("v:wasteToner", None, None),
    ]


# --- alerts and status -------------------------------------------------------------------------------------------------


def test_an_alert_is_a_row_of_the_alert_table_and_the_devices_word_on_its_supply() -> None:
    decoded = attributes.decode(
        {
            "printer-supply": (ROW,),
            "printer-alert": (
                b"code=subunitEmpty;index=61;severity=critical;group=markerSupplies;groupindex=2;location=4;time=77;",
                b"code=8",
            ),
            "printer-alert-description": ("Replace black toner", "Jam"),
        },
        address="192.0.2.7",
        taken_at=NOW,
    )
    first, second = decoded.reading.alerts
    assert (first.key, first.severity, first.group, first.code, first.location, first.since) == (
        *("v:alert-61", "critical", "markerSupplies", 13, 4, None),
    )
    assert (second.key, second.severity, second.group, second.code) == ("v:alert-8", "other", None, 8)
    assert decoded.reading.supplies[0].state == "empty"
    assert decoded.alert_texts == (("v:alert-61", "Replace black toner"), ("v:alert-8", "Jam"))


def test_a_free_alert_text_is_never_part_of_the_reading() -> None:
    decoded = attributes.decode(
        {"printer-alert": (b"code=other",), "printer-alert-description": ("J. Smith, room 114",)}, address="192.0.2.7", taken_at=NOW
    )
    assert b"Smith" not in msgspec.json.encode(decoded.reading)
    assert decoded.reading.alerts[0].code == 1


@pytest.mark.parametrize("value", [b"code=none;", b"", b"\xff\xff\x00", OutOfBand.NO_VALUE])
def test_no_alert_is_no_alert(value: Value) -> None:
    assert read(printer_alert=(value,)).alerts == ()


def test_the_codes_by_name_are_those_the_mib_module_knows_by_number() -> None:
    names = {number: name for name, number in ipp_words.ALERT_CODES.items()}
    assert all(
        "empty" in names[code] or "over" in names[code] or "full" in names[code] or "atlimit" in names[code] for code in mib.CODES_EMPTY
    )
    assert all("almost" in names[code] or "near" in names[code] or "low" in names[code] for code in mib.CODES_LOW)
    assert (names[38], names[507], names[813], names[904], names[1005], names[1115]) == (
        *("subunitthermistorfailure", "printerreadytoprint", "inputcannotfeedsizeselected"),
        *("outputmailboxselectfailure", "markeradjustingprintquality", "markertonercartridgemissing"),
    )


@pytest.mark.parametrize(
    "state, reasons, wanted",
    [
        (3, ("none",), ("idle", "running", ())),
        (4, (), ("printing", "running", ())),
        (5, ("media-jam-error", "cover-open-error"), ("other", "down", ("doorOpen", "jammed"))),
        (3, ("marker-supply-low-warning",), ("idle", "warning", ("lowToner",))),
        (3, ("toner-empty-report", "com.example-odd"), ("idle", "running", ("noToner",))),
        (3, ("media-low", "media-empty"), ("idle", "running", ("lowPaper", "noPaper"))),
        (9, ("none",), (None, None, ())),
        (OutOfBand.UNKNOWN, (OutOfBand.NO_VALUE,), (None, None, ())),
    ],
)
def test_state_and_reasons_are_status_and_errors(state: Value, reasons: tuple[Value, ...], wanted: tuple[Any, ...]) -> None:
    status = read(printer_state=(state,), printer_state_reasons=reasons).status
    assert (status.printer, status.device, status.errors) == wanted


# --- counters and trays ------------------------------------------------------------------------------------------------


def test_impressions_are_the_total_and_their_parts_count_where_they_add_up() -> None:
    parts = {"monochrome": (500,), "monochrome-two-sided": (300,), "full-color": (150,), "full-color-two-sided": (40,), "blank": (10,)}
    counters = read(
        printer_impressions_completed=(1000,),
        printer_impressions_completed_col=(parts,),
        printer_media_sheets_completed=(830,),
        printer_pages_completed=(990,),
    ).counters
    assert [(one.function, one.colour, one.sides, one.unit, one.count) for one in counters] == [
        ("total", "all", "all", "impressions", 1000),
        ("total", "mono", "all", "impressions", 800),
        ("total", "colour", "all", "impressions", 190),
        ("total", "all", "duplex", "impressions", 340),
        ("total", "all", "all", "sheets", 830),
    ]


@pytest.mark.parametrize("parts", [{"monochrome": (1,)}, {"monochrome": (OutOfBand.UNKNOWN,)}, {"monochrome": (-5,)}, {}, 7, "x"])
def test_parts_that_do_not_add_up_to_the_total_are_left_out(parts: Value) -> None:
    assert len(read(printer_impressions_completed=(1000,), printer_impressions_completed_col=(parts,)).counters) == 1


def test_pages_stand_in_for_impressions_under_their_own_name() -> None:
    (counter,) = read(printer_pages_completed=(990,)).counters
    assert (counter.function, counter.count, counter.label) == ("other", 990, "printer-pages-completed")


@pytest.mark.parametrize("value", [-1, OutOfBand.UNKNOWN, True, "12", b"12"])
def test_what_is_no_count_is_no_counter(value: Value) -> None:
    assert read(printer_impressions_completed=(value,)).counters == ()


def test_a_tray_is_a_row_of_the_input_table() -> None:
    reading = read(
        printer_input_tray=(b"type=sheetFeedAutoRemovableTray;unit=sheets;maxcapacity=250;level=100;status=0;name=Tray 1;",),
        media_ready=("iso_a4_210x297mm",),
    )
    (tray,) = reading.trays
    assert (tray.key, tray.name, tray.ratio, tray.state, tray.units, tray.capacity, tray.unit, tray.media) == (
        *("v:tray-1", "Tray 1", 0.4, "ok", 100, 250, "sheets", "iso_a4_210x297mm"),
    )


def test_media_that_may_be_in_any_of_several_trays_is_in_none() -> None:
    rows: tuple[Value, ...] = (b"name=Main;level=-3;maxcapacity=250", b"name=Main;level=-2;maxcapacity=250")
    trays = read(printer_input_tray=rows, media_ready=("iso_a4_210x297mm", "iso_a5_148x210mm")).trays
    assert [(one.key, one.state, one.media) for one in trays] == [("v:main", "some-remaining", None), ("v:main-2", "unknown", None)]


# --- who it is ---------------------------------------------------------------------------------------------------------


def test_a_printer_introduces_itself() -> None:
    printer = ipp_identity.describe(
        {
            "printer-make-and-model": ("HP Color LaserJet M452nw",),
            "printer-device-id": ("MFG:Hewlett-Packard;MDL:HP Color LaserJet M452nw;SN:VNB3K12345;",),
            "printer-uuid": ("urn:uuid:564E4233-4B31-1122-8333-0025b3a1c2d4",),
            "printer-firmware-string-version": ("20260101",),
            "printer-location": ("Room 7",),
        },
        address="192.0.2.7",
        range="hq",
    )
    assert (printer.manufacturer, printer.model, printer.serial) == ("HP", "Color LaserJet M452nw", "VNB3K12345")
    assert (printer.firmware, printer.location, printer.mac, printer.via) == ("20260101", "Room 7", None, "ipp")
    assert (printer.id, printer.identities) == ("serial:11:VNB3K12345", ("serial:11:VNB3K12345", "addr:192.0.2.7"))


def test_a_printer_without_a_serial_number_goes_by_the_network_address_in_its_uuid() -> None:
    printer = ipp_identity.describe({"printer-uuid": ("urn:uuid:564E4233-4B31-1122-8333-0025b3a1c2d4",)}, address="192.0.2.7")
    assert (printer.id, printer.mac) == ("mac:0025b3a1c2d4", "0025b3a1c2d4")
    assert printer.identities == ("mac:0025b3a1c2d4", "addr:192.0.2.7", "uuid:564e42334b31112283330025b3a1c2d4")


@pytest.mark.parametrize(
    "uuid, identities",
    [
        ("urn:uuid:00d38452-3f3d-359b-522a-817fc17db265", 2),  # version 3: no address in it
        ("urn:uuid:564e4233-4b31-1122-8333-0325b3a1c2d4", 2),  # version 1 with the group bit: a random node
        ("urn:uuid:564e4233-4b31-1122-8333-000000000000", 2),
        ("urn:uuid:00000000-0000-0000-0000-000000000000", 1),
        ("urn:uuid:ffffffff-ffff-1fff-8fff-ffffffffffff", 1),
        ("not a uuid", 1),
        ("", 1),
    ],
)
def test_a_uuid_names_no_printer_and_only_a_real_one_is_an_identity(uuid: str, identities: int) -> None:
    printer = ipp_identity.describe({"printer-uuid": (uuid,)}, address="192.0.2.7")
    assert (printer.id, len(printer.identities), printer.mac) == ("addr:192.0.2.7", identities, None)


@pytest.mark.parametrize(
    "told, serial",
    [
        ({"printer-serial-number": ("ABC12345",)}, "ABC12345"),
        ({"device-serial-number": ("ABC12345",), "printer-device-id": ("SN:OTHER123",)}, "ABC12345"),
        ({"printer-serial-number": ("XXXXXXXX",), "printer-device-id": ("MFG:Acme;SERN:ABC12345",)}, "ABC12345"),
        ({"printer-device-id": ("MFG:EPSON;SN:583434593035343031;",)}, "X44Y05401"),
        ({"printer-device-id": ("MFG:EPSON;SN:583434593035343012;",)}, "583434593035343012"),  # not the code of a serial number
        ({"printer-device-id": ("MFG:Acme;SN:583434593035343031;",)}, "583434593035343031"),
        ({"printer-device-id": (7,)}, None),
        ({}, None),
    ],
)
def test_a_serial_number_is_looked_for_where_devices_put_it(told: dict[str, tuple[Value, ...]], serial: str | None) -> None:
    assert ipp_identity.describe(told, address="192.0.2.7").serial == serial


@pytest.mark.parametrize(
    "told, model",
    [
        ({"printer-make-and-model": ("Acme Laser",), "printer-device-id": ("MFG:Acme;",)}, "Laser"),
        ({"printer-make-and-model": ("EPSON XP-6000 Series",)}, "XP-6000 Series"),
        ({"printer-device-id": ("MFG:Acme;MDL:L-410;",)}, "L-410"),
        ({"printer-info": ("Printer of the 3rd floor",)}, None),
        ({"printer-info": ("Brother HL-L2350DW series",)}, "HL-L2350DW series"),
    ],
)
def test_a_model_is_what_the_device_says_not_what_an_administrator_wrote(told: dict[str, tuple[Value, ...]], model: str | None) -> None:
    assert ipp_identity.describe(told, address="192.0.2.7").model == model


def test_the_configured_location_wins() -> None:
    assert ipp_identity.describe({"printer-location": ("x",)}, address="192.0.2.7", location="Hamburg").location == "Hamburg"


def test_a_computer_that_shares_printers_is_none() -> None:
    assert ipp_identity.is_printer({"printer-make-and-model": ("Acme 410",)})
    assert not ipp_identity.is_printer({"printer-make-and-model": ("Acme 410",), "cups-version": ("2.4.2",)})
    assert not ipp_identity.is_printer({"printer-state": (3,)})


@pytest.mark.parametrize(
    "seconds, boot", [(60, NOW - timedelta(seconds=60, milliseconds=120)), (1_790_000_000, None), (0, None), (-1, None)]
)
def test_the_start_is_told_where_the_time_is_one_since_the_start(seconds: int, boot: datetime | None) -> None:
    assert attributes.decode({"printer-up-time": (seconds,)}, address="192.0.2.7", taken_at=NOW).boot_utc == boot


# --- hostile and real --------------------------------------------------------------------------------------------------

_values = st.recursive(
    st.one_of(
        st.integers(-5, 200), st.integers(-(2**31), 2**31 - 1), st.text(max_size=20), st.binary(max_size=20), st.sampled_from(OutOfBand)
    ),
    lambda deeper: st.dictionaries(st.text(max_size=5), st.lists(deeper, max_size=2).map(tuple), max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(attributes.REQUESTED), st.lists(_values, max_size=5).map(tuple)))
def test_whatever_a_device_says_makes_a_reading_that_can_be_shown(told: dict[str, tuple[Value, ...]]) -> None:
    decoded = attributes.decode(told, address="192.0.2.7", taken_at=NOW)
    reading = decoded.reading
    assert msgspec.json.decode(msgspec.json.encode(reading), type=Reading) == reading
    gauges.render(decoded, site=None)
    for keys in ([one.key for one in rows] for rows in (reading.supplies, reading.trays, reading.alerts)):
        assert len(keys) == len(set(keys))
    ratios = [one.ratio for one in reading.supplies] + [one.ratio for one in reading.trays]
    assert all(ratio is None or 0 <= ratio <= 1 for ratio in ratios)


def test_texts_are_printable_and_bounded() -> None:
    (supply,) = markers(
        marker_names=("a\x1b[31m\u202e" + "b" * 5000,), marker_types=("toner",), marker_colors=("none",), marker_levels=(5,)
    )
    assert supply.description is not None
    assert supply.description.isprintable()
    assert len(supply.description) < 1024


def test_an_answer_of_the_test_printer_is_read() -> None:
    reading = attributes.decode(decode(answers.printer()).printer, address="192.0.2.7", taken_at=NOW).reading
    assert [(one.key, one.ratio, one.state) for one in reading.supplies] == [
        ("v:toner-black", 0.63, "ok"),
        ("v:drum", None, "some-remaining"),
    ]


def test_the_recordings_say_what_is_known_of_them(shared: Path) -> None:
    for path in sorted((shared / "corpus" / "ipp").glob("*.bin")):
        known = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        reading = attributes.decode(decode(path.read_bytes()).printer, address="192.0.2.7", taken_at=NOW).reading
        printer = reading.printer
        assert reading.is_printer
        assert printer.manufacturer in (known["vendor"], *known.get("vendor_accept", ()))
        assert printer.model in (known["model"], *known.get("model_accept", ()))
        assert (printer.serial, printer.firmware) == (known["serial"], known["firmware"])
        assert reading.status.printer == known["status"]["printer"]
        assert len(reading.supplies) == len(known["supplies"])
        for supply, wanted in zip(reading.supplies, known["supplies"], strict=True):
            assert (supply.description, supply.kind, supply.colour) == (wanted["description"], wanted["type"], wanted["colour"])
            assert supply.ratio == pytest.approx(wanted["level_percent"] / 100)
            assert supply.state in wanted["state_accept"]


def test_the_docs_name_exactly_what_is_asked_for() -> None:
    docs = Path(__file__).parents[2] / "docs"
    table = (docs / "ipp.md").read_text(encoding="utf-8").partition("## What is asked")[2].partition("`printer-state-message`")[0]
    assert sorted(re.findall(r"`([a-z-]+)`", table)) == sorted(attributes.REQUESTED)
    assert f"list of {len(attributes.REQUESTED)} attributes" in (docs / "privacy.md").read_text(encoding="utf-8")
