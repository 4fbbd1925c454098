"""What a line is, as central sees it: read, kept without being understood, or kept with the reason why it cannot be read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from poller.central.receiving.receive import count_types, mark_of, read_line
from poller.central.store import batches
from poller.central.store.tables import line as lines
from tests.central.running import Running
from tests.readings import TAKEN_UTC, colour_mfp, hostile

NOW_UTC = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
READING = msgspec.json.encode(colour_mfp().reading)


def changed(**facts: Any) -> bytes:
    """Return a reading with other members at its top, or, by `printer_…`, in its printer."""
    reading = json.loads(READING)
    for name, value in facts.items():
        place, key = (reading["printer"], name.removeprefix("printer_")) if name.startswith("printer_") else (reading, name)
        place[key] = value
    return json.dumps(reading).encode()


def test_a_reading_is_stored_with_its_printer_and_time() -> None:
    row = read_line(READING, now_utc=NOW_UTC)
    assert (row.type, row.printer, row.taken_utc) == ("reading", "serial:32473:MFP00001", TAKEN_UTC)
    assert (row.mark, row.fault) == (None, None)


def test_a_reading_is_one_in_whatever_order_its_members_are() -> None:
    members = json.loads(READING)
    members["type"] = members.pop("type")
    assert not json.dumps(members).startswith('{"type"')
    assert read_line(json.dumps(members).encode(), now_utc=NOW_UTC) == read_line(READING, now_utc=NOW_UTC)


@pytest.mark.parametrize("kind", ["event", "job", "health", "of-a-later-version"])
def test_other_types_are_kept_unread(kind: str) -> None:
    line = json.dumps({"type": kind, "whatever": [1, 2]}).encode()
    row = read_line(line, now_utc=NOW_UTC)
    assert (row.type, row.printer, row.fault) == (kind, None, None)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"garbage",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"type":5}',
        b'{"type":""}',
        b'{"type":"a\\u0000b"}',
        json.dumps({"type": "x" * 65}).encode(),
        b'{"type":"reading"}',
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        READING[:-1],
        changed(schema=2),
        changed(taken_at="2026-11-20T06:00:00"),
        changed(taken_at="yesterday"),
        changed(taken_at="0001-01-01T00:00:00+14:00"),
        changed(taken_at="9999-12-31T23:00:00-12:00"),
        changed(printer_id=""),
        changed(printer_id="x" * 301),
        changed(printer_id="a\0b"),
        changed(printer_identities=["x"] * 33),
        changed(printer_identities=["a\0b"]),
        changed(supplies=[{"key": "1.1", "index": None, "state": "invented"}]),
        changed(counters=[{"function": "print", "count": "many"}]),
        changed(counters=[{"function": "print", "count": -1}]),
        changed(counters=[{"function": "print", "count": 2**53}]),
    ],
    ids=range(26),
)
def test_a_line_that_cannot_be_read_is_kept_with_the_reason(line: bytes) -> None:
    row = read_line(line, now_utc=NOW_UTC)
    assert row.fault
    assert len(row.fault) <= 300
    assert row.fault.isprintable()
    assert row.printer is None


def test_hostile_text_is_a_reading_like_any_other_unless_it_is_an_identity() -> None:
    row = read_line(msgspec.json.encode(hostile().reading), now_utc=NOW_UTC)
    assert row.fault == "an identity is empty, too long or has a NUL"
    assert read_line(changed(printer_model="a\0<b>\u202e"), now_utc=NOW_UTC).fault is None


def test_members_of_a_later_version_are_no_fault() -> None:
    assert read_line(changed(humidity=0.4), now_utc=NOW_UTC).fault is None


@pytest.mark.parametrize(
    "ahead,mark",
    [
        (timedelta(), None),
        (timedelta(minutes=10), None),
        (timedelta(minutes=10, seconds=1), "future"),
        (timedelta(days=-400), None),
        (timedelta(days=-400, seconds=-1), "ancient"),
        (timedelta(days=-20_000), "ancient"),
    ],
)
def test_a_time_that_cannot_be_right_is_marked(ahead: timedelta, mark: str | None) -> None:
    assert mark_of(NOW_UTC + ahead, NOW_UTC) == mark
    row = read_line(changed(taken_at=(NOW_UTC + ahead).isoformat()), now_utc=NOW_UTC)
    assert (row.mark, row.taken_utc, row.fault) == (mark, NOW_UTC + ahead, None)


def test_types_are_counted_under_a_few_words() -> None:
    sent = [READING, b'{"type":"event"}', b'{"type":"x1"}', b'{"type":"x2"}', b"garbage"]
    assert count_types(read_line(line, now_utc=NOW_UTC) for line in sent) == {"reading": 1, "event": 1, "other": 2, "unreadable": 1}


async def test_every_line_of_a_batch_is_kept_as_it_came_and_in_its_order(central: Running) -> None:
    agent = await central.agent()
    sent = [READING, b"garbage", b'{"type":"event"}', changed(taken_at="2036-01-01T00:00:00Z"), changed(printer_id="mac:0000")]
    assert (await agent.send(7, agent.batch(7, sent))).word == "stored"
    async with central.database.reading() as db:
        rows = (await db.execute(lines.select().order_by(lines.c.position))).mappings().all()
        kept = await batches.load(db, "acme", agent.id, 7)
        of_printer = await batches.printer_lines(
            db, "acme", "mac:0000", since_utc=NOW_UTC - timedelta(days=40), until_utc=NOW_UTC + timedelta(days=40), rows_max=10
        )
    assert kept is not None
    assert kept.lines == sent
    assert of_printer == [sent[4]]
    assert [row["type"] for row in rows] == ["reading", None, "event", "reading", "reading"]
    assert [row["mark"] for row in rows] == [None, None, None, "future", None]
    assert [row["fault"] is None for row in rows] == [True, False, True, True, True]
    assert rows[0]["taken_utc"] == TAKEN_UTC
    shown = await central.administration.find_agent(agent.id)
    assert (shown["batches"], shown["lines"], shown["unreadable"]) == (1, 5, 1)
