"""A list of the merchandise system joined with what is here: first as a preview, then, if somebody says so, done in one transaction.

Lists of devices are joined in `joining.py`; locations, contacts and the catalogue here. The same list a second time changes nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.keys import Keys
from poller.central.office import columns, registers
from poller.central.office.administration import NotDoneError
from poller.central.office.columns import Heading
from poller.central.office.joining import Preview, join_devices
from poller.central.office.sheets import Row, read_rows
from poller.central.store import agents, masterdata
from poller.central.store import devices as kept
from poller.central.store import personal as personals
from poller.central.store.database import Database
from poller.central.store.inventory import DEALER
from poller.central.store.paging import PAGE_ROWS, every
from poller.central.store.personal import Personal

What = Literal["devices", "locations", "contacts", "catalogue"]
KINDS: tuple[What, ...] = get_args(What)

_COLUMNS = {"devices": columns.DEVICES, "locations": columns.LOCATIONS, "contacts": columns.CONTACTS, "catalogue": columns.CATALOGUE}


class _UndoneError(Exception):
    """Nothing is to stay of a transaction."""


class Importer:
    """*who* is written into the audit log beside everything done."""

    def __init__(self, database: Database, keys: Keys, *, who: str) -> None:
        self._database, self._keys, self._who = database, keys, who

    async def read(self, path: Path, what: What, *, account: str, is_applied: bool, now_utc: datetime) -> Preview:
        """Return what the list at *path* changes; changes it with *is_applied*. Raises SheetError, NotDoneError."""
        rows, content = read_rows(path)
        if not rows:
            raise NotDoneError(f"{path}: empty")
        heading = Heading(rows[0][1], _COLUMNS[what])
        _check_heading(heading, what, path)
        found = Preview(ignored_columns=heading.unknown)
        try:
            async with self._database.writing() as db:
                personal = await self._open(db, account, what, now_utc)
                told = _told(rows[1:], heading, found, needed=_KEYS[what])
                if what == "devices":
                    await join_devices(db, account, told, found, personal, day=now_utc.date())
                else:
                    await _register(db, account, what, told, found, personal, now_utc=now_utc)
                if found.faults or not is_applied:
                    raise _UndoneError
                subject = f"{what}: {len(found.changes)} changed, {found.unchanged} as they were, {len(found.unmatched)} not found"
                subject += f"; file {sha256(content).hexdigest()}"
                await agents.note(db, account, who=self._who, what="import", subject=subject, now_utc=now_utc)
                found.is_applied = True
        except _UndoneError:
            """A preview is the same work, undone: what it says would be done is what will be."""
        return found

    async def unlisted(self, account: str, found: Preview) -> AsyncIterator[dict[str, Any]]:
        """Yield the devices that no row of a list of devices was for: one may have been forgotten there, or does not belong here."""

        async def page(db: AsyncConnection, after: str | None) -> list[dict[str, Any]]:
            return await kept.find_own(db, account, after=after, rows_max=PAGE_ROWS)

        async for row in every(self._database, page, lambda row: row["device"]):
            if row["device"] not in found.listed:
                yield row

    async def _open(self, db: AsyncConnection, account: str, what: What, now_utc: datetime) -> Personal:
        if account != DEALER and not await agents.has_account(db, account):
            raise NotDoneError(f"there is no account {account}; poller central account list")
        if account == DEALER and what != "catalogue":
            raise NotDoneError(f"whose {what}? Give --account")
        try:
            return await personals.open_account(db, self._keys.store, account, now_utc=now_utc)
        except personals.ErasedError as error:
            raise NotDoneError(str(error)) from error


# --- locations, contacts, catalogue ----------------------------------------------------------------------------------------


async def _register(
    db: AsyncConnection,
    account: str,
    what: What,
    told: Sequence[tuple[int, dict[str, Any]]],
    found: Preview,
    personal: Personal,
    *,
    now_utc: datetime,
) -> None:
    before = await _registered(db, account, what, personal)
    seen: dict[Any, int] = {}
    for number, row in told:
        key: Any = (row["model"], row["kind"], _colour(row)) if what == "catalogue" else row[what.removesuffix("s")]
        facts = (
            _article_facts(row, before.get(key)) if what == "catalogue" else {n: v for n, v in row.items() if n != what.removesuffix("s")}
        )
        if key in seen:
            found.faults.append(f"row {number}: again, it was in row {seen[key]}")
            continue
        seen[key] = number
        old = before.get(key, {})
        changed = {name: [old.get(name), value] for name, value in facts.items() if old.get(name) != value}
        if old and not changed:
            found.unchanged += 1
            continue
        try:
            if what == "locations":
                await registers.put_location(db, account, key, facts, personal, now_utc=now_utc)
            elif what == "contacts":
                await registers.put_contact(db, account, key, facts, personal, now_utc=now_utc)
            else:
                await registers.put_article(db, account, key, facts)
        except NotDoneError as error:
            found.faults.append(f"row {number}: {error}")
            continue
        found.changes.append({"row": number, "key": " ".join(filter(None, key)) if isinstance(key, tuple) else key, "changes": changed})


async def _registered(db: AsyncConnection, account: str, what: What, personal: Personal) -> dict[Any, dict[str, Any]]:
    if what == "locations":
        return {one["location"]: one for one in await masterdata.locations(db, account, personal)}
    if what == "contacts":
        return {one["contact"]: one for one in await masterdata.contacts(db, account, personal)}
    return {(one["model"], one["kind"], one["colour"]): one for one in await masterdata.articles(db, {account})}


def _article_facts(row: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
    usual = {"alternatives": [], "yield_pages": None, "pack": 1} | {
        name: value for name, value in (before or {}).items() if name in ("alternatives", "yield_pages", "pack")
    }
    return usual | {name: value for name, value in row.items() if name not in ("model", "kind", "colour")}


def _colour(row: Mapping[str, Any]) -> str:
    told = str(row.get("colour", "")).lower()
    return columns.COLOURS.get(told, told)


# --- any list --------------------------------------------------------------------------------------------------------------

_KEYS: dict[What, tuple[str, ...]] = {
    "devices": (),
    "locations": ("location",),
    "contacts": ("contact",),
    "catalogue": ("model", "kind", "article"),
}
"""What every row has to say."""
_IDENTITIES = ("device", "serial", "mac")
"""Of these a list of devices has one at least."""


def _check_heading(heading: Heading, what: What, path: Path) -> None:
    if heading.twice:
        raise NotDoneError(f"{path}: a column is there twice: {', '.join(heading.twice)}")
    missing = [name for name in _KEYS[what] if name not in heading.found]
    if what == "devices" and not any(name in heading.found for name in _IDENTITIES):
        missing = [" or ".join(_IDENTITIES)]
    if missing:
        raise NotDoneError(
            f"{path}: no column {' and none '.join(missing)} among {', '.join([*heading.found, *heading.unknown]) or 'none'}"
        )


def _told(rows: Sequence[Row], heading: Heading, found: Preview, *, needed: tuple[str, ...]) -> list[tuple[int, dict[str, Any]]]:
    """Return what each row says; what cannot be read becomes a fault."""
    told = []
    for number, cells in rows:
        row, faults = heading.read(cells)
        found.faults += [f"row {number}: {fault}" for fault in faults]
        missing = [name for name in needed if name not in row]
        if missing:
            found.faults.append(f"row {number}: no {' and no '.join(missing)}")
        elif not faults:
            told.append((number, row))
    return told
