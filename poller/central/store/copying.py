"""PostgreSQL's fast way in: what many requests ask or bring, in one statement each, and lines by COPY.

On the driver itself (asyncpg). Arrays are what goes to and fro, so that a statement is the same, and prepared, for one and for a hundred.
Every statement names the accounts it is about, so that a divided store asks only the machines that have them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poller.central.store.batches import Arrival, Result

_SEEN = """
    UPDATE agent SET seen_utc = greatest(seen_utc, $3), batch_utc = greatest(batch_utc, $3)
    WHERE account = ANY($1::text[]) AND agent = ANY($2::text[]) AND revoked_utc IS NULL
    RETURNING account, agent
"""
_BATCH = """
    INSERT INTO batch (account, agent, number, digest, lines, unreadable, size_bytes, received_utc)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[], $5::int[], $6::int[], $7::int[], $8::timestamptz[])
    ON CONFLICT (account, agent, number) DO NOTHING
    RETURNING account, agent, number
"""
_KNOWN = """
    SELECT account, agent, number, digest FROM batch
    WHERE account = ANY($1::text[]) AND agent = ANY($2::text[]) AND number = ANY($3::bigint[])
"""
_NEWEST = """
    SELECT account, site, agent, max(version) FROM settings
    WHERE account = ANY($1::text[]) AND (site = ANY($2::text[]) OR agent = ANY($3::text[]))
    GROUP BY account, site, agent
"""
_AGENTS = """
    SELECT agent.account, agent.agent, agent.site, agent_key.key_id, agent_key.signing, agent_key.sealing, agent.pinned_signing,
           agent.revoked_utc IS NOT NULL AS is_revoked, agent.settings_version
    FROM agent_key JOIN agent ON agent.account = agent_key.account AND agent.agent = agent_key.agent
    WHERE agent_key.key_id = ANY($1::text[])
"""

_PLACE = ("account", "received_utc", "agent", "number")
_LINE = (*_PLACE, "position", "type", "printer", "taken_utc", "mark", "fault")

Key = tuple[str, str, int]


async def store(db: Any, arrivals: Sequence[Arrival]) -> list[tuple[Result, int]]:
    """Store *arrivals* in the transaction there is; returns what each was and the settings its agent is to go by.

    Rows are always written in the order of their keys: two processes that bring the same ones wait for each other, and never both.
    """
    ordered = sorted(arrivals, key=_key)
    accounts, senders = _distinct(one.account for one in ordered), _distinct(one.agent for one in ordered)
    latest_utc = max(one.received_utc for one in ordered)
    let_in = {tuple(row) for row in await db.fetch(_SEEN, accounts, senders, latest_utc)}
    firsts = {_key(one): one for one in reversed(ordered) if (one.account, one.agent) in let_in}
    stored, known = await _insert(db, [firsts[key] for key in sorted(firsts)])
    versions = _Versions(await db.fetch(_NEWEST, accounts, _distinct(one.site for one in ordered), senders))
    results: list[tuple[Result, int]] = []
    for one in arrivals:
        key, result = _key(one), "revoked"
        if (one.account, one.agent) in let_in:
            result = "stored" if key in stored and firsts[key] is one else "duplicate" if known[key] == one.digest else "conflict"
        results.append((result, versions.of(one)))  # type: ignore[arg-type]
    return results


async def _insert(db: Any, wanted: Sequence[Arrival]) -> tuple[set[Key], dict[Key, bytes]]:
    """Store those whose numbers are not taken. Returns their keys, and the digest that stands under the key of each that was wanted."""
    known = {_key(one): one.digest for one in wanted}
    if not wanted:
        return set(), known
    columns = zip(
        *(
            (one.account, one.agent, one.number, one.digest, len(one.rows), one.unreadable, one.size_bytes, one.received_utc)
            for one in wanted
        ),
        strict=True,
    )
    stored = {tuple(row) for row in await db.fetch(_BATCH, *map(list, columns))}
    new = [one for one in wanted if _key(one) in stored]
    if len(new) < len(wanted):
        old = [one for one in wanted if _key(one) not in stored]
        found = await db.fetch(_KNOWN, *(_distinct(part) for part in zip(*map(_key, old), strict=True)))
        known |= {(account, agent, number): digest for account, agent, number, digest in found if (account, agent, number) in known}
    if new:
        await db.copy_records_to_table("fresh", records=[_place(one) for one in new], columns=_PLACE)
        bodies = [(*_place(one), one.plain_bytes, one.packed) for one in new]
        await db.copy_records_to_table("content", records=bodies, columns=(*_PLACE, "plain_bytes", "body"))
        await db.copy_records_to_table("line", records=_lines(new), columns=_LINE)
    return stored, known


async def find_agents(db: Any, key_ids: Iterable[str]) -> list[dict[str, Any]]:
    """Return the agents whose signing keys these are."""
    return [dict(row) for row in await db.fetch(_AGENTS, list(key_ids))]


class _Versions:
    """What was set last, for sites and for agents."""

    def __init__(self, rows: Iterable[tuple[str, str | None, str | None, int]]) -> None:
        self._newest = {(account, site, agent): version for account, site, agent, version in rows}

    def of(self, one: Arrival) -> int:
        return max(self._newest.get((one.account, one.site, None), 0), self._newest.get((one.account, None, one.agent), 0))


def _key(one: Arrival) -> Key:
    return one.account, one.agent, one.number


def _place(one: Arrival) -> tuple[Any, ...]:
    return one.account, one.received_utc, one.agent, one.number


def _lines(arrivals: Iterable[Arrival]) -> list[tuple[Any, ...]]:
    return [
        (*place, position, row.type, row.printer, row.taken_utc, row.mark, row.fault)
        for one in arrivals
        for place in (_place(one),)
        for position, row in enumerate(one.rows)
    ]


def _distinct(values: Iterable[Any]) -> list[Any]:
    return sorted(set(values))
