"""Daily rows: what a printer's counters and levels did on one day, kept when the readings themselves are gone.

Of each counter and each supply's level: the first value, the last, the least and the greatest. Two halves of a day joined are the day, in
whatever order they come, and a half that comes twice changes nothing: first is the earliest, last the latest, so lateness, disorder and
doubles need no care. For the same reason nothing has to be read again when an agent sends the readings of last week.

Rows are made from stored batches by a job (`upkeep`), not while receiving: a busy minute is received first and counted after. In JSON a
span is as short as it can be:

    [v]  the same all day    [first, last]  rising all day    [first, last, least, greatest]    [… , first at, last at]

The last form is that of a value that not all readings of the day had; its times are milliseconds since 1970. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from poller.central.meters.samples import cell_of
from poller.model import Reading

CELLS_MAX = 128
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

Number = int | float


class Span(NamedTuple):
    """What a value did. Of two values at one moment the lesser is the first and the greater the last, whoever came first."""

    first: Number
    last: Number
    least: Number
    greatest: Number
    first_utc: datetime
    last_utc: datetime

    def joined(self, other: Span) -> Span:
        first = min((self.first_utc, self.first), (other.first_utc, other.first))
        last = max((self.last_utc, self.last), (other.last_utc, other.last))
        return Span(first[1], last[1], min(self.least, other.least), max(self.greatest, other.greatest), first[0], last[0])


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One printer's day. `site` is where it was at last; `counters` go by cell (`samples.cell_of`), `levels` by supply key, 0 to 1."""

    printer: str
    day: date
    site: str
    first_utc: datetime
    last_utc: datetime
    readings: int
    counters: Mapping[str, Span]
    levels: Mapping[str, Span]

    def joined(self, other: Day) -> Day:
        """Return both as one. `readings` are added up: whoever joins takes each batch once."""
        assert (self.printer, self.day) == (other.printer, other.day)
        return Day(
            printer=self.printer,
            day=self.day,
            site=max((self.last_utc, self.site), (other.last_utc, other.site))[1],
            first_utc=min(self.first_utc, other.first_utc),
            last_utc=max(self.last_utc, other.last_utc),
            readings=self.readings + other.readings,
            counters=_joined(self.counters, other.counters),
            levels=_joined(self.levels, other.levels),
        )


Days = dict[tuple[date, str], Day]
"""By day and printer."""


def day_of(reading: Reading, site: str, zone: ZoneInfo) -> Day:
    """Return what one reading says of its day."""
    taken_utc = reading.taken_at.astimezone(UTC)
    counters: dict[str, Span] = {}
    for counter in reading.counters[:CELLS_MAX]:
        if counter.function != "other" and counter.count >= 0:
            counters.setdefault(cell_of(counter), _at(counter.count, taken_utc))
    levels = {one.key: _at(one.ratio, taken_utc) for one in reading.supplies[:CELLS_MAX] if one.ratio is not None}
    return Day(
        printer=reading.printer.id,
        day=taken_utc.astimezone(zone).date(),
        site=site,
        first_utc=taken_utc,
        last_utc=taken_utc,
        readings=1,
        counters=counters,
        levels=levels,
    )


def add(days: Days, more: Iterable[Day]) -> None:
    """Join *more* into *days*."""
    for one in more:
        key = one.day, one.printer
        known = days.get(key)
        days[key] = one if known is None else known.joined(one)


def spans_to_json(spans: Mapping[str, Span], first_utc: datetime, last_utc: datetime) -> dict[str, list[Number]]:
    """Return the spans of a day that had its readings between these times."""
    return {name: _to_json(span, first_utc, last_utc) for name, span in spans.items()}


def spans_from_json(found: Mapping[str, list[Any]], first_utc: datetime, last_utc: datetime) -> dict[str, Span]:
    return {name: _from_json(values, first_utc, last_utc) for name, values in found.items()}


def _to_json(span: Span, first_utc: datetime, last_utc: datetime) -> list[Number]:
    values: list[Number] = [span.first, span.last, span.least, span.greatest]
    if (span.first_utc, span.last_utc) != (first_utc, last_utc):
        return [*values, (span.first_utc - _EPOCH_UTC) // _MILLISECOND, (span.last_utc - _EPOCH_UTC) // _MILLISECOND]
    if (span.least, span.greatest) != (span.first, span.last):
        return values
    return values[:1] if span.first == span.last else values[:2]


def _from_json(values: list[Any], first_utc: datetime, last_utc: datetime) -> Span:
    if len(values) == 6:
        first_utc, last_utc = (_EPOCH_UTC + value * _MILLISECOND for value in values[4:])
    first, last = values[0], values[1] if len(values) > 1 else values[0]
    least, greatest = (values[2], values[3]) if len(values) > 2 else (first, last)
    return Span(first, last, least, greatest, first_utc, last_utc)


def _at(value: Number, moment_utc: datetime) -> Span:
    return Span(value, value, value, value, moment_utc, moment_utc)


def _joined(ours: Mapping[str, Span], theirs: Mapping[str, Span]) -> dict[str, Span]:
    joined = dict(ours)
    for name, span in theirs.items():
        known = joined.get(name)
        if known is not None:
            joined[name] = known.joined(span)
        elif len(joined) < CELLS_MAX:
            joined[name] = span
    return joined
