"""From a token to an identity: once, with the right central only, and across any interruption."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aiohttp import web

from poller.errors import HostError, RefusedError
from poller.logs import as_dict
from poller.sealing import envelope
from poller.sealing.keys import SealingKey, SigningKey
from poller.sealing.signatures import Answer, Request, sign_answer
from poller.sealing.signed import sign_sealed
from poller.upload.enrolment import enrol
from poller.upload.identity import Papers
from tests.fake_clock import FakeClock
from tests.upload.box import Site, values
from tests.upload.dealer import Dealer, changed, page

LINE = b'{"type":"reading","schema":1}'


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(as_dict(record)["event"]) for record in caplog.records]


@pytest.mark.both_loops
async def test_an_identity_survives_a_restart_and_the_used_token_is_passed_over(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    dealer, site = Dealer(clock), Site(tmp_path, clock)
    async with dealer.serving() as address:
        token = dealer.token()
        for _ in range(2):
            async with site.client(address) as client:
                courier = site.courier(client, token=token[:8].lower() + token[8:].lower().replace("-", " "))
                site.outbox.put(LINE)
                await courier.turn()
                assert courier.status().account == "Invented Ltd"
                assert courier.status().site == "hamburg"
        assert len(dealer.enrolments) == 1
        assert dealer.lines == [LINE, LINE]
        assert "upload.token_ignored" not in events(caplog)


async def test_only_its_user_may_read_what_an_agent_is_known_by(tmp_path: Path, clock: FakeClock) -> None:
    dealer, site = Dealer(clock), Site(tmp_path, clock)
    async with dealer.serving() as address, site.client(address) as client:
        await enrol(client, site.papers, dealer.token(), site=None)
    files = sorted(site.papers.folder.iterdir())
    assert [path.name for path in files] == ["identity.json", "sealing.key", "signing.key"]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert site.papers.folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_for_the_state_that_is_made_on_the_way_is_its_users_alone_too(tmp_path: Path) -> None:
    Papers.of_state(tmp_path / "state").keys()
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


async def test_the_secret_of_a_token_is_nowhere_in_clear(tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    dealer, site = Dealer(clock), Site(tmp_path, clock)
    async with dealer.serving() as address, site.client(address) as client:
        token = dealer.token()
        await site.courier(client, token=token).turn()
        secret = dealer.enrolments[0]["secret"]
        assert isinstance(secret, str)
        for told in (
            *dealer.bodies,
            (site.papers.folder / "identity.json").read_bytes(),
            repr([r.__dict__ for r in caplog.records]).encode(),
        ):
            assert secret.encode() not in told
            assert token.encode() not in told


async def test_a_lost_answer_is_asked_for_again_by_the_same_keys(tmp_path: Path, clock: FakeClock) -> None:
    dealer, site = Dealer(clock), Site(tmp_path, clock)
    async with dealer.serving() as address:
        token = dealer.token()
        async with site.client(address) as client:
            dealer.odd.extend([changed(dealer, lambda response: None), changed(dealer, lambda response: response.headers.clear())])
            await site.courier(client, token=token).turn()
            assert not site.papers.exist()
        async with site.client(address) as client:  # killed, and started again
            await site.courier(client, token=token).turn()
            assert site.papers.exist()
        assert len({claim["signing"] for claim in dealer.enrolments}) == 1
        assert len(dealer.agents) == 1


@pytest.mark.parametrize("word, is_tried_again", [("token-used", False), ("token-expired", False), ("token-unknown", True)])
async def test_a_token_that_is_not_taken_is_said_clearly_and_tried_again_only_where_that_can_help(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture, word: str, is_tried_again: bool
) -> None:
    dealer, site = Dealer(clock), Site(tmp_path, clock)
    async with dealer.serving() as address, site.client(address) as client:
        token = dealer.token()
        dealer.refusal = (word, 403, {})
        courier = site.courier(client, token=token)
        wait_seconds = await courier.turn()
        if is_tried_again:
            assert 3600 <= wait_seconds <= 7200
        asked = len(dealer.asked)
        for _ in range(5):
            clock.advance(max(wait_seconds, 86_400))
            wait_seconds = await courier.turn()
        assert (len(dealer.asked) > asked) == is_tried_again
        assert values(courier.metrics())["poller_upload_enrolled"] == 0
        assert values(courier.metrics())[f"poller_upload_failures_total {word}"] == (6 if is_tried_again else 1)
        assert "ask the dealer for a new token" in str(courier.status().trouble)
        assert events(caplog).count("upload.failing") == 1


async def test_a_server_with_other_keys_is_told_no_secret(tmp_path: Path, clock: FakeClock) -> None:
    dealer, site = Dealer(clock), Site(tmp_path, clock)
    async with dealer.serving() as address, site.client(address) as client:
        token = dealer.token()
        dealer.shown = {"sealing": SealingKey.generate().public.text(), "signing": SigningKey.generate().public.text()}
        courier = site.courier(client, token=token)
        await courier.turn()
        assert dealer.asked == [("GET", "/v1/keys")]
        assert "shows other keys than the token names" in str(courier.status().trouble)


@pytest.mark.parametrize("text", ["<html>", "[]", '{"sealing":"x"}', '{"sealing":"x","signing":"y"}', "[" * 50_000])
async def test_a_page_in_place_of_keys_is_no_central(tmp_path: Path, clock: FakeClock, text: str) -> None:
    dealer, site = Dealer(clock), Site(tmp_path, clock)
    async with dealer.serving() as address, site.client(address) as client:
        dealer.odd.append(page(200, text))
        courier = site.courier(client, token=dealer.token())
        await courier.turn()
        assert values(courier.metrics())["poller_upload_failures_total in-between"] == 1


async def test_an_answer_about_another_agent_is_not_taken(tmp_path: Path, clock: FakeClock) -> None:
    dealer, site = Dealer(clock), Site(tmp_path, clock)
    async with dealer.serving() as address, site.client(address) as client:
        token = dealer.token()

        async def stranger(request: web.Request, body: bytes) -> web.StreamResponse:
            signing, sealing = site.papers.keys()
            agent = f"a-{signing.current.id[:32]}"
            line = json.dumps({"agent": "a-" + "0" * 32}).encode()
            sealed = envelope.seal([line], to=sealing.current.public, kind=envelope.Kind.ENROLLED, agent_id=agent, number=0)
            signed = sign_sealed(sealed, dealer.signing)
            heard = Request("POST", request.path, body, dict(request.headers))
            fields = sign_answer(Answer(200, signed), heard, dealer.signing, now_utc=clock.utc())
            return web.Response(body=signed, headers=fields)

        dealer.odd.extend([changed(dealer, lambda response: None), stranger])
        with pytest.raises(RefusedError, match="about another agent"):
            await enrol(client, site.papers, token, site=None)
        assert not site.papers.exist()


async def test_another_token_is_not_used_and_it_is_said_how_it_could_be(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    dealer, other, site = Dealer(clock), Dealer(clock), Site(tmp_path, clock)
    async with dealer.serving() as address, other.serving(), site.client(address) as client:
        await site.courier(client, token=dealer.token()).turn()
        courier = site.courier(client, token=other.token())
        await courier.turn()
        assert other.asked == []
        (fact,) = [one for one in map(as_dict, caplog.records) if one["event"] == "upload.token_ignored"]
        assert fact["enrolled_at"] == dealer.address
        assert "move" in str(fact["hint"])


@pytest.mark.parametrize(
    "text", ["", "{}", "nonsense", '{"agent":"a","account":"","site":"","address":"","sealing":"","signing":[],"token_hash":""}']
)
async def test_an_identity_that_cannot_be_read_is_said_and_not_overwritten(tmp_path: Path, clock: FakeClock, text: str) -> None:
    site = Site(tmp_path, clock)
    site.papers.keys()
    path = site.papers.folder / "identity.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(HostError, match="is not an identity"):
        site.courier(site.client("http://127.0.0.1:1"))
    assert path.read_text() == text


async def test_without_token_and_identity_nothing_is_sent(tmp_path: Path, clock: FakeClock) -> None:
    dealer, site = Dealer(clock), Site(tmp_path, clock)
    async with dealer.serving() as address, site.client(address) as client:
        assert await site.courier(client).turn() > 3600
        assert dealer.asked == []
