"""A job as a line that travels to central: `{"type": "job", …}`. Pure.

The line has what a dealer needs to show use and waste by cost centre, and no more: no times but the ones a job counts by, no paths, no
columns nobody knows. Names are in it as they are stored (`pseudonyms.py`): hashes, nothing, or, where a site keeps them, names.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from poller.accounting.job import Job
from poller.accounting.ledger import Record, moment
from poller.accounting.quantities import impressions


class JobMedium(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Sheets of one stock."""

    sheets: int
    type: str | None = None
    size: str | None = None
    colour: str | None = None
    name: str | None = None


class JobLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="job"):
    """One record of a press's log. `key` is 32 hex digits, the same for the same record however often it is exported or sent.

    What the log does not say is null, and null is not zero. `at` is when it was completed, else printed, else submitted.
    """

    schema: int = 1
    key: str
    at: datetime | None
    server: str | None
    printer_type: str | None
    queue: str | None
    source: str | None
    job_id: int | None
    report_id: str | None
    cost_centre: str | None
    record_status: str | None
    job_status: str | None
    interrupt_status: str | None
    disposition: str | None
    pdl: str | None
    document: str | None
    sender: str | None
    recipient: str | None
    copies: int | None
    sheets: int | None
    sheets_two_sided: int | None
    sheets_wider_9in: int | None
    sheets_wider_345mm: int | None
    impressions: int | None
    black: int | None
    colour: int | None
    rip_seconds: int | None
    media: tuple[JobMedium, ...] = ()
    finishing: tuple[str, ...] = ()


_encode = msgspec.json.Encoder().encode


def encode(record: Record) -> bytes:
    """Return the line, without a line end."""
    return _encode(job_line(record))


def job_line(record: Record) -> JobLine:
    job = record.job
    seconds = moment(job)
    return JobLine(
        key=record.key,
        at=None if seconds is None else datetime.fromtimestamp(seconds, UTC),
        server=job.server,
        printer_type=job.printer_type,
        queue=job.virtual_printer,
        source=job.job_source,
        job_id=job.job_id,
        report_id=job.report_id,
        cost_centre=(job.account or "").strip() or None,
        record_status=job.record_status,
        job_status=job.job_status,
        interrupt_status=job.interrupt_status,
        disposition=job.disposition,
        pdl=job.pdl,
        document=job.document_name,
        sender=job.sender,
        recipient=job.recipient,
        copies=job.copies_printed,
        sheets=job.sheets,
        sheets_two_sided=job.sheets_two_sided,
        sheets_wider_9in=job.sheets_wider_9in,
        sheets_wider_345mm=job.sheets_wider_345mm,
        impressions=impressions(job),
        black=job.black_pages,
        colour=job.colour_pages,
        rip_seconds=job.rip_seconds,
        media=_media(job),
        finishing=tuple(filter(None, job.finishing)),
    )


def _media(job: Job) -> tuple[JobMedium, ...]:
    return tuple(
        [
            JobMedium(sheets=one.number_printed, type=one.type, size=one.size, colour=one.colour, name=one.name)
            for one in job.media
            if one.number_printed
        ]
    )
