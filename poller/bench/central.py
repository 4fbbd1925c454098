"""Central into PostgreSQL: batches that agents sealed and signed, received, proven, opened, read, committed and answered with a signature.

PostgreSQL, `poller central serve` and the senders share this machine, as in the smallest real installation. PostgreSQL is as its package
sets it up, and commits durably. Everything counts from the first byte sent to the last answer; then the lines in the database are counted.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from poller.bench import children, processes
from poller.bench.children import ChildError, Figures, NotMeasuredError
from poller.bench.postgres import find_programs, postgres
from poller.bench.runs import Runs
from poller.bench.scrape import choose_recordings, make_printers
from poller.bench.senders import SIZE
from poller.bench.table import Goal, Result
from poller.clock import SystemClock
from poller.sealing.envelope import Kind, seal
from poller.sealing.keys import SealingKey, SealingPublicKey, SigningKey
from poller.sealing.signatures import Request, sign_request

if TYPE_CHECKING:
    from poller.central.store.database import Database

GOALS = (
    Goal(
        row="central",
        work="central into PostgreSQL: batches of 20 readings",
        unit="batches/s",
        beside="limit",
        sense=">=",
        limit=300.0,
    ),
    Goal(
        row="central",
        work="central into PostgreSQL: readings in batches of 500",
        unit="readings/s",
        beside="limit",
        sense=">=",
        limit=10_000.0,
    ),
)

_AGENTS, _ACCOUNTS = 64, 8
_SMALL, _FULL = 20, 500
_SMALL_BATCHES, _FULL_BATCHES = 3000, 96
_PRINTERS = 500
_SERVERS = 1
_SECONDS_MAX = 300.0
_START_SECONDS = _STOP_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_SIZE = """
    SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits JOIN pg_class ON pg_class.oid = inhparent
    WHERE relname IN ('line', 'content')
"""
_STARTED = re.compile(r"event=central\.started .*?\bport=(\d+)")


def run(runs: Runs) -> Iterator[Result]:
    programs = find_programs()
    paths, whose = choose_recordings(runs)
    for goal, batches, lines in ((GOALS[0], _SMALL_BATCHES, _SMALL), (GOALS[1], _FULL_BATCHES, _FULL)):
        rates, last = [], Figures()
        for _ in runs.each(f"central, batches of {lines}"):
            last = children.measure("poller.bench.central", programs, batches, lines, *paths, timeout_seconds=_SECONDS_MAX)
            rates.append((batches if lines == _SMALL else batches * lines) / last["seconds"])
        note = (
            f"{whose}; {_AGENTS} agents of {_ACCOUNTS} accounts, {last['body_bytes']:,.0f} bytes a batch; median answer "
            f"{last['wait_ms_median']:.0f} ms; CPU of central {last['serve_cpu_ms']:.2f} ms a batch, "
            f"of PostgreSQL {last['postgres_cpu_ms']:.2f} ms; {last['line_bytes']:.0f} bytes a reading on its disk"
        )
        yield goal.judge(rates, note=note)


async def measure(programs: str, batches: str, lines: str, *paths: str) -> Figures:
    """Let so many batches of so many lines be received by a new central."""
    try:
        from poller.central.keys import Keys
        from poller.central.store.database import Database
    except ModuleNotFoundError as error:
        raise NotMeasuredError(f"{error.name} is not installed: pip install 'poller[central]'") from error

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="poller-bench-")))
        place = stack.enter_context(postgres(Path(programs)))
        keys = Keys(folder / "keys").load()
        database = Database.open(place.url)
        await database.migrate()
        senders = [_Sender(number) for number in range(_AGENTS)]
        for sender in senders:
            await _enrol(database, sender, keys.signing.current.id)
        requests = folder / "requests"
        requests.mkdir()
        size = _write_requests(requests, senders, keys.sealing.current.public, int(batches), int(lines), paths)
        served = [stack.enter_context(_serving(folder, place.url)) for _ in range(_SERVERS)]
        parts = [pid for pid, _ in served], [place.pid]
        before = [sum(map(processes.cpu_seconds, pids)) for pids in parts]
        ports = [port for _, port in served]
        sent = children.measure("poller.bench.senders", requests, *ports, timeout_seconds=_SECONDS_MAX)
        serve_cpu, postgres_cpu = (sum(map(processes.cpu_seconds, pids)) - begun for pids, begun in zip(parts, before, strict=True))
        if sent["other"] or sent["stored"] != int(batches):
            raise ChildError(f"{sent['other']:.0f} of {batches} batches were not stored")
        line_bytes = await _check(database, int(batches), int(batches) * int(lines))
        await database.close()
    return {
        "seconds": sent["seconds"],
        "wait_ms_median": sent["wait_ms_median"],
        "wait_ms_max": sent["wait_ms_max"],
        "body_bytes": size / int(batches),
        "line_bytes": line_bytes,
        "serve_cpu_ms": serve_cpu / int(batches) * 1e3,
        "postgres_cpu_ms": postgres_cpu / int(batches) * 1e3,
    }


class _Sender:
    """One agent, and what it sends."""

    def __init__(self, number: int) -> None:
        self.account, self.key = f"account-{number % _ACCOUNTS}", SigningKey.generate()
        self.agent = f"a-{self.key.id[:32]}"

    def request(self, number: int, lines: Sequence[bytes], to: SealingPublicKey) -> bytes:
        """Return batch *number* as it goes over the wire."""
        body = seal(lines, to=to, kind=Kind.READINGS, agent_id=self.agent, number=number)
        bare = Request("POST", f"/v1/batches/{number}", body)
        fields = {"Host": "127.0.0.1", "Content-Length": str(len(body)), **sign_request(bare, self.key, now_utc=SystemClock().utc())}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {bare.path} HTTP/1.1\r\n{head}\r\n".encode() + body


async def _enrol(database: Database, sender: _Sender, pinned: str) -> None:
    from poller.central.store import agents

    now_utc = SystemClock().utc()
    async with database.writing() as db:
        if not await agents.has_account(db, sender.account):
            await agents.add_account(db, sender.account, title=None, now_utc=now_utc)
            await agents.add_site(db, sender.account, "site", title=None, now_utc=now_utc)
        one = agents.KnownAgent(
            account=sender.account,
            agent=sender.agent,
            site="site",
            key_id=sender.key.id,
            signing=sender.key.public.text(),
            sealing=SealingKey.generate().public.text(),
            pinned_signing=pinned,
            is_revoked=False,
            settings_version=0,
        )
        await agents.add_agent(db, one, version="bench", now_utc=now_utc)


def _write_requests(folder: Path, senders: Sequence[_Sender], to: SealingPublicKey, batches: int, lines: int, paths: Sequence[str]) -> int:
    """Write a file for every sender. Returns how many bytes all requests have."""
    fleet = [one.decoded.reading for one in make_printers(_PRINTERS, 161, paths)]
    count = size = 0
    for place, sender in enumerate(senders):
        with (folder / f"{place:02}").open("wb") as file:
            for number in range(1, 1 + len(range(place, batches, len(senders)))):
                batch = []
                for _ in range(lines):
                    reading = fleet[count % len(fleet)]
                    batch.append(
                        msgspec.json.encode(msgspec.structs.replace(reading, taken_at=reading.taken_at + timedelta(milliseconds=count)))
                    )
                    count += 1
                request = sender.request(number, batch, to)
                file.write(SIZE.pack(len(request)) + request)
                size += len(request)
    return size


@contextmanager
def _serving(folder: Path, url: str, *, requests_per_second: int = 10_000) -> Iterator[tuple[int, int]]:
    """Run a `poller central serve`; gives its process and its port."""
    ours = {
        "POLLERCENTRAL_SERVER_LISTEN": "127.0.0.1:0",
        "POLLERCENTRAL_SERVER_METRICS_LISTEN": "none",
        "POLLERCENTRAL_SERVER_REQUESTS_PER_SECOND": str(requests_per_second),
        "POLLERCENTRAL_KEYS_FOLDER": str(folder / "keys"),
        "POLLERCENTRAL_DATABASE_URL": url,
    }
    command = [sys.executable, "-m", "poller", "central", "serve"]
    path = folder / "serve.log"
    with path.open("w") as log:
        server = subprocess.Popen(command, env=children.environment() | ours, stderr=log)  # noqa: S603  ourselves
    try:
        yield server.pid, _await_port(server, path)
    finally:
        server.terminate()
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _await_port(server: subprocess.Popen[bytes], log: Path) -> int:
    """Return the port central says it listens on. Raises ChildError when it ends, or says nothing."""
    for _ in range(round(_START_SECONDS / _LOOK_SECONDS)):
        if found := _STARTED.search(log.read_text()):
            return int(found[1])
        if server.poll() is not None:
            break
        time.sleep(_LOOK_SECONDS)
    raise ChildError(f"central did not start: {children.last_words(log.read_text())}")


async def _check(database: Database, batches: int, lines: int) -> float:
    """Return how many bytes a line takes on the disk, with its index. Raises ChildError unless all of them are there, once."""
    from poller.central.store import batches as store

    found = {"batches": 0, "lines": 0}
    async with database.reading() as db:
        for number in range(_ACCOUNTS):
            for name, count in (await store.counts(db, f"account-{number}")).items():
                found[name] += count
    if found != {"batches": batches, "lines": lines}:
        raise ChildError(f"sent were {batches} batches with {lines} lines, there are {found}")
    async with database.asking() as connection:
        return float(await connection.fetchval(_SIZE)) / lines


if __name__ == "__main__":
    children.answer(measure)
