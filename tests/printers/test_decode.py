from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.model import Counter, Reading, Supply
from poller.printers import identity, layout, mib, plan
from poller.printers.decode import decode, error_names
from poller.snmp import ber
from poller.snmp.message import Missing, Value
from poller.snmp.oid import Oid
from tests.printers.rows import (
    ALERT,
    CHARSET,
    COLORANT,
    COVER,
    DEVICE,
    DISPLAY,
    FINISHER,
    GENERAL,
    IS_PRINTER,
    MARKER,
    PRINTER,
    TAKEN_AT,
    TRAY,
    Rows,
    count,
    name,
    octets,
    read,
    row,
    shuffled,
    supply,
    system,
    ticks,
)  # fmt: skip

LISTED = "1.3.6.1.4.1.32473.1"  # the documentation enterprise number, RFC 5612


def supplies(rows: Rows, alerts: Rows | None = None) -> dict[str, Supply]:
    return {one.key: one for one in read(rows, alerts or []).reading.supplies}


def only(rows: Rows, alerts: Rows | None = None) -> Supply:
    (one,) = supplies(rows, alerts).values()
    return one


# --- supplies ----------------------------------------------------------------------------------------------------------


def test_a_full_row_becomes_a_supply() -> None:
    rows = [*supply("1.4", "Black Toner, PN 099R1;SNAB12345", type=3, class_=3, unit=7, maximum=2300, level=1449)]
    assert only(rows) == Supply(
        key="1.4", index="1.4", description="Black Toner, PN 099R1;SNAB12345", kind="toner", colour="black", part_number="099R1",
        serial="AB12345", ratio=0.63, state="ok", units=1449, capacity=2300, unit="impressions", is_receptacle=False,
    )  # fmt: skip


def test_a_missing_cell_shifts_nothing() -> None:
    rows = [
        *supply("1.1", None, type=3, level=10, maximum=100),
        *supply("1.2", "Cyan Toner", level=20),
        *supply("1.7", "Fuser", type=15, maximum=300),
        *supply("1.11", "Yellow Toner", type=3, level=40, maximum=100),
    ]
    found = supplies(shuffled(rows))
    assert list(found) == ["1.1", "1.2", "1.7", "1.11"]
    assert [one.ratio for one in found.values()] == [0.1, None, None, 0.4]
    assert [one.description for one in found.values()] == [None, "Cyan Toner", "Fuser", "Yellow Toner"]
    assert [one.state for one in found.values()] == ["low", "ok", "not-reported", "ok"]


@pytest.mark.parametrize("index", ["3", "0.2", "1.300", "2.1"])
def test_an_index_is_a_key_as_it_is(index: str) -> None:
    assert only(supply(index, level=5, maximum=10)).key == index


def test_rows_in_any_order_give_one_reading() -> None:
    rows = [pair for index in range(1, 9) for pair in supply(f"1.{index}", f"Toner {index}", type=3, level=index, maximum=10)]
    assert read(rows).reading.supplies == read(shuffled(rows)).reading.supplies == read(reversed(rows)).reading.supplies


@pytest.mark.parametrize(("index", "colorant"), [("1.4", "1.2"), ("0.4", "0.2"), ("4", "2")])
def test_the_colour_may_stand_in_the_colorant_table_only(index: str, colorant: str) -> None:
    rows = [
        *supply(index, "Toner Cartridge", type=3, colorant=2, level=1),
        *row(COLORANT, colorant, c4="magenta"),
    ]
    assert only(rows).colour == "magenta"


def test_a_colorant_index_without_a_row_falls_back_to_the_description() -> None:
    assert only(supply(text="Yellow Toner", type=3, colorant=9, level=1)).colour == "yellow"


def test_two_rows_with_one_description_stay_two() -> None:
    found = supplies([*supply("1.30", "Black Toner", level=1, maximum=2), *supply("1.31", "Black Toner", level=2, maximum=2)])
    assert [one.ratio for one in found.values()] == [0.5, 1.0]


def test_an_impossible_level_is_no_number() -> None:
    one = only(supply(text="Transfer Roller", type=1, unit=19, maximum=100, level=143_065))
    assert (one.ratio, one.units, one.state) == (None, None, "unknown")


def test_a_level_outside_its_syntax_is_as_if_not_sent() -> None:
    assert only(supply(level=-100, maximum=100)).state == "not-reported"
    assert only(supply(level=octets("full"), maximum=100)).state == "not-reported"


def test_a_receptacle_reports_the_space_that_is_left() -> None:
    one = only(supply(text="Waste Toner Container", type=4, class_=4, unit=19, maximum=100, level=5))
    assert (one.kind, one.is_receptacle, one.ratio, one.state) == ("wasteToner", True, 0.05, "low")


@pytest.mark.parametrize(
    ("technology", "about", "kind"),
    [
        (4, "", "toner"),
        (12, "", "ink"),
        (None, "Invented LaserThing 5", "toner"),
        (None, "Invented OfficeJet 5", "ink"),
        (None, "Thing", "unknown"),
    ],
)
def test_the_print_process_fills_a_nameless_cartridge(technology: int | None, about: str, kind: str) -> None:
    rows = [*supply(text="Cyan Cartridge", level=1), *row(DEVICE, "1", c3=about)]
    rows += row(MARKER, "1.1", c2=technology) if technology else []
    assert only(rows).kind == kind


def test_finisher_supplies_have_their_own_keys() -> None:
    rows = [
        *supply("1.1", level=1, maximum=2),
        *row(FINISHER, "1.1", c3=3, c4=32, c5="Staples", c6=18, c7=5000, c8=2500),
        *row(FINISHER, "1.2", c3=4, c4=1, c5="Punch Waste", c8=-3),
    ]
    found = supplies(rows)
    assert list(found) == ["1.1", "fin:1.1", "fin:1.2"]
    assert (found["fin:1.1"].kind, found["fin:1.1"].ratio, found["fin:1.1"].unit, found["fin:1.1"].index) == ("staples", 0.5, "items", None)
    assert (found["fin:1.2"].kind, found["fin:1.2"].is_receptacle, found["fin:1.2"].state) == ("punchWaste", True, "some-remaining")


def alert(index: str, *, severity: int, group: int, row_number: int, code: int) -> Rows:
    return row(ALERT, index, c2=severity, c4=group, c5=row_number, c7=code)


@pytest.mark.parametrize(
    ("severity", "group", "row_number", "code", "state"),
    [
        (5, 11, 1, 1104, "low"),
        (3, 11, 1, 1101, "empty"),
        (5, 11, 1, 12, "low"),
        (5, 11, 1, 1109, "empty"),
        (5, 11, 2, 1104, "ok"),  # about another row
        (5, 8, 1, 807, "ok"),  # about a tray
        (4, 11, 1, 1104, "ok"),  # an event, perhaps long over
        (5, 11, 1, 25, "ok"),
        (5, 11, -1, 1104, "ok"),
    ],
)
def test_the_devices_own_word_for_a_row_is_its_state(severity: int, group: int, row_number: int, code: int, state: str) -> None:
    one = only(supply(level=40, maximum=100, type=3), alert("1.9", severity=severity, group=group, row_number=row_number, code=code))
    assert (one.state, one.ratio) == (state, 0.4)


def test_some_remaining_and_called_low_is_low() -> None:
    assert only(supply(level=-3, maximum=-2), alert("1.9", severity=5, group=11, row_number=1, code=1104)).state == "low"


# --- trays and covers --------------------------------------------------------------------------------------------------


def test_a_tray_is_read() -> None:
    rows = row(TRAY, "1.2", c8=8, c9=550, c10=181, c12="iso-a4", c13="Tray 1", c18="The first tray")
    (tray,) = read(rows).reading.trays
    assert msgspec.to_builtins(tray) == {
        "key": "1.2", "name": "Tray 1", "ratio": 181 / 550, "state": "ok", "units": 181, "capacity": 550, "unit": "sheets",
        "media": "iso-a4",
    }  # fmt: skip


def test_a_tray_without_a_name_takes_its_description() -> None:
    (tray,) = read(row(TRAY, "1.1", c10=-2, c9=-2, c13="", c18="Cassette 1")).reading.trays
    assert (tray.name, tray.state, tray.ratio, tray.units, tray.capacity) == ("Cassette 1", "unknown", None, None, None)


def test_an_empty_tray_is_called_empty_by_the_device() -> None:
    rows = row(TRAY, "1.3", c9=500, c10=-3)
    (tray,) = read(rows, alert("1.1", severity=5, group=8, row_number=3, code=808)).reading.trays
    assert (tray.state, tray.ratio) == ("empty", None)


@pytest.mark.parametrize(("status", "is_open"), [(3, True), (4, False), (5, True), (6, False), (1, None), (2, None), (501, None)])
def test_a_cover_is_open_closed_or_unknown(status: int, is_open: bool | None) -> None:
    (cover,) = read(row(COVER, "1.1", c2="Front Door", c3=status)).reading.covers
    assert (cover.key, cover.name, cover.open) == ("1.1", "Front Door", is_open)


# --- counters ----------------------------------------------------------------------------------------------------------


def counters(rows: Rows) -> list[tuple[str, str, str, int]]:
    return [(one.function, one.colour, one.unit, one.count) for one in read(rows).reading.counters]


@pytest.mark.parametrize(
    ("unit", "life", "expected"),
    [
        (7, 8123, [("total", "all", "impressions", 8123)]),
        (8, 8123, [("total", "all", "sheets", 8123)]),
        (None, 8123, [("total", "all", "impressions", 8123)]),
        (11, 40, [("total", "all", "hours", 40)]),
        (17, 900, [("total", "all", "metres", 900)]),
        (16, 1000, [("total", "all", "metres", 304)]),
        (4, 2_500_000, [("total", "all", "metres", 2)]),
        (5, 99, []),  # characters
        (77, 99, []),
        (7, 0, [("total", "all", "impressions", 0)]),
        (7, 3_000_000_000, [("total", "all", "impressions", 3_000_000_000)]),
        (7, 2**32 - 1, []),  # -1, without a sign
    ],
)
def test_a_life_count_is_the_total_in_its_own_unit(unit: int | None, life: int, expected: list[tuple[str, str, str, int]]) -> None:
    assert counters([*row(MARKER, "1.1", c4=count(life)), *(row(MARKER, "1.1", c3=unit) if unit else [])]) == expected


def test_a_negative_count_is_no_count() -> None:
    assert counters(row(MARKER, "1.1", c3=7, c4=-5)) == []


def test_a_counter_says_where_it_was_read() -> None:
    (one,) = read(row(MARKER, "1.1", c3=7, c4=count(5))).reading.counters
    assert one == Counter(function="total", count=5, unit="impressions", oid="1.3.6.1.2.1.43.10.2.1.4.1.1")


@pytest.mark.parametrize("lives", [[500, 500], [500, 120, 90, 80], [90, 500]])
def test_several_markers_are_never_added(lives: list[int]) -> None:
    rows = [pair for at, life in enumerate(lives, 1) for pair in row(MARKER, f"1.{at}", c3=7, c4=count(life))]
    assert counters(rows) == [("total", "all", "impressions", max(lives))]


def test_markers_with_different_units_are_different_counters() -> None:
    rows = [*row(MARKER, "1.1", c3=7, c4=count(500)), *row(MARKER, "1.2", c3=8, c4=count(300))]
    assert counters(rows) == [("total", "all", "impressions", 500), ("total", "all", "sheets", 300)]


# --- status, time, display ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "names"),
    [
        (b"", ()),
        (b"\x00", ()),
        (b"\x80", ("lowPaper",)),
        (b"\x01", ("serviceRequested",)),
        (b"\x41", ("noPaper", "serviceRequested")),
        (b"\x20\x04", ("lowToner", "inputTrayEmpty")),
        (b"\x00\x80\x00\x00", ("inputTrayMissing",)),
        (b"\x00\x01", ()),  # a bit without a meaning
        (b"\xff\xff\xff", tuple(mib.ERROR_BITS)),
    ],
)
def test_the_error_state_may_have_any_length(state: bytes, names: tuple[str, ...]) -> None:
    assert error_names((ber.OCTET_STRING, state)) == names


def test_the_error_state_may_be_missing_or_nonsense() -> None:
    assert error_names(Missing.NO_SUCH_INSTANCE) == error_names((ber.INTEGER, b"\x40")) == error_names(None) == ()


def test_the_status_is_that_of_the_printer_among_the_devices() -> None:
    rows = [
        *row(DEVICE, "1", c2=name("1.3.6.1.2.1.25.3.1.4"), c5=5),
        *row(DEVICE, "4", c2=(ber.OBJECT_IDENTIFIER, IS_PRINTER), c5=3),
        *row(PRINTER, "4", c1=4, c2=b"\x10"),
    ]
    status = read(rows).reading.status
    assert (status.printer, status.device, status.errors) == ("printing", "warning", ("noToner",))


def test_an_unheard_of_status_is_none() -> None:
    assert read([*row(PRINTER, "1", c1=9), *row(DEVICE, "1", c5=-1)]).reading.status.printer is None


def test_the_boot_time_comes_from_the_uptime() -> None:
    assert read(system("x", uptime=360_012)).boot_utc == TAKEN_AT - timedelta(hours=1)
    assert read(system("x")).boot_utc is None
    assert read([(layout.SCALARS[2], (ber.INTEGER, b"\xff"))]).boot_utc is None


def test_texts_are_read_in_the_character_set_the_device_chose() -> None:
    rows = [
        *row(GENERAL, "1", c2=2, c10=3),
        *row(CHARSET, "1.1", c4=106), *row(CHARSET, "1.2", c4=2004), *row(CHARSET, "1.3", c4=17),
        *supply(text="Trommel für Gerät".encode("hp-roman8"), type=9, level=1),
        *row(DISPLAY, "1.2", c2="印刷できます".encode("shift_jis")), *row(DISPLAY, "1.1", c2=b"  "),
    ]  # fmt: skip
    decoded = read(rows)
    assert decoded.reading.supplies[0].description == "Trommel für Gerät"
    assert decoded.display == ("印刷できます",)


def test_what_the_display_shows_is_not_part_of_the_reading() -> None:
    assert b"Frau Meier" not in msgspec.json.encode(read(row(DISPLAY, "1.1", c2="Job of Frau Meier")).reading)


# --- the promises of the hot path --------------------------------------------------------------------------------------


def a_printer(level: int = 40) -> Rows:
    rows = [
        *system("Lexmark Z999", "1.3.6.1.4.1.641.1.9", uptime=99),
        *row(TRAY, "1.1", c8=8, c9=500, c10=7),
        *row(COVER, "1.1", c2="Door", c3=4),
    ]
    return [*rows, *supply("1.1", "Black Toner", type=3, level=level, maximum=100), *supply("1.2", "Fuser", type=15, level=9, maximum=100)]


def test_rows_that_did_not_change_are_the_same_objects_even_on_an_equal_printer() -> None:
    first, second = read(a_printer(40)).reading, read(a_printer(39)).reading
    assert first.supplies[0] != second.supplies[0]
    assert first.supplies[1] is second.supplies[1]
    assert first.trays[0] is second.trays[0]
    assert first.covers[0] is second.covers[0]


def test_equal_layouts_share_a_sheet_whoever_they_belong_to() -> None:
    one, _ = layout.learn([*a_printer(), *row(GENERAL, "1", c17="AAB12")])
    other, _ = layout.learn([*a_printer(), *row(GENERAL, "1", c17="AAB13")])
    assert one.steady != other.steady
    assert plan.sheet_of(one) is plan.sheet_of(other)


def test_sheets_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_SHEETS_MAX", 4)
    monkeypatch.setattr(plan, "_sheets", {})
    layouts = [layout.learn(a_printer())[0] for _ in range(20)]
    for one in layouts:
        plan.sheet_of(one)
    assert len(plan._sheets) == 4


def test_a_cell_that_vanished_since_the_walk_is_missing_in_its_own_row() -> None:
    found, moving = layout.learn(a_printer())
    printer = identity.describe(found, moving, address="192.0.2.7", via="snmp-1")
    gone = [
        Missing.NO_SUCH_INSTANCE if oid.startswith(mib.SUPPLY_LEVEL.oid) else value
        for oid, value in zip(found.shape.moving, moving, strict=True)
    ]
    reading = decode(found, gone, [], printer=printer, taken_at=TAKEN_AT).reading
    assert [one.state for one in reading.supplies] == ["not-reported", "not-reported"]
    assert [one.description for one in reading.supplies] == ["Black Toner", "Fuser"]


_CELLS: st.SearchStrategy[Value | Missing] = st.one_of(
    st.sampled_from(list(Missing)), st.tuples(st.sampled_from([2, 4, 5, 6, 0x41, 0x42, 0x43, 0x44, 0x46, 0x99]), st.binary(max_size=12))
)


@given(st.data())
def test_no_values_make_it_raise_and_the_reading_is_always_valid(data: st.DataObject) -> None:
    rows = [
        *a_printer(), *row(MARKER, "1.1", c2=4, c3=7, c4=count(9)), *row(FINISHER, "1.1", c4=32, c5="Staples", c8=1, c9="x"),
        *row(GENERAL, "1", c1=count(1), c2=1, c10=1, c17="A1"), *row(CHARSET, "1.1", c4=17), *row(PRINTER, "1", c1=3, c2=b"\x00"),
        *row(ALERT, "1.1", c2=3, c4=11, c5=1, c6=1, c7=1104, c8="low", c9=ticks(4)), *row(DISPLAY, "1.1", c2="x"), *row(LISTED, "1", c1=1),
    ]  # fmt: skip
    hostile: list[tuple[Oid, Value | Missing]] = [(oid, data.draw(_CELLS)) for oid, _ in rows]
    walked = [(oid, value) for oid, value in hostile if not isinstance(value, Missing)]
    found, _ = layout.learn(walked)
    moving = [data.draw(_CELLS) for _ in found.shape.moving]
    printer = identity.describe(found, moving, address="192.0.2.7", via="snmp-2c")
    decoded = decode(found, moving, walked, printer=printer, taken_at=datetime(2026, 1, 1, tzinfo=UTC))
    body = msgspec.json.encode(decoded.reading)
    assert msgspec.json.decode(body, type=Reading) == decoded.reading
    for one in decoded.reading.supplies:
        assert one.ratio is None or 0 <= one.ratio <= 1
        assert one.units is None or one.units >= 0
