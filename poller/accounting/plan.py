"""From the cells of a line to a job: which cell goes where, and what understands it. Worked out once for a file, then run a million times.

The inner loop has no `if` per field: cells are put into the order of `Job` by one `itemgetter`, and each is looked up in the dict of its
field (`values.Meaning`), both in C. Only a line that does not work out is gone through field by field, to say what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import call, itemgetter
from typing import Any

from poller.accounting.columns import ATTRIBUTES, FINISHING_AT, MEDIA_AT, SLOTS
from poller.accounting.dialect import Dialect
from poller.accounting.faults import shown
from poller.accounting.fields import FIELDS, FINISHING, FINISHING_MAX, MEDIA_MAX, MEDIUM_FIELDS
from poller.accounting.job import NO_MEDIUM, Job, Medium
from poller.accounting.values import Meaning, reader

COLUMNS_MAX = 400
"""Twice what the newest version is known to have."""

_REMEMBERED_MAX = 4096

Cells = Sequence[str]

_NEW_JOB: Callable[..., Job] = Job


class Unreadable(Exception):  # noqa: N818  not an error of the program's: a line
    """These cells are no job; `Plan.reasons` says why."""


class Plan:
    """What the columns of a file mean: the slot of each, None for one that nobody knows; those have `extra_names`."""

    def __init__(self, slots: tuple[int | None, ...], extra_names: tuple[str, ...], dialect: Dialect) -> None:
        self.slots, self.extra_names, self.width = slots, extra_names, len(slots)
        self._at = {slot: at for at, slot in enumerate(slots) if slot is not None}
        self._meanings: list[Meaning[Any]] = [reader(field, dialect) for field in FIELDS]
        self._attributes: list[Meaning[Any]] = [reader(field, dialect) for field in MEDIUM_FIELDS]
        self._text: Meaning[Any] = reader(FINISHING, dialect)
        self._scalars = self._picker(range(len(FIELDS)))
        self._understand: list[Callable[[str], Any]] = [meaning.__getitem__ for meaning in self._meanings]
        self._finishings = self._picker(self._there(range(FINISHING_AT, FINISHING_AT + FINISHING_MAX)))
        groups = [range(MEDIA_AT + number * ATTRIBUTES, MEDIA_AT + (number + 1) * ATTRIBUTES) for number in range(MEDIA_MAX)]
        while groups and not any(slot in self._at for slot in groups[-1]):
            groups.pop()
        self._media = [self._picker(group) for group in groups]
        self._known_media: dict[tuple[str, ...], Medium] = {}
        extra = [at for at, slot in enumerate(slots) if slot is None]
        self._extra = list(zip(extra_names, extra, strict=True))

    def job(self, cells: list[str]) -> Job:
        """Return the job of a line. Raises Unreadable."""
        if len(cells) != self.width:
            raise Unreadable
        cells = [*cells, ""]  # the cell of every field that has no column
        try:
            scalars = map(call, self._understand, self._scalars(cells))
            return _NEW_JOB(*scalars, self._finishing(cells), self._media_of(cells), self._extra_of(cells))
        except ValueError:
            raise Unreadable from None

    def reasons(self, cells: list[str]) -> Iterator[tuple[str, str]]:
        """Yield field and reason for every cell of a line, of the right width, that cannot be understood."""
        for at, slot in enumerate(self.slots):
            if slot is None or FINISHING_AT <= slot < MEDIA_AT:
                continue
            meaning = self._meanings[slot] if slot < FINISHING_AT else self._attributes[(slot - MEDIA_AT) % ATTRIBUTES]
            try:
                meaning[cells[at]]
            except ValueError as error:
                yield SLOTS[slot].name, f"{error}, got {shown(cells[at])}"

    def of_fields(self, names: frozenset[str]) -> tuple[tuple[int, str], ...]:
        """Return column and name of those scalar fields that have a column here."""
        return tuple((at, SLOTS[slot].name) for slot, at in self._at.items() if slot < FINISHING_AT and SLOTS[slot].name in names)

    def _finishing(self, cells: Cells) -> tuple[str | None, ...]:
        texts = self._finishings(cells)
        if not any(texts):
            return ()
        values = [self._text[text] for text in texts]
        while values and values[-1] is None:
            values.pop()
        return tuple(values)

    def _media_of(self, cells: Cells) -> tuple[Medium, ...]:
        known = self._known_media
        media = []
        for pick in self._media:
            texts = pick(cells)
            if not any(texts):
                media.append(NO_MEDIUM)
                continue
            medium = known.get(texts)
            if medium is None:
                medium = Medium(*(meaning[text] for meaning, text in zip(self._attributes, texts, strict=True)))
                if len(known) < _REMEMBERED_MAX:
                    known[texts] = medium
            media.append(medium)
        while media and media[-1] == NO_MEDIUM:
            media.pop()
        return tuple(media)

    def _extra_of(self, cells: Cells) -> tuple[tuple[str, str], ...]:
        if not self._extra:
            return ()
        return tuple((name, cells[at]) for name, at in self._extra if cells[at])

    def _there(self, slots: range) -> range:
        """Return *slots* without those behind the last that has a column; at least two, so that a picker gives a tuple."""
        stop = max((slot + 1 for slot in slots if slot in self._at), default=slots.start)
        return range(slots.start, max(stop, slots.start + 2))

    def _picker(self, slots: range) -> Callable[[Cells], tuple[str, ...]]:
        """Return what takes the cells of at least two slots, in their order; the cell behind the last where a slot has no column."""
        return itemgetter(*(self._at.get(slot, self.width) for slot in slots))
