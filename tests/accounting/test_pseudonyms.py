"""Names of people and documents do not get past this."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.accounting.job import Job
from poller.accounting.ledger import digest_of
from poller.accounting.pseudonyms import Pseudonyms

NAMED = Job(job_id=1, document_name="plan", sender="meier", recipient="huber", account="KST-1", extra=(("User ID", "meier"),))


def test_hashes_take_the_place_of_names_and_the_cost_centre_stays() -> None:
    found = Pseudonyms("hash", b"key").job(NAMED)
    assert found.account == "KST-1"
    assert found.extra == ()
    hashes = {found.document_name, found.sender, found.recipient}
    assert len(hashes) == 3
    assert all(one is not None and len(one) == 32 for one in hashes)


def test_the_same_name_is_the_same_hash_under_one_key_and_another_under_another() -> None:
    one, same, other = (Pseudonyms("hash", key) for key in (b"a", b"a", b"b"))
    assert one.name("meier") == same.name("meier") != other.name("meier")
    assert one.name(None) is None


def test_drop_leaves_nothing_and_keep_everything() -> None:
    dropped = Pseudonyms("drop").job(NAMED)
    assert (dropped.document_name, dropped.sender, dropped.recipient, dropped.extra) == (None, None, None, ())
    assert Pseudonyms("keep").job(NAMED) == NAMED


def test_a_hash_without_a_key_is_refused() -> None:
    with pytest.raises(AssertionError, match="undone"):
        Pseudonyms("hash")


@given(st.text(min_size=1), st.booleans())
def test_what_a_job_is_known_by_does_not_depend_on_names(name: str, has_id: bool) -> None:
    job = NAMED if has_id else msgspec.structs.replace(NAMED, job_id=None, sheets=3)
    renamed = msgspec.structs.replace(job, document_name=name, sender=name, recipient=None, extra=())
    assert digest_of(job) == digest_of(renamed)
    assert digest_of(job) != digest_of(msgspec.structs.replace(job, server="another"))


def test_records_without_a_job_id_are_told_apart_by_what_they_count() -> None:
    one = Job(sheets=3)
    assert digest_of(one) != digest_of(Job(sheets=4))
    assert digest_of(Job(job_id=1, sheets=3)) == digest_of(Job(job_id=1, sheets=4))
