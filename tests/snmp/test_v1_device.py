"""A device that speaks SNMPv1 alone: one OID it lacks spoils a whole GET, so it must not be asked for that one twice."""

from __future__ import annotations

from collections.abc import Iterable

from poller.engine import device
from poller.simulator import recordings
from poller.simulator.agent import GET, answer, read_request, view
from poller.snmp.message import ErrorStatus, Missing, decode
from poller.snmp.oid import parse
from poller.snmp.socket import SnmpSocket
from tests.snmp.scripted_agent import scripted

ROWS_MAX = 2000
ENTERPRISE = parse("1.3.6.1.2.1.1.2.0")  # asked of everybody when learning


async def test_a_v1_device_is_asked_once_for_what_it_lacks_and_then_only_for_what_it_has() -> None:
    shown = view(row for row in recordings.load("colour-laser").rows if row[0] != ENTERPRISE)
    refusals = 0

    def v1_only(request: bytes, _: int) -> Iterable[bytes]:
        nonlocal refusals
        reply = answer(request, shown, versions=("1",))
        assert reply is not None
        refusals += read_request(request).kind == GET and decode(reply).error_status == ErrorStatus.NO_SUCH_NAME
        return [reply]

    async with scripted(v1_only) as agent, SnmpSocket(timeout_seconds=20, retries=0) as wire:
        target = agent.target(version="1")
        learned = await device.learn(wire, target, rows_max=ROWS_MAX)
        assert not learned.faults
        assert ENTERPRISE not in learned.rows
        known = refusals
        assert known > 0
        for _ in range(2):
            before = len(agent.requests)
            polled = await device.poll(wire, target, learned.device, rows_max=ROWS_MAX)
            assert not polled.is_changed
            assert not any(isinstance(value, Missing) for value in polled.moving)
            assert refusals == known
            walked = len(polled.alerts) + 1 if polled.alerts else 1
            assert len(agent.requests) - before <= len(learned.device.questions) + walked
