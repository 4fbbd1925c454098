"""The tables of central, written once for SQLite and PostgreSQL.

Every key begins with the account, so that the store can be divided by it (docs/scale.md: many machines, Citus): rows of one account live
together, and no query of an account's data looks at another's. Three small tables are asked before the account is known, by what a
request brings along: `account` itself, `token` (by the hash of its secret) and `agent_key` (by key id). They are copied to every machine,
and say so (`info=COPIED`).

What grows with the devices is divided by month on PostgreSQL, `**by_month(…)`, so that its end is dropped in one piece; on SQLite it is
a table like any other, with the same name and columns. Every unique key of such a table has the column it is divided by.

A batch's lines are evidence: they are kept byte by byte, together and compressed, in `content` (a twentieth of their size: readings
resemble each other). `line` says what is where in them. Other table modules beside this one use the same `metadata`, and `account_column`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeEngine

from poller.central.values import Kept

NAME_CHARACTERS_MAX = 64
AGENT_ID_CHARACTERS_MAX = 63
KEY_ID_CHARACTERS = 64
PRINTER_CHARACTERS_MAX = 300
TYPE_CHARACTERS_MAX = 64
VERSION_CHARACTERS_MAX = 100

_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class UtcTime(TypeDecorator[datetime]):
    """A time in UTC to the millisecond: `timestamptz` on PostgreSQL, milliseconds since 1970 on SQLite, which has no type for it."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(TIMESTAMP(timezone=True) if dialect.name == "postgresql" else BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return (value - _EPOCH_UTC) // _MILLISECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name == "postgresql":
            return value  # type: ignore[no-any-return]
        return _EPOCH_UTC + timedelta(milliseconds=int(value))


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


COPIED = {"is_copied": True}
"""For `Table(info=…)`: small, and asked before the account is known, so that every machine has all of it."""


def by_month(column: str, kept: Kept) -> dict[str, Any]:
    """Return what makes a table one that is divided by the month of *column*: `Table(…, **by_month("day", "daily"))`."""
    return {"info": {"by_month": column, "kept": kept}, "postgresql_partition_by": f"RANGE ({column})"}


def account_column() -> Column[str]:
    """Return the column every key begins with."""
    return Column("account", String(NAME_CHARACTERS_MAX), primary_key=True)


# --- asked before the account is known -------------------------------------------------------------------------------------

account = Table(
    "account",
    metadata,
    account_column(),
    Column("title", Text, nullable=True),
    Column("added_utc", UtcTime, nullable=False),
    info=COPIED,
)

token = Table(
    "token",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("account", String(NAME_CHARACTERS_MAX), ForeignKey("account.account"), nullable=False),
    Column("site", String(NAME_CHARACTERS_MAX), nullable=False),
    Column("made_utc", UtcTime, nullable=False),
    Column("expires_utc", UtcTime, nullable=False),
    Column("revoked_utc", UtcTime, nullable=True),
    Column("used_utc", UtcTime, nullable=True),
    Column("used_by", String(KEY_ID_CHARACTERS), nullable=True, comment="the signing key that was enrolled with it"),
    Index(None, "account", "site"),
    info=COPIED,
)

agent_key = Table(
    "agent_key",
    metadata,
    Column("key_id", String(KEY_ID_CHARACTERS), primary_key=True),
    Column("account", String(NAME_CHARACTERS_MAX), ForeignKey("account.account"), nullable=False),
    Column("agent", String(AGENT_ID_CHARACTERS_MAX), nullable=False),
    Column("signing", Text, nullable=False, comment="the public line"),
    Column("sealing", Text, nullable=False, comment="the public line"),
    Column("added_utc", UtcTime, nullable=False),
    Index(None, "account", "agent"),
    info=COPIED,
)

# --- of one account --------------------------------------------------------------------------------------------------------

site = Table(
    "site",
    metadata,
    account_column(),
    Column("site", String(NAME_CHARACTERS_MAX), primary_key=True),
    Column("title", Text, nullable=True),
    Column("added_utc", UtcTime, nullable=False),
    Column("time_zone", Text, nullable=True, comment="whose days its meters and daily rows have; null is UTC"),
    ForeignKeyConstraint(["account"], ["account.account"]),
)

agent = Table(
    "agent",
    metadata,
    account_column(),
    Column("agent", String(AGENT_ID_CHARACTERS_MAX), primary_key=True),
    Column("site", String(NAME_CHARACTERS_MAX), nullable=False),
    Column("enrolled_utc", UtcTime, nullable=False),
    Column("revoked_utc", UtcTime, nullable=True),
    Column("pinned_signing", String(KEY_ID_CHARACTERS), nullable=False, comment="the key of ours it knows, and is answered by"),
    Column("seen_utc", UtcTime, nullable=True, comment="of its last genuine request"),
    Column("batch_utc", UtcTime, nullable=True, comment="of its last batch"),
    Column("version", String(VERSION_CHARACTERS_MAX), nullable=True),
    Column("settings_version", BigInteger, nullable=False, default=0, server_default="0", comment="what it says it goes by"),
    Column("settings_refused", JSON(none_as_null=True), nullable=True, comment="version and reason of what it did not take"),
    Column("health", JSON(none_as_null=True), nullable=True, comment="its last heartbeat"),
    ForeignKeyConstraint(["account", "site"], ["site.account", "site.site"]),
)

batch = Table(
    "batch",
    metadata,
    account_column(),
    Column("agent", String(AGENT_ID_CHARACTERS_MAX), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary(32), nullable=False, comment="SHA-256 of the envelope: tells a repetition from another content"),
    Column("lines", Integer, nullable=False),
    Column("unreadable", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("received_utc", UtcTime, nullable=False),
    Index(None, "account", "received_utc"),
)

content = Table(
    "content",
    metadata,
    account_column(),
    Column("received_utc", UtcTime, primary_key=True),
    Column("agent", String(AGENT_ID_CHARACTERS_MAX), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("plain_bytes", Integer, nullable=False, comment="of the lines with their newlines"),
    Column("body", LargeBinary, nullable=False, comment="the lines exactly as they came, each with its newline, as one zstd frame"),
    **by_month("received_utc", "raw"),
)

line = Table(
    "line",
    metadata,
    Column("account", String(NAME_CHARACTERS_MAX), nullable=False),
    Column("received_utc", UtcTime, nullable=False),
    Column("agent", String(AGENT_ID_CHARACTERS_MAX), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("position", Integer, nullable=False, comment="in its batch, from 0"),
    Column("type", String(TYPE_CHARACTERS_MAX), nullable=True, comment="reading, event, job, health or what a later agent sends"),
    Column("printer", String(PRINTER_CHARACTERS_MAX), nullable=True),
    Column("taken_utc", UtcTime, nullable=True),
    Column("mark", String(16), nullable=True, comment="future or ancient: what its time is, seen from here"),
    Column("fault", Text, nullable=True, comment="why it cannot be read; null for a line that can"),
    Index(None, "account", "printer", "taken_utc"),
    **by_month("received_utc", "raw"),
)
"""No key of its own: `batch` has one, and a line comes in with its batch or not at all."""

fresh = Table(
    "fresh",
    metadata,
    account_column(),
    Column("agent", String(AGENT_ID_CHARACTERS_MAX), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("received_utc", UtcTime, nullable=False),
)
"""The batches that are not in the daily rows yet: a queue, nearly always empty."""

daily = Table(
    "daily",
    metadata,
    account_column(),
    Column("day", Date, primary_key=True, comment="of the site's time zone"),
    Column("printer", String(PRINTER_CHARACTERS_MAX), primary_key=True),
    Column("site", String(NAME_CHARACTERS_MAX), nullable=False, comment="where it was last that day"),
    Column("first_utc", UtcTime, nullable=False),
    Column("last_utc", UtcTime, nullable=False),
    Column("readings", Integer, nullable=False),
    Column("counters", JSON, nullable=False, comment="by cell: first, last, min, max; see poller/central/meters/dailies.py"),
    Column("levels", JSON, nullable=False, comment="by supply key: first, last, min, max of its ratio"),
    **by_month("day", "daily"),
)

ledger = Table(
    "ledger",
    metadata,
    account_column(),
    Column("number", BigInteger, nullable=False, comment="of its last entry"),
    Column("hash", LargeBinary(32), nullable=False),
    Column("appended_utc", UtcTime, nullable=False),
    Column("floor_number", BigInteger, nullable=False, comment="of the last entry dropped when its retention ended; 0 for none"),
    Column("floor_hash", LargeBinary(32), nullable=False),
    ForeignKeyConstraint(["account"], ["account.account"]),
)
"""The two ends of each account's chain of meters (poller/central/meters/chain.py). Its row is what appending waits for."""

meter = Table(
    "meter",
    metadata,
    account_column(),
    Column("appended_utc", UtcTime, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False, comment="its place in the account's chain, from 1"),
    Column("device", String(PRINTER_CHARACTERS_MAX), nullable=False),
    Column("day", Date, nullable=False),
    Column("zone", String(NAME_CHARACTERS_MAX), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("reason", String(16), nullable=False),
    Column("taken_utc", UtcTime, nullable=False),
    Column("run", Integer, nullable=False),
    Column("meters", JSON, nullable=False, comment="cell, count, total of each"),
    Column("user", String(NAME_CHARACTERS_MAX), nullable=True, comment="an opaque id"),
    Column("evidence", String(64), nullable=True),
    Column("hash", LargeBinary(32), nullable=False),
    Index(None, "account", "device", "day"),
    **by_month("appended_utc", "meters"),
)

nonce = Table(
    "nonce",
    metadata,
    account_column(),
    Column("key_id", String(KEY_ID_CHARACTERS), primary_key=True),
    Column("nonce", String(64), primary_key=True),
    Column("until_utc", UtcTime, nullable=False),
    Index(None, "account", "until_utc"),
)

settings = Table(
    "settings",
    metadata,
    account_column(),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("site", String(NAME_CHARACTERS_MAX), nullable=True),
    Column("agent", String(AGENT_ID_CHARACTERS_MAX), nullable=True),
    Column("body", LargeBinary, nullable=False, comment="sealed under central's store key: it may hold credentials"),
    Column("signing", String(KEY_ID_CHARACTERS), nullable=False, comment="the newest of our signing keys, announced with it"),
    Column("set_utc", UtcTime, nullable=False),
    Column("set_by", Text, nullable=False),
    ForeignKeyConstraint(["account"], ["account.account"]),
    CheckConstraint("(site IS NULL) <> (agent IS NULL)", name="one_subject"),
    Index(None, "account", "agent", "version"),
    Index(None, "account", "site", "version"),
)

audit = Table(
    "audit",
    metadata,
    account_column(),
    Column("at_utc", UtcTime, primary_key=True),
    Column("id", String(32), primary_key=True, comment="random: two things may happen in one millisecond"),
    Column("who", Text, nullable=False),
    Column("what", String(NAME_CHARACTERS_MAX), nullable=False),
    Column("subject", Text, nullable=False),
    Column("is_refused", Boolean, nullable=False),
)
