from __future__ import annotations

import pytest

from poller.engine.second import Patience, complete, read
from poller.engine.wire import Addressed
from poller.errors import AgentError, NoAnswerError, PrinterError
from poller.ipp.message import Attributes
from poller.model import Counter, Decoded, Printer, Reading, Supply
from tests.fake_clock import FakeClock

TOLD: Attributes = {
    "printer-make-and-model": ("Acme 410",),
    "marker-names": ("Black Toner",),
    "marker-types": ("toner",),
    "marker-levels": (40,),
    "printer-impressions-completed": (8123,),
}


class Source:
    """Printers that answer by IPP, and who may be asked."""

    def __init__(self, answer: Attributes | PrinterError = TOLD, *, allowed: bool = True) -> None:
        self.answer, self.allowed, self.asked = answer, allowed, 0

    def may_ask(self, address: str) -> bool:
        return self.allowed

    async def read_attributes(self, target: Addressed) -> Attributes:
        self.asked += 1
        if isinstance(self.answer, PrinterError):
            raise self.answer
        return self.answer


def by_snmp(clock: FakeClock, *, ratio: float | None = None, serial: str | None = None) -> Decoded:
    supply = Supply(key="1.1", index="1.1", kind="toner", colour="black", ratio=ratio, state="some-remaining" if ratio is None else "ok")
    printer = Printer(id="addr:192.0.2.7", identities=("addr:192.0.2.7",), address="192.0.2.7", serial=serial, via="snmp-2c")
    return Decoded(
        reading=Reading(taken_at=clock.utc(), printer=printer, supplies=(supply,), counters=(Counter(function="total", count=8000),))
    )


async def test_what_snmp_leaves_open_is_filled_in(clock: FakeClock) -> None:
    source = Source()
    both = await complete(source, by_snmp(clock), Patience(), clock)
    assert [(one.key, one.ratio) for one in both.reading.supplies] == [("1.1", 0.4)]
    assert (both.reading.counters[0].count, both.reading.printer.via) == (8000, "snmp-2c+ipp")


@pytest.mark.parametrize("ratio, allowed", [(0.63, True), (None, False)])
async def test_who_knows_enough_or_is_in_no_such_range_is_not_asked(clock: FakeClock, ratio: float | None, allowed: bool) -> None:
    source, snmp = Source(allowed=allowed), by_snmp(clock, ratio=ratio)
    assert await complete(source, snmp, Patience(), clock) is snmp
    assert source.asked == 0


async def test_silence_costs_less_and_less_and_never_the_reading(clock: FakeClock) -> None:
    source, patience, snmp = Source(NoAnswerError("192.0.2.7", tries=1)), Patience(), by_snmp(clock)
    waits = []
    for _ in range(10):
        assert await complete(source, snmp, patience, clock) is snmp
        assert await complete(source, snmp, patience, clock) is snmp
        waits.append(patience.wait_seconds)
        clock.advance(patience.wait_seconds)
    assert source.asked == 10
    assert waits[:3] == [900, 1800, 3600]
    assert waits[-1] == 86_400
    source.answer = TOLD
    assert (await complete(source, snmp, patience, clock)).reading.supplies[0].ratio == 0.4
    assert patience == Patience()


async def test_another_device_at_the_address_is_not_mixed_in(clock: FakeClock) -> None:
    source, snmp = Source({**TOLD, "printer-serial-number": ("XY99999",)}), by_snmp(clock, serial="AB12345")
    assert await complete(source, snmp, Patience(), clock) is snmp


async def test_a_printer_is_read_by_ipp_alone(clock: FakeClock) -> None:
    decoded = await read(Source(), by_snmp(clock).reading.printer, clock, range="hq", location="Room 7")
    printer = decoded.reading.printer
    assert (printer.via, printer.range, printer.location, decoded.reading.taken_at) == ("ipp", "hq", "Room 7", clock.utc())
    assert [(one.key, one.ratio) for one in decoded.reading.supplies] == [("v:toner-black", 0.4)]


async def test_what_is_no_printer_is_not_read(clock: FakeClock) -> None:
    with pytest.raises(AgentError, match="no printer"):
        await read(Source({**TOLD, "cups-version": ("2.4",)}), by_snmp(clock).reading.printer, clock, range=None, location=None)
