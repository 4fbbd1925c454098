"""What a bench says: a goal, what was measured beside it, and the verdict; as a table for people and as an object for programs.

Figures of two machines, or of two hours on one machine, do not compare. A ratio of two measurements taken one right after the other does:
so a goal is a ratio, to a peer where there is one, else to a limit that is part of the goal.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Literal, NamedTuple

import msgspec

Verdict = Literal["reached", "missed", "for information", "failed", "not measured"]

HEADINGS = ("work", "ours", "peer or limit", "ratio (min-max)", "wanted", "verdict")


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """One figure, measured several times."""

    min: float
    median: float
    max: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        return cls(min=min(figures), median=median(figures), max=max(figures))


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table. `ours` and `theirs` are in `unit`; `ratio` is ours divided by theirs, pair by pair."""

    row: str
    work: str
    unit: str
    ours: Spread | None = None
    beside: str
    theirs: Spread | None = None
    ratio: Spread | None = None
    wanted: str
    verdict: Verdict
    reason: str | None = None
    """Why there is no figure, where there is none."""
    note: str | None = None


class Goal(NamedTuple):
    """What a row must reach: the ratio of ours to what is `beside` it is, by `sense`, at `value`.

    `limit` is what stands beside it where that is no measurement. The median of the ratios counts, or the worst one where `is_worst`.
    With `is_judged` false the row is shown and nobody fails by it; `sense` None says that nothing is wanted of it at all.
    """

    row: str
    work: str
    unit: str
    beside: str
    sense: Literal[">=", "<=", "<"] | None
    value: float = 1.0
    limit: float | None = None
    is_worst: bool = False
    is_judged: bool = True

    @property
    def wanted(self) -> str:
        """Return the goal in words."""
        if self.sense is None:
            return "-"
        if self.sense == ">=" and self.limit is not None and self.value == 1:
            return f"at least {_figure(self.value * self.limit)} {self.unit}"
        if self.sense == ">=":
            return "all" if self.value == 1 else f"at least {self.value:g} times"
        if self.limit is None:
            return f"at most {self.value:g} times"
        limit = f"{_figure(self.value * self.limit)} {self.unit}"
        return f"under {limit}" if self.sense == "<" else f"at most {limit}"

    def judge(self, ours: Sequence[float], theirs: Sequence[float] = (), *, note: str | None = None) -> Result:
        """Return the result of measurements in pairs; *theirs* is left out where the goal has a limit."""
        beside = tuple(theirs) or (self.limit,) * len(ours)
        ratio = Spread.of([one / other for one, other in zip(ours, beside, strict=True) if other])
        return self._result(
            ours=Spread.of(ours),
            theirs=Spread.of([other for other in beside if other is not None]),
            ratio=ratio,
            verdict=self._verdict(ratio),
            note=note,
        )

    def _verdict(self, ratio: Spread) -> Verdict:
        if self.sense is None or not self.is_judged:
            return "for information"
        counts = ratio.median if not self.is_worst else ratio.min if self.sense == ">=" else ratio.max
        is_reached = {">=": counts >= self.value, "<=": counts <= self.value, "<": counts < self.value}[self.sense]
        return "reached" if is_reached else "missed"

    def without_figure(self, verdict: Literal["failed", "not measured"], reason: str) -> Result:
        """Return the line of a row that has no figures, with the reason."""
        return self._result(verdict=verdict, reason=reason)

    def _result(
        self,
        *,
        verdict: Verdict,
        ours: Spread | None = None,
        theirs: Spread | None = None,
        ratio: Spread | None = None,
        reason: str | None = None,
        note: str | None = None,
    ) -> Result:
        return Result(
            row=self.row,
            work=self.work,
            unit=self.unit,
            ours=ours,
            beside=self.beside,
            theirs=theirs,
            ratio=ratio,
            wanted=self.wanted,
            verdict=verdict,
            reason=reason,
            note=note,
        )


def cells(result: Result) -> tuple[str, ...]:
    """Return what stands under `HEADINGS`."""
    ours = f"{_figure(result.ours.median)} {result.unit}" if result.ours else "-"
    beside = f"{result.beside}: {_figure(result.theirs.median)}" if result.theirs else result.beside
    ratio = _figures(result.ratio) if result.ratio else "-"
    return result.work, ours, beside, ratio, result.wanted, result.verdict


def text(results: Sequence[Result]) -> str:
    """Return the table in columns, with the remarks below it."""
    rows = [HEADINGS, *map(cells, results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    remarks = [f"{result.work}: {remark}" for result in results for remark in _remarks(result)]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], *([""] if remarks else []), *remarks])


def markdown(results: Sequence[Result]) -> str:
    """Return the table as docs/performance.md shows it."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *map(cells, results)]
    remarks = [f"- {result.work}: {remark}." for result in results for remark in _remarks(result)]
    return "\n".join([*(f"| {' | '.join(row)} |" for row in rows), *([""] if remarks else []), *remarks])


def _remarks(result: Result) -> list[str]:
    return [remark for remark in (result.reason, result.note) if remark]


def _figures(spread: Spread) -> str:
    return _figure(spread.median) + (f" ({_figure(spread.min)}-{_figure(spread.max)})" if spread.min != spread.max else "")


def _figure(number: float) -> str:
    """Return *number* to three figures: 0.123, 1.23, 12.3, 123, 12,345."""
    if number == int(number) or abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.{1 if abs(number) >= 10 else 2 if abs(number) >= 1 else 3}f}"
