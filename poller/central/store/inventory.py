"""The tables of what a dealer manages: devices and who they are, where they stand, under which contract, who answers for them.

What may tell of a person (an address, a contact, a host name, the text somebody typed into a device as its location) is in `personal`, one
value a row, sealed under a key of the account (`personal.py`). Where such a fact has to be found again, as a MAC or IP address has, its
keyed hash stands in its place. So erasing an account is destroying one key; what bills rest on stays readable.

An account of the name `DEALER` holds what is the dealer's own and good for all: the catalogue, the dealer's people.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Date, ForeignKeyConstraint, Index, LargeBinary, String, Table, Text

from poller.central.store.tables import (
    AGENT_ID_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    PRINTER_CHARACTERS_MAX,
    UtcTime,
    account_column,
    metadata,
)

DEALER = "-"
"""No customer can have this name."""
DEVICE_CHARACTERS = 18
NUMBER_CHARACTERS_MAX = 64
TEXT_CHARACTERS_MAX = 300


def _personal() -> Column[bytes]:
    return Column("personal", LargeBinary, nullable=True, comment="sealed under the account's key")


account_key = Table(
    "account_key",
    metadata,
    account_column(),
    Column(
        "wrapped",
        LargeBinary,
        nullable=False,
        comment="the account's key, sealed under central's store key; empty once the account is erased",
    ),
    Column("made_utc", UtcTime, nullable=False),
    ForeignKeyConstraint(["account"], ["account.account"]),
)

location = Table(
    "location",
    metadata,
    account_column(),
    Column("location", String(NUMBER_CHARACTERS_MAX), primary_key=True),
    Column("site", String(NAME_CHARACTERS_MAX), nullable=True, comment="with `range`: whose devices stand here"),
    Column("range", String(TEXT_CHARACTERS_MAX), nullable=True, comment="the name of a [[range]] of the site's agents"),
    Column("cost_centre", String(NUMBER_CHARACTERS_MAX), nullable=True),
    Column("added_utc", UtcTime, nullable=False),
    _personal(),
    ForeignKeyConstraint(["account"], ["account.account"]),
)

contact = Table(
    "contact",
    metadata,
    account_column(),
    Column("contact", String(NUMBER_CHARACTERS_MAX), primary_key=True),
    Column("location", String(NUMBER_CHARACTERS_MAX), nullable=True),
    Column("added_utc", UtcTime, nullable=False),
    _personal(),
    ForeignKeyConstraint(["account"], ["account.account"]),
)

device = Table(
    "device",
    metadata,
    account_column(),
    Column("device", String(DEVICE_CHARACTERS), primary_key=True),
    Column("state", String(16), nullable=False, comment="unassigned, managed, ignored, swapped, joined or merged"),
    Column("part_of", String(DEVICE_CHARACTERS), nullable=True, comment="the device a joined or merged one counts as"),
    Column("replaced_by", String(DEVICE_CHARACTERS), nullable=True),
    Column("home", String(AGENT_ID_CHARACTERS_MAX), nullable=False, comment="the agent whose readings say where it is and what it counts"),
    Column("site", String(NAME_CHARACTERS_MAX), nullable=False),
    Column("range", String(TEXT_CHARACTERS_MAX), nullable=True),
    Column("place", String(NUMBER_CHARACTERS_MAX), nullable=True, comment="the keyed hash of agent and address"),
    Column("manufacturer", Text, nullable=True),
    Column("model", Text, nullable=True),
    Column("serial", Text, nullable=True),
    Column("firmware", Text, nullable=True),
    Column("first_utc", UtcTime, nullable=False),
    Column("seen_utc", UtcTime, nullable=False, comment="by its home"),
    Column("counts", JSON, nullable=False, comment="by cell: what it counted when last seen"),
    Column("first_counts", JSON, nullable=False, comment="by cell: what it had counted when first seen"),
    Column("customer", String(NUMBER_CHARACTERS_MAX), nullable=True, comment="as the merchandise system numbers customers"),
    Column("device_number", String(NUMBER_CHARACTERS_MAX), nullable=True),
    Column("inventory_number", String(NUMBER_CHARACTERS_MAX), nullable=True),
    Column("cost_centre", String(NUMBER_CHARACTERS_MAX), nullable=True),
    Column("location", String(NUMBER_CHARACTERS_MAX), nullable=True, comment="by hand; null is that of its range"),
    _personal(),
    ForeignKeyConstraint(["account"], ["account.account"]),
    Index(None, "account", "place"),
    Index(None, "account", "part_of"),
)

device_name = Table(
    "device_name",
    metadata,
    account_column(),
    Column("name", String(PRINTER_CHARACTERS_MAX), primary_key=True, comment="serial:…, or the keyed hash of another identity"),
    Column("device", String(DEVICE_CHARACTERS), nullable=False),
    Column("since_utc", UtcTime, nullable=False, comment="since when its device goes by it"),
    ForeignKeyConstraint(["account", "device"], ["device.account", "device.device"]),
    Index(None, "account", "device"),
)

sighting = Table(
    "sighting",
    metadata,
    account_column(),
    Column("agent", String(AGENT_ID_CHARACTERS_MAX), primary_key=True),
    Column("printer", String(PRINTER_CHARACTERS_MAX), primary_key=True, comment="the id its agent gave it, hashed unless it is a serial"),
    Column("device", String(DEVICE_CHARACTERS), nullable=False),
    Column("first_utc", UtcTime, nullable=False),
    Column("seen_utc", UtcTime, nullable=False),
    ForeignKeyConstraint(["account", "device"], ["device.account", "device.device"]),
    Index(None, "account", "device"),
)

device_event = Table(
    "device_event",
    metadata,
    account_column(),
    Column("device", String(DEVICE_CHARACTERS), primary_key=True),
    Column("at_utc", UtcTime, primary_key=True),
    Column("id", String(32), primary_key=True, comment="random: two things may happen in one millisecond"),
    Column("kind", String(16), nullable=False),
    Column("other", String(TEXT_CHARACTERS_MAX), nullable=True, comment="the device, site or range it was, or is about"),
    _personal(),
    ForeignKeyConstraint(["account", "device"], ["device.account", "device.device"]),
)

contract = Table(
    "contract",
    metadata,
    account_column(),
    Column("device", String(DEVICE_CHARACTERS), primary_key=True),
    Column("begins", Date, primary_key=True),
    Column("ends", Date, nullable=True, comment="its last day"),
    Column("number", String(NUMBER_CHARACTERS_MAX), nullable=True),
    Column("kind", String(16), nullable=False),
    Column("lease_until", Date, nullable=True),
    Column("lessor", Text, nullable=True),
    Column("supplies", JSON, nullable=False, comment="the kinds that are included"),
    Column("start_meter", JSON(none_as_null=True), nullable=True, comment="by cell; null is the first reading"),
    Column("end_meter", JSON(none_as_null=True), nullable=True, comment="by cell; null is the last reading up to its end"),
    Column("pool", String(NUMBER_CHARACTERS_MAX), nullable=True, comment="devices of one pool share its pages"),
    Column("pool_pages", BigInteger, nullable=True, comment="what this device brings into the pool each month"),
    ForeignKeyConstraint(["account", "device"], ["device.account", "device.device"]),
    Index(None, "account", "number"),
)

article = Table(
    "article",
    metadata,
    account_column(),
    Column("model", String(TEXT_CHARACTERS_MAX), primary_key=True, comment="a pattern: * and ?"),
    Column("kind", String(32), primary_key=True),
    Column("colour", String(32), primary_key=True, comment="empty where there is none"),
    Column("article", String(NUMBER_CHARACTERS_MAX), nullable=False),
    Column("alternatives", JSON, nullable=False, comment="article numbers that may be sent in its place"),
    Column("yield_pages", BigInteger, nullable=True),
    Column("pack", BigInteger, nullable=False, comment="pieces in a box"),
)

person = Table(
    "person",
    metadata,
    account_column(),
    Column("person", String(DEVICE_CHARACTERS), primary_key=True, comment="opaque: the ledger names people by it"),
    Column("role", String(16), nullable=False),
    Column("added_utc", UtcTime, nullable=False),
    Column("removed_utc", UtcTime, nullable=True),
    _personal(),
)
