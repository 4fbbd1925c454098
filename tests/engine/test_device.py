"""One device, in memory: what is asked of it, and what of a device that bears less than others."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from poller.engine import asking, device, recorder
from poller.engine.asking import Manners
from poller.errors import AccessError, NoAnswerError, Refusal
from poller.model import Credential, Target, User
from poller.printers import layout as layouts
from poller.simulator import recordings
from poller.snmp.message import Missing, Question, Value
from poller.snmp.oid import Oid, arcs, parse
from tests.engine.device_wire import TARGET, DeviceWire
from tests.fake_clock import FakeClock

ROWS_MAX = 2000
SUPPLY_LEVEL = parse("1.3.6.1.2.1.43.11.1.1.9")


def wire_of(name: str) -> DeviceWire:
    return DeviceWire(recordings.load(name).rows)


async def test_a_poll_brings_what_learning_brought_by_asking_only_what_exists(clock: FakeClock) -> None:
    wire = wire_of("a3-colour-mfp")
    learned = await device.learn(wire, TARGET, rows_max=ROWS_MAX)
    questions = len(wire.asked)
    polled = await device.poll(wire, TARGET, learned.device, rows_max=ROWS_MAX)
    assert polled.moving == learned.moving
    assert polled.alerts == learned.device.alerts
    assert not polled.is_changed
    assert len(wire.asked) - questions < questions / 3
    assert not learned.faults


async def test_a_row_that_vanished_says_that_the_layout_is_no_longer_true() -> None:
    wire = wire_of("colour-laser")
    learned = await device.learn(wire, TARGET, rows_max=ROWS_MAX)
    wire.rows = [row for row in wire.rows if not row[0].startswith(SUPPLY_LEVEL)]
    polled = await device.poll(wire, TARGET, learned.device, rows_max=ROWS_MAX)
    assert polled.is_changed
    assert Missing.NO_SUCH_INSTANCE in polled.moving


@pytest.mark.parametrize("by_silence", [False, True], ids=["genErr", "silence"])
async def test_a_device_without_getbulk_is_walked_by_getnext_and_asked_for_bulk_once(by_silence: bool) -> None:
    wire, whole = wire_of("mono-laser"), wire_of("mono-laser")
    wire.has_bulk, wire.is_bulk_met_by_silence = False, by_silence
    learned = await device.learn(wire, TARGET, rows_max=ROWS_MAX)
    assert learned.rows == (await device.learn(whole, TARGET, rows_max=ROWS_MAX)).rows
    assert learned.device.manners.bulk_rows == 1
    assert sum(rows > 1 for kind, rows in wire.asked if kind == "next") == 1


@pytest.mark.parametrize("by_silence", [False, True], ids=["tooBig", "silence"])
async def test_a_get_too_large_for_the_device_is_cut_until_it_fits_and_stays_cut(by_silence: bool) -> None:
    wire = wire_of("a3-colour-mfp")
    learned = await device.learn(wire, TARGET, rows_max=ROWS_MAX)
    wire.oids_max, wire.is_large_met_by_silence = 7, by_silence
    assert await asking.ask(wire, TARGET, learned.layout.shape.moving, learned.device.manners) == learned.moving
    assert learned.device.manners.oids_max <= 7
    wire.asked.clear()
    await asking.ask(wire, TARGET, learned.layout.shape.moving, learned.device.manners)
    assert max(count for _, count in wire.asked) <= 7


async def test_silence_of_a_device_known_to_bear_large_questions_is_silence() -> None:
    wire = wire_of("a3-colour-mfp")
    manners = Manners(is_proven=True)
    wire.is_silent = True
    with pytest.raises(NoAnswerError):
        await asking.ask(wire, TARGET, layouts.SCALARS * 10, manners)
    assert len(wire.asked) == 1


@pytest.mark.parametrize("is_named", [True, False])
async def test_one_value_the_agent_chokes_on_costs_that_value_alone(is_named: bool) -> None:
    wire = wire_of("colour-laser")
    wire.names_culprits = is_named
    learned = await device.learn(wire, TARGET, rows_max=ROWS_MAX)
    moving = learned.layout.shape.moving
    wire.broken = {moving[5]}
    values = await asking.ask(wire, TARGET, moving, learned.device.manners)
    assert values[5] is Missing.NULL
    assert (learned.device.manners.oids_max == Manners().oids_max) is is_named  # one that names it is not asked for less
    assert values[:5] + values[6:] == learned.moving[:5] + learned.moving[6:]


async def test_an_agent_that_loops_costs_its_table_and_is_noted(clock: FakeClock) -> None:
    wire = wire_of("colour-laser")
    wire.loops_at = parse("1.3.6.1.2.1.43.11.1.1.6.1.2")
    learned = await device.learn(wire, TARGET, rows_max=ROWS_MAX)
    assert any("did not advance" in fault for fault in learned.faults)
    reading = device.decode_learned(learned, TARGET, clock, location=None).reading
    assert reading.printer.serial is not None
    assert len(wire.asked) < 200


async def test_a_runaway_table_is_cut_at_rows_max() -> None:
    column = "1.3.6.1.2.1.43.11.1.1.9.1"
    endless = [(parse(f"{column}.{row}"), (2, b"\x01")) for row in range(1, 5000)]
    learned = await device.learn(DeviceWire(endless), TARGET, rows_max=100)
    assert any("rows_max" in fault for fault in learned.faults)
    assert len(learned.rows) == 100


async def test_a_silent_device_is_given_up_after_one_question() -> None:
    wire = wire_of("mono-laser")
    wire.is_silent = True
    with pytest.raises(NoAnswerError):
        await device.learn(wire, TARGET, rows_max=ROWS_MAX)
    assert len(wire.asked) == 1


@pytest.mark.parametrize("name", recordings.names())
async def test_every_invented_device_is_told_for_what_it_is(name: str) -> None:
    recording = recordings.load(name)
    wire = DeviceWire(recording.rows)
    printer = await device.identify(wire, TARGET, rows_max=ROWS_MAX, location="Room 7")
    assert (printer is not None) == recording.is_printer
    if printer is None:
        assert len(wire.asked) <= 4
    else:
        assert printer.location == "Room 7"
        assert printer.manufacturer
        assert printer.model


async def test_read_goes_from_credential_to_credential_until_one_is_answered(clock: FakeClock) -> None:
    wire = wire_of("mono-laser")
    decoded, _, target = await device.read(wire, [TARGET, TARGET], clock, rows_max=ROWS_MAX)
    assert decoded.reading.taken_at == clock.utc()
    assert decoded.reading.is_printer
    assert target is TARGET
    wire.is_silent = True
    with pytest.raises(NoAnswerError):
        await device.read(wire, [TARGET, TARGET], clock, rows_max=ROWS_MAX)


async def test_a_recording_has_every_row_but_those_of_jobs() -> None:
    jobs = [(parse("1.3.6.1.4.1.367.3.2.1.3.2.1.5.1"), (4, b"secret.docx")), (parse("1.3.6.1.4.1.367.3.2.1.9.1.0"), (2, b"\x07"))]
    rows = [*recordings.load("mono-laser").rows, *jobs]
    roots = (*recorder.STANDARD_ROOTS, parse("1.3.6.1.4.1.367"))
    recorded, faults = await recorder.record(DeviceWire(rows), TARGET, roots, rows_max=20_000)
    assert jobs[0] not in recorded
    assert jobs[1] in recorded
    standard = [row for row in recordings.load("mono-laser").rows if row[0].startswith(recorder.STANDARD_ROOTS)]
    assert len(recorded) == len(standard) + 1
    assert not faults


ALERT_EVENTS = parse("1.3.6.1.2.1.43.5.1.1.19.1")
DEVICE_STATUS = parse("1.3.6.1.2.1.25.3.2.1.5.1")


async def test_the_alert_table_of_a_quiet_device_is_walked_only_when_it_counts_a_new_alert() -> None:
    wire = wire_of("colour-laser")
    alerts = [row for row in wire.rows if row[0].startswith(layouts.ALERTS)]
    wire.rows = [row for row in wire.rows if not row[0].startswith(layouts.ALERTS)]
    wire.replace(ALERT_EVENTS, b"\x07")
    wire.replace(DEVICE_STATUS, b"\x02")
    learned = await device.learn(wire, TARGET, rows_max=ROWS_MAX)

    async def walks() -> tuple[int, int]:
        wire.asked.clear()
        polled = await device.poll(wire, TARGET, learned.device, rows_max=ROWS_MAX)
        return sum(kind == "next" for kind, _ in wire.asked), len(polled.alerts)

    assert alerts
    assert await walks() == (0, 0)
    wire.rows = sorted([*wire.rows, *alerts], key=lambda row: arcs(row[0]))
    wire.replace(ALERT_EVENTS, b"\x08")
    assert await walks() == (2, len(alerts))  # one row to see whether there are any, then the others
    assert await walks() == (1, len(alerts))  # as long as there are alerts, they may go at any time
    wire.rows = [row for row in wire.rows if row not in alerts]
    assert await walks() == (1, 0)
    assert await walks() == (0, 0)
    wire.replace(DEVICE_STATUS, b"\x05")  # down, whatever the counter says
    assert await walks() == (1, 0)
    assert await walks() == (0, 0)  # still down, and still nothing in the table


async def test_a_device_that_counts_no_alerts_and_never_had_one_is_looked_at_when_its_status_says_so() -> None:
    wire = wire_of("colour-laser")
    alerts = [row for row in wire.rows if row[0].startswith(layouts.ALERTS)]
    wire.rows = [row for row in wire.rows if not row[0].startswith(layouts.ALERTS) and row[0] != ALERT_EVENTS]
    wire.replace(DEVICE_STATUS, b"\x02")
    learned = await device.learn(wire, TARGET, rows_max=ROWS_MAX)

    async def walks() -> tuple[int, int]:
        wire.asked.clear()
        polled = await device.poll(wire, TARGET, learned.device, rows_max=ROWS_MAX)
        return sum(kind == "next" for kind, _ in wire.asked), len(polled.alerts)

    assert await walks() == (0, 0)
    wire.rows = sorted([*wire.rows, *alerts], key=lambda row: arcs(row[0]))
    wire.replace(DEVICE_STATUS, b"\x03")
    assert await walks() == (2, len(alerts))
    wire.replace(DEVICE_STATUS, b"\x02")
    assert await walks() == (1, len(alerts))
    wire.rows = [row for row in wire.rows if row not in alerts]
    assert await walks() == (1, 0)
    assert await walks() == (1, 0)  # one that has shown alerts may show them again without a word


async def test_after_a_restart_the_alert_table_is_looked_at_whatever_the_counter_says() -> None:
    wire = wire_of("colour-laser")
    learned = await device.learn(wire, TARGET, rows_max=ROWS_MAX)
    restored = device.Device(learned.layout, learned.device.manners, config_changes=learned.device.config_changes)
    polled = await device.poll(wire, TARGET, restored, rows_max=ROWS_MAX)
    assert polled.alerts == learned.device.alerts
    assert polled.alerts


async def test_a_credential_that_snmpv3_does_not_let_in_is_followed_by_the_next(clock: FakeClock) -> None:
    secure = Target(address=TARGET.address, credential=Credential(name="secure", version="3", user=User(name="monitor")))

    class Closed(DeviceWire):
        async def get(self, target: Target, question: Question) -> tuple[Value | Missing, ...]:
            if target is secure:
                raise AccessError(Refusal.UNKNOWN_USER)
            return await super().get(target, question)

    _, _, used = await device.read(Closed(wire_of("mono-laser").rows), [secure, TARGET], clock, rows_max=ROWS_MAX)
    assert used is TARGET
    with pytest.raises(AccessError):
        await device.read(Closed([]), [secure], clock, rows_max=ROWS_MAX)


class LossyWire(DeviceWire):
    """Loses the questions at the places *lost* that go on in a table."""

    def __init__(self, rows: Iterable[tuple[Oid, Value]], lost: set[int]) -> None:
        super().__init__(rows)
        self.lost = lost

    async def next(self, target: Target, oid: Oid, rows: int) -> list[tuple[Oid, Value]]:
        if len(self.asked) in self.lost:
            self.asked.append(("next", rows))
            raise NoAnswerError(target.address, tries=3)
        return await super().next(target, oid, rows)


async def test_who_a_device_is_does_not_depend_on_a_table_lost_once() -> None:
    rows = recordings.load("colour-laser").rows
    undisturbed = DeviceWire(rows)
    whole = await device.identify(undisturbed, TARGET, rows_max=2000, location=None)
    begin = [at for at, (kind, _) in enumerate(undisturbed.asked) if kind == "get"][1]  # before that: is it a printer at all?
    places = range(begin + 1, len(undisturbed.asked))
    assert len(places) >= 5
    for place in places:
        wire = LossyWire(rows, {place, place + 1})  # by GETBULK, and by GETNEXT
        assert await device.identify(wire, TARGET, rows_max=2000, location=None) == whole
