"""What all devices of all accounts have taught of parts, in one process: read now and then, added to at once, and written by who learned.

A step of one account sees what others taught up to the last renewal, and all that this process learned since. What it learns itself goes
into its account's rows with the step (`store/watched.py`), so that nothing is taught twice by a step that was cut off.
"""

from __future__ import annotations

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.store import watched as kept
from poller.central.supplies.yields import Part, Yields
from poller.clock import Clock

RENEWED_AFTER_SECONDS = 1800.0


class Lessons(Yields):
    """Yields that remember what was learned since they were last asked for it."""

    lessons: list[tuple[str, float]] = msgspec.field(default_factory=list)
    whole_lives: list[tuple[str, float]] = msgspec.field(default_factory=list)
    scales: dict[str, tuple[int, bool]] = msgspec.field(default_factory=dict)

    def learn(self, name: str, share: float, pages: float) -> None:
        super().learn(name, share, pages)
        if share > 0 and pages > 0:
            self.lessons.append((name, pages / share))

    def learn_life(self, name: str, pages: float) -> None:
        super().learn_life(name, pages)
        if pages >= 1:
            self.whole_lives.append((name, pages))

    def part(self, name: str) -> Part:
        part = super().part(name)
        if name not in self.scales:
            self.scales[name] = (len(part.levels), part.is_fine)
        return part

    def new_scales(self) -> dict[str, Part]:
        """Return the parts that were seen at a level they had not reported before."""
        found = {}
        for name, before in self.scales.items():
            part = self.parts.get(name)
            if part is not None and (len(part.levels), part.is_fine) != before:
                found[name] = part
        return found

    def settle(self) -> None:
        self.lessons, self.whole_lives, self.scales = [], [], {}


class Lore:
    """The yields of one process, for one piece of work at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._yields: Lessons | None = None
        self._renewed_at = 0.0

    async def yields(self, db: AsyncConnection) -> Lessons:
        """Return what is known, renewed if it is old."""
        if self._yields is None or self._clock.monotonic() >= self._renewed_at + RENEWED_AFTER_SECONDS:
            self._yields = Lessons(parts=await kept.yields(db))
            self._renewed_at = self._clock.monotonic()
        self._yields.settle()  # of a step that was cut off nothing is kept
        return self._yields

    async def save(self, db: AsyncConnection, account: str) -> None:
        """Write what was learned since `yields` into the rows of *account*."""
        if self._yields is not None:
            await kept.teach(db, account, self._yields.lessons, self._yields.new_scales(), self._yields.whole_lives)
            self._yields.settle()
