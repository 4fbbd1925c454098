"""Charges jobs: every job becomes lines, the lines of a cost centre and period become a statement. Pure, and one job at a time.

The order within a job: its lines as the tariff prices them; then `express` for one that took precedence; then `minimum`, what is missing
to it; then `discount`. Each line is rounded when it comes into being (`money.rounded`), so a statement is the sum of its lines exactly.

A line is of one kind. *charge* counts; *waste* came out of the press and is not charged, its amount says what it would have cost; *none*
says of a job without other lines that it was there, and why it costs nothing. Every line names its job.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Literal, NamedTuple

import msgspec

from poller.accounting import money
from poller.accounting.job import Job, Medium, digest, key
from poller.accounting.names import normal
from poller.accounting.pseudonyms import without_names
from poller.accounting.quantities import Flag, Quantities, Sides, quantities
from poller.accounting.tariff import FinishingPrice, Prices, Tariff
from poller.accounting.values import COUNT_MAX

Item = Literal[
    "setup",
    "impression-black",
    "impression-colour",
    "sheet",
    "sheet-wider-9in",
    "sheet-wider-345mm",
    "copy",
    "finishing",
    "rip",
    "trapping",
    "express",
    "minimum",
    "discount",
    "not-charged",
]
"""What a line is for; docs/tariffs.md says what each means (a test compares)."""
Kind = Literal["charge", "waste", "none"]

UNDATED = "undated"
"""The period of jobs that tell no time at all."""

_INTERRUPTS = frozenset({"Interrupt", "Interrupt Interrupted"})
_HUNDRED = Decimal(100)
_MOMENT_MAX = 253_370_764_800
"""The year 9999, UTC: in a zone to the east it ends in the year 10000, which dates do not have."""


class Record(NamedTuple):
    """A job and what stands for it wherever it is named: the hex digits of `digest_of`."""

    key: str
    job: Job


def digest_of(job: Job) -> bytes:
    """Return 16 octets that tell a record from all others: those of its key; of one without a Job ID also those of all it counts.

    No name of a person or document is in it, so nobody can try names until one fits, and it is the same whatever becomes of names.
    """
    if job.job_id is not None:
        return digest(key(job))
    return blake2b(repr(without_names(job)).encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Line(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="line", tag_field="type"):
    """One line of a statement: `quantity` times `price`, `percent` of it where there is one, rounded. Times are in the tariff's zone."""

    period: str
    cost_centre: str
    kind: Kind
    item: Item
    detail: str
    quantity: int
    unit: str
    price: Decimal
    percent: Decimal | None
    amount: Decimal
    job: str
    """Its key."""
    server: str | None
    job_id: int | None
    report_id: str | None
    at: datetime | None
    """When it was completed, else began to print, else was submitted."""
    document: str | None = None
    sender: str | None = None
    flags: tuple[Flag, ...] = ()


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """All lines of one kind and item."""

    kind: Kind
    item: Item
    lines: int
    quantity: int
    amount: Decimal


class Statement(msgspec.Struct, frozen=True, kw_only=True, tag="statement", tag_field="type"):
    """What one cost centre owes for one period. `net` is the sum of all *charge* lines, `waste` that of all *waste* lines."""

    period: str
    cost_centre: str
    currency: str
    jobs: int
    jobs_charged: int
    jobs_flagged: int
    net: Decimal
    tax_percent: Decimal | None
    tax: Decimal | None
    gross: Decimal
    waste: Decimal
    totals: tuple[Total, ...]
    flags: dict[Flag, int]


def moment(job: Job) -> int | None:
    """Return when a job counts, in seconds since 1970 UTC: completed, else begun to print, else submitted.

    None for a time that some time zone could not tell, which no press has seen.
    """
    seconds = job.print_completed_utc_seconds or job.print_started_utc_seconds or job.submitted_utc_seconds
    return seconds if seconds is not None and seconds < _MOMENT_MAX else None


def statements(records: Iterable[Record], tariff: Tariff, *, has_names: bool = False) -> Iterator[Line | Statement]:
    """Yield the lines of each cost centre and period, then their statement, then the next.

    *records* come by cost centre, and within it by `moment`, those without one first; what is kept meanwhile is one statement's totals.
    With *has_names* lines tell document and sender, as far as the jobs do.
    """
    zone, page = tariff.zone_info(), None
    for record in records:
        job = record.job
        seconds = moment(job)
        at = None if seconds is None else datetime.fromtimestamp(seconds, zone)
        period = UNDATED if at is None else tariff.period_of(at.date())
        cost_centre = tariff.cost_centre_of(job)
        if page is None or (page.period, page.cost_centre) != (period, cost_centre):
            if page is not None:
                yield page.statement()
            page = _Page(tariff, period, cost_centre)
        lines = page.lines(record, at, has_names=has_names)
        page.add(lines)
        yield from lines
    if page is not None:
        yield page.statement()


class _Part(NamedTuple):
    """A line that knows its job not yet."""

    kind: Kind
    item: Item
    detail: str
    quantity: int
    unit: str
    price: Decimal
    percent: Decimal | None
    amount: Decimal


class _Page:
    """One cost centre's period: how many impressions it has had, and its totals."""

    def __init__(self, tariff: Tariff, period: str, cost_centre: str) -> None:
        self.period, self.cost_centre = period, cost_centre
        self._tariff = tariff
        self._impressions = 0
        self._jobs = self._charged = self._flagged = 0
        self._sums: dict[tuple[Kind, Item], tuple[int, int, Decimal]] = {}
        self._flags: dict[Flag, int] = {}

    # --- a job ---

    def lines(self, record: Record, at: datetime | None, *, has_names: bool) -> list[Line]:
        job = record.job
        prices = None if at is None else self._tariff.prices_on(at.date())
        found = quantities(job, self._tariff.policy)
        flags = list(found.flags)
        if prices is None:
            flags.append("undated" if at is None else "before-prices")
            parts = [self._nothing("it tells no time" if at is None else "before the first prices")]
        else:
            parts = self._priced(job, found, prices, flags)
        document, sender = (job.document_name, job.sender) if has_names else (None, None)
        return [
            Line(
                period=self.period,
                cost_centre=self.cost_centre,
                kind=part.kind,
                item=part.item,
                detail=part.detail,
                quantity=part.quantity,
                unit=part.unit,
                price=part.price,
                percent=part.percent,
                amount=part.amount,
                job=record.key,
                server=job.server,
                job_id=job.job_id,
                report_id=job.report_id,
                at=at,
                document=document,
                sender=sender,
                flags=tuple(flags),
            )
            for part in parts
        ]

    def _priced(self, job: Job, found: Quantities, prices: Prices, flags: list[Flag]) -> list[_Part]:
        treatment = self._tariff.policy.treatment(job)
        if treatment == "none":
            if "impressions-unknown" in flags:  # nobody asks for them
                flags.remove("impressions-unknown")
            return [self._nothing(job.job_status or "no status")]
        kind: Kind = "waste" if treatment == "waste" else "charge"
        parts: list[_Part] = []
        if treatment == "full" and prices.setup is not None:
            parts.append(self._part("charge", "setup", "", 1, "jobs", prices.setup))
        if found.sides is not None:
            parts += self._sides(found.sides, prices, kind)
        parts += self._stocks(found, prices, kind, flags)
        for item, count, price in (
            ("sheet-wider-9in", found.wide, prices.wider_9in),
            ("sheet-wider-345mm", found.widest, prices.wider_345mm),
        ):
            if count and price is not None:
                parts.append(self._part(kind, item, "", count, "sheets", price))  # type: ignore[arg-type]
        if found.copies and prices.copy is not None:
            parts.append(self._part(kind, "copy", "", found.copies, "copies", prices.copy))
        parts += self._finishing(job, found, prices, kind, flags)
        if treatment == "full":
            parts += self._processing(found, prices)
            parts += self._on_top(job, parts, prices)
        parts += self._discount(parts)
        return parts or [self._nothing("nothing the tariff has a price for")]

    def _sides(self, sides: Sides, prices: Prices, kind: Kind) -> Iterator[_Part]:
        for item, count, price in (
            ("impression-black", sides.black, prices.impression_black),
            ("impression-colour", sides.colour, prices.impression_colour),
        ):
            if count and price is not None:
                if kind == "waste":
                    yield self._part(kind, item, "", count, "impressions", price)  # type: ignore[arg-type]
                else:
                    yield from self._steps(item, count, price)  # type: ignore[arg-type]
        if prices.impression_black is not None:
            for detail, count in (("blank sides", sides.blank), ("banner sheets", sides.banner)):
                if count:
                    yield self._part("waste", "impression-black", detail, count, "impressions", prices.impression_black)

    def _steps(self, item: Item, count: int, price: Decimal) -> Iterator[_Part]:
        """Yield impressions by the volume steps they fall into: what is beyond a step costs less, what was before does not."""
        ends = [*(step.above for step in self._tariff.volumes), None]
        lower = [Decimal(0), *(step.percent for step in self._tariff.volumes)]
        for end, percentage, begin in zip(ends, lower, [0, *ends], strict=False):
            fits = count if end is None else min(count, max(0, end - self._impressions))
            if not fits:
                continue
            count -= fits
            self._impressions += fits
            if percentage:
                yield self._part(
                    "charge", item, f"above {begin}", fits, "impressions", price, percent=money.EXACT.subtract(_HUNDRED, percentage)
                )
            else:
                yield self._part("charge", item, "", fits, "impressions", price)

    def _stocks(self, found: Quantities, prices: Prices, kind: Kind, flags: list[Flag]) -> Iterator[_Part]:
        if not prices.sheets:
            return
        for medium, sheets, banner in found.stocks:
            price = next((one.price for one in prices.sheets if one.fits(medium)), None)
            if price is None:
                if "sheet-without-price" not in flags:
                    flags.append("sheet-without-price")
                continue
            if sheets > banner:
                yield self._part(kind, "sheet", _named(medium), sheets - banner, "sheets", price)
            if banner:
                yield self._part("waste", "sheet", "banner sheets", banner, "sheets", price)

    def _finishing(self, job: Job, found: Quantities, prices: Prices, kind: Kind, flags: list[Flag]) -> Iterator[_Part]:
        if not prices.finishing:
            return
        for name in filter(None, job.finishing):
            price = _finishing_price(prices.finishing, name)
            if price is None:
                if "finishing-without-price" not in flags:
                    flags.append("finishing-without-price")
                continue
            count = {"copy": found.copies, "sheet": found.sheets, "job": 1}[price.per]
            if count:
                yield self._part(
                    kind, "finishing", name, count, {"copy": "copies", "sheet": "sheets", "job": "jobs"}[price.per], price.price
                )

    def _processing(self, found: Quantities, prices: Prices) -> Iterator[_Part]:
        if found.rip_seconds and prices.rip_second is not None:
            yield self._part("charge", "rip", "", found.rip_seconds, "seconds", prices.rip_second)
        if found.trapped_pages and prices.trapped_page is not None:
            yield self._part("charge", "trapping", "", found.trapped_pages, "pages", prices.trapped_page)

    def _on_top(self, job: Job, parts: list[_Part], prices: Prices) -> list[_Part]:
        """Return what is added to the lines of a job that is charged in full: precedence, then what is missing to the minimum."""
        added = []
        charged = _charged(parts)
        if prices.express_percent and job.interrupt_status in _INTERRUPTS:
            added.append(self._part("charge", "express", "", 1, "jobs", charged, percent=prices.express_percent))
            charged = money.EXACT.add(charged, added[-1].amount)
        if prices.minimum is not None and charged < prices.minimum:
            added.append(self._part("charge", "minimum", "", 1, "jobs", money.EXACT.subtract(prices.minimum, charged)))
        return added

    def _discount(self, parts: list[_Part]) -> Iterator[_Part]:
        percentage = self._tariff.discounts.get(self.cost_centre)
        charged = _charged(parts)
        if percentage and charged:
            yield self._part("charge", "discount", "", 1, "jobs", charged, percent=-percentage)

    def _part(
        self, kind: Kind, item: Item, detail: str, quantity: int, unit: str, price: Decimal, *, percent: Decimal | None = None
    ) -> _Part:
        amount = money.times(price, quantity)
        if percent is not None:
            amount = money.percent(amount, percent)
        return _Part(kind, item, detail, quantity, unit, price, percent, money.rounded(amount, self._tariff.decimals))

    def _nothing(self, why: str) -> _Part:
        return self._part("none", "not-charged", why, 1, "jobs", money.ZERO)

    # --- its totals ---

    def add(self, lines: list[Line]) -> None:
        self._jobs += 1
        self._charged += any(line.kind == "charge" for line in lines)
        if flags := lines[0].flags:
            self._flagged += 1
            for flag in flags:
                self._flags[flag] = self._flags.get(flag, 0) + 1
        for line in lines:
            count, quantity, amount = self._sums.get((line.kind, line.item), (0, 0, money.ZERO))
            self._sums[line.kind, line.item] = count + 1, quantity + line.quantity, money.EXACT.add(amount, line.amount)

    def statement(self) -> Statement:
        decimals, tax_percent = self._tariff.decimals, self._tariff.tax_percent
        nothing = money.rounded(money.ZERO, decimals)
        net, waste = (money.total([nothing, *(s[2] for (k, _), s in self._sums.items() if k == kind)]) for kind in ("charge", "waste"))
        tax = None if tax_percent is None else money.rounded(money.percent(net, tax_percent), decimals)
        return Statement(
            period=self.period,
            cost_centre=self.cost_centre,
            currency=self._tariff.currency,
            jobs=self._jobs,
            jobs_charged=self._charged,
            jobs_flagged=self._flagged,
            net=net,
            tax_percent=tax_percent,
            tax=tax,
            gross=net if tax is None else money.EXACT.add(net, tax),
            waste=waste,
            totals=tuple(
                [
                    Total(kind=kind, item=item, lines=count, quantity=min(quantity, COUNT_MAX), amount=amount)
                    for (kind, item), (count, quantity, amount) in sorted(self._sums.items())
                ]
            ),
            flags=dict(sorted(self._flags.items())),
        )


def _charged(parts: list[_Part]) -> Decimal:
    return money.total([part.amount for part in parts if part.kind == "charge"])


def _finishing_price(prices: tuple[FinishingPrice, ...], name: str) -> FinishingPrice | None:
    wanted = normal(name)
    return next((one for one in prices if one.name == "*" or normal(one.name) == wanted), None)


def _named(medium: Medium) -> str:
    return ", ".join(filter(None, (medium.name, medium.type, medium.size, medium.colour)))
