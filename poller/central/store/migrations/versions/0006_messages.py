"""Messages: what of parcels is to be told, over which channel, and how far that is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from poller.central.store.tables import UtcTime

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "message",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("parcel", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False, comment="mail, webhook or csv"),
        sa.Column("state", sa.String(length=16), nullable=False, comment="waiting, sending, sent, unclear or failed"),
        sa.Column("made_utc", UtcTime(), nullable=False),
        sa.Column("since_utc", UtcTime(), nullable=False, comment="from when on it is tried: given up a week later"),
        sa.Column("due_utc", UtcTime(), nullable=True, comment="of the next try, or the end of the lease; null when nothing is to be done"),
        sa.Column("lease", sa.String(length=32), nullable=True, comment="whose it is while it is sent"),
        sa.Column(
            "begun_utc", UtcTime(), nullable=True, comment="when a mail was about to be handed over: from then on it may have arrived"
        ),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("tried_utc", UtcTime(), nullable=True),
        sa.Column("sent_utc", UtcTime(), nullable=True),
        sa.Column("error", sa.String(length=32), nullable=True, comment="what went wrong the last time, in a word"),
        sa.Column("personal", sa.LargeBinary(), nullable=False, comment="the parcel, and what the other side said: sealed"),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_message_account")),
        sa.PrimaryKeyConstraint("account", "parcel", "channel", name=op.f("pk_message")),
    )
    op.create_index(op.f("ix_message_due_utc"), "message", ["due_utc"], unique=False)
    op.create_index(op.f("ix_message_state"), "message", ["state"], unique=False)
