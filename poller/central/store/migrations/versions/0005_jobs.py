"""Jobs of production presses: the list, and how far batches are in it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from poller.central.store.tables import UtcTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False, comment="the same for the same record of the press's log"),
        sa.Column("agent", sa.String(length=63), nullable=False, comment="that sent it first"),
        sa.Column("received_utc", UtcTime(), nullable=False),
        sa.Column("at_utc", UtcTime(), nullable=True, comment="completed, else printed, else submitted; null where the log does not say"),
        sa.Column("server", sa.String(length=300), nullable=True, comment="the press"),
        sa.Column("cost_centre", sa.String(length=300), nullable=True),
        sa.Column("impressions", sa.BigInteger(), nullable=True),
        sa.Column("black", sa.BigInteger(), nullable=True),
        sa.Column("colour", sa.BigInteger(), nullable=True),
        sa.Column("sheets", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False, comment="what else its line has, without what is null"),
        sa.Column("personal", sa.LargeBinary(), nullable=True, comment="document, sender, recipient: sealed under the account's key"),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_job_account")),
        sa.PrimaryKeyConstraint("account", "site", "key", name=op.f("pk_job")),
    )
    op.create_index(op.f("ix_job_account_at_utc"), "job", ["account", "at_utc"], unique=False)
    op.create_index(op.f("ix_job_account_received_utc"), "job", ["account", "received_utc"], unique=False)
    op.create_table(
        "job_cursor",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("received_utc", UtcTime(), nullable=False, comment="of the newest batch that is in"),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_job_cursor_account")),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_job_cursor")),
    )
    op.create_table(
        "job_batch",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=63), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("received_utc", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "agent", "number", name=op.f("pk_job_batch")),
    )
    op.create_index(op.f("ix_job_batch_account_received_utc"), "job_batch", ["account", "received_utc"], unique=False)
