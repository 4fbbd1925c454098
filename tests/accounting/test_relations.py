"""Relations within a job: each is broken by one example and by nothing else."""

from __future__ import annotations

import msgspec
import pytest

from poller.accounting.generate import generate
from poller.accounting.job import Job, Medium
from poller.accounting.relations import broken
from poller.accounting.words import BOTH_LOST, COMPLETE, DESCRIPTION_LOST, QUANTITIES_LOW

GOOD = Job(
    job_id=7, container_id=7, record_status=COMPLETE, account="KST-1", disposition="Print", job_status="Completed", pdl="PDF",
    submitted_utc_seconds=100, rip_started_utc_seconds=101, rip_stopped_utc_seconds=111, rip_seconds=10, rip_interrupted_seconds=10,
    print_started_utc_seconds=105, print_completed_utc_seconds=120, pages_to_print="5 - 8", copies_requested=2, copies_printed=2,
    records_read=5, djde_records_read=5, pages_ripped=8, pages_trapped=8, pages_antialiased=8, sheets=6, sheets_one_sided=2,
    sheets_two_sided=4, impressions=10, black_pages=4, colour_pages=6, sheets_wider_9in=6, sheets_wider_345mm=6,
    media=(Medium(number_printed=6),),
)  # fmt: skip


def test_a_sound_job_breaks_nothing() -> None:
    assert broken(GOOD) == []


def test_what_is_not_recorded_breaks_nothing() -> None:
    assert broken(Job(job_id=1)) == []


@pytest.mark.parametrize(
    "changed, rules",
    [
        ({"container_id": 8}, [("warning", "container-id")]),
        ({"job_id": None}, [("warning", "job-id")]),
        ({"account": "ab"}, [("info", "account")]),
        ({"record_status": QUANTITIES_LOW}, [("warning", "quantities-low")]),
        ({"record_status": DESCRIPTION_LOST}, [("info", "description-lost")]),
        ({"record_status": BOTH_LOST}, [("warning", "quantities-low"), ("info", "description-lost")]),
        ({"record_status": "7"}, [("warning", "word")]),
        ({"disposition": "Fax"}, [("warning", "word")]),
        ({"job_status": "Lost"}, [("warning", "word")]),
        ({"interrupt_status": "Maybe"}, [("warning", "word")]),
        ({"pdl": "PDF 2"}, [("warning", "word")]),
        ({"pages_to_print": "odd"}, [("warning", "word")]),
        ({"job_status": "Save completed"}, [("info", "saved")]),
        ({"submitted_utc_seconds": 102}, [("warning", "order")]),
        ({"print_completed_utc_seconds": 104}, [("warning", "order")]),
        ({"rip_stopped_utc_seconds": 100}, [("warning", "order")]),
        ({"print_started_utc_seconds": 99}, [("warning", "order")]),
        ({"rip_stopped_utc_seconds": 112}, []),
        ({"rip_stopped_utc_seconds": 113}, [("warning", "rip-time")]),
        ({"rip_interrupted_seconds": 11}, [("warning", "rip-interrupt")]),
        ({"sheets_one_sided": 1}, [("warning", "impressions")]),
        ({"sheets": 7}, [("info", "media")]),
        ({"sheets": 5}, [("warning", "sheets"), ("warning", "wide"), ("info", "media")]),
        ({"sheets_wider_9in": 5}, [("warning", "wide")]),
        ({"pages_trapped": 9}, [("warning", "ripped")]),
        ({"pages_antialiased": 9}, [("warning", "ripped")]),
        ({"djde_records_read": 6}, [("warning", "records")]),
        ({"copies_printed": 3}, [("info", "copies")]),
        ({"black_pages": 5}, [("info", "colours")]),
    ],
)
def test_a_broken_relation_is_found(changed: dict[str, object], rules: list[tuple[str, str]]) -> None:
    assert [(severity, rule) for severity, rule, _, _ in broken(msgspec.structs.replace(GOOD, **changed))] == rules


def test_made_up_jobs_break_none_but_what_the_press_itself_reports() -> None:
    rules = {rule for job in generate(2000, seed=3) for _, rule, _, _ in broken(job)}
    assert rules == {"quantities-low", "description-lost"}
