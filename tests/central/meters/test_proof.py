"""A ledger in the store that somebody may write to: whatever is changed, taken, doubled or put beside it is found, and is in no bill."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from poller.central.meters import chain, proof
from poller.central.meters.chain import Entry, Meter
from poller.central.meters.proof import prove
from poller.central.store import ledger as store
from poller.central.store.database import Database
from poller.central.store.retention import prune
from poller.central.store.tables import account, ledger, meter
from poller.central.values import Retention

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
TODAY, DAY = date(2026, 11, 19), timedelta(days=1)


def entry(count: int, day: date = TODAY) -> Entry:
    facts: Mapping[str, Any] = {"device": "d-1", "zone": "UTC", "kind": "meter", "origin": "read", "reason": "daily", "run": 1}
    return Entry(**facts, day=day, taken_utc=NOW, meters=(Meter(cell="total", count=count, total=count),))


@pytest.fixture
async def acme(database: Database) -> Database:
    """A chain of five rows, of five days."""
    async with database.writing() as db:
        await db.execute(insert(account).values(account="acme", added_utc=NOW))
    await store.append(database, "acme", [entry(number, TODAY + number * DAY) for number in range(5)], now_utc=NOW)
    return database


async def copied(database: Database, of_number: int, **changed: Any) -> None:
    """Put a row in that looks like another."""
    async with database.writing() as db:
        row = (await db.execute(select(meter).where(meter.c.number == of_number))).mappings().one()
        await db.execute(insert(meter).values(dict(row) | changed))


async def in_force(database: Database) -> list[int]:
    async with database.reading() as db:
        found = await store.of_device(db, "acme", "d-1", first=TODAY, end=TODAY + 90 * DAY)
    return [row.entry.meters[0].count for row in found]


async def why(database: Database, anchors: Mapping[int, bytes] | None = None) -> str | None:
    broken = (await prove(database, "acme", anchors)).broken
    return None if broken is None else f"{broken.number}: {broken.why}"


async def test_a_ledger_that_was_not_touched_holds_and_its_head_is_told(acme: Database) -> None:
    found = await prove(acme, "acme")
    assert (found.rows, found.head.number, found.floor, found.broken, found.unproven) == (5, 5, 0, None, 0)
    await store.append(acme, "acme", [entry(9)], now_utc=NOW)
    assert (await prove(acme, "acme", {5: found.head.hash})).broken is None


async def test_an_account_without_a_meter_has_nothing_to_prove(acme: Database) -> None:
    assert (await prove(acme, "globex")).broken is None


@pytest.mark.parametrize(
    "harm, number, says",
    [
        (update(meter).where(meter.c.number == 2).values(run=7), 2, "not what was sealed"),
        (update(meter).where(meter.c.number == 2).values(day=TODAY), 2, "not what was sealed"),
        (update(meter).where(meter.c.number == 2).values(meters=[["total", 1.0, 1]]), 2, "not what was sealed"),
        (update(meter).where(meter.c.number == 2).values(number=6), 2, "row 2 is missing"),
        (delete(meter).where(meter.c.number == 2), 2, "row 2 is missing"),
        (delete(meter).where(meter.c.number == 5), 5, "rows are missing at the end"),
        (update(ledger).values(number=4), 4, "a head handed out earlier names"),
        (update(ledger).values(hash=b"\0" * 32), 5, "a head handed out earlier names"),
        (delete(ledger), 1, "behind row 0, the end of the chain"),
    ],
)
async def test_the_first_row_that_does_not_hold_is_named(acme: Database, harm: Any, number: int, says: str) -> None:
    async with acme.writing() as db:
        await db.execute(harm)
    told = await why(acme)
    assert told is not None and told.startswith(f"{number}: ")
    assert says in told


async def test_a_chain_made_anew_is_found_by_a_head_from_before(acme: Database) -> None:
    for number in (1, 3, 5, 9):
        assert await why(acme, {number: b"\0" * 32}) is not None


async def test_a_row_put_behind_the_end_is_found_and_in_no_bill(acme: Database) -> None:
    await copied(acme, 5, number=6, meters=[["total", 999_999, 999_999]])
    assert await why(acme) == "6: it stands behind row 5, the end of the chain: put in"
    assert await in_force(acme) == [0, 1, 2, 3, 4]


async def test_a_row_put_before_the_beginning_is_found_and_in_no_bill(acme: Database) -> None:
    for number in (0, -7):
        await copied(acme, 5, number=number, meters=[["total", 999_999, 999_999]])
        assert await why(acme) is not None
        assert await in_force(acme) == [0, 1, 2, 3, 4]
        async with acme.writing() as db:
            await db.execute(delete(meter).where(meter.c.number == number))


@pytest.mark.parametrize("at_once", [2, 3, 5])
async def test_a_second_row_of_one_number_is_found_wherever_it_lies(acme: Database, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """Also where one page of rows ends and the next begins."""
    monkeypatch.setattr(store, "_ROWS_AT_ONCE", at_once)
    monkeypatch.setattr(proof, "_ROWS_AT_ONCE", at_once)
    for number in range(1, 6):
        await copied(acme, number, appended_utc=NOW + timedelta(hours=number), meters=[["total", 999_999, 999_999]])
        told = await why(acme)
        assert told is not None and "put in, doubled or moved" in told
        async with acme.writing() as db:
            await db.execute(delete(meter).where(meter.c.appended_utc > NOW))
    assert await why(acme) is None


async def test_two_chains_cannot_be_mixed(acme: Database) -> None:
    async with acme.writing() as db:
        await db.execute(insert(account).values(account="globex", added_utc=NOW))
        await db.execute(update(meter).values(account="globex"))
        await db.execute(update(ledger).values(account="globex"))
    async with acme.reading() as db:
        assert (await store.head(db, "globex")).number == 5
    assert (await prove(acme, "globex")).broken is not None


# --- rows dropped when their retention ended -------------------------------------------------------------------------------


async def pruned(acme: Database) -> dict[int, bytes]:
    """Let four years pass with a row each, and drop the first five; return every head there was."""
    heads = {}
    for year in range(1, 5):
        now_utc = NOW + year * 365 * DAY
        head = await store.append(acme, "acme", [entry(10 + year, now_utc.date())], now_utc=now_utc)
        heads[head.number] = head.hash
    async with acme.reading() as db:
        heads |= {row.number: row.hash async for row in store.rows(db, "acme")}
    await prune(acme, Retention(meter_years=1), NOW + 3 * 365 * DAY)
    return heads


async def test_a_chain_whose_old_end_was_dropped_holds_and_says_which_heads_prove_nothing_any_more(acme: Database) -> None:
    heads = await pruned(acme)
    found = await prove(acme, "acme", heads)
    assert found.broken is None
    assert (found.floor, found.unproven) == (found.floor, found.floor - 1)
    assert found.floor >= 5


async def test_the_end_of_what_was_dropped_cannot_be_moved_over_what_was_not(acme: Database) -> None:
    """Whoever moves it makes rows be out of force; those that are still there are walked all the same."""
    heads = {row.number: row.hash for row in await _rows(acme)}
    async with acme.writing() as db:
        await db.execute(update(ledger).values(floor_number=5, floor_hash=heads[5]))
        await db.execute(update(meter).where(meter.c.number == 3).values(run=7))
    assert await why(acme) is not None
    async with acme.writing() as db:
        await db.execute(update(ledger).values(floor_number=9, floor_hash=b"\0" * 32))
    assert await why(acme) == "5: it ends before row 9, the last that was dropped"


async def test_a_pruning_that_was_cut_off_leaves_a_chain_that_holds_and_rows_that_are_in_no_bill(acme: Database) -> None:
    rows = await _rows(acme)
    async with acme.writing() as db:
        await db.execute(delete(meter).where(meter.c.number == 1))
        await db.execute(update(ledger).values(floor_number=3, floor_hash=rows[2].hash))
    assert await why(acme, {row.number: row.hash for row in rows}) is None
    assert await in_force(acme) == [3, 4]


async def _rows(database: Database) -> list[chain.Row]:
    async with database.reading() as db:
        return [row async for row in store.rows(db, "acme")]
