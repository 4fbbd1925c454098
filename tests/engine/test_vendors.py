"""A device that shows part of itself in one SNMP context only, as HP's "Jetdirect"."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest

from poller.clock import SystemClock
from poller.engine import device, vendors
from poller.engine.device import Device
from poller.engine.recorded import Recorded
from poller.errors import AccessError, NoAnswerError, PrinterError, Refusal
from poller.logs import as_dict
from poller.model import Credential, Target, User
from poller.printers import library
from poller.snmp.message import Missing, Question, Value
from poller.snmp.oid import Oid, parse
from tests.engine.device_wire import TARGET
from tests.fake_clock import FakeClock
from tests.printers.test_corpus import load_rows
from tests.printers.vendor_devices import ACME, HEAD, build, rows

SUPPLY = "1.3.6.1.2.1.43.11.1.1"
SUPPLIES: dict[str, int | str | bytes] = {f"{SUPPLY}.6.1.1": "Black Toner", f"{SUPPLY}.8.1.1": 100, f"{SUPPLY}.9.1.1": 40}
TARGET_V3 = Target(address=TARGET.address, credential=Credential(name="v3", version="3", user=User(name="guest")))
PROFILE = HEAD + f'[manners]\ncontext = "Inside"\n[[counter]]\nfunction = "print"\nvalue = "{ACME}.2.1.0"\n'


class TwoFaced:
    """A wire to a device with other rows in the context; `asked` lists the contexts of its questions."""

    def __init__(self, outside: Iterable[tuple[Oid, Value]], inside: Iterable[tuple[Oid, Value]] | PrinterError) -> None:
        self.outside = Recorded(outside)
        self.inside = inside if isinstance(inside, PrinterError) else Recorded(inside)
        self.asked: list[str] = []

    def _face(self, target: Target) -> Recorded:
        credential = target.credential
        context = credential.context if credential.version == "3" else credential.community.reveal().partition("@")[2]
        self.asked.append(context)
        if not context:
            return self.outside
        if isinstance(self.inside, PrinterError):
            raise self.inside
        return self.inside

    async def get(self, target: Target, question: Question) -> tuple[Value | Missing, ...]:
        return await self._face(target).get(target, question)

    async def next(self, target: Target, oid: Oid, count: int) -> list[tuple[Oid, Value]]:
        return await self._face(target).next(target, oid, count)


@pytest.fixture
def _acme() -> Iterator[None]:
    before = library.current()
    library.use(build(PROFILE))
    yield
    library.use(before)


@pytest.mark.usefixtures("_acme")
@pytest.mark.parametrize("target", [TARGET, TARGET_V3], ids=["community@context", "contextName"])
async def test_supplies_that_are_in_the_context_only_are_read_there_at_every_poll(target: Target, clock: FakeClock) -> None:
    wire = TwoFaced(rows({".2.1.0": 5}).items(), rows({".2.1.0": 7, **SUPPLIES}).items())
    decoded, learned, _ = await device.read(wire, [target], clock, rows_max=100)
    assert [(one.key, one.ratio) for one in decoded.reading.supplies] == [("1.1", 0.4)]
    assert {one.count for one in decoded.reading.counters} == {5}  # what is outside is read outside
    wire.asked.clear()
    polled = await device.poll(wire, target, learned.device, rows_max=100)
    assert polled.moving == learned.moving
    assert not polled.is_changed
    assert set(wire.asked) == {"", "Inside"}
    restored = Device(learned.layout, learned.device.manners, context_at=learned.device.context_at)
    assert (await device.poll(wire, target, restored, rows_max=100)).moving == learned.moving


@pytest.mark.usefixtures("_acme")
@pytest.mark.parametrize("fault", [NoAnswerError("192.0.2.7", tries=3), AccessError(Refusal.UNKNOWN_CONTEXT)], ids=["silent", "refused"])
async def test_a_device_without_that_context_is_asked_there_once_and_is_no_worse_for_it(fault: PrinterError, clock: FakeClock) -> None:
    wire = TwoFaced(rows({".2.1.0": 5}).items(), fault)
    decoded, learned, _ = await device.read(wire, [TARGET], clock, rows_max=100)
    assert [one.count for one in decoded.reading.counters]
    assert wire.asked.count("Inside") == 1
    assert (learned.faults, learned.device.context_at, learned.device.manners.context) == ([], (), "")


@pytest.mark.usefixtures("_acme")
@pytest.mark.parametrize(
    "credential",
    [
        msgspec.structs.replace(TARGET.credential, community=msgspec.structs.replace(vendors.within(TARGET, "Own").credential).community),
        msgspec.structs.replace(TARGET_V3.credential, context="Own"),
    ],
    ids=["community@context", "contextName"],
)
async def test_a_credential_that_names_a_context_is_used_as_it_is(credential: Credential) -> None:
    wire = TwoFaced([], rows({".2.1.0": 5}).items())
    await device.learn(wire, msgspec.structs.replace(TARGET, credential=credential), rows_max=100)
    assert set(wire.asked) == {"Own"}


@pytest.mark.usefixtures("_acme")
async def test_a_device_that_shows_everything_is_not_asked_in_the_context() -> None:
    wire = TwoFaced(rows({".2.1.0": 5, **SUPPLIES}).items(), [])
    await device.learn(wire, TARGET, rows_max=100)
    assert set(wire.asked) == {""}


@pytest.mark.usefixtures("_acme")
async def test_the_community_with_its_context_is_as_secret_as_without(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    inside = vendors.within(TARGET, "Inside")
    assert "public" not in repr(inside)
    assert inside.credential.name == TARGET.credential.name
    wire = TwoFaced(rows({".2.1.0": 5}).items(), NoAnswerError(TARGET.address, tries=3))
    decoded, learned, _ = await device.read(wire, [TARGET], clock, rows_max=100)
    shown = [repr(learned), repr(decoded), *(str(as_dict(record)) for record in caplog.records)]
    assert not [text for text in shown if "public@" in text]


def test_the_model_of_a_real_one_comes_from_its_context(shared: Path) -> None:
    folder = shared / "corpus" / "recordings"
    outside, inside = (load_rows(folder / f"jetdirect_context{end}.snmprec") for end in ("", "@Jetdirect"))
    wire = TwoFaced(outside, inside)
    decoded, learned, _ = asyncio.run(device.read(wire, [TARGET], SystemClock(), rows_max=2000))
    assert "M452nw" in (decoded.reading.printer.model or "")
    assert len(decoded.reading.supplies) == 4
    assert parse("1.3.6.1.4.1.11.2.3.9.1.1.7.0") in learned.layout.shape.steady
