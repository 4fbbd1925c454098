"""Everything there is of an account, for its owner: one NDJSON file for each table, and CSV of what people read as a sheet.

Rows are streamed: a customer with 100,000 devices is many gigabytes of readings. What is sealed is opened, lines come as they were sent.
Left out is what is no fact about the customer (hashes of tokens, requests seen before, how far the work is) and what must not leave: keys,
and the credentials in settings.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Table, select

from poller.central.keys import Keys
from poller.central.office.administration import NotDoneError
from poller.central.store import agents
from poller.central.store import personal as personals
from poller.central.store.database import Database
from poller.central.store.personal import Personal
from poller.central.store.tables import metadata
from poller.errors import HostError
from poller.sealing import zstd

LEFT_OUT = {
    "account_key": "a key",
    "settings": "may hold credentials; `settings show` has them without",
    "token": "hashes of tokens",
    "nonce": "requests seen before",
    "fresh": "how far the work is",
    "standing": "how far the work is",
    "closing": "how far the work is",
    "device_cursor": "how far the work is",
    "device_batch": "how far the work is",
    "job_cursor": "how far the work is",
    "watch_cursor": "how far the work is",
    "watch_batch": "how far the work is",
    "watched": "how far the work is",
    "rhythm": "how far the work is",
    "part_yield": "how far the work is: pages that parts of any maker have lasted",
    "job_batch": "how far the work is",
}
"""The tables that are not exported, each with why."""
SHEETS = ("device", "contract", "location", "contact", "sighting", "article")
"""The tables that come as CSV, too."""
_ROWS_AT_ONCE = 500


class Exporter:
    """*who* is written into the audit log beside everything done."""

    def __init__(self, database: Database, keys: Keys, *, who: str) -> None:
        self._database, self._keys, self._who = database, keys, who

    async def export(self, account: str, path: Path, *, now_utc: datetime) -> dict[str, int]:
        """Write the account to *path*: a zip file if its name ends so, else a new folder. Returns the rows of each table.

        What was begun and not finished keeps its other name, `….part`. Raises NotDoneError, HostError.
        """
        _check_new(path)
        async with self._database.writing() as db:
            if not await agents.has_account(db, account):
                raise NotDoneError(f"there is no account {account}; poller central account list")
            personal = None
            if not await personals.is_erased(db, account):
                personal = await personals.open_account(db, self._keys.store, account, now_utc=now_utc)
            await agents.note(db, account, who=self._who, what="export-account", subject=account, now_utc=now_utc)
        part = path.with_name(path.name + ".part")
        counts = {}
        try:
            with _target(part, is_zip=path.suffix == ".zip") as target:
                for table in exported():
                    counts[table.name] = await self._write(account, table, target, personal)
            part.rename(path)
        except OSError as error:
            raise HostError(f"cannot write {part}: {error.strerror or type(error).__name__}", hint="room? permission?") from error
        return counts

    async def _write(self, account: str, table: Table, target: Callable[[str], Any], personal: Personal | None) -> int:
        count = 0
        with target(f"{table.name}.ndjson") as lines:
            async for row in self._rows(account, table):
                count += 1
                for shown in _shown(row, table, personal):
                    lines.write(json.dumps(shown, ensure_ascii=False, default=_plain).encode() + b"\n")
        if table.name in SHEETS:
            with target(f"{table.name}.csv") as sheet:
                await self._write_sheet(account, table, sheet, personal)
        return count

    async def _write_sheet(self, account: str, table: Table, sheet: IO[bytes], personal: Personal | None) -> None:
        names = [*(column.name for column in table.c if column.name != "personal"), *FACTS.get(table.name, ())]
        text = io.TextIOWrapper(sheet, encoding="utf-8-sig", newline="", write_through=True)  # the mark is what Excel knows UTF-8 by
        try:
            writer = csv.DictWriter(text, names, extrasaction="ignore")
            writer.writeheader()
            async for row in self._rows(account, table):
                for shown in _shown(row, table, personal):
                    writer.writerow({name: guarded(value) for name, value in shown.items()})
        finally:
            text.detach()

    async def _rows(self, account: str, table: Table) -> AsyncIterator[dict[str, Any]]:
        query = select(table).where(table.c.account == account)
        if table.primary_key.columns:
            query = query.order_by(*table.primary_key.columns)
        async with self._database.reading() as db:
            rows = await db.stream(query.execution_options(yield_per=_ROWS_AT_ONCE))
            async for row in rows.mappings():
                yield dict(row)


FACTS = {
    "device": ("address", "mac", "hostname", "told_location"),
    "location": ("title", "address", "room"),
    "contact": ("name", "mail", "phone"),
}
"""What is sealed in a row, by table, as CSV has columns for it."""
_ROW_OF = {"device_event": "id", "evidence": "hash", "job": "key", "message": "parcel"}
"""What a sealed row is bound to, where it is not the column of the table's own name."""


def exported() -> list[Table]:
    """Return the tables that are written out: all that have an account, but those of `LEFT_OUT`."""
    return [table for table in metadata.sorted_tables if "account" in table.c and table.name not in LEFT_OUT]


def _check_new(path: Path) -> None:
    if path.exists():
        raise NotDoneError(f"{path} is there already")


def _shown(row: dict[str, Any], table: Table, personal: Personal | None) -> Iterator[dict[str, Any]]:
    """Yield a row as it is written: what is sealed opened, a batch's content as its lines."""
    if table.name == "content":
        place = {name: value for name, value in row.items() if name not in ("body", "plain_bytes")}
        for position, line in enumerate(zstd.decompress(row["body"], size=row["plain_bytes"]).split(b"\n")[:-1]):
            yield place | {"position": position, "line": line.decode(errors="backslashreplace")}
        return
    sealed = row.pop("personal", None)
    if personal is not None and sealed is not None:
        row |= personal.open(table.name, row[_ROW_OF.get(table.name, table.name)], sealed)
    yield row


def guarded(value: Any) -> Any:
    """Return a cell no spreadsheet takes for a formula: a printer may call itself `=cmd|…`."""
    told = json.dumps(value, default=_plain) if isinstance(value, dict | list) else value
    return f"'{told}" if isinstance(told, str) and told[:1] in ("=", "+", "-", "@", "\t", "\r") else told


def _plain(value: Any) -> str:
    match value:
        case datetime() | date():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
    return str(value)


@contextmanager
def _target(part: Path, *, is_zip: bool) -> Iterator[Callable[[str], Any]]:
    """Yield what opens a file by its name, in a zip or in a folder, readable by this user alone."""
    if is_zip:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as packed:
            yield lambda name: packed.open(name, "w", force_zip64=True)
    else:
        part.mkdir(mode=0o700)
        yield lambda name: (part / name).open("xb")
