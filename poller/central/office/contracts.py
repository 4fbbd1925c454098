"""Contract rows: what was agreed for a device, from when to when. At most one holds on a day.

A device has no fee, no request and no bill before it has a row. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal, get_args

from msgspec.structs import replace

from poller.central.meters.formulas import read_cell
from poller.central.meters.samples import COUNT_MAX
from poller.model import Value

ContractKind = Literal["full-service", "pages-only", "monitoring", "lease", "none"]
KINDS: tuple[ContractKind, ...] = get_args(ContractKind)
SUPPLY_KINDS = tuple(
    "toner ink ribbon wasteToner wasteInk drum developer fuser fuserOil transferBelt transferRoller transferUnit transferBeltCleaner"
    " feedRoller maintenanceKit documentFeederKit cleaner printhead solidInk labelRoll staples punchWaste ozoneFilter".split()
)
"""What may be included; the words of a reading's supplies (design.md section 5)."""
FULL_SERVICE = ("toner", "ink", "solidInk", "drum", "developer", "wasteToner", "wasteInk", "fuser", "transferBelt", "maintenanceKit")
"""What full service includes unless told."""

_DAY = timedelta(days=1)


class Contract(Value, frozen=True, kw_only=True):
    """A device's row. `ends` is its last day.

    A null start meter is where the device stood when `begins` began: its last meter before, else its first. A null end meter is the last
    one up to `ends`. Both are looked up in the ledger when a bill is made: readings come late, and what a device shows may be held.

    `pool_pages` are what this device brings, each month, into the pages that all devices of `pool` share.
    """

    begins: date
    ends: date | None = None
    number: str | None = None
    kind: ContractKind
    lease_until: date | None = None
    lessor: str | None = None
    supplies: tuple[str, ...] = ()
    start_meter: dict[str, int] | None = None
    end_meter: dict[str, int] | None = None
    pool: str | None = None
    pool_pages: int | None = None

    def holds(self, day: date) -> bool:
        return self.begins <= day and (self.ends is None or day <= self.ends)


def faults(one: Contract) -> list[str]:
    """Return everything that is wrong with a row, each as a sentence."""
    found = []
    if one.ends is not None and one.ends < one.begins:
        found.append(f"a contract that begins on {one.begins} cannot end on {one.ends}")
    if (one.kind == "lease") != (one.lease_until is not None) or (one.kind == "lease" and not one.lessor):
        found.append("a lease, and nothing else, has a last day and a lessor")
    found += [f"{kind!r} is no kind of supply: {', '.join(SUPPLY_KINDS)}" for kind in one.supplies if kind not in SUPPLY_KINDS]
    for meter in (one.start_meter, one.end_meter):
        found += meter_faults(meter or {})
    if one.pool_pages is not None and (one.pool is None or not 0 <= one.pool_pages <= COUNT_MAX):
        found.append("pages of a pool are a whole number, and the pool has a name")
    return found


def meter_faults(meter: dict[str, int]) -> list[str]:
    """Return what is wrong with counts by cell."""
    found = []
    for cell, count in meter.items():
        try:
            read_cell(cell)
        except ValueError as error:
            found.append(str(error))
        if not 0 <= count <= COUNT_MAX:
            found.append(f"{cell}: {count} is no count of pages")
    return found


def place(one: Contract, others: Sequence[Contract]) -> tuple[list[Contract], list[str]]:
    """Return the rows that change when *one* joins a device's *others*, itself included, and why it cannot.

    The row before, if it has no end or one that reaches into it, ends the day before, with the meter the new one starts with: whatever
    end meter it had was of a later day. A row of the same first day is replaced, and where the one before ended with the meter that began
    with, it ends with that of the new one. One that would go on after the new one ends is a fault: nobody loses the rest unasked.
    """
    changed, found = [one], []
    instead = next((other for other in others if other.begins == one.begins), None)
    for other in others:
        if other.begins == one.begins:
            continue
        if other.begins > one.begins and (one.ends is None or one.ends >= other.begins):
            found.append(f"another contract begins on {other.begins}: this one has to end before")
        if other.begins < one.begins and (other.ends is None or other.ends >= one.begins):
            if one.ends is not None and other.ends is not None and other.ends > one.ends:
                found.append(f"the contract from {other.begins} goes on to {other.ends}: end it first, and set what comes after this one")
            changed.append(replace(other, ends=one.begins - _DAY, end_meter=one.start_meter))
        if instead is not None and other.ends == one.begins - _DAY and other.end_meter == instead.start_meter != one.start_meter:
            changed.append(replace(other, end_meter=one.start_meter))
    return changed, found


def in_force(rows: Sequence[Contract], day: date) -> Contract | None:
    """Return the row that holds on *day*."""
    return next((one for one in rows if one.holds(day)), None)
