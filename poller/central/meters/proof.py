"""Whether an account's ledger is what it was: its chain walked from end to end, against its head and heads handed out before.

Every row that names the account is walked, also one that somebody put before the chain's beginning or behind its end: such a row is in
force nowhere (`store/ledger.py` asks for what stands between the two ends alone), and its being there is told.
"""

from __future__ import annotations

from collections.abc import Mapping

from poller.central.meters import chain
from poller.central.meters.chain import Break, Head, Row
from poller.central.store import ledger
from poller.central.store.database import Database
from poller.model import Value

_ROWS_AT_ONCE = 2000


class Proof(Value, frozen=True, kw_only=True):
    """What walking a chain showed. `floor` is the last row dropped when its retention ended (0: none was), `head` the end.

    `unproven` are heads handed out earlier that name rows dropped since: of those nothing can be said any more.
    """

    account: str
    rows: int
    floor: int
    head: Head
    broken: Break | None = None
    unproven: int = 0


async def prove(database: Database, of: str, anchors: Mapping[int, bytes] | None = None) -> Proof:
    """Walk an account's chain. *anchors* are heads handed out earlier (number -> hash). Raises UnavailableError.

    What is appended meanwhile is left out. Memory does not grow with the chain.
    """
    given = dict(anchors or {})
    async with database.reading() as db:
        dropped = await ledger.floor(db, of)
        floor = dropped if dropped.number else chain.genesis(of)  # whose chain it is, no row says: its beginning does
        head = await ledger.head(db, of)
        walk = _Walk(floor, {floor.number: floor.hash, head.number: head.hash} | given)
        if any(given.get(end.number, end.hash) != end.hash for end in (floor, head)):
            walk.broken = Break(number=head.number, why="the two ends of the account's chain are not what was handed out earlier")
        elif head.number < floor.number:
            walk.broken = Break(number=head.number, why=f"it ends before row {floor.number}, the last that was dropped")
        async for row in ledger.rows(db, of):
            if walk.broken is not None:
                break
            if row.number > head.number:
                walk.finish()
                end = (await ledger.head(db, of)).number
                if row.number > end and walk.broken is None:
                    walk.broken = Break(number=row.number, why=f"it stands behind row {end}, the end of the chain: put in")
                break
            walk.take(row)
        else:
            walk.finish()
    return Proof(
        account=of,
        rows=walk.count,
        floor=floor.number,
        head=head,
        broken=walk.broken,
        unproven=sum(number < walk.begin.number for number in given),
    )


class _Walk:
    """A chain on the way, some rows at a time; *known* are its ends and what was handed out."""

    def __init__(self, floor: Head, known: Mapping[int, bytes]) -> None:
        self.begin = self._at = floor
        self._known = known
        self._some: list[Row] = []
        self.count = 0
        self.broken: Break | None = None

    def take(self, row: Row) -> None:
        if self.count + len(self._some) == 0 and row.number <= self.begin.number:
            # Rows a pruning that was cut off has not dropped yet. The first is where it begins: what it says is in force no more.
            self.begin = self._at = chain.head_of(row)
            if self._known.get(row.number, row.hash) != row.hash:
                self.broken = Break(number=row.number, why="it is not the row that a head handed out earlier names")
            return
        self._some.append(row)
        if len(self._some) == _ROWS_AT_ONCE:
            self._walk(is_end=False)

    def finish(self) -> None:
        if self.broken is None:
            self._walk(is_end=True)

    def _walk(self, *, is_end: bool) -> None:
        last = self._some[-1].number if self._some else self._at.number
        here = {number: link for number, link in self._known.items() if number > self._at.number and (is_end or number <= last)}
        self.broken = chain.verify(self._at, self._some, anchors=here)
        if self._some:
            self.count, self._at = self.count + len(self._some), chain.head_of(self._some[-1])
            self._some = []
