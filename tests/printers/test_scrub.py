"""A scrubbed recording names nobody, and reads as before."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import poller.simulator
from poller.printers import decode, identity, layout
from poller.printers.scrub import scrub
from poller.snmp import ber, snmprec
from poller.snmp.message import Value
from poller.snmp.oid import parse as oid
from poller.snmp.oid import text as oid_text
from poller.snmp.snmprec import Row

KEY = b"a key for tests"
RECORDINGS = Path(poller.simulator.__file__).parent / "recordings"
SECRETS = [
    b"VNB3K12345",
    b"meier",
    b"Meier",
    b"0170",
    b"acme",
    b"ACME",
    b"hq-prn",
    b"printers4us",
    b"192.168.17.5",
    b"25b3a1c2d4",
    b"25B3A1C2D4",
]
DEVICE = """\
1.3.6.1.2.1.1.1.0|4|HP ETHERNET MULTI-ENVIRONMENT,ROM V.29.20,JETDIRECT,JD149,EEPROM 33.19.4.1,SN:VNB3K12345,CIDATE 03/02/2021
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.11.2.3.9.1
1.3.6.1.2.1.1.3.0|67|139939
1.3.6.1.2.1.1.4.0|4|E. Meier, +49 (0170) 555-0123, meier@acme.example.com
1.3.6.1.2.1.1.5.0|4|hq-prn-17
1.3.6.1.2.1.1.6.0|4x|42fc726f204d65696572
1.3.6.1.2.1.2.2.1.6.1|4x|0025b3a1c2d4
1.3.6.1.2.1.2.2.1.6.2|4x|000000000000
1.3.6.1.2.1.4.20.1.1.192.168.17.5|64|192.168.17.5
1.3.6.1.2.1.25.3.2.1.3.1|4|HP Color LaserJet M452nw
1.3.6.1.2.1.25.4.2.1.5.7|4|--user=meier
1.3.6.1.2.1.43.5.1.1.4.1|4|Meier
1.3.6.1.2.1.43.5.1.1.16.1|4|HP Color LaserJet M452nw
1.3.6.1.2.1.43.5.1.1.17.1|4|VNB3K12345
1.3.6.1.2.1.43.11.1.1.6.1.1|4|Black Cartridge HP CF410X
1.3.6.1.2.1.43.11.1.1.9.1.1|2|63
1.3.6.1.2.1.43.14.1.1.9.1.1|4|Port=9100
1.3.6.1.2.1.43.14.1.1.9.1.2|4|Server=ACME-NW,Port=515
1.3.6.1.2.1.43.16.5.1.2.1.1|4|Printing Meier
1.3.6.1.2.1.43.16.5.1.2.1.2|4|Ready 192.168.17.5
1.3.6.1.2.1.43.18.1.1.8.1.3|4|Black Cartridge low {10034}
1.3.6.1.4.1.11.2.3.9.1.1.7.0|4|MFG:HP;MDL:Color LaserJet M452nw;CLS:PRINTER;SN:VNB3K12345;
1.3.6.1.4.1.11.2.3.9.4.2.1.1.3.3.0|4x|0115564e42334b3132333435
1.3.6.1.4.1.11.2.4.3.5.44.0|4|hq-prn-17
1.3.6.1.4.1.11.2.4.3.5.99.0|4|see http://print.acme.local/hq-prn-17 (00:25:B3:A1:C2:D4)
1.3.6.1.4.1.2699.1.2.1.2.1.1.2.1|4|Buchhaltung Meier
1.3.6.1.4.1.2699.1.2.1.2.1.1.7.1|4|printers4us
1.3.6.1.6.3.18.1.1.1.2.1|4|printers4us
"""


def device() -> dict[str, Value]:
    return texts(scrub(snmprec.parse(DEVICE), key=KEY))


def texts(rows: list[Row]) -> dict[str, Value]:
    return {oid_text(at): value for at, value in rows}


@pytest.mark.parametrize("secret", SECRETS)
def test_nothing_personal_is_left(secret: bytes) -> None:
    assert not [at for at, (_, content) in device().items() if secret in content]
    assert not [at for at, (_, content) in device().items() if bytes.fromhex("0025b3a1c2d4") in content]


@pytest.mark.parametrize(
    "at",
    [
        "1.3.6.1.2.1.1.2.0",
        "1.3.6.1.2.1.1.3.0",
        "1.3.6.1.2.1.2.2.1.6.2",
        "1.3.6.1.2.1.25.3.2.1.3.1",
        "1.3.6.1.2.1.43.5.1.1.16.1",
        "1.3.6.1.2.1.43.11.1.1.6.1.1",
        "1.3.6.1.2.1.43.11.1.1.9.1.1",
        "1.3.6.1.2.1.43.14.1.1.9.1.1",
        "1.3.6.1.2.1.43.18.1.1.8.1.3",
    ],
)
def test_what_tells_the_device_stays(at: str) -> None:
    assert device()[at] == texts(snmprec.parse(DEVICE))[at]


def test_versions_dates_and_models_around_a_serial_stay() -> None:
    text = device()["1.3.6.1.2.1.1.1.0"][1]
    assert text.startswith(b"HP ETHERNET MULTI-ENVIRONMENT,ROM V.29.20,JETDIRECT,JD149,EEPROM 33.19.4.1,SN:")
    assert text.endswith(b",CIDATE 03/02/2021")


def test_the_same_value_is_the_same_invention_everywhere() -> None:
    scrubbed = device()
    serial = scrubbed["1.3.6.1.2.1.43.5.1.1.17.1"][1]
    assert len(serial) == 10
    assert b"SN:" + serial + b"," in scrubbed["1.3.6.1.2.1.1.1.0"][1]
    assert b"SN:" + serial + b";" in scrubbed["1.3.6.1.4.1.11.2.3.9.1.1.7.0"][1]
    assert scrubbed["1.3.6.1.4.1.11.2.3.9.4.2.1.1.3.3.0"][1] == b"\x01\x15" + serial
    name = scrubbed["1.3.6.1.2.1.1.5.0"][1]
    assert scrubbed["1.3.6.1.4.1.11.2.4.3.5.44.0"][1] == name
    mac = scrubbed["1.3.6.1.2.1.2.2.1.6.1"][1]
    assert mac[0] == 0x02
    assert mac.hex(":").upper().encode() in scrubbed["1.3.6.1.4.1.11.2.4.3.5.99.0"][1]


def test_inventions_keep_length_and_shape() -> None:
    for at, (tag, content) in texts(snmprec.parse(DEVICE)).items():
        if at in device():
            assert (device()[at][0], len(device()[at][1])) == (tag, len(content))
    assert device()["1.3.6.1.2.1.1.5.0"][1].decode().count("-") == 2
    assert device()["1.3.6.1.2.1.1.5.0"][1][-2:].isdigit()


def test_tables_full_of_others_addresses_are_left_out() -> None:
    assert not [at for at in device() if at.startswith(("1.3.6.1.2.1.4.", "1.3.6.1.2.1.25.4.", "1.3.6.1.6."))]


def test_the_display_keeps_a_device_s_words_only() -> None:
    assert device()["1.3.6.1.2.1.43.16.5.1.2.1.1"][1].startswith(b"Printing ")
    assert device()["1.3.6.1.2.1.43.16.5.1.2.1.2"][1].startswith(b"Ready ")


def test_a_key_of_its_own_each_time_makes_inventions_unrepeatable() -> None:
    rows = snmprec.parse(DEVICE)
    assert scrub(rows) != scrub(rows)
    assert scrub(rows, key=KEY) == scrub(rows, key=KEY)


@pytest.mark.parametrize(
    "text, keeps",
    [
        ("00000000", True),  # a placeholder is nobody's serial
        ("Toner, PN 006R01509;SNunknown", True),
        ("Toner, PN 006R01509;SN48178080E0000481", False),
        ("Firmware Ver.1.2.3.4", True),
        ("reach 10.1.2.3 now", False),
        ("mask 255.255.255.0", True),
        ("SS 007.001.000.12345", True),
        ("fe80::225:b3ff:fea1:c2d4", False),
        ("00-25-b3-00-00-01", False),
        ("call 06221 / 123456", False),
        ("date 03/02/2021", True),
        ("07-534-00 tray", True),  # a fault code
        ("time 12:30:00", True),
        ("host srv01.example.org", False),
        ("LaserJet M452nw 20260304 1.10.2", True),
    ],
)
def test_patterns_find_addresses_and_leave_versions_alone(text: str, keeps: bool) -> None:
    [(_, (_, content))] = scrub([(oid("1.3.6.1.4.1.32473.1"), (ber.OCTET_STRING, text.encode()))], key=KEY)
    assert (content == text.encode()) is keeps
    assert len(content) == len(text)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from([*(line.split("|")[0] for line in DEVICE.splitlines())]), st.binary(max_size=60)), max_size=12))
def test_any_octets_are_scrubbed_to_as_many(values: list[tuple[str, bytes]]) -> None:
    rows: list[Row] = [(oid(at), (ber.OCTET_STRING, content)) for at, content in dict(values).items()]
    lengths = {at: len(content) for at, (_, content) in rows}
    assert all(len(content) == lengths[at] for at, (_, content) in scrub(rows, key=KEY))


def test_a_real_recording_means_the_same_when_scrubbed(shared: Path) -> None:
    for path in sorted((shared / "corpus" / "recordings").glob("*.snmprec")):
        rows = snmprec.parse(path.read_text(encoding="utf-8"))
        assert meaning(scrub(rows, key=KEY)) == meaning(rows), path.name


def test_a_real_recording_keeps_its_serial_numbers_to_itself(shared: Path) -> None:
    for path in sorted((shared / "corpus" / "recordings").glob("*.snmprec")):
        rows = snmprec.parse(path.read_text(encoding="utf-8"))
        serials = {content.strip() for at, (_, content) in rows if at.startswith(oid("1.3.6.1.2.1.43.5.1.1.17"))}
        scrubbed = scrub(rows, key=KEY)
        for serial in serials:
            if len(set(serial)) > 2 and len(serial) > 4:
                assert not [at for at, (_, content) in scrubbed if serial in content], path.name


def meaning(rows: list[Row]) -> dict[str, object]:
    """Return what a reader makes of a device, without who it is."""
    learned, moving = layout.learn(rows)
    printer = identity.describe(learned, moving, address="192.0.2.7", via="snmp-2c")
    taken_at = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
    reading = decode.decode(learned, moving, [], printer=printer, taken_at=taken_at, is_printer=identity.is_printer(dict(rows))).reading
    return {
        "is_printer": reading.is_printer,
        "manufacturer": printer.manufacturer,
        "model": printer.model,
        "firmware": printer.firmware,
        "has_serial": printer.serial is not None,
        "has_mac": printer.mac is not None,
        "status": reading.status,
        "supplies": [
            msgspec.structs.replace(supply, serial=None, description=re.split(r"S/?N", supply.description or "")[0])  # a part's serial goes
            for supply in reading.supplies
        ],
        "counters": reading.counters,
        "trays": reading.trays,
        "covers": reading.covers,
    }


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDINGS.glob("*.snmprec")))
def test_an_invented_device_means_the_same_when_scrubbed(name: str) -> None:
    rows = snmprec.parse((RECORDINGS / f"{name}.snmprec").read_text(encoding="utf-8"))
    assert meaning(scrub(rows, key=KEY)) == meaning(rows)
