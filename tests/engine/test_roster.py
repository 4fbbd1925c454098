import pytest

from poller.engine.roster import Roster, original
from poller.model import Printer

SERIAL, MAC = "serial:11:VNB3K12345", "mac:0200deadbeef"


def seen(*identities: str, address: str = "10.0.0.1", model: str | None = None) -> Printer:
    mac = next((name.removeprefix("mac:") for name in identities if name.startswith("mac:")), None)
    return Printer(id=identities[0], identities=identities, address=address, mac=mac, model=model, via="snmp-2c")


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
    twin = roster.settle(seen(SERIAL, "mac:0200cafe0001", address="10.0.0.2"))
    assert twin.id == f"{SERIAL}#0200cafe0001"
    assert roster.take_kin(twin.id) == SERIAL
    assert roster.take_kin(twin.id) is None
    assert roster.settle(seen(SERIAL, "mac:0200cafe0001", address="10.0.0.2")).id == twin.id
    assert roster.settle(twin).id == twin.id
    assert roster.settle(seen(SERIAL, MAC)).id == SERIAL


HERE, THERE = "10.0.0.1", "10.0.0.9"
NEW_SERIAL, NEW_MAC = "serial:11:OTHER999", "mac:020000000009"


@pytest.mark.parametrize(
    ("names", "address", "model", "is_absent", "printer_id"),
    [
        # What is seen, when (SERIAL, MAC) of model M1 is known at HERE and is silent or not; and who that is.
        ((SERIAL, MAC), THERE, "M1", False, SERIAL),  # it moved, or has two addresses
        ((SERIAL,), THERE, "M1", False, SERIAL),  # it tells less
        ((MAC,), THERE, "M1", False, SERIAL),
        (("addr:10.0.0.1",), HERE, "M1", False, SERIAL),
        ((SERIAL, NEW_MAC), HERE, "M1", False, SERIAL),  # a new network board
        ((SERIAL, NEW_MAC), THERE, "M1", True, SERIAL),  # a new network board, and for that another lease
        ((SERIAL, NEW_MAC), THERE, "M1", False, f"{SERIAL}#020000000009"),  # the number twice
        ((NEW_SERIAL, MAC), HERE, "M1", False, SERIAL),  # a new main board
        ((NEW_SERIAL, MAC), THERE, "M1", True, SERIAL),
        ((NEW_SERIAL, MAC), THERE, "M1", False, NEW_SERIAL),  # a print server with several printers behind one MAC
        ((NEW_SERIAL, MAC), HERE, "M2", False, NEW_SERIAL),  # the network card was put into another device
        ((NEW_SERIAL, MAC), THERE, "M2", True, NEW_SERIAL),
        (("serial:0:VNB3K12345", MAC), THERE, "M1", False, SERIAL),  # the same number, now under another maker's
        ((NEW_SERIAL, NEW_MAC), HERE, "M1", False, NEW_SERIAL),  # another device at its address
        ((NEW_SERIAL, NEW_MAC), HERE, "M1", True, NEW_SERIAL),
        (("addr:10.0.0.9",), THERE, "M1", True, "addr:10.0.0.9"),
    ],
)
def test_what_is_one_device_and_what_is_another(names: tuple[str, ...], address: str, model: str, is_absent: bool, printer_id: str) -> None:
    roster = Roster()
    roster.is_absent = lambda _: is_absent
    roster.settle(seen(SERIAL, MAC, "addr:10.0.0.1", model="M1"))
    assert roster.settle(seen(*names, address=address, model=model)).id == printer_id
    assert roster.settle(seen(SERIAL, MAC, "addr:10.0.0.1", model="M1")).id == SERIAL


def test_a_network_card_in_another_device_names_that_one_from_then_on() -> None:
    roster = Roster()
    roster.is_absent = lambda printer_id: printer_id == SERIAL
    roster.settle(seen(SERIAL, MAC, model="M1"))
    assert roster.settle(seen(NEW_SERIAL, MAC, model="M2")).identities == (NEW_SERIAL, MAC)
    assert roster.settle(seen(MAC)).id == NEW_SERIAL
    assert roster.settle(seen(SERIAL, address="10.0.0.5")).identities == (SERIAL,)


def test_what_was_told_apart_is_again_what_it_called_itself() -> None:
    roster = Roster()
    roster.settle(seen(SERIAL, MAC))
    twin = seen(SERIAL, NEW_MAC, address=THERE)
    assert original(roster.settle(twin)) == twin


def test_a_number_with_a_hash_in_it_stays_whole() -> None:
    assert original(seen("serial:11:AB#12", NEW_MAC)).identities == ("serial:11:AB#12", NEW_MAC)


def test_a_device_asked_elsewhere_than_it_was_sighted_keeps_its_id_with_a_new_board() -> None:
    roster = Roster()
    roster.settle(seen(SERIAL, MAC, address=HERE))
    roster.settle(seen(SERIAL, address=THERE))  # it has two addresses, or this is another one
    roster.locate(SERIAL, HERE)
    assert roster.settle(seen(SERIAL, NEW_MAC, address=HERE)).id == SERIAL


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
