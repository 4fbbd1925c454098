"""Receiving under attack: what an agent gone wrong, or somebody pretending to be one, takes from nobody else. Counted, not timed."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import aiohttp
import msgspec
import pytest

from poller.central.receiving import intake
from poller.central.receiving.answers import RefusalError
from poller.central.receiving.intake import Intake
from poller.central.store import agents, batches
from poller.sealing.envelope import PLAIN_BYTES_MAX, SEALED_BYTES_MAX
from tests.central.agent import TestAgent
from tests.central.receiving.test_receive import changed
from tests.central.running import Running
from tests.fake_clock import FakeClock

EVENT = b'{"type":"event"}'


async def other_agent(central: Running) -> TestAgent:
    """Return an agent of another account than the attacker's."""
    await central.add_site("good", "berlin")
    return await central.agent("good", "berlin")


async def test_of_a_flood_an_agent_gets_its_pace_and_no_more_and_another_account_all_of_its_own(central: Running) -> None:
    attacker, good = await central.agent(), await other_agent(central)
    flood = [attacker.sign("POST", f"/v1/batches/{number}", attacker.batch(number, [EVENT])) for number in range(1, 201)]
    answers = await asyncio.gather(
        *(attacker.deliver(request) for request in flood),
        *(good.send(number, good.batch(number, [EVENT])) for number in range(1, 31)),
    )
    words = [answered.word for answered in answers]
    assert words[200:] == ["stored"] * 30
    assert words[:200].count("stored") == 100  # five seconds of its pace at once; the clock stands still
    assert words[:200].count("slow-down") == 100
    assert all(
        answered.status == 429 and answered.headers["Retry-After"] == "10" for answered in answers[:200] if answered.word == "slow-down"
    )


async def test_ten_times_its_pace_is_not_even_proven(central: Running) -> None:
    attacker = await central.agent()
    request = attacker.sign("POST", "/v1/batches/1", attacker.batch(1, [EVENT]))
    answers = [await attacker.deliver(request) for _ in range(320)]
    assert [answered.is_proven for answered in answers if answered.word == "slow-down"].count(False) >= 20
    assert {answered.word for answered in answers} == {"stored", "duplicate", "slow-down"}


def test_who_only_claims_a_key_uses_up_nothing_of_its_owner(clock: FakeClock) -> None:
    taking = Intake(clock, requests_per_second=1)
    for _ in range(15):
        taking.admit_claim("key", "192.0.2.66")
    with pytest.raises(RefusalError):
        taking.admit_claim("key", "192.0.2.66")
    taking.admit_claim("key", "192.0.2.7")
    taking.admit_agent("key")


def test_an_account_holds_at_most_what_it_leaves_to_the_others(clock: FakeClock) -> None:
    taking = Intake(clock, requests_per_second=1)
    held = {name: hold_all(taking, name) for name in ("first", "second", "third")}
    assert held["first"] <= intake.IN_HAND_BYTES_MAX / 2 + 2**20
    assert held["second"] <= held["first"] / 2 + 2**20
    assert held["third"] >= 2**20
    taking._let_go("first", held["first"])
    taking._let_go("second", held["second"])
    taking._let_go("third", held["third"])
    assert (taking.in_hand_bytes, hold_all(taking, "fourth")) == (0, held["first"])


def hold_all(taking: Intake, account: str) -> int:
    """Take a mebibyte at a time until there is no more; return how much that was."""
    for taken in range(1000):
        try:
            taking._hold(account, 2**20)
        except RefusalError:
            return taken * 2**20
    raise AssertionError("there is no bound")


async def test_bodies_that_never_end_leave_room_for_another_account(central: Running) -> None:
    attacker, good = await central.agent(), await other_agent(central)
    refused = 0
    async with AsyncExitStack() as stack:
        for number in range(1, 21):
            reader, writer = await asyncio.open_connection("127.0.0.1", central.central.port)
            stack.callback(writer.close)
            request = attacker.sign("POST", f"/v1/batches/{number}")
            fields = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
            head = f"POST {request.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {SEALED_BYTES_MAX}\r\nExpect: 100-continue\r\n{fields}\r\n"
            writer.write(head.encode())
            said = await reader.readuntil(b"\r\n\r\n")
            if said.startswith(b"HTTP/1.1 100"):
                writer.write(b"x")
            refused += await is_refused_or_waits(central, said, reader)
        assert refused >= 15
        assert (await good.send(1, good.batch(1, [b'{"type":"x","pad":"%s"}' % (b"y" * 2**20)]))).word == "stored"


async def is_refused_or_waits(central: Running, said: bytes, reader: asyncio.StreamReader) -> bool:
    """Return whether a request was answered with 503; one that is let in has no answer, and is among the bytes in hand."""
    before = await bytes_in_hand(central)
    for _ in range(100):
        if said.startswith(b"HTTP/1.1 503"):
            return True
        try:
            async with asyncio.timeout(0):
                said = await reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            if await bytes_in_hand(central) != before:
                return False
    return said.startswith(b"HTTP/1.1 503")


async def bytes_in_hand(central: Running) -> str:
    return next(line for line in (await central.metrics()).splitlines() if line.startswith("poller_central_bytes_in_hand "))


async def test_five_hundred_strangers_cost_no_agent_an_answer(central: Running) -> None:
    good = await other_agent(central)
    strangers = [central.stranger() for _ in range(20)]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=50)) as session:
        for stranger in strangers:
            stranger.session = session
        answers = await asyncio.gather(
            *(stranger.settings() for stranger in strangers for _ in range(25)),
            *(good.send(number, good.batch(number, [EVENT])) for number in range(1, 21)),
        )
    words = [answered.word for answered in answers]
    assert words[500:] == ["stored"] * 20
    assert words[:500].count("unknown-agent") == 99  # and the good one, when it enrolled
    assert words[:500].count("slow-down") == 401
    assert not any(answered.is_proven for answered in answers[:500])


async def test_a_printer_of_another_account_is_just_a_printer_of_ones_own(central: Running) -> None:
    attacker, good = await central.agent(), await other_agent(central)
    line = changed()
    assert (await good.send(1, good.batch(1, [line]))).word == "stored"
    assert (await attacker.send(1, attacker.batch(1, [line, changed(account="good", agent=good.id)]))).word == "stored"
    async with central.database.reading() as db:
        assert await batches.counts(db, "good") == {"batches": 1, "lines": 1}
        assert await batches.counts(db, "acme") == {"batches": 1, "lines": 2}


async def test_lines_that_cannot_be_are_kept_aside_and_the_good_ones_count(central: Running) -> None:
    attacker = await central.agent()
    bad = [changed(counters=[{"function": "print", "count": count}]) for count in (-5, 2**60)]
    bad += [changed(printer_id="a\ud800b".encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass"))]
    marked = [
        changed(taken_at=taken)
        for taken in ("2036-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1970-01-01T00:00:00Z")
    ]
    assert (await attacker.send(1, attacker.batch(1, [*bad, *marked, changed()]))).word == "stored"
    shown = await central.administration.find_agent(attacker.id)
    assert shown["lines"] == 8
    assert shown["unreadable"] == 3
    metrics = await central.metrics()
    assert 'poller_central_lines_marked_total{mark="future"} 2' in metrics
    assert 'poller_central_lines_marked_total{mark="ancient"} 2' in metrics


async def test_bombs_of_one_account_wait_for_each_other_not_others_for_them(central: Running) -> None:
    attacker, good = await central.agent(), await other_agent(central)
    bombs = [attacker.batch(number, [b"a" * (PLAIN_BYTES_MAX - 1)]) for number in range(1, 9)]
    answers = await asyncio.gather(
        *(attacker.send(number, bomb) for number, bomb in enumerate(bombs, 1)), good.send(1, good.batch(1, [EVENT]))
    )
    assert {answered.word for answered in answers} == {"stored"}
    async with central.database.reading() as db:
        kept = await batches.load(db, "acme", attacker.id, 1)
        found = await agents.accounts(db)
    assert kept is not None
    assert [len(line) for line in kept.lines] == [PLAIN_BYTES_MAX - 1]
    assert len(found) == 2


async def test_a_batch_whose_rows_the_database_refuses_takes_no_other_along(central: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """No such line is known: the day one is found, it is its sender's alone."""
    from poller.central.receiving import receive

    attacker, good = await central.agent(), await other_agent(central)
    judge = receive.read_line

    def read(line: bytes, **rest: object) -> batches.Row:
        row = judge(line, **rest)  # type: ignore[arg-type]
        return row if b"poison" not in line else msgspec.structs.replace(row, fault=7)

    monkeypatch.setattr(receive, "read_line", read)
    sent = await asyncio.gather(
        *(
            one.send(number, one.batch(number, [line]))
            for number in range(1, 9)
            for one, line in ((attacker, b'{"type":"poison"}'), (good, EVENT))
        )
    )
    assert [answered.word for answered in sent[1::2]] == ["stored"] * 8
