"""Amounts of money: exact until they are rounded, and rounded in one place only.

The one rule: the amount of a line is rounded half up (a half away from zero) to the decimals of the tariff, at the moment the line comes
into being. Nothing else is rounded: a total is the sum of its lines, to the last digit. Tax is a line too, one for each statement.

All arithmetic goes through `EXACT`, which has room for any count times any price, and raises rather than lose a digit.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow

EXACT = Context(prec=60, rounding=ROUND_HALF_UP, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""A count has at most 19 digits, a price 18, a percentage 7, and a sum of 10^12 lines 12 more."""

ZERO = Decimal(0)

_ROUNDING = Context(prec=60, rounding=ROUND_HALF_UP, traps=[InvalidOperation, DivisionByZero, Overflow])
_HUNDREDTH = Decimal("0.01")


def rounded(amount: Decimal, decimals: int) -> Decimal:
    """Return *amount* with that many decimals, a half away from zero. The one place where money is rounded."""
    return amount.quantize(Decimal(1).scaleb(-decimals), context=_ROUNDING)


def times(price: Decimal, quantity: int) -> Decimal:
    return EXACT.multiply(price, Decimal(quantity))


def percent(amount: Decimal, percentage: Decimal) -> Decimal:
    return EXACT.multiply(EXACT.multiply(amount, percentage), _HUNDREDTH)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Return the exact sum."""
    result = ZERO
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


def text(amount: Decimal) -> str:
    """Return an amount in plain digits: never an exponent, and no minus before nothing."""
    return f"{amount:f}" if amount else f"{abs(amount):f}"
