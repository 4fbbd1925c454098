"""Agents that misbehave, one by one: what such a device costs, and what is read of it all the same. docs/agents.md tells the same."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from poller.engine import asking, device
from poller.engine.asking import Manners
from poller.errors import AgentError, DecodeError, NoAnswerError, PrinterError
from poller.model import Reading, Target
from poller.printers import library
from poller.simulator import misbehaviour, recordings
from poller.simulator.misbehaviour import Misbehaviour
from poller.snmp import ber
from poller.snmp.message import Missing, Question, Value
from poller.snmp.oid import parse
from tests.engine.device_wire import TARGET, DeviceWire
from tests.engine.misbehaving_wire import MisbehavingWire
from tests.fake_clock import FakeClock
from tests.printers.vendor_devices import HEAD, build, rows

ROWS_MAX = 200
TARGET_V1 = msgspec.structs.replace(TARGET, credential=msgspec.structs.replace(TARGET.credential, version="1"))
LIFE = "1.3.6.1.2.1.43.10.2.1.4.1.1"
SUPPLY = "1.3.6.1.2.1.43.11.1.1"


async def read(how: Misbehaviour, clock: FakeClock, target: Target = TARGET) -> tuple[Reading, list[str]]:
    wire = MisbehavingWire(recordings.load("colour-laser").rows, how, clock)
    decoded, learned, _ = await device.read(wire, [target], clock, rows_max=ROWS_MAX)
    return decoded.reading, learned.faults


async def read_good(clock: FakeClock) -> Reading:
    wire = DeviceWire(recordings.load("colour-laser").rows)
    return (await device.read(wire, [TARGET], clock, rows_max=ROWS_MAX))[0].reading


def same(one: Reading, other: Reading) -> bool:
    """Say whether two readings differ in nothing but when and how they were taken."""
    printer = msgspec.structs.replace(one.printer, via=other.printer.via)
    return msgspec.structs.replace(one, taken_at=other.taken_at, printer=printer) == other


@pytest.mark.parametrize(
    ("how", "target"),
    [
        (misbehaviour.flood, TARGET),
        (misbehaviour.fail_bulk, TARGET),
        (misbehaviour.too_big_above(3), TARGET),
        (misbehaviour.too_big_above(1), TARGET),
        (misbehaviour.say_rows_twice, TARGET),
        (misbehaviour.answer_late(3.0), TARGET),
        (misbehaviour.ignore_version_2c, TARGET_V1),
    ],
)
async def test_what_can_be_read_of_such_a_device_is_everything(how: Misbehaviour, target: Target, clock: FakeClock) -> None:
    reading, faults = await read(how, clock, target)
    assert same(reading, await read_good(clock))
    assert not faults


@pytest.mark.parametrize(
    ("how", "error"),
    [
        (misbehaviour.stay_silent, NoAnswerError),
        (misbehaviour.answer_with_other_request_id, NoAnswerError),
        (misbehaviour.answer_from_other_port, NoAnswerError),
        (misbehaviour.answer_from("192.0.2.99"), NoAnswerError),
        (misbehaviour.answer_late(20.0), NoAnswerError),
        (misbehaviour.ignore_version_2c, NoAnswerError),
        (misbehaviour.lie_about_length, DecodeError),
        (misbehaviour.truncate, DecodeError),
        (misbehaviour.send_garbage, DecodeError),
        (misbehaviour.send_nothing_in_a_datagram, DecodeError),
        (misbehaviour.too_big_above(0), AgentError),
    ],
)
async def test_of_such_a_device_nothing_is_believed_and_the_error_says_why(
    how: Misbehaviour, error: type[PrinterError], clock: FakeClock
) -> None:
    with pytest.raises(error):
        await read(how, clock)


@pytest.mark.parametrize(("how", "why"), [(misbehaviour.loop, "did not advance"), (misbehaviour.never_end, "rows_max")])
async def test_a_table_without_end_costs_that_table(how: Misbehaviour, why: str, clock: FakeClock) -> None:
    reading, faults = await read(how, clock)
    assert any(why in fault for fault in faults)
    assert reading.printer.hostname == (await read_good(clock)).printer.hostname


async def test_one_value_too_big_to_be_sent_costs_that_value_alone() -> None:
    class Narrow(DeviceWire):
        async def get(self, target: Target, question: Question) -> tuple[Value | Missing, ...]:
            if parse(LIFE) in question.oids:
                self.oids_max = 0
            try:
                return await super().get(target, question)
            finally:
                self.oids_max = 1000

    oids = [parse(f"{SUPPLY}.9.1.{number}") for number in range(1, 10)]
    wire = Narrow([(oid, (ber.INTEGER, b"\x07")) for oid in oids])
    asked = [*oids[:4], parse(LIFE), *oids[4:]]
    assert [value is Missing.NULL for value in await asking.ask(wire, TARGET, asked, Manners())] == [oid == parse(LIFE) for oid in asked]


async def test_a_device_to_which_everything_is_too_big_is_given_up_soon() -> None:
    wire = DeviceWire([])
    wire.oids_max = 0
    with pytest.raises(AgentError):
        await asking.ask(wire, TARGET, [parse(f"{SUPPLY}.9.1.{number}") for number in range(1, 100)], Manners())
    assert len(wire.asked) < 15


async def test_missing_cells_cost_nobody_else(clock: FakeClock) -> None:
    before = await read_good(clock)
    gone = {parse(f"{SUPPLY}.{column}.1.2") for column in (4, 5, 7, 8)}
    wire = DeviceWire(row for row in recordings.load("colour-laser").rows if row[0] not in gone)
    after = (await device.read(wire, [TARGET], clock, rows_max=ROWS_MAX))[0].reading
    assert [one for one in after.supplies if one.key != "1.2"] == [one for one in before.supplies if one.key != "1.2"]
    [odd] = [one for one in after.supplies if one.key == "1.2"]
    assert (odd.ratio, odd.capacity) == (None, None)


@pytest.mark.parametrize("index", ["1", "1.700.3", "4294967295.4294967295"], ids=["short", "long", "large"])
async def test_an_index_of_any_form_is_a_key(index: str, clock: FakeClock) -> None:
    held = rows({f"{SUPPLY}.6.{index}": "Black Toner", f"{SUPPLY}.8.{index}": 100, f"{SUPPLY}.9.{index}": 40})
    reading = (await device.read(DeviceWire(held.items()), [TARGET], clock, rows_max=ROWS_MAX))[0].reading
    assert [(one.key, one.ratio) for one in reading.supplies] == [(index, 0.4)]


@pytest.mark.parametrize(
    ("sent", "count"),
    [
        ((ber.COUNTER32, b"\xff\xff\xff\xfa"), 4294967290),  # without the sign octet BER wants
        ((ber.COUNTER32, b"\x00\xff\xff\xff\xfa"), 4294967290),
        ((ber.COUNTER32, b"\x05"), 5),  # a moment later: what it shows, not a guess of what it means
        ((ber.COUNTER32, b"\xff\xff\xff\xff"), None),  # all ones: some say so for "unknown"
        ((ber.INTEGER, b"\xff\xff\xff\xfb"), None),  # -5 is no count
    ],
)
async def test_a_counter_that_wrapped_is_shown_as_it_is_and_never_negative(sent: Value, count: int | None, clock: FakeClock) -> None:
    wire = DeviceWire([*rows({f"{SUPPLY}.6.1.1": "Black Toner"}).items(), (parse(LIFE), sent)])
    reading = (await device.read(wire, [TARGET], clock, rows_max=ROWS_MAX))[0].reading
    assert [one.count for one in reading.counters] == ([count] if count is not None else [])


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (b"Black Toner\x00\x00junk", "Black Toner"),
        (b"\xff\xff\xff\xff", None),
        ("Schwärze".encode("latin-1"), "Schwärze"),
        ("Schwärze".encode(), "Schwärze"),
    ],
)
async def test_a_text_is_read_up_to_its_nul_in_whatever_character_set(octets: bytes, shown: str | None, clock: FakeClock) -> None:
    held = rows({f"{SUPPLY}.6.1.1": octets, f"{SUPPLY}.8.1.1": 100, f"{SUPPLY}.9.1.1": 40})
    reading = (await device.read(DeviceWire(held.items()), [TARGET], clock, rows_max=ROWS_MAX))[0].reading
    assert [(one.description, one.ratio) for one in reading.supplies] == [(shown, 0.4)]


# --- a pause -----------------------------------------------------------------------------------------------------------

PAUSE_MS = 50


@pytest.fixture
def _library() -> Iterator[None]:
    before = library.current()
    yield
    library.use(before)


@pytest.mark.usefixtures("_library")
@pytest.mark.parametrize("pause_ms", [0, PAUSE_MS])
async def test_a_device_that_cannot_be_hurried_is_left_alone_before_each_question_as_its_profile_says(
    pause_ms: int, clock: FakeClock
) -> None:
    library.use(build(HEAD + f'[manners]\npause_ms = {pause_ms}\n[[counter]]\nfunction = "total"\nvalue = "{LIFE}"\n'))
    held = rows({LIFE: 5, f"{SUPPLY}.6.1.1": "Black Toner", f"{SUPPLY}.9.1.1": 40})
    how = misbehaviour.reboot_when_hurried(0.04, boot_seconds=60, monotonic=clock.monotonic)
    wire = MisbehavingWire(held.items(), how, clock)
    if pause_ms == 0:
        with pytest.raises(NoAnswerError):
            await device.learn(wire, TARGET, rows_max=ROWS_MAX)
        return
    learned = await device.learn(wire, TARGET, rows_max=ROWS_MAX)
    clock.advance(900)
    polled = await device.poll(wire, TARGET, learned.device, rows_max=ROWS_MAX)
    assert polled.moving == learned.moving
    assert learned.device.manners.pause_ms == pause_ms
