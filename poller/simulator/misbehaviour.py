"""How devices go wrong, on purpose: for the tests of whoever has to bear it.

A misbehaviour takes the question and the reply a good device would give (None: silence) and returns what is sent instead. It is given
to the simulator for single addresses; nothing else here knows of it. What poller does about each is told in docs/agents.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from poller.errors import DecodeError
from poller.simulator.agent import (
    GET,
    GET_BULK,
    GET_NEXT,
    Request,
    encode_element,
    encode_error,
    encode_response,
    encode_varbind,
    read_request,
)
from poller.snmp import ber
from poller.snmp.message import ErrorStatus, decode
from poller.snmp.oid import Oid, arcs, from_arcs


class Outgoing(NamedTuple):
    """One datagram. `from_address` None is the address that was asked; `from_other_port` an unrelated port of this host."""

    payload: bytes
    after_seconds: float = 0.0
    from_address: str | None = None
    from_other_port: bool = False


Misbehaviour = Callable[[bytes, bytes | None], Iterable[Outgoing]]

FLOOD_DATAGRAMS = 100
_ROW_ARCS = 12  # an OID of as many is a cell of a table of the Printer-MIB, not its root


def loop(question: bytes, reply: bytes | None) -> Iterable[Outgoing]:
    """Answer every GETNEXT and GETBULK with the OID that was asked: a walk that trusts it never ends."""
    request = _read(question)
    if request is None or reply is None or request.kind == GET:
        return _as_is(reply)
    times = min(max(request.second, 1), 10) if request.kind == GET_BULK else 1
    varbinds = [encode_varbind(oid, ber.INTEGER, b"\x01") for oid, _ in request.asked] * times
    return [Outgoing(encode_response(request, varbinds))]


def never_end(question: bytes, reply: bytes | None) -> Iterable[Outgoing]:
    """Let every table go on for ever: behind its last row comes one more, whose index is one greater."""
    request = _read(question)
    if request is None or reply is None or request.kind == GET or len(arcs(request.asked[0][0])) < _ROW_ARCS:
        return _as_is(reply)
    times = min(max(request.second, 1), 10) if request.kind == GET_BULK else 1
    varbinds = [encode_varbind(_behind(request.asked[0][0], steps), ber.INTEGER, b"\x01") for steps in range(1, times + 1)]
    return [Outgoing(encode_response(request, varbinds))]


def say_rows_twice(question: bytes, reply: bytes | None) -> Iterable[Outgoing]:
    """Put every row of a GETBULK's answer into it twice."""
    request = _read(question)
    if request is None or reply is None or request.kind != GET_BULK:
        return _as_is(reply)
    rows = [encode_varbind(row.oid, *row.value) for row in decode(reply).varbinds if isinstance(row.value, tuple)]
    return _as_is(reply) if not rows else [Outgoing(encode_response(request, [row for row in rows for _ in range(2)]))]


def lie_about_length(question: bytes, reply: bytes | None) -> Iterable[Outgoing]:
    """Claim more octets inside than the datagram has: the varbind list says 65,535."""
    request = _read(question)
    if request is None or reply is None:
        return _as_is(reply)
    pdu = request.request_id + b"\x02\x01\x00\x02\x01\x00" + b"\x30\x82\xff\xff" + reply[-20:]
    message = encode_element(ber.INTEGER, bytes((request.version,))) + encode_element(ber.OCTET_STRING, request.community)
    return [Outgoing(encode_element(ber.SEQUENCE, message + encode_element(0xA2, pdu)))]


def truncate(question: bytes, reply: bytes | None) -> Iterable[Outgoing]:
    """Send the first half of the reply."""
    return [] if reply is None else [Outgoing(reply[: len(reply) // 2])]


def send_garbage(question: bytes, reply: bytes | None) -> Iterable[Outgoing]:
    """Send octets that are no BER."""
    return [Outgoing(bytes((0xFF, 0x00, 0x80, 0x7F)) * 20)]


def send_nothing_in_a_datagram(question: bytes, reply: bytes | None) -> Iterable[Outgoing]:
    """Send an empty datagram."""
    return [Outgoing(b"")]


def stay_silent(question: bytes, reply: bytes | None) -> Iterable[Outgoing]:
    """Never answer."""
    return []


def flood(question: bytes, reply: bytes | None) -> Iterable[Outgoing]:
    """Send the right reply a hundred times."""
    return [] if reply is None else [Outgoing(reply)] * FLOOD_DATAGRAMS


def answer_with_other_request_id(question: bytes, reply: bytes | None) -> Iterable[Outgoing]:
    """Answer a question nobody asked."""
    request = _read(question)
    if request is None or reply is None:
        return _as_is(reply)
    last = request.request_id[-1:]
    other = request.request_id[:-1] + bytes((last[0] ^ 0x55,))
    return [Outgoing(reply.replace(request.request_id, other, 1))]


def answer_from_other_port(question: bytes, reply: bytes | None) -> Iterable[Outgoing]:
    """Answer from a port that was not asked."""
    return [] if reply is None else [Outgoing(reply, from_other_port=True)]


def answer_from(address: str) -> Misbehaviour:
    """Answer from another address, as a device with two interfaces may."""

    def misbehave(question: bytes, reply: bytes | None) -> Iterable[Outgoing]:
        return [] if reply is None else [Outgoing(reply, from_address=address)]

    return misbehave


def answer_late(seconds: float) -> Misbehaviour:
    """Send the right reply after *seconds*."""

    def misbehave(question: bytes, reply: bytes | None) -> Iterable[Outgoing]:
        return [] if reply is None else [Outgoing(reply, after_seconds=seconds)]

    return misbehave


def wake_slowly(seconds: float, *, after_idle_seconds: float, monotonic: Callable[[], float]) -> Misbehaviour:
    """Fall asleep when nobody asks for so long; the next question wakes it, and no answer goes out before it is awake."""
    asked_at = awake_at = float("-inf")

    def misbehave(question: bytes, reply: bytes | None) -> Iterable[Outgoing]:
        nonlocal asked_at, awake_at
        now = monotonic()
        if now - asked_at > after_idle_seconds:
            awake_at = now + seconds
        asked_at = now
        return [] if reply is None else [Outgoing(reply, after_seconds=max(0.0, awake_at - now))]

    return misbehave


def reboot_when_hurried(pause_seconds: float, *, boot_seconds: float, monotonic: Callable[[], float]) -> Misbehaviour:
    """Start anew, silent meanwhile, when a question comes sooner than *pause_seconds* after the last answer."""
    answered_at = back_at = float("-inf")

    def misbehave(question: bytes, reply: bytes | None) -> Iterable[Outgoing]:
        nonlocal answered_at, back_at
        now = monotonic()
        if now < back_at:
            return []
        if now - answered_at < pause_seconds:
            back_at = now + boot_seconds
            return []
        answered_at = now
        return _as_is(reply)

    return misbehave


def ignore_version_2c(question: bytes, reply: bytes | None) -> Iterable[Outgoing]:
    """Answer SNMPv1 alone."""
    request = _read(question)
    return [] if request is None or request.version != 0 else _as_is(reply)


def fail_bulk(question: bytes, reply: bytes | None) -> Iterable[Outgoing]:
    """Answer GETBULK with genErr and everything else well, as some makers do."""
    request = _read(question)
    if request is None or reply is None or request.kind != GET_BULK:
        return _as_is(reply)
    return [Outgoing(encode_error(request, status=ErrorStatus.GEN_ERR, index=1))]


def too_big_above(varbinds: int) -> Misbehaviour:
    """Answer tooBig to a GET or GETNEXT of more than so many varbinds."""

    def misbehave(question: bytes, reply: bytes | None) -> Iterable[Outgoing]:
        request = _read(question)
        if request is None or reply is None or request.kind not in (GET, GET_NEXT) or len(request.asked) <= varbinds:
            return _as_is(reply)
        return [Outgoing(encode_error(request, status=ErrorStatus.TOO_BIG, index=0))]

    return misbehave


def _behind(oid: Oid, steps: int) -> Oid:
    *head, last = arcs(oid)
    return from_arcs((*head, min(last + steps, 2**32 - 1)))


def _as_is(reply: bytes | None) -> Iterable[Outgoing]:
    return [] if reply is None else [Outgoing(reply)]


def _read(question: bytes) -> Request | None:
    try:
        return read_request(question)
    except DecodeError:
        return None
