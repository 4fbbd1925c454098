"""When a message is tried again, and when it is given up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from poller.central.sending.faults import PutOffError
from poller.central.sending.pauses import ASKED_SECONDS_MAX, GIVE_UP, LONGEST_SECONDS, next_try
from tests.fake_clock import START_UTC


def seconds(fault: PutOffError, tries: int, *, waiting: timedelta = timedelta(), what: str = "acme/p-1/mail") -> float | None:
    due_utc = next_try(fault, what=what, tries=tries, since_utc=START_UTC - waiting, now_utc=START_UTC)
    return None if due_utc is None else (due_utc - START_UTC).total_seconds()


@pytest.mark.parametrize("tries,longest", [(1, 60), (2, 120), (3, 240), (6, 1920), (7, 3600), (8, 3600), (5000, 3600)])
def test_pauses_double_up_to_an_hour_and_are_a_little_shorter_each_by_its_own(tries: int, longest: float) -> None:
    found = seconds(PutOffError("unreachable"), tries)
    assert found is not None and 0.8 * longest <= found <= longest
    assert found == seconds(PutOffError("unreachable"), tries)


def test_messages_put_off_together_do_not_come_back_together() -> None:
    assert len({seconds(PutOffError("unreachable"), 7, what=f"acme/p-{number}/webhook") for number in range(50)}) > 30


def test_what_a_person_has_to_mend_is_tried_by_the_hour() -> None:
    found = seconds(PutOffError("auth", is_slow=True), 1)
    assert found is not None and 0.8 * LONGEST_SECONDS <= found <= LONGEST_SECONDS


@pytest.mark.parametrize(
    "asked,at_least,at_most",
    [(None, 48, 60), (0.0, 48, 60), (30.0, 48, 60), (7200.0, 7200, 7200), (1e9, ASKED_SECONDS_MAX, ASKED_SECONDS_MAX)],
)
def test_a_server_may_ask_for_longer_but_not_for_ever(asked: float | None, at_least: float, at_most: float) -> None:
    found = seconds(PutOffError("http-503", after_seconds=asked), 1)
    assert found is not None and at_least <= found <= at_most


def test_after_a_week_it_is_given_up() -> None:
    fault = PutOffError("unreachable")
    assert seconds(fault, 100, waiting=GIVE_UP - timedelta(seconds=1)) is not None
    assert seconds(fault, 100, waiting=GIVE_UP) is None


def test_who_finds_fault_with_the_message_is_believed_after_a_few_tries() -> None:
    fault = PutOffError("http-404", tries_max=5)
    assert [seconds(fault, tries) is None for tries in (1, 4, 5, 6)] == [False, False, True, True]
