"""What people do with meters: decide, enter, estimate; each in the ledger, in the audit log, and never by name."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import pytest
from sqlalchemy import select

from poller.central.meters import formulas
from poller.central.meters.closing import Closer
from poller.central.meters.meterdesk import MeterDesk
from poller.central.meters.proof import prove
from poller.central.meters.standing import Decision
from poller.central.office.administration import NotDoneError
from poller.central.office.management import Management
from poller.central.store import meters as kept
from poller.central.store import personal as personals
from poller.central.store.personal import ErasedError
from poller.central.store.tables import audit
from poller.errors import ConfigError
from tests.central.stock import Stock, seen
from tests.fake_clock import FakeClock

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
FIRST = NOON.date()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


def desk_of(stock: Stock) -> MeterDesk:
    return MeterDesk(stock.database, stock.devices._store, stock.clock, who="cli petersen")


async def live(stock: Stock, *totals: int) -> None:
    """Let a day pass for each total, read at noon, and close what is due."""
    for total in totals:
        await stock.put(seen(stock.clock.utc(), total=total))
        stock.clock.advance(86400)
    await Closer(stock.database, stock.devices._store, stock.clock).close_due()


async def in_force(stock: Stock) -> list[tuple[date, str, int, int]]:
    _, entries = await desk_of(stock).show("acme", "A1", first=FIRST, last=FIRST + 60 * DAY)
    return [(one.day, one.origin, one.meters[0].count, one.meters[0].total) for one in entries]


async def test_a_board_that_was_changed_is_held_decided_and_the_days_meanwhile_get_their_meters(stock: Stock) -> None:
    await live(stock, 5000, 5010, 7, 9, 20)
    (held,) = await desk_of(stock).held()
    assert (held.account, held.serial, held.looks_like, held.proposal) == ("acme", "A1", "reset", "new-run")
    assert held.changes == ("total 5010 -> 7",)
    done = await desk_of(stock).decide("acme", "A1", None, note="board changed, ticket 4711")
    assert not done.is_held
    assert await desk_of(stock).held() == []
    assert await in_force(stock) == [
        (FIRST, "read", 5000, 0),
        (FIRST + DAY, "read", 5010, 10),
        (FIRST + 2 * DAY, "read", 7, 17),
        (FIRST + 3 * DAY, "read", 9, 19),
        (FIRST + 4 * DAY, "read", 20, 30),
    ]


async def test_every_reading_since_is_looked_at_again_for_a_decision(stock: Stock) -> None:
    """Two of one day; of those kept with the question only the last is."""
    await live(stock, 5000)
    now_utc = stock.clock.utc()
    await stock.put(seen(now_utc - 2 * HOUR, total=100), seen(now_utc - HOUR, total=160), seen(now_utc, total=10))
    stock.clock.advance(86400)
    await live(stock, 12, 14)
    await desk_of(stock).decide("acme", "A1", Decision(kind="new-run", user=""))
    (again,) = await desk_of(stock).held("acme")
    assert again.changes == ("total 160 -> 10",)  # the 60 pages between are not lost
    await desk_of(stock).decide("acme", "A1", Decision(kind="new-run", user=""))
    assert (await in_force(stock))[-1][3] == 60 + 4


async def test_a_device_without_a_serial_number_is_found_among_what_its_agent_sent(stock: Stock) -> None:
    for total in (5000, 7, 8, 9):
        await stock.put(seen(stock.clock.utc(), None, total=total), seen(stock.clock.utc(), None, mac="0025b3000002", total=1))
        stock.clock.advance(86400)
    await Closer(stock.database, stock.devices._store, stock.clock).close_due()
    (held,) = await desk_of(stock).held()
    done = await desk_of(stock).decide("acme", held.device, None)
    assert [one.meters[0].total for one in done.entries if one.kind == "meter"] == [7, 8, 9]


async def test_whoever_it_was_and_why_stand_in_the_ledger_by_hashes_alone(stock: Stock) -> None:
    await live(stock, 5000, 7, 9)
    note = "Frau Petersen rief an"
    done = await desk_of(stock).decide("acme", "A1", None, note=note)
    (decision,) = [one for one in done.entries if one.kind == "decision"]
    assert decision.evidence == sha256(note.encode()).hexdigest()
    assert decision.user is not None and "petersen" not in decision.user
    async with stock.database.writing() as db:
        personal = await personals.open_account(db, stock.devices._store, "acme", now_utc=NOON)
        assert await kept.read_evidence(db, "acme", decision.evidence, personal) == note
        assert personal.blind("user cli petersen").startswith(decision.user)
    async with stock.database.reading() as db:
        row = (await db.execute(select(audit).where(audit.c.what == "decide-meter"))).one()
    assert row.who == "cli petersen"
    assert row.subject == f"{done.device} new-run, row 5"


async def test_after_the_account_is_erased_the_ledger_still_holds_and_nothing_opens(stock: Stock) -> None:
    await live(stock, 5000, 7, 9)
    await desk_of(stock).decide("acme", "A1", None, note="secret")
    async with stock.database.writing() as db:
        await personals.destroy(db, "acme", now_utc=NOON)
    assert (await prove(stock.database, "acme")).broken is None
    with pytest.raises(ErasedError):
        await desk_of(stock).enter("acme", "A1", {"total": 9}, taken_utc=stock.clock.utc(), origin="customer")


async def test_what_cannot_be_is_said_and_leaves_everything_as_it_was(stock: Stock) -> None:
    await live(stock, 5000, 5010)
    desk = desk_of(stock)
    before = await prove(stock.database, "acme")
    with pytest.raises(NotDoneError, match="waits for a decision"):
        await desk.decide("acme", "A1", None)
    with pytest.raises(NotDoneError, match="cannot follow the last meter: total 4000 after 5010"):
        await desk.enter("acme", "A1", {"total": 4000}, taken_utc=stock.clock.utc(), origin="customer")
    with pytest.raises(NotDoneError, match="yet to come"):
        await desk.enter("acme", "A1", {"total": 5011}, taken_utc=stock.clock.utc() + DAY, origin="customer")
    with pytest.raises(NotDoneError, match="at least 14"):
        await desk.estimate("acme", "A1", FIRST + 20 * DAY)
    with pytest.raises(NotDoneError, match="no devices of acme go by B"):
        await desk.estimate("acme", "B", FIRST)
    with pytest.raises(NotDoneError, match="no account"):
        await desk.estimate("ghost", "B", FIRST)
    with pytest.raises(NotDoneError, match="no site"):
        await desk.set_zone("acme", "ghost", "Europe/Berlin")
    with pytest.raises(ConfigError):
        await desk.set_zone("acme", "hamburg", "Europe/Hamburg")
    assert await prove(stock.database, "acme") == before


async def test_a_jump_has_no_proposal(stock: Stock) -> None:
    await live(stock, 5000, 2_000_000, 2_000_001)
    (held,) = await desk_of(stock).held()
    assert (held.looks_like, held.proposal) == ("jump", None)
    with pytest.raises(NotDoneError, match="only a person can know"):
        await desk_of(stock).decide("acme", "A1", None)
    await desk_of(stock).decide("acme", "A1", Decision(kind="goes-on", user=""))
    assert (await in_force(stock))[-1][3] == 1_995_001


async def test_a_stated_meter_stands_until_the_next_one_read_sets_it_off(stock: Stock) -> None:
    await live(stock, 5000, 5010)
    stock.clock.advance(86400)
    await desk_of(stock).enter("acme", "A1", {"total": 5030}, taken_utc=stock.clock.utc() - HOUR, origin="customer", note="a mail")
    assert (await in_force(stock))[-1] == ((stock.clock.utc() - HOUR).date(), "customer", 5030, 30)
    stock.clock.advance(86400)
    await live(stock, 5025)
    assert (await in_force(stock))[-1][1:] == ("read", 5025, 25)


async def test_an_estimate_goes_by_the_pace_before(stock: Stock) -> None:
    await live(stock, *range(5000, 5200, 10))
    stock.clock.advance(10 * 86400)
    (entry,) = (await desk_of(stock).estimate("acme", "A1", FIRST + 29 * DAY)).entries
    assert (entry.origin, entry.meters[0].total) == ("estimated", 190 + 100)


async def test_a3_that_the_device_counts_twice_is_not_doubled_on_the_way_from_reading_to_bill(stock: Stock) -> None:
    from msgspec.structs import replace

    from poller.model import Counter

    for large in (100, 120):
        counters = (Counter(function="total", count=1000 + 2 * large, large="twice"), Counter(function="total", size="large", count=large))
        await stock.put(replace(seen(stock.clock.utc(), total=0), counters=counters))
        stock.clock.advance(86400)
    await Closer(stock.database, stock.devices._store, stock.clock).close_due()
    stands, entries = await desk_of(stock).show("acme", "A1", first=FIRST, last=FIRST + DAY)
    assert stands is not None and stands.standing is not None
    source = b'[[contract]]\nmodel = "*"\n[contract.meters]\npages = "total"\na3 = "large?"\nclicks = "twice(total)?"\n'
    (contract,) = formulas.load(source, origin="contract")
    totals = {one.cell: one.total for one in entries[-1].meters}
    billed = formulas.evaluate(contract, totals, stands.standing.last.shape.counted())
    assert (billed.totals, billed.faults) == ({"pages": 20, "a3": 20, "clicks": 40}, ())


async def test_of_two_who_decide_the_same_case_one_does(stock: Stock) -> None:
    await live(stock, 5000, 7, 9)
    done = await asyncio.gather(
        desk_of(stock).decide("acme", "A1", None),
        desk_of(stock).decide("acme", "A1", Decision(kind="ignore", user="")),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in done) == ["Done", "NotDoneError"]
    async with stock.database.reading() as db:
        assert len((await db.execute(select(audit).where(audit.c.what == "decide-meter"))).all()) == 1


async def test_who_decides_a_case_another_has_decided_does_not_decide_the_next(stock: Stock) -> None:
    await live(stock, 5000)
    now_utc = stock.clock.utc()
    await stock.put(seen(now_utc - 2 * HOUR, total=100), seen(now_utc - HOUR, total=160), seen(now_utc, total=10))
    stock.clock.advance(86400)
    await live(stock, 12, 14)
    (held,) = await desk_of(stock).held()
    await desk_of(stock).decide("acme", "A1", None, since_utc=held.since_utc)
    (other,) = await desk_of(stock).held()
    with pytest.raises(NotDoneError, match="another case"):
        await desk_of(stock).decide("acme", "A1", Decision(kind="ignore", user=""), since_utc=held.since_utc)
    assert await desk_of(stock).held() == [other]


async def test_nobody_is_asked_about_a_part_of_another_device_until_it_is_one_again(stock: Stock) -> None:
    office = Management(stock.database, stock.keys, who="anna")
    await live(stock, 5000, 7, 9)
    await stock.process(seen(stock.clock.utc(), "PRESS", mac="0025b3000002", address="192.0.2.8", total=9000))
    await office.join("acme", "PRESS", "A1", now_utc=stock.clock.utc())
    assert await desk_of(stock).held() == []
    with pytest.raises(NotDoneError, match="no devices"):
        await desk_of(stock).decide("acme", "A1", None)
    await office.split("acme", "A1", now_utc=stock.clock.utc())
    assert [one.serial for one in await desk_of(stock).held()] == ["A1"]


async def test_what_a_part_counted_while_it_was_one_is_in_no_meter_of_the_whole(stock: Stock) -> None:
    """A press and its controller, joined by hand and split again: neither counts for the other."""
    office = Management(stock.database, stock.keys, who="anna")

    async def day(press: int, part: int) -> None:
        now_utc = stock.clock.utc()
        await stock.put(seen(now_utc, "PRESS", mac="0025b3000002", address="192.0.2.8", total=press), seen(now_utc, total=part))
        stock.clock.advance(86400)
        await Closer(stock.database, stock.devices._store, stock.clock).close_due()

    await day(9000, 100)
    await office.join("acme", "PRESS", "A1", now_utc=stock.clock.utc())
    await day(9010, 150)
    await day(9020, 200)
    await office.split("acme", "A1", now_utc=stock.clock.utc())
    await day(9030, 260)
    press = (await desk_of(stock).show("acme", "PRESS", first=FIRST, last=FIRST + 9 * DAY))[1]
    assert [one.meters[0].total for one in press] == [0, 10, 20, 30]
    assert [(day, total) for day, _, _, total in await in_force(stock)] == [(FIRST, 0), (FIRST + 3 * DAY, 160)]


@pytest.mark.parametrize("name", ["", "d", "d-"])
async def test_the_only_device_there_is_goes_by_no_beginning_of_every_id(stock: Stock, name: str) -> None:
    await live(stock, 5000)
    with pytest.raises(NotDoneError, match="no devices"):
        await desk_of(stock).show("acme", name, first=FIRST, last=FIRST)
    assert (await desk_of(stock).show("acme", "a1", first=FIRST, last=FIRST))[1]
