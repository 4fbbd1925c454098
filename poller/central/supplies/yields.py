"""How many pages a cartridge lasts, learned per part number over all devices that take it.

Nobody needs to type yields in: every cartridge that is used up somewhere tells. What one device needs of its own cartridges (its
coverage) is known best by itself; a new device, or one that says only -3, starts from what the others have shown. Three voices are
joined, each as strong as it is sure: the device's own cartridges, the part number's, and a guess so wide that it only bridges the first
days. A yield in the catalogue (ISO/IEC 19752 and 19798 rate pages at 5 % coverage) takes the place of the guess.

A device that says only -3 shows no shares, only whole lives: the pages from one change to the next. Its warning can come and go between
two readings, and then two lives look like one that is twice as long. So lives are not averaged but compared (`alike`).

Yields are multiplied and divided, so they are averaged as logarithms.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import msgspec

GUESS_PAGES = 5000.0
GUESS_DAYS = 60.0
"""What a full cartridge lasts, in pages, or in working days where the device does not count."""
_GUESS_VARIANCE = 1.2**2
"""Cartridges last from 1,000 to 25,000 pages: factor 3.3 either way in two of three cases."""
_RATED_VARIANCE = 0.5**2
"""Offices print at 3 to 8 % coverage where the standard has 5."""
_PART_VARIANCE = 0.3**2
"""How far devices with one part number differ, believed before they have shown it …"""
_PART_WEIGHT = 2.0
"""… for as many samples."""
_PART_VARIANCE_LEAST = 0.03**2
SAMPLES_MAX = 200
"""More samples than this do not make a part number surer: its yield may change with a new batch."""
_DEVICE_VARIANCE = 0.06**2
"""A device's coverage next month is not quite that of this one."""
_LEVEL_ERROR = 0.015
"""How far a difference of two reported levels is off: both are rounded."""
_WHOLE_ERROR = 0.15
"""How far a cartridge known only by its beginning and its end is from a full one: some are put in used, some taken out early."""
LIVES_MAX = 40
_ALIKE = 1.5
"""Lives of one part differ by less, and two lives in one by more."""
_PARTS_MAX = 20_000
_COARSE_LEVELS_MAX = 14
"""Devices that report in steps know at most eleven levels, 0 to 100 by tens, and a few more when something is odd."""
_FINE = 0.01


class Belief(NamedTuple):
    """Pages a full cartridge lasts, as the mean of its logarithm and that mean's variance; `samples` of the part number stand behind it."""

    log_pages: float
    variance: float
    samples: int

    @property
    def pages(self) -> float:
        return math.exp(self.log_pages)


class Part(msgspec.Struct):
    """What all cartridges of one part number have shown: how many, the mean of the logarithms, the sum of their squared distances.

    `levels` are the different levels they have reported, in thousandths, rising; once there are many, the scale is fine and they are
    dropped. `lives` are the last whole lives, in pages, of cartridges without levels.
    """

    samples: int = 0
    mean: float = 0.0
    squares: float = 0.0
    levels: list[int] = []
    is_fine: bool = False
    lives: list[int] = []

    def note_level(self, ratio: float) -> None:
        """Take in a reported level: it is one of this part's scale."""
        level = round(1000 * ratio)
        if self.is_fine or level in self.levels:
            return
        insort(self.levels, level)
        if len(self.levels) > _COARSE_LEVELS_MAX:
            self.is_fine, self.levels = True, []

    def step_below(self, ratio: float) -> float:
        """Return the share between *ratio* and the next lower level that this part reports.

        A report says that what is left lies within this step and not above it: a display that is rounded the other way only makes us early.
        Until three levels are known, ten percent is believed of a level that is a multiple of ten.
        """
        level = round(1000 * ratio)
        if self.is_fine or level <= 0:
            return _FINE
        if len(self.levels) < 3:
            return 0.1 if level % 100 == 0 else _FINE
        place = bisect_left(self.levels, level)
        if place > 0:
            return (level - self.levels[place - 1]) / 1000
        return min(ratio, min(upper - lower for lower, upper in pairwise(self.levels)) / 1000)

    def add(self, pages: float) -> None:
        """Take in that a full cartridge lasted, or would have lasted, so many *pages*."""
        if self.samples >= SAMPLES_MAX:
            self.squares *= (SAMPLES_MAX - 1) / self.samples
            self.samples = SAMPLES_MAX - 1
        self.samples += 1
        gap = math.log(pages) - self.mean
        self.mean += gap / self.samples
        self.squares += gap * (math.log(pages) - self.mean)

    def add_life(self, pages: float) -> None:
        """Take in that *pages* lay between two changes in a device that has no levels."""
        self.lives = [*self.lives[1 - LIVES_MAX :], round(pages)]

    def variance(self) -> float:
        """Return how far one cartridge may be from the mean, the mean's own error included."""
        between = (self.squares + _PART_WEIGHT * _PART_VARIANCE) / (self.samples + _PART_WEIGHT)
        return max(between, _PART_VARIANCE_LEAST) * (1 + 1 / self.samples)


def alike(lives: Sequence[float]) -> list[float]:
    """Return those of some whole *lives*, in pages, that are one cartridge's: the shortest that several agree on, and what is near it.

    A change that nobody saw makes two lives look like one of twice the length. A short one is rare, a cartridge put in used, and alone.
    Where no two agree, all are returned: they differ, and so it is known how little they tell.
    """
    enough = max(2, len(lives) // 4)
    for typical in sorted(lives):
        near = [life for life in lives if typical <= life <= typical * _ALIKE]
        if len(near) >= enough:
            return near
    return list(lives)


@lru_cache(maxsize=1024)
def _told_by(lives: tuple[int, ...]) -> Part:
    """Return what whole lives tell of a part, to be read only: it is asked at every reading, and seldom changes."""
    told = Part()
    for life in alike(lives):
        told.add(life)
    return told


class Yields(msgspec.Struct):
    """The dealer's knowledge of part numbers. Bounded: the oldest names give way. To be stored for all accounts together."""

    parts: dict[str, Part] = {}

    def learn(self, name: str, share: float, pages: float) -> None:
        """Take in that *share* of a cartridge went in *pages*."""
        if share > 0 and pages > 0:
            self.part(name).add(pages / share)

    def learn_life(self, name: str, pages: float) -> None:
        """Take in that *pages* lay between two changes in a device that has no levels."""
        if pages >= 1:
            self.part(name).add_life(pages)

    def part(self, name: str) -> Part:
        """Return what is known of part *name*; a new one begins empty."""
        part = self.parts.get(name)
        if part is None:
            if len(self.parts) >= _PARTS_MAX:
                del self.parts[next(iter(self.parts))]
            part = self.parts[name] = Part()
        return part

    def believe(
        self,
        name: str,
        share: float,
        pages: float,
        *,
        is_measured: bool = True,
        rated_pages: float | None = None,
        guess_pages: float = GUESS_PAGES,
    ) -> Belief:
        """Return what to expect of a cartridge of part *name* in a device of whose cartridges *share* went in *pages* so far.

        *is_measured*: the share was read from levels, not taken from whole cartridges.
        """
        guess, variance = (guess_pages, _GUESS_VARIANCE) if rated_pages is None else (rated_pages, _RATED_VARIANCE)
        weight = 1 / variance
        total = weight * math.log(guess)
        part = self.parts.get(name)
        samples = 0
        if part is not None and (part.samples or part.lives):
            told = part if part.samples else _told_by(tuple(part.lives))
            sure = 1 / told.variance()
            samples = told.samples
            weight += sure
            total += sure * told.mean
        if share > 0 and pages > 0:
            sure = 1 / (_DEVICE_VARIANCE + ((_LEVEL_ERROR if is_measured else _WHOLE_ERROR) / share) ** 2)
            weight += sure
            total += sure * math.log(pages / share)
        return Belief(total / weight, 1 / weight, samples)
