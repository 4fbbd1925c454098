"""Toner requests: what is known of supplies, the requests and their history, parcels, shelf stock, and what is agreed with accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from poller.central.store.tables import UtcTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "watch_batch",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=63), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("received_utc", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "agent", "number", name=op.f("pk_watch_batch")),
    )
    op.create_index(op.f("ix_watch_batch_account_received_utc"), "watch_batch", ["account", "received_utc"], unique=False)
    op.create_table(
        "agreement",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False, comment="empty for the account"),
        sa.Column("rules", sa.JSON(), nullable=False, comment="by name, as poller/central/supplies/agreements.py reads them"),
        sa.Column("changed_utc", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_agreement_account")),
        sa.PrimaryKeyConstraint("account", "site", name=op.f("pk_agreement")),
    )
    op.create_table(
        "parcel",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("parcel", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=65), nullable=False),
        sa.Column("made_utc", UtcTime(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("sent_utc", UtcTime(), nullable=True),
        sa.Column("personal", sa.LargeBinary(), nullable=True, comment="poller/central/supplies/parcels.py as JSON, sealed"),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_parcel_account")),
        sa.PrimaryKeyConstraint("account", "parcel", name=op.f("pk_parcel")),
    )
    op.create_index(op.f("ix_parcel_account_made_utc"), "parcel", ["account", "made_utc"], unique=False)
    op.create_table(
        "part_yield",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("part", sa.String(length=300), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("mean", sa.Float(precision=53), nullable=False, comment="of the logarithms of pages"),
        sa.Column("squares", sa.Float(precision=53), nullable=False, comment="the sum of their squared distances from it"),
        sa.Column("levels", sa.JSON(), nullable=False, comment="the levels it has reported, in thousandths; none once the scale is fine"),
        sa.Column("is_fine", sa.Boolean(), nullable=False),
        sa.Column("lives", sa.JSON(), nullable=False, comment="the pages between two changes, of its last cartridges without levels"),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_part_yield_account")),
        sa.PrimaryKeyConstraint("account", "part", name=op.f("pk_part_yield")),
    )
    op.create_table(
        "rhythm",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("looked_utc", UtcTime(), nullable=True, comment="when what was due without a reading was last looked through"),
        sa.Column(
            "body", sa.LargeBinary(), nullable=False, comment="poller/central/supplies/calendar.py: the account's days, as MessagePack"
        ),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_rhythm_account")),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_rhythm")),
    )
    op.create_table(
        "stock_move",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=65), nullable=False, comment="a location, or @ and a site"),
        sa.Column("article", sa.String(length=64), nullable=False),
        sa.Column("at_utc", UtcTime(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False, comment="those of one moment in their order"),
        sa.Column(
            "what",
            sa.String(length=16),
            nullable=False,
            comment="entered, sent, installed, returned, cancelled; carried: the sum of what was pruned",
        ),
        sa.Column("pieces", sa.Integer(), nullable=False, comment="more of them, or fewer"),
        sa.Column("request", sa.String(length=16), nullable=True, comment="which they were sent for"),
        sa.Column("device", sa.String(length=18), nullable=True, comment="which they were installed in …"),
        sa.Column("supply", sa.String(length=200), nullable=True, comment="… in place of the cartridge …"),
        sa.Column("number", sa.Integer(), nullable=True, comment="… with this number"),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_stock_move_account")),
        sa.PrimaryKeyConstraint("account", "place", "article", "at_utc", "id", name=op.f("pk_stock_move")),
    )
    op.create_index(
        op.f("ix_stock_move_account_device_supply_number"), "stock_move", ["account", "device", "supply", "number"], unique=False
    )
    op.create_table(
        "watch_cursor",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("received_utc", UtcTime(), nullable=False, comment="of the newest batch that is in"),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_watch_cursor_account")),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_watch_cursor")),
    )
    op.create_table(
        "request",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=16), nullable=False),
        sa.Column("device", sa.String(length=18), nullable=False),
        sa.Column("supply", sa.String(length=200), nullable=False, comment="its key in the device's readings"),
        sa.Column("number", sa.Integer(), nullable=False, comment="of the cartridge in that slot"),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="for this cartridge, from 0"),
        sa.Column(
            "is_past", sa.Boolean(), nullable=False, comment="another cartridge than the next one was put in since: of no meaning any more"
        ),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("location", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("colour", sa.String(length=200), nullable=True),
        sa.Column("part_number", sa.String(length=200), nullable=True, comment="as the device names what is to be replaced"),
        sa.Column("article", sa.String(length=64), nullable=True),
        sa.Column("alternatives", sa.JSON(), nullable=False, comment="article numbers that may be sent in its place"),
        sa.Column("pieces", sa.Integer(), nullable=False, comment="in the box"),
        sa.Column("state", sa.String(length=16), nullable=False, comment="open, approved, sent, delivered, installed or cancelled"),
        sa.Column(
            "hold", sa.String(length=16), nullable=True, comment="what an open one waits for: trial, contract, clarify, stock, approval"
        ),
        sa.Column("was", sa.String(length=16), nullable=True, comment="the state a replacement ended"),
        sa.Column("makes_way", sa.Boolean(), nullable=False, comment="does not stand in the way of another for the same cartridge"),
        sa.Column("rule", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.JSON(), nullable=False, comment="why: poller/central/supplies/requests.py"),
        sa.Column("decided_utc", UtcTime(), nullable=False, comment="by the time of the reading it was decided on"),
        sa.Column("changed_utc", UtcTime(), nullable=False),
        sa.Column("sent_utc", UtcTime(), nullable=True),
        sa.Column("asked_utc", UtcTime(), nullable=True, comment="when it became the task to ask the customer …"),
        sa.Column("was_empty", sa.Boolean(), nullable=False, comment="… and whether the supply was empty then"),
        sa.Column("approved_by", sa.Text(), nullable=True, comment="the person; null for nobody, or the policy"),
        sa.Column("deliveries", sa.JSON(), nullable=False, comment="at, pieces, tracking of each"),
        sa.Column("parcel", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["account", "device"], ["device.account", "device.device"], name=op.f("fk_request_device")),
        sa.PrimaryKeyConstraint("account", "request", name=op.f("pk_request")),
        sa.UniqueConstraint(
            "account", "device", "supply", "number", "attempt", name=op.f("uq_request_account_device_supply_number_attempt")
        ),
    )
    op.create_index(op.f("ix_request_account_parcel"), "request", ["account", "parcel"], unique=False)
    op.create_index(op.f("ix_request_account_state_site"), "request", ["account", "state", "site"], unique=False)
    op.create_index(op.f("ix_request_state_hold"), "request", ["state", "hold"], unique=False)
    op.create_table(
        "supply_event",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=18), nullable=False),
        sa.Column("at_utc", UtcTime(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False, comment="those of one moment in their order"),
        sa.Column("event", sa.String(length=24), nullable=False),
        sa.Column("supply", sa.String(length=200), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=True),
        sa.Column("colour", sa.String(length=200), nullable=True),
        sa.Column("part_number", sa.String(length=200), nullable=True, comment="what is in the slot after it"),
        sa.Column("wanted", sa.String(length=200), nullable=True, comment="the part that was asked for, of a wrong cartridge"),
        sa.Column("share_left", sa.Float(precision=53), nullable=True, comment="what was left in the cartridge that went"),
        sa.Column("evidence", sa.String(length=16), nullable=True),
        sa.Column("choices", sa.JSON(), nullable=False, comment="the supplies a warning may mean"),
        sa.Column("request", sa.String(length=16), nullable=True),
        sa.Column("task", sa.String(length=8), nullable=True, comment="open or closed, of what a person is to do"),
        sa.Column("closed_utc", UtcTime(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["account", "device"], ["device.account", "device.device"], name=op.f("fk_supply_event_device")),
        sa.PrimaryKeyConstraint("account", "device", "at_utc", "id", name=op.f("pk_supply_event")),
    )
    op.create_index(op.f("ix_supply_event_account_task"), "supply_event", ["account", "task"], unique=False)
    op.create_table(
        "watched",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=18), nullable=False),
        sa.Column("taken_utc", UtcTime(), nullable=True, comment="of the newest reading taken in"),
        sa.Column("due_utc", UtcTime(), nullable=True, comment="when to look again, though no reading came; null is not before the next"),
        sa.Column("plain_bytes", sa.Integer(), nullable=False),
        sa.Column(
            "body",
            sa.LargeBinary(),
            nullable=False,
            comment="poller/central/supplies/watched.py as MessagePack in a zstd frame; no request in it",
        ),
        sa.ForeignKeyConstraint(["account", "device"], ["device.account", "device.device"], name=op.f("fk_watched_device")),
        sa.PrimaryKeyConstraint("account", "device", name=op.f("pk_watched")),
    )
    op.create_index(op.f("ix_watched_account_due_utc"), "watched", ["account", "due_utc"], unique=False)
    op.create_table(
        "request_event",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=16), nullable=False),
        sa.Column("at_utc", UtcTime(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False, comment="those of one moment in their order"),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("before", sa.String(length=16), nullable=True, comment="its state; null at its beginning"),
        sa.Column("after", sa.String(length=16), nullable=False),
        sa.Column("hold", sa.String(length=16), nullable=True, comment="what it waits for then"),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["account", "request"], ["request.account", "request.request"], name=op.f("fk_request_event_request")),
        sa.PrimaryKeyConstraint("account", "request", "at_utc", "id", name=op.f("pk_request_event")),
    )
