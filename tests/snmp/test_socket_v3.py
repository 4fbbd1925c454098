"""SNMPv3 at the edge: discovery, the engine's clock, and agents that lie about who they are."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from poller.errors import AccessError, DecodeError, NoAnswerError, Refusal
from poller.model import Secret, User
from poller.snmp import v3
from poller.snmp.engines import KnownEngine
from poller.snmp.message import Question
from poller.snmp.oid import parse
from poller.snmp.socket import SnmpSocket
from tests.fake_clock import FakeClock
from tests.snmp.datagrams import response, tlv, varbind
from tests.snmp.scripted_agent import scripted
from tests.snmp.test_socket import LONG_SECONDS, SHORT_SECONDS, until
from tests.snmp.v3_agent import AUTH, ENGINE, GUEST, MONITOR, PRIV, RESPONSE, SIGNER, TIME, USER, V3Agent, target_of

NAME = "1.3.6.1.2.1.1.5.0"
ASKED = Question((parse(NAME),))
ANSWER = ((4, b"prn-1"),)
SEALED = AUTH | PRIV | 4
pytestmark = pytest.mark.both_loops


def other(user: User, **changed: Secret) -> User:
    return User(**({name: getattr(user, name) for name in user.__struct_fields__} | changed))


@pytest.mark.parametrize("user", [MONITOR, SIGNER, GUEST], ids=lambda user: user.name)
async def test_an_engine_is_discovered_once_and_then_asked(user: User) -> None:
    device = V3Agent()
    async with scripted(device.script) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0) as wire:
        for _ in range(3):
            assert await wire.get(target_of(agent.address, user), ASKED) == ANSWER
        assert [report for _, report in device.received] == [ENGINE, "", "", ""]
        assert await wire.next(target_of(agent.address, user), parse("1.3.6.1"), 10) == [(parse(NAME), (4, b"prn-1"))]
        assert wire.status().in_flight == 0


async def test_an_agent_that_keeps_its_time_to_itself_tells_it_when_asked_out_of_time() -> None:
    device = V3Agent(tells_time=False)
    async with scripted(device.script) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0) as wire:
        assert await wire.get(target_of(agent.address), ASKED) == ANSWER
        assert [report for _, report in device.received] == [ENGINE, TIME, ""]


async def test_a_device_that_rebooted_and_a_host_that_slept_cost_one_question_more(clock: FakeClock) -> None:
    device = V3Agent()
    async with scripted(device.script) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0, monotonic=clock.monotonic) as wire:
        assert await wire.get(target_of(agent.address), ASKED) == ANSWER
        device.received.clear()
        clock.advance(4 * 3600)
        device.seconds += 4 * 3600
        assert await wire.get(target_of(agent.address), ASKED) == ANSWER
        assert [report for _, report in device.received] == [""]
        device.received.clear()
        device.boots, device.seconds = device.boots + 1, 3
        assert await wire.get(target_of(agent.address), ASKED) == ANSWER
        assert [report for _, report in device.received] == [TIME, ""]
        device.received.clear()
        device.seconds += 600  # our clock stood still
        assert await wire.get(target_of(agent.address), ASKED) == ANSWER
        assert [report for _, report in device.received] == [TIME, ""]


async def test_a_device_whose_boots_were_reset_is_discovered_anew(clock: FakeClock) -> None:
    """A factory reset, say. Strictly it would never be in time again; a restart of ours would cure it, and so does discovery."""
    device = V3Agent(boots=9)
    async with scripted(device.script) as agent, SnmpSocket(timeout_seconds=SHORT_SECONDS, retries=0, monotonic=clock.monotonic) as wire:
        assert await wire.get(target_of(agent.address), ASKED) == ANSWER
        device.boots, device.seconds = 1, 5
        assert await wire.get(target_of(agent.address), ASKED) == ANSWER
        assert device.received[-1] == (SEALED, "")
        assert [known.boots for known in wire.engines()] == [1]


async def test_another_device_at_the_address_is_discovered_within_the_question() -> None:
    device = V3Agent()
    async with scripted(device.script) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0) as wire:
        assert await wire.get(target_of(agent.address), ASKED) == ANSWER
        device.engine_id = b"\x80\x00\x1f\x88\x04another"
        device.received.clear()
        assert await wire.get(target_of(agent.address), ASKED) == ANSWER
        assert [report for _, report in device.received] == [ENGINE, ENGINE, ""]


@pytest.mark.parametrize(
    "user,refusal",
    [
        (User(name="nobody"), Refusal.UNKNOWN_USER),
        (other(MONITOR, auth_password=Secret("not invented")), Refusal.WRONG_DIGEST),
        (other(SIGNER, priv="aes128", priv_password=Secret("not invented")), Refusal.UNSUPPORTED_LEVEL),  # type: ignore[arg-type]
    ],
    ids=lambda value: value.name,
)
async def test_what_keeps_us_out_is_told_apart_and_without_a_secret(user: User, refusal: Refusal) -> None:
    device = V3Agent()
    async with scripted(device.script) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=3) as wire:
        with pytest.raises(AccessError) as raised:
            await wire.get(target_of(agent.address, user), ASKED)
        assert raised.value.refusal is refusal
        assert "invented" not in str(raised.value)
        assert user.name not in str(raised.value)
        assert wire.status().retries == 0


async def test_a_clock_that_cannot_be_agreed_on_is_given_up_after_one_more_try() -> None:
    device = V3Agent()

    def never_in_time(request: bytes, _: int) -> Iterable[bytes]:
        device.boots += 2**20  # and another time at every look
        return [device.respond(request)]

    async with scripted(never_in_time) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0) as wire:
        with pytest.raises(AccessError) as raised:
            await wire.get(target_of(agent.address), ASKED)
        assert raised.value.refusal is Refusal.NOT_IN_TIME
        assert len(agent.requests) == 3
        assert wire.engines() == ()


async def test_silence_to_encrypted_questions_alone_is_no_common_silence() -> None:
    device = V3Agent()

    def deaf_to_secrets(request: bytes, _: int) -> Iterable[bytes]:
        return [] if v3.read_message(request).flags & PRIV else [device.respond(request)]

    async with scripted(deaf_to_secrets) as agent, SnmpSocket(timeout_seconds=SHORT_SECONDS, retries=0) as wire:
        for _ in range(2):
            with pytest.raises(AccessError) as raised:
                await wire.get(target_of(agent.address), ASKED)
            assert raised.value.refusal is Refusal.SILENT
        assert await wire.get(target_of(agent.address, SIGNER), ASKED) == ANSWER


async def test_a_device_that_is_off_is_a_no_answer_error_before_and_after_it_was_known() -> None:
    device = V3Agent()
    async with scripted(lambda *_: []) as agent, SnmpSocket(timeout_seconds=SHORT_SECONDS, retries=0) as wire:
        with pytest.raises(NoAnswerError):
            await wire.get(target_of(agent.address), ASKED)
        agent.script = device.script
        assert await wire.get(target_of(agent.address), ASKED) == ANSWER
        agent.script = lambda *_: []
        with pytest.raises(NoAnswerError):
            await wire.get(target_of(agent.address), ASKED)
        known = KnownEngine(address=agent.address[0], port=agent.address[1], engine_id=device.engine_id, boots=3, time_seconds=1000)
        wire.restore_engines([known], age_seconds=0)
        with pytest.raises(NoAnswerError):
            await wire.get(target_of(agent.address), ASKED)


async def test_forged_answers_are_counted_and_the_question_waits_for_the_true_one() -> None:
    device = V3Agent()

    def noisy(request: bytes, _: int) -> Iterable[bytes]:
        message = v3.read_message(request)
        if not message.engine_id:
            return [device.respond(request)]
        forged = varbind(NAME, tlv(4, b"forged"))
        true = device.respond(request)
        return [
            device.seal(message.message_id, RESPONSE, forged, GUEST, 0),
            device.seal(message.message_id, RESPONSE, forged, other(MONITOR, auth_password=Secret("a guess")), AUTH | PRIV),
            response(message.message_id, forged),
            true[:-3],
            true[:-3] + b"\0\0\0",
            true,
            true,
        ]

    async with scripted(noisy) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0) as wire:
        for number in range(1, 3):
            assert await wire.get(target_of(agent.address), ASKED) == ANSWER
            await until(lambda number=number: wire.status().discarded.get("late") == number)
        assert wire.status().discarded == {"unproven": 6, "garbled": 4, "late": 2}


async def test_forged_answers_alone_are_the_reason_in_the_end() -> None:
    device = V3Agent()
    thief = other(MONITOR, auth_password=Secret("a guess"))

    def forging(request: bytes, _: int) -> Iterable[bytes]:
        message = v3.read_message(request)
        forged = device.seal(message.message_id, RESPONSE, varbind(NAME, tlv(4, b"forged")), thief, AUTH | PRIV)
        return [forged if message.engine_id else device.respond(request)]

    async with scripted(forging) as agent, SnmpSocket(timeout_seconds=SHORT_SECONDS, retries=0) as wire:
        with pytest.raises(AccessError) as raised:
            await wire.get(target_of(agent.address), ASKED)
        assert raised.value.refusal is Refusal.NOT_PROVEN


async def test_a_v3_message_is_no_answer_to_a_v2c_question() -> None:
    device = V3Agent()

    def confused(request: bytes, _: int) -> Iterable[bytes]:
        at = request.index(b"public") + 10
        number = int.from_bytes(request[at : at + 4], "big")
        return [device.seal(number, RESPONSE, varbind(NAME, tlv(4, b"prn-1")), GUEST, 0)]

    async with scripted(confused) as agent, SnmpSocket(timeout_seconds=SHORT_SECONDS, retries=0) as wire:
        with pytest.raises(DecodeError):
            await wire.get(agent.target(), ASKED)


async def test_engines_outlive_a_restart(clock: FakeClock) -> None:
    device = V3Agent()
    async with scripted(device.script) as agent:
        async with SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0, monotonic=clock.monotonic) as wire:
            await wire.get(target_of(agent.address), ASKED)
            clock.advance(60)
            device.seconds += 60
            (known,) = wire.engines()
        assert known == KnownEngine(address=agent.address[0], port=agent.address[1], engine_id=device.engine_id, boots=3, time_seconds=1060)
        device.received.clear()
        device.seconds += 3600
        async with SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0, monotonic=clock.monotonic) as wire:
            wire.restore_engines([known], age_seconds=3600)
            assert await wire.get(target_of(agent.address), ASKED) == ANSWER
        assert [report for _, report in device.received] == [""]


async def test_several_credentials_may_open_one_engine_and_only_so_many_are_kept() -> None:
    users = [User(name=f"user-{number}") for number in range(9)]
    device = V3Agent(users=tuple(users))
    async with scripted(device.script) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0) as wire:
        for user in (*users, users[0]):
            assert await wire.get(target_of(agent.address, user), ASKED) == ANSWER
        assert [report for _, report in device.received].count(ENGINE) == 1
        (peer,) = wire._engines._peers.values()
        assert len(peer._sessions) == 4


async def test_a_probe_of_a_sweep_is_answered_by_a_stranger_who_names_its_number() -> None:
    heard: list[tuple[int, str, int]] = []

    def stranger(request_id: int, address: str, port: int) -> bool:
        heard.append((request_id, address, port))
        return True

    device = V3Agent()
    async with scripted(device.script) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=0, stranger=stranger) as wire:
        assert wire.send_many([v3.encode_discovery().with_request_id(0x1122_3344)], [bytes((127, 0, 0, 1))], agent.address[1]) == 1
        await until(lambda: bool(heard))
        assert heard == [(0x1122_3344, *agent.address)]
        assert wire.status().discarded == {}


async def test_an_unknown_user_is_not_asked_for_again_and_again() -> None:
    device = V3Agent()
    async with scripted(device.script) as agent, SnmpSocket(timeout_seconds=LONG_SECONDS, retries=3) as wire:
        with pytest.raises(AccessError):
            await wire.get(target_of(agent.address, User(name="nobody")), ASKED)
        assert [report for _, report in device.received] == [ENGINE, USER]
