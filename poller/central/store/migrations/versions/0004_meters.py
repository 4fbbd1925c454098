"""Meters: where each device stands, which days are closed, what is plausible, what decisions rest on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from poller.central.store.tables import UtcTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "standing",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=18), nullable=False),
        sa.Column("closed", sa.Date(), nullable=False, comment="the last day its meters were closed for"),
        sa.Column("is_due", sa.Boolean(), nullable=False, comment="to be looked at by the next close, though nothing new came"),
        sa.Column("held_utc", UtcTime(), nullable=True, comment="since when a person is asked about it"),
        sa.Column(
            "body",
            sa.LargeBinary(),
            nullable=False,
            comment="poller/central/meters/standing.py as JSON, and readings of days not closed yet",
        ),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_standing_account")),
        sa.PrimaryKeyConstraint("account", "device", name=op.f("pk_standing")),
    )
    op.create_index(op.f("ix_standing_account_is_due"), "standing", ["account", "is_due"], unique=False)
    op.create_index(op.f("ix_standing_account_held_utc"), "standing", ["account", "held_utc"], unique=False)
    op.create_table(
        "closing",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False, comment="the time zone whose days these are"),
        sa.Column("closed", sa.Date(), nullable=True, comment="the last day that is closed for all its devices"),
        sa.Column("until_utc", UtcTime(), nullable=True, comment="batches received until then are in the meters"),
        sa.Column("leased_until_utc", UtcTime(), nullable=True, comment="until when another process leaves it to the one that is at it"),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_closing_account")),
        sa.PrimaryKeyConstraint("account", "zone", name=op.f("pk_closing")),
    )
    op.create_table(
        "growth",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=300), nullable=False),
        sa.Column("cell", sa.String(length=64), nullable=False),
        sa.Column(
            "tally",
            sa.JSON(),
            nullable=False,
            comment="device-days by how many bits the pages of one have; poller/central/meters/plausible.py",
        ),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_growth_account")),
        sa.PrimaryKeyConstraint("account", "model", "cell", name=op.f("pk_growth")),
    )
    op.create_table(
        "evidence",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False, comment="SHA-256 of the text, as the ledger has it"),
        sa.Column("kept_utc", UtcTime(), nullable=False),
        sa.Column("personal", sa.LargeBinary(), nullable=True, comment="the text, sealed under the account's key"),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_evidence_account")),
        sa.PrimaryKeyConstraint("account", "hash", name=op.f("pk_evidence")),
    )
