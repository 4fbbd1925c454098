"""Reads one device: learns what it has by one walk, from then on asks for exactly that.

How a question is cut to what the device bears is `asking.py`, what is asked for vendor profiles `vendors.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from poller.clock import Clock
from poller.engine import vendors
from poller.engine.asking import OCTETS_MAX, OIDS_SURE, TOO_MUCH, Manners, Row, ask, walk
from poller.engine.wire import Wire
from poller.errors import AccessError, AgentError, NoAnswerError, PrinterError
from poller.model import Decoded, Printer, Target
from poller.printers import identity
from poller.printers import layout as layouts
from poller.printers.decode import decode
from poller.printers.layout import Layout
from poller.snmp.message import Missing, Question, Value
from poller.snmp.oid import Oid

_ALL_THERE = {tuple}  # the types of a poll without a Missing


@dataclass(slots=True)
class Device:
    """How one device is asked, and what it said that decides what to ask next.

    `alerts` are the rows of its alert table as last seen, None while nobody has looked, and `mood` what it gave to see then;
    `has_had_alerts` says whether there ever were any. `context_at` are the places, among the moving OIDs, of those that are asked in
    the SNMP context `manners.context`; most devices have none.
    """

    layout: Layout
    manners: Manners
    config_changes: int | None = None
    mood: layouts.Mood | None = None
    alerts: Sequence[Row] | None = None
    has_had_alerts: bool = False
    context_at: tuple[int, ...] = ()
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
    vendors.mind_manners(manners, layouts.profiles_of(layouts.learn(rows.items())[0]))
    target = manners.paced(target)
    for root in roots:
        found, fault = await _walk_table(wire, target, root, manners, rows_max=rows_max)
        rows.update(found)
        if fault is not None:
            faults.append(str(fault))
    layout, moving = layouts.learn(rows.items())
    is_whole = roots is layouts.ROOTS
    answering = await vendors.answering(wire, target) if is_whole or not layouts.has_object_id(layout) else {}
    profiles = layouts.profiles_of(layout, lambda prefix: prefix in answering)
    inside: dict[Oid, Value] = {}
    if profiles:
        vendors.mind_manners(manners, profiles)
        target = manners.paced(target)
        rows.update(answering.values())
        faults += await vendors.learn_profiles(wire, target, profiles, manners, rows, rows_max=rows_max if is_whole else 0)
        if is_whole:
            inside = await vendors.learn_context(wire, target, profiles, manners, rows, rows_max=rows_max)
            rows.update(inside)
        layout, moving = layouts.learn(rows.items(), profiles)
    device = Device(layout, manners)
    if inside:
        device.context_at = tuple([at for at, oid in enumerate(layout.shape.moving) if oid in inside])
    device.config_changes = layouts.number_at(moving, device.signs.config_changes)
    device.mood = layouts.mood(moving, device.signs)
    if is_whole and device.signs.has_alert_table:
        fault = await _look_at_alerts(wire, target, device, rows_max=rows_max)
        if fault is not None:
            faults.append(str(fault))
    return Learned(device, moving, rows, faults)


async def _walk_table(
    wire: Wire, target: Target, root: Oid, manners: Manners, *, rows_max: int
) -> tuple[Sequence[Row], PrinterError | None]:
    """Walk one table; where silence answers, once more: who a device is must not depend on a lost datagram.

    Returns its rows and what it broke off with, as `walk`. Raises NoAnswerError when it is the device that is gone, and not this table.
    """
    silence: PrinterError | None = None
    for _ in range(2):
        try:
            return await walk(wire, target, root, manners, rows_max=rows_max)
        except NoAnswerError as error:
            silence = error
        await ask(wire, target, layouts.SCALARS[:1], manners)
    return [], silence


async def poll(wire: Wire, target: Target, device: Device, *, rows_max: int) -> Polled:
    """Ask for the moving values of *device*, and for its alerts where there may be others than last time. Raises PrinterError.

    The alert table's rows come and go, so it is walked, except when that is sure or very likely to show nothing; see `_is_quiet`.
    """
    target = device.manners.paced(target)
    moving = await (_ask_moving(wire, target, device) if not device.context_at else _ask_both(wire, target, device))
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
    if any(device.layout.shape.moving[at].startswith(layouts.PRINTER_MIB) for at in device.context_at):
        target = vendors.within(target, device.manners.context)
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
        if manners.is_proven or len(device.layout.shape.moving) <= OIDS_SURE:
            raise
        manners.oids_max = max(manners.oids_max // 4, OIDS_SURE)
    except AgentError as error:
        if error.status not in TOO_MUCH:
            raise
    else:
        manners.is_proven = True
        return moving
    moving = await ask(wire, target, device.layout.shape.moving, manners)
    device.cut()
    return moving


async def _ask_both(wire: Wire, target: Target, device: Device) -> tuple[Value | Missing, ...]:
    """Ask a device that shows part of its values in a context only: what is outside there, the rest inside."""
    moving, manners = device.layout.shape.moving, device.manners
    inside = [moving[at] for at in device.context_at]
    outside = [oid for oid in moving if oid not in inside]
    found = dict(zip(outside, await ask(wire, target, outside, manners), strict=True))
    found.update(zip(inside, await ask(wire, vendors.within(target, manners.context), inside, manners), strict=True))
    return tuple([found[oid] for oid in moving])


async def identify(wire: Wire, target: Target, *, rows_max: int, location: str | None) -> Printer | None:
    """Return who answers at *target*, or None when it is no printer: of that nothing more is read. Raises PrinterError."""
    manners = Manners()
    asked = zip(layouts.SCALARS, await ask(wire, target, layouts.SCALARS, manners), strict=True)
    rows: dict[Oid, Value] = {oid: value for oid, value in asked if not isinstance(value, Missing)}
    vendors.mind_manners(manners, layouts.profiles_of(layouts.learn(rows.items())[0]))
    target = manners.paced(target)
    rows.update(await wire.next(target, layouts.PRINTER_MIB, 1))  # whether there is any Printer-MIB at all
    found, _ = await walk(wire, target, layouts.DEVICE_TYPES, manners, rows_max=rows_max)
    rows.update(found)
    if not identity.is_printer(rows) and layouts.SCALARS[1] not in rows:
        rows.update((await vendors.answering(wire, target)).values())  # a device without a sysObjectID may show itself by its own MIB alone
    if not identity.is_printer(rows):
        return None
    return describe(await learn(wire, target, rows_max=rows_max, roots=layouts.IDENTITY_ROOTS), target, location=location)


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
