"""How much of a flood is looked at, counted: no clock but the one that is handed in."""

from __future__ import annotations

import pytest

from poller.snmp import quota
from poller.snmp.quota import Bucket, Dropped, Quota


def taken(one: Quota, count: int, source: str | None, now_at: float, *, is_sealed: bool = False) -> int:
    return sum(one.refuse(source, now_at, is_sealed=is_sealed) is None for _ in range(count))


def test_a_bucket_gives_its_burst_at_once_and_then_its_rate() -> None:
    one = Bucket(2, 5, 0.0)
    assert [one.take(0.0) for _ in range(6)] == [True] * 5 + [False]
    assert [one.take(0.5) for _ in range(2)] == [True, False]


def test_time_spent_idle_is_forgotten_beyond_the_burst() -> None:
    one = Bucket(2, 5, 0.0)
    assert sum(one.take(1e6) for _ in range(100)) == 5


def test_a_printer_gone_mad_takes_nothing_from_the_others() -> None:
    one = Quota(0.0)
    assert taken(one, 10_000, "10.0.0.1", 0.0) == quota.SOURCE_BURST
    assert taken(one, 20, "10.0.0.2", 0.0) == 20
    assert taken(one, 100, None, 0.0) == 100
    assert one.refuse("10.0.0.1", 0.0, is_sealed=False) is Dropped.SOURCE


def test_all_strangers_share_one_allowance_and_leave_no_trace() -> None:
    one = Quota(0.0)
    assert taken(one, 50_000, None, 0.0) == 2 * quota.STRANGERS_PER_SECOND
    assert taken(one, 50_000, None, 1.0) == quota.STRANGERS_PER_SECOND
    assert one.refuse(None, 1.0, is_sealed=False) is Dropped.STRANGERS
    assert len(one) == 0
    assert taken(one, 1, "10.0.0.1", 1.0) == 1


def test_all_printers_together_are_bounded() -> None:
    one = Quota(0.0)
    assert sum(one.refuse(f"10.0.{n >> 8}.{n & 255}", 0.0, is_sealed=False) is None for n in range(5000)) == quota.TOTAL_PER_SECOND
    assert one.refuse("10.9.9.9", 0.0, is_sealed=False) is Dropped.TOTAL


def test_what_is_sealed_has_a_narrower_bound() -> None:
    one = Quota(0.0)
    found = [one.refuse(f"10.0.{n >> 8}.{n & 255}", 0.0, is_sealed=True) for n in range(500)]
    assert found.count(None) == quota.SEALED_PER_SECOND
    assert found[-1] is Dropped.SEALED
    assert one.refuse("10.9.9.9", 0.0, is_sealed=False) is None


def test_the_table_of_sources_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "_SOURCES_MAX", 3)
    one = Quota(0.0)
    for number in range(9):
        one.refuse(f"10.0.0.{number}", 0.0, is_sealed=False)
    assert len(one) == 3
