"""A tariff as it is written down: TOML. docs/tariffs.md explains every key, and every fault of a file is named at once.

    currency = "EUR"

    [[prices]]                      # one table for each day prices change
    valid_from = 2026-01-01
    setup = 1.50
    impression = { black = 0.012, colour = 0.09 }
    sheet = [{ size = "11.69 x 16.54 in.", price = 0.02 }, { price = 0.01 }]

    [policy.status]
    Aborted = "waste"

TOML's 0.012 is read as written, as a `Decimal`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from poller.accounting.dialect import is_zone
from poller.accounting.money import EXACT
from poller.accounting.names import normal
from poller.accounting.tariff import (
    PERIODS,
    PERS,
    TREATMENTS,
    UNKNOWN,
    FinishingPrice,
    Policy,
    Prices,
    SheetPrice,
    Tariff,
    Treatment,
    Volume,
)
from poller.accounting.words import MEANINGS, WORDS
from poller.errors import ConfigError

DECIMALS_MAX = 6
PRICE_MAX = Decimal(10) ** 9
_PRICE_DECIMALS_MAX = 8
_EXPONENT_MAX = 40
_BITS_MAX = 1000
_PERCENT_DECIMALS_MAX = 4
_PERCENT_MAX = 1000
_LIST_MAX = 10_000
_COUNT_MAX = 2**62

_PRINTED = ("Cancelled by user", "Cancelled by operator", "Aborted", "Faulted")
_COMPLETED = ("Completed", "Completed with warnings", "Completed with errors")
_STATUSES: dict[str, Treatment] = {
    **dict.fromkeys(WORDS["job_status"], "none"),
    **dict.fromkeys(_PRINTED, "printed"),
    **dict.fromkeys(_COMPLETED, "full"),
    UNKNOWN: "printed",
}
_RECORD_STATUSES: dict[str, Treatment] = {**dict.fromkeys(WORDS["record_status"], "full"), UNKNOWN: "full"}
_INTERRUPTS: dict[str, Treatment] = {**dict.fromkeys(WORDS["interrupt_status"], "full"), UNKNOWN: "full"}


def parse(text: str, name: str) -> Tariff:
    """Return the tariff a TOML text describes. *name* names it in faults. Raises ConfigError with every fault."""
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, ValueError, ArithmeticError) as error:
        raise ConfigError([f"{name}: {error}"]) from error
    faults: list[str] = []
    top = _Table("", document, faults)
    tariff = _tariff(top, name)
    if faults:
        raise ConfigError([f"{name}: {fault}" for fault in faults])
    return tariff


def _tariff(top: _Table, name: str) -> Tariff:
    zone = top.text("zone", "UTC")
    if not is_zone(zone):
        top.fault("zone", f"{zone!r} is no time zone; want a name such as Europe/Berlin")
    prices = sorted((_prices(table) for table in top.tables("prices")), key=lambda one: one.valid_from)
    if not prices and not top.has("prices"):
        top.fault("prices", "missing: want at least one [[prices]] with valid_from")
    days = [one.valid_from for one in prices]
    for day in sorted({day for day in days if days.count(day) > 1 and day != date.min}):
        top.fault("prices", f"two begin on {day}; keep one")
    tariff = Tariff(
        name=top.text("name", name),
        currency=top.text("currency", None, length_max=10),
        decimals=top.whole("decimals", 2, high=DECIMALS_MAX),
        zone=zone,
        period=top.word("period", "month", PERIODS),
        suspense=top.text("suspense", "SUSPENSE"),
        tax_percent=top.percent("tax_percent", high=100),
        prices=tuple(prices),
        discounts=_discounts(top),
        volumes=_volumes(top),
        policy=_policy(top.table("policy")),
    )
    top.finish()
    return tariff


def _prices(table: _Table) -> Prices:
    day = table.take("valid_from", None)
    if isinstance(day, datetime) or not isinstance(day, date):
        table.fault("valid_from", "missing; want a day such as 2026-01-01" if day is None else "want a day such as 2026-01-01")
        day = date.min
    impression, large = table.table("impression"), table.table("large")
    sheets, finishing = table.tables("sheet"), table.tables("finishing")
    found = Prices(
        valid_from=day,
        setup=table.price("setup"),
        minimum=table.price("minimum"),
        copy=table.price("copy"),
        rip_second=table.price("rip_second"),
        trapped_page=table.price("trapped_page"),
        impression_black=impression.price("black"),
        impression_colour=impression.price("colour"),
        wider_9in=large.price("wider_9in"),
        wider_345mm=large.price("wider_345mm"),
        express_percent=table.percent("express_percent", high=_PERCENT_MAX),
        sheets=tuple([_sheet(one) for one in sheets]),
        finishing=tuple([_finishing(one) for one in finishing]),
    )
    for one in (impression, large, table):
        one.finish()
    return found


def _sheet(table: _Table) -> SheetPrice:
    words = {key: table.text(key, "") or None for key in ("type", "size", "colour", "name")}
    found = SheetPrice(**words, price=table.price_needed("price"))
    table.finish()
    return found


def _finishing(table: _Table) -> FinishingPrice:
    found = FinishingPrice(name=table.text("name", None), price=table.price_needed("price"), per=table.word("per", "copy", PERS))
    table.finish()
    return found


def _discounts(top: _Table) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for table in top.tables("discount"):
        cost_centre, percentage = table.text("cost_centre", None), table.percent("percent", high=100)
        if percentage is None and not table.has("percent"):
            table.fault("percent", "missing; want a percentage 0 to 100")
        if cost_centre in found:
            table.fault("cost_centre", f"{cost_centre!r} has a discount already")
        found[cost_centre] = percentage or Decimal(0)
        table.finish()
    return found


def _volumes(top: _Table) -> tuple[Volume, ...]:
    found: list[Volume] = []
    for table in top.tables("volume"):
        above, percentage = table.whole("above", None, high=_COUNT_MAX), table.percent("percent", high=100)
        if percentage is None and not table.has("percent"):
            table.fault("percent", "missing; want a percentage 0 to 100")
        if any(one.above == above for one in found):
            table.fault("above", f"another step begins above {above}")
        found.append(Volume(above, percentage or Decimal(0)))
        table.finish()
    return tuple(sorted(found))


def _policy(table: _Table) -> Policy:
    found = Policy(
        statuses=_treatments(table, "status", "job_status", _STATUSES),
        record_statuses=_treatments(table, "record_status", "record_status", _RECORD_STATUSES),
        interrupts=_treatments(table, "interrupt_status", "interrupt_status", _INTERRUPTS),
        blank_sides=table.switch("blank_sides", default=True),
        banner_sheets=table.whole("banner_sheets", 0, high=1000),
    )
    table.finish()
    return found


def _treatments(policy: _Table, key: str, field: str, default: Mapping[str, Treatment]) -> dict[str, Treatment]:
    """Return what becomes of each word of a field. Words are understood as a log's are; one that the manual lacks stands for itself."""
    found = dict(default)
    table = policy.table(key)
    for given in table.keys_left():
        word = UNKNOWN if given == UNKNOWN else MEANINGS[field].get(normal(given))
        if word is None:
            near = get_close_matches(given, [*WORDS[field], UNKNOWN], n=1)
            table.fault(given, "no such word" + (f"; did you mean {near[0]!r}?" if near else f"; want {', '.join(WORDS[field])}"))
            word = UNKNOWN
        found[word] = table.word(given, "full", TREATMENTS)
    return found


class _Table:
    """Reads one TOML table, noting each fault and going on; who reads the file raises once, at the end."""

    def __init__(self, path: str, table: dict[str, Any], faults: list[str]) -> None:
        self._path, self._left, self._faults = path, dict(table), faults
        self._given = frozenset(table)
        self._known: list[str] = []

    def keys_left(self) -> list[str]:
        return list(self._left)

    def has(self, key: str) -> bool:
        return key in self._given

    def fault(self, key: str, text: str) -> None:
        self._faults.append(f"{self._at(key)}: {text}")

    def take(self, key: str, default: Any) -> Any:
        self._known.append(key)
        return self._left.pop(key, default)

    def text(self, key: str, default: str | None, *, length_max: int = 200) -> str:
        """Return a text; without a default it has to be there."""
        value = self.take(key, default)
        if value is None:
            self.fault(key, "missing; want a text")
            return ""
        if value == "" and default == "" and key not in self._given:
            return ""
        if not isinstance(value, str) or not value.strip() or len(value) > length_max or not value.isprintable():
            self.fault(key, f"want a text of 1 to {length_max} characters, got {_shown(value)}")
            return default or ""
        return value.strip()

    def whole(self, key: str, default: int | None, *, high: int) -> int:
        value = self.take(key, default)
        if type(value) is int and 0 <= value <= high:  # bool is not a count
            return value
        self.fault(key, f"want a whole number 0 to {high}" + ("" if value is None else f", got {_shown(value)}"))
        return default or 0

    def switch(self, key: str, *, default: bool) -> bool:
        value = self.take(key, default)
        if isinstance(value, bool):
            return value
        self.fault(key, f"want true or false, got {_shown(value)}")
        return default

    def word(self, key: str, default: Any, words: tuple[Any, ...]) -> Any:
        value = self.take(key, default)
        if value in words:
            return value
        near = get_close_matches(value, words, n=1) if isinstance(value, str) else ()
        hint = f"; did you mean {near[0]!r}?" if near else ""
        self.fault(key, f"want {' or '.join(words)}, got {_shown(value)}{hint}")
        return default

    def price(self, key: str) -> Decimal | None:
        """Return a price from 0, None where there is none."""
        value = self.take(key, None)
        if value is None:
            return None
        price = _decimal(value)
        if price is None or not 0 <= price < PRICE_MAX or _decimals(price) > _PRICE_DECIMALS_MAX:
            self.fault(key, f"want a price from 0 below {PRICE_MAX}, of at most {_PRICE_DECIMALS_MAX} decimals, got {_shown(value)}")
            return None
        return price

    def price_needed(self, key: str) -> Decimal:
        price = self.price(key)
        if price is None and key not in self._given:
            self.fault(key, "missing; want a price")
        return price or Decimal(0)

    def percent(self, key: str, *, high: int) -> Decimal | None:
        value = self.take(key, None)
        if value is None:
            return None
        percentage = _decimal(value)
        if percentage is None or not 0 <= percentage <= high or _decimals(percentage) > _PERCENT_DECIMALS_MAX:
            self.fault(key, f"want a percentage 0 to {high}, of at most {_PERCENT_DECIMALS_MAX} decimals, got {_shown(value)}")
            return None
        return percentage

    def table(self, key: str) -> _Table:
        value = self.take(key, {})
        if not isinstance(value, dict):
            self.fault(key, f"want a table, got {_shown(value)}")
            value = {}
        return _Table(self._at(key), value, self._faults)

    def tables(self, key: str) -> list[_Table]:
        value = self.take(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.fault(key, f"want [[{key}]], got {_shown(value)}")
            return []
        if len(value) > _LIST_MAX:
            self.fault(key, f"{len(value)} of them; at most {_LIST_MAX}")
        return [_Table(f"{self._at(key)}[{number}]", one, self._faults) for number, one in enumerate(value[:_LIST_MAX])]

    def finish(self) -> None:
        for key in self._left:
            near = get_close_matches(key, self._known, n=1)
            self.fault(key, "no such key" + (f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(sorted(self._known))}"))

    def _at(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key


def _decimal(value: object) -> Decimal | None:
    """Return a finite number; a text may hold one, for who does not trust TOML with money."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal) or _is_endless(value) or len(str(value)) > 40:
        return None
    try:
        number = Decimal(value)
    except ArithmeticError:
        return None
    exponent = number.as_tuple().exponent
    return number if isinstance(exponent, int) and abs(exponent) <= _EXPONENT_MAX else None  # a letter: no finite number


def _decimals(number: Decimal) -> int:
    """Return how many decimals a number has, zeros at its end apart."""
    exponent = number.normalize(EXACT).as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


def _is_endless(value: object) -> bool:
    """Whether it is a number of more digits than Python turns into text: those of TOML may be hexadecimal, and as long as the file."""
    return isinstance(value, int) and value.bit_length() > _BITS_MAX


def _shown(value: object) -> str:
    match value:
        case int() if _is_endless(value):
            return "a number far too large"
        case bool():
            return "true" if value else "false"
        case str():
            return repr(value if len(value) <= 60 else value[:60] + "…")
        case int() | Decimal():
            return str(value)[:60]
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"
