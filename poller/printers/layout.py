"""What one device turned out to have, learned by one walk (RFC 3805 and friends), and how it is asked from then on.

Walking a dozen tables at every poll is what makes others slow. A device's tables change when a part or a tray is added; so its rows
are remembered, and a poll is a GET of exactly the OIDs that exist. `Shape` is what equal models share; `Layout` adds one device's
steady values.

`ROOTS` and `SCALARS` say what to ask when learning; `learn` keeps the rows that mean something to us and leaves out the rest: pseudo
devices, loopback interfaces, character sets of languages nobody chose. Which rows those are is decided here, once, so that nobody above
has to choose again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from poller.printers import levels, library, mib
from poller.printers.charset import read_text
from poller.printers.rules import Profile
from poller.snmp import ber
from poller.snmp.message import Missing, Question, Value
from poller.snmp.oid import Oid, arcs, from_arcs, is_well_formed

Row = tuple[Oid, Value]


class Shape(NamedTuple):
    """The OIDs a device has and we read: `moving` at every poll, `steady` once a day."""

    moving: tuple[Oid, ...]
    steady: tuple[Oid, ...]


class Layout(NamedTuple):
    """A shape with the steady values of one device, one per OID of `shape.steady`, in order."""

    shape: Shape
    steady: tuple[Value | Missing, ...]


SCALARS: tuple[Oid, ...] = tuple(item.scalar for item in (mib.DESCRIPTION, mib.OBJECT_ID, mib.UPTIME, mib.HOST_NAME, mib.LOCATION))
"""Asked by one GET. Not sysContact: a person's name is nobody's business here."""

ROOTS: tuple[Oid, ...] = (
    mib.DEVICE_ENTRY,
    mib.PRINTER_ENTRY,
    mib.GENERAL_ENTRY,
    mib.IEEE_1284_ID.oid,
    mib.INTERFACE_TYPE.oid,
    mib.INTERFACE_ADDRESS.oid,
    mib.CHARACTER_SET.oid,
    mib.MARKER_ENTRY,
    mib.SUPPLY_ENTRY,
    mib.COLORANT_VALUE.oid,
    mib.FINISHER_ENTRY,
    mib.TRAY_UNIT.oid,
    mib.TRAY_CAPACITY.oid,
    mib.TRAY_LEVEL.oid,
    mib.TRAY_MEDIA.oid,
    mib.TRAY_NAME.oid,
    mib.TRAY_DESCRIPTION.oid,
    mib.COVER_ENTRY,
    mib.DISPLAY_LINE.oid,
)
"""Subtrees to walk when learning, identity first. Small tables by their entry, wide ones by the few columns we read: an agent that
knows no GETBULK pays one round trip for every row."""

IDENTITY_ROOTS: tuple[Oid, ...] = ROOTS[: ROOTS.index(mib.INTERFACE_ADDRESS.oid) + 1]
"""Those of ROOTS that tell who a device is: enough for a sweep."""

DEVICE_TYPES: Oid = mib.DEVICE_TYPE.oid
PRINTER_MIB: Oid = mib.PRINTER_MIB
"""What tells a printer from other devices at the price of two questions: the kinds of its parts, and whether it has any Printer-MIB."""

ENTERPRISES: Oid = mib.ENTERPRISES
"""What vendors have of their own is below it."""

SUPPLIES: Oid = mib.SUPPLY_ENTRY
"""The supply table: a printer that shows none of it may have it in another SNMP context."""

ALERTS: Oid = mib.ALERT_ENTRY
"""The alert table, walked at every poll: its rows come and go, so they are part of no shape."""

_MOVING = (
    mib.UPTIME, mib.DEVICE_STATUS, mib.PRINTER_STATUS, mib.PRINTER_ERRORS, mib.CONFIG_CHANGES, mib.ALERT_EVENTS, mib.COVER_STATUS,
    mib.TRAY_LEVEL, mib.MARKER_COUNT, mib.SUPPLY_DESCRIPTION, mib.SUPPLY_CAPACITY, mib.SUPPLY_LEVEL, mib.DISPLAY_LINE,
    mib.FINISHER_DESCRIPTION, mib.FINISHER_CAPACITY, mib.FINISHER_LEVEL,
)  # fmt: skip
"""What changes by itself. A supply's description and capacity are among them: a new cartridge brings its own serial number and yield."""

_STEADY = (
    mib.DESCRIPTION, mib.OBJECT_ID, mib.HOST_NAME, mib.LOCATION, mib.INTERFACE_ADDRESS, mib.DEVICE_TYPE, mib.DEVICE_DESCRIPTION,
    mib.DEVICE_ID, mib.LOCALIZATION, mib.CONSOLE_LOCALIZATION, mib.SERIAL_NUMBER, mib.COVER_DESCRIPTION, mib.CHARACTER_SET, mib.TRAY_UNIT,
    mib.TRAY_CAPACITY, mib.TRAY_MEDIA, mib.TRAY_NAME, mib.TRAY_DESCRIPTION, mib.MARKER_TECHNOLOGY, mib.MARKER_UNIT, mib.SUPPLY_COLORANT,
    mib.SUPPLY_CLASS, mib.SUPPLY_TYPE, mib.SUPPLY_UNIT, mib.COLORANT_VALUE, mib.FINISHER_CLASS, mib.FINISHER_TYPE, mib.FINISHER_UNIT,
    mib.FINISHER_COLOUR, mib.IEEE_1284_ID,
)  # fmt: skip

_OBJECTS = {item.oid: item for item in (*_MOVING, *_STEADY, mib.INTERFACE_TYPE)}
_PREFIX_OCTETS = sorted({len(prefix) for prefix in _OBJECTS})

# For guessing how long an answer gets: the message around its varbinds with a long community, a varbind around its OID and value, values.
_FRAME_OCTETS, _VARBIND_OCTETS, _NUMBER_OCTETS, _TEXT_OCTETS, _RECORDS_OCTETS = 80, 6, 4, 40, 300
_LONG = {mib.SUPPLY_DESCRIPTION, mib.FINISHER_DESCRIPTION, mib.DISPLAY_LINE}

_INDEX_OCTETS_MAX = 15  # three arcs of 32 bits; the tables read here have two
_ROWS_PER_COLUMN_MAX = 128  # the biggest presses have some forty supplies
_VENDOR_ROWS_MAX = 1024  # kept for the profiles of one device
_SHAPES_MAX = 4096

_shapes: dict[Shape, Shape] = {}

_Columns = dict[mib.Object, dict[bytes, Value]]
"""Values by object and index; the index is the encoded arcs behind the column."""


def place(oid: Oid) -> tuple[mib.Object, bytes] | None:
    """Return (object, index) of an OID that has a meaning here, else None. Prefixes end with an arc, so whole arcs are compared."""
    return _place(oid, library.current())


def is_vendors(oid: Oid) -> bool:
    """Say whether *oid* is read for a profile alone."""
    return not any(Oid(oid[:octets]) in _OBJECTS for octets in _PREFIX_OCTETS) and place(oid) is not None


@lru_cache(maxsize=65536)
def _place(oid: Oid, known: library.Library) -> tuple[mib.Object, bytes] | None:
    for octets in _PREFIX_OCTETS:
        item = _OBJECTS.get(Oid(oid[:octets]))
        if item is not None:
            return item, oid[octets:]
    return known.place(oid)


def learn(rows: Iterable[Row], profiles: Sequence[Profile] = ()) -> tuple[Layout, tuple[Value | Missing, ...]]:
    """Return the layout in *rows* and its moving values, in the order of `shape.moving`.

    *rows* is all that SCALARS and ROOTS gave, and what *profiles* asked for. Rows nobody reads are left out, and so is what lies beyond any
    real printer (128 rows in a column). Equal shapes are the same object.
    """
    given = dict(rows)
    columns = _collect(given.items())
    device = _printer_device(columns)
    _keep_row(columns, device, mib.DEVICE_TYPE, mib.DEVICE_DESCRIPTION, mib.DEVICE_ID, mib.DEVICE_STATUS)
    _keep_row(columns, device, mib.PRINTER_STATUS, mib.PRINTER_ERRORS)
    _keep_row(columns, device, mib.CONFIG_CHANGES, mib.LOCALIZATION, mib.CONSOLE_LOCALIZATION, mib.SERIAL_NUMBER, mib.ALERT_EVENTS)
    _keep_interface(columns)
    _keep_character_sets(columns)
    moving, steady = _in_order(columns, _MOVING), _in_order(columns, _STEADY)
    for profile in profiles:
        _add_vendor_rows(profile, given, moving, steady)
    if profiles:
        moving, steady = _sorted(moving), _sorted(steady)
    shape = intern(Shape(tuple(moving), tuple(steady)))
    return Layout(shape, tuple([_shared(value) for value in steady.values()])), tuple(moving.values())


def _add_vendor_rows(profile: Profile, rows: dict[Oid, Value], moving: dict[Oid, Value], steady: dict[Oid, Value]) -> None:
    """Add what *profile* reads of *rows*. What is there already stays where it is, but a meter among the steady values starts to move."""
    wanted_moving, wanted_steady = profile.keep(rows)
    for oid in sorted(wanted_moving - moving.keys())[:_VENDOR_ROWS_MAX]:
        moving[oid] = rows[oid]
        steady.pop(oid, None)
    for oid in sorted(wanted_steady - moving.keys() - steady.keys())[:_VENDOR_ROWS_MAX]:
        steady[oid] = rows[oid]


def profiles_of(layout: Layout, answers: Callable[[Oid], bool] | None = None) -> tuple[Profile, ...]:
    """Return the profiles of the device, the best one first. *answers*, whether anything below a prefix is there, is told by the shape
    unless the caller, who is learning it, knows more."""
    steady = dict(zip(layout.shape.steady, layout.steady, strict=True))
    object_id = steady.get(mib.OBJECT_ID.scalar)
    number = Oid(object_id[1]) if isinstance(object_id, tuple) and object_id[0] == ber.OBJECT_IDENTIFIER else Oid(b"")
    device = next((value for oid, value in steady.items() if oid.startswith(mib.DEVICE_DESCRIPTION.oid)), None)
    values = (steady.get(mib.DESCRIPTION.scalar), device)
    texts = tuple(read_text(value[1]) or "" for value in values if isinstance(value, tuple) and value[0] == ber.OCTET_STRING)
    if answers is not None:
        return library.current().recognise(number, texts, answers)
    return _fitting(library.current(), number, texts, layout.shape)


def has_object_id(layout: Layout) -> bool:
    """Say whether the device has a sysObjectID: it tells the family."""
    return mib.OBJECT_ID.scalar in layout.shape.steady


def answer_prefixes() -> tuple[Oid, ...]:
    """Return the prefixes by whose answering a family is known."""
    return tuple(dict.fromkeys(prefix for prefix, _ in library.current().answers))


def enterprise_of(oid: Oid) -> Oid | None:
    """Return the enterprise's node *oid* is below, or None."""
    if not oid.startswith(mib.ENTERPRISES) or len(oid) == len(mib.ENTERPRISES):
        return None
    end = len(mib.ENTERPRISES)
    while end < len(oid) and oid[end] >= 0x80:
        end += 1
    return Oid(oid[: end + 1])


def enterprise_behind(enterprise: Oid) -> Oid:
    """Return the node of the next enterprise: what is asked for there comes behind everything of this one."""
    return from_arcs((*arcs(enterprise)[:-1], arcs(enterprise)[-1] + 1))


@lru_cache(maxsize=_SHAPES_MAX)
def _fitting(known: library.Library, object_id: Oid, texts: tuple[str, ...], shape: Shape) -> tuple[Profile, ...]:
    oids = (*shape.moving, *shape.steady)
    return known.recognise(object_id, texts, lambda prefix: any(oid.startswith(prefix) for oid in oids))


class Signs(NamedTuple):
    """Where, among the moving values of a shape, the device says that something else about it has changed; None where it does not."""

    config_changes: int | None
    alert_events: int | None
    device_status: int | None
    errors: int | None
    has_alert_table: bool
    """Whether ALERTS is worth walking: an empty alert table cannot be seen, but it comes with the rest of its MIB."""

    @property
    def reports_status(self) -> bool:
        return self.device_status is not None or self.errors is not None


@lru_cache(maxsize=_SHAPES_MAX)
def signs_of(shape: Shape) -> Signs:
    """Return where *shape* has its signs. The first of each: a layout keeps one device's row."""

    def position(item: mib.Object) -> int | None:
        return next((at for at, oid in enumerate(shape.moving) if oid.startswith(item.oid)), None)

    return Signs(
        config_changes=position(mib.CONFIG_CHANGES),
        alert_events=position(mib.ALERT_EVENTS),
        device_status=position(mib.DEVICE_STATUS),
        errors=position(mib.PRINTER_ERRORS),
        has_alert_table=any(oid.startswith(mib.PRINTER_MIB) for oid in (*shape.moving, *shape.steady)),
    )


def number_at(moving: Sequence[Value | Missing], at: int | None) -> int | None:
    """Return the number at position *at*, if there is one."""
    return None if at is None else levels.integer(moving[at])


Mood = tuple[Value | Missing | None, Value | Missing | None, Value | Missing | None]
"""How many alerts a device has counted, its status, and its error bits, as sent; None for what it does not tell."""


def mood(moving: Sequence[Value | Missing], signs: Signs) -> Mood:
    """Return what the device gives to see beside its alert table; while that stays the same, so does the table."""
    events, status, errors = signs.alert_events, signs.device_status, signs.errors
    return (
        None if events is None else moving[events],
        None if status is None else moving[status],
        None if errors is None else moving[errors],
    )


@lru_cache(maxsize=_SHAPES_MAX)
def questions(shape: Shape, oids_max: int, octets_max: int) -> tuple[Question, ...]:
    """Return the moving OIDs of *shape* as questions of at most *oids_max*, whose answers should stay within *octets_max*."""
    cut: list[Question] = []
    part: list[Oid] = []
    octets = _FRAME_OCTETS
    records = library.current().records
    for oid in shape.moving:
        placed = place(oid)
        of_this = len(oid) + _VARBIND_OCTETS
        of_this += _RECORDS_OCTETS if oid in records else _TEXT_OCTETS if placed is not None and placed[0] in _LONG else _NUMBER_OCTETS
        if part and (len(part) == oids_max or octets + of_this > octets_max):
            cut.append(Question(tuple(part)))
            part, octets = [], _FRAME_OCTETS
        part.append(oid)
        octets += of_this
    return (*cut, Question(tuple(part))) if part else ()


@lru_cache(maxsize=16384)
def _shared(value: Value) -> Value:
    """Return one object for equal values: of ten thousand printers most say the same of what does not change."""
    return value


def _collect(rows: Iterable[Row]) -> _Columns:
    columns: _Columns = {}
    for oid, value in rows:
        placed = place(oid)
        if placed is None or not isinstance(value, tuple):
            continue
        item, index = placed
        column = columns.setdefault(item, {})
        if len(column) < _ROWS_PER_COLUMN_MAX and len(index) <= _INDEX_OCTETS_MAX and is_well_formed(index):
            column.setdefault(index, value)
    return columns


def _printer_device(columns: _Columns) -> bytes | None:
    """Return the index of the print engine among the devices of hrDeviceTable.

    By its type, else by having a row of its own table, else by the Printer-MIB's general row; at last the first device there is.
    """
    by_type = [index for index, value in columns.get(mib.DEVICE_TYPE, {}).items() if is_printer_type(value)]
    candidates = (
        by_type,
        columns.get(mib.PRINTER_STATUS, {}) or columns.get(mib.PRINTER_ERRORS, {}),
        columns.get(mib.SERIAL_NUMBER, {}) or columns.get(mib.CONFIG_CHANGES, {}) or columns.get(mib.LOCALIZATION, {}),
        columns.get(mib.DEVICE_DESCRIPTION, {}),
    )
    return next((min(indexes, key=_index_order) for indexes in candidates if indexes), None)


def is_printer_type(value: Value | Missing | None) -> bool:
    """Say whether a value of hrDeviceType is hrDevicePrinter."""
    return value == (ber.OBJECT_IDENTIFIER, mib.TYPE_PRINTER)


def _keep_row(columns: _Columns, index: bytes | None, *items: mib.Object) -> None:
    """Keep one row of a table: the one at *index*, else the first."""
    present = {row for item in items for row in columns.get(item, {})}
    chosen = index if index in present else min(present, key=_index_order, default=None)
    for item in items:
        columns[item] = {row: value for row, value in columns.get(item, {}).items() if row == chosen}


def _keep_interface(columns: _Columns) -> None:
    """Keep the first address of an interface that is a real one."""
    types = columns.pop(mib.INTERFACE_TYPE, {})
    addresses = columns.get(mib.INTERFACE_ADDRESS, {})
    real = [
        index
        for index, (_, octets) in addresses.items()
        if is_hardware_address(octets) and levels.integer(types.get(index)) != mib.SOFTWARE_LOOPBACK
    ]
    chosen = min(real, key=_index_order, default=None)
    columns[mib.INTERFACE_ADDRESS] = {index: value for index, value in addresses.items() if index == chosen}


def is_hardware_address(octets: bytes) -> bool:
    """Say whether *octets* are one station's MAC address: six, not all zero, not a group address (IEEE 802, first bit sent)."""
    return len(octets) == 6 and any(octets) and not octets[0] & 1


def _keep_character_sets(columns: _Columns) -> None:
    """Keep the character sets of the languages in use, of the dozen a device may have; the first one where it does not say."""
    sets = columns.get(mib.CHARACTER_SET, {})
    chosen = {localization_index(columns.get(item, {})) for item in (mib.LOCALIZATION, mib.CONSOLE_LOCALIZATION)}
    wanted = {index for index in sets if index in chosen} or set(sorted(sets, key=_index_order)[:1])
    columns[mib.CHARACTER_SET] = {index: value for index, value in sets.items() if index in wanted}


def localization_index(general: dict[bytes, Value]) -> bytes | None:
    """Return the index of the localization a row of prtGeneralTable names, as `<device>.<localization>`."""
    for device, value in general.items():
        number = levels.integer(value)
        if number is not None and 0 < number < 0x80:
            return device + bytes([number])
    return None


def _in_order(columns: _Columns, items: tuple[mib.Object, ...]) -> dict[Oid, Value]:
    found = {Oid(item.oid + index): value for item in items for index, value in columns.get(item, {}).items()}
    return _sorted(found)


def _sorted(found: dict[Oid, Value]) -> dict[Oid, Value]:
    return dict(sorted(found.items(), key=lambda row: arcs(row[0])))


def _index_order(index: bytes) -> tuple[int, ...]:
    return arcs(Oid(b"\x2b" + index))


def intern(shape: Shape) -> Shape:
    """Return the one object for equal shapes; requests, plans and caches are kept by it."""
    known = _shapes.get(shape)
    if known is None:
        if len(_shapes) >= _SHAPES_MAX:
            del _shapes[next(iter(_shapes))]
        known = _shapes[shape] = shape
    return known
