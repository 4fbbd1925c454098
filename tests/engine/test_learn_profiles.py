"""Learning what vendor profiles read: what is asked, and what a device that dislikes it costs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from poller.engine import device
from poller.engine.recorded import Recorded
from poller.errors import AgentError, NoAnswerError
from poller.model import Target
from poller.printers import layout as layouts
from poller.printers import library
from poller.snmp.message import ErrorStatus, Missing, Question, Value
from poller.snmp.oid import Oid, parse
from tests.printers.vendor_devices import ACME, HEAD, TARGET, build, rows

PROFILE = (
    HEAD
    + f"""
[[counter]]
function = "total"
value = "{ACME}.2.1.0"
[[table]]
name = "matrix"
columns = {{ value = "{ACME}.3.1", label = "{ACME}.3.2" }}
index = ["row"]
[[table.counter]]
where = {{ label = "prints" }}
function = "print"
"""
)
LIFE = "1.3.6.1.2.1.43.10.2.1.4.1.1"
VENDOR = parse(ACME)


class Choosy(Recorded):
    """A device that answers nothing below its own enterprise, or answers with genErr, and counts what it was asked there."""

    def __init__(self, held: dict[Oid, Value], fault: Exception | None = None) -> None:
        super().__init__(held.items())
        self.fault, self.asked, self.is_off = fault, list[Oid](), False

    async def get(self, target: Target, question: Question) -> tuple[Value | Missing, ...]:
        self._mind([*question.oids])
        return await super().get(target, question)

    async def next(self, target: Target, oid: Oid, rows: int) -> list[tuple[Oid, Value]]:
        self._mind([oid])
        return await super().next(target, oid, rows)

    def _mind(self, oids: list[Oid]) -> None:
        private = [oid for oid in oids if oid.startswith(VENDOR)]
        self.asked += private
        if self.is_off or (private and self.fault is not None):
            raise self.fault or NoAnswerError(TARGET.address, tries=3)


@pytest.fixture(autouse=True)
def _only_acme() -> Iterator[None]:
    before = library.current()
    library.use(build(PROFILE))
    yield
    library.use(before)


async def test_instances_are_asked_and_columns_walked_the_first_alone_when_it_is_empty() -> None:
    wire = Choosy(rows({LIFE: 3, ".2.1.0": 5}))
    learned = await device.learn(wire, TARGET, rows_max=100)
    assert parse(f"{ACME}.2.1.0") in learned.layout.shape.moving
    assert [oid for oid in wire.asked if oid in (parse(f"{ACME}.3.1"), parse(f"{ACME}.3.2"))] == [parse(f"{ACME}.3.1")]


async def test_a_later_column_that_is_empty_does_not_end_its_table() -> None:
    library.use(build(PROFILE.replace(f'label = "{ACME}.3.2"', f'none = "{ACME}.3.7", label = "{ACME}.3.2"')))
    learned = await device.learn(Choosy(rows({LIFE: 3, ".3.1.1": 41, ".3.2.1": "prints"})), TARGET, rows_max=100)
    assert parse(f"{ACME}.3.1.1") in learned.layout.shape.moving
    assert parse(f"{ACME}.3.2.1") in learned.layout.shape.steady


async def test_a_first_column_that_cannot_be_told_does_not_end_its_table() -> None:
    class Chokes(Choosy):
        async def next(self, target: Target, oid: Oid, rows: int) -> list[tuple[Oid, Value]]:
            if oid == parse(f"{ACME}.3.1"):
                raise AgentError("genErr", status=ErrorStatus.GEN_ERR)
            return await super().next(target, oid, rows)

    wire = Chokes(rows({LIFE: 3, ".3.2.1": "prints"}))
    learned = await device.learn(wire, TARGET, rows_max=100)
    assert parse(f"{ACME}.3.2") in wire.asked
    assert len(learned.faults) == 1


@pytest.mark.parametrize(
    "fault", [NoAnswerError("192.0.2.7", tries=3), AgentError("genErr", status=ErrorStatus.GEN_ERR)], ids=["silence", "genErr"]
)
async def test_a_device_that_dislikes_questions_about_its_own_mib_is_still_learned(fault: Exception) -> None:
    learned = await device.learn(Choosy(rows({LIFE: 3}), fault), TARGET, rows_max=100)
    assert parse(LIFE) in learned.layout.shape.moving
    assert learned.faults


async def test_a_device_that_is_gone_is_gone() -> None:
    wire = Choosy(rows({LIFE: 3}))
    wire.is_off = True
    with pytest.raises(NoAnswerError):
        await device.learn(wire, TARGET, rows_max=100)


async def test_for_its_identity_nothing_is_counted() -> None:
    wire = Choosy(rows({LIFE: 3, ".2.1.0": 5}))
    await device.learn(wire, TARGET, rows_max=100, roots=layouts.IDENTITY_ROOTS)
    assert wire.asked == []


async def test_a_device_known_by_its_own_mib_alone_is_identified() -> None:
    library.use(build(PROFILE + f'[[recognise]]\nanswers = ["{ACME}.2"]\n'))
    printer = await device.identify(Recorded(rows({".2.1.0": 5}, object_id=None).items()), TARGET, rows_max=100, location=None)
    assert printer is not None
    assert printer.manufacturer == "ACME"
