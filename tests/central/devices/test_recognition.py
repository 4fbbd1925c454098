"""Who is who: the cases of docs/devices.md, each with the decision it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from msgspec.structs import replace

from poller.central.devices.recognition import (
    GONE_AFTER,
    TAKEOVER,
    Device,
    Holder,
    Names,
    Sighting,
    Verdict,
    in_place_of,
    is_hardware,
    kept_name,
    kept_printer,
    met,
    names_of,
    recognise,
    take,
    united,
)
from poller.central.store.tables import PRINTER_CHARACTERS_MAX
from poller.model import Printer

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def blind(text: str) -> str:
    return f"<{text}>"


def printer(*identities: str, serial: str | None = None, mac: str | None = None, address: str = "192.0.2.7") -> Printer:
    return Printer(id=identities[0], identities=identities, address=address, serial=serial, mac=mac, via="snmp-2c")


# --- names -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "told, names",
    [
        (
            printer("serial:11:A1", "mac:0025b3a1c2d4", "addr:192.0.2.7", serial="a1", mac="0025b3a1c2d4"),
            Names(serial="serial:11:A1", board="mac~<mac:0025b3a1c2d4>"),
        ),
        (printer("mac:0025b3a1c2d4", mac="0025b3a1c2d4"), Names(board="mac~<mac:0025b3a1c2d4>")),
        (printer("addr:192.0.2.7"), Names(address="addr~<a-1 addr:192.0.2.7>")),
        # The id was chosen when nothing better was known, and stays; what was learned since is what counts.
        (
            printer("addr:192.0.2.7", "serial:11:A1", serial="A1"),
            Names(serial="serial:11:A1", address="addr~<a-1 addr:192.0.2.7>"),
        ),
        # Masked: the agent's own keyed hash, as it comes.
        (printer("mac-hash:00ff", address=""), Names(board="mac-hash:00ff")),
        (printer("addr-hash:00ff", address=""), Names(address="addr~<a-1 addr-hash:00ff>")),
        # The second device of one number, and the MAC address behind it, which nobody may read in the database.
        (
            printer("serial:11:A1#0025b3a1c2d4", serial="A1", mac="0025b3a1c2d4"),
            Names(serial="serial:11:A1#<0025b3a1c2d4>", board="mac~<mac:0025b3a1c2d4>"),
        ),
        # A board it had before.
        (
            printer("serial:11:A1", "mac:0025b3000001", "mac:0025b3000002", serial="A1", mac="0025b3000002"),
            Names(serial="serial:11:A1", board="mac~<mac:0025b3000002>", others=("mac~<mac:0025b3000001>",)),
        ),
        # Nobody's addresses are nobody's names.
        (printer("serial:11:A1", "mac:000000000000", serial="A1", mac="000000000000"), Names(serial="serial:11:A1")),
    ],
)
def test_a_reading_names_its_device(told: Printer, names: Names) -> None:
    assert names_of(told, agent="a-1", blind=blind) == names


@pytest.mark.parametrize("mac", ["000000000000", "ffffffffffff", "01005e000001", "0025b3a1c2d", "0025B3A1C2D4", ""])
def test_an_address_of_nobody_or_everybody_is_no_hardware(mac: str) -> None:
    assert not is_hardware(mac)


@pytest.mark.parametrize("mac", ["0025b3a1c2d4", "02004c4f4f50"])
def test_one_boards_address_is(mac: str) -> None:
    assert is_hardware(mac)


# --- recognising -----------------------------------------------------------------------------------------------------------

S1, S2, TWIN, B1, B2, ADDRESS = "serial:11:A1", "serial:11:A2", "serial:11:A1#x", "mac~1", "mac~2", "addr~1"


def holder(name: str, *serials: str, managed: bool = False) -> Holder:
    return Holder(id=name, serials=frozenset(serials), is_managed=managed)


@pytest.mark.parametrize(
    "names, holders, verdict",
    [
        pytest.param(Names(serial=S1, board=B1), {}, Verdict(device=None, claims=(S1, B1)), id="new"),
        pytest.param(
            Names(serial=S1, board=B1),
            {S1: holder("one", S1), B1: holder("one", S1)},
            Verdict(device="one", claims=(S1, B1)),
            id="known by both",
        ),
        pytest.param(
            Names(serial=S1, board=B2),
            {S1: holder("one", S1)},
            Verdict(device="one", claims=(S1, B2)),
            id="another network board, never seen",
        ),
        pytest.param(
            Names(serial=S1, board=B2),
            {S1: holder("one", S1), B2: holder("two", S2)},
            Verdict(device="one", claims=(S1, B2)),
            id="the network board of another device: the serial number says who it is",
        ),
        pytest.param(
            Names(serial=S2, board=B1),
            {B1: holder("one", S1)},
            Verdict(device=None, claims=(S2, B1), doubt="one"),
            id="a new serial number with a known board: another device, and a doubt",
        ),
        pytest.param(Names(board=B1), {B1: holder("one", S1)}, Verdict(device="one", claims=(B1,)), id="the serial number was not read"),
        pytest.param(
            Names(serial=S1, board=B1), {B1: holder("one")}, Verdict(device="one", claims=(S1, B1)), id="the serial number is known now"
        ),
        pytest.param(
            Names(serial=S1, board=B1),
            {S1: holder("one", S1), B1: holder("two")},
            Verdict(device="one", claims=(S1, B1), absorbs="two"),
            id="two that turn out to be one",
        ),
        pytest.param(
            Names(serial=S1, board=B1),
            {S1: holder("one", S1), B1: holder("two", managed=True)},
            Verdict(device="two", claims=(S1, B1), absorbs="one"),
            id="two that turn out to be one: the managed one stays",
        ),
        pytest.param(
            Names(serial=S1, board=B1),
            {S1: holder("one", S1, managed=True), B1: holder("two", managed=True)},
            Verdict(device="one", claims=(S1,), doubt="two"),
            id="two that turn out to be one, both managed: a person decides",
        ),
        pytest.param(
            Names(serial=S1, board=B2),
            {S1: holder("one", S1), B2: holder("two", TWIN)},
            Verdict(device="two", claims=(B2,)),
            id="two devices with one serial number: the board tells them apart",
        ),
        pytest.param(
            Names(serial=S1, board=B2),
            {B2: holder("two", TWIN)},
            Verdict(device="two", claims=(S1, B2)),
            id="an agent that knows only the second of two with one number",
        ),
        pytest.param(Names(address=ADDRESS), {}, Verdict(device=None, claims=(ADDRESS,)), id="nothing but an address"),
        pytest.param(Names(address=ADDRESS), {ADDRESS: holder("one")}, Verdict(device="one", claims=(ADDRESS,)), id="known by its address"),
        pytest.param(
            Names(serial=S1, address=ADDRESS),
            {ADDRESS: holder("one")},
            Verdict(device="one", claims=(S1, ADDRESS)),
            id="known by its address, and now by better",
        ),
        pytest.param(
            Names(serial=S2, address=ADDRESS),
            {ADDRESS: holder("one", S1)},
            Verdict(device=None, claims=(S2,)),
            id="another device at the address",
        ),
        pytest.param(
            Names(serial=S1, board=B2, others=(B1,)),
            {B1: holder("two", S2)},
            Verdict(device=None, claims=(S1, B2)),
            id="the board it had before is another's by now",
        ),
        pytest.param(
            Names(serial=None, board=B2, others=(S1,)),
            {S1: holder("one", S1)},
            Verdict(device="one", claims=(B2, S1)),
            id="known by what it was called before",
        ),
    ],
)
def test_a_device_is_recognised(names: Names, holders: dict[str, Holder], verdict: Verdict) -> None:
    assert recognise(names, holders) == verdict


# --- what changes ----------------------------------------------------------------------------------------------------------

SEEN = Sighting(
    agent="a-1",
    site="hamburg",
    printer=S1,
    names=Names(serial=S1),
    at_utc=NOON,
    place="addr~7",
    address="192.0.2.7",
    mac="0025b3000001",
    range="first-floor",
    model="L1",
    serial="A1",
    counts={"total": 1000},
)


def known(**changed: object) -> Device:
    device, _ = met(SEEN, device="d-1")
    return replace(device, **changed)


def later(by: timedelta, **changed: object) -> Sighting:
    return replace(SEEN, at_utc=NOON + by, **changed)


def test_a_new_device_is_unassigned_and_says_since_when_and_from_which_counts() -> None:
    device, events = met(SEEN, device="d-1")
    assert (device.state, device.first_utc, device.first_counts, device.counts) == ("unassigned", NOON, {"total": 1000}, {"total": 1000})
    assert [event.kind for event in events] == ["new"]


@pytest.mark.parametrize(
    "seen, kinds",
    [
        (later(HOUR), []),
        (later(HOUR, address="192.0.2.8", place="addr~8"), ["address"]),
        (later(HOUR, range="second-floor"), ["range"]),
        (later(HOUR, mac="0025b3000002"), ["board"]),
        (later(HOUR, mac=None), []),  # not read this time
        (later(HOUR, serial="A1X"), ["serial"]),
        (later(GONE_AFTER - HOUR), []),
        (later(GONE_AFTER), ["back"]),
        (later(TAKEOVER, agent="a-2"), ["home"]),
        (later(TAKEOVER, agent="a-2", site="berlin", range=None), ["site", "range"]),
        (later(GONE_AFTER, agent="a-2", site="berlin", address="198.51.100.1"), ["back", "site", "address"]),
    ],
)
def test_what_happened_to_a_device_is_told(seen: Sighting, kinds: list[str]) -> None:
    device, events = take(known(), seen)
    assert [event.kind for event in events] == kinds
    assert (device.home, device.site, device.seen_utc) == (seen.agent, seen.site, seen.at_utc)


def test_a_second_agent_at_a_device_moves_nothing_while_its_home_sees_it() -> None:
    device = known()
    for hours in range(1, 48):
        mine = later(hours * HOUR, counts={"total": 1000 + hours})
        other = later(hours * HOUR + HOUR / 2, agent="a-2", site="berlin", address="10.0.0.1", counts={"total": 9})
        device, first = take(device, mine)
        device, second = take(device, other)
        assert first + second == []
    assert (device.home, device.site, device.counts) == ("a-1", "hamburg", {"total": 1047})


@pytest.mark.parametrize("by", [-DAY, -HOUR, 0 * HOUR])
def test_a_late_reading_changes_nothing(by: timedelta) -> None:
    assert take(known(), later(by, address="192.0.2.99")) == (known(), [])


def test_counts_of_a_wrong_clock_are_nobodys() -> None:
    device, _ = take(known(), later(HOUR, is_dated=False, counts={"total": 5}))
    assert device.counts == {"total": 1000}
    fresh, _ = met(replace(SEEN, is_dated=False), device="d-2")
    assert fresh.first_counts == {}
    assert take(fresh, later(HOUR))[0].first_counts == {"total": 1000}


def test_united_devices_are_as_old_as_the_older_and_where_the_newer_was_seen() -> None:
    older = known(counts={"total": 1200}, serial=None)
    newer = known(id="d-2", state="managed", first_utc=NOON + DAY, seen_utc=NOON + 2 * DAY, site="berlin", first_counts={"total": 1100})
    both = united(newer, older)
    assert (both.id, both.state, both.serial) == ("d-2", "managed", "A1")
    assert (both.first_utc, both.first_counts, both.seen_utc, both.site) == (NOON, {"total": 1000}, NOON + 2 * DAY, "berlin")


def test_a_new_device_where_another_stood_is_told_to_stand_in_its_place() -> None:
    fresh = known(id="d-2", first_utc=NOON + DAY)
    event = in_place_of(fresh, [known(), known(id="d-0", seen_utc=NOON - DAY)])
    assert event is not None
    assert (event.kind, event.device, event.other) == ("in-place-of", "d-2", "d-1")


@pytest.mark.parametrize("stood", [known(seen_utc=NOON + 2 * DAY), known(state="swapped"), known(state="ignored"), known(id="d-2")])
def test_nobody_stands_in_the_place_of_one_that_is_still_there_or_was_settled(stood: Device) -> None:
    assert in_place_of(known(id="d-2", first_utc=NOON + DAY), [stood]) is None


@pytest.mark.parametrize(
    "identity", ["serial:11:" + "X" * 400, "Y" * 400, "mac-hash:" + "0" * 400, "serial:11:" + "X" * 238 + "#0025b3a1c2d4"]
)
def test_a_name_is_never_longer_than_the_database_has_room_for(identity: str) -> None:
    """One that is would fail its whole step, at every try, and with it all devices of the account."""

    def digits(text: str) -> str:
        return sha256(text.encode()).hexdigest()[:32]

    for name in (kept_name(identity, digits), kept_printer(identity, "a-1", digits)):
        assert len(name) <= PRINTER_CHARACTERS_MAX
        assert name != kept_name(identity + "Z", digits)
