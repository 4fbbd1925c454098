"""The contract of central, request by request, over real HTTP; and everything an attacker, or a proxy, does to one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from poller.central import serve
from poller.central.receiving import intake
from poller.central.store import agents, batches
from poller.central.values import Config
from poller.sealing.envelope import PLAIN_BYTES_MAX, SEALED_BYTES_MAX, Kind
from poller.sealing.keys import SealingKey, SigningKey
from poller.sealing.signatures import Request
from tests.central.agent import TestAgent
from tests.central.running import Running, config_of, running
from tests.fake_clock import FakeClock

EVENT = b'{"type":"event"}'


async def count(central: Running, account: str = "acme") -> dict[str, int]:
    async with central.database.reading() as db:
        return await batches.counts(db, account)


# --- batches ---------------------------------------------------------------------------------------------------------------


async def test_a_batch_is_stored_once_and_then_a_duplicate(central: Running) -> None:
    agent = await central.agent()
    body = agent.batch(5, [EVENT, EVENT])
    answers = [await agent.send(5, body) for _ in range(3)]
    assert [(one.status, one.word, one.is_proven) for one in answers] == [
        (200, "stored", True),
        (200, "duplicate", True),
        (200, "duplicate", True),
    ]
    assert await count(central) == {"batches": 1, "lines": 2}


async def test_another_content_under_a_known_number_is_a_conflict_and_the_first_stays(central: Running) -> None:
    agent = await central.agent()
    await agent.send(5, agent.batch(5, [EVENT]))
    answered = await agent.send(5, agent.batch(5, [EVENT]))  # sealed anew: other bytes, even of the same lines
    assert (answered.status, answered.word, answered.is_proven) == (409, "conflict", True)
    assert await count(central) == {"batches": 1, "lines": 1}


async def test_of_two_identical_batches_at_once_one_is_stored_and_one_a_duplicate(central: Running) -> None:
    agent = await central.agent()
    for number in range(1, 11):
        body = agent.batch(number, [EVENT] * 50)
        words = [one.word for one in await asyncio.gather(agent.send(number, body), agent.send(number, body))]
        assert sorted(words) == ["duplicate", "stored"]
    assert await count(central) == {"batches": 10, "lines": 500}


async def test_two_different_batches_of_one_number_at_once_are_one_stored_and_one_conflict(central: Running) -> None:
    agent = await central.agent()
    bodies = [agent.batch(1, [EVENT] * lines) for lines in (3, 4)]
    answers = await asyncio.gather(*(agent.send(1, body) for body in bodies))
    assert sorted(one.word for one in answers) == ["conflict", "stored"]
    kept = 3 if answers[0].word == "stored" else 4
    assert await count(central) == {"batches": 1, "lines": kept}


async def test_the_same_number_of_two_agents_is_two_batches(central: Running) -> None:
    first, second = await central.agent(), await central.agent()
    assert (await first.send(1, first.batch(1, [EVENT]))).word == "stored"
    assert (await second.send(1, second.batch(1, [EVENT]))).word == "stored"
    assert await count(central) == {"batches": 2, "lines": 2}


async def test_the_number_of_the_path_is_that_of_the_envelope(central: Running) -> None:
    agent = await central.agent()
    answered = await agent.send(6, agent.batch(5, [EVENT]))
    assert (answered.status, answered.word, answered.is_proven) == (400, "bad-envelope", True)
    assert await count(central) == {"batches": 0, "lines": 0}


async def test_an_envelope_of_another_agent_is_refused(central: Running) -> None:
    agent, other = await central.agent(), await central.agent()
    answered = await agent.send(5, other.batch(5, [EVENT]))
    assert (answered.status, answered.word, answered.is_proven) == (400, "bad-envelope", True)


async def test_an_envelope_of_another_kind_is_refused(central: Running) -> None:
    agent = await central.agent()
    answered = await agent.post("/v1/heartbeat", agent.batch(5, [EVENT]))
    assert (answered.status, answered.word, answered.is_proven) == (400, "bad-envelope", True)


async def test_an_envelope_to_another_central_does_not_open(central: Running) -> None:
    agent = await central.agent()
    agent.central_sealing = SealingKey.generate().public
    answered = await agent.send(5, agent.batch(5, [EVENT]))
    assert (answered.status, answered.word, answered.is_proven) == (400, "bad-envelope", True)


@pytest.mark.parametrize("number", ["0", "-1", "x", "9223372036854775808", "99999999999999999999"])
async def test_a_number_no_batch_has_is_nowhere(central: Running, number: str) -> None:
    agent = await central.agent()
    async with central.session.post(f"{central.address}/v1/batches/{number}", data=agent.batch(1, [EVENT])) as response:
        assert response.status == 404


# --- who asks --------------------------------------------------------------------------------------------------------------


async def test_an_agent_nobody_enrolled_is_unknown_and_gets_no_proof(central: Running) -> None:
    """Unsigned on purpose: whoever changes the key id of a request on the way must not be handed a genuine "unknown"."""
    agent = central.stranger()
    await agent.meet()
    answered = await agent.send(1, agent.batch(1, [EVENT]))
    assert (answered.status, answered.word, answered.is_proven) == (401, "unknown-agent", False)


async def test_a_revoked_agent_is_told_so_from_its_next_request_on(central: Running) -> None:
    agent, other = await central.agent(), await central.agent()
    body = agent.batch(1, [EVENT])
    assert (await agent.send(1, body)).word == "stored"
    await central.administration.revoke_agent(agent.id, now_utc=central.clock.utc())
    answers = [await agent.send(1, body), await agent.send(2, agent.batch(2, [EVENT])), await agent.heartbeat(), await agent.settings()]
    assert [(one.status, one.word, one.is_proven) for one in answers] == [(403, "agent-revoked", True)] * 4
    assert (await other.heartbeat()).status == 200


async def test_an_altered_body_is_refused_without_a_proof(central: Running) -> None:
    agent = await central.agent()
    body = agent.batch(1, [EVENT])
    request = agent.sign("POST", "/v1/batches/1", body)
    answered = await agent.deliver(request, body=body[:-1] + bytes([body[-1] ^ 1]))
    assert (answered.status, answered.word, answered.is_proven) == (401, "bad-signature", False)
    assert await count(central) == {"batches": 0, "lines": 0}


@pytest.mark.parametrize("name", ["Content-Digest", "Signature-Input", "Signature"])
async def test_an_altered_or_missing_header_field_is_refused_without_a_proof(central: Running, name: str) -> None:
    agent = await central.agent()
    request = agent.sign("POST", "/v1/batches/1", agent.batch(1, [EVENT]))
    at = request.headers[name].index(":") + 5 if name != "Signature-Input" else request.headers[name].index("created=") + 9
    changed = "1" if request.headers[name][at] != "1" else "2"
    altered = request.headers[name][:at] + changed + request.headers[name][at + 1 :]
    answered = await agent.deliver(request, headers={name: altered})
    assert (answered.status, answered.word, answered.is_proven) == (401, "bad-signature", False)
    bare = Request(request.method, request.path, request.body, {key: value for key, value in request.headers.items() if key != name})
    async with central.session.post(central.address + bare.path, data=bare.body, headers=dict(bare.headers)) as response:
        assert (response.status, (await response.json())["error"]) == (401, "bad-signature")


async def test_a_request_for_another_path_is_refused(central: Running) -> None:
    agent = await central.agent()
    request = agent.sign("POST", "/v1/batches/1", agent.batch(1, [EVENT]))
    moved = Request("POST", "/v1/batches/2", request.body, request.headers)
    assert (await agent.deliver(moved)).word == "bad-signature"


async def test_a_query_is_refused(central: Running) -> None:
    agent = await central.agent()
    request = agent.sign("GET", "/v1/settings")
    async with central.session.get(f"{central.address}/v1/settings?x=1", headers=dict(request.headers)) as response:
        assert response.status == 401


async def test_the_key_of_one_agent_does_not_speak_for_another(central: Running) -> None:
    agent, other = await central.agent(), await central.agent()
    other.signing = SigningKey.generate()
    other.id = agent.id
    assert (await other.send(1, other.batch(1, [EVENT]))).word == "unknown-agent"


# --- replay and clocks -----------------------------------------------------------------------------------------------------


async def test_a_recorded_heartbeat_or_fetch_counts_once(central: Running) -> None:
    agent = await central.agent()
    health = agent.envelope(Kind.HEARTBEAT, [b'{"type":"health","at":"2026-11-20T06:00:00Z"}'])
    for request in (agent.sign("POST", "/v1/heartbeat", health), agent.sign("GET", "/v1/settings")):
        assert (await agent.deliver(request)).status in (200, 204)
        answered = await agent.deliver(request)
        assert (answered.status, answered.word, answered.is_proven) == (409, "replay", True)


async def test_a_replay_is_noticed_by_another_process_on_the_same_database(central: Running, config: Config) -> None:
    agent = await central.agent()
    request = agent.sign("GET", "/v1/settings")
    assert (await agent.deliver(request)).status == 204
    async with running(config, central.clock) as second:
        agent.address = second.address
        assert (await agent.deliver(request)).word == "replay"


async def test_nonces_are_forgotten_once_their_requests_are_too_old(central: Running) -> None:
    agent = await central.agent()
    request = agent.sign("GET", "/v1/settings")
    await agent.deliver(request)
    central.clock.advance(361)
    assert (await agent.deliver(request)).word == "clock-skew"
    await agent.settings()
    async with central.database.reading() as db:
        left = (await db.exec_driver_sql("SELECT count(*) FROM nonce")).scalar_one()
    assert left == 1


@pytest.mark.parametrize("seconds", [-301, 61, -86400 * 365 * 20])
async def test_a_clock_that_is_wrong_is_told_the_time(central: Running, seconds: int) -> None:
    agent = await central.agent()
    agent.skew = timedelta(seconds=seconds)
    answered = await agent.send(1, agent.batch(1, [EVENT]))
    assert (answered.status, answered.word, answered.is_proven) == (401, "clock-skew", True)
    assert answered.json["now"] == "2026-11-20T06:00:00Z"
    assert answered.json["skew_seconds"] == seconds
    agent.skew = timedelta()
    assert (await agent.send(1, agent.batch(1, [EVENT]))).word == "stored"


# --- too much --------------------------------------------------------------------------------------------------------------


async def test_an_envelope_that_swells_beyond_its_header_is_refused(central: Running) -> None:
    """Eight mebibytes of one letter are a few hundred bytes: what is in the header is the bound, and the memory is."""
    agent = await central.agent()
    bomb = agent.batch(1, [b"a" * (PLAIN_BYTES_MAX - 1)])
    assert len(bomb) < 4096
    answered = await agent.send(1, bomb)
    assert (answered.status, answered.word) == (200, "stored")  # exactly at the bound: one unreadable line, kept
    head = bytearray(agent.batch(2, [b"a" * (PLAIN_BYTES_MAX - 1)]))
    head[54:58] = (2**20).to_bytes(4, "big")
    answered = await agent.send(2, bytes(head))
    assert (answered.status, answered.word, answered.is_proven) == (400, "bad-envelope", True)


async def test_a_body_stated_as_a_gigabyte_is_refused_before_it_is_sent(central: Running) -> None:
    agent = await central.agent()
    reader, writer = await asyncio.open_connection("127.0.0.1", central.central.port)
    request = agent.sign("POST", "/v1/batches/1", b"")
    fields = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    writer.write(f"POST {request.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {2**30}\r\n{fields}\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in head.lower()
    assert b"signature" not in head.lower()
    writer.close()


async def test_a_body_of_unknown_length_is_cut_at_the_bound(central: Running) -> None:
    agent = await central.agent()
    request = agent.sign("POST", "/v1/batches/1", b"")
    sent = 0

    async def stream() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1024):
            sent += 2**20
            yield b"x" * 2**20

    try:
        async with central.session.post(central.address + request.path, data=stream(), headers=dict(request.headers)) as response:
            assert (response.status, (await response.json())["error"]) == (413, "too-large")
    except aiohttp.ClientConnectionError:
        pass  # the answer came while the client was still writing
    assert sent < 8 * SEALED_BYTES_MAX
    assert (await agent.heartbeat()).status == 200


async def test_a_stranger_is_refused_before_its_body_is_read(central: Running) -> None:
    agent = central.stranger()
    reader, writer = await asyncio.open_connection("127.0.0.1", central.central.port)
    request = agent.sign("POST", "/v1/batches/1", b"")
    fields = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    writer.write(f"POST {request.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n{fields}\r\n".encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 401 ")
    writer.close()


async def test_a_body_that_trickles_is_given_up(central: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BODY_SECONDS", 0.05)
    agent = await central.agent()
    reader, writer = await asyncio.open_connection("127.0.0.1", central.central.port)
    request = agent.sign("POST", "/v1/batches/1", agent.batch(1, [EVENT]))
    fields = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    writer.write(f"POST {request.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(request.body)}\r\n{fields}\r\n".encode())
    writer.write(request.body[:10])
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 429 ")
    writer.close()
    assert "poller_central_bytes_in_hand 0" in await central.metrics()


async def test_a_head_that_trickles_is_given_up(clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "IDLE_SECONDS", 0.05)
    async with running(config_of(tmp_path), clock) as central:
        for begin in (b"", b"POST /v1/heartbeat HTTP/1.1\r\nHost: "):
            reader, writer = await asyncio.open_connection("127.0.0.1", central.central.port)
            writer.write(begin)
            assert await reader.read() == b""  # closed, without a word
            writer.close()


async def test_bodies_together_have_a_bound(central: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = await central.agent()
    monkeypatch.setattr(intake, "IN_HAND_BYTES_MAX", 1000)
    answered = await agent.send(1, agent.batch(1, [EVENT]))
    assert (answered.status, answered.word, answered.is_proven) == (503, "unavailable", True)
    assert (answered.headers["Retry-After"], answered.json["retry_after_seconds"]) == ("10", 10)


async def test_a_body_with_a_content_coding_is_refused(central: Running) -> None:
    agent = await central.agent()
    request = agent.sign("POST", "/v1/batches/1", agent.batch(1, [EVENT]))
    assert (await agent.deliver(request, headers={"Content-Encoding": "gzip"})).word == "bad-request"


async def test_an_agent_that_asks_too_often_is_slowed_and_others_do_not_feel_it(central: Running) -> None:
    agent, other = await central.agent(), await central.agent()
    answers = [await agent.settings() for _ in range(101)]  # the clock stands still: a hundred at once
    assert [one.status for one in answers[:100]] == [204] * 100
    assert (answers[100].status, answers[100].word, answers[100].is_proven) == (429, "slow-down", True)
    assert answers[100].headers["Retry-After"] == "10"
    assert (await other.settings()).status == 204
    central.clock.advance(1)
    assert (await agent.settings()).status == 204


async def test_strangers_are_slowed_together_and_agents_do_not_feel_it(central: Running) -> None:
    agent, stranger = await central.agent(), central.stranger()
    words = [(await stranger.settings()).word for _ in range(110)]
    assert (words[0], words[-1]) == ("unknown-agent", "slow-down")
    assert (await agent.settings()).status == 204


# --- heartbeat, keys, the rest ---------------------------------------------------------------------------------------------


async def test_a_heartbeat_is_kept_and_shown(central: Running) -> None:
    agent = await central.agent()
    refused = {"version": 7, "reason": "not accepted here"}
    assert (await agent.heartbeat(settings=3, waiting=12, settings_refused=refused)).json == {"settings": 0}
    shown = await central.administration.show_agent(agent.id)
    assert (shown["settings_version"], shown["settings_refused"], shown["health"]["waiting"]) == (3, refused, 12)
    assert shown["seen_utc"] == central.clock.utc()


@pytest.mark.parametrize("line", [b"{}", b"[]", b'{"type":"health"}', b'{"type":"health","at":"2026-11-20T06:00:00Z","settings":-1}'])
async def test_a_heartbeat_that_is_none_is_refused(central: Running, line: bytes) -> None:
    agent = await central.agent()
    answered = await agent.post("/v1/heartbeat", agent.envelope(Kind.HEARTBEAT, [line]))
    assert (answered.status, answered.word, answered.is_proven) == (400, "bad-lines", True)


async def test_an_answer_shows_nothing_of_the_request_or_the_server(central: Running) -> None:
    agent = central.stranger()
    request = agent.sign("GET", "/v1/settings")
    answered = await agent.deliver(request, headers={"X-Secret": "do not repeat me"})
    whole = answered.body.decode() + str(answered.headers)
    assert "repeat" not in whole
    assert agent.signing.id not in whole
    assert "Server" not in answered.headers
    assert answered.headers["Cache-Control"] == "no-store"


async def test_metrics_count_by_result_and_name_no_agent(central: Running) -> None:
    agent = await central.agent()
    body = agent.batch(1, [EVENT, b'{"type":"invented"}', b"garbage"])
    await agent.send(1, body)
    await agent.send(1, body)
    await agent.send(1, agent.batch(1, [EVENT]))
    metrics = await central.metrics()
    for line in (
        'poller_central_batches_total{result="stored"} 1',
        'poller_central_batches_total{result="duplicate"} 1',
        'poller_central_batches_total{result="conflict"} 1',
        'poller_central_lines_total{type="event"} 1',
        'poller_central_lines_total{type="other"} 1',
        'poller_central_lines_total{type="unreadable"} 1',
        'poller_central_requests_total{request="batch",answer="stored"} 1',
        'poller_central_agents{state="heard"} 1',
        'poller_central_site_last_seen_timestamp_seconds{account="acme",site="hamburg"} 1795154400',
        "poller_central_database_up 1",
    ):
        assert line in metrics.splitlines()
    assert agent.id not in metrics
    assert "invented" not in metrics


async def test_it_is_healthy_and_ready(central: Running) -> None:
    for path in ("healthy", "ready"):
        async with central.session.get(f"http://127.0.0.1:{central.central.metrics_port}/-/{path}") as response:
            assert (response.status, await response.text()) == (200, f"{path}\n")
    async with central.session.get(f"{central.address}/metrics") as response:
        assert response.status == 404  # not where agents come to: it names accounts and sites


@pytest.mark.parametrize(
    "is_forwarded,header,sender",
    [
        (False, "192.0.2.7", "127.0.0.1"),
        (True, "192.0.2.7", "192.0.2.7"),
        (True, "198.51.100.1, 192.0.2.7", "192.0.2.7"),  # only the last entry is of our own proxy
        (True, "event=forged", "None"),
    ],
)
async def test_the_log_names_the_sender_as_a_proxy_of_ours_does_only_if_told(
    clock: FakeClock, tmp_path: Path, caplog: pytest.LogCaptureFixture, is_forwarded: bool, header: str, sender: str
) -> None:
    async with running(config_of(tmp_path, is_forwarded=is_forwarded), clock) as central:
        await central.add_site()
        agent = await central.agent()
        request = agent.sign("POST", "/v1/heartbeat", agent.envelope(Kind.HEARTBEAT, [b"{}"]))
        await agent.deliver(request, headers={"X-Forwarded-For": header})
    (refused,) = [record for record in caplog.records if getattr(record, "event", "") == "central.refused"]
    assert str(getattr(refused, "fields", {})["sender"]) == sender


async def test_everything_lies_under_the_path_of_the_address(clock: FakeClock, tmp_path: Path) -> None:
    config = config_of(tmp_path, address="https://central.example.com/dealer/poller")
    async with running(config, clock) as central:
        await central.add_site()
        agent = await central.agent()
        assert agent.address.endswith("/dealer/poller")
        assert (await agent.send(1, agent.batch(1, [EVENT]))).word == "stored"


async def test_updates_are_files_of_one_folder_and_nothing_else(clock: FakeClock, tmp_path: Path) -> None:
    folder = tmp_path / "updates"
    (folder / "inner").mkdir(parents=True)
    (folder / "manifest.json").write_text('{"signed": true}')
    (folder / "inner" / "file").write_text("deeper")
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / ".hidden").write_text("hidden")
    async with running(config_of(tmp_path, updates=folder), clock) as central:
        reader = central.session
        async with reader.get(f"{central.address}/updates/manifest.json") as response:
            assert (response.status, json.loads(await response.text())) == (200, {"signed": True})
        for path in ("", "inner", "inner/file", "link", ".hidden", "%2e%2e/secret", "..%2fsecret", "nothing"):
            streams = await asyncio.open_connection("127.0.0.1", central.central.port)
            streams[1].write(f"GET /updates/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            assert (await streams[0].read()).startswith(b"HTTP/1.1 404 ")
            streams[1].close()


async def test_an_agent_and_a_token_of_one_account_are_nothing_to_another(central: Running) -> None:
    await central.add_site("globex", "berlin")
    agent = await central.agent()
    other = await central.agent("globex", "berlin")
    await agent.send(1, agent.batch(1, [EVENT]))
    await other.send(1, other.batch(1, [EVENT, EVENT]))
    assert (await count(central), await count(central, "globex")) == ({"batches": 1, "lines": 1}, {"batches": 1, "lines": 2})
    async with central.database.reading() as db:
        assert [row["agent"] for row in await agents.agents(db, of="globex")] == [other.id]


def test_a_test_agent_is_no_test() -> None:
    assert TestAgent.__test__ is False
