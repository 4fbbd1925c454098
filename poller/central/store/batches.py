"""Batches and their lines: once out of at-least-once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store.tables import batch, line

Result = Literal["stored", "duplicate", "conflict"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line as it is stored; see `tables.line`."""

    type: str | None = None
    printer: str | None = None
    identities: list[str] | None = None
    taken_utc: datetime | None = None
    mark: str | None = None
    fault: str | None = None
    body: bytes


async def known_result(db: AsyncConnection, of: str, agent: str, number: int, digest: bytes) -> Result | None:
    """Say what a batch of this number and content would be, as far as it is here: None for one that is not."""
    mine = (batch.c.account == of) & (batch.c.agent == agent) & (batch.c.number == number)
    known: bytes | None = await db.scalar(select(batch.c.digest).where(mine))
    if known is None:
        return None
    return "duplicate" if known == digest else "conflict"


async def store(
    db: AsyncConnection, of: str, agent: str, number: int, *, digest: bytes, size_bytes: int, rows: Sequence[Row], now_utc: datetime
) -> None:
    """Store a batch with its lines. Raises IntegrityError when its number was taken meanwhile; then nothing of it is stored."""
    unreadable = sum(row.fault is not None for row in rows)
    await db.execute(
        insert(batch).values(
            account=of,
            agent=agent,
            number=number,
            digest=digest,
            lines=len(rows),
            unreadable=unreadable,
            size_bytes=size_bytes,
            received_utc=now_utc,
        )
    )
    place = {"account": of, "received_utc": now_utc, "agent": agent, "number": number}
    values: list[dict[str, Any]] = [place | {"position": position} | msgspec.structs.asdict(row) for position, row in enumerate(rows)]
    await db.execute(insert(line), values)


async def counts(db: AsyncConnection, of: str) -> dict[str, int]:
    """Return how many batches and lines of an account are here."""
    batches = await db.scalar(select(func.count()).select_from(batch).where(batch.c.account == of))
    lines = await db.scalar(select(func.count()).select_from(line).where(line.c.account == of))
    return {"batches": batches or 0, "lines": lines or 0}
