"""A printer in an office, day by day: what the tests of forecasts and requests are fed with. No dice: what differs is said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from poller.central.supplies.policy import Catalogue, Policy
from poller.central.supplies.watch import look, take
from poller.central.supplies.watched import Account, Decision, Desk, Watched
from poller.central.supplies.yields import Yields
from poller.model import Alert, Counter, Printer, Reading, State, Status, Supply

MONDAY = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)


def toner(
    ratio: float | None, *, key: str = "1.1", state: State | None = None, part: str | None = "TK-1", **more: str | bool | None
) -> Supply:
    """Return a black toner with that level; None is -3."""
    if state is None:
        state = "some-remaining" if ratio is None else "empty" if ratio == 0 else "low" if ratio <= 0.1 else "ok"
    fields = {"kind": "toner", "colour": "black", **more}
    return Supply(key=key, index=key, part_number=part, ratio=ratio, state=state, unit="percent", **fields)  # type: ignore[arg-type]


def read(
    at: datetime, pages: int | None, *supplies: Supply, errors: Sequence[str] = (), codes: Sequence[int] = (), printer: str = "serial:11:A"
) -> Reading:
    """Return a reading of a printer that has counted *pages*."""
    return Reading(
        taken_at=at,
        printer=Printer(id=printer, identities=(printer,), address="192.0.2.7", manufacturer="ACME", model="L1", via="snmp-2c"),
        status=Status(errors=tuple(errors)),
        supplies=supplies,
        counters=() if pages is None else (Counter(function="total", count=pages),),
        alerts=tuple(Alert(key=f"1.{code}", severity="warning", group="marker", code=code) for code in codes),
    )


def desk(policy: Policy | None = None, catalogue: Catalogue | None = None) -> Desk:
    policy = policy or Policy()
    return Desk(Account("acme", policy), policy, catalogue or Catalogue(), Yields())


class Office:
    """One printer that is read once a day at six. `pages` are its total; `decisions` all that were made."""

    def __init__(self, *, policy: Policy | None = None, catalogue: Catalogue | None = None, printer: str = "serial:11:A") -> None:
        self.desk = desk(policy, catalogue)
        self.watched = Watched("acme", "hq", printer)
        self.at = MONDAY
        self.pages = 1000
        self.decisions: list[Decision] = []

    def day(self, printed: int, *supplies: Supply, errors: Sequence[str] = (), codes: Sequence[int] = ()) -> list[Decision]:
        """Let a day pass on which *printed* pages were made; return what its reading led to."""
        self.pages += printed
        made = take(self.watched, read(self.at, self.pages, *supplies, errors=errors, codes=codes, printer=self.watched.printer), self.desk)
        self.decisions += made
        self.at += timedelta(days=1)
        return made

    def silent(self, days: int) -> list[Decision]:
        """Let days pass without a reading; return what was decided in them, looking every four hours."""
        made = []
        for _ in range(6 * days):
            self.at += timedelta(hours=4)
            made += look(self.watched, self.at, self.desk)
        self.decisions += made
        return made

    def use(self, ratio: float, end: float, *, per_day: float = 0.02, pages: int = 100, **more: str | bool | None) -> float:
        """Print evenly on every day of the week until the level is at *end* or the first decision; return the level."""
        while ratio > end + 1e-9 and not self.decisions:
            self.day(pages, toner(round(ratio, 3), **more))  # type: ignore[arg-type]
            ratio -= per_day
        return ratio

    def events(self) -> list[str]:
        return [decision.event for decision in self.decisions]
