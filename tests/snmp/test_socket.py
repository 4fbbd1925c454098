"""The edge, against agents on loopback that behave and agents that do not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec
import pytest

from poller.errors import AgentError, DecodeError, NoAnswerError, UnreachableError
from poller.model import Credential, Secret, Target
from poller.snmp.message import Missing, Question, encode_get
from poller.snmp.oid import parse
from poller.snmp.socket import SnmpSocket
from tests.snmp.datagrams import NULL, integer, response, tlv, varbind
from tests.snmp.scripted_agent import scripted

NAME = "1.3.6.1.2.1.1.5.0"
ASKED = Question((parse(NAME),))
LONG_SECONDS, SHORT_SECONDS = 20.0, 0.06  # one never runs out in these tests, the other does at once
pytestmark = pytest.mark.both_loops


def request_id(request: bytes) -> int:
    """The request-id stands behind version and community, as in a response."""
    at = request.index(b"public") + 6 + 2
    assert request[at : at + 2] == b"\x02\x04"
    return int.from_bytes(request[at + 2 : at + 6], "big")


def named(request: bytes, name: bytes = b"prn-1") -> bytes:
    return response(request_id(request), varbind(NAME, tlv(4, name)))


def honest(request: bytes, _: int) -> Iterable[bytes]:
    return [named(request)]


async def test_a_question_is_answered_by_its_values() -> None:
    async with scripted(honest) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0) as wire:
        assert await wire.get(agent.target(), ASKED) == ((4, b"prn-1"),)
        assert wire.status().answers == wire.status().requests == 1
        assert wire.status().in_flight == 0


async def test_the_same_over_ipv6() -> None:
    async with scripted(honest, "::1") as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0) as wire:
        assert await wire.get(agent.target(), ASKED) == ((4, b"prn-1"),)


async def test_every_try_sends_the_identical_bytes_until_one_is_answered() -> None:
    def deaf_twice(request: bytes, before: int) -> Iterable[bytes]:
        return [] if before < 2 else [named(request)]

    async with scripted(deaf_twice) as agent, SnmpSocket(timeout_seconds=SHORT_SECONDS, retries=2) as wire:
        assert await wire.get(agent.target(), ASKED) == ((4, b"prn-1"),)
        assert len(agent.requests) == 3
        assert len(set(agent.requests)) == 1
        assert wire.status().retries == 2


async def test_silence_is_a_no_answer_error_after_all_tries() -> None:
    async with scripted(lambda *_: []) as agent, SnmpSocket(timeout_seconds=SHORT_SECONDS, retries=1) as wire:
        with pytest.raises(NoAnswerError, match="in 2 tries"):
            await wire.get(agent.target(), ASKED)
        assert wire.status().timeouts == 1


async def test_a_wrong_request_id_a_late_and_a_stray_answer_are_counted_and_change_nothing() -> None:
    def noisy(request: bytes, before: int) -> Iterable[bytes]:
        stray = response(request_id(request) ^ 1, varbind(NAME, tlv(4, b"forged")))
        return [stray, named(request), named(request, b"second thoughts")]

    async with scripted(noisy) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0) as wire:
        for _ in range(3):
            assert await wire.get(agent.target(), ASKED) == ((4, b"prn-1"),)
        await until(lambda: wire.status().discarded.get("late") == 3)
        assert wire.status().discarded == {"stray": 3, "late": 3}


async def test_an_answer_from_another_address_is_not_taken() -> None:
    async with scripted(lambda *_: []) as impostor, scripted(honest) as agent:

        def elsewhere(request: bytes, _: int) -> Iterable[bytes]:
            impostor.send(named(request, b"forged"), agent.asker)
            return []

        agent.script = elsewhere
        async with SnmpSocket(timeout_seconds=SHORT_SECONDS, retries=0) as wire:
            with pytest.raises(NoAnswerError):
                await wire.get(agent.target(), ASKED)
            assert wire.status().discarded == {"wrong_address": 1}


@pytest.mark.parametrize("garbage", [b"", b"\x00", b"\x30\x84\xff\xff\xff\xff", b"HTTP/1.1 400 Bad Request\r\n"])
async def test_garbage_is_counted_and_is_the_reason_when_nothing_better_comes(garbage: bytes) -> None:
    async with scripted(lambda *_: [garbage]) as agent, SnmpSocket(timeout_seconds=SHORT_SECONDS, retries=0) as wire:
        with pytest.raises(DecodeError):
            await wire.get(agent.target(), ASKED)
        assert wire.status().discarded == {"garbled": 1}


async def test_an_answer_that_lies_about_a_length_inside_fails_at_once() -> None:
    def liar(request: bytes, _: int) -> Iterable[bytes]:
        return [response(request_id(request), tlv(0x30, tlv(6, parse(NAME)) + b"\x04\x7fabc"))]

    async with scripted(liar) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=3) as wire:
        with pytest.raises(DecodeError, match="outgrows"):
            await wire.get(agent.target(), ASKED)


async def test_a_flood_of_answers_leaves_nothing_behind() -> None:
    async with scripted(lambda request, _: [named(request)] * 500) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0) as wire:
        for _ in range(4):
            assert await wire.get(agent.target(), ASKED) == ((4, b"prn-1"),)
        assert (len(wire._waiting), len(wire._turns), len(wire._asked)) == (0, 0, 0)


async def test_a_device_is_asked_one_question_at_a_time() -> None:
    open_questions, most = 0, 0

    async with scripted(lambda *_: []) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0) as wire:
        loop = asyncio.get_running_loop()

        def slow(request: bytes, _: int) -> Iterable[bytes]:
            nonlocal open_questions, most
            open_questions += 1
            most = max(most, open_questions)

            def reply() -> None:
                nonlocal open_questions
                open_questions -= 1
                agent.send(named(request), agent.asker)

            loop.call_later(0.01, reply)
            return []

        agent.script = slow
        answers = await asyncio.gather(*(wire.get(agent.target(), ASKED) for _ in range(8)))
        assert answers == [((4, b"prn-1"),)] * 8
        assert most == 1


async def test_a_target_with_a_pause_is_left_alone_before_each_question_and_no_other_is() -> None:
    paused: list[float] = []

    async def sleep(seconds: float) -> None:
        paused.append(seconds)

    async with scripted(honest) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0, sleep=sleep) as wire:
        await wire.get(agent.target(), ASKED)
        assert paused == []
        slow = msgspec.structs.replace(agent.target(), pause_ms=50)
        await wire.get(slow, ASKED)
        await wire.next(slow, parse("1.3.6.1.2.1.1"), 1)
        assert paused == [0.05, 0.05]


async def test_a_cancelled_question_gives_its_turn_to_the_next() -> None:
    async with (
        scripted(lambda request, before: [named(request)] if before else []) as agent,
        SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0) as wire,
    ):
        first = asyncio.create_task(wire.get(agent.target(), ASKED))
        await until(lambda: len(agent.requests) == 1)
        second, third = (asyncio.create_task(wire.get(agent.target(), ASKED)) for _ in range(2))
        await asyncio.sleep(0)
        second.cancel()
        first.cancel()
        assert await third == ((4, b"prn-1"),)
        for cancelled in (first, second):
            with pytest.raises(asyncio.CancelledError):
                await cancelled
        assert (len(wire._waiting), len(wire._turns), len(wire._asked)) == (0, 0, 0)


async def test_a_missing_oid_is_missing_in_both_versions() -> None:
    def lacking(request: bytes, _: int) -> Iterable[bytes]:
        if request[4] == 0:  # version 1
            return [response(request_id(request), varbind(NAME, NULL), version=0, status=2, index=1)]
        return [response(request_id(request), varbind(NAME, tlv(0x81, b"")))]

    async with scripted(lacking) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0) as wire:
        assert await wire.get(agent.target(version="1"), ASKED) == (Missing.NO_SUCH_NAME,)
        assert await wire.get(agent.target(version="2c"), ASKED) == (Missing.NO_SUCH_INSTANCE,)


async def test_next_returns_rows_and_ends_with_the_mib() -> None:
    def two_rows(request: bytes, _: int) -> Iterable[bytes]:
        rows = [varbind(NAME, integer(7)), varbind("1.3.6.1.2.1.1.6.0", NULL), varbind("1.3.6.1.2.1.1.6.0", tlv(0x82, b""))]
        return [response(request_id(request), *rows)]

    async with scripted(two_rows) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0) as wire:
        assert await wire.next(agent.target(), parse("1.3.6.1"), 10) == [
            (parse(NAME), (2, b"\x07")),
            (parse("1.3.6.1.2.1.1.6.0"), (5, b"")),
        ]


async def test_an_agents_refusal_is_an_agent_error() -> None:
    def refusing(request: bytes, _: int) -> Iterable[bytes]:
        return [response(request_id(request), varbind(NAME, NULL), status=5, index=1)]

    async with scripted(refusing) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0) as wire:
        with pytest.raises(AgentError, match="genErr"):
            await wire.next(agent.target(), parse("1.3.6.1"), 10)


async def test_what_cannot_be_sent_is_unreachable_at_once() -> None:
    async with SnmpSocket(timeout_seconds=LONG_SECONDS, retries=3) as wire:
        wire._senders.pop(16)  # a host without IPv6
        target = Target(address="::1", credential=Credential(name="x", version="2c", community=Secret("public")))
        with pytest.raises(UnreachableError, match="no IPv6"):
            await wire.get(target, ASKED)


async def test_strangers_are_offered_what_answers_no_question() -> None:
    heard: list[tuple[int, str, int]] = []

    def stranger(request_id: int, address: str, port: int) -> bool:
        heard.append((request_id, address, port))
        return True

    async with scripted(honest) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0, stranger=stranger) as wire:
        probe = encode_get([parse(NAME)], version="2c", community="public").with_request_id(0x1122_3344)
        assert wire.send_many([probe], [bytes((127, 0, 0, 1))], agent.address[1]) == 1
        await until(lambda: bool(heard))
        assert heard == [(0x1122_3344, *agent.address)]
        assert wire.status().discarded == {}


async def until(is_true: object) -> None:
    """Let the loop turn until the claim holds; bounded in turns, not in time."""
    assert callable(is_true)
    for _ in range(2000):
        if is_true():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came true")
