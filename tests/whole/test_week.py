"""A week of 2,000 printers in the time of a fake clock: what is told of them is what happened to them, and nothing else."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count

import pytest

from poller.engine.fleet import Fleet
from poller.engine.poll import Place, Poller
from poller.engine.remembered import Remembered
from poller.engine.rhythm import Rhythm
from poller.engine.roster import Roster
from poller.engine.search import Hunt
from poller.engine.targets import Plan, Range
from poller.logs import as_dict
from poller.networks import Interval, address_number
from tests.engine.town import PUBLIC, House, Town, near
from tests.fake_clock import FakeClock

HOUR, DAY = 3600.0, 86_400.0
WEEK = 7 * DAY
RANGES, HOUSES_PER_RANGE = 8, 250
EVENTS = {"printer.new", "printer.moved", "printer.gone", "printer.back", "printer.replaced", "range.silent"}
WEEKS = [(7, 3600.0)]
if os.environ.get("WEEKS") == "all":
    WEEKS += [(seed, every) for seed in range(1, 4) for every in (900.0, 5400.0, 7200.0)]
LOSS = 0.02  # of questions, each sent three times: the network loses a quarter of all datagrams
LOOK_SECONDS = WAKE_SECONDS = 30.0

Told = Counter[tuple[str, str]]
"""How often what was told of whom."""


class Week:
    """The agent's engine over a town, and a script of what happens when, with what should be told of it."""

    def __init__(self, clock: FakeClock, *, seed: int, every_seconds: float) -> None:
        self.clock, self.dice, self.number = clock, random.Random(seed), count(1)
        self.rhythm = Rhythm(every_seconds=every_seconds, busy_seconds=every_seconds / 2)
        self.houses: list[House] = []
        self.plan = Plan(
            [Range(f"range-{one}", (Interval(4, *self._ends(one)),), (PUBLIC,)) for one in range(RANGES)],
        )
        for one in range(RANGES):
            for place in range(HOUSES_PER_RANGE):
                self.houses.append(self.house(f"10.{one}.{place // 100}.{2 + 2 * (place % 100)}"))
        for house in self.houses[::10]:
            house.is_sleeper = True
        self.town = Town(clock, self.houses, loss=LOSS, seed=seed)
        self.expected: Told = Counter(("printer.new", house.id) for house in self.houses)
        self._script: list[tuple[float, int, Callable[[], object]]] = []
        self._left = [house for house in self.houses if house.address.split(".")[1] not in ("3", "4")]  # two ranges have other troubles
        self.dice.shuffle(self._left)
        self.start()

    def start(self) -> None:
        self.roster, self.stop = Roster(), asyncio.Event()
        self.fleet = Fleet(self.clock, site=None, stale_after_seconds=DAY, forget_after_seconds=30 * DAY)
        self.poller = Poller(
            self.town, self.fleet, self.clock, roster=self.roster, rhythm=self.rhythm, workers=20, rows_max=2000, sleep=self._sleep
        )

    def house(self, address: str) -> House:
        number = next(self.number)
        return House(f"ACM{number:06d}K", f"02{number:010x}", address, booted_at=-DAY * number)

    def pick(self) -> House:
        return self._left.pop()

    def at(self, seconds: float, act: Callable[[], object]) -> None:
        heappush(self._script, (1000.0 + seconds, next(self.number), act))

    def expect(self, event: str, *houses: House) -> None:
        for house in houses:
            self.expected[f"printer.{event}", house.id] += 1

    def some_time(self, *, until: float = WEEK - 12 * HOUR) -> float:
        return self.dice.uniform(DAY / 2, until)

    async def sweep(self) -> None:
        await self._look()

    async def _look(self, hunt: Hunt | None = None) -> None:
        """Sweep, and once more half a minute later who was silent, as the agent does."""
        silent = await self.town.sweep(self.poller, self.roster, self.plan, only=hunt)

        async def once_more() -> None:
            await self.town.sweep(self.poller, self.roster, self.plan, only=hunt, among=silent)

        self.at(self.clock.monotonic() - 1000.0 + WAKE_SECONDS, once_more)

    async def restart(self) -> None:
        """End the agent and start another from what it left."""
        kept: dict[str, Remembered] = {}
        while (changes := self.poller.take_changes(500)) != ([], []):
            changed, removed = changes
            for printer_id in removed:
                kept.pop(printer_id, None)
            kept.update({one.printer.id: one for one in changed})
        self.start()
        places = {one.name: Place() for one in self.plan.ranges}
        assert self.poller.restore([kept[name] for name in sorted(kept)], {"public": PUBLIC}, places, is_wanted=lambda _: True) == len(kept)

    async def run(self, until: float) -> None:
        self._until_at = 1000.0 + until
        self.stop.clear()
        self.poller._is_stopping = False
        await self.poller.run(self.stop)

    async def _sleep(self, seconds: float) -> None:
        """Let what is due be done, then time pass up to whatever comes next."""
        for _ in range(3):
            await asyncio.sleep(0)
        now_at = self.clock.monotonic()
        if self._search_is_on() and (hunt := self.poller.next_search(self.plan)) is not None:
            await self._look(hunt)
        next_at = self.poller._agenda.schedule.next_at() or self._until_at
        next_at = min(max(next_at, now_at + 20.0), self._script[0][0] if self._script else self._until_at, self._until_at)
        if self._search_is_on():
            next_at = min(next_at, now_at + LOOK_SECONDS)
        self.clock.advance(max(0.1, next_at - now_at))
        hour = (self.clock.utc() + timedelta(hours=1)).hour
        self.town.is_night = not 8 <= hour < 18 or self.clock.utc().isoweekday() > 5
        while self._script and self._script[0][0] <= self.clock.monotonic():
            act = heappop(self._script)[2]()
            if asyncio.iscoroutine(act):
                await act
        if self.clock.monotonic() >= self._until_at:
            self.stop.set()

    def _search_is_on(self) -> bool:
        return len(self.poller._search) > 0

    def _ends(self, number: int) -> tuple[int, int]:
        _, first = address_number(f"10.{number}.0.0")
        return first, first + 1023


def write_script(week: Week) -> None:
    """Everything that happens. Addresses with an odd end are free until somebody moves there."""
    town, after_gone = week.town, 36 * HOUR
    for day in range(7):  # at ten; on working days sleepers are awake
        week.at(day * DAY + 3 * HOUR, week.sweep)

    for _ in range(60):  # another lease, close by
        house = week.pick()
        week.at(week.some_time(), partial(town.move, house, near(house.address, 1)))
        week.expect("moved", house)
    for number in range(20):  # carried to another floor
        house = week.pick()
        there = f"10.{house.address.split('.')[1]}.3.{101 + 2 * number}"
        week.at(week.some_time(), partial(town.move, house, there))
        week.expect("moved", house)
    for _ in range(20):  # two that swap their addresses, and one that takes the address another has just left
        one, other = week.pick(), week.pick()
        week.at(week.some_time(until=5 * DAY), partial(swap, town, one, other))  # perhaps of two ranges: then it takes a sweep
        week.expect("moved", one, other)
    for _ in range(15):
        first, second = week.pick(), week.pick()
        week.at(week.some_time(), partial(follow, town, first, second))
        week.expect("moved", first, second)
    for _ in range(20):  # gone for good
        house = week.pick()
        week.at(week.some_time(until=WEEK - after_gone - 5 * HOUR), partial(town.remove, house))
        week.expect("gone", house)
    for _ in range(20):  # gone for three days
        house, at = week.pick(), week.some_time(until=3 * DAY)
        week.at(at, partial(switch, house, is_off=True))
        week.at(at + 3 * DAY, partial(switch, house, is_off=False))
        week.expect("gone", house)
        week.expect("back", house)
    for _ in range(60):  # switched off for a night
        house, at = week.pick(), week.some_time()
        week.at(at, partial(switch, house, is_off=True))
        week.at(at + 14 * HOUR, partial(switch, house, is_off=False))
    for _ in range(20):  # replaced by a new one
        house, at = week.pick(), week.some_time(until=WEEK - after_gone - 5 * HOUR)
        other = week.house(house.address)
        week.at(at, partial(exchange, town, house, other))
        week.expect("replaced", house)
        week.expect("new", other)
    for _ in range(20):  # a new network board, which gets a new lease
        house = week.pick()
        week.at(week.some_time(), partial(new_card, week, house, near(house.address, 1)))
        week.expect("moved", house)
    for _ in range(20):  # a new network board at a fixed address; a new main board with another serial number
        house, other = week.pick(), week.pick()
        week.at(week.some_time(), partial(new_card, week, house, house.address))
        week.at(week.some_time(), partial(other.rename, f"NEW{other.serial}", other.mac))
    for _ in range(5):  # a second device with the serial number of one that is there
        house = week.pick()
        twin = week.house(near(house.address, 1))
        twin.rename(house.serial, twin.mac)
        week.at(week.some_time(until=5 * DAY), partial(town.move, twin, twin.address))
        week.expected["printer.new", f"{house.id}#{twin.mac}"] += 1
    for _ in range(60):
        house, at = week.pick(), week.some_time()
        week.at(at, partial(house.jam, is_jammed=True))
        week.at(at + 2 * HOUR, partial(house.jam, is_jammed=False))
    week.at(2 * DAY, partial(town.dark.append, "10.3."))  # a switch fails, for longer than it takes to be gone
    week.at(4 * DAY, partial(town.dark.remove, "10.3."))
    week.expected["range.silent", "range-3"] += 1
    cable = 5 * DAY + 4 * HOUR  # the agent's own, by day, for as long as it takes to ask everybody
    week.at(cable, partial(town.dark.append, "10."))
    week.at(cable + 2.5 * week.rhythm.every_seconds, partial(town.dark.remove, "10."))
    for floor in week.plan.ranges:
        week.expected["range.silent", str(floor.name)] += 1


def switch(house: House, *, is_off: bool) -> None:
    house.is_off = is_off


def swap(town: Town, one: House, other: House) -> None:
    here, there = one.address, other.address
    town.move(one, there)
    town.at.pop(here, None)
    town.move(other, here)
    town.at[there] = one


def follow(town: Town, first: House, second: House) -> None:
    left = first.address
    town.move(first, near(left, 1))
    town.move(second, left)


def exchange(town: Town, house: House, other: House) -> None:
    town.remove(house)
    town.move(other, other.address)


def new_card(week: Week, house: House, address: str) -> None:
    house.rename(house.serial, f"02ff{next(week.number):08x}")
    week.town.move(house, address)


def told(records: Iterable[Mapping[str, object]]) -> Told:
    return Counter((str(one["event"]), str(one.get("printer", one.get("range")))) for one in records if one["event"] in EVENTS)


@pytest.mark.parametrize(("seed", "every_seconds"), WEEKS)
async def test_what_is_told_of_a_week_is_what_happened_in_it(
    clock: FakeClock, caplog: pytest.LogCaptureFixture, seed: int, every_seconds: float
) -> None:
    caplog.set_level("INFO", "poller.engine")
    week = Week(clock, seed=seed, every_seconds=every_seconds)
    write_script(week)
    await week.run(3.4 * DAY)
    await week.restart()
    await week.run(WEEK)
    heard = told([as_dict(record) for record in caplog.records])
    assert heard - week.expected == Counter(), "told, and did not happen"
    assert week.expected - heard == Counter(), "happened, and was not told"
    gone = {house_id for (event, house_id), number in heard.items() if event in ("printer.gone", "printer.replaced")}
    back = {house_id for (event, house_id), number in heard.items() if event == "printer.back"}
    up = {entry.printer.id: entry.printer.address for entry in week.fleet if entry.is_up}
    assert len(week.fleet) == 2000 + 20 + 5
    assert len(up) >= len(week.fleet) - len(gone - back) - 20
    moved = {house.id: house.address for house in week.town.at.values() if house.id in up and "#" not in house.id}
    assert sum(up.get(name) == address for name, address in moved.items()) >= len(moved) - 25
