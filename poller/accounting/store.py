"""accounting.db: every job that was ever imported, once.

A file is imported in one transaction: all of its jobs are in, or none. Exports overlap, so a job is known by its key
(`ledger.digest_of`), and a file by the hash of its content; what is there already is counted and left alone. Nothing is ever deleted:
jobs are what bills are made of.

What is stored has gone through `Pseudonyms`. Jobs lie here in clear, as they do in the exports; the file is its user's alone (0600).
SQLite, WAL, synchronous FULL: what was committed survives a power cut. All of this blocks: on an event loop it belongs in a thread.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import msgspec

from poller.accounting import importer, ledger
from poller.accounting.faults import Fault
from poller.accounting.job import Job
from poller.accounting.ledger import Record
from poller.accounting.pseudonyms import Pseudonyms, without_names
from poller.accounting.quantities import impressions
from poller.accounting.reader import Options
from poller.errors import HostError, JobLogError
from poller.storage import files

_VERSION = 1
_SCHEMA = (
    "CREATE TABLE form (id INTEGER PRIMARY KEY, fields TEXT NOT NULL UNIQUE)",
    "CREATE TABLE file (digest BLOB PRIMARY KEY, name TEXT NOT NULL, taken_ms INTEGER NOT NULL, jobs INTEGER NOT NULL,"
    " doubles INTEGER NOT NULL, conflicts INTEGER NOT NULL, lines_bad INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE job (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, account TEXT, moment INTEGER, form INTEGER NOT NULL,"
    " body BLOB NOT NULL)",
    "CREATE TABLE total (id INTEGER PRIMARY KEY, cost_centre TEXT NOT NULL UNIQUE, jobs INTEGER NOT NULL, sheets INTEGER NOT NULL,"
    " black INTEGER NOT NULL, colour INTEGER NOT NULL, unknown INTEGER NOT NULL)",
    "CREATE TABLE about (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
)
_BUSY_SECONDS = 5.0
_LOG_BYTES_MAX = 16 << 20
_HASHED_BYTES = 1 << 20
_NAME_MAX = 200
_COST_CENTRES_HELD = 500  # in memory while a file is imported: a hostile one names another with every job
_TOTAL_MAX = 2**63 - 1
_HANDED = "handed"

_PUT_JOB = "INSERT INTO job (key, account, moment, form, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING"
_ADD_TOTAL = (
    "INSERT INTO total (cost_centre, jobs, sheets, black, colour, unknown) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (cost_centre) DO UPDATE SET jobs = jobs + excluded.jobs,"
    " sheets = min(?, sheets + excluded.sheets), black = min(?, black + excluded.black),"
    " colour = min(?, colour + excluded.colour), unknown = min(?, unknown + excluded.unknown)"
)
_IN_ORDER = (
    "SELECT key, form, body FROM job WHERE (?1 IS NULL OR moment >= ?1) AND (?2 IS NULL OR moment < ?2)"
    " AND (?3 IS NULL OR coalesce(account, ?4) = ?3) ORDER BY coalesce(account, ?4), moment, id"
)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class Imported(msgspec.Struct, frozen=True, kw_only=True, tag="imported", tag_field="type"):
    """What became of one file. `conflicts` are doubles whose counts differ from those that are there: the first ones stay."""

    file: str
    jobs: int = 0
    doubles: int = 0
    conflicts: int = 0
    lines_bad: int = 0
    rules: dict[str, int] = {}
    """Faults by rule, as `poller accounting check` tells them."""
    is_known: bool = False
    """A file of this content was imported before; it was not read again."""


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """All a cost centre ever had; "" are jobs without one. `unknown` are impressions of no known colour, blank sides too."""

    cost_centre: str
    jobs: int
    sheets: int
    black: int
    colour: int
    unknown: int


class StillWrittenError(JobLogError):
    """The file changed while it was read; nothing of it was taken."""


class Interrupted(Exception):  # noqa: N818  nothing went wrong: whoever called wanted it to end
    """An import was asked to stop; nothing of the file was taken."""


class Store:
    """One connection. `opened` makes it."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._forms: dict[int, tuple[str, ...]] = {}

    # --- import --------------------------------------------------------------------------------------------------------

    def take(
        self, path: Path, options: Options, pseudonyms: Pseudonyms, *, now_utc: datetime, tell: Callable[[int], object] = lambda _: None
    ) -> Imported:
        """Import a file: all of it, or nothing. *tell* is called after every line with the octets read so far, and may raise Interrupted.

        Raises JobLogError for a file that is no log, StillWrittenError, HostError, OSError.
        """
        options = msgspec.structs.replace(options, origin=path.name)
        with _regular(path) as file:
            before = _state_of(file)
            content = _hash(file, tell)
            if self._is_known(content):
                return Imported(file=path.name, is_known=True)
            file.seek(0)
            with self._transaction():
                found = self._take(path.name, file, options, pseudonyms, tell)
                if _state_of(file) != before:
                    raise StillWrittenError(f"{path.name} changed while it was read: still being written?")
                self._db.execute(
                    "INSERT INTO file VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(content, _bounded(found.file), round(now_utc.timestamp() * 1000)),
                        *(found.jobs, found.doubles, found.conflicts, found.lines_bad),
                    ),
                )
        return found

    def _take(self, name: str, file: BinaryIO, options: Options, pseudonyms: Pseudonyms, tell: Callable[[int], object]) -> Imported:
        form = self._form()
        jobs = doubles = conflicts = lines_bad = bad_line = 0
        rules: dict[str, int] = {}
        totals: dict[str, list[int]] = {}
        for item in importer.read(file, options):
            tell(file.tell())
            if isinstance(item, Fault):
                rules[item.rule] = rules.get(item.rule, 0) + 1
                if item.severity == "error" and item.line != bad_line:
                    bad_line = item.line
                    lines_bad += 1
                continue
            job = pseudonyms.job(item.job)
            account = _account(job)
            key = ledger.digest_of(item.job)
            body = _encode(msgspec.structs.astuple(job))
            if self._db.execute(_PUT_JOB, (key, account, ledger.moment(job), form, body)).rowcount:
                jobs += 1
                _add(totals.setdefault(account or "", [0] * 5), job)
                if len(totals) >= _COST_CENTRES_HELD:
                    self._add_totals(totals)
            else:
                doubles += 1
                conflicts += without_names(self._job_of(key)) != without_names(job)
        self._add_totals(totals)
        return Imported(file=name, jobs=jobs, doubles=doubles, conflicts=conflicts, lines_bad=lines_bad, rules=rules)

    def _add_totals(self, totals: dict[str, list[int]]) -> None:
        """Add *totals*, by cost centre, to those there are, and empty it."""
        self._db.executemany(_ADD_TOTAL, ((name, *numbers, *(_TOTAL_MAX,) * 4) for name, numbers in totals.items()))
        totals.clear()

    def _is_known(self, content: bytes) -> bool:
        return self._db.execute("SELECT 1 FROM file WHERE digest = ?", (content,)).fetchone() is not None

    def _form(self) -> int:
        """Return the number of how this program writes jobs down: the fields of `Job`, in their order."""
        fields = " ".join(Job.__struct_fields__)
        self._db.execute("INSERT INTO form (fields) VALUES (?) ON CONFLICT DO NOTHING", (fields,))
        (number,) = self._db.execute("SELECT id FROM form WHERE fields = ?", (fields,)).fetchone()
        return int(number)

    # --- reading -------------------------------------------------------------------------------------------------------

    def records(
        self, suspense: str, *, since_seconds: int | None = None, until_seconds: int | None = None, cost_centre: str | None = None
    ) -> Iterator[Record]:
        """Yield jobs by cost centre (*suspense* for those without), each in the order of `ledger.moment`; the sorting is on the disk."""
        for key, form, body in self._db.execute(_IN_ORDER, (since_seconds, until_seconds, cost_centre, suspense)):
            yield Record(key.hex(), self._job(form, body))

    def count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM job").fetchone()[0])

    def totals(self, limit: int) -> tuple[list[Total], Total | None]:
        """Return the totals of the cost centres that came first, *limit* at most, and of all others together, None if there are none."""
        columns = "jobs, sheets, black, colour, unknown"
        first = [
            Total(cost_centre=name, jobs=jobs, sheets=sheets, black=black, colour=colour, unknown=unknown)
            for name, jobs, sheets, black, colour, unknown in self._db.execute(
                f"SELECT cost_centre, {columns} FROM total ORDER BY id LIMIT ?",  # noqa: S608  our own words
                (limit,),
            )
        ]
        rest = [0] * 5
        for row in self._db.execute(f"SELECT {columns} FROM total ORDER BY id LIMIT -1 OFFSET ?", (limit,)):  # noqa: S608  our own words
            rest = [have + more for have, more in zip(rest, row, strict=True)]
        jobs, sheets, black, colour, unknown = rest
        other = Total(cost_centre="other", jobs=jobs, sheets=sheets, black=black, colour=colour, unknown=unknown)
        return first, other if jobs else None

    # --- handing over --------------------------------------------------------------------------------------------------

    def to_hand_over(self, count_max: int) -> tuple[list[Record], int]:
        """Return the oldest jobs nobody has taken over yet, and up to where that is; give this to `handed_over` once they are safe."""
        rows = self._db.execute(
            "SELECT id, key, form, body FROM job WHERE id > ? ORDER BY id LIMIT ?", (self._handed(), count_max)
        ).fetchall()
        return [Record(key.hex(), self._job(form, body)) for _, key, form, body in rows], rows[-1][0] if rows else 0

    def handed_over(self, up_to: int) -> None:
        self._db.execute(
            "INSERT INTO about VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)", (_HANDED, up_to)
        )

    def waiting(self) -> int:
        """Return how many jobs nobody has taken over yet."""
        return int(self._db.execute("SELECT count(*) FROM job WHERE id > ?", (self._handed(),)).fetchone()[0])

    def _handed(self) -> int:
        row = self._db.execute("SELECT value FROM about WHERE name = ?", (_HANDED,)).fetchone()
        return 0 if row is None else int(row[0])

    # --- jobs ----------------------------------------------------------------------------------------------------------

    def _job_of(self, key: bytes) -> Job:
        form, body = self._db.execute("SELECT form, body FROM job WHERE key = ?", (key,)).fetchone()
        return self._job(form, body)

    def _job(self, form: int, body: bytes) -> Job:
        """Return a job as it was written down; fields that an older program did not have are None."""
        fields = self._forms.get(form)
        if fields is None:
            (text,) = self._db.execute("SELECT fields FROM form WHERE id = ?", (form,)).fetchone()
            fields = self._forms[form] = tuple(text.split(" "))
        return msgspec.convert(dict(zip(fields, _decode(body), strict=True)), Job)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


@contextmanager
def opened(path: Path, *, must_exist: bool = False) -> Iterator[Store]:
    """Open the database at *path*, made where there is none unless it *must_exist*, for its user alone.

    Raises HostError when this host cannot keep it, when it is none of ours, damaged, in use, or full.
    """
    if must_exist and not path.exists():
        raise HostError(f"there is no {path}", hint="nothing was imported yet: poller accounting import FILE…")
    files.prepare(path, hint=f"let this user write to {path.parent}, or name another file with [accounting] database")
    try:
        db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            _set_up(db, path)
            yield Store(db)
        finally:
            db.close()
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        hint = {"SQLITE_BUSY": "another import is under way; try again", "SQLITE_FULL": "make room on the disk"}.get(name, "")
        raise HostError(f"{path}: {error}", hint=hint) from error


def _set_up(db: sqlite3.Connection, path: Path) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    made = {sql for (sql,) in db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
    is_new = version == 0 and not made
    if not is_new and (version != _VERSION or made != set(_SCHEMA)):
        raise HostError(f"{path} is no database of jobs of this program", hint="name another file with [accounting] database")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES_MAX}")
    if not is_new:
        return
    db.execute("BEGIN IMMEDIATE")
    if not db.execute("SELECT 1 FROM sqlite_master").fetchone():  # nobody was faster
        for statement in _SCHEMA:
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {_VERSION}")
    db.execute("COMMIT")


@contextmanager
def _regular(path: Path) -> Iterator[BinaryIO]:
    """Open a file that is one: a pipe or a device in its place is refused, not waited for."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise JobLogError(f"{path.name} is not a plain file")
    with path.open("rb") as file:
        yield file


def _state_of(file: BinaryIO) -> tuple[int, int]:
    found = os.fstat(file.fileno())
    return found.st_size, found.st_mtime_ns


def _hash(file: BinaryIO, tell: Callable[[int], object]) -> bytes:
    content = blake2b(digest_size=32)
    while chunk := file.read(_HASHED_BYTES):
        content.update(chunk)
        tell(0)
    return content.digest()


def _account(job: Job) -> str | None:
    return (job.account or "").strip() or None


def _add(numbers: list[int], job: Job) -> None:
    """Add a job to jobs, sheets, black, colour, unknown."""
    sides = impressions(job) or 0
    colour = min(job.colour_pages or 0, sides)
    black = min(job.black_pages or 0, sides - colour)
    for at, more in enumerate((1, job.sheets or 0, black, colour, sides - colour - black)):
        numbers[at] = min(_TOTAL_MAX, numbers[at] + more)


def _bounded(name: str) -> str:
    return name.encode("utf-8", "replace").decode()[:_NAME_MAX]
