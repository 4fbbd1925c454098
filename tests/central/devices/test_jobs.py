"""From job lines to the list of jobs: each once, whatever comes twice, late or broken; and what is asked of the list."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select, update

from poller.accounting import joblines
from poller.accounting.job import Job, Medium
from poller.accounting.ledger import Record
from poller.central.devices import jobs
from poller.central.devices.jobs import STEP_BATCHES, Joblist, Jobs, row_of
from poller.central.office.administration import NotDoneError
from poller.central.office.erasure import Erasure
from poller.central.office.exporting import Exporter
from poller.central.store import cursors
from poller.central.store import jobs as kept
from poller.central.store.database import Database
from poller.central.store.personal import Personal
from poller.central.store.retention import prune
from poller.central.store.tables import site
from poller.central.values import Config, Retention
from poller.sealing.local_key import LocalKey
from tests.central.running import running
from tests.central.stock import Stock, seen
from tests.fake_clock import START_UTC, FakeClock

AT_UTC = datetime(2026, 11, 19, 12, tzinfo=UTC)


def key_of(number: int) -> str:
    return f"{number:032x}"


def line(number: int, at_utc: datetime | None = AT_UTC, **facts: Any) -> bytes:
    """Return a job as the agent writes it."""
    seconds = None if at_utc is None else int(at_utc.timestamp())
    told = Job(job_id=number, server="press-1", print_completed_utc_seconds=seconds, **facts)
    return joblines.encode(Record(key_of(number), told))


def line_with(**facts: Any) -> bytes:
    """Return one an agent would not write."""
    return json.dumps(json.loads(line(1)) | facts).encode()


@pytest.fixture
def lister(stock: Stock) -> Jobs:
    return Jobs(stock.database, stock.keys.store, stock.clock)


@pytest.fixture
def desk(stock: Stock) -> Joblist:
    return Joblist(stock.database, stock.keys.store, stock.clock)


async def numbers(desk: Joblist, account: str = "acme", **asked: Any) -> list[object]:
    return [one["job_id"] for one in await desk.jobs(account, rows_max=1000, **asked)]


# --- listed once -----------------------------------------------------------------------------------------------------------


async def test_a_job_line_is_listed_with_all_it_says(stock: Stock, lister: Jobs, desk: Joblist) -> None:
    media = (Medium(number_printed=3, size="A4"),)
    told = line(7, account="KST-1", impressions=6, black_pages=6, colour_pages=0, document_name="h:123", sender="h:456", media=media)
    await stock.put(seen(START_UTC, total=1), told)
    assert await lister.process_due() == 1
    (one,) = await desk.jobs("acme", rows_max=10)
    assert (one["key"], one["site"], one["agent"], one["at_utc"]) == (key_of(7), "hamburg", "a-hamburg", AT_UTC)
    assert (one["server"], one["cost_centre"], one["impressions"], one["black"], one["colour"]) == ("press-1", "KST-1", 6, 6, 0)
    assert (one["document"], one["sender"], one["job_id"], one["media"]) == ("h:123", "h:456", 7, [{"sheets": 3, "size": "A4"}])
    assert one["sheets"] is None
    assert "recipient" not in one


async def test_a_line_that_comes_twice_is_one_job_and_the_first_stays(stock: Stock, lister: Jobs, desk: Joblist) -> None:
    await stock.put(line(1, impressions=5), line(1, impressions=5))
    await lister.process("acme")
    await stock.put(line(1, impressions=6), line(2))
    await lister.process("acme")
    assert [(one["job_id"], one["impressions"]) for one in await desk.jobs("acme", rows_max=10)] == [(2, None), (1, 5)]


async def test_two_sites_with_one_key_are_two_jobs(stock: Stock, lister: Jobs, desk: Joblist) -> None:
    await stock.put(line(1))
    await stock.put(line(1), agent="a-berlin")
    await lister.process("acme")
    assert [one["site"] for one in await desk.jobs("acme", rows_max=10)] == ["hamburg", "berlin"]


async def test_a_batch_is_gone_through_once_and_one_committed_late_as_well(stock: Stock, lister: Jobs, desk: Joblist) -> None:
    await stock.put(line(1))
    assert await lister.process_due() == 1
    assert await lister.process_due() == 0
    await stock.put(line(2), ago=timedelta(minutes=59))
    assert await lister.process_due(is_looking_back=True) == 1
    assert await numbers(desk) == [2, 1]


@pytest.mark.parametrize("step_bytes", [1, jobs.STEP_BYTES])
async def test_more_batches_than_a_step_holds_are_all_listed(
    stock: Stock, lister: Jobs, desk: Joblist, step_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "STEP_BYTES", step_bytes)
    for number in range(STEP_BATCHES * 2 + 1):
        await stock.put(line(number, AT_UTC + timedelta(minutes=number)))
    assert await lister.process("acme") == STEP_BATCHES * 2 + 1
    assert await numbers(desk) == list(range(STEP_BATCHES * 2 + 1))


async def test_a_step_that_is_cut_off_leaves_nothing_and_is_done_again(
    stock: Stock, lister: Jobs, desk: Joblist, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stock.put(line(1))

    async def cut_off(*_: object) -> None:
        raise RuntimeError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr(cursors.Cursor, "move", cut_off)
        assert await lister.process_due() == 0
    assert await numbers(desk) == []
    assert await lister.process_due() == 0, "the account is left alone for a while"
    stock.clock.advance(601)
    assert await lister.process_due() == 1
    assert await numbers(desk) == [1]


async def test_two_processes_list_a_batch_once(stock: Stock, lister: Jobs, desk: Joblist, database_url: str) -> None:
    for number in range(30):
        await stock.put(line(number))
    other = Database.open(database_url)
    both = (lister, Jobs(other, stock.keys.store, stock.clock))
    done = sum(await asyncio.gather(*(one.process("acme") for one in both)))
    await other.close()
    assert done + await lister.process("acme") == 30
    assert sorted(map(str, await numbers(desk))) == sorted(map(str, range(30)))


async def test_a_running_central_lists_what_arrives(monkeypatch: pytest.MonkeyPatch, config: Config, clock: FakeClock) -> None:
    monkeypatch.setattr(Jobs, "EVERY_SECONDS", 0)
    async with running(config, clock) as central:
        await central.add_site()
        agent = await central.agent()
        assert (await agent.send(1, agent.batch(1, [line(1)]))).word == "stored"
        found: list[object] = []
        for _ in range(1000):
            async with central.database.reading() as db:
                found = list((await db.execute(select(kept.job.c.key))).scalars())
            if found:
                break
        assert found == [key_of(1)]


# --- lines nobody should send ----------------------------------------------------------------------------------------------

PERSONAL = Personal("acme", LocalKey(b"k" * 32))


@pytest.mark.parametrize(
    "told",
    [
        b'{"type":"job"}',
        b'{"type":"job","schema":1,"key":"zz"}',
        b'["job"]',
        b'"job"',
        b'{"job":' * 5000,
        b'"job"\xff',
        line_with(key="f" * 31),
        line_with(key="F" * 32),
        line_with(key=f"{'f' * 31}\0"),
        line_with(type="event", about="job"),
        line_with(impressions="many"),
        line_with(at="yesterday"),
    ],
)
def test_what_is_no_job_is_no_row(told: bytes) -> None:
    assert row_of(told, PERSONAL) is None


async def test_what_cannot_be_is_left_out_and_the_rest_is_listed(stock: Stock, lister: Jobs, desk: Joblist) -> None:
    huge = line_with(
        impressions=-1,
        black=2**60,
        cost_centre="K\0" + "S" * 1000,
        server="\0",
        document="D" * 5000,
        media=[{"sheets": 1, "name": "a\0b"}] * 1000,
        at="2026-11-19T12:00:00",
        unheard_of="x",
    )
    await stock.put(b"garbage", huge, line(2))
    await lister.process("acme")
    bad, good = await desk.jobs("acme", rows_max=10)
    assert (bad["impressions"], bad["black"], bad["server"], bad["at_utc"]) == (None, None, None, None)
    assert (len(str(bad["cost_centre"])), str(bad["cost_centre"])[:3], len(bad["document"])) == (300, "KSS", 300)
    assert (len(bad["media"]), bad["media"][0]) == (100, {"sheets": 1, "name": "ab"})
    assert "unheard_of" not in bad
    assert good["job_id"] == 2


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
async def test_a_time_no_database_takes_is_none(stock: Stock, lister: Jobs, desk: Joblist, at: str) -> None:
    await stock.put(line_with(at=at))
    await lister.process("acme")
    assert [one["at_utc"] for one in await desk.jobs("acme", rows_max=10)] == [None]


# --- asked -----------------------------------------------------------------------------------------------------------------


async def test_days_are_those_of_the_site(stock: Stock, lister: Jobs, desk: Joblist) -> None:
    async with stock.database.writing() as db:
        await db.execute(update(site).where(site.c.site == "hamburg").values(time_zone="Europe/Berlin"))
    midnight_utc = datetime(2026, 11, 18, 23, tzinfo=UTC)  # of the 19th in Berlin
    second = timedelta(seconds=1)
    await stock.put(line(1, midnight_utc - second), line(2, midnight_utc), line(3, None))
    await stock.put(line(4, midnight_utc), agent="a-berlin")  # a site in UTC
    await lister.process("acme")
    assert await numbers(desk, since=date(2026, 11, 19)) == [2]
    assert await numbers(desk, until=date(2026, 11, 18)) == [1, 4]
    assert await numbers(desk) == [3, 1, 2, 4]
    assert await numbers(desk, since=date(2026, 11, 18), until=date(2026, 11, 18), site="berlin") == [4]


async def test_sums_tell_what_is_not_counted_from_zero(stock: Stock, lister: Jobs, desk: Joblist) -> None:
    await stock.put(
        line(1, account="A", impressions=5, sheets=3),
        line(2, account="A", impressions=7),
        line(3, account="A"),
        line(4, account="B", colour_pages=0),
        line(5, impressions=1),
    )
    await lister.process("acme")
    found = {one.pop("cost_centre"): one for one in await desk.sums("acme")}
    assert found == {
        "A": {"jobs": 3, "impressions": 12, "black": None, "colour": None, "sheets": 3, "uncounted": 1},
        "B": {"jobs": 1, "impressions": None, "black": None, "colour": 0, "sheets": None, "uncounted": 1},
        None: {"jobs": 1, "impressions": 1, "black": None, "colour": None, "sheets": None, "uncounted": 0},
    }
    assert await numbers(desk, cost_centre="B") == [4]
    assert await numbers(desk, cost_centre="") == [5]


async def test_of_too_many_the_newest_are_listed(stock: Stock, lister: Jobs, desk: Joblist) -> None:
    await stock.put(*(line(number, AT_UTC + timedelta(minutes=number)) for number in range(5)))
    await lister.process("acme")
    assert [one["job_id"] for one in await desk.jobs("acme", rows_max=2)] == [3, 4]


async def test_who_and_where_have_to_be_known(stock: Stock, desk: Joblist) -> None:
    with pytest.raises(NotDoneError, match="no account globex"):
        await desk.sums("globex")
    with pytest.raises(NotDoneError, match="no site oslo"):
        await desk.jobs("acme", site="oslo", rows_max=1)


async def test_accounts_know_nothing_of_each_others_jobs(stock: Stock, lister: Jobs, desk: Joblist) -> None:
    await stock.open_account("globex", ["oslo"])
    assert await numbers(desk, "globex", since=AT_UTC.date()) == []
    await stock.put(line(1))
    await stock.put(line(1), account="globex", agent="a-oslo")
    assert await lister.process_due() == 2
    assert [one["site"] for one in await desk.jobs("globex", rows_max=10)] == ["oslo"]


# --- kept, exported, erased ------------------------------------------------------------------------------------------------


async def count(stock: Stock) -> int:
    async with stock.database.reading() as db:
        return await db.scalar(select(func.count()).select_from(kept.job)) or 0


def test_jobs_are_kept_for_whole_months() -> None:
    assert Retention().kept_from("jobs", START_UTC) == date(START_UTC.year - 2, START_UTC.month, 1)


async def test_jobs_end_when_their_months_are_over(stock: Stock, lister: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_DELETED_AT_ONCE", 2)
    await stock.put(*(line(number) for number in range(5)))
    await lister.process("acme")
    stock.clock.advance(timedelta(days=62).total_seconds())
    await stock.put(line(9))
    await lister.process("acme")
    assert await prune(stock.database, Retention(raw_days=999), stock.clock.utc()) == {}
    gone = await prune(stock.database, Retention(raw_days=999, job_months=1), stock.clock.utc())
    assert (gone["job"], await count(stock)) == (5, 1)


async def test_names_are_sealed_exported_and_erased(stock: Stock, lister: Jobs, tmp_path: Path) -> None:
    await stock.put(line(1, document_name="Zeugnis Krimhild", sender="krimhild"))
    await lister.process("acme")
    async with stock.database.reading() as db:
        assert "rimhild" not in str((await db.execute(select(kept.job))).all())
    counts = await Exporter(stock.database, stock.keys, who="anna").export("acme", tmp_path / "acme", now_utc=START_UTC)
    assert counts["job"] == 1
    told = msgspec.json.decode((tmp_path / "acme" / "job.ndjson").read_bytes())
    assert (told["document"], told["sender"], told["body"]["job_id"]) == ("Zeugnis Krimhild", "krimhild", 1)
    await Erasure(stock.database, who="anna").erase("acme", now_utc=START_UTC)
    assert await count(stock) == 0
    assert await lister.process_due() == 0
