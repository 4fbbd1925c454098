"""Messages in the database: one for each channel that a parcel is to be told over, and how far each is.

    waiting ─claim─> sending ─┬─> sent
       ^                      ├─> waiting, for a later try      (a lease that ended before anything was handed over, too)
       └── again, by a person ┼─> failed                        (refused, or not possible for a week)
                              └─> unclear                       (handed over, and nobody knows whether it was taken)

Whoever sends claims a message first, in a transaction of its own: until the lease ends it is nobody else's. What a sender notes counts only
under its own lease. The parcel and what the other side said are sealed in `personal`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import (
    Column,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    and_,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store.database import Database
from poller.central.store.personal import Facts, Personal
from poller.central.store.tables import NAME_CHARACTERS_MAX, UtcTime, account, account_column, metadata

Channel = Literal["mail", "webhook", "csv"]
State = Literal["waiting", "sending", "sent", "unclear", "failed"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
STATES: tuple[State, ...] = get_args(State)
UNSENT: tuple[State, ...] = ("waiting", "sending", "unclear", "failed")

ERROR_CHARACTERS_MAX = 32
_LEASE_BYTES = 16
_DELETED_AT_ONCE = 5000

message = Table(
    "message",
    metadata,
    account_column(),
    Column("parcel", String(NAME_CHARACTERS_MAX), primary_key=True),
    Column("channel", String(16), primary_key=True, comment="mail, webhook or csv"),
    Column("state", String(16), nullable=False, comment="waiting, sending, sent, unclear or failed"),
    Column("made_utc", UtcTime, nullable=False),
    Column("since_utc", UtcTime, nullable=False, comment="from when on it is tried: given up a week later"),
    Column("due_utc", UtcTime, nullable=True, comment="of the next try, or the end of the lease; null when nothing is to be done"),
    Column("lease", String(2 * _LEASE_BYTES), nullable=True, comment="whose it is while it is sent"),
    Column("begun_utc", UtcTime, nullable=True, comment="when a mail was about to be handed over: from then on it may have arrived"),
    Column("tries", Integer, nullable=False),
    Column("tried_utc", UtcTime, nullable=True),
    Column("sent_utc", UtcTime, nullable=True),
    Column("error", String(ERROR_CHARACTERS_MAX), nullable=True, comment="what went wrong the last time, in a word"),
    Column("personal", LargeBinary, nullable=False, comment="the parcel, and what the other side said: sealed"),
    ForeignKeyConstraint(["account"], ["account.account"]),
    Index(None, "due_utc"),
    Index(None, "state"),
)


class Key(NamedTuple):
    """Which message."""

    account: str
    parcel: str
    channel: Channel

    def where(self) -> ColumnElement[bool]:
        return and_(message.c.account == self.account, message.c.parcel == self.parcel, message.c.channel == self.channel)


class Claim(NamedTuple):
    """A message that is ours until the lease ends. `tries` counts this one; `body` is the parcel as JSON."""

    key: Key
    lease: str
    tries: int
    since_utc: datetime
    body: str

    def where(self) -> ColumnElement[bool]:
        return and_(self.key.where(), message.c.lease == self.lease)


class Fate(NamedTuple):
    """What became of a try: when the next one is due, what went wrong in a word, and what the other side said."""

    state: State
    due_utc: datetime | None = None
    error: str | None = None
    answer: str = ""


async def add(db: AsyncConnection, keys: Sequence[Key], body: str, personal: Personal, *, now_utc: datetime) -> None:
    """Add messages that are due at once; those that are here stay as they are."""
    if not keys:
        return
    insert = (postgresql if db.dialect.name == "postgresql" else sqlite).insert
    rows = [
        {
            **key._asdict(),
            "state": "waiting",
            "made_utc": now_utc,
            "since_utc": now_utc,
            "due_utc": now_utc,
            "tries": 0,
            "personal": _sealed(personal, key, body, ""),
        }
        for key in keys
    ]
    await db.execute(insert(message).on_conflict_do_nothing(), rows)


# --- sending ---------------------------------------------------------------------------------------------------------------


async def due(db: AsyncConnection, channel: Channel, *, now_utc: datetime, rows_max: int) -> list[Key]:
    """Return what may be sent now, and what somebody began to send and did not finish, those that wait longest first."""
    query = (
        select(message.c.account, message.c.parcel)
        .where(message.c.due_utc <= now_utc, message.c.channel == channel)
        .order_by(message.c.due_utc, message.c.account, message.c.parcel)
        .limit(rows_max)
    )
    return [Key(row[0], row[1], channel) for row in await db.execute(query)]


async def claim(
    db: AsyncConnection, key: Key, personal: Personal, *, now_utc: datetime, lease_seconds: float
) -> Claim | Literal["unclear"] | None:
    """Claim a message; None when it is not due any more, or somebody else's. Raises SealError.

    One whose lease ended after it was begun to be handed over is `unclear` from now on, and nobody's.
    """
    query = select(message).where(key.where(), message.c.due_utc <= now_utc).with_for_update()
    row = (await db.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    if row["begun_utc"] is not None:
        await db.execute(update(message).where(key.where()).values(state="unclear", due_utc=None, error="interrupted"))
        return "unclear"
    body = _opened(personal, key, row["personal"])["body"]
    lease, tries = secrets.token_hex(_LEASE_BYTES), row["tries"] + 1
    values = {"state": "sending", "lease": lease, "due_utc": now_utc + timedelta(seconds=lease_seconds), "tries": tries}
    await db.execute(update(message).where(key.where()).values(**values, tried_utc=now_utc))
    return Claim(key, lease, tries, row["since_utc"], body)


async def postpone(db: AsyncConnection, of: str, channel: Channel, *, now_utc: datetime, until_utc: datetime) -> None:
    """Put off all that is due of an account over a channel, or was cut off, without counting a try."""
    mine = and_(message.c.account == of, message.c.channel == channel, message.c.due_utc <= now_utc)
    await db.execute(update(message).where(mine).values(due_utc=until_utc))


async def begin(db: AsyncConnection, of: Claim, *, now_utc: datetime) -> bool:
    """Note that the next byte may be the one that counts. False when the lease is over, and nothing may be handed over any more."""
    mine = update(message).where(of.where(), message.c.state == "sending", message.c.due_utc > now_utc)
    return (await db.execute(mine.values(begun_utc=now_utc))).rowcount == 1


async def note(db: AsyncConnection, of: Claim, fate: Fate, personal: Personal, *, now_utc: datetime) -> bool:
    """Note what became of a claim. False when it had become somebody else's meanwhile."""
    values = {
        "state": fate.state,
        "due_utc": fate.due_utc,
        "sent_utc": now_utc if fate.state == "sent" else None,
        "error": None if fate.error is None else fate.error[:ERROR_CHARACTERS_MAX],
        "personal": _sealed(personal, of.key, of.body, fate.answer),
    }
    if fate.state != "unclear":
        values |= {"lease": None, "begun_utc": None}
    return (await db.execute(update(message).where(of.where()).values(**values))).rowcount == 1


async def lock_parcel(db: AsyncConnection, of: Key) -> None:
    """Keep all messages of a parcel from others until the end of the transaction: two that are sent at once are noted one by one."""
    mine = select(message.c.channel).where(message.c.account == of.account, message.c.parcel == of.parcel)
    await db.execute(mine.order_by(message.c.channel).with_for_update())


async def is_all_sent(db: AsyncConnection, of: Key) -> bool:
    """Whether every channel has the parcel."""
    rest = select(func.count()).where(message.c.account == of.account, message.c.parcel == of.parcel, message.c.state != "sent")
    return await db.scalar(rest) == 0


# --- by hand ---------------------------------------------------------------------------------------------------------------


async def find(
    db: AsyncConnection, of: str, personal: Personal, *, parcel: str | None = None, states: Sequence[str] = (), rows_max: int
) -> list[dict[str, Any]]:
    """Return the newest messages of an account, oldest first: the columns, without the parcel, with `answer`, the last words heard."""
    wanted = [message.c.account == of]
    if parcel is not None:
        wanted.append(message.c.parcel == parcel)
    if states:
        wanted.append(message.c.state.in_(states))
    newest = (message.c.made_utc.desc(), message.c.parcel, message.c.channel)
    rows = (await db.execute(select(message).where(*wanted).order_by(*newest).limit(rows_max))).mappings()
    return [_listed(row, personal) for row in rows][::-1]


async def send_again(db: AsyncConnection, key: Key, *, now_utc: datetime) -> State | None:
    """Make a message due now, whatever became of it, but not while it is being sent; return what it was, None where there is none."""
    was: State | None = await db.scalar(select(message.c.state).where(key.where()).with_for_update())
    if was is not None and was != "sending":
        fresh = {"state": "waiting", "since_utc": now_utc, "due_utc": now_utc, "tries": 0, "lease": None, "begun_utc": None}
        await db.execute(update(message).where(key.where()).values(**fresh, sent_utc=None))
    return was


async def settle(db: AsyncConnection, key: Key, *, now_utc: datetime) -> State | None:
    """Take a message that is unclear or failed for sent; return what it was, None where there is none."""
    was: State | None = await db.scalar(select(message.c.state).where(key.where()).with_for_update())
    if was in ("unclear", "failed"):
        done = {"state": "sent", "sent_utc": now_utc, "due_utc": None, "lease": None, "begun_utc": None}
        await db.execute(update(message).where(key.where()).values(**done))
    return was


async def reword(db: AsyncConnection, of: str, parcel: str, personal: Personal, word: Callable[[str], str | None]) -> list[Channel]:
    """Have what of a parcel's messages is not on its way say what *word* makes of the parcel; None and the message is taken back.

    Returns the channels over which the parcel was told as it is, or may have been: a webhook that was tried can have arrived.
    """
    mine = (message.c.account == of, message.c.parcel == parcel)
    told: set[Channel] = set((await db.execute(select(message.c.channel).where(*mine))).scalars())
    # What a sender holds at this moment is told: it holds the messages before the account, as we the account before the messages.
    free = select(message).where(*mine, message.c.state.in_(("waiting", "failed"))).with_for_update(skip_locked=True)
    for row in (await db.execute(free)).mappings():
        key = Key(of, parcel, row["channel"])
        was_sent_again = row["since_utc"] != row["made_utc"]  # by a person: what became of it before is not kept
        if not was_sent_again and (key.channel != "webhook" or not row["tries"]):
            told.discard(key.channel)
        facts = _opened(personal, key, row["personal"])
        body = word(facts["body"])
        if body is None:
            await db.execute(delete(message).where(key.where()))
        else:
            sealed = _sealed(personal, key, body, facts.get("answer") or "")
            await db.execute(update(message).where(key.where()).values(personal=sealed))
    return sorted(told)


# --- of all accounts -------------------------------------------------------------------------------------------------------


async def count(db: AsyncConnection) -> dict[tuple[str, str], tuple[int, datetime]]:
    """Return by channel and state how many are not sent, and when the oldest of them was made."""
    query = (
        select(message.c.channel, message.c.state, func.count(), func.min(message.c.made_utc))
        .where(message.c.state.in_(UNSENT))
        .group_by(message.c.channel, message.c.state)
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in await db.execute(query)}


async def prune(database: Database, made_before_utc: datetime) -> int:
    """Forget what was made before that and is not to be sent any more; return how many. Raises UnavailableError."""
    async with database.reading() as db:
        accounts = list((await db.execute(select(account.c.account))).scalars())
    gone = 0
    for of in accounts:
        old = and_(message.c.account == of, message.c.due_utc.is_(None), message.c.made_utc < made_before_utc)
        done = _DELETED_AT_ONCE
        while done == _DELETED_AT_ONCE:
            async with database.writing() as db:
                parcels = [row[0] for row in await db.execute(select(message.c.parcel).where(old).limit(_DELETED_AT_ONCE))]
                done = len(parcels)
                if parcels:
                    gone += (await db.execute(delete(message).where(old, message.c.parcel.in_(parcels)))).rowcount
    return gone


def _listed(row: Mapping[Any, Any], personal: Personal) -> dict[str, Any]:
    plain = {name: value for name, value in row.items() if name not in ("account", "lease", "personal")}
    return {**plain, "answer": _opened(personal, Key(row["account"], row["parcel"], row["channel"]), row["personal"]).get("answer")}


def _sealed(personal: Personal, key: Key, body: str, answer: str) -> bytes | None:
    return personal.seal(message.name, key.parcel, {"body": body, "answer": answer})


def _opened(personal: Personal, key: Key, sealed: bytes) -> Facts:
    return personal.open(message.name, key.parcel, sealed)
