"""What lies on customers' shelves, in the database: every change is a row, and the stock is their sum.

A *place* is a location by its number or, for devices that stand at none, their site: `@hamburg`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKeyConstraint, Index, Integer, String, Table, Text, delete, func, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store.inventory import DEVICE_CHARACTERS, NUMBER_CHARACTERS_MAX
from poller.central.store.tables import NAME_CHARACTERS_MAX, UtcTime, account_column, metadata
from poller.central.supplies.book import Move

PLACE_CHARACTERS_MAX = NAME_CHARACTERS_MAX + 1
REQUEST_CHARACTERS_MAX = 16
SUPPLY_CHARACTERS_MAX = 200

stock_move = Table(
    "stock_move",
    metadata,
    account_column(),
    Column("place", String(PLACE_CHARACTERS_MAX), primary_key=True, comment="a location, or @ and a site"),
    Column("article", String(NUMBER_CHARACTERS_MAX), primary_key=True),
    Column("at_utc", UtcTime, primary_key=True),
    Column("id", String(32), primary_key=True, comment="those of one moment in their order"),
    Column(
        "what", String(16), nullable=False, comment="entered, sent, installed, returned, cancelled; carried: the sum of what was pruned"
    ),
    Column("pieces", Integer, nullable=False, comment="more of them, or fewer"),
    Column("request", String(REQUEST_CHARACTERS_MAX), nullable=True, comment="which they were sent for"),
    Column("device", String(DEVICE_CHARACTERS), nullable=True, comment="which they were installed in …"),
    Column("supply", String(SUPPLY_CHARACTERS_MAX), nullable=True, comment="… in place of the cartridge …"),
    Column("number", Integer, nullable=True, comment="… with this number"),
    Column("who", Text, nullable=False),
    Column("note", Text, nullable=True),
    ForeignKeyConstraint(["account"], ["account.account"]),
    Index(None, "account", "device", "supply", "number"),
)


async def pieces(db: AsyncConnection, of: str, places: Iterable[str] | None = None) -> dict[tuple[str, str], int]:
    """Return how many pieces lie at places, or everywhere, by place and article; without those there are none of."""
    moved = stock_move.c
    query = select(moved.place, moved.article, func.sum(moved.pieces)).where(moved.account == of).group_by(moved.place, moved.article)
    if places is not None:
        query = query.where(moved.place.in_(list(places)))
    return {(place, article): int(count) for place, article, count in await db.execute(query) if count}


async def installed(db: AsyncConnection, of: str, cartridges: Iterable[tuple[str, str, int]]) -> dict[tuple[str, str, int], Move]:
    """Return what was taken from a shelf in place of these cartridges (device, supply, number), and was not put back."""
    wanted = list(cartridges)
    if not wanted:
        return {}
    key = tuple_(stock_move.c.device, stock_move.c.supply, stock_move.c.number)
    query = select(stock_move).where(stock_move.c.account == of, key.in_(wanted), stock_move.c.what.in_(("installed", "returned")))
    found: dict[tuple[str, str, int], Move] = {}
    for row in (await db.execute(query.order_by(stock_move.c.at_utc, stock_move.c.id))).mappings():
        one = Move(**{name: row[name] for name in Move._fields})
        cartridge = (row["device"], row["supply"], row["number"])
        if one.what == "installed":
            found[cartridge] = one
        else:
            found.pop(cartridge, None)
    return found


async def save(db: AsyncConnection, of: str, moves: Iterable[tuple[str, Move]], *, who: str, now_utc: datetime) -> None:
    """Add changes, each with its id."""
    rows = [{"account": of, "at_utc": now_utc, "id": key, "who": who, **one._asdict()} for key, one in moves]
    if rows:
        await db.execute(insert(stock_move), rows)


async def history(db: AsyncConnection, of: str, place: str, article: str | None, *, rows_max: int) -> list[dict[str, Any]]:
    """Return the newest changes at a place, oldest first."""
    query = select(stock_move).where(stock_move.c.account == of, stock_move.c.place == place)
    if article is not None:
        query = query.where(stock_move.c.article == article)
    rows = (await db.execute(query.order_by(stock_move.c.at_utc.desc(), stock_move.c.id.desc()).limit(rows_max))).mappings()
    return [{name: value for name, value in row.items() if name not in ("account", "id")} for row in rows][::-1]


async def carry(db: AsyncConnection, of: str, kept_from: datetime) -> int:
    """Put one row in the place of all from before *kept_from* of an article at a place; return how many went."""
    old = (stock_move.c.account == of) & (stock_move.c.at_utc < kept_from)
    names = (stock_move.c.place, stock_move.c.article)
    sums = select(*names, func.sum(stock_move.c.pieces), func.count(), func.max(stock_move.c.at_utc)).where(old).group_by(*names)
    rows = [row for row in await db.execute(sums) if row[3] > 1]
    for place, article, count, _, last_utc in rows:
        mine = old & (stock_move.c.place == place) & (stock_move.c.article == article)
        await db.execute(delete(stock_move).where(mine))
        if count:
            key = {"account": of, "place": place, "article": article, "at_utc": last_utc, "id": "carried"}
            await db.execute(insert(stock_move).values(**key, what="carried", pieces=int(count), who="poller"))
    return sum(row[3] for row in rows)
