"""Reads one device: learns what it has by one walk, from then on asks for exactly that.

Devices differ in what they bear: some answer GETBULK with genErr or not at all, some drop messages with more than a few OIDs. `Manners`
is what one device turned out to bear; it starts hopeful, only ever gets smaller, and is kept with the layout.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from poller.clock import Clock
from poller.engine.wire import Wire
from poller.errors import AccessError, AgentError, MisreadError, NoAnswerError, PollerError, PrinterError
from poller.logs import emit
from poller.model import Decoded, Printer, Target
from poller.printers import identity
from poller.printers import layout as layouts
from poller.printers.decode import decode
from poller.printers.layout import Layout
from poller.printers.rules import Profile
from poller.snmp.message import ErrorStatus, Missing, Question, Value
from poller.snmp.oid import Oid, text
from poller.snmp.walk import Walk

log = logging.getLogger(__name__)

Row = tuple[Oid, Value]

OCTETS_MAX = 1400
"""What an answer should not exceed: one Ethernet frame, and what tunnels put around it."""
OCTETS_MAX_SLOW = 1200
"""The same over slow lines, where a lost fragment costs the whole answer."""

_OIDS_MAX = 64
_OIDS_SURE = 6  # every agent met in the field bears as many
_BULK_ROWS_MAX = 24
_ENTERPRISES_MAX = 16
_TOO_MUCH = (ErrorStatus.TOO_BIG, ErrorStatus.GEN_ERR)
_ALL_THERE = {tuple}  # the types of a poll without a Missing


@dataclass(slots=True)
class Manners:
    """What one device bears: OIDs in a GET, rows in a GETBULK (1 means GETNEXT), octets in an answer.

    Until a large GET was answered once (`is_proven`), silence may mean "too large"; afterwards it means silence.
    """

    oids_max: int = _OIDS_MAX
    bulk_rows: int = _BULK_ROWS_MAX
    octets_max: int = OCTETS_MAX
    is_proven: bool = False


@dataclass(slots=True)
class Device:
    """How one device is asked, and what it said that decides what to ask next.

    `alerts` are the rows of its alert table as last seen, None while nobody has looked, and `mood` what it gave to see then;
    `has_had_alerts` says whether there ever were any.
    """

    layout: Layout
    manners: Manners
    config_changes: int | None = None
    mood: layouts.Mood | None = None
    alerts: Sequence[Row] | None = None
    has_had_alerts: bool = False
    questions: tuple[Question, ...] = field(init=False)
    signs: layouts.Signs = field(init=False)

    def __post_init__(self) -> None:
        self.signs = layouts.signs_of(self.layout.shape)
        self.cut()

    def cut(self) -> None:
        """Put the OIDs of the layout into questions as its manners allow. Devices of one shape and equal manners share them."""
        self.questions = layouts.questions(self.layout.shape, self.manners.oids_max, self.manners.octets_max)


@dataclass(slots=True)
class Learned:
    """Everything a walk brought: `rows` as sent, the device and its moving values made of them, and what went wrong on the way."""

    device: Device
    moving: tuple[Value | Missing, ...]
    rows: dict[Oid, Value]
    faults: list[str]

    @property
    def layout(self) -> Layout:
        return self.device.layout


class Polled(NamedTuple):
    """One poll's values. `is_changed`: the device no longer is what its layout says; learn it again."""

    moving: tuple[Value | Missing, ...]
    alerts: Sequence[Row]
    is_changed: bool


async def learn(
    wire: Wire, target: Target, *, rows_max: int, octets_max: int = OCTETS_MAX, roots: Sequence[Oid] = layouts.ROOTS
) -> Learned:
    """Walk *target* and make a layout of what it has.

    One table that misbehaves costs that table, not the device: it is noted in `faults`. Raises PrinterError when the device gives nothing.
    """
    manners = Manners(octets_max=octets_max)
    faults: list[str] = []
    asked = zip(layouts.SCALARS, await ask(wire, target, layouts.SCALARS, manners), strict=True)
    rows: dict[Oid, Value] = {oid: value for oid, value in asked if not isinstance(value, Missing)}
    _mind_manners(manners, layouts.profiles_of(layouts.learn(rows.items())[0]))
    for root in roots:
        found, fault = await walk(wire, target, root, manners, rows_max=rows_max)
        rows.update(found)
        if fault is not None:
            faults.append(str(fault))
    layout, moving = layouts.learn(rows.items())
    is_whole = roots is layouts.ROOTS
    answering = await _answering(wire, target) if is_whole or not layouts.has_object_id(layout) else {}
    profiles = layouts.profiles_of(layout, lambda prefix: prefix in answering)
    if profiles:
        _mind_manners(manners, profiles)
        rows.update(answering.values())
        faults += await _learn_profiles(wire, target, profiles, manners, rows, rows_max=rows_max if is_whole else 0)
        layout, moving = layouts.learn(rows.items(), profiles)
    device = Device(layout, manners)
    device.config_changes = layouts.number_at(moving, device.signs.config_changes)
    device.mood = layouts.mood(moving, device.signs)
    if is_whole and device.signs.has_alert_table:
        fault = await _look_at_alerts(wire, target, device, rows_max=rows_max)
        if fault is not None:
            faults.append(str(fault))
    return Learned(device, moving, rows, faults)


def _mind_manners(manners: Manners, profiles: Sequence[Profile]) -> None:
    """Begin with what is known of these families; a device that bears less will still be found out."""
    for profile in profiles:
        if not profile.manners.getbulk:
            manners.bulk_rows = 1
        elif profile.manners.bulk_rows is not None:
            manners.bulk_rows = min(manners.bulk_rows, profile.manners.bulk_rows)
        if profile.manners.oids_max is not None:
            manners.oids_max = min(manners.oids_max, profile.manners.oids_max)


async def _answering(wire: Wire, target: Target) -> dict[Oid, Row]:
    """Return one row below each prefix by which some family is known, as far as the device answers there.

    First which enterprises it answers for at all, by one question each; then the prefixes below these. A device that misbehaves here is
    not asked further.
    """
    first: dict[Oid, Row] = {}
    found: dict[Oid, Row] = {}
    try:
        place = layouts.ENTERPRISES
        while len(first) < _ENTERPRISES_MAX:
            rows = await wire.next(target, place, 1)
            enterprise = layouts.enterprise_of(rows[0][0]) if rows else None
            if enterprise is None or enterprise in first:
                break
            first[enterprise] = rows[0]
            place = layouts.enterprise_behind(enterprise)
        for prefix in layouts.answer_prefixes():
            row = first.get(layouts.enterprise_of(prefix) or prefix)
            if row is None:
                continue
            if not row[0].startswith(prefix):
                rows = await wire.next(target, prefix, 1)
                row = rows[0] if rows else row
            if row[0].startswith(prefix):
                found[prefix] = row
    except PrinterError:
        return found
    return found


async def _learn_profiles(
    wire: Wire, target: Target, profiles: Sequence[Profile], manners: Manners, rows: dict[Oid, Value], *, rows_max: int
) -> list[str]:
    """Add to *rows* what *profiles* read: exact instances by GET, named columns by walking. Return what went wrong.

    With *rows_max* 0 only what tells who the device is. Of a table without a first column the others are not walked. A device that falls
    silent over a vendor's MIB, but still answers to the standard one, keeps what was learned so far. Raises NoAnswerError when it does not.
    """
    faults: list[str] = []
    try:
        await _ask_vendors(wire, target, profiles, manners, rows, faults, rows_max=rows_max)
    except NoAnswerError as error:
        await ask(wire, target, layouts.SCALARS, manners)
        faults.append(str(error))
    return faults


async def _ask_vendors(
    wire: Wire, target: Target, profiles: Sequence[Profile], manners: Manners, rows: dict[Oid, Value], faults: list[str], *, rows_max: int
) -> None:
    wanted = {oid for profile in profiles for oid in (profile.instances if rows_max else profile.steady)}
    oids = sorted(wanted - rows.keys())
    try:
        asked = zip(oids, await ask(wire, target, oids, manners), strict=True)
        rows.update((oid, value) for oid, value in asked if not isinstance(value, Missing))
    except AgentError as error:
        faults.append(str(error))
    for profile in profiles if rows_max else ():
        for _, table, _ in profile.tables_of(rows):
            for number, column in enumerate(table.columns.values()):
                found, fault = await walk(wire, target, column, manners, rows_max=min(rows_max, table.sheet.rows_max))
                rows.update(found)
                if fault is not None:
                    faults.append(str(fault))
                if number == 0 and not found:
                    break


async def poll(wire: Wire, target: Target, device: Device, *, rows_max: int) -> Polled:
    """Ask for the moving values of *device*, and for its alerts where there may be others than last time. Raises PrinterError.

    The alert table's rows come and go, so it is walked, except when that is sure or very likely to show nothing; see `_is_quiet`.
    """
    moving = await _ask_moving(wire, target, device)
    signs = device.signs
    if signs.has_alert_table:
        mood = layouts.mood(moving, signs)
        if not _is_quiet(device, mood):
            await _look_at_alerts(wire, target, device, rows_max=rows_max)
            device.mood = mood
    changes = layouts.number_at(moving, signs.config_changes)
    is_changed = changes != device.config_changes or set(map(type, moving)) != _ALL_THERE
    return Polled(moving, device.alerts or (), is_changed)


def _is_quiet(device: Device, mood: layouts.Mood) -> bool:
    """Say whether the alert table needs no look: it was empty at the last one, and the device gives no other sign than it gave then.

    That is sure for a device that counts its alerts (prtAlertAllEvents, RFC 3805). One that does not is believed while its table never
    showed any and it does report a status.
    """
    if device.alerts is None or device.alerts or mood != device.mood:
        return False
    return device.signs.alert_events is not None or (device.signs.reports_status and not device.has_had_alerts)


async def _look_at_alerts(wire: Wire, target: Target, device: Device, *, rows_max: int) -> PrinterError | None:
    """Walk the alert table into *device*; return what the walk broke off with, if it did."""
    likely = len(device.alerts or ()) + 1  # as many as last time, and the one behind the table
    device.alerts, fault = await walk(wire, target, layouts.ALERTS, device.manners, rows_max=rows_max, likely=likely)
    device.has_had_alerts = device.has_had_alerts or bool(device.alerts)
    return fault


async def _ask_moving(wire: Wire, target: Target, device: Device) -> tuple[Value | Missing, ...]:
    """Ask the questions of *device*; should it not bear them, find out what it bears and remember that."""
    manners, questions = device.manners, device.questions
    try:
        moving = await wire.get(target, questions[0]) if questions else ()
        for question in questions[1:]:
            moving += await wire.get(target, question)
    except NoAnswerError:
        if manners.is_proven or len(device.layout.shape.moving) <= _OIDS_SURE:
            raise
        manners.oids_max = max(manners.oids_max // 4, _OIDS_SURE)
    except AgentError as error:
        if error.status not in _TOO_MUCH:
            raise
    else:
        manners.is_proven = True
        return moving
    moving = await ask(wire, target, device.layout.shape.moving, manners)
    device.cut()
    return moving


async def identify(wire: Wire, target: Target, *, rows_max: int, location: str | None) -> Printer | None:
    """Return who answers at *target*, or None when it is no printer: of that nothing more is read. Raises PrinterError."""
    manners = Manners()
    asked = zip(layouts.SCALARS, await ask(wire, target, layouts.SCALARS, manners), strict=True)
    rows: dict[Oid, Value] = {oid: value for oid, value in asked if not isinstance(value, Missing)}
    rows.update(await wire.next(target, layouts.PRINTER_MIB, 1))  # whether there is any Printer-MIB at all
    found, _ = await walk(wire, target, layouts.DEVICE_TYPES, manners, rows_max=rows_max)
    rows.update(found)
    if not identity.is_printer(rows) and layouts.SCALARS[1] not in rows:
        rows.update((await _answering(wire, target)).values())  # a device without a sysObjectID may show itself by its own MIB alone
    if not identity.is_printer(rows):
        return None
    return describe(await learn(wire, target, rows_max=rows_max, roots=layouts.IDENTITY_ROOTS), target, location=location)


async def ask(wire: Wire, target: Target, oids: Sequence[Oid], manners: Manners) -> tuple[Value | Missing, ...]:
    """GET *oids* in as many questions as the device needs. Raises PrinterError once it refuses even the smallest."""
    found: dict[Oid, Value | Missing] = {}
    left = list(oids)
    while left:
        part = tuple(left[: manners.oids_max])
        try:
            values = await wire.get(target, Question(part))
        except NoAnswerError:
            if manners.is_proven or len(part) <= _OIDS_SURE:
                raise
            manners.oids_max = max(len(part) // 3, _OIDS_SURE)
        except AgentError as error:
            if error.status not in _TOO_MUCH:
                raise
            culprits = part if len(part) == 1 else tuple(oid for oid in part if text(oid) == error.oid)
            if error.status == ErrorStatus.GEN_ERR and culprits:  # this one value the agent cannot tell; the others it may
                found[culprits[0]] = Missing.NULL
                left.remove(culprits[0])
            elif len(part) == 1:
                raise
            else:
                manners.oids_max = len(part) // 2
        else:
            manners.is_proven = manners.is_proven or len(part) > _OIDS_SURE
            found.update(zip(part, values, strict=True))
            del left[: len(part)]
    return tuple([found[oid] for oid in oids])


async def walk(
    wire: Wire, target: Target, root: Oid, manners: Manners, *, rows_max: int, likely: int = _BULK_ROWS_MAX, over: tuple[Oid, ...] = ()
) -> tuple[list[Row], PrinterError | None]:
    """Return the rows below *root* and, where the walk broke off, why. Raises NoAnswerError when even GETNEXT stays without an answer.

    *likely* is how many rows the first question should ask for. Subtrees named in *over* are left as soon as they are entered, and nothing
    of them is returned.
    """
    rows: list[Row] = []
    steps = Walk(root, rows_max=rows_max)
    while not steps.is_done:
        try:
            found = await wire.next(target, steps.next_oid, min(likely, manners.bulk_rows))
            likely = _BULK_ROWS_MAX
        except (NoAnswerError, AgentError) as error:
            if manners.bulk_rows > 1:
                manners.bulk_rows = 1
                continue
            if isinstance(error, NoAnswerError):
                raise
            return rows, error
        except PrinterError as error:
            return rows, error
        fault = None
        try:
            steps.feed(found)
        except AgentError as error:
            fault = error
        rows += [row for row in steps.taken if not row[0].startswith(over)]
        if fault is not None:
            return rows, fault
        for subtree in over:
            if steps.next_oid.startswith(subtree):
                steps.step_over(subtree)
    return rows, None


@contextmanager
def contained(target: Target) -> Iterator[None]:
    """Keep a fault of ours to the device that shows it: one odd printer must not blind a whole site.

    The one place that catches everything: it logs the traceback and raises MisreadError, which is counted like any other failure.
    """
    try:
        yield
    except PollerError:
        raise
    except Exception as error:
        emit(log, logging.ERROR, "device.misread", exc_info=error, address=target.address)
        raise MisreadError(target.address) from error


async def read(
    wire: Wire, targets: Sequence[Target], clock: Clock, *, rows_max: int, location: str | None = None
) -> tuple[Decoded, Learned, Target]:
    """Read one device now, with the first of *targets* (the same device, credential after credential) that gets an answer.

    Raises PrinterError: the last one's, when none did.
    """
    assert targets
    for target in targets:
        try:
            learned = await learn(wire, target, rows_max=rows_max)
        except (NoAnswerError, AccessError):
            if target is targets[-1]:
                raise
        else:
            return decode_learned(learned, target, clock, location=location), learned, target
    raise AssertionError("the last target either answered or raised")


def describe(learned: Learned, target: Target, *, location: str | None) -> Printer:
    """Return who the device is, its id being the best identity it shows; whether that id is kept is the roster's business."""
    via = f"snmp-{target.credential.version}"
    return identity.describe(learned.layout, learned.moving, address=target.address, via=via, range=target.range, location=location)


def decode_learned(learned: Learned, target: Target, clock: Clock, *, location: str | None) -> Decoded:
    """Return the reading that the walk itself already holds."""
    return decode(
        learned.layout,
        learned.moving,
        learned.device.alerts or (),
        printer=describe(learned, target, location=location),
        taken_at=clock.utc(),
        is_printer=identity.is_printer(learned.rows),
    )
