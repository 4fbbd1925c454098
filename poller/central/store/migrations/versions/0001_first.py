"""Everything central kept in its first version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from poller.central.store.tables import UtcTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("added_utc", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_account")),
    )
    op.create_table(
        "audit",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("at_utc", UtcTime(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False, comment="random: two things may happen in one millisecond"),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("is_refused", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("account", "at_utc", "id", name=op.f("pk_audit")),
    )
    op.create_table(
        "batch",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=63), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "digest", sa.LargeBinary(length=32), nullable=False, comment="SHA-256 of the envelope: tells a repetition from another content"
        ),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("unreadable", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("received_utc", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "agent", "number", name=op.f("pk_batch")),
    )
    op.create_table(
        "line",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("received_utc", UtcTime(), nullable=False),
        sa.Column("agent", sa.String(length=63), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False, comment="in its batch, from 0"),
        sa.Column("type", sa.String(length=64), nullable=True, comment="reading, event, job, health or what a later agent sends"),
        sa.Column("printer", sa.String(length=300), nullable=True),
        sa.Column("identities", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("taken_utc", UtcTime(), nullable=True),
        sa.Column("mark", sa.String(length=16), nullable=True, comment="future or ancient: what its time is, seen from here"),
        sa.Column("fault", sa.Text(), nullable=True, comment="why it cannot be read; null for a line that can"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="exactly as it came"),
        sa.PrimaryKeyConstraint("account", "received_utc", "agent", "number", "position", name=op.f("pk_line")),
    )
    op.create_index(op.f("ix_line_account_printer_taken_utc"), "line", ["account", "printer", "taken_utc"], unique=False)
    op.create_table(
        "nonce",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("until_utc", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "key_id", "nonce", name=op.f("pk_nonce")),
    )
    op.create_index(op.f("ix_nonce_account_until_utc"), "nonce", ["account", "until_utc"], unique=False)
    op.create_table(
        "agent_key",
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=63), nullable=False),
        sa.Column("signing", sa.Text(), nullable=False, comment="the public line"),
        sa.Column("sealing", sa.Text(), nullable=False, comment="the public line"),
        sa.Column("added_utc", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_agent_key_account")),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_agent_key")),
    )
    op.create_index(op.f("ix_agent_key_account_agent"), "agent_key", ["account", "agent"], unique=False)
    op.create_table(
        "settings",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("site", sa.String(length=64), nullable=True),
        sa.Column("agent", sa.String(length=63), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="sealed under central's store key: it may hold credentials"),
        sa.Column("signing", sa.String(length=64), nullable=False, comment="the newest of our signing keys, announced with it"),
        sa.Column("set_utc", UtcTime(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.CheckConstraint("(site IS NULL) <> (agent IS NULL)", name=op.f("ck_settings_one_subject")),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_settings_account")),
        sa.PrimaryKeyConstraint("account", "version", name=op.f("pk_settings")),
    )
    op.create_index(op.f("ix_settings_account_agent_version"), "settings", ["account", "agent", "version"], unique=False)
    op.create_index(op.f("ix_settings_account_site_version"), "settings", ["account", "site", "version"], unique=False)
    op.create_table(
        "site",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("added_utc", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_site_account")),
        sa.PrimaryKeyConstraint("account", "site", name=op.f("pk_site")),
    )
    op.create_table(
        "token",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("made_utc", UtcTime(), nullable=False),
        sa.Column("expires_utc", UtcTime(), nullable=False),
        sa.Column("revoked_utc", UtcTime(), nullable=True),
        sa.Column("used_utc", UtcTime(), nullable=True),
        sa.Column("used_by", sa.String(length=64), nullable=True, comment="the signing key that was enrolled with it"),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_token_account")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_token")),
    )
    op.create_index(op.f("ix_token_account_site"), "token", ["account", "site"], unique=False)
    op.create_table(
        "agent",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=63), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("enrolled_utc", UtcTime(), nullable=False),
        sa.Column("revoked_utc", UtcTime(), nullable=True),
        sa.Column("pinned_signing", sa.String(length=64), nullable=False, comment="the key of ours it knows, and is answered by"),
        sa.Column("seen_utc", UtcTime(), nullable=True, comment="of its last genuine request"),
        sa.Column("batch_utc", UtcTime(), nullable=True, comment="of its last batch"),
        sa.Column("version", sa.String(length=100), nullable=True),
        sa.Column("settings_version", sa.BigInteger(), server_default="0", nullable=False, comment="what it says it goes by"),
        sa.Column("settings_refused", sa.JSON(none_as_null=True), nullable=True, comment="version and reason of what it did not take"),
        sa.Column("health", sa.JSON(none_as_null=True), nullable=True, comment="its last heartbeat"),
        sa.ForeignKeyConstraint(["account", "site"], ["site.account", "site.site"], name=op.f("fk_agent_site")),
        sa.PrimaryKeyConstraint("account", "agent", name=op.f("pk_agent")),
    )
