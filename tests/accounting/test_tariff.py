"""A tariff is read to the last decimal, and every fault of it is named at once, with a way out."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest

from poller.accounting import tariff, tariff_file
from poller.accounting.job import Medium
from poller.accounting.ledger import Item
from poller.accounting.quantities import Flag
from poller.errors import ConfigError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tariffs.md"
LEAST = 'currency = "EUR"\n[[prices]]\nvalid_from = 2026-01-01\n'


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        tariff_file.parse(text, "t.toml")
    return [fault.removeprefix("t.toml: ") for fault in raised.value.faults]


def test_the_least_a_tariff_needs_is_a_currency_and_a_day() -> None:
    found = tariff_file.parse(LEAST, "t.toml")
    assert (found.currency, found.decimals, found.period, found.suspense, found.tax_percent) == ("EUR", 2, "month", "SUSPENSE", None)
    assert found.prices == (tariff.Prices(valid_from=date(2026, 1, 1)),)


def test_prices_are_read_as_written_and_never_as_binary_fractions() -> None:
    (prices,) = tariff_file.parse(LEAST + 'setup = 0.1\nminimum = "0.30"\ncopy = 3\nrip_second = 1e-3', "t").prices
    assert [prices.setup, prices.minimum, prices.copy, prices.rip_second] == [Decimal("0.1"), Decimal("0.30"), 3, Decimal("0.001")]


def test_every_fault_is_named_at_once_with_its_place_and_a_way_out() -> None:
    text = """
        curency = "EUR"
        zone = "Europe/Atlantis"
        period = "months"
        decimals = 7
        [[prices]]
        valid_from = "2026-01-01"
        setup = -1
        copy = nan
        rip_second = true
        impression = { blak = 0.1 }
        sheet = [{ size = "A4" }]
        finishing = [{ name = "Staple", price = 1, per = "set" }]
        [[discount]]
        cost_centre = "A"
        percent = 101
        [policy]
        blank_sides = 1
        [policy.status]
        Abortd = "waste"
        Completed = "ful"
    """
    assert faults(text) == [
        "zone: 'Europe/Atlantis' is no time zone; want a name such as Europe/Berlin",
        "prices[0].valid_from: want a day such as 2026-01-01",
        "prices[0].setup: want a price from 0 below 1000000000, of at most 8 decimals, got -1",
        "prices[0].copy: want a price from 0 below 1000000000, of at most 8 decimals, got NaN",
        "prices[0].rip_second: want a price from 0 below 1000000000, of at most 8 decimals, got true",
        "prices[0].sheet[0].price: missing; want a price",
        "prices[0].finishing[0].per: want copy or sheet or job, got 'set'; did you mean 'sheet'?",
        "prices[0].impression.blak: no such key; did you mean 'black'?",
        "currency: missing; want a text",
        "decimals: want a whole number 0 to 6, got 7",
        "period: want day or month or quarter or year, got 'months'; did you mean 'month'?",
        "discount[0].percent: want a percentage 0 to 100, of at most 4 decimals, got 101",
        "policy.status.Abortd: no such word; did you mean 'Aborted'?",
        "policy.status.Completed: want none or waste or printed or full, got 'ful'; did you mean 'full'?",
        "policy.blank_sides: want true or false, got 1",
        "curency: no such key; did you mean 'currency'?",
    ]


@pytest.mark.parametrize(
    "text, fault",
    [
        ('currency = "EUR"', "prices: missing: want at least one [[prices]] with valid_from"),
        (LEAST + "[[prices]]\nvalid_from = 2026-01-01", "prices: two begin on 2026-01-01; keep one"),
        (LEAST + "[[volume]]\nabove = 1\npercent = 1\n[[volume]]\nabove = 1\npercent = 2", "volume[1].above: another step begins above 1"),
        (
            LEAST + '[[discount]]\ncost_centre="A"\npercent=1\n[[discount]]\ncost_centre="A"\npercent=2',
            "discount[1].cost_centre: 'A' has a discount already",
        ),
        (LEAST + "[[discount]]\npercent=1", "discount[0].cost_centre: missing; want a text"),
        (LEAST + "impression = 3", "prices[0].impression: want a table, got 3"),
        (LEAST + "sheet = 3", "prices[0].sheet: want [[sheet]], got 3"),
        (
            LEAST + "setup = 1." + "0" * 35 + "1",
            "prices[0].setup: want a price from 0 below 1000000000, of at most 8 decimals, got 1." + "0" * 35 + "1",
        ),
        (LEAST + "setup = 1e-9999999", "prices[0].setup: want a price from 0 below 1000000000, of at most 8 decimals, got 1E-9999999"),
        (LEAST + "setup = 1e400", "prices[0].setup: want a price from 0 below 1000000000, of at most 8 decimals, got 1E+400"),
    ],
)
def test_a_fault_says_what_to_do(text: str, fault: str) -> None:
    assert faults(text) == [fault]


def test_what_is_no_toml_is_one_fault() -> None:
    (fault,) = faults("currency = ")
    assert "Invalid value" in fault


def test_the_first_sheet_price_that_fits_is_the_one() -> None:
    (prices,) = tariff_file.parse(LEAST + 'sheet = [{ size = "A3", type = "plain", price = 1 }, { size = "a 3", price = 2 }]', "t").prices
    plain, other = (Medium(type=kind, size="A3") for kind in ("Plain", "Label"))
    assert [next(one.price for one in prices.sheets if one.fits(medium)) for medium in (plain, other)] == [1, 2]
    assert not any(one.fits(Medium(type="Plain")) for one in prices.sheets)


@pytest.mark.parametrize(
    "period, name, begin, end",
    [
        ("day", "2026-03-29", "2026-03-28T23:00Z", "2026-03-29T22:00Z"),
        ("month", "2026-12", "2026-11-30T23:00Z", "2026-12-31T23:00Z"),
        ("quarter", "2026-Q2", "2026-03-31T22:00Z", "2026-06-30T22:00Z"),
        ("year", "2026", "2025-12-31T23:00Z", "2026-12-31T23:00Z"),
    ],
)
def test_a_period_is_a_span_in_the_tariffs_zone(period: str, name: str, begin: str, end: str) -> None:
    found = tariff_file.parse(f'period = "{period}"\nzone = "Europe/Berlin"\n{LEAST}', "t")
    since, until = found.span_of(name)
    assert (datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC)) == tuple(map(datetime.fromisoformat, (begin, end)))
    zone = found.zone_info()
    days = [datetime.fromtimestamp(seconds, zone).date() for seconds in (since - 1, since, until - 1, until)]
    assert [found.period_of(day) == name for day in days] == [False, True, True, False]


@pytest.mark.parametrize("name", ["2026-13", "2026-6", "26-06", "2026-06-01", "x"])
def test_what_is_no_period_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(ValueError, match="such as 2026-06"):
        tariff_file.parse(LEAST, "t").span_of(name)


# --- docs/tariffs.md ---


def test_the_example_of_the_page_has_no_fault() -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(examples) == 1
    assert len(tariff_file.parse(examples[0], "docs").prices) == 2


def test_the_page_explains_every_item_flag_treatment_and_key() -> None:
    text = PAGE.read_text()
    assert set(re.findall(r"^\| `([a-z0-9-]+)` \|", text, re.MULTILINE)) == {*get_args(Item), *get_args(Flag), *tariff.TREATMENTS}
    keys = {*tariff.Tariff.__struct_fields__, *tariff.Policy.__struct_fields__} - {"discounts", "volumes", "statuses", "record_statuses"}
    assert [key for key in keys - {"interrupts"} if f"`{key}`" not in text and f"\n{key} = " not in text and f"[{key}" not in text] == []


@pytest.mark.parametrize("key", ["decimals", "tax_percent", "zone", "name", "period"])
def test_a_number_without_end_is_a_fault_like_any_other(key: str) -> None:
    """Python turns none of so many digits into text, and TOML's hexadecimal numbers may be as long as the file."""
    with pytest.raises(ConfigError, match=f"{key}: .*a number far too large"):
        tariff_file.parse(f"{key} = 0x{'f' * 6000}\n{LEAST}setup = 0x{'f' * 6000}", "t.toml")


def test_the_last_day_there_is_is_no_period() -> None:
    days = tariff_file.parse(f'period = "day"\n{LEAST}', "t")
    for name in ("9999-12-31", "0000-01-01", "2026-02-30"):
        with pytest.raises(ValueError, match="out of range"):
            days.span_of(name)
    assert days.span_of("9999-12-30")[1] > days.span_of("0001-01-01")[0]
