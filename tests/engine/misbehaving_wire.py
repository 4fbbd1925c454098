"""A wire in memory to one simulated device that misbehaves: real datagrams both ways, and the rules of the socket for what is an answer."""

from __future__ import annotations

from collections.abc import Iterable

from poller.errors import DecodeError, NoAnswerError, PrinterError
from poller.model import Target
from poller.simulator import agent
from poller.simulator.misbehaviour import Misbehaviour
from poller.snmp.ask import Ask
from poller.snmp.message import (
    REQUEST_ID_MIN,
    Answer,
    ErrorStatus,
    Missing,
    Question,
    Template,
    Value,
    decode,
    encode_get,
    encode_next,
    raise_for_status,
)
from poller.snmp.oid import Oid
from tests.engine.device_wire import DeviceWire
from tests.fake_clock import FakeClock

PATIENCE_SECONDS = 7.0  # three tries with the settings as they come: 1 + 2 + 4
ROUND_TRIP_SECONDS = 0.002


class MisbehavingWire(DeviceWire):
    """Time passes on *clock*: a round trip with each answer, the whole patience without one, and the pause a target asks for."""

    def __init__(self, rows: Iterable[tuple[Oid, Value]], how: Misbehaviour, clock: FakeClock) -> None:
        super().__init__(rows)
        self.how, self.clock = how, clock
        self.shown = agent.view(self.rows)
        self._number = REQUEST_ID_MIN

    async def get(self, target: Target, question: Question) -> tuple[Value | Missing, ...]:
        self.asked.append(("get", len(question.oids)))
        asking = Ask(question)
        while asking.question is not None:
            credential = target.credential
            template = encode_get(asking.question.oids, version=credential.version, community=credential.community.reveal())
            asking.feed(self._answer(target, template))
        return asking.values()

    async def next(self, target: Target, oid: Oid, rows: int) -> list[tuple[Oid, Value]]:
        self.asked.append(("next", rows))
        credential = target.credential
        template = encode_next(oid, rows=rows, version=credential.version, community=credential.community.reveal())
        answer = self._answer(target, template)
        if answer.error_status == ErrorStatus.NO_SUCH_NAME:
            return []
        raise_for_status(answer)
        return [(row.oid, row.value) for row in answer.varbinds if isinstance(row.value, tuple)]

    def _answer(self, target: Target, template: Template) -> Answer:
        self.clock.advance(target.pause_ms / 1000)
        self._number += 1
        datagram = template.with_request_id(self._number)
        fault: PrinterError = NoAnswerError(target.address, tries=3)
        for sent in self.how(datagram, agent.answer(datagram, self.shown)):
            if sent.from_address is not None or sent.from_other_port or sent.after_seconds > PATIENCE_SECONDS:
                continue
            try:
                answer = decode(sent.payload)
            except DecodeError as error:
                fault = error
                continue
            if answer.request_id == self._number:
                self.clock.advance(ROUND_TRIP_SECONDS + sent.after_seconds)
                return answer
        self.clock.advance(PATIENCE_SECONDS)
        raise fault
