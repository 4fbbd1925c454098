"""Where a device's meters stand between two closes, what is odd about it, and what a person can say to that: plain values, kept as JSON."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from msgspec import field

from poller.central.meters.chain import Entry
from poller.central.meters.oddities import Oddity
from poller.central.meters.ordering import Aside
from poller.central.meters.samples import Sample
from poller.model import Value

_PACE_FLOOR, _PACE_TIMES, _PACE_ENTRIES_MIN = 100, 4, 5


class Suspicion(Value, frozen=True, kw_only=True):
    """What is odd about a device since `kept[0]`. `seen` counts the odd readings; of them the first and each day's last are kept.

    `is_ambiguous`: the counts have passed the last good ones again, and it cannot be told whether they came back or caught up.
    """

    oddity: Oddity
    kept: tuple[Sample, ...]
    seen: int = 1
    is_ambiguous: bool = False
    is_held: bool = False


class Pace(Value, frozen=True, kw_only=True):
    """What a device is used to: over how many daily entries, the most pages of one (fading by a hundredth each), the largest total then."""

    entries: int = 0
    busiest: int = 0
    peak: int = 0

    def after(self, peak: int) -> Pace:
        return Pace(entries=self.entries + 1, busiest=max(peak - self.peak, self.busiest * 99 // 100), peak=peak)

    @property
    def most(self) -> int | None:
        """Return more than the device is likely to do in a day; None before it has shown what it does."""
        return max(_PACE_FLOOR, _PACE_TIMES * self.busiest) if self.entries >= _PACE_ENTRIES_MIN else None


class Standing(Value, frozen=True, kw_only=True):
    """Where a device's meters stand. `totals` go with the cells of `last`, the last good reading.

    Cells that reading lacked stay in `last` with what was last known of them; `stale` says since when. `resting` are totals of cells that
    were not seen since counting began anew. `stated` is the day of the latest entry that was stated or estimated and is not set off yet.
    """

    device: str
    last: Sample
    totals: tuple[int, ...]
    run: int = 1
    stale: dict[str, datetime] = field(default_factory=dict)
    resting: dict[str, int] = field(default_factory=dict)
    suspicion: Suspicion | None = None
    pace: Pace = Pace()
    stated: date | None = None

    @property
    def newest(self) -> Sample:
        """Return the last reading taken, good or odd."""
        return self.last if self.suspicion is None else self.suspicion.kept[-1]

    @property
    def is_open(self) -> bool:
        """Whether something odd is undecided: no bill may be made up to a day at or after it."""
        return self.suspicion is not None


class Closed(Value, frozen=True, kw_only=True):
    """What came of a close: the standing after it, the entries to append in this order, and readings that made no meter, each with why."""

    standing: Standing | None
    entries: tuple[Entry, ...] = ()
    aside: tuple[Aside, ...] = ()


class Decision(Value, frozen=True, kw_only=True):
    """What a person says of a held device; `user` is an opaque id, `evidence` the SHA-256 (hex) of the note.

    - `goes-on`: the pages were printed; counters that fell ran over at `modulus`.
    - `new-run`: counting began anew, of all cells or of those in `only`. `starts` says from where, per cell (not named: from zero with
      `from_zero`, else from the first odd reading); `ends` where the old counting ended, per cell (not named: the last good reading).
    - `ignore`: the odd readings were wrong, up to the first that can follow the last good one; the old counting goes on.
    """

    kind: Literal["goes-on", "new-run", "ignore"]
    user: str
    modulus: int | None = None
    from_zero: bool = False
    only: tuple[str, ...] = ()
    starts: dict[str, int] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    evidence: str | None = None


def proposal_for(standing: Standing) -> Decision | None:
    """Return what most likely fits a held device; None where a person has to look first, also at two agents' clocks that may differ."""
    odd = standing.suspicion
    if odd is None or (odd.oddity.kind == "roll-back" and odd.kept[0].agent != standing.last.agent):
        return None
    if odd.oddity.kind == "jump" and standing.last.origin == "read" and not any(standing.last.counts):
        return Decision(kind="new-run", user="")  # it said zero when it was met, because it was starting
    return propose(odd.oddity)


def propose(oddity: Oddity) -> Decision | None:
    """Return the decision that most likely fits, for a person to confirm; None where only a person can know (a leap)."""
    match oddity.kind:
        case "jump":
            return None
        case "wrap":
            return Decision(kind="goes-on", user="", modulus=oddity.modulus)
        case "reset":
            return Decision(kind="new-run", user="", from_zero=True)
        case "other-counter":
            return Decision(kind="new-run", user="", only=tuple([change.cell for change in oddity.changes]))
        case _:
            return Decision(kind="new-run", user="")
