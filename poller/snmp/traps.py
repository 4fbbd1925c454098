"""The edge where notifications arrive: one UDP socket, read a little at a time, whatever comes.

After each turn of at most 64 datagrams the socket is left alone for 20 ms, full or not: a flood costs a few percent of a core, and what
does not fit into the kernel's buffer meanwhile is dropped there, and counted. Of what is read the cheap questions come first: is it SNMP at
all, has its sender (or have all strangers together) any of the allowance left (`quota.py`). Only then it is opened (`gate.py`).
A listener decides what a believed notification means. Nothing is kept or shown per sender; the log names one now and then.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import sys
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from poller import exposition
from poller.errors import DecodeError, HostError
from poller.exposition import Sample
from poller.logs import emit
from poller.model import Value as _Struct
from poller.snmp.gate import Believed, Gate, Reason
from poller.snmp.notification import DATAGRAM_OCTETS_MAX, Notification, version_of
from poller.snmp.quota import Quota

log = logging.getLogger(__name__)

DATAGRAMS_PER_TURN_MAX = 64
REST_SECONDS = 0.02
_RECEIVE_BUFFER_BYTES = 1 << 20  # power returns, and every printer says so
_TELL_EVERY_SECONDS = 60.0

_SO_RXQ_OVFL = 40  # Linux: how many datagrams this socket had no room for, socket(7); the socket module lacks it
_COUNT_OCTETS = 4
_PRIVILEGED_PORTS = 1024
_MAPPED = "::ffff:"  # an IPv4 sender on an IPv6 socket, RFC 4291 section 2.5.5.2

_SockAddr = tuple[Any, ...]


class Listener(Protocol):
    """Whoever wants to know."""

    def is_known(self, address: str) -> bool:
        """Say whether *address* is one that has an allowance of its own. Asked for every datagram: it has to be quick."""
        ...

    def hear(self, sender: str, notification: Notification) -> str:
        """Take a notification that is believed, and return the word it is counted under."""
        ...


class TrapsStatus(_Struct, frozen=True, kw_only=True):
    """What has arrived since the start: `results` by (version, result), `dropped` unseen by reason; `senders` of SNMPv3 traps known."""

    is_listening: bool
    results: dict[tuple[str, str], int]
    dropped: dict[str, int]
    senders: int


class Traps:
    """Receives notifications on *listen*, (host, port). Use as an async context manager. `gate` may be changed for another at any time."""

    def __init__(self, gate: Gate, listener: Listener, *, listen: tuple[str, int], monotonic: Callable[[], float] = time.monotonic) -> None:
        self.gate, self._listener, self._listen, self._monotonic = gate, listener, listen, monotonic
        self._quota = Quota(monotonic())
        self._sock: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._results: Tally[tuple[str, str]] = Tally()
        self._dropped: Tally[str] = Tally()
        self._overflows = 0
        self._tell_at: dict[str, float] = {}

    @property
    def port(self) -> int:
        """The port listened on; known inside the block."""
        assert self._sock is not None
        return int(self._sock.getsockname()[1])

    async def __aenter__(self) -> Traps:
        """Begin to listen. Raises HostError when this host does not allow it."""
        self._loop = asyncio.get_running_loop()
        try:
            self._sock = await self._open()
        except OSError as error:
            raise self._refusal(error) from error
        self._loop.add_reader(self._sock, self._turn)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._sock is not None:
            self._loop.remove_reader(self._sock)
            self._sock.close()
            self._sock = None

    def status(self) -> TrapsStatus:
        return TrapsStatus(
            is_listening=self._sock is not None, results=dict(self._results), dropped=dict(self._dropped), senders=self.gate.senders
        )

    def metrics(self) -> Iterable[Sample]:
        yield Sample(exposition.POLLER_NOTIFICATIONS_LISTENING, float(self._sock is not None))
        for labels, count in sorted(self._results.items()):
            yield Sample(exposition.POLLER_NOTIFICATIONS, count, labels)
        for reason, count in sorted(self._dropped.items()):
            yield Sample(exposition.POLLER_NOTIFICATIONS_DROPPED, count, (reason,))

    # --- the socket ------------------------------------------------------------------------------------------------------

    async def _open(self) -> socket.socket:
        host, port = self._listen
        try:
            found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
            family, _, _, _, address = found[0]
            return self._bind(family, address)
        except OSError as error:
            if host != "::" or error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                raise
            return self._bind(socket.AF_INET, ("0.0.0.0", port))  # noqa: S104  all addresses are meant, and this host has no IPv6

    def _bind(self, family: int, address: _SockAddr) -> socket.socket:
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)  # noqa: FBT003  the only way to say it
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # [::] is everybody, as in Prometheus and its exporters
            if sys.platform == "linux":
                sock.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
            sock.bind(address)
        except BaseException:
            sock.close()
            raise
        return sock

    def _refusal(self, error: OSError) -> HostError:
        host, port = self._listen
        hint = "set [traps] listen to another address, or to none"
        if error.errno == errno.EADDRINUSE:
            hint = f"does another program receive traps there? {hint}"
        elif error.errno in (errno.EACCES, errno.EPERM) and port < _PRIVILEGED_PORTS:
            hint = "ports below 1024 need the capability CAP_NET_BIND_SERVICE; or listen on 1162 and have 162 redirected there"
        return HostError(f"cannot listen for notifications on {host} port {port}: {error.strerror}", hint=hint)

    def _turn(self) -> None:
        """Take what has arrived, a bounded number; then let everybody else have the loop for a while."""
        assert self._sock is not None
        self._loop.remove_reader(self._sock)
        self._timer = self._loop.call_later(REST_SECONDS, self._resume)
        now_at = self._monotonic()
        for _ in range(DATAGRAMS_PER_TURN_MAX):
            try:
                datagram, sender = self._receive(self._sock)
            except BlockingIOError:
                return
            except OSError as error:
                self._dropped[errno.errorcode.get(error.errno or 0, "OSError")] += 1
                continue
            self._take(datagram, sender, now_at)

    def _resume(self) -> None:
        assert self._sock is not None
        self._loop.add_reader(self._sock, self._turn)

    def _receive(self, sock: socket.socket) -> tuple[bytes, _SockAddr]:
        """Return the next datagram and its sender; note on the way what the kernel had no room for, where it says so."""
        if sys.platform != "linux":
            return sock.recvfrom(DATAGRAM_OCTETS_MAX + 1)
        datagram, ancillary, _, sender = sock.recvmsg(DATAGRAM_OCTETS_MAX + 1, socket.CMSG_SPACE(_COUNT_OCTETS))
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_RXQ_OVFL:
                self._note_overflows(int.from_bytes(content[:_COUNT_OCTETS], sys.byteorder))
        return datagram, sender

    def _note_overflows(self, overflows: int) -> None:
        """Count what the kernel had no room for; its own count comes with a datagram, and wraps."""
        self._dropped["kernel"] += (overflows - self._overflows) % (1 << 8 * _COUNT_OCTETS)
        self._overflows = overflows

    # --- one datagram ----------------------------------------------------------------------------------------------------

    def _take(self, datagram: bytes, sender: _SockAddr, now_at: float) -> None:
        version = version_of(datagram)
        if version is None:
            self._results["", "garbled"] += 1
            return
        address = str(sender[0]).removeprefix(_MAPPED)
        source = address if self._listener.is_known(address) else None
        dropped = self._quota.refuse(source, now_at, is_sealed=version == "3")
        if dropped is not None:
            self._dropped[dropped.value] += 1
            return
        try:
            opened = self.gate.open(datagram, address, now_at)
        except DecodeError:
            self._results[version, "garbled"] += 1
            return
        if isinstance(opened, Believed):
            result = self._listener.hear(address, opened.notification)
        else:
            result = opened.reason.value
            if opened.reason is not Reason.ENGINE:  # that is how every inform begins
                self._tell(result, address, version, now_at)
        self._results[version, result] += 1
        if opened.answer is not None:
            self._answer(opened.answer, sender)

    def _answer(self, datagram: bytes, to: _SockAddr) -> None:
        assert self._sock is not None
        try:
            self._sock.sendto(datagram, to)
        except OSError:  # whoever waits for it asks again
            self._dropped["answer"] += 1

    def _tell(self, reason: str, address: str, version: str, now_at: float) -> None:
        """Name one of those refused, at most once a minute for each reason: somebody has to know which printer to set up anew."""
        if now_at >= self._tell_at.get(reason, now_at):
            self._tell_at[reason] = now_at + _TELL_EVERY_SECONDS
            emit(log, logging.INFO, "notification.refused", reason=reason, sender=address, version=version)
