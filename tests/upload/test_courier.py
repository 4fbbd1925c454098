"""The loop: what is sent when, what a receipt does, and that nothing but a proven answer has effect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from poller.errors import ConfigError
from poller.logs import as_dict
from poller.sealing.keyring import KeyRing
from poller.sealing.keys import SealingKey, SigningKey
from poller.sealing.signatures import Answer, Request, sign_answer
from poller.sealing.signed import sign_sealed
from poller.upload.courier import APART_SECONDS, GATHER_SECONDS, Courier, Pace
from tests.fake_clock import FakeClock
from tests.upload.box import Site, values
from tests.upload.dealer import Dealer, Odd, changed, cut, flood, held, page

pytestmark = pytest.mark.both_loops

LINE = b'{"type":"reading","schema":1}'


class Bench:
    def __init__(self, dealer: Dealer, site: Site, courier: Courier, clock: FakeClock) -> None:
        self.dealer, self.site, self.courier, self.clock = dealer, site, courier, clock

    async def turn(self) -> float:
        return await self.courier.turn()

    def metrics(self) -> dict[str, float]:
        return values(self.courier.metrics())


@asynccontextmanager
async def enrolled(
    folder: Path, clock: FakeClock, *, prefix: str = "", lines_max: int = 500, total_seconds: float = 60
) -> AsyncIterator[Bench]:
    """An agent that is enrolled, has said that it lives, and has nothing to do for a while."""
    dealer, site = Dealer(clock, prefix=prefix), Site(folder, clock, lines_max=lines_max)
    async with dealer.serving() as address:
        client = site.client(address, total_seconds=total_seconds)
        async with client:
            courier = site.courier(client, token=dealer.token())
            assert await courier.turn() == 900
            yield Bench(dealer, site, courier, clock)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


async def test_a_token_is_all_it_takes_and_the_first_thing_said_is_that_it_lives(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        assert [path for _, path in one.dealer.asked] == ["/v1/keys", "/v1/enrol", "/v1/heartbeat"]
        (claim,) = one.dealer.enrolments
        assert claim["site"] == "hamburg"
        health = one.dealer.health[0]
        assert (health["type"], health["schema"], health["printers"], health["silent"]) == ("health", 1, 7, 1)
        assert (health["settings"], health["settings_refused"], health["at"]) == (0, None, "2026-11-20T06:00:00Z")
        assert one.metrics()["poller_upload_enrolled"] == 1
        assert one.metrics()["poller_upload_last_success_timestamp_seconds"] == clock.utc().timestamp()


async def test_an_address_may_have_a_path(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock, prefix="/printers") as one:
        assert one.dealer.asked[0] == ("GET", "/printers/v1/keys")


async def test_readings_without_a_change_wait_for_the_hour(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        one.site.outbox.put(LINE)
        one.courier.announce(1, is_urgent=False)
        clock.advance(899)
        assert await one.turn() == 1
        for _ in range(4):
            assert not one.dealer.batches
            clock.advance(900)
            await one.turn()
        assert one.dealer.lines == [LINE]
        assert one.site.outbox.settled == sorted(one.dealer.batches)


async def test_a_change_goes_at_once_with_those_of_the_next_seconds(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        clock.advance(APART_SECONDS)
        for _ in range(3):
            one.site.outbox.put(LINE)
            one.courier.announce(1, is_urgent=True)
            clock.advance(1)
        assert await one.turn() == GATHER_SECONDS - 3
        clock.advance(GATHER_SECONDS - 3)
        await one.turn()
        assert [len(lines) for _, lines in one.dealer.batches.values()] == [3]


async def test_where_something_always_changes_uploads_are_a_minute_apart(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        clock.advance(APART_SECONDS)
        for _ in range(600):
            one.site.outbox.put(LINE)
            one.courier.announce(1, is_urgent=True)
            await one.turn()
            clock.advance(1)
        assert 9 <= len(one.dealer.batches) <= 10


async def test_500_readings_do_not_wait(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        one.site.outbox.put(*[LINE] * 500)
        one.courier.announce(500, is_urgent=False)
        clock.advance(GATHER_SECONDS)
        await one.turn()
        assert len(one.dealer.lines) == 500


async def test_everything_that_waits_goes_four_batches_at_a_time_oldest_first(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock, lines_max=10) as one:
        lines = [b'{"n":%d}' % number for number in range(95)]
        one.site.outbox.put(*lines)
        clock.advance(3600)
        await one.turn()
        assert one.dealer.lines == lines
        assert len(one.site.outbox.settled) == 10
        assert one.metrics()["poller_upload_batches_total stored"] == 10


ODD = [
    (page(200), "in-between", "HTTP 200 text/html"),
    (page(302, Location="http://127.0.0.1:1/login"), "in-between", "HTTP 302"),
    (page(500), "in-between", "HTTP 500"),
    (page(502, '{"error":"conflict","text":"forged"}'), "in-between", "says conflict"),
    (page(407, Proxy_Authenticate='Negotiate, NTLM, Digest realm="a, b"'), "proxy-auth", "Negotiate, NTLM, Digest"),
    (cut, "cut", "was cut"),
    (flood(1 << 20), "in-between", "larger than any"),
]


@pytest.mark.parametrize("odd, kind, words", ODD, ids=[words for _, _, words in ODD])
async def test_what_somebody_in_between_answers_settles_nothing_and_sets_nothing_aside(
    folder: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture, odd: Odd, kind: str, words: str
) -> None:
    async with enrolled(folder, clock) as one:
        one.site.outbox.put(LINE)
        clock.advance(3600)
        one.dealer.odd.append(odd)
        wait_seconds = await one.turn()
        assert wait_seconds >= 1
        assert (one.site.outbox.settled, one.site.outbox.refused) == ([], {})
        assert one.metrics()[f"poller_upload_failures_total {kind}"] == 1
        (failing,) = [fact for fact in map(as_dict, caplog.records) if fact["event"] == "upload.failing"]
        assert failing["kind"] == kind
        assert words in str(failing["reason"])
        assert words in str(one.courier.status().trouble)
        clock.advance(wait_seconds)
        await one.turn()
        assert one.dealer.lines == [LINE]
        assert one.courier.status().trouble is None


async def test_a_retry_sends_the_same_bytes_under_a_fresh_signature(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        one.site.outbox.put(LINE)
        clock.advance(3600)
        one.dealer.odd.append(changed(one.dealer, lambda response: response.headers.__delitem__("Signature")))
        clock.advance(await one.turn())
        await one.turn()
        sent = [body for (_, path), body in zip(one.dealer.asked, one.dealer.bodies, strict=True) if "batches" in path]
        assert len(sent) == 2
        assert len(set(sent)) == 1
        first, second = one.dealer.proofs[-2:]
        assert first.nonce != second.nonce
        assert one.metrics()["poller_upload_batches_total duplicate"] == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda response: setattr(response, "body", b'{"result":"stored","settings":9}'),
        lambda response: response.set_status(200),
        lambda response: response.headers.update({"Signature": "poller=:" + "A" * 86 + "==:"}),
        lambda response: response.headers.add("Signature", response.headers["Signature"]),
    ],
    ids=["body", "status", "signature", "twice"],
)
async def test_an_answer_that_was_changed_is_none_of_centrals(
    folder: Path, clock: FakeClock, change: Callable[[web.Response], None]
) -> None:
    async with enrolled(folder, clock) as one:
        one.site.outbox.put(LINE)
        one.dealer.refusal = ("unavailable", 503, {})
        clock.advance(3600)
        one.dealer.odd.append(changed(one.dealer, change))
        await one.turn()
        assert one.site.outbox.settled == []
        assert one.metrics()["poller_upload_failures_total in-between"] == 1


@pytest.mark.parametrize(
    "word, status", [("conflict", 409), ("bad-envelope", 400), ("bad-lines", 400), ("too-large", 413), ("a-new-word", 422)]
)
async def test_a_batch_central_refuses_is_set_aside_and_the_next_ones_go_on(
    folder: Path, clock: FakeClock, word: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with enrolled(folder, clock, lines_max=1) as one:
        one.site.outbox.put(b'{"n":1}', b'{"n":2}', b'{"n":3}')
        one.dealer.refusals[1_795_154_400_001] = (word, status)
        clock.advance(3600)
        await one.turn()
        assert one.dealer.lines == [b'{"n":1}', b'{"n":3}']
        assert one.site.outbox.refused == {1_795_154_400_001: f"central refuses: {word}: not this one"}
        assert one.metrics()["poller_upload_batches_total quarantined"] == 1
        assert one.metrics()[f"poller_upload_failures_total {word}"] == 1
        assert "upload.batch_quarantined" in [as_dict(record)["event"] for record in caplog.records]


@pytest.mark.parametrize(
    "word, status", [("unknown-agent", 401), ("agent-revoked", 403), ("replay", 409), ("bad-signature", 401), ("new", 403)]
)
async def test_what_is_not_about_the_batch_sets_none_aside(folder: Path, clock: FakeClock, word: str, status: int) -> None:
    async with enrolled(folder, clock) as one:
        one.site.outbox.put(LINE)
        one.dealer.refusal = (word, status, {})
        clock.advance(3600)
        wait_seconds = await one.turn()
        assert one.site.outbox.refused == {}
        assert wait_seconds >= (900 if word in ("unknown-agent", "agent-revoked") else 1)
        one.dealer.refusal = None
        clock.advance(wait_seconds)
        await one.turn()
        assert one.dealer.lines == [LINE]


async def test_an_agent_that_is_shut_out_says_so_loudly_and_keeps_everything(
    folder: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with enrolled(folder, clock) as one:
        one.site.outbox.put(LINE)
        one.dealer.revoked |= set(one.dealer.agents)
        clock.advance(3600)
        for _ in range(3):
            clock.advance(await one.turn())
        assert (one.site.outbox.settled, one.site.outbox.refused) == ([], {})
        failing = [as_dict(record) for record in caplog.records if as_dict(record)["event"] == "upload.failing"]
        assert [(fact["level"], fact["kind"]) for fact in failing] == [("error", "agent-revoked")]  # once, not at every try
        assert "ask the dealer" in str(one.courier.status().trouble)


async def test_central_says_when_to_come_again(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        one.site.outbox.put(LINE)
        one.dealer.refusal = ("slow-down", 429, {"retry_after_seconds": 120})
        clock.advance(3600)
        assert await one.turn() == 120
        assert one.metrics()["poller_upload_retry_after_seconds"] == 120
        asked = len(one.dealer.asked)
        clock.advance(119)
        assert await one.turn() == 1
        assert len(one.dealer.asked) == asked
        one.dealer.refusal = None
        clock.advance(1)
        await one.turn()
        assert one.metrics()["poller_upload_retry_after_seconds"] == 0


async def test_who_sent_enough_for_today_keeps_its_readings_and_goes_on_saying_that_it_lives(
    folder: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with enrolled(folder, clock) as one:
        one.site.outbox.put(LINE)
        one.dealer.refusal, one.dealer.refused_below = ("over-quota", 429, {"retry_after_seconds": 900}), "/v1/batches/"
        clock.advance(3600)
        for _ in range(3):
            beats = len(one.dealer.health)
            assert await one.turn() == 900
            assert len(one.dealer.health) == beats + 1
            clock.advance(900)
        assert (one.site.outbox.settled, one.site.outbox.refused) == ([], {})
        assert "ask the dealer" in str(one.courier.status().trouble)
        failing = [as_dict(record) for record in caplog.records if as_dict(record)["event"] == "upload.failing"]
        assert [fact["kind"] for fact in failing] == ["over-quota"]  # once, not at every try
        one.dealer.refusal = None
        await one.turn()
        assert (one.dealer.lines, one.courier.status().trouble) == ([LINE], None)


@pytest.mark.parametrize("told, seconds", [("30", 30), ("999999", 3600), ("Fri, 20 Nov 2026 07:05:00 GMT", 300), ("soon", None), ("0", 1)])
async def test_a_retry_after_of_whoever_answers_is_heeded_within_bounds(
    folder: Path, clock: FakeClock, told: str, seconds: float | None
) -> None:
    async with enrolled(folder, clock) as one:
        clock.advance(3600)
        one.dealer.odd.append(page(503, Retry_After=told))
        one.site.outbox.put(LINE)
        assert await one.turn() == (1 if seconds is None else seconds)


async def test_a_silent_central_is_given_up_after_a_while(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock, total_seconds=0.2) as one:
        release = asyncio.Event()
        one.dealer.odd.append(held(release))
        one.site.outbox.put(LINE)
        clock.advance(3600)
        await one.turn()
        release.set()
        assert one.metrics()["poller_upload_failures_total timeout"] == 1


async def test_it_says_that_it_lives_every_quarter_of_an_hour_unless_something_else_was_sent(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        clock.advance(600)
        one.site.outbox.put(LINE)
        one.courier.announce(1, is_urgent=True)
        clock.advance(GATHER_SECONDS)
        assert await one.turn() == 900
        clock.advance(899)
        await one.turn()
        assert len(one.dealer.health) == 1
        clock.advance(1)
        await one.turn()
        assert len(one.dealer.health) == 2


@pytest.mark.parametrize("skew_seconds", [-86_400 * 365, 7200.0])
async def test_with_a_wrong_clock_requests_are_signed_by_centrals(
    folder: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture, skew_seconds: float
) -> None:
    caplog.set_level("INFO")
    dealer_clock = FakeClock()
    async with enrolled(folder, clock) as one:
        one.dealer.clock = dealer_clock
        dealer_clock.advance(3600)
        clock.advance(3600)
        clock.jump(skew_seconds)
        one.site.outbox.put(LINE)
        await one.turn()
        assert one.dealer.lines == [LINE]
        assert one.metrics()["poller_upload_failures_total clock-skew"] == 1
        assert one.metrics()["poller_upload_clock_skew_seconds"] == skew_seconds
        assert one.dealer.proofs[-1].created_utc == dealer_clock.utc()
        clock.jump(-skew_seconds)  # somebody sets it right
        clock.advance(900)
        dealer_clock.advance(900)
        await one.turn()
        assert one.metrics()["poller_upload_clock_skew_seconds"] == 0
        events = [as_dict(record)["event"] for record in caplog.records]
        assert events.index("upload.clock_skewed") < events.index("upload.clock_agrees")


async def test_a_skew_that_is_not_proven_changes_nothing(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        one.dealer.odd.append(page(401, '{"error":"clock-skew","text":"","now":"2036-01-01T00:00:00Z"}'))
        clock.advance(900)
        clock.advance(await one.turn())
        await one.turn()
        assert one.dealer.proofs[-1].created_utc == clock.utc()


async def test_a_disk_that_takes_nothing_is_no_fault_of_central(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        one.site.outbox.put(LINE)
        one.site.outbox.is_full = True
        clock.advance(3600)
        assert await one.turn() == 60
        assert one.metrics()["poller_upload_failures_total host"] == 1
        one.site.outbox.is_full = False
        clock.advance(60)
        await one.turn()
        assert one.dealer.lines == [LINE]


async def test_a_disk_that_takes_nothing_holds_up_neither_what_is_sealed_nor_the_sign_of_life(
    folder: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="poller")
    async with enrolled(folder, clock, lines_max=1) as one:
        one.site.outbox.put(LINE)
        one.dealer.refusal = ("unavailable", 503, {})
        clock.advance(3600)
        clock.advance(await one.turn())
        one.site.outbox.put(LINE)
        one.dealer.refusal = None
        one.site.outbox.is_full = True
        one.dealer.set_settings(3, {})
        assert await one.turn() == 60
        assert (one.dealer.lines, one.site.outbox.waiting) == ([LINE], [])
        assert "no room" in (one.courier.status().trouble or "")
        lives = len(one.dealer.health)
        clock.advance(900)
        assert await one.turn() == 60
        assert len(one.dealer.health) == lives + 1
        assert one.courier.status().settings_version == 3
        events = [as_dict(record)["event"] for record in caplog.records]
        assert (events.count("upload.failing"), events.count("upload.works_again")) == (2, 1)  # central, then the disk: each told once
        one.site.outbox.is_full = False
        clock.advance(60)
        await one.turn()
        assert one.courier.status().trouble is None


async def test_a_disk_that_takes_nothing_does_not_shorten_the_wait_central_asks_for(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        one.site.outbox.put(LINE)
        one.dealer.refusal = ("unavailable", 503, {})
        clock.advance(3600)
        clock.advance(await one.turn())
        one.site.outbox.is_full = True
        one.dealer.refusal = ("unavailable", 503, {"retry_after_seconds": 1800})
        assert await one.turn() == 1800
        assert one.metrics()["poller_upload_failures_total unavailable"] == 2


async def test_when_central_cannot_open_what_is_sealed_nothing_more_is_sealed_to_that_key(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock, lines_max=1) as one:
        one.site.outbox.put(*[b'{"n":%d}' % number for number in range(20)])
        one.dealer.refusal = ("bad-envelope", 400, {})
        clock.advance(3600)
        await one.turn()
        assert len(one.site.outbox.refused) == 4
        assert len(one.site.outbox.lines) == 16
        one.dealer.refusal = None
        clock.advance(3600)
        await one.turn()
        assert len(one.dealer.lines) == 16


# --- settings --------------------------------------------------------------------------------------------------------------


async def test_settings_are_fetched_when_an_answer_names_newer_ones(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        one.dealer.set_settings(3, {"poll": {"every": "5m"}})
        clock.advance(900)
        await one.turn()
        assert [(one.version, dict(one.document)) for one in one.site.taken] == [(3, {"poll": {"every": "5m"}})]
        assert one.metrics()["poller_upload_settings_version"] == 3
        clock.advance(900)
        await one.turn()
        assert len(one.site.taken) == 1
        assert one.dealer.health[-1]["settings"] == 3


async def test_what_settings_mask_is_remembered_with_the_identity(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        for version, document in ((3, {"privacy": {"mask": ["mac"]}}), (4, {"poll": {"every": "5m"}})):
            one.dealer.set_settings(version, document)
            clock.advance(900)
            await one.turn()
            pinned = one.site.papers.read()
            assert pinned is not None
            assert (pinned.identity.settings_version, pinned.identity.privacy) == (version, document.get("privacy", {}))


async def test_settings_that_are_refused_are_reported_at_once_and_not_fetched_again(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        one.dealer.set_settings(4, {"poll": {"every": "5 m"}})
        one.site.verdict = "poll.every: no duration"
        clock.advance(900)
        await one.turn()
        await one.turn()
        assert one.dealer.health[-1]["settings_refused"] == {"version": 4, "reason": "poll.every: no duration"}
        assert one.metrics()["poller_upload_settings_refused"] == 1
        assert one.metrics()["poller_upload_settings_version"] == 0
        fetched = one.dealer.asked.count(("GET", "/v1/settings"))
        clock.advance(900)
        await one.turn()
        assert one.dealer.asked.count(("GET", "/v1/settings")) == fetched == 1
        one.site.verdict = None
        one.courier.configure(Pace())  # what is accepted here has changed
        clock.advance(900)
        await one.turn()
        assert [one.version for one in one.site.taken] == [4]
        assert one.metrics()["poller_upload_settings_refused"] == 0


async def test_while_our_own_file_is_at_fault_settings_are_put_off(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        one.dealer.set_settings(2, {})
        one.site.fault = ConfigError(["poller.toml: not TOML"])
        clock.advance(900)
        await one.turn()
        assert one.metrics()["poller_upload_settings_refused"] == 0
        one.site.fault = None
        clock.advance(900)
        await one.turn()
        assert [one.version for one in one.site.taken] == [2]


async def test_older_settings_never_come_back(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        one.dealer.set_settings(5, {"poll": {"every": "5m"}})
        clock.advance(900)
        await one.turn()
        one.dealer.set_settings(4, {"poll": {"every": "10s"}}, named=6)
        clock.advance(900)
        await one.turn()
        assert [one.version for one in one.site.taken] == [5]
        refused = one.courier.status().settings_refused
        assert refused is not None
        assert "not newer than 5" in refused.reason
        restarted = one.site.courier(one.site.client(one.dealer.address), version=5)
        assert restarted.status().settings_version == 5


@pytest.mark.parametrize("held", [0, 2], ids=["is lost", "is an older one again"])
async def test_settings_whose_file_is_not_the_last_one_any_more_are_fetched_again(folder: Path, clock: FakeClock, held: int) -> None:
    async with enrolled(folder, clock) as one:
        one.dealer.set_settings(3, {"poll": {"every": "5m"}})
        clock.advance(900)
        await one.turn()
        async with one.site.client(one.courier.status().address) as client:
            restarted = one.site.courier(client, version=held)
            await restarted.turn()
            assert [one.version for one in one.site.taken] == [3, 3]
            assert restarted.status().settings_version == 3


async def test_settings_sealed_to_another_or_signed_by_another_are_refused(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        for keys, word in (("signing", "not trusted"), ("sealing", "sealed to a key that is not here")):
            one.dealer.set_settings(7 if keys == "signing" else 8, {})
            key_id, (verify, sealing) = next(iter(one.dealer.agents.items()))
            real = one.dealer.signing
            if keys == "sealing":
                one.dealer.agents[key_id] = verify, SealingKey.generate().public
            odd = _other_signer(one.dealer, SigningKey.generate() if keys == "signing" else real)
            clock.advance(900)
            one.dealer.odd.extend([_plain(one.dealer), odd])
            await one.turn()
            one.dealer.agents[key_id] = verify, sealing
            refused = one.courier.status().settings_refused
            assert refused is not None
            assert word in refused.reason
        assert one.site.taken == []


def _plain(dealer: Dealer) -> Odd:
    return changed(dealer, lambda response: None)


def _other_signer(dealer: Dealer, signer: SigningKey) -> Odd:
    """Central's answer as it is, with settings signed by another key inside."""

    async def answer(request: web.Request, body: bytes) -> web.StreamResponse:
        response = await dealer.answer(request, body)
        assert isinstance(response, web.Response)
        assert isinstance(response.body, bytes)
        signed = sign_sealed(response.body[101:], signer)
        heard = Request(request.method, request.path, body, dict(request.headers))
        response.body = signed
        response.headers.update(sign_answer(Answer(200, signed), heard, dealer.signing, now_utc=dealer.clock.utc()))
        return response

    return answer


async def test_central_may_change_its_keys_by_settings_signed_with_the_old_one(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        old, new, sealing = one.dealer.signing, SigningKey.generate(), SealingKey.generate()
        both = [old.public.text(), new.public.text()]
        one.dealer.set_settings(1, {"central_keys": {"sealing": sealing.public.text(), "signing": both}})
        clock.advance(900)
        await one.turn()
        one.dealer.sealing = KeyRing(sealing, one.dealer.sealing)
        one.dealer.signing = new
        one.site.outbox.put(LINE)
        clock.advance(3600)
        await one.turn()
        assert one.dealer.lines == [LINE]
        clock.advance(900)
        await one.turn()
        assert one.dealer.health[-1]["central_keys"] == {"sealing": sealing.id, "signing": [old.id, new.id]}
        one.dealer.set_settings(2, {"central_keys": {"sealing": sealing.public.text(), "signing": [new.public.text()]}})
        clock.advance(900)
        await one.turn()
        pinned = one.site.papers.read()
        assert pinned is not None
        assert (pinned.sealing.id, pinned.signing_ids) == (sealing.id, (new.id,))


async def test_keys_without_the_one_that_signs_them_are_refused(folder: Path, clock: FakeClock) -> None:
    async with enrolled(folder, clock) as one:
        keys = {"sealing": one.dealer.shown["sealing"], "signing": [SigningKey.generate().public.text()]}
        one.dealer.set_settings(1, {"central_keys": keys})
        clock.advance(900)
        await one.turn()
        refused = one.courier.status().settings_refused
        assert refused is not None
        assert "without the one it signs them by" in refused.reason
        pinned = one.site.papers.read()
        assert pinned is not None
        assert pinned.signing_ids == (one.dealer.signing.id,)


# --- its life --------------------------------------------------------------------------------------------------------------


async def test_at_the_end_the_request_under_way_may_finish_and_none_is_begun(folder: Path, clock: FakeClock) -> None:
    dealer, site = Dealer(clock), Site(folder, clock, lines_max=1)
    release, arrived = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request, body: bytes) -> web.StreamResponse:
        arrived.set()
        await release.wait()
        return await dealer.answer(request, body)

    async with dealer.serving() as address:
        courier = site.courier(site.client(address), token=dealer.token())
        site.outbox.put(b'{"n":1}', b'{"n":2}')
        plain = _plain(dealer)
        dealer.odd.extend([plain, plain, slow])  # keys, enrolment, the first batch
        async with asyncio.TaskGroup() as group:
            running = group.create_task(courier.run())
            await arrived.wait()
            courier.stop()
            release.set()
            await running
        assert dealer.lines == [b'{"n":1}']
        assert len(site.outbox.settled) == 1
        assert len(site.outbox.waiting) == 1
