"""A request counts once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from poller.errors import SealError
from poller.sealing.replay import ReplayCache
from poller.sealing.signatures import Proof

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def proof(nonce: str = "n", *, key: str = "agent", made_seconds: float = 0) -> Proof:
    return Proof(key, NOW + timedelta(seconds=made_seconds), nonce)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_nonce_counts_once_per_key() -> None:
    cache = ReplayCache()
    cache.admit(proof(), now_utc=NOW)
    cache.admit(proof("m"), now_utc=NOW)
    cache.admit(proof(key="other"), now_utc=NOW)
    for again in (proof(), proof("m"), proof(key="other")):
        with pytest.raises(SealError, match="here before"):
            cache.admit(again, now_utc=NOW)


@pytest.mark.parametrize("made_seconds", [-300, 0, 60])
def test_a_nonce_is_kept_as_long_as_its_request_would_be_accepted(made_seconds: float) -> None:
    cache = ReplayCache()
    cache.admit(proof(made_seconds=made_seconds), now_utc=NOW)
    with pytest.raises(SealError, match="here before"):
        cache.admit(proof(made_seconds=made_seconds), now_utc=at(made_seconds + 300))
    cache.admit(proof("later", key="other", made_seconds=400), now_utc=at(made_seconds + 301))
    assert len(cache) == 1


def test_one_sender_is_bounded_and_free_again_later() -> None:
    cache = ReplayCache(per_key_max=2)
    cache.admit(proof("1"), now_utc=NOW)
    cache.admit(proof("2", made_seconds=30), now_utc=at(30))
    with pytest.raises(SealError, match="more requests than can be told apart"):
        cache.admit(proof("3", made_seconds=40), now_utc=at(40))
    cache.admit(proof("3", key="other", made_seconds=40), now_utc=at(40))
    cache.admit(proof("3", made_seconds=301), now_utc=at(301))
    with pytest.raises(SealError, match="here before"):
        cache.admit(proof("2", made_seconds=30), now_utc=at(310))


def test_senders_are_bounded_and_the_quiet_ones_make_room() -> None:
    cache = ReplayCache(keys_max=2)
    cache.admit(proof(key="1"), now_utc=NOW)
    cache.admit(proof(key="2"), now_utc=NOW)
    with pytest.raises(SealError, match="too many senders"):
        cache.admit(proof(key="3"), now_utc=at(1))
    cache.admit(proof("m", key="1", made_seconds=200), now_utc=at(200))
    cache.admit(proof(key="3", made_seconds=301), now_utc=at(301))
    assert len(cache) == 3  # of 1 both: it was heard of late


def test_many_senders_leave_nothing_behind() -> None:
    cache = ReplayCache()
    for number in range(5000):
        cache.admit(proof(str(number), key=str(number % 100), made_seconds=number), now_utc=at(number))
    assert len(cache) <= 100 * 4
