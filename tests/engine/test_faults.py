"""A fault of ours meets one device or all of them; the log stays readable either way."""

from __future__ import annotations

from collections import Counter as Tally

import pytest

from poller.engine import faults
from poller.engine.faults import contained
from poller.errors import AgentError, MisreadError
from poller.logs import as_dict
from tests.engine.device_wire import TARGET


@pytest.fixture(autouse=True)
def _nothing_failed_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "_times", Tally())


def misread(kind: type[Exception] = KeyError) -> None:
    with pytest.raises(MisreadError), contained(TARGET):
        raise kind("public")


def test_a_fault_of_ours_stays_with_the_device_and_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    misread()
    assert caplog.records[0].exc_info is not None
    with pytest.raises(AgentError), contained(TARGET):
        raise AgentError("not ours")
    assert len(caplog.records) == 1


def test_the_traceback_of_one_place_is_logged_once_and_the_rest_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(1000):
        misread()
    assert sum(record.exc_info is not None for record in caplog.records) == 1
    last = as_dict(caplog.records[-1])
    assert last["times"] == 1000
    assert last["error"] == "KeyError"
    assert str(last["place"]).startswith("test_faults.py:")
    assert "public" not in str(last)  # what an error says may hold what a device or a user said


def test_another_place_and_another_error_have_their_own_traceback(caplog: pytest.LogCaptureFixture) -> None:
    misread()
    misread(ValueError)
    with pytest.raises(MisreadError), contained(TARGET):
        raise KeyError("elsewhere")
    assert all(record.exc_info is not None for record in caplog.records)


def test_faults_without_number_have_no_tracebacks_without_number(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "_PLACES_MAX", 1)
    misread()
    misread(ValueError)
    assert [record.exc_info is not None for record in caplog.records] == [True, False]
