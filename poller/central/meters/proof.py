"""Whether an account's ledger is what it was: its chain walked from end to end, against its head and heads handed out before."""

from __future__ import annotations

from collections.abc import Mapping

from poller.central.meters import chain
from poller.central.meters.chain import Break, Head, Row
from poller.central.store import ledger
from poller.central.store.database import Database
from poller.model import Value

_ROWS_AT_ONCE = 2000


class Proof(Value, frozen=True, kw_only=True):
    """What walking a chain showed. `floor` is the last row dropped when its retention ended (0: none was), `head` the end."""

    account: str
    rows: int
    floor: int
    head: Head
    broken: Break | None = None


async def prove(database: Database, of: str, anchors: Mapping[int, bytes] | None = None) -> Proof:
    """Walk an account's chain. *anchors* are heads handed out earlier (number -> hash). Raises UnavailableError.

    What is appended meanwhile is left out. Memory does not grow with the chain.
    """
    count = 0
    async with database.reading() as db:
        head, floor = await ledger.head(db, of), await ledger.floor(db, of)
        known = dict(anchors or {})
        broken: Break | None = None
        if known.setdefault(head.number, head.hash) != head.hash:
            broken = Break(number=head.number, why="the account's head is not the one that was handed out earlier")
        at, some = floor, list[Row]()
        async for row in ledger.rows(db, of, after=floor.number):
            if broken is not None or row.number > head.number:
                break
            some.append(row)
            if len(some) == _ROWS_AT_ONCE:
                broken, at, count, some = _walk(at, some, known), chain.head_of(some[-1]), count + len(some), []
        if broken is None:
            broken, count = _walk(at, some, known, is_end=True), count + len(some)
    return Proof(account=of, rows=count, floor=floor.number, head=head, broken=broken)


def _walk(at: Head, some: list[Row], known: Mapping[int, bytes], *, is_end: bool = False) -> Break | None:
    last = some[-1].number if some else at.number
    here = {number: known_hash for number, known_hash in known.items() if number > at.number and (is_end or number <= last)}
    return chain.verify(at, some, anchors=here)
