"""Who is who, as the polling crew lives it: a small town on a fake clock, without any loss."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec
import pytest

from poller.engine.fleet import Fleet
from poller.engine.poll import Place, Poller
from poller.engine.remembered import Remembered
from poller.engine.rhythm import Rhythm
from poller.engine.roster import Roster
from poller.engine.targets import Plan, Range
from poller.logs import as_dict
from poller.model import Decoded, Target
from poller.networks import Interval, address_number
from tests.engine.town import PUBLIC, House, Town
from tests.fake_clock import FakeClock

HOUR = 3600.0
TOLD = {"new", "moved", "gone", "back", "replaced"}


class Street:
    """The crew, a few printers in 10.0.0.0/22, and the searches an agent would make. Everybody else of the range answers."""

    def __init__(self, clock: FakeClock, caplog: pytest.LogCaptureFixture, houses: Iterable[House]) -> None:
        caplog.set_level("INFO", "poller.engine")
        self.clock, self.caplog = clock, caplog
        neighbours = [House(f"NEIGHBOUR{n}K", f"02aa000000{n:02x}", f"10.0.1.{n}") for n in range(1, 6)]
        self.town = Town(clock, [*houses, *neighbours])
        _, first = address_number("10.0.0.0")
        self.plan = Plan([Range("hq", (Interval(4, first, first + 1023),), (PUBLIC,))])
        self.readings: list[Decoded] = []
        self.start()

    def start(self) -> None:
        self.roster = Roster()
        self.fleet = Fleet(self.clock, site=None, stale_after_seconds=24 * HOUR, forget_after_seconds=30 * 24 * HOUR)
        self.poller = Poller(
            self.town,
            self.fleet,
            self.clock,
            roster=self.roster,
            rhythm=Rhythm(every_seconds=900.0, busy_seconds=900.0, wake_seconds=900.0),
            workers=3,
            rows_max=2000,
            record=self.readings.append,
            sleep=self._sleep,
        )

    async def sweep(self) -> None:
        await self.town.sweep(self.poller, self.roster, self.plan)

    async def pass_hours(self, hours: float) -> None:
        self.stop, self._until_at = asyncio.Event(), self.clock.monotonic() + hours * HOUR
        self.poller._is_stopping = False
        await self.poller.run(self.stop)

    async def restart(self, *, away_hours: float = 0.0) -> list[Remembered]:
        kept, _ = self.poller.take_changes(1000)
        self.clock.advance(away_hours * HOUR)
        self.start()
        self.poller.restore(kept, {"public": PUBLIC}, {"hq": Place()}, is_wanted=lambda _: True)
        return kept

    async def _sleep(self, seconds: float) -> None:
        for _ in range(4):
            await asyncio.sleep(0)
        hunt = self.poller.next_search(self.plan)
        if hunt is not None:
            await self.town.sweep(self.poller, self.roster, self.plan, only=hunt)
        self.clock.advance(min(10.0, max(0.1, self._until_at - self.clock.monotonic())))
        if self.clock.monotonic() >= self._until_at:
            self.stop.set()

    def told(self) -> list[tuple[str, str]]:
        """Return what was told of printers since the last call, the neighbours apart."""
        events = [as_dict(record) for record in self.caplog.records]
        self.caplog.clear()
        pairs = [(str(one["event"]).removeprefix("printer."), str(one.get("printer"))) for one in events]
        return sorted((event, name) for event, name in pairs if event in TOLD and "NEIGHBOUR" not in name)

    def up(self) -> dict[str, str]:
        """Return the addresses of those that answer, by id."""
        entries = (one for one in self.fleet if one.is_up and "NEIGHBOUR" not in one.printer.id)
        return {one.printer.id: one.printer.address for one in entries}


def house(number: int, address: str) -> House:
    return House(f"ACM{number:03d}K", f"0200000000{number:02x}", address, booted_at=-1000.0 * number)


async def test_a_printer_with_another_lease_is_found_within_minutes_of_its_silence(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    one = house(1, "10.0.0.7")
    street = Street(clock, caplog, [one])
    await street.sweep()
    await street.pass_hours(1)
    assert street.told() == [("new", one.id)]
    street.town.move(one, "10.0.3.200")
    await street.pass_hours(0.5)
    assert street.told() == [("moved", one.id)]
    assert street.up() == {one.id: "10.0.3.200"}
    assert len(street.fleet) == 6


async def test_two_of_one_model_that_swap_addresses_never_lend_each_other_their_counters(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = house(1, "10.0.0.7"), house(2, "10.0.0.8")
    street = Street(clock, caplog, [one, other])
    await street.sweep()
    await street.pass_hours(1)
    street.told()
    for moving, there in ((one, "10.0.0.8"), (other, "10.0.0.7")):  # a lease is not a restart: both have run on
        moving.address = there
        street.town.at[there] = moving
    street.readings.clear()
    await street.pass_hours(1)
    assert street.told() == [("moved", one.id), ("moved", other.id)]
    assert street.up() == {one.id: "10.0.0.8", other.id: "10.0.0.7"}
    ours = [told.reading.printer for told in street.readings if "ACM" in told.reading.printer.id]
    assert all(f"serial:32473:{who.serial}" == who.id for who in ours)
    assert {(who.serial, who.address) for who in ours} == {("ACM001K", "10.0.0.8"), ("ACM002K", "10.0.0.7")}


async def test_one_that_is_replaced_is_told_of_when_it_is_nowhere_to_be_found_and_then_forgotten(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = house(1, "10.0.0.7"), house(2, "10.0.0.7")
    street = Street(clock, caplog, [one])
    await street.sweep()
    await street.pass_hours(1)
    street.town.at["10.0.0.7"] = other
    street.told()
    await street.pass_hours(20)
    assert street.told() == [("new", other.id)]
    await street.restart()  # and it is still known that the address is another's
    questions = street.town.questions
    await street.pass_hours(8)
    assert street.told() == [("replaced", one.id)]
    assert street.up() == {other.id: "10.0.0.7"}
    assert questions < street.town.questions
    known = len(street.roster)
    await street.pass_hours(31 * 24)
    assert len(street.roster) == known - 1
    assert street.poller.status().printers == 6


async def test_a_second_device_with_the_serial_number_of_one_that_answers_is_another(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    one, twin = house(1, "10.0.0.7"), House("ACM001K", "0200000000ff", "10.0.0.9")
    street = Street(clock, caplog, [one, twin])
    await street.sweep()
    await street.pass_hours(1)
    assert len(street.told()) == 2
    assert sorted(street.up().values()) == ["10.0.0.7", "10.0.0.9"]
    assert {name.partition("#")[0] for name in street.up()} == {one.id}


async def test_a_new_network_board_with_a_new_lease_seen_before_the_silence_is_noticed_is_the_same_printer(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    one = house(1, "10.0.0.7")
    street = Street(clock, caplog, [one])
    await street.sweep()
    await street.pass_hours(1)
    street.told()
    one.rename(one.serial, "0200000000ff")
    street.town.move(one, "10.0.0.9")
    await street.sweep()  # it happens to be swept just now
    await street.pass_hours(1)
    assert street.told() == [("moved", one.id)]
    assert street.up() == {one.id: "10.0.0.9"}
    assert len(street.fleet) == 6


async def test_hurry_has_the_printer_at_an_address_polled_now(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    one = house(1, "10.0.0.7")
    street = Street(clock, caplog, [one])
    await street.sweep()
    await street.pass_hours(0.1)
    before = len(street.readings)
    assert street.poller.hurry("10.0.0.7")
    assert not street.poller.hurry("10.0.0.8")
    await street.pass_hours(0.003)
    assert [told.reading.printer.id for told in street.readings[before:]] == [one.id]


async def test_another_configuration_holds_at_once_and_lets_go_of_who_is_not_in_it(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = house(1, "10.0.0.7"), house(2, "10.0.0.8")
    street = Street(clock, caplog, [one, other])
    await street.sweep()
    await street.pass_hours(1)
    street.told()

    def retarget(target: Target) -> Target | None:
        return None if target.address == one.address else target

    dropped = street.poller.configure(
        rhythm=Rhythm(every_seconds=60.0, busy_seconds=60.0, wake_seconds=60.0),
        gone_after_seconds=HOUR,
        rows_max=2000,
        places={"hq": Place(location="Room 8")},
        retarget=retarget,
    )
    assert dropped == 1
    assert street.up() == {other.id: "10.0.0.8"}
    street.readings.clear()
    await street.pass_hours(1)
    told = [one.reading.printer for one in street.readings]
    assert {who.location for who in told} == {"Room 8"}
    assert 50 <= sum(who.id == other.id for who in told) <= 62
    await street.sweep()  # the address is back in the configuration
    await street.pass_hours(0.1)
    assert street.told() == []


async def test_how_long_one_was_silent_and_that_it_is_gone_outlive_a_restart(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    one = house(1, "10.0.0.7")
    street = Street(clock, caplog, [one])
    await street.sweep()
    await street.pass_hours(1)
    one.is_off = True
    await street.pass_hours(20)
    street.told()
    await street.restart(away_hours=50)  # nobody asked meanwhile
    await street.pass_hours(2)
    assert street.told() == []
    await street.pass_hours(6)
    assert street.told() == [("gone", one.id)]
    await street.restart()
    one.is_off = False
    await street.pass_hours(5)
    assert street.told() == [("back", one.id)]


async def test_one_never_read_is_forgotten_in_time_however_often_the_agent_restarts(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    one = house(1, "10.0.0.7")
    street = Street(clock, caplog, [one])
    await street.sweep()
    one.is_off = True
    for _ in range(5):
        await street.pass_hours(24)
        await street.restart(away_hours=4 * 24)
    assert street.poller.status().printers == 6
    await street.pass_hours(6 * 24)
    assert street.poller.status().printers == 5
    assert ("gone", one.id) not in street.told()


async def test_a_claim_that_is_seen_again_meanwhile_is_still_one_claim(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    one = house(1, "10.0.0.7")
    street = Street(clock, caplog, [one])
    await street.sweep()
    await street.pass_hours(1)
    street.told()
    one.rename(one.serial, "0200000000ff")
    street.town.move(one, "10.0.0.9")
    await street.sweep()
    await street.sweep()
    await street.pass_hours(1)
    assert street.told() == [("moved", one.id)]


async def test_a_new_board_sighted_first_with_it_and_then_without_is_never_told_as_a_second_printer(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    one = house(1, "10.0.0.7")
    street = Street(clock, caplog, [one])
    await street.sweep()
    await street.pass_hours(1)
    street.told()
    one.rename(one.serial, "0200000000ff")
    street.town.move(one, "10.0.0.9")
    await street.sweep()
    await street.pass_hours(0.02)  # it is silent where it was, and somebody like it was seen
    known = street.fleet.get(one.id)
    assert known is not None
    target = Target(address="10.0.0.9", credential=PUBLIC, range="hq")
    less = msgspec.structs.replace(
        known.printer, identities=(one.id,), mac=None, address="10.0.0.9"
    )  # as a sweep sees it that lost a table
    street.poller.found(street.roster.settle(less), target, Place())
    await street.pass_hours(1)
    assert street.told() == [("moved", one.id)]
    assert street.up() == {one.id: "10.0.0.9"}


async def test_a_new_board_whose_lease_was_another_printers_is_recognised_by_the_poll_of_that_one(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = house(1, "10.0.0.7"), house(2, "10.0.0.8")
    street = Street(clock, caplog, [one, other])
    await street.sweep()
    await street.pass_hours(1)
    street.told()
    street.town.move(other, "10.0.2.1")
    one.rename(one.serial, "0200000000ff")
    street.town.move(one, "10.0.0.8")
    street.readings.clear()
    await street.pass_hours(1)
    assert street.told() == [("moved", one.id), ("moved", other.id)]
    assert street.up() == {one.id: "10.0.0.8", other.id: "10.0.2.1"}
    read = {(told.reading.printer.id, told.reading.printer.serial) for told in street.readings if "ACM" in told.reading.printer.id}
    assert read == {(one.id, one.serial), (other.id, other.serial)}


async def test_a_new_board_and_lease_are_recognised_within_minutes_of_being_seen(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    one = house(1, "10.0.0.7")
    street = Street(clock, caplog, [one])
    await street.sweep()
    await street.pass_hours(1)
    street.told()
    one.rename(one.serial, "0200000000ff")
    street.town.move(one, "10.0.0.9")
    await street.sweep()
    await street.pass_hours(0.125)
    assert street.told() == [("moved", one.id)]


async def test_one_that_tells_when_it_started_and_did_not_before_has_to_show_who_it_is(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = house(1, "10.0.0.7"), house(2, "10.0.0.7")
    street = Street(clock, caplog, [one])
    street.town.untimed.add(one)
    await street.sweep()
    await street.pass_hours(1)
    street.told()
    street.town.at["10.0.0.7"] = other
    await street.pass_hours(0.6)
    assert street.told() == [("new", other.id)]
    assert street.up() == {other.id: "10.0.0.7"}


async def test_who_was_missed_before_a_restart_is_looked_for_after_it(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    one = house(1, "10.0.0.7")
    street = Street(clock, caplog, [one])
    await street.sweep()
    await street.pass_hours(1)
    street.told()
    one.is_off = True
    await street.pass_hours(1)
    one.is_off = False
    street.town.move(one, "10.0.3.200")
    await street.restart()
    await street.pass_hours(0.1)
    assert street.told() == [("moved", one.id)]
