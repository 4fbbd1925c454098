"""Opening a SQLite file as one of ours, and one transaction in it.

A file is ours when its tables are exactly those of its `Form`. Everything that is not, damage too, is an UnusableError: the caller sets the
file aside and begins a new one. What the host refuses (no room, no permission, in use) stays sqlite3's own error.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import aiosqlite

T = TypeVar("T")

Work = Callable[[aiosqlite.Connection], Awaitable[T]]

_LOG_BYTES_MAX = 16 << 20  # what the write-ahead log is cut back to after a large transaction

# What SQLite says of a file that is not, or no longer, what we made. We write nothing that a constraint forbids, so that one means an
# index which contradicts its table.
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_CONSTRAINT}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_CODE = 0xFF  # of an extended result code, the part that is the plain one


class Form(NamedTuple):
    """What a file of ours looks like: `version` is its `user_version`, `schema` the statements that make it in an empty file.

    `synchronous` NORMAL may undo the last commits after a power cut, FULL never does. `is_exclusive`: one process alone may open it.
    `page_bytes` suits its rows: one that does not fit into a page is spread over several.
    """

    schema: tuple[str, ...]
    version: int
    synchronous: Literal["NORMAL", "FULL"]
    is_exclusive: bool
    page_bytes: int = 4096


class UnusableError(Exception):
    """The file is none of ours, or damaged; `word` is what it is set aside as."""

    def __init__(self, reason: str, *, word: str) -> None:
        self.word = word
        super().__init__(reason)


async def connect(path: Path, form: Form, *, busy_seconds: float, is_checked: bool = True) -> aiosqlite.Connection:
    """Return a connection, in WAL; an empty file is given its tables.

    With *is_checked* SQLite looks at every page, so that a damaged one is met now. Raises UnusableError, sqlite3.Error.
    """
    db = await aiosqlite.connect(path, isolation_level=None, timeout=busy_seconds)
    try:
        await _set_up(db, form, is_checked=is_checked)
    except sqlite3.Error as error:
        await disconnect(db)
        if is_damage(error):
            raise UnusableError(str(error), word="broken") from error
        raise
    except BaseException:
        await disconnect(db)
        raise
    return db


async def disconnect(db: aiosqlite.Connection) -> None:
    """Close *db*, come what may."""
    try:
        await db.close()
    except sqlite3.Error:
        pass  # closing tries to tidy up; a file that is damaged, or has no room, need not be tidy


async def transact(db: aiosqlite.Connection, work: Work[T]) -> T:
    """Return what *work* returns, done between BEGIN and COMMIT; on any error, cancellation too, it is undone.

    What was handed to the connection's thread runs even if its awaiter is cancelled; the rollback then runs behind it.
    """
    try:
        await db.execute("BEGIN IMMEDIATE")
        result = await work(db)
        await db.commit()
    except BaseException:
        await db.rollback()
        raise
    return result


async def one_number(db: aiosqlite.Connection, query: str) -> int:
    """Return the one number that *query* gives."""
    async with db.execute(query) as cursor:
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


def is_damage(error: sqlite3.Error) -> bool:
    """Whether *error* tells of a file that is not, or no longer, what we made."""
    return _code(error) in _DAMAGE


def is_full(error: sqlite3.Error) -> bool:
    """Whether there is no room for it."""
    return _code(error) == sqlite3.SQLITE_FULL


def is_busy(error: sqlite3.Error) -> bool:
    """Whether somebody else holds the file."""
    return _code(error) in _BUSY


def reason_of(error: BaseException) -> str:
    """Return one word for what went wrong, SQLite's name of it where it has one: `SQLITE_FULL`."""
    return getattr(error, "sqlite_errorname", type(error).__name__)


async def _set_up(db: aiosqlite.Connection, form: Form, *, is_checked: bool) -> None:
    if form.is_exclusive:
        await db.execute("PRAGMA locking_mode = EXCLUSIVE")  # first: then no memory shared between processes is needed either
    version = await one_number(db, "PRAGMA user_version")
    async with db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL") as cursor:
        made = {str(sql) for (sql,) in await cursor.fetchall()}
    is_new = version == 0 and not made
    if not is_new and (version != form.version or made != set(form.schema)):
        raise UnusableError(f"its schema (version {version}) is not version {form.version} of this program's", word="other-version")
    await db.execute(f"PRAGMA page_size = {form.page_bytes}")  # of a new file
    await db.execute("PRAGMA journal_mode = WAL")
    await db.execute(f"PRAGMA synchronous = {form.synchronous}")
    await db.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES_MAX}")

    async def make_tables(db: aiosqlite.Connection) -> None:
        for statement in form.schema:
            await db.execute(statement)
        await db.execute(f"PRAGMA user_version = {form.version}")

    if is_new:
        await transact(db, make_tables)
    elif is_checked:
        await transact(db, _check)  # in a transaction: it takes the lock, or is refused now


async def _check(db: aiosqlite.Connection) -> None:
    async with db.execute("PRAGMA quick_check(1)") as cursor:
        row = await cursor.fetchone()
    if row is None or row[0] != "ok":
        raise UnusableError(str(row[0]) if row else "no answer to a check", word="broken")


def _code(error: sqlite3.Error) -> int:
    """Return the plain result code; 0 for errors of Python's own, which have none."""
    return getattr(error, "sqlite_errorcode", 0) & _CODE
