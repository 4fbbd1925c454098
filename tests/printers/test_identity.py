from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.model import Printer
from poller.printers.identity import is_printer, read_serial
from poller.snmp import ber
from poller.snmp.oid import Oid
from tests.printers.rows import DEVICE, GENERAL, IS_PRINTER, MARKER, PRINTER, SYSTEM, Rows, name, read, row, supply, system

INTERFACE = "1.3.6.1.2.1.2.2.1"
PORT_MONITOR = "1.3.6.1.4.1.2699.1.2.1.2.1.1"


def who(*tables: Rows, location: str | None = None) -> Printer:
    return read([pair for table in tables for pair in table], location=location).reading.printer


def device(text: str) -> Rows:
    return row(DEVICE, "1", c2=(ber.OBJECT_IDENTIFIER, IS_PRINTER), c3=text)


@pytest.mark.parametrize(
    ("description", "manufacturer", "model", "firmware", "serial"),
    [
        ("Xerox WorkThing 9125; SS 099.001.002.00300, NC 099.001, UI 099", "Xerox", "WorkThing 9125", "099.001.002.00300", None),
        ("Xerox Fazer 8130N; Net 77.10,ESS 203001021112,IOT 01.02.03", "Xerox", "Fazer 8130N", "203001021112", None),
        ("Xerox Color 999;System 44.10.21,ESS1.222.3,IOT 1.2.3", "Xerox", "Color 999", "44.10.21", None),
        ("FUJI XEROX ApeosThing-IX C9971;ESS9.0.117,IOT 1.2.3", "Fuji Xerox", "ApeosThing-IX C9971", "9.0.117", None),
        ("Xerox ColorThing 9970DN; OS 9.40, PS 4.20.0, Net 38.95", "Xerox", "ColorThing 9970DN", "9.40", None),
        ("Xerox Q999; System Firmware Version V1.0.0.5", "Xerox", "Q999", "1.0.0.5", None),
        ("Xerox® VersaThing® C9999 Color Printer; SS 9.1", "Xerox", "VersaThing C9999", "9.1", None),
        ("FUJIFILM Apeos C9999", "FUJIFILM", "Apeos C9999", None, None),
        ("Lexmark XZ950de version NH99.AB.N123 kernel 3.0.0 All-N-1", "Lexmark", "XZ950de", "NH99.AB.N123", None),
        ("Dell Q9460dn Laser Printer version NH9.ZZ.N999 kernel 3 All-N-1", "Dell", "Q9460dn", "NH9.ZZ.N999", None),
        ("TOSHIBA e-STUDIO999CS version NH99.GM.N999 kernel 3", "Toshiba", "e-STUDIO999CS", "NH99.GM.N999", None),
        ("RICOH QP C9003 3.14 / RICOH Network Printer C model / RICOH Network Scanner C model", "Ricoh", "QP C9003", "3.14", None),
        ("Rex Rotary QP 9999 1.02 / Rex Rotary Network Printer C model", "Rex-Rotary", "QP 9999", "1.02", None),
        ("SAVIN C9999 1.02 / SAVIN Network Printer C model", "Savin", "C9999", "1.02", None),
        ("Samsung QX-9850 Series; V7.01.02 MAR-03;Engine V1;NIC V4;S/N ZAZA123Q", "Samsung", "QX-9850 Series", "7.01.02", "ZAZA123Q"),
        ("Samsung QL-9850 Series OS 9.01.02.03 02-10-2010;Engine 1.01.25;NIC V4.01.09", "Samsung", "QL-9850 Series", "9.01.02.03", None),
        ("Canon iQ-ADV C9535 /P", "Canon", "iQ-ADV C9535", None, None),
        ("KONICA MINOLTA bizthing C999i", "Konica Minolta", "bizthing C999i", None, None),
        ("Develop ineo  999", "Develop", "ineo 999", None, None),
        ("SHARP MX-9999N", "Sharp", "MX-9999N", None, None),
        ("TOSHIBA TEC B-ZZ9T", "Toshiba", "B-ZZ9T", None, None),
        ("OKI OkiLAN 9450g Rev.1.2.3 : Attached to QC999 Rev.B4.5 : (C)2010 Oki Data Corporation", "OKI", "QC999", "B4.5", None),
        ("OKI-QC9462 MFP", "OKI", "QC9462 MFP", None, None),
        ("ZTC ZQ999-203dpi ZPL", "Zebra", "ZQ999-203dpi ZPL", None, None),
        ("SATO CQ9NX", "SATO", "CQ9NX", None, None),
        ("FX DocuPrint P999 w, Firmware Ver.D ,MID 8C5", "Fuji Xerox", "DocuPrint P999 w", "D", None),
        ("Brother NC-9999w, Firmware Ver.1.23  (01.02.03),MID 8C5", "Brother", None, None, None),
        ("Xerox(R) VersaThing C9999", "Xerox", "VersaThing C9999", None, None),
        ("Xerox® AltaThing C9999; SS 1.2.3", "Xerox", "AltaThing C9999", "1.2.3", None),
        ("EPSON Built-in 10Base-T/100Base-TX Print Server", "Epson", None, None, None),
        ("KYOCERA Document Solutions Printing System", "Kyocera", None, None, None),
        ("TA_UTAX Printing System", "UTAX", None, None, None),
        ("Canon MF", "Canon", None, None, None),
        ("Frau Meiers Drucker", None, None, None, None),
        ("", None, None, None, None),
    ],
)  # fmt: skip
def test_sys_descr_says(description: str, manufacturer: str | None, model: str | None, firmware: str | None, serial: str | None) -> None:
    printer = who(system(description))
    assert (printer.manufacturer, printer.model, printer.firmware, printer.serial) == (manufacturer, model, firmware, serial)


def test_a_network_cards_words_are_not_the_printers() -> None:
    card = "HP ETHERNET MULTI-ENVIRONMENT,ROM none,JETDIRECT,JD999,EEPROM JSI99990002"
    printer = who(system(card, "1.3.6.1.4.1.1347.41"), device("ECOSYS Q9940dw"))
    assert (printer.manufacturer, printer.model) == ("Kyocera", "ECOSYS Q9940dw")
    assert who(system(card)).manufacturer == "HP"


def test_the_name_an_administrator_chose_is_not_the_model() -> None:
    card = "HP ETHERNET MULTI-ENVIRONMENT,SN:ZNB3A99999,FN:1F,SVCID:9,PID:Room 12 Colour"
    printer = who(system(card, "1.3.6.1.4.1.11.2.3.9.1"), device("HP Color LaserThing M999nw"))
    assert (printer.manufacturer, printer.model, printer.serial) == ("HP", "Color LaserThing M999nw", "ZNB3A99999")
    assert who(system(card)).model is None
    assert who(system(card.replace("Room 12 Colour", "HP LaserThing M777"))).model == "LaserThing M777"


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("Lexmark QS999dn 7777XX1 LW99.DN4.P636", "QS999dn"),
        ("Hewlett-Packard HP LaserThing 999", "LaserThing 999"),
        ("Xerox WorkThing 9999 v1 Multifunction System", "WorkThing 9999 v1"),
        ("Brother HL-Q9340DW series", "HL-Q9340DW series"),
        ("Printer", None),
        ("Q" * 90 + "1", None),
    ],
)
def test_a_model_is_freed_of_brand_serial_firmware_and_filler(text: str, model: str | None) -> None:
    assert who(device(text), row(GENERAL, "1", c17="7777XX1-132-13")).model == model


def test_what_lexmarks_engines_put_behind_the_model_is_used_where_nothing_else_tells() -> None:
    printer = who(device("KONICA MINOLTA bizthing 9950 Q9F8041001234 LW99.TU.P123-0"))
    assert (printer.model, printer.serial, printer.firmware) == ("bizthing 9950", "Q9F8041001234", "LW99.TU.P123-0")
    printer = who(device("Lexmark QX999 Q9F8041001234 CXTZJ.076.301"), row(GENERAL, "1", c17="7777XX1"))
    assert (printer.model, printer.serial, printer.firmware) == ("QX999", "7777XX1", "CXTZJ.076.301")
    assert who(device("Lexmark QX999 LE.PH.P034")).model == "QX999"


def test_a_bare_sys_descr_is_the_model_where_the_number_is_given_to_printers_only() -> None:
    konica = "1.3.6.1.4.1.18334.1.1.1.2.1.999"
    assert who(system("Generic 99BW-9", konica)).model == "Generic 99BW-9"
    assert who(system("Generic 99BW-9")).model is None
    assert who(system("Linux 9.9", konica)).model is None
    assert who(system("Print Server 9", konica)).model is None


def test_an_ieee_1284_id_names_maker_model_and_serial() -> None:
    printer = who(row(PORT_MONITOR, "1", c3="MFG:Hewlett-Packard;CMD:PCL;MDL:HP OfficeThing 999;SERN:QQ1234ZZ;DES:x;"))
    assert (printer.manufacturer, printer.model, printer.serial) == ("HP", "OfficeThing 999", "QQ1234ZZ")


def test_the_brand_on_the_case_comes_before_the_maker_of_the_engine() -> None:
    assert who(system("NRG QP 9210N 1.05 / NRG Network Printer C model", "1.3.6.1.4.1.367.1.1")).manufacturer == "NRG"
    assert who(system("HP Laser MFP 999 1000", "1.3.6.1.4.1.236.11.5.1")).manufacturer == "HP"
    assert who(system(None, "1.3.6.1.4.1.236.11.5.1")).manufacturer == "Samsung"
    assert who(row(DEVICE, "1", c3="9940 thing", c4=name("1.3.6.1.4.1.18334.1.1"))).manufacturer == "Konica Minolta"


@pytest.mark.parametrize(
    "text",
    [
        "", "0", "000000", "XXXXXXXX", "xxxx", "1234567890", "12345678", "0123456789", "N/A", "none", "unknown", "not available", "AAAAAA",
        "------", "a\tb", "ü999", "FFFFFFFFFFFF",
    ],
)  # fmt: skip
def test_filler_is_no_serial_number(text: str) -> None:
    assert read_serial(text) is None


@pytest.mark.parametrize("text", ["VNB3K12345", "7XQ-132-13", "31809450", "A00000001", "CN 123 456"])
def test_a_serial_number_is_kept_as_it_is(text: str) -> None:
    assert read_serial(text) == text


def test_identities_begin_with_the_best_one() -> None:
    serial, address = row(GENERAL, "1", c17="zz-9987a"), row(INTERFACE, "2", c3=6, c6=b"\x00\x11\x22\x33\x44\x55")
    known = system(None, "1.3.6.1.4.1.11.2.3.9.1")
    printer = who(known, serial, address)
    assert printer.identities == ("serial:11:ZZ-9987A", "mac:001122334455", "addr:192.0.2.7")
    assert printer.id == printer.identities[0]
    assert (printer.serial, printer.mac) == ("zz-9987a", "001122334455")
    assert who(known, address).id == "mac:001122334455"
    assert who(known).id == "addr:192.0.2.7"
    assert who(serial).id == "serial:0:ZZ-9987A"


def test_the_operators_location_wins_over_the_devices() -> None:
    rows = row(SYSTEM, "0", c5="printer-7", c6="Hall 3")
    assert (who(rows).hostname, who(rows).location) == ("printer-7", "Hall 3")
    assert who(rows, location="Lyon, 2nd floor").location == "Lyon, 2nd floor"


QUEUE = row(DEVICE, "1", c2=(ber.OBJECT_IDENTIFIER, IS_PRINTER), c3="Invoices")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (QUEUE, True),
        (row(PRINTER, "1", c1=3), True),
        (supply(level=3), True),
        (row(MARKER, "1.1", c4=3), True),
        (system("Something", "1.3.6.1.4.1.11.2.3.9.1"), True),
        (system(None, "1.3.6.1.4.1.11.1"), True),
        (system(None, "1.3.6.1.4.1.51966.2.6"), True),
        (system("ZebraNet Wired PS", "1.3.6.1.4.1.683.6.0"), True),
        (system("Lexmark Z999"), True),
        (system("Canon LBP9999 /P"), True),
        (system("Dell Color Laser"), True),
        (system("Canon imageRUNNER ADVANCE C9930"), True),
        (system("Canon MB9900 series"), True),
        (system("EPSON XP-999 Series"), True),
        (system("EPSON WP-9999 Series"), True),
        (system("RICOH SG 9910DN"), True),
        (system("TOSHIBA TEC BV999D"), True),
        (system("SAMSUNG NETWORK PRINTER"), True),
        (system("ZebraNet PrintServer"), True),
        (system("SATO CQ9NX"), True),
        (system("EPSON Epson Stylus Pro 9999"), True),
        (system("Printronix Q8000"), True),
        (system("Samsung SCX"), True),
        (system("RICOH QP 9999 1.0 / RICOH Network Printer C model / RICOH Network Scanner C model"), True),
        (system("EPSON Built-in 10Base-T/100Base-TX Print Server", "1.3.6.1.4.1.1248.1.1.2.1.3.5.69.69.80.83.50"), True),
        # computers list their print queues as printers
        ([*system("Hardware: x86", "1.3.6.1.4.1.311.1.1.3.1.2"), *QUEUE], False),
        ([*system("Linux cups", "1.3.6.1.4.1.8072.3.2.10"), *QUEUE, *row(PRINTER, "1", c1=3)], False),
        ([*system("Linux printer", "1.3.6.1.4.1.8072.3.2.10"), *QUEUE, *supply(level=3)], True),
        # printer makers make other things
        (system("HP Onboard Administrator", "1.3.6.1.4.1.11.5.7.1.2"), False),
        (system("HP J9999A Switch 2920-24G", "1.3.6.1.4.1.11.2.3.7.11.155"), False),
        (system("ProLiant thing", "1.3.6.1.4.1.11"), False),
        (system("EPSON 10/100/1000 Ethernet USB Ext. Scan Server"), False),
        (system(None, "1.3.6.1.4.1.1248.1.1.2.1.3.22." + ".".join(str(letter) for letter in b"Network Interface Unit")), False),
        (system("EPSON Network Projector", "1.3.6.1.4.1.1248.4.1"), False),
        (system("Canon Network Camera VB-9"), False),
        (system("Canon DR-Q925"), False),
        (system("Brother ADS-9900W", "1.3.6.1.4.1.2435.2.3.9.1"), False),
        (system("EPSON EB-9999U"), False),
        (system("Zebra AP 9932", "1.3.6.1.4.1.388.50"), False),
        (system("Toshiba UPS 9"), False),
        (system("Samsung Smart Signage"), False),
        (system("Dell EMC Networking OS10"), False),
        (system("Sharp Display PN-9"), False),
        (system(None, "1.3.6.1.4.1.258.601.3"), False),
        (system("APC Web/SNMP Management Card (MB:v4 SN: ZA1)", "1.3.6.1.4.1.318.1.3.27"), False),
        (system("AXIS 9999 Network Document Server"), False),
        (system("Cisco IOS Software", "1.3.6.1.4.1.9.1.1"), False),
        (row(DEVICE, "1", c2=name("1.3.6.1.2.1.25.3.1.4"), c3="Ethernet"), False),
        ([], False),
    ],
)  # fmt: skip
def test_a_printer_is_told_from_the_rest(rows: Rows, expected: bool) -> None:
    assert is_printer(dict(rows)) is expected


@given(st.binary(max_size=200), st.binary(max_size=30), st.binary(max_size=60))
def test_no_octets_make_it_raise(description: bytes, object_id: bytes, serial: bytes) -> None:
    rows: Rows = [
        *row(SYSTEM, "0", c1=description, c2=(ber.OBJECT_IDENTIFIER, object_id)),
        *row(GENERAL, "1", c17=serial),
        *row(PORT_MONITOR, "1", c3=description),
        *row(INTERFACE, "1", c6=serial),
    ]
    assert who(rows).id
    assert is_printer({Oid(oid): value for oid, value in rows})
