from __future__ import annotations

from poller.printers import identity, layout, library
from poller.printers.decode import decode
from poller.printers.explain import Explanation, explain, show
from poller.snmp import ber
from poller.snmp.message import Missing
from poller.snmp.oid import text
from tests.printers import vendor_devices
from tests.printers.rows import ALERT, DEVICE, FINISHER, GENERAL, MARKER, TAKEN_AT, TRAY, Rows, count, octets, row, supply, system, ticks


def explained(rows: Rows, alerts: Rows | None = None) -> Explanation:
    found, moving = layout.learn(rows)
    printer = identity.describe(found, moving, address="192.0.2.7", via="snmp-2c")
    decoded = decode(found, moving, alerts or [], printer=printer, taken_at=TAKEN_AT)
    return explain(found, moving, alerts or [], rows, decoded)


def a_printer() -> Rows:
    return [
        *system("Lexmark Z999 version LQ9 kernel 3", "1.3.6.1.4.1.641.1.9", uptime=360_000),
        *row(DEVICE, "1", c3="Lexmark Z999", c6=count(2)),
        *row(GENERAL, "1", c4="The Operator", c17="ZZ-9987"),
        *supply("1.1", "Black Toner", type=3, unit=19, level=40, maximum=100),
        *supply("1.2", "Fuser", type=15, level=900, maximum=100),
        *supply("1.3", "Belt", type=20, level=-100),
        *row(FINISHER, "1.1", c5="Staples", c8=-3),
        *row(TRAY, "1.1", c9=500, c10=-3),
        *row(MARKER, "1.1", c3=7, c4=count(77)),
        *row(MARKER, "1.2", c3=7, c4=count(11)),
    ]


def test_every_value_is_shown_once_as_used_or_unused() -> None:
    rows = a_printer()
    alerts = row(ALERT, "1.5", c2=3, c3=1, c4=11, c5=1, c7=1104, c8="Low", c9=ticks(100))
    found = explained(rows, alerts)
    shown = [line.oid for line in found.used] + [line.oid for line in found.unused]
    assert sorted(shown) == sorted(text(oid) for oid, _ in (*rows, *alerts))


def test_a_value_is_shown_with_its_name_its_raw_form_and_what_it_became() -> None:
    used = {line.name: (line.raw, line.part, line.meaning) for line in explained(a_printer()).used}
    assert used["prtMarkerSuppliesLevel.1.1"] == ("40", "supplies 1.1", "state ok, units 40, ratio 0.4")
    assert used["prtMarkerSuppliesDescription.1.1"] == (
        '"Black Toner"',
        "supplies 1.1",
        "description Black Toner, kind toner, colour black",
    )
    assert used["finSupplyCurrentLevel.1.1"] == ("-3", "supplies fin:1.1", "state some-remaining")
    assert used["prtMarkerLifeCount.1.1"] == ("77", "counters", "function total, colour all, count 77, unit impressions")
    assert used["prtGeneralSerialNumber.1"] == ('"ZZ-9987"', "printer", "serial ZZ-9987, id serial:641:ZZ-9987")
    assert used["sysUpTime.0"] == ("360000", "boot", "2026-03-05 07:30:00+00:00")


def test_a_value_that_became_nothing_says_why() -> None:
    unused = {line.name: line.reason for line in explained(a_printer()).unused if line.name}
    assert unused == {
        "prtMarkerSuppliesLevel.1.2": "above its capacity",
        "prtMarkerSuppliesLevel.1.3": "out of range: below -3 or beyond 32 bits",
        "prtMarkerLifeCount.1.2": "out of range, counted in a unit without a meaning here, or another marker counts more",
    }


def test_a_value_nobody_reads_is_shown_as_such() -> None:
    assert {line.raw: line.reason for line in explained(a_printer()).unused if not line.name} == {
        '"The Operator"': "not read",
        "2": "not read",
    }


def test_a_value_that_is_gone_says_how() -> None:
    found, moving = layout.learn(supply(level=3))
    gone = [Missing.NO_SUCH_INSTANCE for _ in moving]
    printer = identity.describe(found, gone, address="192.0.2.7", via="snmp-2c")
    decoded = decode(found, gone, [], printer=printer, taken_at=TAKEN_AT)
    assert {line.reason for line in explain(found, gone, [], [], decoded).unused} == {"noSuchInstance"}


def test_a_value_of_another_type_than_declared_is_named() -> None:
    reasons = {line.name: line.reason for line in explained([*supply(text=None, level=octets("half")), *row(GENERAL, "1", c17=5)]).unused}
    assert reasons == {"prtMarkerSuppliesLevel.1.1": "not a number", "prtGeneralSerialNumber.1": "tag 0x02 where 0x04 belongs"}


def test_raw_values_are_shown_as_a_person_would_write_them() -> None:
    assert show((ber.OCTET_STRING, b"Toner\x00")) == '"Toner"'
    assert show((ber.OCTET_STRING, b"")) == '""'
    assert show((ber.OCTET_STRING, b"\x20\x04")) == "0x2004"
    assert show((ber.OBJECT_IDENTIFIER, b"\x2b\x06\x01")) == "1.3.6.1"
    assert show((ber.OBJECT_IDENTIFIER, b"\x80")) == "80"
    assert show((ber.INTEGER, b"\xfd")) == "-3"
    assert show((ber.OPAQUE, b"\x01\x02")) == "0x0102"
    assert show(Missing.END_OF_MIB) == "endOfMibView"
    assert len(show((ber.OCTET_STRING, b"a" * 5000))) <= 200


def test_single_values_of_a_profile_say_what_they_became() -> None:
    device_rows = vendor_devices.rows({".1.1.0": "LWK0012345", ".1.2.0": "Version 2.10 (ACME)", ".1.3.0": "beta", ".5.1.0": 73})
    before = library.current()
    library.use(vendor_devices.build(vendor_devices.HEAD + _PROFILE))
    try:
        learned = vendor_devices.read(device_rows).learned
        printer = identity.describe(learned.layout, learned.moving, address="192.0.2.7", via="snmp-2c")
        decoded = decode(learned.layout, learned.moving, [], printer=printer, taken_at=TAKEN_AT)
        lines = explain(learned.layout, learned.moving, (), (), decoded).used
    finally:
        library.use(before)
    used = {line.oid.removeprefix(vendor_devices.ACME): (line.part, line.meaning) for line in lines}
    assert used[".1.1.0"] == ("printer", "serial LWK0012345")
    assert used[".1.2.0"] == ("printer", "firmware 2.10")
    assert used[".1.3.0"] == ("printer", "no model: blank, or its clean rules do not fit")
    assert used[".5.1.0"] == ("supplies v:drum", "state ok, units 73, ratio 0.73")


_PROFILE = r"""
[[identity]]
field = "serial"
oid = "1.3.6.1.4.1.32473.7.1.1.0"
[[identity]]
field = "firmware"
oid = "1.3.6.1.4.1.32473.7.1.2.0"
clean = ['regex Version (\S+)']
[[identity]]
field = "model"
oid = "1.3.6.1.4.1.32473.7.1.3.0"
clean = ['regex Model (.+)']
[[supply]]
key = "drum"
kind = "drum"
level = "1.3.6.1.4.1.32473.7.5.1.0"
unit = "percent"
"""
