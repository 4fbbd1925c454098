"""One rounding rule, and sums that lose nothing."""

from __future__ import annotations

from decimal import Decimal, Inexact
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.accounting import money

AMOUNTS = st.decimals(-(10**17), 10**17, places=8)


@pytest.mark.parametrize(
    "amount, decimals, expected",
    [
        ("0.005", 2, "0.01"),
        ("-0.005", 2, "-0.01"),
        ("0.0049999999", 2, "0.00"),
        ("2.5", 0, "3"),
        ("3.5", 0, "4"),
        ("1", 6, "1.000000"),
    ],
)
def test_a_half_is_rounded_away_from_zero(amount: str, decimals: int, expected: str) -> None:
    assert money.text(money.rounded(Decimal(amount), decimals)) == expected


@given(st.lists(AMOUNTS, max_size=20))
def test_a_sum_is_exact_and_does_not_depend_on_the_order(amounts: list[Decimal]) -> None:
    assert Fraction(money.total(amounts)) == sum(map(Fraction, amounts)) == Fraction(money.total(reversed(amounts)))


@given(AMOUNTS, st.integers(0, 2**63 - 1), st.decimals(-1000, 1000, places=4))
def test_products_are_exact(price: Decimal, quantity: int, percentage: Decimal) -> None:
    product = money.times(price, quantity)
    assert Fraction(product) == Fraction(price) * quantity
    assert Fraction(money.percent(product, percentage)) == Fraction(product) * Fraction(percentage) / 100


def test_what_would_lose_a_digit_raises() -> None:
    with pytest.raises(Inexact):
        money.EXACT.multiply(Decimal("1." + "3" * 40), Decimal("1." + "7" * 40))


@pytest.mark.parametrize("amount, text", [("1E+3", "1000"), ("-0.00", "0.00"), ("0E-8", "0.00000000"), ("-1.50", "-1.50")])
def test_amounts_are_written_in_plain_digits(amount: str, text: str) -> None:
    assert money.text(Decimal(amount)) == text
