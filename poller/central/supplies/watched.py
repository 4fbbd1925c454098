"""What is known of the supplies of one printer, of what its printers share in an account, and what is said of a decision.

A `Watched` is stored with its printer and loaded for each of its readings. An `Account` is what its printers share: time zone, calendar,
rhythm.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from poller.central.supplies.calendar import DAY_SECONDS, Calendar, Rhythm, day_number, local_seconds
from poller.central.supplies.history import BACK_DAYS, Usage
from poller.central.supplies.policy import Catalogue, Policy
from poller.central.supplies.requests import Reason, Request
from poller.central.supplies.slots import Slot
from poller.central.supplies.yields import Yields

Event = Literal["request", "replaced", "early-change", "wrong-cartridge", "taken-back", "which-colour", "ask-customer"]

PAGES, COLOUR, DAYS = "pages", "colour", "days"
"""The meters by which a supply is used up."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided or noticed, and why. `supply` is the supply's key, None for the question "which colour?".

    `left` is the share that was in the cartridge replaced, `evidence` what showed the replacement; `wanted` the part that was asked
    for where another was installed; `choices` the supplies a warning can mean.
    """

    at: datetime
    event: Event
    account: str
    site: str
    printer: str
    supply: str | None = None
    kind: str | None = None
    colour: str | None = None
    part_number: str | None = None
    forecast_days: float | None = None
    reason: Reason | None = None
    left: float | None = None
    evidence: str | None = None
    wanted: str | None = None
    choices: tuple[str, ...] = ()


class Tracked(msgspec.Struct):
    """One supply of a printer: what it is, its slot, and its request, if it has one. `name` is what its yield is learned under.

    `earlier` is the request that the last replacement ended, as it was before: a replacement may be taken back.
    """

    key: str
    kind: str
    colour: str | None
    name: str
    meter: str
    slot: Slot
    request: Request | None = None
    earlier: Request | None = None
    due_utc: datetime | None = None


class Watched(msgspec.Struct):
    """All that is known of one printer's supplies.

    `meters` by name: `pages`, `colour` where the device counts it, and `days` where it counts nothing. `pace_seconds` is the usual time
    between two readings, a day at most.
    """

    account: str
    site: str
    printer: str
    taken_at: datetime | None = None
    pace_seconds: float = DAY_SECONDS
    meters: dict[str, Usage] = {}
    pages_from: str | None = None
    supplies: dict[str, Tracked] = {}
    silent_words: int = 0
    is_colour_asked: bool = False

    def next_look(self) -> datetime | None:
        """Return when `look` is to be called at the latest; None: not before the next reading."""
        times = [tracked.due_utc for tracked in self.supplies.values() if tracked.due_utc is not None]
        return min(times) if times else None


class Account:
    """What the printers of one account share. `rhythm` is to be stored; the calendar is made from it once a day."""

    def __init__(self, name: str, policy: Policy, *, rhythm: Rhythm | None = None) -> None:
        """*policy* is that of the account; its sites may differ in all but the zone and the quiet days."""
        self.name = name
        self.rhythm = rhythm if rhythm is not None else Rhythm()
        self._policy = policy
        self._calendar: Calendar | None = None

    def calendar(self, utc: datetime) -> Calendar:
        """Return the calendar of the day that *utc* lies in."""
        today = int(local_seconds(utc, self._policy.zone) // DAY_SECONDS)
        if self._calendar is None or today > self.rhythm.today:
            if today > self.rhythm.today:
                self.rhythm.turn(today)
            given = [day_number(day) for day in self._policy.quiet]
            self._calendar = self.rhythm.calendar(self._policy.zone, back_days=BACK_DAYS + 10, given=given)
        return self._calendar


class Desk(msgspec.Struct, frozen=True):
    """What a decision is made with: the account, the site's policy, the catalogue, and what all devices have taught.

    `included` are the kinds of supplies that the device's contract has; None where it has all. Of the others nothing is asked for, but
    they are watched and teach like any.
    """

    account: Account
    policy: Policy
    catalogue: Catalogue
    yields: Yields
    included: frozenset[str] | None = None

    def includes(self, kind: str) -> bool:
        return self.included is None or kind in self.included
