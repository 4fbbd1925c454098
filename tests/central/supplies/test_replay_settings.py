"""The settings of a replay: what they may say, and every fault at once."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from poller.central.supplies.policy import Policy
from poller.central.supplies.replay_settings import load, parse
from poller.errors import ConfigError
from tests.conftest import ROOT

WHOLE = """
lead_days = 5
zone = "Europe/Berlin"

[[account]]
name = "acme"
threshold = 0.1
quiet_days = ["2026-12-24..2026-12-26", 2026-05-15]

[[account.site]]
name = "branch"
state = "trial"
approval = "manual"

[[article]]
part_number = "TK-1"
yield_pages = 3000
instead = ["TK-1XL"]
"""


def test_an_empty_file_is_the_default() -> None:
    settings = parse("", "replay.toml")
    assert settings.policy("any", "where") == Policy()
    assert settings.catalogue.knows("anything") and settings.catalogue.knows(None)


def test_a_site_has_what_its_account_says_except_what_it_says_itself() -> None:
    settings = parse(WHOLE, "replay.toml")
    other, account, site = settings.policy("other"), settings.policy("acme", "hq"), settings.policy("acme", "branch")
    assert (other.lead_days, other.threshold, other.zone) == (5, None, ZoneInfo("Europe/Berlin"))
    assert (account.lead_days, account.threshold, account.is_live) == (5, 0.1, True)
    assert (site.lead_days, site.threshold, site.is_live, site.approval) == (5, 0.1, False, "manual")
    assert account.quiet == {date(2026, 12, 24), date(2026, 12, 25), date(2026, 12, 26), date(2026, 5, 15)}


def test_a_catalogue_knows_what_is_in_it() -> None:
    catalogue = parse(WHOLE, "replay.toml").catalogue
    assert catalogue.knows("TK-1") and not catalogue.knows("TK-2") and catalogue.rated_pages("TK-1") == 3000


@pytest.mark.parametrize(
    "text, fault",
    [
        ("lead_days = 0", "f: lead_days: want a number 0.5 to 60, got 0"),
        ("lead_days = true", "f: lead_days: want a number 0.5 to 60, got True"),
        ("threshold = 10", "f: threshold: want a number 0 to 0.9, got 10"),
        ("bundle_days = 'ten'", "f: bundle_days: want a number 0 to 60, got 'ten'"),
        ("approval = 'maybe'", "f: approval: want 'auto' or 'manual', got 'maybe'"),
        ("state = 1", "f: state: want 'live' or 'trial', got 1"),
        ("zone = 'Europe/Atlantis'", "f: zone: want a time zone such as 'Europe/Berlin', got 'Europe/Atlantis'"),
        ("zone = '../../etc/passwd'", "f: zone: want a time zone such as 'Europe/Berlin', got '../../etc/passwd'"),
        ("quiet_days = ['Easter']", "f: quiet_days: want days such as '2026-05-15' or '2026-12-24..2027-01-01', got 'Easter'"),
        ("quiet_days = ['2026-12-24..2020-01-01']", "f: quiet_days: want days such as"),
        ("quiet_days = '2026-12-24'", "f: quiet_days: want a list of days"),
        ("lead_day = 7", "f: lead_day: no such setting; did you mean 'lead_days'?"),
        ("account = 3", "f: account: want tables, each under [[account]]"),
        ("[[account]]\nlead_days = 3", "f: account[0].name: want a text"),
        ("[[account]]\nname = 'a'\n[[account]]\nname = 'a'", "f: account[1].name: 'a' is there already"),
        ("[[account]]\nname = 'a'\n[[account.site]]\nname = 's'\nzone = 'UTC'", "f: account[0]: site[0]: zone: no such setting"),
        ("[[article]]\nyield_pages = 5", "f: article[0].part_number: want a text"),
        ("[[article]]\npart_number = 'A'\nyield_pages = 0", "f: article[0].yield_pages: want a whole number 1 to 10000000, got 0"),
        ("[[article]]\npart_number = 'A'\ninstead = 'B'", "f: article[0].instead: want a list of part numbers, got 'B'"),
        ("[[article]]\npart_number = 'A'\n[[article]]\npart_number = 'A'", "f: article[1].part_number: 'A' is there already"),
        ("[[article]]\npart_number = 'A'\nprice = 3", "f: article[0].price: no such setting"),
        ("lead_days = ", "f: Invalid value"),
    ],
)
def test_a_fault_names_its_place_and_a_way_out(text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "f")
    assert len(caught.value.faults) == 1 and caught.value.faults[0].startswith(fault)


def test_all_faults_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("lead_days = 0\nthreshold = 2\n[[account]]\nname = 'a'\nstate = 'x'", "f")
    assert len(caught.value.faults) == 3


def test_a_file_that_is_not_text_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "replay.toml"
    path.write_bytes(b"\xff\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(path)


def test_the_example_of_the_page_can_be_read() -> None:
    page = (ROOT / "docs" / "toner-requests.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert parse(example, "docs").accounts
