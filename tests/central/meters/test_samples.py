"""What a reading says of its counters."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from poller.central.meters.formulas import read_cell
from poller.central.meters.samples import CELLS_MAX, COUNT_MAX, cell_of, sample_of, stated
from poller.model import Counter, Printer, Reading

AT = datetime(2025, 3, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "counter, cell",
    [
        (Counter(function="total", count=1), "total"),
        (Counter(function="print", colour="mono", count=1), "print.mono"),
        (Counter(function="total", colour="colour", size="large", count=1), "total.colour.large"),
        (Counter(function="total", sides="duplex", count=1, unit="sheets"), "total.duplex.sheets"),
    ],
)
def test_a_cell_is_named_by_its_unusual_words_and_formulas_call_it_so(counter: Counter, cell: str) -> None:
    assert cell_of(counter) == cell
    assert read_cell(cell) == cell


def test_a_count_that_is_none_is_left_out_and_so_is_a_second_one_and_the_life_count() -> None:
    counters = (
        Counter(function="total", count=7, oid="1.2"),
        Counter(function="total", count=9, oid="1.3"),
        Counter(function="copy", count=-1),
        Counter(function="scan", count=COUNT_MAX + 1),
        Counter(function="fax", count=2**32 - 1),
        Counter(function="print", colour="mono", count=2**31 - 1),
        Counter(function="other", count=8, label="prtMarkerLifeCount"),
        Counter(function="print", count=5, label="Print (Total 1)"),
    )
    printer = Printer(id="serial:1:X", identities=("serial:1:X",), address="192.0.2.1", serial="X", via="snmp-2c")
    sample = sample_of(Reading(taken_at=AT, printer=printer, counters=counters), agent="a", sequence=3, received_utc=AT)
    assert dict(zip(sample.shape.cells, sample.counts, strict=True)) == {"total": 7, "print": 5}
    assert sample.shape.sources == ("1.2", "Print (Total 1)")
    again = sample_of(Reading(taken_at=AT, printer=printer, counters=counters), agent="a", sequence=4, received_utc=AT)
    assert again.shape is sample.shape


@pytest.mark.parametrize("counts", [{"total": -1}, {"total": COUNT_MAX + 1}, {}, {f"c{number}": 1 for number in range(CELLS_MAX + 1)}])
def test_what_is_stated_must_be_meters(counts: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="whole number"):
        stated(counts, taken_utc=AT, origin="customer")
