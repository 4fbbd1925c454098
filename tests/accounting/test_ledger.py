"""Jobs become lines, lines become statements: exact sums, one rounding, every job traceable, waste apart."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.accounting import joblines, money, statement, tariff, tariff_file
from poller.accounting.job import Job, Medium
from poller.accounting.ledger import Line, Record, Statement, digest_of, moment, statements
from poller.accounting.tariff import Policy, Tariff, Volume
from poller.accounting.words import WORDS
from tests.accounting.logs import CANONICAL, jobs, read

FOLDER = Path(__file__).with_name("statements")
GOLDEN = tariff_file.parse((FOLDER / "tariff.toml").read_text(), "tariff.toml")

AT = 1_782_900_000
"""2026-07-01 10:00:00 UTC."""


def ordered(found: Iterable[Job], prices: Tariff) -> list[Record]:
    """Return jobs as a database gives them."""
    records = [Record(digest_of(job).hex(), job) for job in found]
    return sorted(records, key=lambda one: (prices.cost_centre_of(one.job), moment(one.job) or -1))


def charged(found: Iterable[Job], prices: Tariff, **how: bool) -> tuple[list[Line], list[Statement]]:
    items = list(statements(ordered(found, prices), prices, **how))
    return [one for one in items if isinstance(one, Line)], [one for one in items if isinstance(one, Statement)]


def simple(text: str = "", *, prices: str = "") -> Tariff:
    """A tariff of one price list: 1 cent a black side, 10 a coloured one."""
    lists = f"[[prices]]\nvalid_from = 2026-01-01\nimpression = {{ black = 0.01, colour = 0.10 }}\n{prices}\n"
    return tariff_file.parse(f'currency = "EUR"\n{lists}{text}', "t")


def job(**fields: object) -> Job:
    whole: dict[str, object] = {
        "job_id": 1,
        "account": "KST-1",
        "record_status": "Complete",
        "job_status": "Completed",
        "print_completed_utc_seconds": AT,
        "impressions": 100,
    }
    return Job(**(whole | fields))  # type: ignore[arg-type]


def amounts(lines: list[Line]) -> list[tuple[str, str, int, str]]:
    return [(line.kind, line.item, line.quantity, money.text(line.amount)) for line in lines]


# --- golden ---


def golden(form: str) -> bytes:
    found, faults = read((FOLDER / "jobs.csv").read_bytes())
    assert faults == []
    out = io.BytesIO()
    writer = (
        statement.JsonWriter(out.write)
        if form == "json"
        else statement.CsvWriter(out.write, GOLDEN.currency, has_names=True, is_spreadsheet=False)
    )
    for item in statements(ordered(found, GOLDEN), GOLDEN, has_names=True):
        writer.take(item)
    return out.getvalue()


@pytest.mark.parametrize("form", ["csv", "json"])
def test_the_statements_of_an_invented_shop_are_as_worked_out_by_hand(form: str) -> None:
    assert golden(form).decode() == (FOLDER / f"expected.{form}").read_text()


# --- rules ---


def test_every_line_names_its_job_and_every_job_has_a_line() -> None:
    found = [job(job_id=number, job_status=status) for number, status in enumerate(WORDS["job_status"])]
    lines, (only,) = charged(found, simple())
    assert {line.job for line in lines} == {digest_of(one).hex() for one in found}
    assert only.jobs == len(found)
    assert all((line.server, line.job_id) == (None, line.job_id) and line.at is not None for line in lines)


@pytest.mark.parametrize(
    "status, kinds",
    [
        ("Completed", {"charge"}),
        ("Completed with errors", {"charge"}),
        ("Cancelled by operator", {"charge"}),
        ("Held by user", {"none"}),
        ("Rejected", {"none"}),
        ("Save completed", {"none"}),
        ("A word of a newer version", {"charge"}),
        (None, {"charge"}),
    ],
)
def test_what_becomes_of_a_job_follows_from_its_status(status: str | None, kinds: set[str]) -> None:
    lines, _ = charged([job(job_status=status)], simple())
    assert {line.kind for line in lines} == kinds
    assert ("status-unknown" in lines[0].flags) == (status not in WORDS["job_status"])


def test_a_cancelled_job_pays_what_came_out_and_no_set_up_rip_or_minimum() -> None:
    prices = simple(prices="setup = 5\nminimum = 50\nrip_second = 1\ntrapped_page = 1")
    found = job(job_status="Cancelled by user", rip_seconds=9, pages_trapped=3)
    assert amounts(charged([found], prices)[0]) == [("charge", "impression-black", 100, "1.00")]
    whole = amounts(charged([msgspec.structs.replace(found, job_status="Completed")], prices)[0])
    assert [item for _, item, _, _ in whole] == ["setup", "impression-black", "rip", "trapping", "minimum"]


def test_waste_is_shown_apart_with_its_price_and_charged_to_nobody() -> None:
    _, (only,) = charged([job(), job(job_id=2, job_status="Aborted")], simple('[policy.status]\naborted = "waste"'))
    assert (only.net, only.waste, only.jobs, only.jobs_charged) == (Decimal("1.00"), Decimal("1.00"), 2, 1)
    assert [(one.kind, one.quantity) for one in only.totals] == [("charge", 100), ("waste", 100)]


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({}, [("charge", "setup"), ("charge", "impression-black")]),
        ({"interrupt_status": "Interrupted"}, [("charge", "impression-black")]),
        ({"interrupt_status": "Interrupted", "record_status": WORDS["record_status"][1]}, [("waste", "impression-black")]),
    ],
)
def test_the_least_of_status_record_and_interruption_holds(fields: dict[str, object], expected: list[tuple[str, str]]) -> None:
    prices = simple('[policy.interrupt_status]\nInterrupted = "printed"\n[policy.record_status]\n2 = "waste"', prices="setup = 1")
    lines, _ = charged([job(**fields)], prices)
    assert [(line.kind, line.item) for line in lines] == expected


def test_time_another_job_took_is_not_charged_to_the_one_interrupted() -> None:
    lines, _ = charged([job(rip_seconds=30, rip_interrupted_seconds=12)], simple(prices="rip_second = 0.5"))
    assert amounts(lines)[-1] == ("charge", "rip", 18, "9.00")


def test_a_job_without_account_goes_to_suspense_and_is_flagged() -> None:
    lines, (only,) = charged([job(account="  ")], simple())
    assert only.cost_centre == "SUSPENSE"
    assert only.flags == {"account-missing": 1}
    assert lines[0].flags == ("account-missing",)


def test_impressions_of_a_cost_centre_cost_less_beyond_a_step_and_not_before() -> None:
    steps = simple("[[volume]]\nabove = 150\npercent = 50\n[[volume]]\nabove = 250\npercent = 100")
    lines, _ = charged([job(job_id=1), job(job_id=2), job(job_id=3, print_completed_utc_seconds=AT + 1), job(job_id=4, account="X")], steps)
    assert [(line.cost_centre, line.quantity, line.detail, money.text(line.amount)) for line in lines] == [
        ("KST-1", 100, "", "1.00"),
        ("KST-1", 50, "", "0.50"),
        ("KST-1", 50, "above 150", "0.25"),
        ("KST-1", 50, "above 150", "0.25"),
        ("KST-1", 50, "above 250", "0.00"),
        ("X", 100, "", "1.00"),
    ]


def test_steps_begin_anew_with_each_period() -> None:
    steps = simple("[[volume]]\nabove = 100\npercent = 50")
    month = 31 * 86_400
    lines, both = charged([job(job_id=1), job(job_id=2, print_completed_utc_seconds=AT + month)], steps)
    assert [line.percent for line in lines] == [None, None]
    assert [one.period for one in both] == ["2026-07", "2026-08"]


def test_prices_hold_by_the_day_in_the_tariffs_zone() -> None:
    text = 'currency = "EUR"\nzone = "Europe/Berlin"\n' + "".join(
        f"[[prices]]\nvalid_from = {day}\nimpression = {{ black = {price} }}\n" for day, price in (("2026-07-01", 2), ("2026-01-01", 1))
    )
    midnight = 1_782_856_800  # 2026-07-01 00:00 in Berlin
    lines, _ = charged(
        [job(job_id=1, print_completed_utc_seconds=midnight - 1), job(job_id=2, print_completed_utc_seconds=midnight)],
        tariff_file.parse(text, "t"),
    )
    assert [(line.period, line.price) for line in lines] == [("2026-06", Decimal(1)), ("2026-07", Decimal(2))]


@pytest.mark.parametrize(
    "fields, flag", [({"print_completed_utc_seconds": None}, "undated"), ({"print_completed_utc_seconds": 86_400}, "before-prices")]
)
def test_a_job_that_has_no_price_by_its_date_costs_nothing_and_is_flagged(fields: dict[str, object], flag: str) -> None:
    lines, (only,) = charged([job(**fields)], simple())
    assert amounts(lines) == [("none", "not-charged", 1, "0.00")]
    assert flag in only.flags
    assert not only.net


def test_a_discount_is_a_line_of_the_job_it_is_for() -> None:
    lines, (only,) = charged([job()], simple('[[discount]]\ncost_centre = "KST-1"\npercent = 33.3'))
    assert amounts(lines)[-1] == ("charge", "discount", 1, "-0.33")
    assert only.net == Decimal("0.67")


def test_names_are_in_lines_only_when_asked_for() -> None:
    found = [job(document_name="secret plan", sender="meier")]
    (without,), _ = charged(found, simple())
    (named,), _ = charged(found, simple(), has_names=True)
    assert (without.document, without.sender) == (None, None)
    assert (named.document, named.sender) == ("secret plan", "meier")


def test_a_stock_or_finishing_the_tariff_has_no_price_for_is_flagged_not_guessed() -> None:
    prices = simple(prices='sheet = [{ size = "A3", price = 1 }]\nfinishing = [{ name = "Fold", price = 1 }]')
    found = job(sheets=5, media=(Medium(number_printed=5, size="A4"),), finishing=("Staple",), copies_printed=1)
    lines, _ = charged([found], prices)
    assert [line.item for line in lines] == ["impression-black"]
    assert lines[0].flags == ("sheet-without-price", "finishing-without-price")


# --- properties ---

PRICES = st.decimals(0, 1000, places=4)
DATED = jobs(CANONICAL, "4").map(
    lambda one: msgspec.structs.replace(one, print_completed_utc_seconds=AT + (one.impressions or 0) % 10_000_000)
)


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    names = ("setup", "minimum", "copy", "rip_second", "trapped_page", "impression_black", "impression_colour", "wider_9in", "wider_345mm")
    prices = tariff.Prices(
        valid_from=date(2026, 1, 1),
        express_percent=draw(st.none() | st.decimals(0, 100, places=2)),
        sheets=(tariff.SheetPrice(price=draw(PRICES)),),
        finishing=(tariff.FinishingPrice(name="*", price=draw(PRICES), per=draw(st.sampled_from(tariff.PERS))),),
        **{name: draw(st.none() | PRICES) for name in names},
    )
    policy = Policy(
        statuses={word: draw(st.sampled_from(tariff.TREATMENTS)) for word in (*WORDS["job_status"], "unknown")},
        record_statuses={"unknown": "full"},
        interrupts={"unknown": "full"},
        blank_sides=draw(st.booleans()),
        banner_sheets=draw(st.integers(0, 3)),
    )
    steps = draw(st.dictionaries(st.integers(0, 10**6), st.decimals(0, 100, places=2), max_size=3))
    return Tariff(
        name="t",
        currency="EUR",
        decimals=draw(st.integers(0, 6)),
        tax_percent=draw(st.none() | st.decimals(0, 30, places=1)),
        period=draw(st.sampled_from(tariff.PERIODS)),
        prices=(prices,),
        discounts={"SUSPENSE": draw(st.decimals(0, 100, places=2))},
        volumes=tuple([Volume(above, percent) for above, percent in sorted(steps.items())]),
        policy=policy,
    )


@given(st.lists(DATED, max_size=6, unique_by=digest_of), tariffs())
def test_totals_are_the_exact_sums_of_their_lines(found: list[Job], prices: Tariff) -> None:
    lines, all_of = charged(found, prices)
    for one in all_of:
        own = [line for line in lines if (line.period, line.cost_centre) == (one.period, one.cost_centre)]
        for kind, sum_ in (("charge", one.net), ("waste", one.waste)):
            assert Fraction(sum_) == sum(Fraction(line.amount) for line in own if line.kind == kind)
        assert Fraction(one.gross) == Fraction(one.net) + Fraction(one.tax or 0)
        assert sum(total.lines for total in one.totals) == len(own)
        assert all(line.amount == 0 for line in own if line.kind == "none")
    assert sum(one.jobs for one in all_of) == len(found)


@given(st.lists(DATED, max_size=4, unique_by=digest_of), tariffs())
def test_each_line_is_its_quantity_times_its_price_rounded_once(found: list[Job], prices: Tariff) -> None:
    half = Fraction(1, 2 * 10**prices.decimals)
    for line in charged(found, prices)[0]:
        exact = line.quantity * Fraction(line.price) * (1 if line.percent is None else Fraction(line.percent) / 100)
        assert abs(Fraction(line.amount) - exact) <= half
        assert -line.amount.as_tuple().exponent == prices.decimals  # type: ignore[operator]


@given(st.lists(DATED, max_size=6, unique_by=digest_of), tariffs())
def test_impressions_are_charged_or_wasted_and_never_twice(found: list[Job], prices: Tariff) -> None:
    lines, _ = charged(found, prices)
    for one in found:
        key = digest_of(one).hex()
        sides = sum(line.quantity for line in lines if line.job == key and line.item.startswith("impression"))
        counted = one.impressions
        if counted is None and one.sheets_one_sided is not None and one.sheets_two_sided is not None:
            counted = one.sheets_one_sided + 2 * one.sheets_two_sided
        if counted is not None:
            assert sides <= counted


def test_a_charge_as_large_as_can_be_is_exact() -> None:
    prices = simple(prices="setup = 999999999.99999999\nexpress_percent = 99.9999")
    found = job(impressions=2**63 - 1, interrupt_status="Interrupt")
    lines, (only,) = charged([found, msgspec.structs.replace(found, job_id=2)], prices)
    assert only.net == money.total(line.amount for line in lines)
    assert only.net > Decimal(2**63) / 100


@given(st.lists(jobs(CANONICAL, "4"), max_size=5, unique_by=digest_of), tariffs())
def test_any_job_a_log_can_hold_is_charged_and_written(found: list[Job], prices: Tariff) -> None:
    prices = msgspec.structs.replace(prices, zone="Pacific/Kiritimati")
    for writer in (
        statement.JsonWriter(io.BytesIO().write),
        statement.CsvWriter(io.BytesIO().write, "EUR", has_names=True, is_spreadsheet=True),
    ):
        for item in statements(ordered(found, prices), prices, has_names=True):
            writer.take(item)
    for record in ordered(found, prices):
        assert msgspec.json.decode(joblines.encode(record))["key"] == record.key
