"""What people say about shelves and agreements: what lies where, when to ask, what may be sent by itself, and that a site goes live."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from poller.central.office.administration import NotDoneError
from poller.central.office.management import check_number
from poller.central.store import agents, masterdata
from poller.central.store import agreements as kept_agreements
from poller.central.store import requests as kept_requests
from poller.central.store import stock as kept
from poller.central.supplies import watch
from poller.central.supplies.agreements import Agreements, check, shown
from poller.central.supplies.book import Move
from poller.central.supplies.requestdesk import LISTED_MAX, SittingDesk, text
from poller.central.supplies.sitting import Sitting

PIECES_MAX = 10_000
BEGUN_MAX = 50_000
"""Requests that are looked at when a site goes live: all, or it does not."""


class StockDesk(SittingDesk):
    """*who* is written into the audit log beside everything done."""

    # --- shelves -------------------------------------------------------------------------------------------------------

    async def stock(self, account: str, place: str | None = None, *, now_utc: datetime) -> list[dict[str, Any]]:
        """Return what lies at a place, or everywhere: `pieces` of an article, of which `free` were sent for nobody. Raises NotDoneError."""
        async with self._look(account, now_utc) as sitting:
            found = await kept.pieces(sitting.db, account, None if place is None else [place])
            for where in {where for where, _ in found}:
                await sitting.know_place(where)
            return [
                {"place": where, "article": article, "pieces": count, "free": sitting.book.free(where, article)}
                for (where, article), count in sorted(found.items())
            ]

    async def history(self, account: str, place: str, article: str | None = None, *, now_utc: datetime) -> list[dict[str, Any]]:
        """Return every change of what lies at a place, oldest first. Raises NotDoneError."""
        async with self._look(account, now_utc) as sitting:
            return await kept.history(sitting.db, account, place, article, rows_max=LISTED_MAX)

    async def set_stock(
        self, account: str, place: str, article: str, pieces: int, *, note: str | None = None, now_utc: datetime
    ) -> dict[str, Any]:
        """Write down how many pieces lie at a place beyond those sent for requests that are not installed yet. Raises NotDoneError.

        *place* is a location, or `@` and a site for devices that stand at none. What is free serves the next requests there.
        """
        check_number("article", article)
        told = text(note)
        if not 0 <= pieces <= PIECES_MAX:
            raise NotDoneError(f"pieces: want 0 to {PIECES_MAX}")
        async with self._sit(account, now_utc) as sitting:
            await self._check_place(sitting, place, now_utc)
            await sitting.know_place(place)
            before = sitting.book.free(place, article)
            if pieces != before:
                sitting.book.move(Move(place, article, "entered", pieces - before, note=told))
            await self._note(sitting.db, account, "set-stock", f"{place}: {article} {pieces}", now_utc)
            await sitting.settle()
            count, free = sitting.book.pieces.get((place, article), 0), sitting.book.free(place, article)
        return {"place": place, "article": article, "pieces": count, "free": free}

    async def _check_place(self, sitting: Sitting, place: str, now_utc: datetime) -> None:
        if place.startswith("@"):
            if not await agents.has_site(sitting.db, sitting.account, place[1:]):
                raise NotDoneError(f"account {sitting.account} has no site {place[1:]}; poller central site list {sitting.account}")
            return
        personal = await self._personal(sitting.db, sitting.account, now_utc)
        if place not in {one["location"] for one in await masterdata.locations(sitting.db, sitting.account, personal)}:
            raise NotDoneError(
                f"account {sitting.account} has no location {place}; poller central location list {sitting.account}; "
                "for devices that stand at none: @ and the site"
            )

    # --- what is agreed ------------------------------------------------------------------------------------------------

    async def agreement(self, account: str, site: str | None = None) -> dict[str, Any]:
        """Return the rules that hold for an account or a site, and under `said` those that were said of itself. Raises NotDoneError."""
        async with self._database.reading() as db:
            await _check_site(db, account, site)
            said = await kept_agreements.load(db, account)
            agreed = Agreements(said, await kept_agreements.zones(db, account))
        policy = agreed.of_account if site is None else agreed.of_site(site)
        return shown(policy) | {"said": said.get(site or "", {})}

    async def agree(self, account: str, rules: Mapping[str, Any], site: str | None = None, *, now_utc: datetime) -> dict[str, Any]:
        """Set rules of an account or a site; one that is "" is not said any more. Returns what holds then. Raises NotDoneError.

        Going live is `go_live`, which looks at what was shown in trial.
        """
        faults = []
        for name, value in rules.items():
            try:
                if name == "state" and value == "live":
                    raise ValueError("state: a site goes live by itself; enter its shelf stock, then: poller central site live")
                if value != "":
                    check(name, value, is_site=site is not None)
            except ValueError as error:
                faults.append(str(error))
        if rules.get("state") == "" and site is not None and (await self.agreement(account))["state"] == "live":
            faults.append("state: without its own the site would be live as its account is; poller central site live")
        if faults:
            raise NotDoneError("; ".join(faults))
        await self._set(account, rules, site, now_utc)
        return await self.agreement(account, site)

    async def _set(self, account: str, rules: Mapping[str, Any], site: str | None, now_utc: datetime) -> None:
        async with self._sit(account, now_utc) as sitting:
            await _check_site(sitting.db, account, site)
            said = (await kept_agreements.load(sitting.db, account)).get(site or "", {})
            after = {name: value for name, value in {**said, **rules}.items() if value != ""}
            await kept_agreements.save(sitting.db, account, site or "", after, now_utc=now_utc)
            told = ", ".join(f"{name} {value}" for name, value in sorted(rules.items()))
            await self._note(sitting.db, account, "set-agreement", f"{f'site {site}' if site else 'account'}: {told}", now_utc)
        async with self._sit(account, now_utc) as sitting:  # with the rules as they are now
            sitting.book.unsettled |= await kept_requests.places_unsent(sitting.db, account)

    async def go_live(self, account: str, site: str | None = None, *, now_utc: datetime) -> dict[str, int]:
        """Let a site, or all of an account that say nothing else, go live: from now on what is asked for is sent. Raises NotDoneError.

        Of what was shown in trial the requests that are still due go on, but for those the shelf serves; the others are withdrawn, and
        made again when they fall due. Returns how many of them are by now `approved`, wait for `approval`, are served from the shelf
        (`stock`), wait for something else (`clarify`, `contract`), or were `withdrawn`.
        """
        async with self._sit(account, now_utc) as sitting:
            await _check_site(sitting.db, account, site)
            said = (await kept_agreements.load(sitting.db, account)).get(site or "", {})
            await kept_agreements.save(sitting.db, account, site or "", {**said, "state": "live"}, now_utc=now_utc)
            await self._note(sitting.db, account, "go-live", f"site {site}" if site else "account", now_utc)
            await sitting.agree_anew()
            return await _begin(sitting, site, now_utc)


async def _begin(sitting: Sitting, site: str | None, now_utc: datetime) -> dict[str, int]:
    """Let requests that were shown in trial go on, or withdraw them."""
    found = await kept_requests.find(sitting.db, sitting.account, states=["open"], site=site, rows_max=BEGUN_MAX + 1)
    if len(found) > BEGUN_MAX:
        raise NotDoneError(f"more than {BEGUN_MAX} requests are open there; let its sites go live one after the other")
    shown_ones = [one for one in found if one.hold == "trial" and sitting.agreements.of_site(one.site).is_live]
    await sitting.know_requests([one.id for one in shown_ones])
    await sitting.know([one.printer for one in shown_ones])
    counts: dict[str, int] = {}
    for one in shown_ones:
        watched = sitting.watched.get(one.printer)
        within_days = sitting.agreements.of_site(one.site).bundle_days
        if watched is None or not watch.is_due(watched, one.supply, now_utc, within_days, sitting.desk(one.printer)):
            sitting.book.cancel(one.id, "not due any more when the site went live", makes_way=True)
    sitting.book.unsettled |= await kept_requests.places_unsent(sitting.db, sitting.account)
    await sitting.settle()
    for one in shown_ones:
        after = sitting.book.requests[one.id]
        word = "withdrawn" if after.state == "cancelled" else after.hold or after.state
        counts[word] = counts.get(word, 0) + 1
    return counts


async def _check_site(db: Any, account: str, site: str | None) -> None:
    if not await agents.has_account(db, account):
        raise NotDoneError(f"there is no account {account}; poller central account list")
    if site is not None and not await agents.has_site(db, account, site):
        raise NotDoneError(f"account {account} has no site {site}; poller central site list {account}")
