"""Lines kept together as they came; daily rows and meters; what grows is divided by month on PostgreSQL.

The lines there are move into `content`, batch by batch.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from poller.central.store import partitions
from poller.central.store.tables import UtcTime
from poller.sealing import zstd

revision = "0002"
down_revision = "0001"

_LINE = ("account", "received_utc", "agent", "number", "position", "type", "printer", "taken_utc", "mark", "fault")


def upgrade() -> None:
    op.add_column(
        "site", sa.Column("time_zone", sa.Text(), nullable=True, comment="whose days its meters and daily rows have; null is UTC")
    )
    op.create_index(op.f("ix_batch_account_received_utc"), "batch", ["account", "received_utc"], unique=False)
    op.drop_index(op.f("ix_line_account_printer_taken_utc"), "line")
    op.rename_table("line", "old_line")
    _create()
    _move(op.get_bind())
    op.drop_table("old_line")


def _create() -> None:
    op.create_table(
        "content",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("received_utc", UtcTime(), nullable=False),
        sa.Column("agent", sa.String(length=63), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("plain_bytes", sa.Integer(), nullable=False, comment="of the lines with their newlines"),
        sa.Column(
            "body", sa.LargeBinary(), nullable=False, comment="the lines exactly as they came, each with its newline, as one zstd frame"
        ),
        sa.PrimaryKeyConstraint("account", "received_utc", "agent", "number", name=op.f("pk_content")),
        postgresql_partition_by="RANGE (received_utc)",
    )
    op.create_table(
        "line",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("received_utc", UtcTime(), nullable=False),
        sa.Column("agent", sa.String(length=63), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="in its batch, from 0"),
        sa.Column("type", sa.String(length=64), nullable=True, comment="reading, event, job, health or what a later agent sends"),
        sa.Column("printer", sa.String(length=300), nullable=True),
        sa.Column("taken_utc", UtcTime(), nullable=True),
        sa.Column("mark", sa.String(length=16), nullable=True, comment="future or ancient: what its time is, seen from here"),
        sa.Column("fault", sa.Text(), nullable=True, comment="why it cannot be read; null for a line that can"),
        postgresql_partition_by="RANGE (received_utc)",
    )
    op.create_index(op.f("ix_line_account_printer_taken_utc"), "line", ["account", "printer", "taken_utc"], unique=False)
    op.create_table(
        "fresh",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=63), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("received_utc", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "agent", "number", name=op.f("pk_fresh")),
    )
    op.create_table(
        "daily",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="of the site's time zone"),
        sa.Column("printer", sa.String(length=300), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False, comment="where it was last that day"),
        sa.Column("first_utc", UtcTime(), nullable=False),
        sa.Column("last_utc", UtcTime(), nullable=False),
        sa.Column("readings", sa.Integer(), nullable=False),
        sa.Column("counters", sa.JSON(), nullable=False, comment="by cell: first, last, min, max; see poller/central/meters/dailies.py"),
        sa.Column("levels", sa.JSON(), nullable=False, comment="by supply key: first, last, min, max of its ratio"),
        sa.PrimaryKeyConstraint("account", "day", "printer", name=op.f("pk_daily")),
        postgresql_partition_by="RANGE (day)",
    )
    op.create_table(
        "ledger",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="of its last entry"),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("appended_utc", UtcTime(), nullable=False),
        sa.Column(
            "floor_number", sa.BigInteger(), nullable=False, comment="of the last entry dropped when its retention ended; 0 for none"
        ),
        sa.Column("floor_hash", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_ledger_account")),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_ledger")),
    )
    op.create_table(
        "meter",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("appended_utc", UtcTime(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False, comment="its place in the account's chain, from 1"),
        sa.Column("device", sa.String(length=300), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("taken_utc", UtcTime(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("meters", sa.JSON(), nullable=False, comment="cell, count, total of each"),
        sa.Column("user", sa.String(length=64), nullable=True, comment="an opaque id"),
        sa.Column("evidence", sa.String(length=64), nullable=True),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("account", "appended_utc", "number", name=op.f("pk_meter")),
        postgresql_partition_by="RANGE (appended_utc)",
    )
    op.create_index(op.f("ix_meter_account_device_day"), "meter", ["account", "device", "day"], unique=False)


def _move(db: sa.Connection) -> None:
    old, line = _table("old_line", *_LINE, "body"), _table("line", *_LINE)
    content, fresh = _table("content", *_LINE[:4], "plain_bytes", "body"), _table("fresh", *_LINE[:4])
    keys = [old.c[name] for name in _LINE[:4]]
    for batch in db.execute(sa.select(*keys).select_from(old).distinct()).mappings().all():
        received_utc: datetime = batch["received_utc"]
        if db.dialect.name == "postgresql":
            for table in ("content", "line"):
                partitions.create(db, table, received_utc.date())
        mine = sa.and_(*(old.c[name] == value for name, value in batch.items()))
        rows = db.execute(sa.select(old).where(mine).order_by(old.c.position)).mappings().all()
        plain = b"".join([part for row in rows for part in (row["body"], b"\n")])
        db.execute(sa.insert(content).values(**batch, plain_bytes=len(plain), body=zstd.compress(plain)))
        db.execute(sa.insert(line), [{name: row[name] for name in _LINE} for row in rows])
        db.execute(sa.insert(fresh).values(**batch))


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column, UtcTime) if column.endswith("_utc") else sa.column(column) for column in columns))
