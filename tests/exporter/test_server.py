"""Every route, as a client meets it on a real loopback socket."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from html.parser import HTMLParser
from urllib.parse import quote

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families as parse
from yarl import URL

from poller.engine.fleet import Fleet
from poller.errors import HostError, NoAnswerError
from poller.exporter import AgentStatus, Exporter, PollHealth, SweepHealth, UnknownCredentialError, WireHealth
from poller.exporter.probe import join_target, split_target
from poller.exporter.streaming import accepts_gzip
from poller.exposition import CATALOGUE, Sample
from poller.model import Decoded
from tests.fake_clock import START_UTC, FakeClock
from tests.readings import HOSTILE, bare, colour_mfp, hostile


class Client:
    """Asks one exporter; `probed` is what its probe was called with, `probe` what it does."""

    def __init__(self, fleet: Fleet, clock: FakeClock) -> None:
        self.fleet, self.probed = fleet, list[tuple[str, str | None, float]]()
        self.is_ready = True
        self.probe: Callable[[], Awaitable[Decoded]] = self._answer
        self.samples: list[Sample] = []
        self.ports: dict[str | None, int] = {}
        self.exporter = Exporter(
            listen=("127.0.0.1", 0),
            fleet=fleet,
            samples=[fleet.metrics, lambda: self.samples],
            status=lambda: AgentStatus(
                version="1.2.3",
                started_utc=START_UTC,
                sweep=SweepHealth(is_running=True, addresses_total=256, addresses_done=64),
                polls=PollHealth(workers=8, workers_busy=1, lag_seconds=0.0, results={"ok": 5}),
                wire=WireHealth(requests=9, answers=8, retries=1, timeouts=1, in_flight=0, discarded={"late": 2}),
                notes=("a <note>",),
            ),
            probe=self._probe,
            is_ready=lambda: self.is_ready,
            ports=self.ports,
            clock=clock,
        )

    async def _answer(self) -> Decoded:
        return colour_mfp()

    async def _probe(self, target: str, credential: str | None, timeout_seconds: float) -> Decoded:
        self.probed.append((target, credential, timeout_seconds))
        return await self.probe()

    async def get(self, path: str, *, method: str = "GET", **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
        url = f"http://127.0.0.1:{self.exporter.port}{path}"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=("Accept-Encoding",)) as session,
            session.request(method, URL(url, encoded=True), headers=sent) as answer,
        ):
            return answer, await answer.read()


@pytest.fixture
async def client(clock: FakeClock) -> AsyncIterator[Client]:
    fleet = Fleet(clock, site="hq", stale_after_seconds=86400, forget_after_seconds=30 * 86400)
    for decoded in (colour_mfp(1), colour_mfp(2), hostile()):
        fleet.put(decoded, duration_seconds=0.1)
    fleet.fail(colour_mfp(3).reading.printer, duration_seconds=5.0)
    client = Client(fleet, clock)
    await client.exporter.start()
    yield client
    await client.exporter.close()


async def lint(promtool: str, text: bytes) -> tuple[int | None, bytes]:
    """Return promtool's verdict on *text*: 0 and nothing said, if all is well."""
    process = await asyncio.create_subprocess_exec(
        promtool, "check", "metrics", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate(text)
    return process.returncode, said


# --- /metrics --------------------------------------------------------------------------------------------------------------


async def test_metrics_are_text_of_the_fleet_the_agent_and_its_process(client: Client, real_part: Callable[[str], str]) -> None:
    await client.get("/metrics")  # so that there is a last scrape to tell of
    answer, body = await client.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = [family.name for family in parse(body.decode())]
    assert len(set(families)) == len(families)
    assert {
        "printer_up",
        "printer_supply_level_ratio",
        "poller_build_info",
        "poller_scrape_duration_seconds",
        "process_resident_memory_bytes",
    } <= set(families)
    ours = {metric.name.removesuffix("_total") for metric in CATALOGUE}
    assert {name for name in families if name.startswith(("printer_", "poller_"))} <= ours
    assert await lint(real_part("promtool"), body) == (0, b"")


async def test_gzip_is_sent_to_whom_asks_for_it(client: Client) -> None:
    plain, body = await client.get("/metrics")
    assert "Content-Encoding" not in plain.headers
    answer, squeezed = await client.get("/metrics", Accept_Encoding="gzip, deflate")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert "Accept-Encoding" in answer.headers["Vary"]
    printers = [line for line in gzip.decompress(squeezed).splitlines() if line.startswith(b"printer_")]
    assert printers == [line for line in body.splitlines() if line.startswith(b"printer_")]


@pytest.mark.parametrize(
    "header, expected",
    [
        ("gzip", True), ("GZIP;q=0.5, br", True), ("*", True), ("br, *;q=0.1", True), ("", False), ("br", False), ("identity", False),
        ("gzip;q=0", False), ("gzip; q=0.000", False), ("gzip;q=0, *", False),
    ],
)  # fmt: skip
def test_a_weight_of_zero_is_a_no(header: str, expected: bool) -> None:
    assert accepts_gzip(header) is expected


async def test_a_series_given_twice_is_shown_once_and_counted(client: Client) -> None:
    metric = next(metric for metric in CATALOGUE if metric.name == "poller_sweep_running")
    client.samples = [Sample(metric, 1), Sample(metric, 0)]
    await client.get("/metrics")
    _, body = await client.get("/metrics")
    assert body.count(b"\npoller_sweep_running ") == 1
    assert b'poller_series_refused_total{source="agent"} 1\n' in body


async def test_a_head_has_no_body(client: Client) -> None:
    answer, body = await client.get("/metrics", method="HEAD")
    assert (answer.status, body) == (200, b"")


async def test_a_scrape_that_is_not_read_gives_way_to_the_next(client: Client) -> None:
    """Clients that hang up leave nothing behind: after more of them than may scrape at once, the next one still gets all."""
    for number in range(300):
        client.fleet.put(colour_mfp(number), duration_seconds=0.1)
    for _ in range(8):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.exporter.port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readexactly(100)
        writer.close()
        await writer.wait_closed()
    answer, body = await client.get("/metrics")
    while answer.status == 503:  # the server is still noticing that they hung up
        answer, body = await client.get("/metrics")
    assert body.count(b"\nprinter_up{") == 301


# --- /probe ----------------------------------------------------------------------------------------------------------------


async def test_a_probe_shows_one_device_and_nothing_of_the_agent(client: Client) -> None:
    answer, body = await client.get("/probe?target=127.0.0.1:1161&credential=shop", X_Prometheus_Scrape_Timeout_Seconds="10")
    assert client.probed == [("127.0.0.1:1161", "shop", 9.5)]
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = {family.name for family in parse(body.decode())}
    assert {"printer_info", "printer_pages", "probe_success", "probe_duration_seconds"} <= families
    assert not any(name.startswith(("poller_", "process_")) for name in families)
    assert b"\nprobe_success 1\n" in body


async def test_a_device_that_does_not_answer_is_a_probe_without_success(client: Client, real_part: Callable[[str], str]) -> None:
    async def silent() -> Decoded:
        raise NoAnswerError("127.0.0.1", tries=2)

    client.probe = silent
    answer, body = await client.get("/probe?target=127.0.0.1")
    assert answer.status == 200
    assert b"\nprobe_success 0\n" in body
    assert b"printer_" not in body
    assert await lint(real_part("promtool"), body) == (0, b"")


async def test_a_probe_ends_in_time_whatever_the_device_does(client: Client) -> None:
    async def hangs() -> Decoded:
        await asyncio.Event().wait()
        raise AssertionError

    client.probe = hangs
    answer, body = await client.get("/probe?target=127.0.0.1", X_Prometheus_Scrape_Timeout_Seconds="0.02")
    assert (answer.status, b"\nprobe_success 0\n" in body) == (200, True)


@pytest.mark.parametrize(
    "query",
    [
        "", "?target=", "?target=127.0.0.1&target=127.0.0.2", "?target=127.0.0.1&credential=a&credential=b",
        "?target=http://127.0.0.1/", "?target=127.0.0.1:0", "?target=127.0.0.1:99999", "?target=127.0.0.1%20", "?target=a%0ab",
        "?target=..%2f..%2fetc", "?target=user@host",
        "?target=127.0.0.0/8", "?target=224.0.0.1", "?target=0.0.0.0", "?target=255.255.255.255", "?target=%5b::1", "?target=999.1.1.1",
        "?target=fe80::1%25eth0", "?target=-rf", "?target=1.2.3",
    ],
)  # fmt: skip
async def test_a_question_that_makes_no_sense_reaches_nobody(client: Client, query: str) -> None:
    answer, body = await client.get(f"/probe{query}")
    assert (answer.status, client.probed) == (400, [])
    assert body.decode().startswith(("target", "credential", "neither", "not the", "port"))


@pytest.mark.parametrize("target", ["127.0.0.1", "localhost", "prn-7.shop.example:161", "prn_7", "::1", "[::1]", "[::1]:1161"])
async def test_an_address_or_a_name_with_or_without_a_port_is_a_target(client: Client, target: str) -> None:
    answer, _ = await client.get(f"/probe?target={target}")
    assert (answer.status, client.probed) == (200, [(target, None, 10.0)])


@pytest.mark.parametrize("header", ["soon", "-1", "0", "nan", "inf"])
async def test_a_timeout_that_is_no_time_is_refused(client: Client, header: str) -> None:
    answer, _ = await client.get("/probe?target=127.0.0.1", X_Prometheus_Scrape_Timeout_Seconds=header)
    assert answer.status == 400


async def test_an_unknown_credential_is_refused_without_naming_any(client: Client) -> None:
    async def unknown() -> Decoded:
        raise UnknownCredentialError("s3cret")

    client.probe = unknown
    answer, body = await client.get("/probe?target=127.0.0.1&credential=s3cret")
    assert (answer.status, b"s3cret" in body) == (400, False)
    _, metrics = await client.get("/metrics")
    assert b'poller_probe_requests_total{result="refused"} 1\n' in metrics


async def test_probes_beyond_what_is_bearable_are_told_to_come_later(client: Client) -> None:
    go, are_all_there = asyncio.Event(), asyncio.Event()

    async def waits() -> Decoded:
        if len(client.probed) == 16:
            are_all_there.set()
        await go.wait()
        return bare()

    client.probe = waits
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(client.get("/probe?target=127.0.0.1")) for _ in range(16)]
        await are_all_there.wait()
        answer, _ = await client.get("/probe?target=127.0.0.1")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        go.set()
    assert {task.result()[0].status for task in asked} == {200}


# --- /sd, /api, health -----------------------------------------------------------------------------------------------------


async def test_discovery_is_the_whole_list_with_labels(client: Client) -> None:
    answer, body = await client.get("/sd")
    assert answer.headers["Content-Type"].startswith("application/json")
    groups = json.loads(body)
    assert len(groups) == 4
    assert groups[0] == {
        "targets": ["127.20.0.1"],
        "labels": {
            "__meta_printer_id": "serial:32473:MFP00001",
            "__meta_printer_manufacturer": "Acme",
            "__meta_printer_model": "Color MFP 4500",
            "__meta_printer_serial": "MFP00001",
            "__meta_printer_firmware": "3.14.2",
            "__meta_printer_hostname": "prn-00001",
            "__meta_printer_address": "127.20.0.1",
            "__meta_printer_location": "Haus 2, 1. OG, Flur Süd",
            "__meta_printer_profile": "acme",
            "__meta_printer_range": "hq-2nd-floor",
            "__meta_printer_site": "hq",
        },
    }


async def test_discovery_names_the_port_where_it_is_not_the_usual_one(client: Client) -> None:
    client.ports |= {"hq-2nd-floor": 1161, "elsewhere": 2161}
    targets = [group["targets"] for group in json.loads((await client.get("/sd"))[1])]
    assert targets[0] == ["127.20.0.1:1161"]
    await client.get(f"/probe?target={targets[0][0]}")
    assert client.probed[0][0] == "127.20.0.1:1161"


@pytest.mark.parametrize(
    "address, port, target",
    [
        ("192.0.2.7", 161, "192.0.2.7"),
        ("192.0.2.7", 1161, "192.0.2.7:1161"),
        ("2001:db8::7", 161, "2001:db8::7"),
        ("2001:db8::7", 1161, "[2001:db8::7]:1161"),
    ],
)
def test_a_discovered_target_is_what_a_probe_takes(address: str, port: int, target: str) -> None:
    assert join_target(address, port) == target
    assert split_target(target) == (address, port)


async def test_discovery_of_nobody_is_an_empty_list(client: Client) -> None:
    for entry in client.fleet.entries():
        client.fleet.forget(entry.printer.id)
    assert (await client.get("/sd"))[1] == b"[]"


async def test_readings_are_one_json_object_a_line(client: Client) -> None:
    answer, body = await client.get("/api/printers")
    assert answer.headers["Content-Type"].startswith("application/x-ndjson")
    assert [json.loads(line)["type"] for line in body.splitlines()] == ["reading"] * 3
    _, one = await client.get("/api/printers/serial:32473:MFP00002")
    assert json.loads(one)["printer"]["serial"] == "MFP00002"


async def test_health_is_told_from_readiness(client: Client) -> None:
    client.is_ready = False
    assert ((await client.get("/-/healthy"))[0].status, (await client.get("/-/ready"))[0].status) == (200, 503)
    client.is_ready = True
    assert (await client.get("/-/ready"))[0].status == 200


@pytest.mark.parametrize(
    "path", ["/nothing", "/metrics/", "/static/style.css", "/printer/nobody", "/api/printers/nobody", "/-/reload", "/../etc/passwd"]
)
async def test_an_unknown_path_is_not_found(client: Client, path: str) -> None:
    answer, body = await client.get(path)
    assert (answer.status, b"<" in body) == (404, False)


@pytest.mark.parametrize("path", ["/", "/metrics", "/probe", "/sd", "/-/healthy", "/api/printers"])
async def test_nothing_can_be_posted(client: Client, path: str) -> None:
    answer, _ = await client.get(path, method="POST")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")


@pytest.mark.parametrize("path", ["/", "/metrics", "/nothing", "/probe", "/-/healthy"])
async def test_every_answer_has_the_safety_headers_and_no_version(client: Client, path: str) -> None:
    answer, body = await client.get(path, Host="evil.example")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Server" not in answer.headers
    assert b"evil.example" not in body


async def test_bytes_that_are_no_http_learn_nothing_and_log_nothing(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.exporter.port)
        writer.write(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        said = await reader.read()
        writer.close()
    assert b"400" in said
    assert not re.search(rb"aiohttp|Python", said)
    assert caplog.records == []


# --- pages -----------------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Collects what a browser would run or load, and checks that tags are closed in order."""

    EMPTY = frozenset({"meta", "link", "img", "input", "br", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]


async def page(client: Client, path: str) -> Page:
    answer, body = await client.get(path)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    return Page(body.decode())


async def test_the_page_loads_nothing_from_elsewhere_and_runs_nothing_inline(client: Client) -> None:
    for path in ("/", "/printer/serial:32473:MFP00001"):
        shown = await page(client, path)
        assert not any(name.startswith("on") or name == "style" for _, attributes in shown.seen for name in attributes)
        assert all("src" in script for script in shown.all("script"))
        assert not shown.all("style")
        for _, attributes in shown.seen:
            for name in ("src", "href", "action"):
                assert (attributes.get(name) or "/").startswith("/")
        for asset in {
            attributes.get("src") or attributes.get("href") for tag, attributes in shown.seen if tag in ("script", "link", "img")
        }:
            answer, _ = await client.get(str(asset))
            assert (answer.status, "immutable" in answer.headers["Cache-Control"]) == (200, True)


async def test_the_overview_shows_levels_states_counters_and_the_agent(client: Client) -> None:
    text = (await page(client, "/")).text
    for words in (
        "Acme Color MFP 4500",
        "8\u202f%",
        "some left",
        "9\u202f000",
        "Tray 1",
        "Low toner",
        "silent",
        "has not answered yet",
        "a <note>",
        "64 of 256",
    ):
        assert words in text, words


async def test_what_a_device_says_is_text_and_never_markup(client: Client) -> None:
    for path in ("/", "/printer/" + quote(HOSTILE, safe="")):
        shown = await page(client, path)
        assert shown.all("b") == [attributes for attributes in shown.all("b") if "</script>" not in str(attributes)]
        assert '"b\\c\nd\ufffde\ufffdfg</script><b>\ufffd' in shown.text
        assert not any(character in shown.text for character in "\x00\x1b\u202e")


async def test_the_detail_page_shows_everything_but_display_and_alert_texts(client: Client) -> None:
    text = (await page(client, "/printer/serial%3A32473%3AMFP00001")).text
    for words in (
        "TN-402C",
        "CRG0000011",
        "markerSupplies".replace("S", " s").capitalize(),
        "02000000",
        "Duplex unit",
        "iso-a4",
        "prtMarkerLifeCount",
        "Flur Süd",
    ):
        assert words in text, words


async def test_the_list_can_be_narrowed_and_asks_nothing_of_odd_questions(client: Client) -> None:
    assert len((await page(client, "/?q=mfp00002")).all("h2")) == 2  # the printer and the agent
    assert len((await page(client, "/?q=FLUR+s%C3%BCd&show=low")).all("h2")) == 3
    assert "No printer fits" in (await page(client, "/?q=zebra")).text
    for odd in ("/?page=-1", "/?page=99999999999", "/?page=x", "/?show=%3Cscript%3E", "/?q=" + "x" * 5000, "/?q=%ff&q=2"):
        await page(client, odd)


async def test_ten_thousand_printers_are_many_small_pages(client: Client) -> None:
    for number in range(120):
        client.fleet.put(bare(number, id=f"addr:{number}"), duration_seconds=0.1)
    first = await page(client, "/")
    assert (len(first.all("h2")), "1 to 50 of 124" in first.text) == (51, True)
    last = await page(client, "/?page=3")
    assert "101 to 124 of 124" in last.text
    assert "101 to 124 of 124" in (await page(client, "/?page=77")).text


# --- life ------------------------------------------------------------------------------------------------------------------


async def test_a_port_that_is_taken_is_a_host_error_with_a_way_out(client: Client, clock: FakeClock) -> None:
    second = Client(client.fleet, clock)
    second.exporter._port = client.exporter.port
    with pytest.raises(HostError, match=r"cannot listen on 127\.0\.0\.1:") as caught:
        await second.exporter.start()
    assert "[exporter] listen" in caught.value.hint
    await second.exporter.close()


async def test_an_address_of_another_machine_is_a_host_error(client: Client, clock: FakeClock) -> None:
    second = Client(client.fleet, clock)
    second.exporter._host = "192.0.2.1"
    with pytest.raises(HostError, match="no such address"):
        await second.exporter.start()


async def test_after_close_nobody_listens_and_closing_again_is_no_fault(client: Client) -> None:
    port = client.exporter.port
    await client.exporter.close()
    await client.exporter.close()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
