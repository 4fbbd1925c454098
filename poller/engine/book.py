"""The book of known printers: who each is, where it is asked, and what is known about asking it. It decides who is who, never when.

One entry a device. A sighting (a sweep met it, or a poll found it at an address) ends in one of these: a new entry; another way to a known
printer; the news that a known one has another's address; or, when it shares a serial number or a MAC address with a printer that answers
elsewhere, a *claim*: that printer is asked first, and its answer or its silence decides whether they are one (`roster.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from poller.engine import second
from poller.engine.asking import OCTETS_MAX
from poller.engine.device import Device
from poller.engine.presence import Presence, Watch
from poller.engine.rhythm import phase_of
from poller.engine.roster import Roster, original
from poller.model import Printer, Target
from poller.model import Value as _Struct

LONG_AGO = float("-inf")
_ABSENT_MISSES = 3  # visits of two tries each: a sleeper, a restart and a lost datagram are no absence
_CLAIMS_MAX = 16  # on one printer; others are met by the next sweep


class Place(_Struct, frozen=True, kw_only=True):
    """What a `[[range]]` says of its printers: where they are delivered to, and how long an answer over its line should be."""

    location: str | None = None
    octets_max: int = OCTETS_MAX


@dataclass(slots=True)
class Known:
    """A printer we poll; `device` is None until it is learned, at `learned_at`. `boot_utc` is when it started, as far
    as it told; `due_at` its next poll, for those who remember it; `read_at` the address it was last read at.

    `other_way` is where it was seen besides, taken when `target` is silent. `is_doubted` says that it was silent once and is asked again
    before anybody is told; `wakes` how often in a row that woke it. While `is_under_way` nobody else polls it; `is_hurried` then has it
    polled again at once. `second` is the patience for IPP beside SNMP; until `by_ipp_until_at` it is asked by IPP alone.
    """

    printer: Printer
    target: Target
    place: Place
    device: Device | None = None
    learned_at: float = 0.0
    boot_utc: datetime | None = None
    due_at: float = 0.0
    read_at: str | None = None
    other_way: Target | None = None
    presence: Presence = field(default_factory=Presence)
    is_doubted: bool = False
    is_under_way: bool = False
    is_hurried: bool = False
    wakes: int = 0
    second: second.Patience = field(default_factory=second.Patience)
    by_ipp_until_at: float = 0.0
    phase: float = field(init=False)

    def __post_init__(self) -> None:
        self.phase = phase_of(self.printer.id)

    def learn_anew(self) -> None:
        """Have the next poll find out what is at the address, and who."""
        self.learned_at = LONG_AGO


class Claim(NamedTuple):
    """A sighting that waits for what another printer says."""

    printer: Printer
    target: Target
    place: Place


class Sighted(NamedTuple):
    """What a sighting led to: whose next poll is at once, if anybody's; *is_new* for an entry just made."""

    due: Known | None
    is_new: bool = False


class Book:
    """Printers by id and by address. `watch` counts them by range as they come, go and change their range."""

    def __init__(self, roster: Roster, watch: Watch) -> None:
        self._roster, self._watch = roster, watch
        self._known: dict[str, Known] = {}
        self._at: dict[str, str] = {}
        self._claims: dict[str, dict[str, Claim]] = {}
        """By whom they wait for, and by address. Kept in memory alone: after a restart a search or sweep makes the sighting anew."""
        self._met: set[str] = set()
        """Who was read in earlier days and is left out since: no news when a sweep meets them."""
        self.changed: set[str] = set()
        self.removed: set[str] = set()
        roster.is_absent = self._is_absent

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Known]:
        return iter(list(self._known.values()))

    def get(self, printer_id: str) -> Known | None:
        return self._known.get(printer_id)

    def at(self, address: str) -> Known | None:
        """Return who is asked at *address*."""
        printer_id = self._at.get(address)
        return None if printer_id is None else self._known.get(printer_id)

    def has(self, known: Known) -> bool:
        """Say whether *known* is still in the book."""
        return self._known.get(known.printer.id) is known

    # --- sightings -----------------------------------------------------------------------------------------------------

    def sight(self, printer: Printer, target: Target, place: Place) -> Sighted:
        """Take a printer a sweep met.

        A known one keeps its way while that works (a device may have several addresses); the other way is taken when it falls silent.
        """
        kin = self.claim(printer, target, place)
        if kin is not None:
            return Sighted(kin)
        printer = self._decide(printer)
        known = self._known.get(printer.id)
        if known is None:
            return Sighted(self.enter(Known(printer, target, place)), is_new=True)
        if known.place != place:
            known.place = place
            known.learn_anew()
        if known.target == target and known.presence.rival is None:
            return Sighted(known if known.presence.failures else None)  # the sweep has just talked to it
        known.other_way = target
        if known.presence.failures or known.presence.rival is not None:
            self.take_other_way(known)
            return Sighted(known)
        if known.target.address != target.address:
            known.learn_anew()  # who sits at the old address? the next poll finds out
        return Sighted(None)

    def settle(self, known: Known, printer: Printer) -> Printer:
        """Return *printer*, as a poll of *known* learned it, under its id.

        Before the first reading, an id made of less than is shown now (a sweep may have missed a table) counts for nothing.
        """
        if not known.presence.was_read and known.printer.id in self._known and _shows_more(printer, known.printer):
            self._roster.forget(known.printer.id)
        else:
            self._roster.locate(known.printer.id, known.target.address)
        return self._decide(printer)

    def claim(self, printer: Printer, target: Target, place: Place) -> Known | None:
        """Return whom to ask first: the one known that *printer*, seen at *target*, may be, or may be not. None where that is clear."""
        printer = self._decide(printer)
        kin_id = self._roster.take_kin(printer.id)
        kin = None if kin_id is None or printer.id in self._known else self._known.get(kin_id)
        if kin is None or self._is_absent(kin.printer.id):
            return None
        self._roster.forget(printer.id)  # nobody is called that yet
        claims = self._claims.setdefault(kin.printer.id, {})
        if target.address in claims or len(claims) < _CLAIMS_MAX:
            claims[target.address] = Claim(printer, target, place)
        return kin

    def is_claimed(self, known: Known) -> bool:
        """Say whether a sighting waits for what *known* says."""
        return known.printer.id in self._claims

    def settle_claims(self, known: Known, *, has_answered: bool) -> list[Known]:
        """Decide who was meant by the sightings that waited for *known*; return whose next poll is at once.

        It answered where it was: they are others, unless that is by now where it was sighted. It stays silent: one alone is it, with a new
        board at a new address; several cannot be.
        """
        if known.printer.id not in self._claims or not (has_answered or self._is_absent(known.printer.id)):
            return []
        claims, due = list(self._claims.pop(known.printer.id).values()), []
        are_others = not has_answered and len({claim.printer.id for claim in claims}) > 1
        for claim in claims:
            printer = self._roster.settle(claim.printer) if are_others else self._decide(claim.printer)
            self._roster.take_kin(printer.id)
            if printer.id == known.printer.id:
                if not has_answered:
                    known.other_way = claim.target
                    self.take_other_way(known)
                    due.append(known)
            elif printer.id not in self._known:
                due.append(self.enter(Known(printer, claim.target, claim.place)))
        return due

    def answers_at(self, known: Known, printer: Printer, now_at: float) -> tuple[Known, Known | None]:
        """Take the news that *printer* answers where *known* was asked. Return its entry, and *known* if it has another way to try.

        One that is known elsewhere has moved here; one that is not is new. Where *known* is now, nobody may know.
        """
        other = self._known.get(printer.id)
        if other is None:
            other = self.enter(Known(printer, known.target, known.place))
        else:
            self._retarget(other, known.target)
            other.place, other.other_way = known.place, None
        other.device, other.learned_at, other.boot_utc = known.device, known.learned_at, known.boot_utc
        known.device = known.boot_utc = None
        if not known.presence.was_read:  # a sweep saw less of it: nobody has heard of it under that name
            self.drop(known, is_forgotten=True)
            return other, None
        if known.other_way is not None:
            self.take_other_way(known)
            return other, known
        self._watch.displaced(known.target.range, known.presence, printer.id, now_at)
        self.changed.add(known.printer.id)
        return other, None

    # --- entries -------------------------------------------------------------------------------------------------------

    def enter(self, known: Known) -> Known:
        if known.printer.id in self._met:
            self._met.discard(known.printer.id)
            known.presence.was_read = True
        self._known[known.printer.id] = known
        if known.presence.rival is None:
            self._at[known.target.address] = known.printer.id
        self._watch.enter(known.target.range, known.presence)
        self.changed.add(known.printer.id)
        return known

    def drop(self, known: Known, *, is_forgotten: bool) -> None:
        """Take *known* out. Unless it *is_forgotten*, it is no news when it comes again."""
        printer_id = known.printer.id
        del self._known[printer_id]
        self._watch.leave(known.target.range, known.presence)
        if self._at.get(known.target.address) == printer_id:
            del self._at[known.target.address]
        self._claims.pop(printer_id, None)  # a sweep meets them again
        if is_forgotten:
            self._roster.forget(printer_id)
        else:
            self.leave_out(printer_id, was_read=known.presence.was_read)
        self.changed.discard(printer_id)
        self.removed.add(printer_id)

    def leave_out(self, printer_id: str, *, was_read: bool) -> None:
        """Note a printer that is not polled any more, by configuration."""
        self.removed.add(printer_id)
        if was_read:
            self._met.add(printer_id)

    def take_other_way(self, known: Known) -> None:
        """Ask the printer where it was seen last, and learn it anew."""
        assert known.other_way is not None
        target, known.other_way, known.device = known.other_way, None, None
        self._retarget(known, target)

    def point(self, known: Known, target: Target, place: Place) -> None:
        """Have *known* asked as the configuration says by now."""
        if known.place != place or (known.target.address, known.target.range) != (target.address, target.range):
            known.learn_anew()
        self._retarget(known, target)
        known.place = place

    def take_changes(self, count_max: int) -> tuple[list[Known], list[str]]:
        """Return at most *count_max* printers that changed since they were last taken, and the ids of those that are no more."""
        changed = [self.changed.pop() for _ in range(min(count_max, len(self.changed)))]
        removed = [printer_id for printer_id in self.removed if printer_id not in self._known]
        self.removed.clear()
        return [self._known[printer_id] for printer_id in changed if printer_id in self._known], removed

    def _decide(self, printer: Printer) -> Printer:
        """Return *printer* under its id. A name nobody in the book goes by is left from a sighting that came to nothing."""
        settled = self._roster.settle(printer)
        if settled.id in self._known or settled.id in self._met:
            return settled
        self._roster.forget(settled.id)
        return self._roster.settle(original(printer))

    def _retarget(self, known: Known, target: Target, *, rival: str | None = None) -> None:
        if self._at.get(known.target.address) == known.printer.id:
            del self._at[known.target.address]
        self._watch.leave(known.target.range, known.presence)
        known.target, known.presence.rival = target, rival
        self._watch.enter(target.range, known.presence)
        if rival is None:
            self._at[target.address] = known.printer.id
        self.changed.add(known.printer.id)

    def _is_absent(self, printer_id: str) -> bool:
        known = self._known.get(printer_id)
        if known is None:
            return True
        presence = known.presence
        return presence.is_gone or presence.rival is not None or presence.misses >= _ABSENT_MISSES


def _shows_more(printer: Printer, before: Printer) -> bool:
    """Say whether *printer* shows every number of *before* and another besides."""
    return {one for one in before.identities if not one.startswith("addr:")} < set(printer.identities) - {f"addr:{printer.address}"}


Places = Mapping[str | None, Place]
