"""Contract meters: what a formula may say, and that A3 is counted as the contract wants and never once more."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.central.meters.chain import Entry, Meter
from poller.central.meters.formulas import (
    Contract,
    Large,
    Term,
    contract_for,
    evaluate,
    known_totals,
    load,
    pages,
    parse,
    read_cell,
)
from poller.errors import ConfigError


def contract(meters: dict[str, str], large: Large | None = None) -> Contract:
    return Contract(model="*", meters=tuple((name, parse(text)) for name, text in meters.items()), large=large)


@pytest.mark.parametrize(
    "text, terms",
    [
        ("print.mono + copy.mono", [Term(factor=1, cell="print.mono"), Term(factor=1, cell="copy.mono")]),
        ("total - total.mono", [Term(factor=1, cell="total"), Term(factor=-1, cell="total.mono")]),
        ("-2*large?", [Term(factor=-2, cell="total.large", is_optional=True)]),
        ("twice(colour)?", [Term(factor=1, cell="total.colour", mode="twice", is_optional=True)]),
        ("3 * once( print )", [Term(factor=3, cell="print", mode="once")]),
        ("large.colour.copy", [Term(factor=1, cell="copy.colour.large")]),
        ("total.duplex.sheets", [Term(factor=1, cell="total.duplex.sheets")]),
    ],
)
def test_a_formula_is_a_sum_of_counters(text: str, terms: list[Term]) -> None:
    assert list(parse(text)) == terms


@pytest.mark.parametrize(
    "text, fault",
    [
        ("", "is empty"),
        ("print.mono copy.mono", "want + or -"),
        ("print +", "missing at the end"),
        ("prnt", "did you mean 'print'"),
        ("print.copy", "two things of one kind"),
        ("0*print", "1 to 100"),
        ("2 print", "with * behind it"),
        ("twice(large)", "large sheets only"),
        ("twice(print", "in brackets"),
        ("print / 2", "'/' has no place here"),
        ("__import__('os')", "no place here"),
        ("other", "no word"),
        ("+".join(["print"] * 33), "more than 32"),
        ("print" + " " * 1000 + "+ copy", "longer than"),
        ("(print)", "no word"),
    ],
)
def test_what_is_no_formula_is_refused_with_its_fault(text: str, fault: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse(text)
    assert fault in str(refused.value)


@given(st.text(alphabet="printcoymnlage.*+-()? 0129twicе", max_size=60))
def test_any_text_gives_terms_or_one_kind_of_fault(text: str) -> None:
    try:
        terms = parse(text)
    except ValueError:
        return
    assert terms
    assert all(read_cell(term.cell) == term.cell for term in terms)


ONCE = {"total": 1000, "total.large": 100}
TWICE = {"total": 1100, "total.large": 100}


@pytest.mark.parametrize(
    "formula, beside, counted, totals, value",
    [
        # the same thousand sheets' sides, a hundred of them A3
        ("total", {}, "once", ONCE, 1000),
        ("total", {}, "twice", TWICE, 1100),  # A3 not billed apart: the panel's number
        ("total", {}, "unknown", TWICE, 1100),
        ("total", {"a3": "large"}, "once", ONCE, 1000),
        ("total", {"a3": "large"}, "twice", TWICE, 1000),  # … billed apart: not once more in the total
        ("once(total)", {}, "twice", TWICE, 1000),
        ("twice(total)", {}, "once", ONCE, 1100),
        ("twice(total)", {}, "twice", TWICE, 1100),  # never doubled again
        ("total + large", {}, "twice", TWICE, 1100),
        ("total + large", {}, "once", ONCE, 1100),
        ("2*total - large", {}, "twice", TWICE, 1900),
        ("twice(total)?", {}, "once", {"total": 1000}, 1000),
        ("large?", {}, "once", {"total": 1000}, 0),
        ("total", {"a3": "large?"}, "unknown", {"total": 1000}, 1000),  # nothing large counted apart: nothing to take away
    ],
)
def test_a3_is_what_the_contract_wants_however_the_device_counts(
    formula: str, beside: dict[str, str], counted: Large, totals: dict[str, int], value: int
) -> None:
    got = evaluate(contract({"x": formula, **beside}), totals, dict.fromkeys(totals, counted))
    assert got.faults == ()
    assert got.totals["x"] == value


@pytest.mark.parametrize(
    "formula, beside, counted, totals, fault",
    [
        ("total", {"a3": "large"}, "unknown", ONCE, "x: it is not known whether the device counts large sheets twice in total"),
        ("twice(total)", {}, "once", {"total": 1000}, "x: the device does not count total.large"),
        ("once(total)?", {}, "twice", {"total": 1000}, "x: the device does not count total.large"),
        ("print.mono", {}, "once", ONCE, "x: the device does not count print.mono"),
    ],
)
def test_what_cannot_be_told_is_a_fault_and_no_meter(
    formula: str, beside: dict[str, str], counted: Large, totals: dict[str, int], fault: str
) -> None:
    got = evaluate(contract({"x": formula, **beside}), totals, dict.fromkeys(totals, counted))
    assert got.faults == (fault,)
    assert "x" not in got.totals


COLOUR = {"mono": "print.mono", "colour": "print.colour?", "clicks": "twice(print.mono)?", "sheets": "once(print.mono)"}


KNOWN = {"print.mono": 90, "print.colour": 500, "print.mono.large": 3}
USUAL = {"mono": 20, "colour": 0, "clicks": 20, "sheets": 20}


@pytest.mark.parametrize(
    "end, billed, faults",
    [
        (KNOWN, USUAL, []),
        (KNOWN | {"print.colour": 900, "print.mono.large": 5, "copy.mono": 7}, USUAL | {"colour": 400, "clicks": 22}, []),
        # An update took a counter: five hundred colour pages are not minus five hundred, and not none since.
        ({**KNOWN, "print.colour": None}, {**USUAL, "colour": None}, ["colour: the device counts print.colour no more"]),
        ({**KNOWN, "print.mono.large": None}, {**USUAL, "clicks": None}, ["clicks: the device does not count print.mono.large"]),
    ],
)
def test_what_is_billed_is_what_counters_grew_by_and_a_counter_that_is_gone_is_a_fault(
    end: dict[str, int | None], billed: dict[str, int | None], faults: list[str]
) -> None:
    begin = {"print.mono": 70, "print.colour": 500, "print.mono.large": 3}
    got = pages(contract(COLOUR, large="once"), begin, {cell: total for cell, total in end.items() if total is not None}, {})
    assert got.totals == {name: count for name, count in billed.items() if count is not None}
    assert list(got.faults) == faults


def test_a_counter_a_device_began_to_have_is_billed_from_then_on() -> None:
    assert pages(contract({"x": "total + print.colour?"}), {"total": 7}, {"total": 10, "print.colour": 2}, {}).totals == {"x": 5}


def test_a_counter_one_reading_missed_is_billed_from_where_it_was() -> None:
    """The first day's only reading was of a poll that missed the colours; they are known from the day before."""
    days = [{"total": 7, "print.colour": 500}, {"total": 8}]
    begin = known_totals([entry_of(one) for one in days])
    assert pages(contract({"x": "print.colour?"}), begin, {"total": 10, "print.colour": 502}, {}).totals == {"x": 2}


def entry_of(totals: dict[str, int]) -> Entry:
    read = tuple([Meter(cell=cell, count=total, total=total) for cell, total in totals.items()])
    at = datetime(2026, 11, 20, tzinfo=UTC)
    return Entry(device="d", day=at.date(), zone="UTC", kind="meter", origin="read", reason="daily", taken_utc=at, run=1, meters=read)


def test_a_contract_knows_better_than_the_profile() -> None:
    got = evaluate(contract({"x": "twice(total)"}, large="twice"), TWICE, {"total": "once"})
    assert got.totals == {"x": 1100}


def test_the_first_pattern_that_fits_is_the_model_s() -> None:
    contracts = load(
        b'[[contract]]\nmodel="iR-ADV C35*"\n[contract.meters]\na="print"\n[[contract]]\nmodel="*"\n[contract.meters]\nb="total"',
        origin="x",
    )
    assert contract_for(contracts, "ir-adv c3525") is contracts[0]
    assert contract_for(contracts, "LBP") is contracts[1]
    assert contract_for(contracts[:1], "LBP") is None


def test_all_faults_of_a_file_come_at_once_with_their_places() -> None:
    with pytest.raises(ConfigError) as refused:
        load(
            b'x = 1\n[[contract]]\nlarge = "thrice"\nmodle = "a"\n[contract.meters]\nA = "print"\nb = "prnt"\nc = 3',
            origin="contracts.toml",
        )
    assert [fault.partition(": ")[2] for fault in refused.value.faults] == [
        "x: no such table; want [[contract]]",
        "contract 1: modle: no such key; want model, large, meters",
        'contract 1: model: want a pattern such as "iR-ADV C35*"',
        "contract 1: large: want once, twice or unknown, got 'thrice'",
        "contract 1: meters.A: a meter's name is lower-case letters, digits, - and _",
        "contract 1: meters.b: 'prnt' is no word for a counter; did you mean 'print'?",
        "contract 1: meters.c: want a formula in quotes, got 3",
    ]


@pytest.mark.parametrize("source", [b"contract = 1", b"contract = [1]", b"\xff", b"[[contract", b"contract = " + b"[" * 5000])
def test_what_is_no_such_file_is_a_fault_of_the_configuration(source: bytes) -> None:
    with pytest.raises(ConfigError):
        load(source, origin="x")
