"""Lists without an end: a page at a time, each a look of its own that begins behind the last row of the page before.

Nothing is cut off, memory does not grow with the list, and no view of the database is kept open while somebody reads it. What is changed
meanwhile is seen as it is when its page is asked for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store.database import Database

R = TypeVar("R")

PAGE_ROWS = 1000


async def every(
    database: Database, ask: Callable[[AsyncConnection, Any], Awaitable[Sequence[R]]], key: Callable[[R], Any]
) -> AsyncIterator[R]:
    """Yield the rows of all pages. *ask* returns the page behind a key (None: the first), by that key, and an empty one at the end."""
    after = None
    while True:
        async with database.reading() as db:
            page = await ask(db, after)
        if not page:
            return
        for row in page:
            yield row
        after = key(page[-1])
