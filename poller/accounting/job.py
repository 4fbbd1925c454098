"""One job of a press, as its log has it. What the log does not say is None, and None is not zero: *not recorded* differs from *none*.

Fields are those of `fields.FIELDS`, in that order (a test compares the two); an importer of another format fills those it knows. Times are
whole seconds since 1970 in UTC, as the press keeps them; durations, sizes and counts carry their unit in their name.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

import msgspec


class Medium(msgspec.Struct, frozen=True, gc=False):
    """One stock a job was printed on; `number_printed` in sheets."""

    number_printed: int | None = None
    type: str | None = None
    modulus: int | None = None
    size: str | None = None
    colour: str | None = None
    name: str | None = None
    opacity: str | None = None
    holes: int | None = None
    grain: str | None = None
    finish: str | None = None


NO_MEDIUM = Medium()


class Job(msgspec.Struct, frozen=True, gc=False):
    """One record of a log. A job may have several: a reprint, a job that was held and released."""

    job_id: int | None = None
    container_id: int | None = None
    report_id: str | None = None
    host_job_number: str | None = None
    record_status: str | None = None
    document_name: str | None = None
    document_utc_seconds: int | None = None
    sender: str | None = None
    recipient: str | None = None
    account: str | None = None
    disposition: str | None = None
    job_status: str | None = None
    interrupt_status: str | None = None
    server: str | None = None
    virtual_printer: str | None = None
    printer_type: str | None = None
    job_source: str | None = None
    channel_idle_milliseconds: int | None = None
    submitted_utc_seconds: int | None = None
    input_bytes: int | None = None
    pdl: str | None = None
    rip_started_utc_seconds: int | None = None
    rip_stopped_utc_seconds: int | None = None
    rip_seconds: int | None = None
    rip_interrupted_seconds: int | None = None
    initial_jdl: str | None = None
    initial_jde: str | None = None
    records_read: int | None = None
    djde_records_read: int | None = None
    data_blocks_processed: int | None = None
    data_blocks_skipped: int | None = None
    pages_ripped: int | None = None
    pages_trapped: int | None = None
    pages_antialiased: int | None = None
    print_started_utc_seconds: int | None = None
    print_completed_utc_seconds: int | None = None
    pages_to_print: str | None = None
    is_collated: bool | None = None
    copies_requested: int | None = None
    copies_printed: int | None = None
    sheets_wider_9in: int | None = None
    sheets_wider_345mm: int | None = None
    sheets: int | None = None
    impressions: int | None = None
    pages_to_bin: int | None = None
    sheets_one_sided: int | None = None
    sheets_two_sided: int | None = None
    lines_printed: int | None = None
    pages_spaced: int | None = None
    black_pages: int | None = None
    colour_pages: int | None = None
    complexity_skips: int | None = None
    finishing: tuple[str | None, ...] = ()
    """By position, without empty places at the end."""
    media: tuple[Medium, ...] = ()
    """By position, without empty places (`NO_MEDIUM`) at the end."""
    extra: tuple[tuple[str, str], ...] = ()
    """Columns nobody here knows: name as given, text as given; only those that are not empty."""


class Key(NamedTuple):
    """What makes a record one of its own. Job IDs alone do not: their numbering can be reset."""

    server: str | None
    job_id: int | None
    report_id: str | None
    submitted_utc_seconds: int | None
    print_started_utc_seconds: int | None


def key(job: Job) -> Key:
    """Return the key of a record: equal for the same record in two exports of overlapping periods.

    Job IDs begin anew after a reset, so a time has to be in it: its completion where neither submission nor start of printing is told.
    """
    submitted, started = job.submitted_utc_seconds, job.print_started_utc_seconds
    if submitted is None and started is None:
        started = job.print_completed_utc_seconds
    return Key(job.server, job.job_id, job.report_id, submitted, started)


def digest(of: Key) -> bytes:
    """Return 16 octets that stand for a key in an index or a database: the same in every process and release."""
    parts = (b"" if part is None else f"{part}".encode("utf-8", "surrogatepass") for part in of)
    return blake2b(b"".join(b"%d:%b" % (len(part), part) for part in parts), digest_size=16).digest()


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A job and the number of the line it begins on, from 1."""

    line: int
    job: Job
