"""What must hold between the fields of one job, if the press counted right and the file was not touched. Source: section "What is checked"
of docs/accounting.md; each rule says there whether the manual defines it or we infer it.

A rule about a field that is not there says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from poller.accounting.faults import Rule, Severity, shown
from poller.accounting.job import Job
from poller.accounting.words import BOTH_LOST, DESCRIPTION_LOST, QUANTITIES_LOW, SAVE_COMPLETED, WORDS

Broken = tuple[Severity, Rule, str, str]
"""Severity, rule, field, text."""

_RANGE = re.compile(r"\s*(?:all|alle|\d+\s*(?:-\s*\d+)?(?:\s*[,;]\s*\d+\s*(?:-\s*\d+)?)*)\s*", re.IGNORECASE)
_ACCOUNT = re.compile(r"[A-Z0-9#+\-/*.][A-Z0-9#+\-/*. ]{2,}")
"""What the web client of DocuSP takes as an account; other ways in may not insist."""
_RIP_SECONDS_OFF_MAX = 1

_RECORD_STATUS, _DISPOSITION, _JOB_STATUS, _INTERRUPT, _PDL = (
    frozenset(WORDS[field]) for field in ("record_status", "disposition", "job_status", "interrupt_status", "pdl")
)
_COMPLETE = WORDS["record_status"][0]


def broken(job: Job) -> list[Broken]:
    """Return every relation a job breaks."""
    found: list[Broken] = []
    for rules in _RULES:
        found += rules(job)
    return found


def _identity(job: Job) -> Iterator[Broken]:
    if job.container_id is not None and job.job_id is not None and job.container_id != job.job_id:
        yield "warning", "container-id", "container_id", f"Container ID {job.container_id}, Job ID {job.job_id}; the same by the manual"
    if job.job_id is None:
        yield "warning", "job-id", "job_id", "no Job ID: cannot be told from other records"
    if job.account is not None and not _ACCOUNT.fullmatch(job.account):
        yield "info", "account", "account", f"{shown(job.account)}: no account the press's web client would take"


def _words(job: Job) -> Iterator[Broken]:
    if job.record_status is not None and job.record_status != _COMPLETE:
        if job.record_status in (QUANTITIES_LOW, BOTH_LOST):
            yield "warning", "quantities-low", "record_status", "marker data was lost: quantities may be less than printed"
        elif job.record_status not in _RECORD_STATUS:
            yield _unknown("record_status", job.record_status)
        if job.record_status in (DESCRIPTION_LOST, BOTH_LOST):
            yield "info", "description-lost", "record_status", "job data was lost: names, number or status may be missing"
    if job.disposition is not None and job.disposition not in _DISPOSITION:
        yield _unknown("disposition", job.disposition)
    if job.job_status is not None and job.job_status not in _JOB_STATUS:
        yield _unknown("job_status", job.job_status)
    if job.interrupt_status is not None and job.interrupt_status not in _INTERRUPT:
        yield _unknown("interrupt_status", job.interrupt_status)
    if job.pdl is not None and job.pdl not in _PDL:
        yield _unknown("pdl", job.pdl)
    if job.pages_to_print is not None and job.pages_to_print != "All" and not _RANGE.fullmatch(job.pages_to_print):
        yield "warning", "word", "pages_to_print", f"{shown(job.pages_to_print)} is neither All nor a range"
    if job.job_status in SAVE_COMPLETED and (job.sheets or job.impressions):
        yield "info", "saved", "sheets", f"saved, not printed, and yet {job.sheets or 0} sheets, {job.impressions or 0} impressions"


def _unknown(field: str, word: str) -> Broken:
    return "warning", "word", field, f"{shown(word)} is no word the manual has; kept"


def _times(job: Job) -> Iterator[Broken]:
    submitted, started, stopped = job.submitted_utc_seconds, job.rip_started_utc_seconds, job.rip_stopped_utc_seconds
    if started is not None:
        if submitted is not None and started < submitted:
            yield "warning", "order", "rip_started_utc_seconds", "ripped before it was submitted"
        if stopped is not None:
            if stopped < started:
                yield "warning", "order", "rip_stopped_utc_seconds", "RIP stopped before it started"
            elif job.rip_seconds is not None and abs(stopped - started - job.rip_seconds) > _RIP_SECONDS_OFF_MAX:
                yield "warning", "rip-time", "rip_seconds", f"{job.rip_seconds} s, but stop minus start is {stopped - started} s"
    if job.rip_interrupted_seconds is not None and job.rip_seconds is not None and job.rip_interrupted_seconds > job.rip_seconds:
        text = f"interrupted for {job.rip_interrupted_seconds} s of {job.rip_seconds} s"
        yield "warning", "rip-interrupt", "rip_interrupted_seconds", text
    began, done = job.print_started_utc_seconds, job.print_completed_utc_seconds
    if began is not None:
        if submitted is not None and began < submitted:
            yield "warning", "order", "print_started_utc_seconds", "printed before it was submitted"
        if done is not None and done < began:
            yield "warning", "order", "print_completed_utc_seconds", "completed before printing started"


def _sheets(job: Job) -> Iterator[Broken]:
    sheets, one, two = job.sheets, job.sheets_one_sided, job.sheets_two_sided
    if one is not None and two is not None:
        if job.impressions is not None and job.impressions != one + 2 * two:
            text = f"{job.impressions}, but {one} one-sided and {two} two-sided sheets make {one + 2 * two}"
            yield "warning", "impressions", "impressions", text
        if sheets is not None and sheets < one + two:  # more are banner and error pages
            yield "warning", "sheets", "sheets", f"{sheets}, but {one} one-sided and {two} two-sided"
    if job.sheets_wider_9in is not None:
        if sheets is not None and job.sheets_wider_9in > sheets:
            yield "warning", "wide", "sheets_wider_9in", f"{job.sheets_wider_9in} wide ones of {sheets} sheets"
        if job.sheets_wider_345mm is not None and job.sheets_wider_345mm > job.sheets_wider_9in:
            text = f"{job.sheets_wider_345mm} wider than 345 mm, {job.sheets_wider_9in} wider than 9 in"
            yield "warning", "wide", "sheets_wider_345mm", text
    if job.media and sheets is not None:
        of_media = sum([medium.number_printed or 0 for medium in job.media])
        if of_media != sheets:
            yield "info", "media", "media", f"{of_media} sheets by medium, {sheets} in all"


def _pages(job: Job) -> Iterator[Broken]:
    ripped = job.pages_ripped
    if ripped is not None:
        if job.pages_trapped is not None and job.pages_trapped > ripped:
            yield "warning", "ripped", "pages_trapped", f"{job.pages_trapped} pages trapped, {ripped} processed"
        if job.pages_antialiased is not None and job.pages_antialiased > ripped:
            yield "warning", "ripped", "pages_antialiased", f"{job.pages_antialiased} pages anti-aliased, {ripped} processed"
    if job.djde_records_read is not None and job.records_read is not None and job.djde_records_read > job.records_read:
        yield "warning", "records", "djde_records_read", f"{job.djde_records_read} of {job.records_read} records"
    if job.copies_printed is not None and job.copies_requested is not None and job.copies_printed > job.copies_requested:
        yield "info", "copies", "copies_printed", f"{job.copies_printed} printed, {job.copies_requested} requested"
    if job.black_pages is not None and job.colour_pages is not None and job.impressions is not None:
        pages = job.black_pages + job.colour_pages
        if pages != job.impressions:
            yield "info", "colours", "impressions", f"{job.impressions}, but {pages} black and colour pages"


_RULES: tuple[Callable[[Job], Iterator[Broken]], ...] = (_identity, _words, _times, _sheets, _pages)
