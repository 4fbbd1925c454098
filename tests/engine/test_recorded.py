"""A recorded device answers as one on the network."""

from __future__ import annotations

from poller.engine.recorded import Recorded
from poller.model import Credential, Secret, Target
from poller.snmp.message import Missing, Question, Value
from poller.snmp.oid import Oid, parse

TARGET = Target(address="192.0.2.7", credential=Credential(name="test", version="2c", community=Secret("public")))
ROWS: list[tuple[Oid, Value]] = [(parse(f"1.3.6.1.4.1.{arc}.0"), (2, bytes([arc % 100]))) for arc in (300, 9, 128)]


async def test_values_are_found_and_what_is_not_there_is_missing() -> None:
    question = Question((ROWS[0][0], parse("1.3.6.1.4.1.10.0")))
    assert await Recorded(ROWS).get(TARGET, question) == ((2, b"\x00"), Missing.NO_SUCH_INSTANCE)


async def test_rows_follow_in_the_order_of_arcs_not_of_bytes() -> None:
    device = Recorded(ROWS)
    assert [oid for oid, _ in await device.next(TARGET, parse("1.3.6.1.4.1"), 2)] == [ROWS[1][0], ROWS[2][0]]
    assert await device.next(TARGET, ROWS[0][0], 5) == []
