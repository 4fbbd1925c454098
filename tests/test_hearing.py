"""The agent's own SNMPv3 engine across restarts, and what happens where it cannot listen."""

from __future__ import annotations

import socket

import msgspec
import pytest

from poller import exposition
from poller.config import Config, load
from poller.errors import ConfigError, HostError
from poller.hearing import EngineMark, Hearing
from poller.logs import as_dict
from poller.snmp import v3
from tests.fake_clock import FakeClock
from tests.snmp.notifications import INFORM, v2_notification
from tests.snmp.test_socket import until


class Crew:
    def __init__(self) -> None:
        self.hurried: list[str] = []

    def knows(self, address: str) -> bool:
        return True

    def hurry(self, address: str) -> bool:
        self.hurried.append(address)
        return True


def config(**environ: str) -> Config:
    settings = {"POLLER_CREDENTIAL_0_COMMUNITY": "first", "POLLER_CREDENTIAL_0_NAME": "first", "POLLER_TRAPS_LISTEN": "127.0.0.1:0"}
    return load(None, settings | environ)


def hearing(clock: FakeClock, wanted: Config | None = None) -> Hearing:
    return Hearing(wanted or config(), Crew(), clock)


async def ask(datagram: bytes, one: Hearing) -> bytes | None:
    """Send a datagram and return what comes back; None once it was counted and nothing did."""
    assert one._traps is not None
    traps = one._traps
    before = sum(traps.status().results.values())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.sendto(datagram, ("127.0.0.1", traps.port))
        await until(lambda: sum(traps.status().results.values()) > before)
        try:
            return sock.recv(4096)  # on loopback an answer is there as soon as it was sent
        except BlockingIOError:
            return None


async def test_the_engine_keeps_its_id_and_its_boots_rise_even_if_the_last_start_was_never_stored(clock: FakeClock) -> None:
    told = []
    mark: EngineMark | None = None
    for _ in range(3):
        one = hearing(clock)
        one.restore(mark)
        async with one:
            answer = await ask(v3.encode_discovery().with_request_id(0x1122_3344), one)
            assert answer is not None
            told.append(v3.read_message(answer))
        mark = mark or one.mark()  # what the second start stored is lost
        clock.advance(61)
    assert len({message.engine_id for message in told}) == 1
    assert told[0].boots < told[1].boots < told[2].boots


def test_without_a_state_each_start_is_another_engine(clock: FakeClock) -> None:
    assert hearing(clock).mark().engine_id != hearing(clock).mark().engine_id


async def test_a_reload_believes_others_from_then_on_and_stays_the_same_engine(clock: FakeClock) -> None:
    async with hearing(clock) as one:
        for believed, refused in (("first", "second"), ("second", "first")):
            await one.configure(config(POLLER_CREDENTIAL_0_COMMUNITY=believed))
            assert await ask(v2_notification(INFORM, community=believed.encode()), one) is not None
            assert await ask(v2_notification(INFORM, community=refused.encode()), one) is None
        answer = await ask(v3.encode_discovery().with_request_id(0x1122_3344), one)
        assert answer is not None
        assert v3.read_message(answer).engine_id == one.mark().engine_id


async def test_only_named_credentials_are_believed(clock: FakeClock) -> None:
    second = {"POLLER_CREDENTIAL_1_NAME": "second", "POLLER_CREDENTIAL_1_COMMUNITY": "second", "POLLER_TRAPS_CREDENTIALS": "second"}
    async with hearing(clock, config(**second)) as one:
        assert await ask(v2_notification(INFORM, community=b"second"), one) is not None
        assert await ask(v2_notification(INFORM, community=b"first"), one) is None


async def test_a_port_that_was_named_and_is_taken_ends_the_start(clock: FakeClock) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        with pytest.raises(HostError, match="cannot listen for notifications"):
            async with hearing(clock, config(POLLER_TRAPS_LISTEN=f"127.0.0.1:{sock.getsockname()[1]}")):
                raise AssertionError("it must not begin")


async def test_a_port_nobody_named_may_be_taken_and_the_agent_says_so(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("::", 0))
        taken = config(POLLER_TRAPS_LISTEN=f"[::]:{sock.getsockname()[1]}")
        one = hearing(clock, msgspec.structs.replace(taken, traps=msgspec.structs.replace(taken.traps, is_listen_given=False)))
        async with one:
            (note,) = one.notes
            assert "no notifications are received" in note
            assert "poller_notifications_listening 0" in exposition.render(one.metrics()).text.decode()
    assert "notifications.not_heard" in [as_dict(record)["event"] for record in caplog.records]


async def test_none_listens_nowhere(clock: FakeClock) -> None:
    async with hearing(clock, config(POLLER_TRAPS_LISTEN="none")) as one:
        assert one._traps is None
        assert one.notes == ()
        assert "poller_notifications_listening 0" in exposition.render(one.metrics()).text.decode()


def test_the_default_is_every_address_and_no_privileged_port() -> None:
    traps = load(None, {}).traps
    assert traps.listen is not None
    assert (traps.listen.host, traps.listen.port, traps.is_listen_given) == ("::", 1162, False)
    assert [one.name for one in traps.credentials] == ["public", "public/v1"]


def test_a_credential_nobody_configured_is_a_fault() -> None:
    with pytest.raises(ConfigError, match=r"POLLER_TRAPS_CREDENTIALS\[0\]: no \[\[credential\]\] has this name"):
        config(POLLER_TRAPS_CREDENTIALS="nobody")
