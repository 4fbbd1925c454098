"""A list of the merchandise system joined with what is here: first as a preview, then, if somebody says so, done in one transaction.

A row finds its device by central's own id, by serial number, or by MAC address. A site that masks MAC addresses sends hashes made with a
key that only its agent has: central cannot make them from an address, so such a row has to bring the serial number, or the `mac-hash:…`
itself, as `device show` has it. What finds no device is listed, and so are devices no row was for: nothing is made up from a list.

The same list a second time changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.devices.recognition import is_serial, kept_name
from poller.central.keys import Keys
from poller.central.office import columns, contracts, registers
from poller.central.office.administration import NotDoneError
from poller.central.office.columns import Heading
from poller.central.office.contracts import Contract
from poller.central.office.management import LISTED_MAX, NUMBERS, check_number, put_contract
from poller.central.office.sheets import Row, read_rows
from poller.central.store import agents, masterdata
from poller.central.store import devices as kept
from poller.central.store import personal as personals
from poller.central.store.database import Database
from poller.central.store.inventory import DEALER
from poller.central.store.personal import Personal

What = Literal["devices", "locations", "contacts", "catalogue"]
KINDS: tuple[What, ...] = get_args(What)

_COLUMNS = {"devices": columns.DEVICES, "locations": columns.LOCATIONS, "contacts": columns.CONTACTS, "catalogue": columns.CATALOGUE}
_START = "start_meter "


class Preview(msgspec.Struct):
    """What a list would change, or has changed. Each entry of `changes`, `unmatched` and `unlisted` is a row of a table.

    `unmatched` are rows that found nothing here, `unlisted` devices that no row was for. With `faults` nothing is changed.
    """

    changes: list[dict[str, Any]] = msgspec.field(default_factory=list)
    unmatched: list[dict[str, Any]] = msgspec.field(default_factory=list)
    unlisted: list[dict[str, Any]] = msgspec.field(default_factory=list)
    faults: list[str] = msgspec.field(default_factory=list)
    ignored_columns: list[str] = msgspec.field(default_factory=list)
    unchanged: int = 0
    is_applied: bool = False


class Known(msgspec.Struct, kw_only=True):
    """A device as a row may find it. `names` are those it goes by, its parts' included."""

    id: str
    state: str
    serial: str | None
    names: set[str]
    facts: dict[str, str | None]
    contracts: list[Contract]


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
                    await _devices(db, account, told, found, personal, day=now_utc.date())
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

    async def _open(self, db: AsyncConnection, account: str, what: What, now_utc: datetime) -> Personal:
        if account != DEALER and not await agents.has_account(db, account):
            raise NotDoneError(f"there is no account {account}; poller central account list")
        if account == DEALER and what != "catalogue":
            raise NotDoneError(f"whose {what}? Give --account")
        try:
            return await personals.open_account(db, self._keys.store, account, now_utc=now_utc)
        except personals.ErasedError as error:
            raise NotDoneError(str(error)) from error


# --- devices ---------------------------------------------------------------------------------------------------------------


async def _devices(
    db: AsyncConnection,
    account: str,
    told: Sequence[tuple[int, dict[str, Any]]],
    found: Preview,
    personal: Personal,
    *,
    day: date,
) -> None:
    known = await _known(db, account, day)
    places = {one["location"] for one in await masterdata.locations(db, account, personal)}
    by_name, by_number = _indexes(known)
    rows_of: dict[str, int] = {}
    for number, row in told:
        one, how = _match(row, known, by_name, by_number, personal)
        if one is None:
            found.unmatched.append({"row": number, "reason": how, **{key: row.get(key) for key in ("serial", "mac", "device_number")}})
            continue
        if one.id in rows_of:
            found.faults.append(f"row {number}: device {one.id} again, it was in row {rows_of[one.id]}")
            continue
        rows_of[one.id] = number
        try:
            facts = {name: check_number(name, row[name]) for name in NUMBERS if name in row}
            contract = contract_of(row, one.contracts, day)
        except NotDoneError as error:
            found.faults.append(f"row {number}: {error}")
            continue
        if facts.get("location") and facts["location"] not in places:
            found.faults.append(f"row {number}: there is no location {facts['location']}; import locations first")
        changed = {name: [one.facts[name], text] for name, text in facts.items() if one.facts[name] != text}
        before = next((held for held in one.contracts if contract is not None and held.begins == contract.begins), None)
        if contract is not None and contract != before:
            changed |= _contract_changes(before, contract)
            wrong = contracts.faults(contract) + contracts.place(contract, one.contracts)[1]
            if one.state not in ("unassigned", "managed"):
                wrong.append(f"device {one.id} is {one.state}: it takes no contract")
            found.faults += [f"row {number}: {fault}" for fault in wrong]
            if not wrong:
                await put_contract(db, account, one.id, one.state, contract)
        if not changed:
            found.unchanged += 1
            continue
        found.changes.append({"row": number, "device": one.id, "serial": one.serial, "found_by": how, "changes": changed})
        if facts:
            await kept.change(db, account, one.id, **facts)
    found.unlisted = [
        {
            "device": one.id,
            "state": one.state,
            "serial": one.serial,
            **{name: one.facts[name] for name in ("device_number", "location")},
        }
        for one in known.values()
        if one.id not in rows_of and one.state in ("unassigned", "managed")
    ]


def contract_of(row: Mapping[str, Any], held: Sequence[Contract], day: date) -> Contract | None:
    """Return the contract row a line of a list speaks of, None where it speaks of none. Raises NotDoneError.

    It is the one that begins when the line says, else the one that holds on *day*, else a new one from *day* on.
    """
    fields = {name: row[name] for name in Contract.__struct_fields__ if name in row}
    start = {name.removeprefix(_START): count for name, count in row.items() if name.startswith(_START)}
    if start:
        fields["start_meter"] = start
    if not fields:
        return None
    before = next((one for one in held if one.begins == row["begins"]), None) if "begins" in row else contracts.in_force(held, day)
    if before is not None:
        return replace(before, **fields)
    if "kind" not in fields:
        raise NotDoneError("a new contract, and no column says of which kind")
    usual = contracts.FULL_SERVICE if fields["kind"] == "full-service" else ()
    return Contract(**({"begins": day, "supplies": usual} | fields))


def _match(
    row: Mapping[str, Any], known: Mapping[str, Known], by_name: Mapping[str, str], by_number: Mapping[str, set[str]], personal: Personal
) -> tuple[Known | None, str]:
    """Return the device a line is about and by what it was found; or None and why not."""
    if "device" in row:
        one = known.get(row["device"])
        return (one, "device") if one is not None else (None, "no device of this id")
    by_mac = by_name.get(kept_name(row["mac"], personal.blind)) if "mac" in row else None
    if "serial" in row:
        same = by_number.get(row["serial"], set())
        if not same and (bare := row["serial"].lstrip("0")):  # a spreadsheet took the zeros for a number's
            same = {name for number, names in by_number.items() if number.lstrip("0") == bare for name in names}
        if len(same) > 1 and by_mac in same:
            return known[by_mac], "serial and mac"
        if len(same) > 1:
            return None, f"{len(same)} devices have this serial number"
        if same:
            (name,) = same
            return known[name], "serial"
    if by_mac is not None:
        return known[by_mac], "mac"
    if "serial" not in row and "mac" not in row:
        return None, "neither serial number nor MAC address"
    return None, "not seen by any agent" + ("" if "mac" not in row else ", or its site masks MAC addresses: then give its serial number")


async def _known(db: AsyncConnection, account: str, day: date) -> dict[str, Known]:
    rows = await kept.find(db, account, day=day, rows_max=LISTED_MAX)
    rows_of = await masterdata.contracts(db, account)
    own = await kept.locations_by_hand(db, account)
    known = {
        row["device"]: Known(
            id=row["device"],
            state=row["state"],
            serial=row["serial"],
            names=set(),
            facts={name: row[name] for name in NUMBERS} | {"location": own.get(row["device"])},
            contracts=rows_of.get(row["device"], []),
        )
        for row in rows
        if row["part_of"] is None
    }
    whole = {row["device"]: row["part_of"] or row["device"] for row in rows}
    for name, device in await kept.names(db, account):
        if (one := known.get(whole.get(device, ""))) is not None:
            one.names.add(name)
    return known


def _indexes(known: Mapping[str, Known]) -> tuple[dict[str, str], dict[str, set[str]]]:
    """Return the device by each of its names, and the devices by serial number as people write it."""
    by_name = {name: one.id for one in known.values() for name in one.names}
    by_number: dict[str, set[str]] = {}
    for name, device in by_name.items():
        if is_serial(name):
            by_number.setdefault(name.split(":", 2)[-1].partition("#")[0].upper(), set()).add(device)
    return by_name, by_number


def _contract_changes(before: Contract | None, after: Contract) -> dict[str, list[Any]]:
    old = {} if before is None else msgspec.structs.asdict(before)
    new = msgspec.structs.asdict(after)
    return {f"contract {name}": [old.get(name), value] for name, value in new.items() if old.get(name) != value and value not in (None, ())}


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


def _without(row: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != key}


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
