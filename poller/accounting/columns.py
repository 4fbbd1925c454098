"""From columns to places in a job, and back: which columns a version has, what a header means, which version a log is.

A *slot* is the place of a value in the flat order everything here uses: the scalar fields of `FIELDS`, then the finishings, then the media,
each with all ten attributes. A slot's number never depends on version or dialect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from poller.accounting.dialect import Dialect
from poller.accounting.fields import (
    FIELDS,
    FINISHING,
    FINISHING_MAX,
    MEDIA_MAX,
    MEDIUM_ATTRIBUTES_FEW,
    MEDIUM_FIELDS,
    VERSIONS,
    Field,
    Version,
)
from poller.accounting.names import normal


class Slot(NamedTuple):
    """One place: its field, and the number of a repeated one from 1 (0: not repeated)."""

    field: Field
    number: int

    @property
    def english(self) -> str:
        return self.field.english.format(self.number)

    @property
    def german(self) -> str:
        return self.field.german.format(self.number)

    @property
    def name(self) -> str:
        """Return how a fault names it: `copies_printed`, `finishing.2`, `media.1.size`."""
        if not self.number:
            return self.field.name
        return f"{FINISHING.name}.{self.number}" if self.field is FINISHING else f"media.{self.number}.{self.field.name}"


SLOTS: tuple[Slot, ...] = (
    *(Slot(field, 0) for field in FIELDS),
    *(Slot(FINISHING, number) for number in range(1, FINISHING_MAX + 1)),
    *(Slot(field, number) for number in range(1, MEDIA_MAX + 1) for field in MEDIUM_FIELDS),
)
FINISHING_AT = len(FIELDS)
MEDIA_AT = FINISHING_AT + FINISHING_MAX
ATTRIBUTES = len(MEDIUM_FIELDS)

_UNIT = "("
_LOOKED_AT, _KNOWN_MIN = 8, 2


def _ways(slot: Slot) -> Iterable[str]:
    """Yield every way to write a slot's name. A unit in brackets may be missing."""
    for name in (slot.english, slot.german, *slot.field.aliases):
        yield name
        yield name.partition(_UNIT)[0]
    if not slot.number:
        yield slot.field.name


_SLOT_BY_NAME: Mapping[str, int] = {normal(way): at for at, slot in reversed(list(enumerate(SLOTS))) for way in _ways(slot)}


def slot_of(name: str, dialect: Dialect) -> int | None:
    """Return the slot a column name means, or None."""
    plain = normal(name)
    return _own_names(tuple(dialect.names.items())).get(plain, _SLOT_BY_NAME.get(plain))


@lru_cache(maxsize=64)
def _own_names(names: tuple[tuple[str, str], ...]) -> dict[str, int]:
    return {normal(name): _SLOT_BY_NAME[normal(field)] for name, field in names}


def slots_of(version: Version, dialect: Dialect) -> tuple[int, ...]:
    """Return the columns of a version in the Full layout, as slots."""
    lacks = dialect.lacks(version)
    scalars = [at for at, field in enumerate(FIELDS) if field.name not in lacks]
    if dialect.placement == "appended":
        of_version_2 = dialect.lacks("2")
        scalars.sort(key=lambda at: FIELDS[at].name in of_version_2)  # stable: the order within both stays
    attributes = range(dialect.medium_attributes)
    return (
        *scalars,
        *range(FINISHING_AT, FINISHING_AT + dialect.finishing),
        *(MEDIA_AT + number * ATTRIBUTES + attribute for number in range(dialect.media) for attribute in attributes),
    )


def slots_of_columns(dialect: Dialect) -> tuple[int | None, ...]:
    """Return the slots of the columns a dialect lists; None for one that nobody knows."""
    return tuple(slot_of(name, dialect) for name in dialect.columns)


def full_layouts(dialect: Dialect) -> Iterator[tuple[Version, tuple[int, ...]]]:
    """Yield every version and its slots, first as the dialect has it, then with the other number of attributes of a medium."""
    numbers = {MEDIUM_ATTRIBUTES_FEW, ATTRIBUTES} - {dialect.medium_attributes}
    for variant in (dialect, *(msgspec.structs.replace(dialect, medium_attributes=number) for number in numbers)):
        for version in VERSIONS:
            yield version, slots_of(version, variant)


def version_by_count(count: int, dialect: Dialect, told: Version | None = None) -> tuple[Version, tuple[int, ...]] | None:
    """Return the version whose Full layout has so many columns, and its slots. A hint, no more. With *told* no other version counts."""
    layouts = full_layouts(dialect)
    return next(((version, slots) for version, slots in layouts if len(slots) == count and told in (None, version)), None)


def version_by_fields(slots: Iterable[int | None]) -> Version:
    """Return the oldest version that has all these fields: trapped pages make it 4, an interrupt 3.1, lines printed 3, else it is 2."""
    names = {FIELDS[at].name for at in slots if at is not None and at < FINISHING_AT}
    for version in VERSIONS:
        if not names & _KNOWN_TO_LACK[version]:
            return version
    return VERSIONS[-1]


def foreign(version: Version) -> frozenset[str]:
    """Return the scalar fields that a version is known not to have."""
    return _KNOWN_TO_LACK[version]


_KNOWN_TO_LACK: Mapping[Version, frozenset[str]] = {
    version: frozenset(field.name for field in FIELDS if field.places[version].belongs == "no") for version in VERSIONS
}


def is_header(cells: Sequence[str], dialect: Dialect) -> bool:
    """Whether a line names columns: two of its first cells mean a field, and the very first is one of them, or half of them do."""
    known = [slot_of(cell, dialect) is not None for cell in cells[:_LOOKED_AT]]
    return sum(known) >= _KNOWN_MIN and (known[0] or sum(known) * 2 >= len(known))
