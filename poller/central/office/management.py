"""What the dealer's people decide about devices: whose they are, under which contract, what is part of what, what was swapped.

Everything is one transaction and in the audit log. Names of people and addresses are in no entry of it: it outlives them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import func, or_
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.keys import Keys
from poller.central.office import contracts
from poller.central.office.administration import NotDoneError
from poller.central.office.contracts import Contract
from poller.central.store import agents, masterdata
from poller.central.store import devices as kept
from poller.central.store import personal as personals
from poller.central.store.database import Database
from poller.central.store.inventory import NUMBER_CHARACTERS_MAX
from poller.central.store.inventory import device as table
from poller.central.store.paging import PAGE_ROWS, every
from poller.central.store.personal import Personal

EVENTS_MAX = 200
NUMBERS = ("customer", "device_number", "inventory_number", "cost_centre", "location")
"""What people write beside a device."""


class Management:
    """*who* is written into the audit log beside everything done."""

    def __init__(self, database: Database, keys: Keys, *, who: str) -> None:
        self._database, self._keys, self._who = database, keys, who

    # --- looking -------------------------------------------------------------------------------------------------------

    async def devices(self, account: str, *, state: str | None = None, day: date) -> AsyncIterator[dict[str, Any]]:
        """Yield an account's devices, or those of one state, as they are on *day*. Parts of others are theirs, not listed."""
        where = table.c.state == state if state is not None else table.c.state.not_in(("joined", "merged"))
        async with self._database.reading() as db:
            await _check_account(db, account)

        async def page(db: AsyncConnection, after: str | None) -> list[dict[str, Any]]:
            return await kept.find(db, account, day=day, where=where, after=after, rows_max=PAGE_ROWS)

        async for row in every(self._database, page, lambda row: row["device"]):
            yield row

    async def elsewhere(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the devices that more than one account has."""

        async def page(db: AsyncConnection, after: str | None) -> list[dict[str, Any]]:
            return await kept.elsewhere(db, after=after, names_max=PAGE_ROWS)

        async for row in every(self._database, page, lambda row: row["name"]):
            yield row

    async def show(self, account: str, reference: str, *, now_utc: datetime) -> dict[str, Any]:
        """Return everything known of a device: facts, names, parts, agents that see it, contracts, what happened. Raises NotDoneError."""
        async with self._database.writing() as db:  # the account's key is made where there is none yet
            personal = await self._open(db, account, now_utc)
            row = await self._find(db, account, reference, now_utc.date())
            name = row["device"]
            one = (await kept.load(db, account, [name], personal))[name]
            loaded = await kept.load(db, account, await kept.parts_of(db, account, name), personal)
            rows = (await masterdata.contracts(db, account, [name])).get(name, [])
            return {
                **{key: value for key, value in row.items() if key not in ("personal", "place", "account")},
                "address": one.address,
                "mac": one.mac,
                "hostname": one.hostname,
                "told_location": one.told_location,
                "names": await kept.names(db, account, name),
                "parts": [
                    {"device": part.id, "state": part.state, "serial": part.serial, "address": part.address} for part in loaded.values()
                ],
                "agents": [
                    {key: seen[key] for key in ("agent", "site", "printer", "seen_utc") if key in seen}
                    for seen in await kept.sightings(db, account, name)
                ],
                "contracts": [_shown(contract) for contract in rows],
                "events": await kept.events(db, account, name, personal, rows_max=EVENTS_MAX),
            }

    # --- deciding ------------------------------------------------------------------------------------------------------

    async def assign(self, account: str, reference: str, facts: Mapping[str, str | None], *, now_utc: datetime) -> str:
        """Write numbers and a location beside a device (`NUMBERS`; None or "" takes one away); return its id. Raises NotDoneError."""
        values = {name: check_number(name, text) if text else None for name, text in facts.items()}
        async with self._database.writing() as db:
            name = (await self._find(db, account, reference, now_utc.date()))["device"]
            if values.get("location"):
                personal = await self._open(db, account, now_utc)
                if values["location"] not in {one["location"] for one in await masterdata.locations(db, account, personal)}:
                    raise NotDoneError(f"account {account} has no location {values['location']}; poller central location set")
            await kept.change(db, account, name, **values)
            told = ", ".join(f"{key} {value or 'none'}" for key, value in sorted(values.items()))
            await self._note(db, account, "assign-device", f"device {name}: {told}", now_utc)
        return str(name)

    async def ignore(self, account: str, reference: str, *, is_ignored: bool = True, now_utc: datetime) -> str:
        """Let a device be none of ours, or take that back; return its id. Raises NotDoneError."""
        async with self._database.writing() as db:
            row = await self._find(db, account, reference, now_utc.date())
            wanted = "unassigned" if is_ignored else "ignored"
            if row["state"] != wanted:
                raise NotDoneError(f"device {row['device']} is {row['state']}; only an {wanted} one can be changed so")
            await kept.change(db, account, row["device"], state="ignored" if is_ignored else "unassigned")
            await self._note(db, account, "ignore-device" if is_ignored else "heed-device", f"device {row['device']}", now_utc)
        return str(row["device"])

    async def set_contract(self, account: str, reference: str, one: Contract, *, now_utc: datetime) -> str:
        """Give a device a contract row; it is managed from then on. Returns its id. Raises NotDoneError with every fault."""
        async with self._database.writing() as db:
            row = await self._find(db, account, reference, now_utc.date())
            await put_contract(db, account, row["device"], row["state"], one)
            await self._note(db, account, "set-contract", f"device {row['device']}: {_told(one)}", now_utc)
        return str(row["device"])

    async def end_contract(
        self, account: str, reference: str, *, ends: date, end_meter: dict[str, int] | None = None, now_utc: datetime
    ) -> str:
        """End the row that holds on *ends*, on that day; without *end_meter* with the last reading up to it. Raises NotDoneError."""
        async with self._database.writing() as db:
            name = (await self._find(db, account, reference, now_utc.date()))["device"]
            before = await self._in_force(db, account, name, ends)
            after = replace(before, ends=ends, end_meter=end_meter or before.end_meter)
            if found := contracts.faults(after):
                raise NotDoneError("; ".join(found))
            await masterdata.save_contract(db, account, name, after)
            await self._note(db, account, "end-contract", f"device {name}: {_told(after)}", now_utc)
        return str(name)

    async def join(self, account: str, main: str, part: str, *, now_utc: datetime) -> tuple[str, str]:
        """Let *part* be a part of *main*, as a press's controller is: what *main* itself counts, counts. Raises NotDoneError."""
        async with self._database.writing() as db:
            whole = await self._find(db, account, main, now_utc.date())
            one = await self._find(db, account, part, now_utc.date())
            if whole["device"] == one["device"]:
                raise NotDoneError("a device is no part of itself")
            if one["state"] not in ("unassigned", "ignored"):
                raise NotDoneError(f"device {one['device']} is {one['state']}: end what it is, before it is part of another")
            if await kept.parts_of(db, account, one["device"]):
                raise NotDoneError(f"device {one['device']} has parts itself; split them first")
            await kept.change(db, account, one["device"], state="joined", part_of=whole["device"])
            await self._note(db, account, "join-device", f"device {one['device']} is part of {whole['device']}", now_utc)
        return whole["device"], one["device"]

    async def split(self, account: str, part: str, *, now_utc: datetime) -> str:
        """Let a joined part be a device of its own again, unassigned; return its id. Raises NotDoneError."""
        async with self._database.writing() as db:
            row = await self._find(db, account, part, now_utc.date(), among=("joined",))
            await kept.change(db, account, row["device"], state="unassigned", part_of=None)
            await self._note(db, account, "split-device", f"device {row['device']} is no part of {row['part_of']}", now_utc)
        return str(row["device"])

    async def swap(
        self,
        account: str,
        old: str,
        new: str,
        *,
        day: date,
        end_meter: dict[str, int] | None = None,
        start_meter: dict[str, int] | None = None,
        now_utc: datetime,
    ) -> tuple[Contract, Contract]:
        """Let *new* stand in *old*'s place from *day* on: it takes over contract, later contracts, location, customer and cost centre.

        Meters that are not given stay open, and the ledger says them when a bill is made: a reading of the last hours may still be on its
        way, and what the old device showed last, being switched off, may be held. Returns both rows. Raises NotDoneError.
        """
        async with self._database.writing() as db:
            gone, comes = await self._find(db, account, old, now_utc.date()), await self._find(db, account, new, now_utc.date())
            if gone["device"] == comes["device"]:
                raise NotDoneError("a device is not swapped for itself")
            if comes["state"] not in ("unassigned", "swapped"):
                raise NotDoneError(f"device {comes['device']} is {comes['state']}: only one without a contract takes another's place")
            before = await self._in_force(db, account, gone["device"], day)
            held = await masterdata.contracts(db, account, [gone["device"], comes["device"]])
            ended = replace(before, ends=day, end_meter=end_meter)
            fresh = replace(before, begins=day, end_meter=None, start_meter=start_meter)
            later = [one for one in held[gone["device"]] if one.begins > day]
            placed, overlaps = contracts.place(fresh, held.get(comes["device"], []))
            if found := contracts.faults(ended) + contracts.faults(fresh) + overlaps:
                raise NotDoneError("; ".join(found))
            await masterdata.save_contract(db, account, gone["device"], ended)
            for one in (*placed, *later):
                await masterdata.save_contract(db, account, comes["device"], one)
            for one in later:
                await masterdata.remove_contract(db, account, gone["device"], one.begins)
            taken = {name: gone[name] for name in ("customer", "cost_centre")} | {"location": gone["location"]}
            await kept.change(db, account, comes["device"], state="managed", replaced_by=None, **taken)
            await kept.change(db, account, gone["device"], state="swapped", replaced_by=comes["device"])
            meters = f"end meter {_meter(ended.end_meter)}, start meter {_meter(fresh.start_meter)}"
            await self._note(db, account, "swap-device", f"device {gone['device']} for {comes['device']} on {day}, {meters}", now_utc)
        return ended, fresh

    async def contracts(self, account: str) -> AsyncIterator[dict[str, Any]]:
        """Yield every contract row of an account, by device."""
        async with self._database.reading() as db:
            await _check_account(db, account)

        async def page(db: AsyncConnection, after: tuple[str, date] | None) -> list[tuple[str, Contract]]:
            return await masterdata.contracts_after(db, account, after, rows_max=PAGE_ROWS)

        async for name, one in every(self._database, page, lambda row: (row[0], row[1].begins)):
            yield {"device": name} | _shown(one)

    # --- small ways ----------------------------------------------------------------------------------------------------

    async def _open(self, db: AsyncConnection, account: str, now_utc: datetime) -> Personal:
        await _check_account(db, account)
        try:
            return await personals.open_account(db, self._keys.store, account, now_utc=now_utc)
        except personals.ErasedError as error:
            raise NotDoneError(str(error)) from error

    async def _find(
        self, db: AsyncConnection, account: str, reference: str, day: date, *, among: tuple[str, ...] | None = None
    ) -> dict[str, Any]:
        """Return the one device with this id, or its beginning, serial number, device number or inventory number."""
        await _check_account(db, account)
        called = or_(
            table.c.device.startswith(reference, autoescape=True) if len(reference) >= 4 else table.c.device == reference,
            func.upper(table.c.serial) == reference.upper(),
            table.c.device_number == reference,
            table.c.inventory_number == reference,
        )
        states = table.c.state.in_(among) if among is not None else table.c.state.not_in(("merged", "joined"))
        found = await kept.find(db, account, day=day, where=called & states, rows_max=2)
        found = list({row["device"]: row for row in found}.values())
        if len(found) != 1:
            kind = "device" if among is None else f"{among[0]} device"
            raise NotDoneError(f"{'more than one' if found else 'no'} {kind} goes by {reference!r}; poller central device list {account}")
        return found[0]

    async def _in_force(self, db: AsyncConnection, account: str, name: str, day: date) -> Contract:
        held = contracts.in_force((await masterdata.contracts(db, account, [name])).get(name, []), day)
        if held is None:
            raise NotDoneError(f"device {name} has no contract on {day}; poller central contract set")
        return held

    async def _note(self, db: AsyncConnection, account: str, what: str, subject: str, now_utc: datetime) -> None:
        await agents.note(db, account, who=self._who, what=what, subject=subject, now_utc=now_utc)


async def put_contract(db: AsyncConnection, account: str, name: str, state: str, one: Contract) -> None:
    """Place a row among a device's others, and make it managed: also one that was swapped, and works elsewhere now. Raises NotDoneError."""
    if state not in ("unassigned", "managed", "swapped"):
        raise NotDoneError(f"device {name} is {state}: it takes no contract")
    found = contracts.faults(one)
    changed, overlaps = contracts.place(one, (await masterdata.contracts(db, account, [name])).get(name, []))
    if found or overlaps:
        raise NotDoneError("; ".join(found + overlaps))
    for row in changed:
        await masterdata.save_contract(db, account, name, row)
    await kept.change(db, account, name, state="managed", replaced_by=None)


def check_number(what: str, text: str) -> str:
    """Return a number or short name of the merchandise system. Raises NotDoneError."""
    plain = text.strip()
    if not 1 <= len(plain) <= NUMBER_CHARACTERS_MAX or not plain.isprintable():
        raise NotDoneError(f"{what.replace('_', ' ')}: want 1 to {NUMBER_CHARACTERS_MAX} printable characters")
    return plain


async def _check_account(db: AsyncConnection, name: str) -> None:
    if not await agents.has_account(db, name):
        raise NotDoneError(f"there is no account {name}; poller central account list")


def _shown(one: Contract) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Contract.__struct_fields__}


def _told(one: Contract) -> str:
    until = f" to {one.ends}" if one.ends else ""
    meters = "".join(
        f", {word} meter {_meter(meter)}" for word, meter in (("start", one.start_meter), ("end", one.end_meter)) if meter is not None
    )
    return f"{one.kind} {one.number or 'without a number'} from {one.begins}{until}{meters}"


def _meter(meter: Mapping[str, int] | None) -> str:
    return "as read" if meter is None else " ".join(f"{cell}={count}" for cell, count in meter.items())
