"""What a dealer manages: devices, locations, contacts, contracts, the catalogue, people; and the keys of personal facts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from poller.central.store.tables import UtcTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "article",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=300), nullable=False, comment="a pattern: * and ?"),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("colour", sa.String(length=32), nullable=False, comment="empty where there is none"),
        sa.Column("article", sa.String(length=64), nullable=False),
        sa.Column("alternatives", sa.JSON(), nullable=False, comment="article numbers that may be sent in its place"),
        sa.Column("yield_pages", sa.BigInteger(), nullable=True),
        sa.Column("pack", sa.BigInteger(), nullable=False, comment="pieces in a box"),
        sa.PrimaryKeyConstraint("account", "model", "kind", "colour", name=op.f("pk_article")),
    )
    op.create_table(
        "device_batch",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=63), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("received_utc", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "agent", "number", name=op.f("pk_device_batch")),
    )
    op.create_index(op.f("ix_device_batch_account_received_utc"), "device_batch", ["account", "received_utc"], unique=False)
    op.create_table(
        "person",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=18), nullable=False, comment="opaque: the ledger names people by it"),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("added_utc", UtcTime(), nullable=False),
        sa.Column("removed_utc", UtcTime(), nullable=True),
        sa.Column("personal", sa.LargeBinary(), nullable=True, comment="sealed under the account's key"),
        sa.PrimaryKeyConstraint("account", "person", name=op.f("pk_person")),
    )
    op.create_table(
        "account_key",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column(
            "wrapped",
            sa.LargeBinary(),
            nullable=False,
            comment="the account's key, sealed under central's store key; empty once the account is erased",
        ),
        sa.Column("made_utc", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_account_key_account")),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_account_key")),
    )
    op.create_table(
        "contact",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("contact", sa.String(length=64), nullable=False),
        sa.Column("location", sa.String(length=64), nullable=True),
        sa.Column("added_utc", UtcTime(), nullable=False),
        sa.Column("personal", sa.LargeBinary(), nullable=True, comment="sealed under the account's key"),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_contact_account")),
        sa.PrimaryKeyConstraint("account", "contact", name=op.f("pk_contact")),
    )
    op.create_table(
        "device",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=18), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False, comment="unassigned, managed, ignored, swapped, joined or merged"),
        sa.Column("part_of", sa.String(length=18), nullable=True, comment="the device a joined or merged one counts as"),
        sa.Column("replaced_by", sa.String(length=18), nullable=True),
        sa.Column("home", sa.String(length=63), nullable=False, comment="the agent whose readings say where it is and what it counts"),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("range", sa.String(length=300), nullable=True),
        sa.Column("place", sa.String(length=64), nullable=True, comment="the keyed hash of agent and address"),
        sa.Column("manufacturer", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("serial", sa.Text(), nullable=True),
        sa.Column("firmware", sa.Text(), nullable=True),
        sa.Column("first_utc", UtcTime(), nullable=False),
        sa.Column("seen_utc", UtcTime(), nullable=False, comment="by its home"),
        sa.Column("counts", sa.JSON(), nullable=False, comment="by cell: what it counted when last seen"),
        sa.Column("first_counts", sa.JSON(), nullable=False, comment="by cell: what it had counted when first seen"),
        sa.Column("customer", sa.String(length=64), nullable=True, comment="as the merchandise system numbers customers"),
        sa.Column("device_number", sa.String(length=64), nullable=True),
        sa.Column("inventory_number", sa.String(length=64), nullable=True),
        sa.Column("cost_centre", sa.String(length=64), nullable=True),
        sa.Column("location", sa.String(length=64), nullable=True, comment="by hand; null is that of its range"),
        sa.Column("personal", sa.LargeBinary(), nullable=True, comment="sealed under the account's key"),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_device_account")),
        sa.PrimaryKeyConstraint("account", "device", name=op.f("pk_device")),
    )
    op.create_index(op.f("ix_device_account_part_of"), "device", ["account", "part_of"], unique=False)
    op.create_index(op.f("ix_device_account_place"), "device", ["account", "place"], unique=False)
    op.create_table(
        "device_cursor",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("received_utc", UtcTime(), nullable=False, comment="of the newest batch that is in"),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_device_cursor_account")),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_device_cursor")),
    )
    op.create_table(
        "location",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("location", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=True, comment="with `range`: whose devices stand here"),
        sa.Column("range", sa.String(length=300), nullable=True, comment="the name of a [[range]] of the site's agents"),
        sa.Column("cost_centre", sa.String(length=64), nullable=True),
        sa.Column("added_utc", UtcTime(), nullable=False),
        sa.Column("personal", sa.LargeBinary(), nullable=True, comment="sealed under the account's key"),
        sa.ForeignKeyConstraint(["account"], ["account.account"], name=op.f("fk_location_account")),
        sa.PrimaryKeyConstraint("account", "location", name=op.f("pk_location")),
    )
    op.create_table(
        "contract",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=18), nullable=False),
        sa.Column("begins", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=True, comment="its last day"),
        sa.Column("number", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("lease_until", sa.Date(), nullable=True),
        sa.Column("lessor", sa.Text(), nullable=True),
        sa.Column("supplies", sa.JSON(), nullable=False, comment="the kinds that are included"),
        sa.Column("start_meter", sa.JSON(none_as_null=True), nullable=True, comment="by cell; null is the first reading"),
        sa.Column("end_meter", sa.JSON(none_as_null=True), nullable=True, comment="by cell; null is the last reading up to its end"),
        sa.Column("pool", sa.String(length=64), nullable=True, comment="devices of one pool share its pages"),
        sa.Column("pool_pages", sa.BigInteger(), nullable=True, comment="what this device brings into the pool each month"),
        sa.ForeignKeyConstraint(["account", "device"], ["device.account", "device.device"], name=op.f("fk_contract_device")),
        sa.PrimaryKeyConstraint("account", "device", "begins", name=op.f("pk_contract")),
    )
    op.create_index(op.f("ix_contract_account_number"), "contract", ["account", "number"], unique=False)
    op.create_table(
        "device_event",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=18), nullable=False),
        sa.Column("at_utc", UtcTime(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False, comment="random: two things may happen in one millisecond"),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("other", sa.String(length=300), nullable=True, comment="the device, site or range it was, or is about"),
        sa.Column("personal", sa.LargeBinary(), nullable=True, comment="sealed under the account's key"),
        sa.ForeignKeyConstraint(["account", "device"], ["device.account", "device.device"], name=op.f("fk_device_event_device")),
        sa.PrimaryKeyConstraint("account", "device", "at_utc", "id", name=op.f("pk_device_event")),
    )
    op.create_table(
        "device_name",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False, comment="serial:…, or the keyed hash of another identity"),
        sa.Column("device", sa.String(length=18), nullable=False),
        sa.Column("since_utc", UtcTime(), nullable=False, comment="since when its device goes by it"),
        sa.ForeignKeyConstraint(["account", "device"], ["device.account", "device.device"], name=op.f("fk_device_name_device")),
        sa.PrimaryKeyConstraint("account", "name", name=op.f("pk_device_name")),
    )
    op.create_index(op.f("ix_device_name_account_device"), "device_name", ["account", "device"], unique=False)
    op.create_table(
        "sighting",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=63), nullable=False),
        sa.Column("printer", sa.String(length=300), nullable=False, comment="the id its agent gave it, hashed unless it is a serial"),
        sa.Column("device", sa.String(length=18), nullable=False),
        sa.Column("first_utc", UtcTime(), nullable=False),
        sa.Column("seen_utc", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["account", "device"], ["device.account", "device.device"], name=op.f("fk_sighting_device")),
        sa.PrimaryKeyConstraint("account", "agent", "printer", name=op.f("pk_sighting")),
    )
    op.create_index(op.f("ix_sighting_account_device"), "sighting", ["account", "device"], unique=False)
