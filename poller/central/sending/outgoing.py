"""Messages as a person asks for them, and what a person decides about them; each decision is in the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from poller.central.office.administration import NotDoneError
from poller.central.sending.sender import OnSent, tell_if_all_sent
from poller.central.store import agents, messages
from poller.central.store import personal as personals
from poller.central.store.database import Database
from poller.central.store.messages import Channel, Key, State
from poller.sealing.local_key import LocalKey


class Outgoing:
    """*who* is written into the audit log beside everything done; *on_sent* is the sender's."""

    def __init__(self, database: Database, store: LocalKey, *, who: str, on_sent: OnSent | None = None) -> None:
        self._database, self._store, self._who, self._on_sent = database, store, who, on_sent

    async def list_(
        self, account: str, *, parcel: str | None = None, states: Sequence[State] = (), rows_max: int = 1000, now_utc: datetime
    ) -> list[dict[str, Any]]:
        """Return the newest messages, oldest first: parcel, channel, state, tries, times, `error` and `answer`, what the other side said.

        Raises NotDoneError, ErasedError, SealError, UnavailableError.
        """
        async with self._database.writing() as db:  # the account's key may have to be made
            if not await agents.has_account(db, account):
                raise NotDoneError(f"there is no account {account}; poller central account list")
            personal = await personals.open_account(db, self._store, account, now_utc=now_utc)
        async with self._database.reading() as db:
            return await messages.find(db, account, personal, parcel=parcel, states=states, rows_max=rows_max)

    async def again(self, account: str, parcel: str, channel: Channel, *, now_utc: datetime) -> State:
        """Have a message sent now, once more if it was sent already: the very same one. Returns what it was. Raises NotDoneError."""
        async with self._database.writing() as db:
            was = await messages.send_again(db, Key(account, parcel, channel), now_utc=now_utc)
            if was == "sending":
                raise NotDoneError(f"{channel} of parcel {parcel} is being sent right now; look again in a quarter of an hour")
            return await self._noted(db, account, parcel, channel, was, what="message-again", now_utc=now_utc)

    async def arrived(self, account: str, parcel: str, channel: Channel, *, now_utc: datetime) -> State:
        """Write down that a message that is unclear or failed has reached whom it was for. Returns what it was. Raises NotDoneError."""
        key = Key(account, parcel, channel)
        async with self._database.writing() as db:
            await messages.lock_parcel(db, key)
            was = await messages.settle(db, key, now_utc=now_utc)
            if was not in (None, "unclear", "failed"):
                raise NotDoneError(f"{channel} of parcel {parcel} is {was}: nothing is to be decided about it")
            noted = await self._noted(db, account, parcel, channel, was, what="message-arrived", now_utc=now_utc)
            await tell_if_all_sent(db, key, self._on_sent, now_utc=now_utc)
        return noted

    async def _noted(
        self, db: Any, account: str, parcel: str, channel: Channel, was: State | None, *, what: str, now_utc: datetime
    ) -> State:
        if was is None:
            raise NotDoneError(f"parcel {parcel} of account {account} is not told over {channel}; poller central request parcels {account}")
        await agents.note(db, account, who=self._who, what=what, subject=f"{parcel} {channel}", now_utc=now_utc)
        return was
