"""A whole account written out, and a whole account erased: what is marked is in the one, and in no byte of the other."""

from __future__ import annotations

import asyncio
import csv
import json
import stat
import zipfile
from datetime import date
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import func, insert, select, text

from poller.central.meters import closing
from poller.central.meters.samples import Sample
from poller.central.office.administration import NotDoneError
from poller.central.office.contracts import Contract
from poller.central.office.erasure import DELETED, KEPT, Erasure
from poller.central.office.exporting import LEFT_OUT, Exporter, exported, guarded
from poller.central.office.management import Management
from poller.central.office.registers import Registers
from poller.central.receiving.receive import read_line
from poller.central.store import batches, copying
from poller.central.store.tables import daily, metadata
from poller.errors import HostError
from poller.sealing import zstd
from tests.central.running import on_postgresql, on_sqlite
from tests.central.stock import Stock, seen
from tests.fake_clock import START_UTC

MARKS = ("Zeppelin-Allee", "Krimhild", "prn-krimhild", "krimhild@example.com", "Zimmer Krimhild", "10.99.88.77", "0025b3feed01")


@pytest.fixture
async def stock(stock: Stock) -> Stock:
    await filled(stock)
    return stock


async def filled(stock: Stock) -> None:
    """Put every mark where it belongs, and as evidence into readings."""
    registers, office = Registers(stock.database, stock.keys, who="anna"), Management(stock.database, stock.keys, who="anna")
    await registers.set_location("acme", "K-1", {"address": "Zeppelin-Allee 5"}, now_utc=START_UTC)
    await registers.set_contact("acme", "7", {"name": "Krimhild", "mail": "krimhild@example.com"}, now_utc=START_UTC)
    await registers.add_person("acme", name="Krimhild", mail=None, role="customer", now_utc=START_UTC)
    told = seen(START_UTC, mac="0025b3feed01", address="10.99.88.77", hostname="prn-krimhild", location="Zimmer Krimhild", total=1000)
    bare = seen(START_UTC, serial=None, mac="0025b3feed01", address="10.99.88.77", total=1)
    await stock.process(told, bare)
    stock.clock.advance(3600)
    await stock.process(seen(stock.clock.utc(), mac="0025b3feed02", address="10.99.88.78", total=1010))
    await office.set_contract("acme", "A1", Contract(begins=START_UTC.date(), kind="full-service", number="V-1"), now_utc=START_UTC)
    row = {"site": "hamburg", "first_utc": START_UTC, "last_utc": START_UTC, "readings": 1, "counters": {}, "levels": {}}
    await stock.database.ensure_months([("daily", date(2026, 11, 20))])
    async with stock.database.writing() as db:
        await db.execute(insert(daily).values(account="acme", day=date(2026, 11, 20), printer="mac:0025b3feed01", **row))


# --- every table has its place ---------------------------------------------------------------------------------------------


def test_of_every_table_it_is_decided_whether_it_is_exported() -> None:
    tables = {table.name for table in metadata.sorted_tables if "account" in table.c}
    assert tables == set(metadata.tables)
    assert set(LEFT_OUT) <= tables
    assert {table.name for table in exported()} == tables - set(LEFT_OUT)


def test_of_every_table_it_is_decided_what_erasing_leaves_of_it() -> None:
    """A new table has to be named in poller/central/office/erasure.py: in DELETED, or in KEPT with the reason."""
    assert sorted([*DELETED, *KEPT]) == sorted(metadata.tables)


# --- exporting -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["acme.zip", "acme"])
async def test_everything_of_an_account_is_written_out(stock: Stock, tmp_path: Path, name: str) -> None:
    counts = await Exporter(stock.database, stock.keys, who="anna").export("acme", tmp_path / name, now_utc=START_UTC)
    assert (counts["device"], counts["content"], counts["contract"]) == (1, 2, 1)
    files = {}
    if name.endswith(".zip"):
        with zipfile.ZipFile(tmp_path / name) as packed:
            files = {one: packed.read(one).decode("utf-8-sig") for one in packed.namelist()}
    else:
        files = {one.name: one.read_text("utf-8-sig") for one in (tmp_path / name).iterdir()}
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) & 0o077 == 0
    assert [mark for mark in MARKS if mark not in "".join(files.values())] == []
    lines = [json.loads(line)["line"] for line in files["content.ndjson"].splitlines()]
    assert json.loads(lines[0])["printer"]["hostname"] == "prn-krimhild"
    assert len(lines) == 3
    (device,) = csv.DictReader(files["device.csv"].splitlines())
    assert (device["serial"], device["address"]) == ("A1", "10.99.88.78")
    (contact,) = map(json.loads, files["contact.ndjson"].splitlines())
    assert (contact["name"], contact["mail"]) == ("Krimhild", "krimhild@example.com")
    assert [one for one in tmp_path.iterdir() if one.name.endswith(".part")] == []  # noqa: ASYNC240


async def test_nothing_of_another_account_is_in_it(stock: Stock, tmp_path: Path) -> None:
    await stock.open_account("globex", ["oslo"])
    counts = await Exporter(stock.database, stock.keys, who="anna").export("globex", tmp_path / "globex", now_utc=START_UTC)
    assert {name: count for name, count in counts.items() if count} == {"account": 1, "site": 1, "agent": 1, "agent_key": 1, "audit": 1}


async def test_of_two_accounts_with_the_same_devices_each_has_its_own_alone(stock: Stock, tmp_path: Path) -> None:
    """Same serial number, same board: what one customer wrote and what its agents saw is in no file of the other."""
    await stock.open_account("globex", ["oslo"])
    registers = Registers(stock.database, stock.keys, who="anna")
    await registers.set_contact("globex", "7", {"name": "Gudrun", "mail": "gudrun@example.com"}, now_utc=START_UTC)
    await stock.process(seen(START_UTC, mac="0025b3feed01", address="10.1.1.1", hostname="prn-gudrun"), account="globex", agent="a-oslo")
    texts = {}
    for account in ("acme", "globex"):
        await Exporter(stock.database, stock.keys, who="anna").export(account, tmp_path / account, now_utc=START_UTC)
        texts[account] = "".join(one.read_text("utf-8-sig") for one in (tmp_path / account).iterdir())
    marks = ("gudrun", "Gudrun", "prn-gudrun", "10.1.1.1", "globex", "oslo")
    assert [mark for mark in marks if mark not in texts["globex"] or mark in texts["acme"]] == []
    assert [mark for mark in (*MARKS, "acme", "hamburg") if mark in texts["globex"]] == ["0025b3feed01"]


async def test_what_is_there_is_not_written_over(stock: Stock, tmp_path: Path) -> None:
    exporter = Exporter(stock.database, stock.keys, who="anna")
    (tmp_path / "acme.zip").write_text("mine")
    with pytest.raises(NotDoneError, match="is there already"):
        await exporter.export("acme", tmp_path / "acme.zip", now_utc=START_UTC)
    with pytest.raises(NotDoneError, match="no account globex"):
        await exporter.export("globex", tmp_path / "new", now_utc=START_UTC)
    with pytest.raises(HostError, match="cannot write"):
        await exporter.export("acme", tmp_path / "missing" / "acme", now_utc=START_UTC)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert guarded(text) == f"'{text}"
    assert (guarded("1-1"), guarded(-1), guarded(None)) == ("1-1", -1, None)


# --- erasing ---------------------------------------------------------------------------------------------------------------


def found(folder: Path) -> list[str]:
    """Return the marks that are readable in any file of the database, as text or as the bytes they are."""
    stored = b"".join(path.read_bytes() for path in sorted(folder.glob("central.db*")))
    return [mark for mark in MARKS if mark.encode() in stored]


@on_sqlite
async def test_no_mark_is_readable_in_any_byte_of_the_database_afterwards(stock: Stock, tmp_path: Path) -> None:
    assert "0025b3feed01" in found(tmp_path), "the daily row has it: the search can find"
    counts, is_rewritten = await Erasure(stock.database, who="anna").erase("acme", now_utc=START_UTC)
    assert is_rewritten
    assert (counts["content"], counts["contact"], counts["location"], counts["daily"]) == (2, 1, 1, 1)
    assert found(tmp_path) == []


@on_postgresql
async def test_no_mark_is_in_any_row_of_a_postgresql_afterwards(stock: Stock) -> None:
    """Rows, not bytes: files are its own business until VACUUM FULL, see docs/central.md."""

    async def shown() -> str:
        async with stock.database.reading() as db:
            return " ".join([str(row) for table in metadata.sorted_tables for row in await db.execute(select(table))])

    assert "0025b3feed01" in await shown()
    _, is_rewritten = await Erasure(stock.database, who="anna").erase("acme", now_utc=START_UTC)
    assert not is_rewritten
    rows = await shown()
    assert [mark for mark in MARKS if mark in rows] == []


@on_postgresql
async def test_a_batch_that_is_being_stored_while_an_account_is_erased_goes_with_the_rest(stock: Stock) -> None:
    line = msgspec.json.encode(seen(START_UTC, hostname="prn-krimhild")) + b"\n"
    arrival = batches.Arrival(
        account="acme",
        site="hamburg",
        agent="a-hamburg",
        number=77,
        digest=b"\0" * 32,
        size_bytes=len(line),
        rows=[read_line(line.strip(), now_utc=START_UTC)],
        plain_bytes=len(line),
        packed=zstd.compress(line),
        received_utc=START_UTC,
    )
    async with stock.database.copying() as connection:
        assert await copying.store(connection, [arrival]) == [("stored", 0)]
        erasing = asyncio.create_task(Erasure(stock.database, who="anna").erase("acme", now_utc=START_UTC))
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
        for _ in range(10_000):
            async with stock.database.reading() as db:
                if await db.scalar(waiting):
                    break
        else:
            pytest.fail("erasing waits for nobody")
    await erasing
    async with stock.database.reading() as db:
        for name in ("content", "line", "batch", "fresh"):
            assert await db.scalar(select(func.count()).select_from(metadata.tables[name])) == 0, name


async def test_a_close_that_was_under_way_leaves_nothing_of_an_erased_account(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    stock.clock.advance(86400)
    read = closing._Day._read

    async def read_then_erased(self: closing._Day, part: int, parts: int) -> dict[str, list[Sample]]:
        samples = await read(self, part, parts)
        assert samples
        await Erasure(stock.database, who="anna").erase("acme", now_utc=START_UTC)
        return samples

    monkeypatch.setattr(closing._Day, "_read", read_then_erased)
    assert await closing.Closer(stock.database, stock.keys.store, stock.clock).close_due() == []
    async with stock.database.reading() as db:
        for name in ("standing", "meter", "closing"):
            assert await db.scalar(select(func.count()).select_from(metadata.tables[name])) == 0, name


async def test_nothing_that_was_sealed_opens_again_from_a_copy_made_before(stock: Stock) -> None:
    async with stock.database.reading() as db:
        device = metadata.tables["device"]
        sealed = await db.scalar(select(device.c.personal))
    await Erasure(stock.database, who="anna").erase("acme", now_utc=START_UTC)
    async with stock.database.reading() as db:
        assert await db.scalar(select(metadata.tables["account_key"].c.wrapped)) == b""
    assert sealed is not None
    assert not any(mark.encode() in sealed for mark in MARKS)
    with pytest.raises(NotDoneError, match="account acme was erased"):
        await Registers(stock.database, stock.keys, who="anna").set_contact("acme", "8", {"name": "Anna"}, now_utc=START_UTC)


async def test_what_bills_rest_on_stays(stock: Stock) -> None:
    await Erasure(stock.database, who="anna").erase("acme", now_utc=START_UTC)
    (one,) = await stock.listed()
    assert (one["serial"], one["contract"], one["contract_kind"], one["counts"]) == ("A1", "V-1", "full-service", {"total": 1010})
    rows = await Registers(stock.database, stock.keys, who="anna").audit("acme")
    assert [row["what"] for row in rows if row["what"].startswith("erase")] == ["erase-account"]


async def test_other_accounts_do_not_feel_it(stock: Stock) -> None:
    await stock.open_account("globex", ["oslo"])
    await stock.process(seen(START_UTC), account="globex", agent="a-oslo")
    await Erasure(stock.database, who="anna").erase("acme", now_utc=START_UTC)
    await stock.process(seen(stock.clock.utc(), address="192.0.2.99"), account="globex", agent="a-oslo")
    shown = await Management(stock.database, stock.keys, who="anna").show("globex", "A1", now_utc=START_UTC)
    assert shown["address"] == "192.0.2.99"
    assert await stock.devices.process_due() == 0


async def test_what_was_erased_can_be_exported_without_what_is_gone(stock: Stock, tmp_path: Path) -> None:
    await Erasure(stock.database, who="anna").erase("acme", now_utc=START_UTC)
    counts = await Exporter(stock.database, stock.keys, who="anna").export("acme", tmp_path / "acme", now_utc=START_UTC)
    assert (counts["device"], counts["contract"], counts["content"]) == (1, 1, 0)
    async with stock.database.reading() as db:
        assert await db.scalar(select(func.count()).select_from(metadata.tables["agent"])) == 0
