"""How the agent is, as the status page says it. The composition root fills these from what each room says of itself."""

from __future__ import annotations

from datetime import datetime

from poller.model import Value


class SweepHealth(Value, frozen=True, kw_only=True):
    """The running sweep, or the last one. `addresses_done` are those whose first probe is out."""

    is_running: bool = False
    addresses_total: int = 0
    addresses_done: int = 0
    printers_found: int = 0
    others_found: int = 0
    completed_utc: datetime | None = None
    next_utc: datetime | None = None


class PollHealth(Value, frozen=True, kw_only=True):
    """The polling crew. `lag_seconds`: how long the most overdue poll has been due; `results`: polls since the start by outcome."""

    workers: int
    workers_busy: int
    lag_seconds: float
    results: dict[str, int]


class WireHealth(Value, frozen=True, kw_only=True):
    """What the sockets have done since the start. `discarded`: datagrams that answered nothing we had asked, by reason."""

    requests: int
    answers: int
    retries: int
    timeouts: int
    in_flight: int
    discarded: dict[str, int]


class AgentStatus(Value, frozen=True, kw_only=True):
    """The agent itself. What is None does not run, and is not shown. `notes` are for the operator, one sentence each, never a secret."""

    version: str
    started_utc: datetime
    sweep: SweepHealth | None = None
    polls: PollHealth | None = None
    wire: WireHealth | None = None
    notes: tuple[str, ...] = ()
