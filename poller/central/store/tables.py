"""The tables of central, written once for SQLite and PostgreSQL.

Every key begins with the account, so that the store can be divided by it (issue: many machines, Citus): rows of one account live together,
and no query of an account's data looks at another's. Three small tables are asked before the account is known, by what a request brings
along: `account` itself, `token` (by the hash of its secret) and `agent_key` (by key id). They would be copied to every machine.

Lines are kept as they came, byte by byte: they are evidence. Beside them stands what finding them needs. Their key has the time of arrival
second, since that is what they are partitioned and pruned by; the time of taking is the sender's word, and may be any.
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


def _account_column() -> Column[str]:
    return Column("account", String(NAME_CHARACTERS_MAX), primary_key=True)


# --- asked before the account is known -------------------------------------------------------------------------------------

account = Table(
    "account",
    metadata,
    _account_column(),
    Column("title", Text, nullable=True),
    Column("added_utc", UtcTime, nullable=False),
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
)

# --- of one account --------------------------------------------------------------------------------------------------------

site = Table(
    "site",
    metadata,
    _account_column(),
    Column("site", String(NAME_CHARACTERS_MAX), primary_key=True),
    Column("title", Text, nullable=True),
    Column("added_utc", UtcTime, nullable=False),
    ForeignKeyConstraint(["account"], ["account.account"]),
)

agent = Table(
    "agent",
    metadata,
    _account_column(),
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
    _account_column(),
    Column("agent", String(AGENT_ID_CHARACTERS_MAX), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary(32), nullable=False, comment="SHA-256 of the envelope: tells a repetition from another content"),
    Column("lines", Integer, nullable=False),
    Column("unreadable", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("received_utc", UtcTime, nullable=False),
)

line = Table(
    "line",
    metadata,
    _account_column(),
    Column("received_utc", UtcTime, primary_key=True),
    Column("agent", String(AGENT_ID_CHARACTERS_MAX), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False, comment="in its batch, from 0"),
    Column("type", String(TYPE_CHARACTERS_MAX), nullable=True, comment="reading, event, job, health or what a later agent sends"),
    Column("printer", String(PRINTER_CHARACTERS_MAX), nullable=True),
    Column("identities", JSON(none_as_null=True), nullable=True),
    Column("taken_utc", UtcTime, nullable=True),
    Column("mark", String(16), nullable=True, comment="future or ancient: what its time is, seen from here"),
    Column("fault", Text, nullable=True, comment="why it cannot be read; null for a line that can"),
    Column("body", LargeBinary, nullable=False, comment="exactly as it came"),
    Index(None, "account", "printer", "taken_utc"),
)

nonce = Table(
    "nonce",
    metadata,
    _account_column(),
    Column("key_id", String(KEY_ID_CHARACTERS), primary_key=True),
    Column("nonce", String(64), primary_key=True),
    Column("until_utc", UtcTime, nullable=False),
    Index(None, "account", "until_utc"),
)

settings = Table(
    "settings",
    metadata,
    _account_column(),
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
    _account_column(),
    Column("at_utc", UtcTime, primary_key=True),
    Column("id", String(32), primary_key=True, comment="random: two things may happen in one millisecond"),
    Column("who", Text, nullable=False),
    Column("what", String(NAME_CHARACTERS_MAX), nullable=False),
    Column("subject", Text, nullable=False),
    Column("is_refused", Boolean, nullable=False),
)
