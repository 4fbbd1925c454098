"""The tables meters need beside the ledger: where each device stands, which days are closed, what is plausible, what decisions rest on."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Date, ForeignKeyConstraint, Index, LargeBinary, String, Table

from poller.central.store.inventory import DEVICE_CHARACTERS, TEXT_CHARACTERS_MAX
from poller.central.store.tables import NAME_CHARACTERS_MAX, UtcTime, account_column, metadata

CELL_CHARACTERS_MAX = 64

standing = Table(
    "standing",
    metadata,
    account_column(),
    Column("device", String(DEVICE_CHARACTERS), primary_key=True),
    Column("closed", Date, nullable=False, comment="the last day its meters were closed for"),
    Column("is_due", Boolean, nullable=False, comment="to be looked at by the next close, though nothing new came"),
    Column("held_utc", UtcTime, nullable=True, comment="since when a person is asked about it"),
    Column("body", LargeBinary, nullable=False, comment="poller/central/meters/standing.py as JSON, and readings of days not closed yet"),
    ForeignKeyConstraint(["account"], ["account.account"]),
    Index(None, "account", "is_due"),
    Index(None, "account", "held_utc"),
)

closing = Table(
    "closing",
    metadata,
    account_column(),
    Column("zone", String(NAME_CHARACTERS_MAX), primary_key=True, comment="the time zone whose days these are"),
    Column("closed", Date, nullable=True, comment="the last day that is closed for all its devices"),
    Column("until_utc", UtcTime, nullable=True, comment="batches received until then are in the meters"),
    Column("leased_until_utc", UtcTime, nullable=True, comment="until when another process leaves it to the one that is at it"),
    ForeignKeyConstraint(["account"], ["account.account"]),
)
"""A row for every time zone in which an account has sites. Each part of a close waits for it."""

growth = Table(
    "growth",
    metadata,
    account_column(),
    Column("model", String(TEXT_CHARACTERS_MAX), primary_key=True),
    Column("cell", String(CELL_CHARACTERS_MAX), primary_key=True),
    Column("tally", JSON, nullable=False, comment="device-days by how many bits the pages of one have; poller/central/meters/plausible.py"),
    ForeignKeyConstraint(["account"], ["account.account"]),
)

evidence = Table(
    "evidence",
    metadata,
    account_column(),
    Column("hash", String(64), primary_key=True, comment="SHA-256 of the text, as the ledger has it"),
    Column("kept_utc", UtcTime, nullable=False),
    Column("personal", LargeBinary, nullable=True, comment="the text, sealed under the account's key"),
    ForeignKeyConstraint(["account"], ["account.account"]),
)
"""Notes and mails that decisions and stated meters rest on. Erasing the account makes them unreadable; the ledger keeps their hashes."""
