"""Databases of one PostgreSQL, lent to one test at a time.

A database copied from a template is hundreds of files, and whoever connects to it first has to learn its catalogue; most tests take less
time than that. So one that comes back as it was, but for rows, is emptied and lent again. One whose tables, months or rules were changed
is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from tests.central.running import connect_postgres

# Every change of a table, an index or a rule writes a row of these two anew. What cloning makes is the same as in the template.
_CATALOGUE = """
SELECT md5(string_agg(line, ' ' ORDER BY line)) FROM (
    SELECT format('%s %s', oid, xmin) AS line FROM pg_class WHERE oid >= 16384
    UNION ALL SELECT format('%s %s', oid, xmin) FROM pg_constraint WHERE oid >= 16384
) AS lines
"""
_SEND_AWAY = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
_EMPTY = """
DO $$ DECLARE name text; BEGIN
    SET LOCAL session_replication_role = replica; -- references are not followed: nothing is left for them to break
    FOR name IN SELECT oid::regclass FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
    LOOP EXECUTE 'DELETE FROM ' || name; END LOOP;
END $$
"""


class Databases:
    """Copies of *template* on the server at *url*."""

    def __init__(self, url: str, template: str) -> None:
        self._server, self._template = url, template
        self._free: list[str] = []
        self._made = 0
        self._catalogue = ""

    @contextmanager
    def lend(self) -> Iterator[str]:
        """Give the URL of one with central's tables and nothing in them."""
        name = self._free.pop() if self._free else asyncio.run(self._make())
        try:
            yield at(self._server, name)
        finally:
            if asyncio.run(self._is_clean(name)):
                self._free.append(name)

    async def _make(self) -> str:
        self._made += 1
        name = f"test_{self._made}"
        await self._ask(f"CREATE DATABASE {name} TEMPLATE {self._template} STRATEGY file_copy")  # half the work of writing it to the log
        return name

    async def _is_clean(self, name: str) -> bool:
        """Empty it; drop it where emptying is not enough."""
        connection = await connect_postgres(at(self._server, name))
        try:
            await connection.execute(_SEND_AWAY)  # a process that was killed may not have been missed yet
            catalogue = await connection.fetchval(_CATALOGUE)
            if is_clean := bool(catalogue == await self._catalogue_of_template()):
                await connection.execute(_EMPTY)
        finally:
            await connection.close()
        if not is_clean:
            await self._ask(f"DROP DATABASE {name} WITH (FORCE)")
        return is_clean

    async def _catalogue_of_template(self) -> str:
        if not self._catalogue:
            connection = await connect_postgres(at(self._server, self._template))
            self._catalogue = await connection.fetchval(_CATALOGUE)
            await connection.close()
        return self._catalogue

    async def _ask(self, statement: str) -> None:
        connection = await connect_postgres(self._server)
        await connection.execute(statement)
        await connection.close()


def at(server: str, name: str) -> str:
    """Return the URL of a database of this server."""
    return server.replace("/postgres?", f"/{name}?")
