"""A wire with one device behind it, in memory: it answers from rows, and bears only what a test lets it bear."""

from __future__ import annotations

from collections.abc import Iterable

from poller.errors import AgentError, NoAnswerError
from poller.model import Credential, Secret, Target
from poller.snmp.message import ErrorStatus, Missing, Question, Value
from poller.snmp.oid import Oid, arcs, text

TARGET = Target(address="192.0.2.7", credential=Credential(name="test", version="2c", community=Secret("public")))


class DeviceWire:
    """Implements engine.wire.Wire. `asked` lists every question: ("get", OIDs) or ("next", rows)."""

    def __init__(self, rows: Iterable[tuple[Oid, Value]]) -> None:
        self.rows = sorted(rows, key=lambda row: arcs(row[0]))
        self.asked: list[tuple[str, int]] = []
        self.is_silent = False
        self.silent_at: set[str] = set()
        self.oids_max = 1000
        self.is_large_met_by_silence = False
        self.has_bulk = True
        self.is_bulk_met_by_silence = False
        self.broken: set[Oid] = set()
        self.names_culprits = True
        self.loops_at: Oid | None = None

    async def get(self, target: Target, question: Question) -> tuple[Value | Missing, ...]:
        self.asked.append(("get", len(question.oids)))
        if self.is_silent or target.address in self.silent_at or (self.is_large_met_by_silence and len(question.oids) > self.oids_max):
            raise NoAnswerError(target.address, tries=3)
        if len(question.oids) > self.oids_max:
            raise AgentError("tooBig", status=ErrorStatus.TOO_BIG)
        for oid in question.oids:
            if oid in self.broken:
                raise AgentError("genErr", status=ErrorStatus.GEN_ERR, oid=text(oid) if self.names_culprits else "")
        held = dict(self.rows)
        return tuple(held.get(oid, Missing.NO_SUCH_INSTANCE) for oid in question.oids)

    async def next(self, target: Target, oid: Oid, rows: int) -> list[tuple[Oid, Value]]:
        self.asked.append(("next", rows))
        if self.is_silent or target.address in self.silent_at or (rows > 1 and self.is_bulk_met_by_silence):
            raise NoAnswerError(target.address, tries=3)
        if rows > 1 and not self.has_bulk:
            raise AgentError("genErr", status=ErrorStatus.GEN_ERR)
        if self.loops_at is not None and arcs(oid) >= arcs(self.loops_at):
            return [(self.loops_at, (2, b"\x01"))]
        return [row for row in self.rows if arcs(row[0]) > arcs(oid)][:rows]

    def replace(self, oid: Oid, content: bytes) -> None:
        """Give one OID another value."""
        assert oid in dict(self.rows)
        self.rows = [(name, (tag, content if name == oid else before)) for name, (tag, before) in self.rows]
