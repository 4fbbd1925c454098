from __future__ import annotations

import pytest

from poller.printers import layout
from poller.printers.layout import ALERTS, ROOTS, SCALARS, learn, mood, number_at, questions, signs_of
from poller.snmp import ber
from poller.snmp.oid import Oid, arcs, parse, text
from tests.printers.rows import (
    COVER,
    DEVICE,
    GENERAL,
    IS_PRINTER,
    MARKER,
    PRINTER,
    TRAY,
    Rows,
    count,
    name,
    octets,
    row,
    shuffled,
    supply,
    system,
)  # fmt: skip

INTERFACE = "1.3.6.1.2.1.2.2.1"
LOCALIZATION = "1.3.6.1.2.1.43.7.1.1"


def learned(rows: Rows) -> tuple[set[str], set[str]]:
    found, _ = learn(rows)
    return {text(oid) for oid in found.shape.moving}, {text(oid) for oid in found.shape.steady}


def a_printer() -> Rows:
    return [
        *system("Xerox WorkThing 9000", "1.3.6.1.4.1.253.8.62.1.9", uptime=4200),
        *row(DEVICE, "1", c2=(ber.OBJECT_IDENTIFIER, IS_PRINTER), c3="Xerox WorkThing 9000", c5=2, c6=count(0)),
        *row(PRINTER, "1", c1=3, c2=b"\x00"),
        *row(GENERAL, "1", c1=count(7), c2=1, c4="Someone", c17="ZZ-9", c19=count(12)),
        *supply("1.1", "Black Toner", level=40, maximum=100, type=3),
        *row(TRAY, "1.1", c8=8, c9=500, c10=-3, c11=0, c13="Tray 1"),
        *row(COVER, "1.1", c2="Front", c3=4),
        *row(MARKER, "1.1", c3=7, c4=count(1234), c5=count(3)),
    ]


def test_moving_values_come_back_in_the_order_of_the_shape() -> None:
    rows = a_printer()
    found, moving = learn(rows)
    assert list(moving) == [dict(rows)[oid] for oid in found.shape.moving]
    assert list(found.steady) == [dict(rows)[oid] for oid in found.shape.steady]


def test_levels_move_and_names_stay() -> None:
    moving, steady = learned(a_printer())
    assert moving == {
        "1.3.6.1.2.1.1.3.0", f"{DEVICE}.5.1", f"{PRINTER}.1.1", f"{PRINTER}.2.1", f"{GENERAL}.1.1", f"{GENERAL}.19.1",
        "1.3.6.1.2.1.43.11.1.1.6.1.1", "1.3.6.1.2.1.43.11.1.1.8.1.1", "1.3.6.1.2.1.43.11.1.1.9.1.1", f"{TRAY}.10.1.1", f"{COVER}.3.1.1",
        f"{MARKER}.4.1.1",
    }  # fmt: skip
    assert {f"{GENERAL}.17.1", f"{TRAY}.13.1.1", f"{COVER}.2.1.1", f"{MARKER}.3.1.1", "1.3.6.1.2.1.1.2.0"} <= steady


def test_rows_nobody_reads_are_left_out() -> None:
    moving, steady = learned(a_printer())
    unread = {f"{GENERAL}.4.1", f"{TRAY}.11.1.1", f"{MARKER}.5.1.1", f"{DEVICE}.6.1"}
    assert not unread & (moving | steady)


def test_equal_printers_share_one_shape_object_whatever_order_they_answer_in() -> None:
    first, _ = learn(a_printer())
    second, _ = learn(shuffled(a_printer()))
    assert first.shape is second.shape


def test_shapes_are_ordered_by_arcs() -> None:
    rows = [pair for index in ("1.2", "1.10", "1.1", "1.200") for pair in supply(index, level=1)]
    found, _ = learn(rows)
    assert list(found.shape.moving) == sorted(found.shape.moving, key=arcs)


def test_interned_shapes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "_SHAPES_MAX", 8)
    monkeypatch.setattr(layout, "_shapes", {})
    for index in range(1, 30):
        learn(supply(f"1.{index}", level=1))
    assert len(layout._shapes) <= 8


def test_of_many_devices_only_the_printer_is_kept() -> None:
    rows = [
        *row(DEVICE, "1", c2=name("1.3.6.1.2.1.25.3.1.4"), c3="Ethernet", c5=2),
        *row(DEVICE, "20", c2=(ber.OBJECT_IDENTIFIER, IS_PRINTER), c3="The Printer", c5=3),
        *row(DEVICE, "31", c2=name("1.3.6.1.2.1.25.3.1.6"), c3="Disk", c5=2),
    ]
    moving, steady = learned(rows)
    assert moving == {f"{DEVICE}.5.20"}
    assert steady == {f"{DEVICE}.2.20", f"{DEVICE}.3.20"}


def test_without_types_the_device_with_a_printers_row_is_the_printer() -> None:
    rows = [*row(DEVICE, "1", c3="Disk"), *row(DEVICE, "5", c3="The Printer"), *row(PRINTER, "5", c1=3)]
    assert learned(rows)[1] == {f"{DEVICE}.3.5"}


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ([(1, 24, b"\x02\x11\x22\x33\x44\x55"), (2, 6, b"\x00\x11\x22\x33\x44\x55")], 2),  # loopback with an address
        ([(1, 6, b""), (2, 6, bytes(6)), (3, 71, b"\x00\x11\x22\x33\x44\x66")], 3),
        ([(1, 6, b"\x01\x00\x5e\x00\x00\x01"), (2, 6, b"\x00\x11\x22\x33\x44\x77")], 2),  # a group address
        ([(1, 6, b"\x00\x11\x22\x33"), (12, 6, b"\x00\x11\x22\x33\x44\x88"), (9, 6, b"\x00\x11\x22\x33\x44\x99")], 9),
        ([(1, 6, b"")], None),
    ],
)
def test_the_first_real_interface_gives_the_address(rows: list[tuple[int, int, bytes]], kept: int | None) -> None:
    table = [pair for index, type_, address in rows for pair in row(INTERFACE, str(index), c3=type_, c6=address)]
    assert learned(table)[1] == ({f"{INTERFACE}.6.{kept}"} if kept is not None else set())


def test_of_many_languages_only_those_in_use_are_kept() -> None:
    sets = [pair for index in range(1, 16) for pair in row(LOCALIZATION, f"1.{index}", c4=106)]
    _, steady = learned([*row(GENERAL, "1", c2=3, c10=7), *sets])
    assert {oid for oid in steady if oid.startswith(LOCALIZATION)} == {f"{LOCALIZATION}.4.1.3", f"{LOCALIZATION}.4.1.7"}
    _, steady = learned(sets)
    assert steady == {f"{LOCALIZATION}.4.1.1"}


def test_a_table_without_end_is_cut_at_128_rows() -> None:
    found, _ = learn([pair for index in range(1, 2000) for pair in supply(f"1.{index}", text=None, level=1)])
    assert len(found.shape.moving) == 128


def test_an_index_nobody_can_have_is_left_out() -> None:
    found, _ = learn([(Oid(parse("1.3.6.1.2.1.43.11.1.1.9") + tail), octets("1")) for tail in (b"", b"\x80", b"\x01" * 40)])
    assert found.shape.moving == ()


def test_nothing_learned_is_an_empty_layout() -> None:
    found, moving = learn([])
    assert (found.shape.moving, found.shape.steady, found.steady, moving) == ((), (), (), ())


def test_the_alert_table_is_expected_where_there_is_a_printer_mib() -> None:
    assert signs_of(learn(a_printer())[0].shape).has_alert_table
    assert signs_of(learn(supply(text=None, level=3))[0].shape).has_alert_table
    assert not signs_of(learn(system("Xerox WorkThing", uptime=3))[0].shape).has_alert_table


def test_change_counters_are_found_in_the_moving_values() -> None:
    found, moving = learn(a_printer())
    signs = signs_of(found.shape)
    assert (number_at(moving, signs.config_changes), number_at(moving, signs.alert_events)) == (7, 12)
    found, moving = learn(system("x", uptime=1))
    signs = signs_of(found.shape)
    assert (number_at(moving, signs.config_changes), number_at(moving, signs.alert_events)) == (None, None)


def test_the_mood_is_what_the_device_tells_beside_its_alert_table() -> None:
    status, errors = parse("1.3.6.1.2.1.25.3.2.1.5.1"), parse("1.3.6.1.2.1.25.3.5.1.2.1")
    found, moving = learn([(status, (2, b"\x02")), (errors, (4, b"\x00\x04"))])
    signs = signs_of(found.shape)
    assert mood(moving, signs) == (None, (2, b"\x02"), (4, b"\x00\x04"))
    assert signs.reports_status
    found, moving = learn([])
    assert mood(moving, signs_of(found.shape)) == (None, None, None)
    assert not signs_of(found.shape).reports_status


def test_questions_hold_every_moving_oid_once_within_both_limits() -> None:
    shape = learn(a_printer())[0].shape
    for oids_max, octets_max in ((64, 1400), (5, 1400), (64, 200), (1, 1)):
        cut = questions(shape, oids_max, octets_max)
        assert tuple(oid for one in cut for oid in one.oids) == shape.moving
        assert max(len(one.oids) for one in cut) <= oids_max
    assert len(questions(shape, 64, 200)) > len(questions(shape, 64, 1400))
    assert questions(learn([])[0].shape, 64, 1400) == ()


def test_what_is_walked_is_asked_once_and_never_a_persons_name() -> None:
    assert parse("1.3.6.1.2.1.1.4.0") not in SCALARS
    for root in ROOTS:
        assert not any(other.startswith(root) for other in ROOTS if other != root)
        assert not ALERTS.startswith(root)


def test_every_object_that_is_read_is_walked() -> None:
    for oid in layout._OBJECTS:
        assert any(oid.startswith(root) for root in ROOTS) or Oid(oid + b"\x00") in SCALARS
