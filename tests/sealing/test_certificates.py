"""A chain runs out with the first of its certificates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from poller.sealing.certificates import earliest_expiry_utc
from tests.certificates import authority

DAY = timedelta(days=1)


def test_of_a_chain_the_earliest_counts_wherever_it_stands(tmp_path: Path) -> None:
    valid, _ = authority().write(tmp_path, "valid")
    expired, _ = authority().write(tmp_path, "expired", expired=True)
    now = datetime.now(UTC)
    found = earliest_expiry_utc(valid.read_text())
    assert found is not None
    assert now + DAY - timedelta(minutes=5) < found <= now + DAY
    for chain in (valid.read_text() + expired.read_text(), expired.read_text() + valid.read_text()):
        found = earliest_expiry_utc(chain)
        assert found is not None
        assert found < now


def test_what_is_no_certificate_has_no_expiry() -> None:
    for text in ("", "BEGIN CERTIFICATE", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "Flur Süd"):
        assert earliest_expiry_utc(text) is None
