"""Plausible jobs of an invented print shop, as many as wanted: the same for the same seed, in constant memory, true to every relation.

Numbers, names and cost centres are invented. Sheets, impressions, media, colours and times of a job follow from one another as they do on a
press, so that a check of a generated log finds nothing but what belongs there: numbers missing of jobs that were deleted before they ran,
accounts no web client would take, copies cut short. Jobs stand in the order they are completed, which is nearly the order of their numbers.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from poller.accounting.columns import SLOTS, slots_of
from poller.accounting.dialect import Dialect
from poller.accounting.fields import Version
from poller.accounting.job import Job, Medium
from poller.accounting.words import BOTH_LOST, COMPLETE, DESCRIPTION_LOST, QUANTITIES_LOW

START_UTC_SECONDS = 1_150_441_200
"""2006-06-16 07:00:00 UTC, when such presses were new."""

_SERVER, _PRINTER = "docusp-4590", "Xerox 4590 EPS"
_QUEUES = ("lp", "invoices", "manuals", "posters", "hold")
_SENDERS = tuple(f"user{number:02d}" for number in range(40))
_ACCOUNTS = tuple(f"KST-{number}" for number in range(100, 180))
_NAMES = ("invoice", "manual", "statement", "leaflet", "payslips", "label", "Geschäftsbericht", "Übersicht", "offer, final", 'plan "B"')
_LINES_PER_PAGE, _RECORDS_PER_PAGE = 62, 66
_STATUSES = (
    ("Completed", 90),
    ("Completed with warnings", 4),
    ("Cancelled by operator", 2),
    ("Cancelled by user", 2),
    ("Aborted", 1),
    ("Faulted", 1),
)
_RECORDS = ((COMPLETE, 985), (QUANTITIES_LOW, 8), (DESCRIPTION_LOST, 5), (BOTH_LOST, 2))
_SOURCES = (("LPR", 60), ("IPP", 15), ("Hot Folder", 15), ("Reprint", 5), ("JDF", 5))
_PDLS = (("PostScript", 45), ("PDF", 30), ("HPPCL", 10), ("LCDS", 10), ("TIFF", 5))
_DELETED = 0.01  # jobs that were numbered and never completed
_SECONDS_PER_SHEET = 60 / 45  # a 4590 prints 90 impressions a minute


class _Stock(NamedTuple):
    type: str
    size: str
    colour: str
    is_wider_9in: bool
    is_wider_345mm: bool


_STOCKS = (
    _Stock("Plain", "8.27 x 11.69 in.", "White", is_wider_9in=False, is_wider_345mm=False),
    _Stock("Plain", "11.69 x 16.54 in.", "White", is_wider_9in=True, is_wider_345mm=False),
    _Stock("Ordered Stock", "8.27 x 11.69 in.", "Yellow", is_wider_9in=False, is_wider_345mm=False),
    _Stock("Precut Tab", "9.00 x 11.00 in.", "White", is_wider_9in=False, is_wider_345mm=False),
    _Stock("Plain", "13.90 x 19.00 in.", "White", is_wider_9in=True, is_wider_345mm=True),
)
_STOCK_WEIGHTS = (80, 10, 6, 2, 2)


_Table = tuple[tuple[str, int], ...]


class _Dice:
    """Random choices, drawn by weight from tables made once."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  invented jobs, no secret
        self._tables: dict[_Table, list[str]] = {
            table: [word for word, weight in table for _ in range(weight)] for table in (_STATUSES, _RECORDS, _SOURCES, _PDLS)
        }

    def of(self, table: _Table) -> str:
        words = self._tables[table]
        return words[int(self.random.random() * len(words))]

    def below(self, limit: int) -> int:
        return int(self.random.random() * limit)


def generate(count: int, *, seed: int = 0, start_utc_seconds: int = START_UTC_SECONDS, first_job_id: int = 1) -> Iterator[Job]:
    """Yield *count* jobs with every field of version 4."""
    dice = _Dice(seed)
    number, now_utc_seconds = first_job_id, start_utc_seconds
    for _ in range(count):
        job = _job(dice, number, now_utc_seconds)
        assert job.print_completed_utc_seconds is not None
        now_utc_seconds = job.print_completed_utc_seconds + dice.below(60)
        number += 1 if dice.random.random() >= _DELETED else 2
        yield job


def narrow(job: Job, version: Version, dialect: Dialect) -> Job:
    """Return what *version* keeps of a job: what it has no field for is None."""
    kept = set(slots_of(version, dialect))
    gone = {slot.field.name: None for at, slot in enumerate(SLOTS) if at not in kept and not slot.number}
    return msgspec.structs.replace(job, **gone) if gone else job


def _job(dice: _Dice, number: int, now_utc_seconds: int) -> Job:
    status = dice.of(_STATUSES)
    pdl = dice.of(_PDLS)
    is_lcds = pdl == "LCDS"
    pages = 1 + min(dice.below(12) * dice.below(30), 400)
    requested = 1 if dice.random.random() < 0.7 else 1 + dice.below(50)
    printed = requested if status.startswith("Completed") else dice.below(requested + 1)
    is_duplex = dice.random.random() < 0.6
    stock = _STOCKS[dice.random.choices(range(len(_STOCKS)), _STOCK_WEIGHTS)[0]]
    two = pages // 2 * printed if is_duplex else 0
    one = (pages - pages // 2 * 2 if is_duplex else pages) * printed
    sheets, impressions = one + two, one + 2 * two
    cover = printed if sheets > printed and dice.random.random() < 0.1 else 0
    body = Medium(
        number_printed=sheets - cover, type=stock.type, modulus=5 if stock.type == "Precut Tab" else 1, size=stock.size, colour=stock.colour
    )
    media = (body, Medium(number_printed=cover, type="Plain", modulus=1, size=stock.size, colour="Blue")) if cover else (body,)
    submitted = now_utc_seconds
    rip_started = submitted + dice.below(5)
    rip_seconds = 1 + pages // 20 + dice.below(10)
    is_interrupted = dice.random.random() < 0.02
    print_started = rip_started + dice.below(rip_seconds + 1)
    is_trapped = pdl in ("PDF", "PostScript") and dice.random.random() < 0.1
    return Job(
        job_id=number,
        container_id=number,
        report_id=f"RPT{dice.below(90):03d}" if is_lcds else None,
        host_job_number=str(7000 + dice.below(3000)) if is_lcds else None,
        record_status=dice.of(_RECORDS),
        document_name=f"{_NAMES[dice.below(len(_NAMES))]}-{dice.below(1000):03d}",
        document_utc_seconds=submitted - dice.below(86_400),
        sender=_SENDERS[dice.below(len(_SENDERS))],
        recipient=None if dice.random.random() < 0.8 else _SENDERS[dice.below(len(_SENDERS))],
        account=_ACCOUNTS[dice.below(len(_ACCOUNTS))] if dice.random.random() < 0.97 else None,
        disposition="Print",
        job_status=status,
        interrupt_status="Interrupted" if is_interrupted else "No Interruption",
        server=_SERVER,
        virtual_printer=_QUEUES[dice.below(len(_QUEUES))],
        printer_type=_PRINTER,
        job_source=dice.of(_SOURCES),
        channel_idle_milliseconds=dice.below(60_000) if is_lcds else 0,
        submitted_utc_seconds=submitted,
        input_bytes=pages * (900 + dice.below(40_000)),
        pdl=pdl,
        rip_started_utc_seconds=rip_started,
        rip_stopped_utc_seconds=rip_started + rip_seconds,
        rip_seconds=rip_seconds,
        rip_interrupted_seconds=dice.below(rip_seconds) if is_interrupted else 0,
        initial_jdl=f"/jdl/DEPT{dice.below(9)}" if is_lcds else None,
        initial_jde="DFAULT" if is_lcds else None,
        records_read=pages * _RECORDS_PER_PAGE if is_lcds else 0,
        djde_records_read=dice.below(pages * 2) if is_lcds else 0,
        data_blocks_processed=pages * 4,
        data_blocks_skipped=0,
        pages_ripped=pages,
        pages_trapped=pages if is_trapped else 0,
        pages_antialiased=0,
        print_started_utc_seconds=print_started,
        print_completed_utc_seconds=max(rip_started + rip_seconds, print_started + int(sheets * _SECONDS_PER_SHEET)),
        pages_to_print="All" if dice.random.random() < 0.95 else f"1 - {pages}",
        is_collated=dice.random.random() < 0.9,
        copies_requested=requested,
        copies_printed=printed,
        sheets_wider_9in=sheets if stock.is_wider_9in else 0,
        sheets_wider_345mm=sheets if stock.is_wider_345mm else 0,
        sheets=sheets,
        impressions=impressions,
        pages_to_bin=sheets,
        sheets_one_sided=one,
        sheets_two_sided=two,
        lines_printed=pages * _LINES_PER_PAGE * printed if is_lcds else 0,
        pages_spaced=0,
        black_pages=impressions,
        colour_pages=0,  # the 4590 prints black
        complexity_skips=0,
        finishing=("Staple",) if dice.random.random() < 0.2 else (),
        media=media if sheets else (),
    )
