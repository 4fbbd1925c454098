"""Whatever stands between an agent and its central, and whatever breaks at the agent: nothing is lost, nothing doubled, and it is said."""

from __future__ import annotations

import asyncio
import html
import json
import os
import random
import shutil
import signal
import socket
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from poller.clock import SystemClock
from poller.config import Proxies
from poller.upload import update
from poller.upload.client import CentralClient
from poller.upload.courier import Courier, Pace
from poller.upload.identity import Papers
from tests.central.running import config_of, running
from tests.certificates import authority
from tests.fake_clock import FakeClock
from tests.outbox.killed_outbox import number_of
from tests.outbox.parts import line, opened
from tests.upload.box import values
from tests.upload.dealer import Dealer
from tests.upload.real_tinyproxy import PASSWORD, USER, tinyproxy
from tests.whole.kept import agent_settings, left_in
from tests.whole.killable import lines_at
from tests.whole.killed_site import House
from tests.whole.mischief import Evil, Recorder, change_answer, change_request, flipped
from tests.whole.processes import get, until
from tests.whole.processes import running as process
from tests.whole.relay import Link, Message, Passage, Relay, Treat, pass_on
from tests.whole.test_agent import PRINTERS, reached, scrape, simulated
from tests.whole.test_agent import values as values_of
from tests.whole.test_update import KEY as RELEASE_KEY
from tests.whole.test_update import release
from tests.whole.test_upload import agent, central_in, labelled

READINGS, OF_A_BATCH = 3_000, 30
OFTEN = {"POLLER_CENTRAL_EVERY": "10s"}
SETTLED = {"name": "poller_outbox_readings_total", "step": "settled"}
_TURNS_MAX = 5_000
_DISK_BYTES = 8 << 20
_PATIENCE_SECONDS = 0.7


# --- on the way ------------------------------------------------------------------------------------------------------------


async def test_through_a_proxy_that_does_everything_wrong_each_reading_arrives_once(tmp_path: Path, clock: FakeClock) -> None:
    evil = Evil(random.Random(99))
    relay = Relay(0, evil.treat)
    config = config_of(tmp_path / "central", requests_per_second=10_000)
    async with relay.serving(), running(config, clock) as central, opened(tmp_path / "outbox.db", clock=clock) as outbox:
        await central.add_site()
        relay.central_port, central.address = central.central.port, relay.address
        token = await central.token()
        client = CentralClient(relay.address, clock, proxies=Proxies(is_none=True), total_seconds=_PATIENCE_SECONDS)
        dice = random.Random(4711)
        courier = Courier(
            client,
            Papers(tmp_path / "papers"),
            clock,
            House(),
            outbox=outbox,
            pace=Pace(every_seconds=10.0, heartbeat_seconds=60.0),
            token=token.reveal(),
            dice=dice.random,
        )
        async with client:
            recorded, turns = 0, 0
            while recorded < READINGS or outbox.status().lines or await outbox.waiting_batches():
                if recorded < READINGS:
                    await outbox.record(
                        [line(1, after=timedelta(minutes=one), pages=one) for one in range(recorded, recorded + OF_A_BATCH)]
                    )
                    recorded += OF_A_BATCH
                clock.advance(await courier.turn())
                turns += 1
                assert turns < _TURNS_MAX, courier.status().trouble
        said, quarantined = await central.metrics(), outbox.status().batches_quarantined

    assert set(evil.done) == {kind.__name__ for kind in evil.kinds}
    arrived = lines_at(tmp_path / "central" / "central.db")
    assert set(arrived.values()) == {1}
    assert {number_of(body) for body in arrived} == set(range(READINGS))
    assert quarantined == 0
    counted = values(courier.metrics())
    print(f"\n{turns} turns, {sum(evil.done.values())} times something went wrong; the agent counted {counted}")  # noqa: T201
    for kind in ("cut", "in-between", "timeout"):
        assert counted[f"poller_upload_failures_total {kind}"] > 0
    assert "poller_upload_batches_total quarantined" not in counted
    assert 'poller_central_batches_total{result="conflict"} 0' in said
    assert 'answer="bad-signature"' in said


async def test_through_a_real_proxy_with_a_password_readings_arrive(tmp_path: Path, real_part: Callable[[str], str]) -> None:
    async with simulated(PRINTERS, "127.31.94.0/29", 3) as simulator, central_in(tmp_path / "central") as central:
        await central.add_site()
        token = await central.token()
        with tinyproxy(real_part("tinyproxy"), tmp_path) as proxy:
            env = OFTEN | {
                "POLLER_CENTRAL_PROXY": f"http://{proxy}",
                "POLLER_CENTRAL_PROXY_USER": USER,
                "POLLER_CENTRAL_TOKEN": token.reveal(),
            }
            async with agent(tmp_path / "stranger", simulator, **env, POLLER_CENTRAL_PROXY_PASSWORD="guessed") as url:
                await shows(url, "proxy-auth", "the proxy")
                assert "guessed" not in (await get(f"{url}/"))[1]
            assert "poller_central_requests_total{" not in await central.metrics()
            async with agent(tmp_path / "site", simulator, **env, POLLER_CENTRAL_PROXY_PASSWORD=PASSWORD) as url:
                await until("three readings are there", reached(url, lambda now: labelled(now, **SETTLED) >= 3))
                samples = await scrape(url)
                assert labelled(samples, "poller_upload_failures_total") == 0
    arrived = lines_at(tmp_path / "central" / "central.db")
    assert set(arrived.values()) == {1}
    assert arrived.total() >= 3


# --- each refusal by its own name ------------------------------------------------------------------------------------------


async def test_a_certificate_of_another_authority_is_named(tmp_path: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*authority().write(tmp_path, "server"))
    other, right = tmp_path / "other.pem", tmp_path / "ca.pem"
    other.write_bytes(authority("another one").pem)
    right.write_bytes(authority().pem)
    async with simulated(PRINTERS, "127.31.95.0/29", 2) as simulator, central_in(tmp_path / "central") as central:
        await central.add_site()
        async with Relay(central.central.port).serving(tls) as relay:
            central.address = relay.address
            env = {"POLLER_CENTRAL_TOKEN": (await central.token()).reveal()}
            async with agent(tmp_path / "site", simulator, **env, POLLER_CENTRAL_CA_FILE=str(other)) as url:
                await shows(url, "tls", "is not believed", "central.ca_file")
            async with agent(tmp_path / "site", simulator, **env, POLLER_CENTRAL_CA_FILE=str(right)) as url:
                await until("it is enrolled", reached(url, lambda now: labelled(now, "poller_upload_enrolled") == 1))


@pytest.mark.parametrize("kind", ["token-expired", "token-used", "token-unknown"])
async def test_a_token_that_is_of_no_use_is_named(tmp_path: Path, kind: str) -> None:
    async with simulated(PRINTERS, "127.31.96.0/29", 2) as simulator, central_in(tmp_path / "central") as central:
        await central.add_site()
        token = await central.token(valid=timedelta(seconds=10))
        if kind == "token-used":
            assert (await central.stranger().enrol(token)).is_proven
        elif kind == "token-unknown":
            now_utc = central.clock.utc()
            (known,) = await central.administration.tokens("acme", now_utc=now_utc)
            await central.administration.revoke_token(known["token"], now_utc=now_utc)
        else:
            central.clock.advance(11)
        async with agent(tmp_path / "site", simulator, POLLER_CENTRAL_TOKEN=token.reveal(), **OFTEN) as url:
            await shows(url, kind, "ask the dealer for a new token")
            assert labelled(await scrape(url), "poller_upload_enrolled") == 0
            assert token.reveal() not in (await get(f"{url}/"))[1]
        assert f'poller_central_requests_total{{request="enrol",answer="{kind}"}} 1' in await central.metrics()


async def test_what_is_brought_up_again_has_no_effect(tmp_path: Path) -> None:
    """Somebody keeps a heartbeat and a batch that passed, and sends both again."""
    listener = Recorder()
    async with simulated(PRINTERS, "127.31.97.0/29", 3) as simulator, central_in(tmp_path / "central") as central:
        await central.add_site()
        relay = Relay(central.central.port, listener.listen)
        async with relay.serving():
            central.address = relay.address
            token = (await central.token()).reveal()
            async with agent(tmp_path / "site", simulator, POLLER_CENTRAL_TOKEN=token, **OFTEN) as url:
                await until("readings are there", reached(url, lambda now: labelled(now, **SETTLED) >= 3))
                heard = {one.what.partition("/v1/")[2].partition("/")[0]: one for one in listener.requests}
                words = {name: json.loads((await ask(relay.central_port, one)).body) for name, one in heard.items() if name != "keys"}
        said = await central.metrics()
    assert words["heartbeat"]["error"] == "replay"
    assert words["batches"]["result"] == "duplicate"
    assert 'request="heartbeat",answer="replay"} 1' in said
    assert 'request="batch",answer="duplicate"} 1' in said
    assert set(lines_at(tmp_path / "central" / "central.db").values()) == {1}


@pytest.mark.parametrize(("treat", "says"), [(change_request, "bad-signature"), (change_answer, "HTTP 200")], ids=["request", "answer"])
async def test_what_is_changed_on_the_way_is_somebody_in_between(tmp_path: Path, treat: Treat, says: str) -> None:
    async def only_batches(passage: Passage) -> None:
        await (treat if passage.request.is_batch else pass_on)(passage)

    async with simulated(PRINTERS, "127.31.98.0/29", 3) as simulator, central_in(tmp_path / "central") as central:
        await central.add_site()
        relay = Relay(central.central.port, only_batches)
        async with relay.serving():
            central.address = relay.address
            async with agent(tmp_path / "site", simulator, POLLER_CENTRAL_TOKEN=(await central.token()).reveal(), **OFTEN) as url:
                await shows(url, "in-between", "does not prove to be central", says)
                assert labelled(await scrape(url), **SETTLED) == 0
                relay.treat = pass_on
                await until("it arrives", reached(url, lambda now: labelled(now, **SETTLED) >= 3))
                assert labelled(await scrape(url), "poller_outbox_batches", state="quarantined") == 0
        said = await central.metrics()
    assert ('answer="bad-signature"' in said) == (treat is change_request)
    assert set(lines_at(tmp_path / "central" / "central.db").values()) == {1}


@pytest.mark.parametrize(
    ("number", "change", "reason"),
    [(2, None, "not newer"), (4, flipped, "signature")],
    ids=["older", "changed"],
)
async def test_settings_that_are_older_or_changed_are_refused_by_their_reason(
    tmp_path: Path, number: int, change: Callable[[bytes], bytes] | None, reason: str
) -> None:
    """Whoever speaks with central's voice, but not with its key for settings, or brings up a set of earlier."""
    dealer = Dealer(FakeClock(SystemClock().utc()))
    async with simulated(PRINTERS, "127.31.99.0/29", 2) as simulator, dealer.serving():
        dealer.set_settings(3, {"poll": {"every": "20s"}})
        async with agent(tmp_path / "site", simulator, POLLER_CENTRAL_TOKEN=dealer.token(), POLLER_CENTRAL_HEARTBEAT="1m") as url:
            await until("the good ones hold", reached(url, lambda now: values_of(now, "poller_upload_settings_version") == [3.0]))
        dealer.set_settings(number, {"poll": {"every": "30s"}}, named=9)
        dealer.change_settings = change or dealer.change_settings
        async with agent(tmp_path / "site", simulator) as url:
            await shows(url, "settings", reason)
            samples = await scrape(url)
            assert values_of(samples, "poller_upload_settings_refused") == [1.0]
            assert values_of(samples, "poller_upload_settings_version") == [3.0]


async def test_a_manifest_of_an_earlier_release_is_refused_at_centrals_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update, "_FIRST_SECONDS", 0.5)
    folder = tmp_path / "updates"
    folder.mkdir()
    manifest = folder / "manifest.json"
    manifest.write_bytes(release("99.0.0"))
    clock = FakeClock(SystemClock().utc())
    async with simulated(PRINTERS, "127.31.100.0/29", 2) as simulator, running(config_of(tmp_path / "c", updates=folder), clock) as central:
        await central.add_site()
        env = {"POLLER_CENTRAL_TOKEN": (await central.token()).reveal(), "POLLER_UPDATE_KEY": RELEASE_KEY.public.text()}
        async with agent(tmp_path / "site", simulator, **env) as url:
            await until("it is enrolled", reached(url, lambda now: labelled(now, "poller_upload_enrolled") == 1))
        async with agent(tmp_path / "site", simulator, **env) as url:
            await until("it is known", reached(url, lambda now: values_of(now, "poller_update_available") == [1.0]))
        manifest.write_bytes(release("98.0.0"))
        async with agent(tmp_path / "site", simulator, **env) as url:
            refused = reached(url, lambda now: labelled(now, "poller_update_checks_total", result="rolled_back") == 1)
            await until("it is refused", refused)
            assert "version 99.0.0 is available" in (await get(f"{url}/"))[1]


# --- at the agent ----------------------------------------------------------------------------------------------------------


async def test_with_a_full_disk_it_polls_on_and_loses_nothing(tmp_path: Path, real_part: Callable[[str], str]) -> None:
    """The state folder is a file system of some megabytes, in a mount namespace of the agent alone; somebody fills it."""
    if os.geteuid() != 0:
        pytest.skip("a file system of one's own needs root")
    state = tmp_path / "site"
    state.mkdir()
    mount = f'mount -t tmpfs -o size={_DISK_BYTES} tmpfs "$0" && exec "$1" -m poller run'
    command = (real_part("unshare"), "--mount", "sh", "-c", mount, str(state), sys.executable)
    async with simulated(PRINTERS, "127.31.101.0/26", 30, speed=50_000) as simulator, central_in(tmp_path / "central") as central:
        await central.add_site()
        port = free_port()
        env = agent_settings(simulator, state) | {"POLLER_EXPORTER_LISTEN": f"127.0.0.1:{port}", "POLLER_CENTRAL_EVERY": "1h"}
        url = f"http://127.0.0.1:{port}"
        async with process(*command, env=env | {"POLLER_CENTRAL_TOKEN": (await central.token()).reveal()}) as child:

            async def listens() -> bool:
                return (await get(f"{url}/-/healthy"))[0] == 200

            await until("it listens", listens)
            await until("readings are at central", reached(url, lambda now: labelled(now, **SETTLED) > 0))
            disk = os.open(f"/proc/{child.pid}/root{state}", os.O_RDONLY)  # holds the file system beyond the agent's end
            try:
                inside = Path(f"/proc/self/fd/{disk}")
                fill(inside / "somebody-elses")
                failing = "poller_outbox_failures_total"
                await until("the outbox has no room", reached(url, lambda now: labelled(now, failing) > 0))
                before = await scrape(url)
                done = labelled(before, "poller_polls_total", result="ok")
                await until("polls go on", reached(url, lambda now: labelled(now, "poller_polls_total", result="ok") >= done + 10))
                assert len(values_of(await scrape(url), "printer_up")) >= len(values_of(before, "printer_up")) > 0
                (inside / "somebody-elses").unlink()
                await until("nothing waits for room", reached(url, lambda now: values_of(now, "poller_readings_waiting") == [0.0]))
                after = await scrape(url)
                child.send_signal(signal.SIGTERM)
                said = (await child.communicate())[0].decode()
                assert child.returncode == 0, said
                shutil.copytree(inside, tmp_path / "kept")  # SQLite resolves links, and this one leads nowhere now
                left = await left_in(tmp_path / "kept")
            finally:
                os.close(disk)
    arrived = lines_at(tmp_path / "central" / "central.db")
    assert set(arrived.values()) == {1}
    assert not arrived.keys() & left.unsealed
    recorded = labelled(after, "poller_readings_recorded_total")
    assert recorded > labelled(before, "poller_readings_recorded_total")
    assert recorded <= len(arrived.keys() | left.sealed | left.unsealed)
    assert values_of(after, "poller_readings_put_off_total") == [0.0]
    assert "event=outbox.failed" in said
    assert "event=outbox.works_again" in said


async def test_a_damaged_outbox_is_set_aside_and_readings_go_on_to_central(tmp_path: Path) -> None:
    async with simulated(PRINTERS, "127.31.102.0/29", 3) as simulator, central_in(tmp_path / "central") as central:
        await central.add_site()
        async with agent(tmp_path / "site", simulator, POLLER_CENTRAL_TOKEN=(await central.token()).reveal(), **OFTEN) as url:
            await until("readings are at central", reached(url, lambda now: labelled(now, **SETTLED) >= 3))
        file = tmp_path / "site" / "outbox.db"
        content = file.read_bytes()
        file.write_bytes(content[:100] + bytes(len(content) - 100))
        (tmp_path / "site" / "state.db").unlink()  # all printers are new, so that there is something to record
        async with agent(tmp_path / "site", simulator, **OFTEN) as url:
            await until("readings are at central", reached(url, lambda now: labelled(now, **SETTLED) >= 3))
            samples = await scrape(url)
            assert values_of(samples, "poller_outbox_set_aside_total") == [1.0]
            assert len(values_of(samples, "printer_up")) == 3
            assert labelled(samples, "poller_upload_failures_total") == 0
    (aside,) = (tmp_path / "site").glob("outbox.db.broken-*")
    assert aside.read_bytes()[:100] == content[:100]
    arrived = lines_at(tmp_path / "central" / "central.db")
    assert set(arrived.values()) == {1}
    assert arrived.total() >= 6


# ---------------------------------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def fill(path: Path) -> None:
    """Take all the room there is."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        for _ in range(_DISK_BYTES // 4096 + 1):
            file.write(bytes(4096))


async def shows(url: str, kind: str, *texts: str) -> None:
    """Wait until the agent counts a failure of this kind, and find these words on its page."""
    await until(f"{kind} is counted", reached(url, lambda now: labelled(now, "poller_upload_failures_total", kind=kind) > 0))
    shown = html.unescape((await get(f"{url}/"))[1])
    for text in texts:
        assert text in shown, shown


async def ask(port: int, request: Message) -> Message:
    """Send a request again as it was, and return what comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        link = Link(reader, writer)
        await link.send(request.raw)
        return await link.answer()
    finally:
        writer.close()
        await writer.wait_closed()


# --- in the agent itself ---------------------------------------------------------------------------------------------------


async def test_a_bug_of_the_uploader_ends_no_poll(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: Courier) -> float:
        raise KeyError("an answer nobody thought of")

    monkeypatch.setattr(Courier, "turn", broken)
    async with simulated(PRINTERS, "127.31.95.0/29", 3) as simulator, central_in(tmp_path / "central") as central:
        await central.add_site()
        token = await central.token()
        async with agent(tmp_path / "site", simulator, POLLER_CENTRAL_TOKEN=token.reveal()) as url:
            await until("the fault", reached(url, lambda now: labelled(now, "poller_part_failures_total", part="uploads") == 1))
            polls = labelled(await scrape(url), "poller_polls_total")
            await until("more polls", reached(url, lambda now: labelled(now, "poller_polls_total") > polls + 2))
            assert "uploads stopped by a fault of this program (test_faults.py:" in (await get(f"{url}/"))[1]
