"""A job as it travels: what the log said, and no more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from poller.accounting import joblines
from poller.accounting.job import Job, Medium
from poller.accounting.ledger import Record


def line(job: Job) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(joblines.encode(Record("ab", job)))
    return found


def test_what_the_log_did_not_say_is_null() -> None:
    found = line(Job(job_id=1))
    assert found.pop("type") == "job"
    assert {name: value for name, value in found.items() if value not in (None, [])} == {"schema": 1, "key": "ab", "job_id": 1}


def test_zero_is_not_null() -> None:
    found = line(Job(sheets=0, impressions=0, colour_pages=0))
    assert (found["sheets"], found["impressions"], found["colour"], found["black"]) == (0, 0, 0, None)


def test_a_line_has_when_what_and_for_whom() -> None:
    media = (Medium(number_printed=3, size="A4"), Medium(size="A3"))
    found = line(
        Job(account=" KST-1 ", submitted_utc_seconds=1, print_completed_utc_seconds=86_400, media=media, finishing=(None, "Staple"))
    )
    assert found["at"] == datetime(1970, 1, 2, tzinfo=UTC).isoformat().replace("+00:00", "Z")
    assert (found["cost_centre"], found["media"], found["finishing"]) == ("KST-1", [{"sheets": 3, "size": "A4"}], ["Staple"])


def test_paths_hosts_numbers_and_unknown_columns_do_not_travel() -> None:
    job = Job(initial_jdl="MARKED", initial_jde="MARKED", host_job_number="MARKED", extra=(("User ID", "MARKED"),), pages_to_print="MARKED")
    assert b"MARKED" not in joblines.encode(Record("ab", job))
