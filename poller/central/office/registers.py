"""What the dealer's people write down: locations, contacts, the catalogue, people. Everything done is in the audit log.

Names, addresses and mails are sealed under their account's key, and stand in no entry of the log.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.keys import Keys
from poller.central.office.administration import NotDoneError
from poller.central.office.contracts import SUPPLY_KINDS
from poller.central.office.management import check_number
from poller.central.store import agents, masterdata, requests
from poller.central.store import personal as personals
from poller.central.store.database import Database
from poller.central.store.inventory import DEALER, TEXT_CHARACTERS_MAX, contact, location
from poller.central.store.personal import Personal
from poller.central.supplies.policy import Article, Catalogue

ROLES = ("dealer", "technician", "customer")
AUDIT_ROWS = 1000
_NAMED_MAX = 5


class Registers:
    """*who* is written into the audit log beside everything done."""

    def __init__(self, database: Database, keys: Keys, *, who: str) -> None:
        self._database, self._keys, self._who = database, keys, who

    # --- locations -----------------------------------------------------------------------------------------------------

    async def locations(self, account: str, *, now_utc: datetime) -> list[dict[str, Any]]:
        async with self._database.writing() as db:
            return await masterdata.locations(db, account, await self._open(db, account, now_utc))

    async def set_location(self, account: str, name: str, facts: Mapping[str, str | None], *, now_utc: datetime) -> None:
        """Add a location or change what is given of it: title, address, room, cost_centre, and site with range. Raises NotDoneError."""
        async with self._database.writing() as db:
            personal = await self._open(db, account, now_utc)
            await put_location(db, account, name, facts, personal, now_utc=now_utc)
            await self._note(db, account, "set-location", f"location {name}: {', '.join(sorted(facts))}", now_utc)

    async def remove_location(self, account: str, name: str, *, now_utc: datetime) -> None:
        """Forget a location, at which no device stands and to which nothing is under way. Raises NotDoneError."""
        async with self._database.writing() as db:
            if count := await masterdata.count_devices(db, account, name):
                raise NotDoneError(f"{count} devices stand at location {name}; poller central device assign {account} DEVICE --location …")
            if under_way := await requests.at_place(db, account, name):
                told = ", ".join(sorted(one.id for one in under_way)[:_NAMED_MAX])
                raise NotDoneError(f"{len(under_way)} requests are under way for location {name}: {told}")
            if not await masterdata.remove(db, location, account, name):
                raise NotDoneError(f"account {account} has no location {name}; poller central location list {account}")
            await self._note(db, account, "remove-location", f"location {name}", now_utc)

    # --- contacts ------------------------------------------------------------------------------------------------------

    async def contacts(self, account: str, *, now_utc: datetime) -> list[dict[str, Any]]:
        async with self._database.writing() as db:
            return await masterdata.contacts(db, account, await self._open(db, account, now_utc))

    async def set_contact(self, account: str, name: str, facts: Mapping[str, str | None], *, now_utc: datetime) -> None:
        """Add a contact or change what is given of it: name, mail, phone, location. Raises NotDoneError."""
        async with self._database.writing() as db:
            await put_contact(db, account, name, facts, await self._open(db, account, now_utc), now_utc=now_utc)
            await self._note(db, account, "set-contact", f"contact {name}: {', '.join(sorted(facts))}", now_utc)

    async def remove_contact(self, account: str, name: str, *, now_utc: datetime) -> None:
        async with self._database.writing() as db:
            if not await masterdata.remove(db, contact, account, name):
                raise NotDoneError(f"account {account} has no contact {name}; poller central contact list {account}")
            await self._note(db, account, "remove-contact", f"contact {name}", now_utc)

    # --- the catalogue -------------------------------------------------------------------------------------------------

    async def articles(self, account: str = DEALER) -> list[dict[str, Any]]:
        """Return the catalogue as an account has it: its own lines and the dealer's."""
        async with self._database.reading() as db:
            return await masterdata.articles(db, {account, DEALER})

    async def set_article(self, account: str, key: tuple[str, str, str], facts: Mapping[str, Any], *, now_utc: datetime) -> None:
        """Add a line of the catalogue, or change it; *key* is model pattern, kind, colour. Raises NotDoneError."""
        async with self._database.writing() as db:
            await put_article(db, account, key, facts)
            await self._note(db, account, "set-article", f"{' '.join(filter(None, key))}: {facts['article']}", now_utc)

    # --- people --------------------------------------------------------------------------------------------------------

    async def people(self, account: str, *, now_utc: datetime) -> list[dict[str, Any]]:
        async with self._database.writing() as db:
            return await masterdata.people(db, account, await self._open(db, account, now_utc))

    async def add_person(self, account: str, *, name: str, mail: str | None, role: str, now_utc: datetime) -> str:
        """Add somebody, of the dealer (`DEALER`) or of a customer; return the opaque id the ledger will know. Raises NotDoneError."""
        if role not in ROLES or (role == "customer") == (account == DEALER):
            raise NotDoneError(f"roles: {', '.join(ROLES)}; a customer's people are customers, the dealer's are not")
        opaque = f"p-{secrets.token_hex(8)}"
        async with self._database.writing() as db:
            personal = await self._open(db, account, now_utc)
            facts = {"name": _text("name", name), "mail": _text("mail", mail) if mail else None}
            await masterdata.save_person(db, account, opaque, {"role": role, "added_utc": now_utc} | facts, personal)
            await self._note(db, account, "add-user", f"user {opaque}, {role}", now_utc)
        return opaque

    async def remove_person(self, account: str, opaque: str, *, now_utc: datetime) -> None:
        async with self._database.writing() as db:
            if not await masterdata.remove_person(db, account, opaque, now_utc=now_utc):
                raise NotDoneError(f"there is no user {opaque}; poller central user list")
            await self._note(db, account, "remove-user", f"user {opaque}", now_utc)

    # --- the audit log -------------------------------------------------------------------------------------------------

    async def audit(self, account: str, *, rows_max: int = AUDIT_ROWS) -> list[dict[str, Any]]:
        """Return the newest entries of an account, or of the dealer, oldest first."""
        async with self._database.reading() as db:
            return await agents.audit_log(db, account, rows_max=rows_max)

    # --- small ways ----------------------------------------------------------------------------------------------------

    async def _open(self, db: AsyncConnection, account: str, now_utc: datetime) -> Personal:
        if account != DEALER and not await agents.has_account(db, account):
            raise NotDoneError(f"there is no account {account}; poller central account list")
        try:
            return await personals.open_account(db, self._keys.store, account, now_utc=now_utc)
        except personals.ErasedError as error:
            raise NotDoneError(str(error)) from error

    async def _note(self, db: AsyncConnection, account: str, what: str, subject: str, now_utc: datetime) -> None:
        await agents.note(db, account, who=self._who, what=what, subject=subject, now_utc=now_utc)


async def put_location(
    db: AsyncConnection, account: str, name: str, facts: Mapping[str, str | None], personal: Personal, *, now_utc: datetime
) -> None:
    """Add or change a location. Raises NotDoneError."""
    check_number("location", name)
    there = {one["location"]: one for one in await masterdata.locations(db, account, personal)}
    before = there.get(name, {"added_utc": now_utc, "site": None, "range": None})
    after = {key: value for key, value in (before | checked(facts)).items() if key not in ("account", "location")}
    if (after["site"] is None) != (after["range"] is None):
        raise NotDoneError("a range is one of a site: give --site and --range, or neither")
    if after["site"] is not None and not await agents.has_site(db, account, after["site"]):
        raise NotDoneError(f"account {account} has no site {after['site']}; poller central site list {account}")
    place = (after["site"], after["range"])
    if after["site"] and any((other["site"], other["range"]) == place for key, other in there.items() if key != name):
        raise NotDoneError(f"range {place[1]} of site {place[0]} is another location already")
    await masterdata.save_location(db, account, name, after, personal)


async def put_contact(
    db: AsyncConnection, account: str, name: str, facts: Mapping[str, str | None], personal: Personal, *, now_utc: datetime
) -> None:
    """Add or change a contact. Raises NotDoneError."""
    check_number("contact", name)
    there = {one["contact"]: one for one in await masterdata.contacts(db, account, personal)}
    after = there.get(name, {"added_utc": now_utc}) | checked(facts)
    mail = after.get("mail")
    if mail is not None and not is_mail(mail):
        raise NotDoneError(f"contact {name}: the mail address is none")
    await masterdata.save_contact(
        db, account, name, {key: value for key, value in after.items() if key not in ("account", "contact")}, personal
    )


async def put_article(db: AsyncConnection, account: str, key: tuple[str, str, str], facts: Mapping[str, Any]) -> None:
    """Add or change a line of the catalogue: article, alternatives, yield_pages, pack. Raises NotDoneError."""
    model, kind, colour = key
    if kind not in SUPPLY_KINDS:
        raise NotDoneError(f"{kind!r} is no kind of supply: {', '.join(SUPPLY_KINDS)}")
    _text("model", model)
    for number in (facts["article"], *facts["alternatives"]):
        check_number("article", number)
    if facts["pack"] < 1 or (facts["yield_pages"] is not None and facts["yield_pages"] < 1):
        raise NotDoneError("pack and yield are whole numbers above zero")
    await masterdata.save_article(db, account, (model, kind, colour or ""), facts)


def line_for(rows: list[dict[str, Any]], *, account: str, model: str, kind: str, colour: str | None) -> dict[str, Any] | None:
    """Return the line of the catalogue for a supply of a model: the customer's own before the dealer's, the longest pattern first."""
    fit = [
        row for row in rows if row["kind"] == kind and row["colour"] == (colour or "") and fnmatchcase(model.lower(), row["model"].lower())
    ]
    return max(fit, key=lambda row: (row["account"] == account, len(row["model"]), row["model"]), default=None)


def catalogue_of(rows: list[dict[str, Any]]) -> Catalogue:
    """Return the lines by article number, as the forecast asks them."""
    articles = {
        row["article"]: Article(part_number=row["article"], yield_pages=row["yield_pages"], instead=frozenset(row["alternatives"]))
        for row in rows
    }
    return Catalogue(articles=articles)


def checked(facts: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return facts without blanks around them, None for those that are empty. Raises NotDoneError."""
    return {name: _text(name, text) if text and text.strip() else None for name, text in facts.items()}


def is_mail(text: str) -> bool:
    """Whether a text has the form of one mail address; whether it is somebody's only a mail can tell."""
    local, at, domain = text.rpartition("@")
    return bool(local and at and "." in domain.strip(".")) and not any(letter.isspace() or letter in ',;<>"()' for letter in text)


def _text(what: str, text: str) -> str:
    plain = text.strip()
    if not 1 <= len(plain) <= TEXT_CHARACTERS_MAX or any(ord(letter) < 32 and letter != "\n" for letter in plain):
        raise NotDoneError(f"{what.replace('_', ' ')}: want 1 to {TEXT_CHARACTERS_MAX} characters")
    return plain
