"""Erasing an account: its key is destroyed, and with it everything personal; its readings are deleted; what bills rest on stays.

After it no device, address, host name, location, contact or mail of the account can be read from the database, with or without central's
own keys. What stays until its retention ends, because the law wants it so: meters, contracts, and of devices what a bill names (make,
model, serial number, the numbers of the merchandise system). Backups made before are another matter: docs/central.md says so.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Table, delete, update

from poller.central.office.administration import NotDoneError
from poller.central.store import agents
from poller.central.store import personal as personals
from poller.central.store.database import Database
from poller.central.store.tables import account as accounts
from poller.central.store.tables import agent, metadata

DELETED = (
    *("content", "line", "fresh", "daily", "batch", "nonce", "settings", "token", "agent_key", "agent", "site"),
    *("evidence", "standing", "closing", "growth"),
    *("job", "job_batch", "job_cursor"),
    *("message", "request_event", "supply_event", "request", "parcel", "stock_move", "agreement"),
    *("watched", "rhythm", "part_yield", "watch_batch", "watch_cursor"),
    *("device_event", "sighting", "device_name", "device_batch", "device_cursor", "contact", "location", "article", "person"),
)
"""The tables whose rows go, in an order their references allow."""
KEPT = {
    "account": "that there was one, and its short name; the title goes",
    "account_key": "that it was destroyed",
    "device": "what a bill names; what is sealed in it, and what its device said of itself, goes",
    "contract": "what was agreed, for the bills made by it",
    "meter": "what was billed: ten years",
    "ledger": "the two ends of the chain of meters",
    "audit": "who did what; it names no customer's person",
}
"""The tables whose rows stay, each with why."""


class Erasure:
    """*who* is written into the audit log beside everything done."""

    def __init__(self, database: Database, *, who: str) -> None:
        self._database, self._who = database, who

    async def erase(self, account: str, *, now_utc: datetime) -> tuple[dict[str, int], bool]:
        """Erase an account for good; return how many rows of each table were deleted, and whether the file holds no trace of them.

        Raises NotDoneError, UnavailableError.

        On SQLite the file is written anew, so that nothing stays in pages that are free. PostgreSQL leaves old rows where they are until
        they are vacuumed: that is the dealer's to do (docs/central.md), and by then they cannot be opened any more.
        """
        counts = {}
        async with self._database.writing() as db:
            if not await agents.has_account(db, account):
                raise NotDoneError(f"there is no account {account}; poller central account list")
            if self._database.is_sqlite:
                await db.exec_driver_sql("PRAGMA secure_delete = ON")
            await personals.destroy(db, account, now_utc=now_utc)
            # From here on none of its agents is let in; a batch that is being stored just now is waited for, and deleted with the rest.
            await db.execute(update(agent).where(agent.c.account == account).values(revoked_utc=now_utc))
            for table in tables_deleted():
                counts[table.name] = (await db.execute(delete(table).where(table.c.account == account))).rowcount
            device = metadata.tables["device"]
            forgotten = {"personal": None, "place": None, "range": None, "home": "", "location": None}
            await db.execute(update(device).where(device.c.account == account).values(**forgotten))
            await db.execute(update(accounts).where(accounts.c.account == account).values(title=None))
            await agents.note(db, account, who=self._who, what="erase-account", subject=account, now_utc=now_utc)
        return counts, self._database.is_sqlite and await self._database.rewrite()


def tables_deleted() -> list[Table]:
    return [metadata.tables[name] for name in DELETED]
