"""Weeks of two invented sites, as Prometheus would have stored them: what the dashboards' queries are run on, and their pictures are of.

Simulated printers are read, decoded and rendered by the code that does it in earnest; only time is written down instead of lived. Printers
are read every two hours, the agents' own metrics are scraped every minute of the last hours: look back `LOOK_BACK` in queries. What the
recording rules make of it is computed by Prometheus itself, from the rule file (`tests/grafana/real_prometheus.py`).
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TextIO

import msgspec

from poller import exposition
from poller.clock import SystemClock
from poller.engine import device
from poller.engine.device import Learned
from poller.engine.recorded import Recorded
from poller.exposition import Sample, histogram, render
from poller.model import Counter, Credential, Decoded, Printer, Secret, Target
from poller.printers import gauges, mib
from poller.printers.decode import decode
from poller.simulator import recordings
from poller.simulator.individual import Traits
from poller.simulator.life import Life
from poller.simulator.recordings import Recording
from poller.snmp import ber
from poller.snmp.message import Missing
from poller.snmp.oid import Oid, arcs
from poller.snmp.oid import parse as oid

WEEKS = 5
STEP = timedelta(hours=2)
LOOK_BACK = "7199s"  # just below STEP: a value that is gone after one reading is gone in queries, too
AGENT_HOURS = 30

_SEED = 11
_PACE = 0.2  # a toner then lasts three weeks to two months
_NIGHT_SHARE = 0.03  # what is printed in an hour outside working hours, of what is in one within
_ALERT_ENTRY = mib.ALERT_ENTRY
_LIFE_COUNT = "1.3.6.1.2.1.43.10.2.1.4."  # prtMarkerLifeCount, which grows anyway
_NUMBERS = (ber.INTEGER, ber.COUNTER32, ber.GAUGE32, ber.COUNTER64)
_DUPLEX_SHARE = 0.44
_ROWS_MAX = 2048
_ANY_UTC = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Site:
    """One customer's site: its agent, and its ranges with the models in each."""

    name: str
    instance: str
    ranges: dict[str, tuple[str, ...]]


SITES = (
    Site(
        "hamburg",
        "hamburg:9717",
        {
            "office": ("colour-laser", "mono-laser", "mono-mfp", "sparse-indexes", "mono-laser", "german-latin1"),
            "copy-room": ("a3-colour-mfp", "parts-rich", "a3-colour-mfp"),
            "warehouse": ("label-printer", "some-remaining", "snmp-v1-only"),
        },
    ),
    Site(
        "münchen",
        "muenchen:9717",
        {
            "haus-1": ("colour-laser", "a3-colour-mfp", "mono-mfp", "mono-laser", "solid-ink"),
            "studio": ("wide-format", "inkjet-photo", "parts-rich"),
            "laden": ("some-remaining", "mono-laser"),
        },
    ),
)
_PLACES = ("Empfang", "1. OG, Flur Süd", "2. OG, Raum 214", "Lager, Tor 3", "Werkstatt", "Buchhaltung")
SILENT = {"hamburg:9717": 5, "muenchen:9717": 8}
"""Which printer of each site stopped answering, counted as they are listed."""
_LAST_ANSWER = -6  # the moment it last answered: ten hours before the end
MOVED = {"hamburg:9717": 0, "muenchen:9717": 7}
"""Which was given another place and other cartridges a moment ago: for that moment there are two info series of each."""


class SimulatedPrinter:
    """One device of a site, read at any moment of the weeks."""

    def __init__(self, recording: Recording, *, address: str, range_: str, location: str, number: int, first_utc: datetime) -> None:
        self._rows = {**recording.values, **Traits(recording).values_of(_SEED, number)}
        self._boot_utc = first_utc - timedelta(days=number % 9, hours=number)
        target = Target(address=address, range=range_, credential=Credential(name="demo", version="2c", community=Secret("")))
        self._learned: Learned = asyncio.run(_learn(self._rows, target))
        self.printer: Printer = device.describe(self._learned, target, location=location)
        self._life = Life(_counting_all(recording, self._learned, self.printer), seed=_SEED, address=number, speed=_PACE)

    def lines_at(self, at_utc: datetime, worked_seconds: float, site: str) -> Iterator[str]:
        """Yield the sample lines of one reading; *worked_seconds* is how long it had been in use by then."""
        changes = self._life.changes_at(worked_seconds)
        rows = {key: value for key, value in {**self._rows, **changes}.items() if value is not None}
        layout = self._learned.layout
        moving = [rows.get(one, Missing.NO_SUCH_INSTANCE) for one in layout.shape.moving]
        alerts = [(key, rows[key]) for key in sorted((key for key in rows if _is_alert(key)), key=arcs)]
        decoded = _with_duplex(decode(layout, moving, alerts, printer=self.printer, taken_at=at_utc))
        for text in gauges.render(decoded, site=site, boot_utc=self._boot_utc):
            yield from text.decode().splitlines()


def _with_duplex(decoded: Decoded) -> Decoded:
    """Return the reading of a copier with a count of duplex impressions, which no recording of one has."""
    reading = decoded.reading
    whole = max((counter.count for counter in reading.counters if counter.function == "total"), default=0)
    if not any(counter.function == "scan" for counter in reading.counters):
        return decoded
    duplex = Counter(function="total", sides="duplex", count=int(_DUPLEX_SHARE * whole))
    return msgspec.structs.replace(decoded, reading=msgspec.structs.replace(reading, counters=(*reading.counters, duplex)))


def _counting_all(recording: Recording, learned: Learned, printer: Printer) -> Recording:
    """Return *recording* with all its counters growing, each by its share of the pages: recordings themselves name only a few."""
    counters = decode(learned.layout, learned.moving, (), printer=printer, taken_at=_ANY_UTC).reading.counters
    whole = max((counter.count for counter in counters), default=0)
    known = {at for at, _ in recording.grows}
    more = [
        (at, counter.count / whole)
        for counter in counters
        if counter.oid is not None and counter.count and not counter.oid.startswith(_LIFE_COUNT)
        if (at := oid(counter.oid)) in recording.values and at not in known and recording.values[at][0] in _NUMBERS
    ]
    return replace(recording, grows=(*recording.grows, *more))


def _is_alert(key: Oid) -> bool:
    return key.startswith(_ALERT_ENTRY)


async def _learn(rows: dict[Oid, tuple[int, bytes]], target: Target) -> Learned:
    _, learned, _ = await device.read(Recorded(rows.items()), [target], SystemClock(), rows_max=_ROWS_MAX)
    return learned


def write(file: TextIO, end_utc: datetime) -> None:
    """Write the weeks before *end_utc* as OpenMetrics text."""
    first_utc = _on_step(end_utc) - timedelta(weeks=WEEKS)
    moments = [first_utc + STEP * number for number in range(int(timedelta(weeks=WEEKS) / STEP) + 1)]
    worked = _worked_seconds(moments)
    known = {name: recordings.load(name) for site in SITES for names in site.ranges.values() for name in names}
    for number, site in enumerate(SITES):
        printers = [
            SimulatedPrinter(
                known[name],
                address=f"10.{number + 1}.{block}.{host}",
                range_=range_,
                location=_PLACES[(block + host) % len(_PLACES)],
                number=1000 * number + 20 * block + host,
                first_utc=first_utc,
            )
            for block, (range_, names) in enumerate(site.ranges.items())
            for host, name in enumerate(names, 10)
        ]
        for at_utc, seconds in zip(moments, worked, strict=True):
            for place, one in enumerate(printers):
                silent = place == SILENT[site.instance] and at_utc > moments[_LAST_ANSWER]
                then_utc, then_seconds = (moments[_LAST_ANSWER], worked[_LAST_ANSWER]) if silent else (at_utc, seconds)
                _write_lines(file, one.lines_at(then_utc, then_seconds, site.name), site, at_utc)
                if place == MOVED[site.instance] and at_utc >= moments[-2]:
                    _write_lines(file, _as_before(one.lines_at(at_utc, seconds, site.name)), site, at_utc)
                _write_lines(file, _outside_the_reading(one.printer.id, then_utc, is_up=not silent), site, at_utc)
        silent_count = 1 if site.instance in SILENT else 0
        for minute in range(AGENT_HOURS * 60, -1, -1):
            at_utc = end_utc - timedelta(minutes=minute)
            seconds = AGENT_HOURS * 3600 - minute * 60.0
            up, ranges = len(printers) - silent_count, tuple(site.ranges)
            samples = (
                *_agent_samples(at_utc, seconds, up=up, silent=silent_count),
                *_presence_samples(minute, ranges, known=len(printers)),
                *_keeping_samples(at_utc, seconds, known=len(printers), is_steady=number == 0),
            )
            text = render(samples).text.decode() + _process_text(at_utc, seconds)
            _write_lines(file, (line for line in text.splitlines() if not line.startswith("#")), site, at_utc)
    file.write("# EOF\n")


def _as_before(lines: Iterator[str]) -> Iterator[str]:
    """Yield the info lines among *lines* with another place and another part."""
    for line in lines:
        if line.startswith(exposition.PRINTER_INFO.name):
            yield re.sub(r'location="[^"]*"', 'location="Keller"', line)
        elif line.startswith(exposition.PRINTER_SUPPLY_INFO.name):
            yield re.sub(r'part_number="[^"]*"', 'part_number="OLD-1"', line)


def _write_lines(file: TextIO, lines: Iterator[str], site: Site, at_utc: datetime) -> None:
    """Write *lines* as scraped from the agent of *site* at *at_utc*."""
    who = f'job="poller",instance="{site.instance}"'
    stamp = f" {at_utc.timestamp():.0f}\n"
    for line in lines:
        name, bracket, rest = line.partition("{")
        if bracket:
            file.write(f"{name}{{{who},{rest}{stamp}")
        else:
            name, _, value = line.partition(" ")
            file.write(f"{name}{{{who}}} {value}{stamp}")


def _on_step(moment_utc: datetime) -> datetime:
    return datetime.fromtimestamp(moment_utc.timestamp() // STEP.total_seconds() * STEP.total_seconds(), UTC)


def _worked_seconds(moments: list[datetime]) -> list[float]:
    """Return for each moment how much use there had been since the first: weeks with evenings and weekends, as long as plain ones."""
    per_hour = [
        1.0 if (at := moments[0] + timedelta(hours=hour)).weekday() < 5 and 7 <= at.hour < 16 else _NIGHT_SHARE
        for hour in range(WEEKS * 7 * 24)
    ]
    scale = 3600 * len(per_hour) / sum(per_hour)
    hours = STEP // timedelta(hours=1)
    return [scale * sum(per_hour[: number * hours]) for number in range(len(moments))]


def _outside_the_reading(printer: str, polled_utc: datetime, *, is_up: bool) -> Iterator[str]:
    text = render(
        (
            Sample(exposition.PRINTER_UP, is_up, (printer,)),
            Sample(exposition.PRINTER_LAST_POLL_TIMESTAMP_SECONDS, polled_utc.timestamp(), (printer,)),
            Sample(exposition.PRINTER_POLL_DURATION_SECONDS, 0.08 + len(printer) % 7 / 50 if is_up else 6.0, (printer,)),
        )
    ).text.decode()
    return (line for line in text.splitlines() if not line.startswith("#"))


# --- the agents ---


def _agent_samples(at_utc: datetime, seconds: float, *, up: int, silent: int) -> Iterator[Sample]:
    """Yield what an agent says of itself *seconds* after it started."""
    e, known = exposition, up + silent
    wave = 0.5 + 0.5 * math.sin(seconds / 1800)
    polls = known * seconds / 900
    asked, sent_again = 14 * polls, 0.012 * 14 * polls + 3 * silent * seconds / 900
    yield Sample(e.POLLER_BUILD_INFO, 1, ("0.1.0", "3.11.2"))
    yield Sample(e.POLLER_PRINTERS, up, ("up",))
    yield Sample(e.POLLER_PRINTERS, silent, ("silent",))
    yield Sample(e.POLLER_POLLS, int(up * seconds / 900), ("ok",))
    yield Sample(e.POLLER_POLLS, int(silent * seconds / 900) + 2, ("no_answer",))
    yield Sample(e.POLLER_POLLS, int(seconds / 40_000), ("garbled",))
    yield Sample(e.POLLER_POLL_LAG, max(0.0, 3 * wave - 2))
    yield Sample(e.POLLER_POLL_WORKERS, 256)
    yield Sample(e.POLLER_POLL_WORKERS_BUSY, int(4 * wave))
    yield Sample(e.POLLER_SNMP_REQUESTS, int(asked))
    yield Sample(e.POLLER_SNMP_RETRIES, int(sent_again))
    yield Sample(e.POLLER_SNMP_ANSWERS, int(asked - silent * seconds / 900))
    yield Sample(e.POLLER_SNMP_TIMEOUTS, int(silent * seconds / 900))
    yield Sample(e.POLLER_SNMP_IN_FLIGHT, int(6 * wave))
    yield Sample(e.POLLER_SNMP_DISCARDED, int(seconds / 7200), ("late",))
    yield Sample(e.POLLER_SNMP_SEND_FAILURES, 0, ("ENETUNREACH",))
    shares = (0.05, 0.2, 0.3, 0.25, 0.1, 0.05, 0.03, 0.01, 0.005, 0.003, 0.001, 0.001, 0.0)
    counts = [int(asked * share) for share in shares]
    yield from histogram(e.POLLER_SNMP_ROUND_TRIP, e.ROUND_TRIP_BUCKETS_SECONDS, counts, asked * 0.014)
    swept_utc = at_utc.replace(hour=10, minute=0, second=0, microsecond=0)
    swept_utc -= timedelta(days=1) if swept_utc + timedelta(minutes=8) > at_utc else timedelta()
    is_sweeping = at_utc.hour == 10 and at_utc.minute < 7
    yield Sample(e.POLLER_SWEEP_RUNNING, is_sweeping)
    yield Sample(e.POLLER_SWEEP_ADDRESSES, 762)
    yield Sample(e.POLLER_SWEEP_PROBES_SENT, 1600 * (1 + seconds // 86400))
    yield Sample(e.POLLER_SWEEP_ANSWERS, (known + 9) * (1 + seconds // 86400))
    yield Sample(e.POLLER_SWEEP_DEVICES, known, ("printer",))
    yield Sample(e.POLLER_SWEEP_DEVICES, 9, ("other",))
    yield Sample(e.POLLER_SWEEP_LAST_COMPLETED, (swept_utc + timedelta(minutes=7)).timestamp())
    yield Sample(e.POLLER_SWEEP_DURATION, 12.4)
    yield Sample(e.POLLER_SCRAPE_DURATION, 0.004 + 0.002 * wave)
    yield Sample(e.POLLER_SCRAPE_BYTES, 5200 * known)
    yield Sample(e.POLLER_SERIES_REFUSED, 0, ("printer",))
    yield Sample(e.POLLER_PROBES, int(seconds / 3600), ("ok",))
    yield Sample(e.POLLER_STATE_ROWS, known, ("printer",))
    yield Sample(e.POLLER_STATE_ROWS, 9, ("shape",))
    yield Sample(e.POLLER_STATE_WRITES, int(seconds / 60))
    yield Sample(e.POLLER_STATE_WRITE_FAILURES, 0, ("SQLITE_FULL",))
    yield Sample(e.POLLER_STATE_DROPPED, 0, ("reading",))
    yield Sample(e.POLLER_STATE_BYTES, 9000 * known)
    yield Sample(e.POLLER_STATE_SAVE_DURATION, 0.006 + 0.004 * wave)
    yield Sample(e.POLLER_STATE_LAST_SAVED, at_utc.timestamp() - 30 * wave)


def _presence_samples(minutes_left: int, ranges: tuple[str, ...], *, known: int) -> Iterator[Sample]:
    """Yield what an agent says of its printers as a whole: five hours before the end, its last range was silent for forty minutes."""
    e = exposition
    yield Sample(e.POLLER_POLLS_OVERDUE, 2 if minutes_left % 97 == 0 else 0)
    for name in ranges:
        yield Sample(e.POLLER_RANGE_SILENT, name == ranges[-1] and 260 <= minutes_left < 300, (name,))
    happened = {"new": known if minutes_left > 600 else known + 1, "moved": int(minutes_left < 200), "gone": 0, "back": 0, "replaced": 0}
    for event, count in happened.items():
        yield Sample(e.POLLER_PRINTER_EVENTS, count, (event,))


def _keeping_samples(at_utc: datetime, seconds: float, *, known: int, is_steady: bool) -> Iterator[Sample]:
    """Yield what an agent says of notifications, of what it keeps and sends, and of what it goes by.

    The one that is not steady has another idea of the time, and lost its way to central for an hour.
    """
    e, hours = exposition, seconds / 3600
    lost = 0.0 if is_steady else min(max(0.0, seconds - 26 * 3600), 3600.0)
    is_lost = 0 < lost < 3600
    kept, sent = int(known * hours / 4), int(known * (hours - (lost / 3600 if is_lost else hours % 1)) / 4)
    yield Sample(e.POLLER_NOTIFICATIONS_LISTENING, 1)
    for version, result, each in (("2c", "polled", 1.5), ("2c", "coalesced", 4.0), ("1", "unknown", 0.2), ("2c", "community", 0.0)):
        yield Sample(e.POLLER_NOTIFICATIONS, int(each * hours), (version, result))
    for reason in ("kernel", "source", "strangers"):
        yield Sample(e.POLLER_NOTIFICATIONS_DROPPED, 0, (reason,))
    for reason, count in (("interval", kept), ("supply", int(hours / 3)), ("error", int(hours / 2)), ("counter-fell", 0)):
        yield Sample(e.POLLER_READINGS_RECORDED, count, (reason,))
    yield Sample(e.POLLER_READINGS_WAITING, 0)
    yield Sample(e.POLLER_READINGS_PUT_OFF, 0)
    yield Sample(e.POLLER_RECORD_FAILURES, 0)
    yield Sample(e.POLLER_OUTBOX_LINES, max(0, kept - sent))
    yield Sample(e.POLLER_OUTBOX_BATCHES, is_lost, ("waiting",))
    yield Sample(e.POLLER_OUTBOX_BATCHES, 0, ("quarantined",))
    yield Sample(e.POLLER_OUTBOX_OLDEST_AGE, lost if is_lost else seconds % 3600)
    yield Sample(e.POLLER_OUTBOX_BYTES, 2.1e6 + 1500 * max(0, kept - sent) + 400 * kept)
    yield Sample(e.POLLER_OUTBOX_LIMIT_BYTES, 512 * 2**20)
    for step, count in (("recorded", kept), ("sealed", sent), ("settled", sent), ("quarantined", 0)):
        yield Sample(e.POLLER_OUTBOX_STEPS, count, (step,))
    for what in ("reading", "day"):
        yield Sample(e.POLLER_OUTBOX_THINNED, 0, (what,))
    yield Sample(e.POLLER_OUTBOX_REFUSALS, 0)
    for reason in ("unfit", "unreadable"):
        yield Sample(e.POLLER_OUTBOX_DROPPED, 0, (reason,))
    yield Sample(e.POLLER_OUTBOX_SET_ASIDE, 0)
    yield Sample(e.POLLER_OUTBOX_COMMIT_DURATION, 0.004 + 0.003 * (0.5 + 0.5 * math.sin(seconds / 900)))
    yield Sample(e.POLLER_UPLOAD_ENROLLED, 1)
    yield Sample(e.POLLER_UPLOAD_LAST_SUCCESS, at_utc.timestamp() - (lost if is_lost else seconds % 900))
    for result, count in (("stored", int(hours - (lost / 3600 if is_lost else 0))), ("duplicate", 0), ("quarantined", 0)):
        yield Sample(e.POLLER_UPLOAD_BATCHES, count, (result,))
    for kind, count in (("timeout", int(lost / 600)), ("connect", 0), ("proxy-auth", 0)):
        yield Sample(e.POLLER_UPLOAD_FAILURES, count, (kind,))
    yield Sample(e.POLLER_UPLOAD_BYTES, 900 * int(seconds / 900) + 9000 * int(hours))
    yield Sample(e.POLLER_UPLOAD_RETRY_AFTER, 0)
    yield Sample(e.POLLER_UPLOAD_SETTINGS_VERSION, 3)
    yield Sample(e.POLLER_UPLOAD_SETTINGS_REFUSED, 0)
    yield Sample(e.POLLER_UPLOAD_CLOCK_SKEW, 0.2 if is_steady else -1.4)
    yield Sample(e.POLLER_UPDATE_CHECKS, 1 + int(hours / 24), ("ok",))
    yield Sample(e.POLLER_UPDATE_LAST_SUCCESS, at_utc.timestamp() - seconds % 86400)
    yield Sample(e.POLLER_UPDATE_AVAILABLE, 1, ("0.2.0",))
    yield Sample(e.POLLER_CONFIG_RELOAD_SUCCESSFUL, 1)
    yield Sample(e.POLLER_CONFIG_RELOAD_TIMESTAMP, at_utc.timestamp() - seconds)
    yield Sample(e.POLLER_WEB_CONFIG_RELOAD_SUCCESSFUL, 1)
    yield Sample(e.POLLER_CLOCK_WRONG, 0)
    for direction in ("forward", "backward"):
        yield Sample(e.POLLER_CLOCK_STEPS, 0, (direction,))
    yield Sample(e.POLLER_LOGINS_REFUSED, int(hours / 10), ("wrong",))


def _process_text(at_utc: datetime, seconds: float) -> str:
    """Return what prometheus-client adds of the process, and Prometheus of the scrape."""
    wave = 0.5 + 0.5 * math.sin(seconds / 2400)
    return (
        f"up 1\nprocess_cpu_seconds_total {0.004 * seconds + 0.3}\nprocess_resident_memory_bytes {52e6 + 3e6 * wave:.0f}\n"
        f"process_open_fds {21 + int(3 * wave)}\nprocess_max_fds 1024\n"
        f"process_start_time_seconds {at_utc.timestamp() - seconds:.0f}\n"
    )
