from poller.engine.roster import Roster
from poller.model import Printer

SERIAL, MAC = "serial:11:VNB3K12345", "mac:0200deadbeef"


def seen(*identities: str, address: str = "10.0.0.1") -> Printer:
    mac = next((name.removeprefix("mac:") for name in identities if name.startswith("mac:")), None)
    return Printer(id=identities[0], identities=identities, address=address, mac=mac, via="snmp-2c")


def test_a_better_fact_that_comes_later_is_another_identity_and_never_a_second_device() -> None:
    roster = Roster()
    assert roster.settle(seen(MAC)).id == MAC
    later = roster.settle(seen(SERIAL, MAC))
    assert later.id == MAC
    assert later.identities == (MAC, SERIAL)
    assert roster.settle(seen(SERIAL)).id == MAC


def test_one_device_behind_two_addresses_is_one() -> None:
    roster = Roster()
    first = roster.settle(seen(SERIAL, MAC, address="10.0.0.1"))
    second = roster.settle(seen(SERIAL, address="10.9.9.9"))
    assert first.id == second.id == SERIAL
    assert len(roster) == 1


def test_a_second_device_with_a_known_serial_gets_its_mac_behind_it() -> None:
    roster = Roster()
    roster.settle(seen(SERIAL, MAC))
    twin = roster.settle(seen(SERIAL, "mac:0200cafe0001"))
    assert twin.id == f"{SERIAL}#0200cafe0001"
    assert roster.settle(seen(SERIAL, "mac:0200cafe0001")).id == twin.id
    assert roster.settle(seen(SERIAL, MAC)).id == SERIAL


def test_an_address_names_a_device_until_something_better_is_known() -> None:
    roster = Roster()
    assert roster.settle(seen("addr:10.0.0.1")).id == "addr:10.0.0.1"
    assert roster.settle(seen("addr:10.0.0.2", address="10.0.0.2")).id == "addr:10.0.0.2"


def test_what_was_known_by_its_address_alone_keeps_that_id_when_it_tells_more() -> None:
    roster = Roster()
    roster.settle(seen("addr:10.0.0.1"))
    later = roster.settle(seen(SERIAL, MAC, "addr:10.0.0.1"))
    assert later.id == "addr:10.0.0.1"
    assert roster.settle(seen(SERIAL, MAC, "addr:10.0.0.9", address="10.0.0.9")).id == "addr:10.0.0.1"


def test_another_device_at_a_known_address_is_another_device() -> None:
    roster = Roster()
    roster.settle(seen(SERIAL, MAC, "addr:10.0.0.1"))
    other = roster.settle(seen("serial:11:OTHER999", "mac:020000000009", "addr:10.0.0.1"))
    assert other.id == "serial:11:OTHER999"
    assert roster.settle(seen("addr:10.0.0.1")).id == other.id
    moved = roster.settle(seen(SERIAL, MAC, "addr:10.0.0.2", address="10.0.0.2"))
    assert (moved.id, moved.identities) == (SERIAL, (SERIAL, MAC, "addr:10.0.0.2"))


def test_a_forgotten_printer_starts_anew() -> None:
    roster = Roster()
    roster.settle(seen(MAC))
    roster.settle(seen(SERIAL, MAC))
    roster.forget(MAC)
    assert len(roster) == 0
    assert roster.settle(seen(SERIAL, MAC)).id == SERIAL
