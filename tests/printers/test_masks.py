"""What a mask takes out, and what it puts in the place of names."""

from __future__ import annotations

import pytest

from poller.model import Printer
from poller.printers.masks import FACTS, Fact, Mask

MAC, ADDRESS = "0025b3a1c2d4", "10.1.2.3"
KEY = bytes(range(32))


def printer(**changes: str | tuple[str, ...] | None) -> Printer:
    facts: dict[str, str | tuple[str, ...] | None] = {
        "id": "serial:11:VNB3K12345",
        "identities": ("serial:11:VNB3K12345", f"mac:{MAC}", f"addr:{ADDRESS}"),
        "address": ADDRESS,
        "range": "hq",
        "model": "LaserJet",
        "serial": "VNB3K12345",
        "hostname": "prn-mueller",
        "location": "room 114, J. Smith",
        "mac": MAC,
        "via": "snmp-2c",
        **changes,
    }
    return Printer(**facts)  # type: ignore[arg-type]


def hashed(name: str, *facts: Fact, key: bytes = KEY) -> str:
    return Mask(facts, key=key).name(name)


def test_without_a_mask_nothing_changes() -> None:
    assert Mask().printer(printer()) == printer()
    assert not Mask()


@pytest.mark.parametrize("fact", FACTS)
def test_a_masked_fact_is_nowhere_in_a_printer_and_the_others_stay(fact: Fact) -> None:
    before, after = printer(), Mask([fact], key=KEY).printer(printer())
    value = getattr(before, fact)
    assert value not in repr(after)
    assert not getattr(after, fact)
    assert all(getattr(after, other) == getattr(before, other) for other in FACTS if other != fact)
    assert (after.id, after.serial, after.range, after.model, after.via) == (before.id, before.serial, "hq", "LaserJet", "snmp-2c")


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        (f"mac:{MAC}", "mac"),
        (f"addr:{ADDRESS}", "address"),
        ("addr:2001:db8::7", "address"),
        ("uuid:6ba7b8109dad11d180b40025b3a1c2d4", "mac"),
    ],
)
def test_a_name_made_of_a_masked_fact_is_a_keyed_hash_always_the_same_one(name: str, fact: Fact) -> None:
    kind, _, digits = hashed(name, fact).partition("-hash:")
    assert kind == name.partition(":")[0]
    assert len(digits) == 32
    assert set(digits) <= set("0123456789abcdef")
    assert hashed(name, fact) == hashed(name, fact)
    assert hashed(name, fact) != hashed(name, fact, key=bytes(32))
    assert hashed(name) == name


def test_two_devices_never_share_a_name() -> None:
    names = [hashed(f"mac:0025b3{number:06x}", "mac") for number in range(5000)]
    assert len(set(names)) == len(names)


def test_the_second_device_of_a_serial_number_keeps_the_number_and_loses_the_mac_address() -> None:
    head, _, tail = hashed(f"serial:11:ABC#{MAC}", "mac").partition("#")
    assert head == "serial:11:ABC"
    assert len(tail) == 32
    assert hashed(f"serial:11:ABC#{MAC}", "address") == f"serial:11:ABC#{MAC}"
    assert hashed("serial:11:A#B", "mac") == "serial:11:A#B"


def test_what_is_masked_already_stays() -> None:
    mask = Mask(FACTS, key=KEY)
    once = mask.printer(printer(id=f"mac:{MAC}"))
    assert mask.printer(once) == once


@pytest.mark.parametrize("hostname", ["BRN0025B3A1C2D4", "NPIA1C2D4", "prn-00-25-b3-a1-c2-d4", "KM:A1:C2:D4"])
def test_a_host_name_made_of_the_mac_address_goes_with_it(hostname: str) -> None:
    assert Mask(["mac"], key=KEY).printer(printer(hostname=hostname)).hostname is None
    assert Mask(["address"], key=KEY).printer(printer(hostname=hostname)).hostname == hostname


@pytest.mark.parametrize("text", ["10.1.2.3", "prn-10-1-2-3", "rack 4, 10.1.2.3"])
def test_a_text_that_repeats_the_address_goes_with_it(text: str) -> None:
    masked = Mask(["address"], key=KEY).printer(printer(hostname=text, location=text))
    assert (masked.hostname, masked.location) == (None, None)


def test_a_serial_number_that_is_the_mac_address_goes_with_it() -> None:
    one = printer(id=f"serial:11:{MAC.upper()}", identities=(f"serial:11:{MAC.upper()}", f"mac:{MAC}"), serial=MAC.upper())
    masked = Mask(["mac"], key=KEY).printer(one)
    assert masked.serial is None
    assert MAC not in repr(masked).lower()
    assert masked.id.startswith("serial-hash:")


def test_a_serial_number_that_ends_alike_is_no_mac_address() -> None:
    assert Mask(["mac"], key=KEY).printer(printer(serial="VNA1C2D4")).serial == "VNA1C2D4"
