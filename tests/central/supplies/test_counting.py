"""Which of a printer's counters tells how fast its supplies go."""

from __future__ import annotations

import pytest

from poller.central.supplies.counting import colour_pages_of, pages_of
from poller.model import Counter

TOTAL = Counter(function="total", count=900)
PRINT, COPY = Counter(function="print", count=500), Counter(function="copy", count=300)
LIFE = Counter(function="other", count=950, label="prtMarkerLifeCount")
MONO, COLOUR = Counter(function="print", colour="mono", count=400), Counter(function="print", colour="colour", count=100)


@pytest.mark.parametrize(
    "counters, chosen, expected",
    [
        ([LIFE, PRINT, COPY, TOTAL], None, ("total", 900)),
        ([LIFE, PRINT, COPY], None, ("parts:all", 800)),
        ([MONO, COLOUR], None, ("parts:all", 500)),
        ([LIFE], None, ("life", 950)),
        ([], None, (None, None)),
        ([LIFE, TOTAL], "life", ("life", 950)),  # what was chosen once stays
        ([LIFE], "total", ("total", None)),  # … and is missing this once
        ([Counter(function="total", size="large", count=5), Counter(function="total", sides="duplex", count=6)], None, (None, None)),
        ([Counter(function="total", unit="hours", count=5)], None, (None, None)),
        ([Counter(function="scan", count=5)], None, (None, None)),
        ([Counter(function="total", count=-1)], None, (None, None)),
    ],
)
def test_pages_are_the_billing_total_or_the_next_best(
    counters: list[Counter], chosen: str | None, expected: tuple[str | None, int | None]
) -> None:
    assert pages_of(counters, chosen) == expected


@pytest.mark.parametrize(
    "counters, pages", [([TOTAL, Counter(function="total", colour="colour", count=77)], 77), ([TOTAL], None), ([COLOUR], None)]
)
def test_pages_in_colour_are_those_of_the_billing_total(counters: list[Counter], pages: int | None) -> None:
    assert colour_pages_of(counters) == pages
