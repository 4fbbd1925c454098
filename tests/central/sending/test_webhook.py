"""The webhook against a real receiver: what it gets, and what its answers mean."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from poller.central.sending.faults import PutOffError
from poller.central.sending.webhook import FEW_TRIES, WebhookChannel, retry_after_seconds
from poller.errors import HostError
from tests.central.sending.claims import claim_of, never
from tests.central.sending.parcels import SECRET, Receiver, ca_of, parcel, receiver, server_tls
from tests.fake_clock import START_UTC, FakeClock


@pytest.fixture
async def there() -> AsyncIterator[Receiver]:
    async with receiver() as one:
        yield one


async def refusal(channel: WebhookChannel) -> PutOffError:
    with pytest.raises(PutOffError) as raised:
        await channel.deliver(claim_of(parcel(), "webhook"), never)
    assert SECRET not in repr((raised.value, raised.value.text))
    return raised.value


async def test_the_parcel_is_posted_as_json_with_its_id(there: Receiver, clock: FakeClock) -> None:
    assert await WebhookChannel(there.hook(), clock).deliver(claim_of(parcel(), "webhook"), never) == "taken"
    body, headers = json.loads(there.bodies[0]), there.headers[0]
    assert (body["type"], body["schema"], body["parcel"]["id"], body["parcel"]["items"][0]["article"]) == ("parcel", 1, "p-1", "4711")
    assert (headers["Idempotency-Key"], headers["Content-Type"]) == ('"p-1"', "application/json")
    assert there.paths == ["POST /hooks/toner"]


async def test_sent_again_it_has_the_same_id_and_the_same_body(there: Receiver, clock: FakeClock) -> None:
    channel = WebhookChannel(there.hook(), clock)
    await channel.deliver(claim_of(parcel(), "webhook"), never)
    clock.advance(86_400)
    await channel.deliver(claim_of(parcel(), "webhook"), never)
    assert there.bodies[0] == there.bodies[1]
    assert there.ids == ['"p-1"', '"p-1"']
    assert there.headers[0]["Signature"] != there.headers[1]["Signature"]


@pytest.mark.parametrize(
    "status,for_all,tries_max",
    [
        *((status, True, None) for status in (408, 425, 429, 500, 502, 503, 599)),
        *((status, False, FEW_TRIES) for status in (301, 302, 308, 400, 401, 403, 404, 409, 410, 413, 422)),
    ],
)
async def test_what_an_answer_means(there: Receiver, clock: FakeClock, status: int, for_all: bool, tries_max: int | None) -> None:
    there.answers = lambda: web.Response(status=status, text="not now\r\nSet-Cookie: x", headers={"Location": "/elsewhere"})
    fault = await refusal(WebhookChannel(there.hook(), clock))
    assert (fault.word, fault.for_all, fault.tries_max) == (f"http-{status}", for_all, tries_max)
    assert fault.text == "not now Set-Cookie: x"
    assert len(there.paths) == 1  # no redirect was followed


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_every_2xx_is_a_yes(there: Receiver, clock: FakeClock, status: int) -> None:
    there.answers = lambda: web.Response(status=status)
    assert await WebhookChannel(there.hook(), clock).deliver(claim_of(parcel(), "webhook"), never) == ""


async def test_an_endless_answer_is_not_read_to_its_end(there: Receiver, clock: FakeClock) -> None:
    there.answers = lambda: web.Response(status=500, text="x" * 10_000_000)
    assert len((await refusal(WebhookChannel(there.hook(), clock))).text) <= 500


async def test_a_server_says_when_to_come_again(there: Receiver, clock: FakeClock) -> None:
    there.answers = lambda: web.Response(status=503, headers={"Retry-After": "120"})
    assert (await refusal(WebhookChannel(there.hook(), clock))).after_seconds == 120.0


@pytest.mark.parametrize(
    "value,seconds",
    [
        (None, None),
        ("", None),
        ("120", 120.0),
        ("999999999999", None),
        ("-5", None),
        ("soon", None),
        ("Fri, 20 Nov 2026 06:01:00 GMT", 60.0),
        ("Fri, 20 Nov 2026 05:00:00 GMT", 0.0),
        ("Fri, 99 Nov 2026 05:00:00 GMT", None),
    ],
)
def test_retry_after_is_a_number_or_a_date_or_nothing(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, START_UTC) == seconds


async def test_nobody_there_is_told_by_the_systems_word(there: Receiver, clock: FakeClock) -> None:
    await there.stop()
    fault = await refusal(WebhookChannel(there.hook(), clock))
    assert (fault.word, fault.for_all, fault.is_slow) == ("unreachable", True, False)
    assert "refused" in fault.text.lower()


async def test_who_hangs_up_has_not_answered(clock: FakeClock) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        one = Receiver()
        one.port = server.sockets[0].getsockname()[1]
        assert (await refusal(WebhookChannel(one.hook(), clock))).word == "unreachable"


@pytest.mark.parametrize("is_trusted", [True, False])
async def test_certificates_are_checked(tmp_path: Path, clock: FakeClock, is_trusted: bool) -> None:
    one = Receiver()
    await one.start(server_tls(tmp_path))
    try:
        url = f"https://127.0.0.1:{one.port}/hooks"
        channel = WebhookChannel(one.hook(url=url, ca_file=ca_of(tmp_path) if is_trusted else None), clock)
        if is_trusted:
            assert await channel.deliver(claim_of(parcel(), "webhook"), never) == "taken"
        else:
            fault = await refusal(channel)
            assert (fault.word, fault.for_all, fault.is_slow, one.bodies) == ("tls", True, True, [])
            assert "certificate" in fault.text
    finally:
        await one.stop()


async def test_tls_to_a_port_that_speaks_none_is_a_fault_of_tls(there: Receiver, clock: FakeClock) -> None:
    fault = await refusal(WebhookChannel(there.hook(url=f"https://127.0.0.1:{there.port}/"), clock))
    assert (fault.word, fault.is_slow) == ("tls", True)


def test_certificates_that_cannot_be_read_are_told_at_the_start(tmp_path: Path, clock: FakeClock) -> None:
    one = Receiver()
    with pytest.raises(HostError, match="cannot read the certificates"):
        WebhookChannel(one.hook(url="https://127.0.0.1/", ca_file=tmp_path / "none.pem"), clock)
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises((HostError, ssl.SSLError)):
        WebhookChannel(one.hook(url="https://127.0.0.1/", ca_file=tmp_path / "empty.pem"), clock)


async def test_a_signature_is_of_now(there: Receiver, clock: FakeClock) -> None:
    await WebhookChannel(there.hook(), clock).deliver(claim_of(parcel(), "webhook"), never)
    created = int(datetime(2026, 11, 20, 6, 0, tzinfo=UTC).timestamp())
    assert f";created={created};" in there.headers[0]["Signature-Input"]
