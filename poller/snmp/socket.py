"""The edge to the network: one UDP socket per address family, thousands of questions in flight.

An answer is taken when its request-id is one we wait for *and* it comes from the address we asked; whatever else arrives is counted under
its reason and dropped, whatever it is. A device is asked one question at a time: several printers' network cards answer only the last of
two that overlap; one whose target has a `pause_ms` is left alone so long before each. Timing is a wheel: one timer of the loop turns it,
however many questions wait; a question that was answered is simply found done when its slot comes round.

A v3 device is first asked for its engine (once, one packet more), and each of its answers has to prove who sent it before the question it
answers is done (`v3.py`); one that does not is counted and dropped like any stray. Once per question the socket sets itself right: by the
clock of a device that finds it out of time, or by discovery when the engine is another.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import random
import secrets
import socket
import sys
import time
from bisect import bisect_left
from collections import Counter as Tally
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple, Protocol

from poller import exposition
from poller.errors import AccessError, DecodeError, HostError, NoAnswerError, PrinterError, Refusal, UnreachableError
from poller.exposition import Sample
from poller.model import Target
from poller.model import Value as _Struct
from poller.snmp import ber, v3
from poller.snmp.ask import Ask
from poller.snmp.engines import Device, Engines, KnownEngine, begin_session
from poller.snmp.message import (
    REQUEST_ID_MAX,
    REQUEST_ID_MIN,
    Answer,
    ErrorStatus,
    Frame,
    Heads,
    Missing,
    Question,
    Template,
    Value,
    decode,
    decode_values,
    encode_get,
    encode_next,
    raise_for_status,
    read_frame,
)
from poller.snmp.mmsg import BATCH_MAX, ManySender
from poller.snmp.oid import Oid
from poller.snmp.v3 import Session

Stranger = Callable[[int, str, int], bool]
"""Is offered each response to no question of ours: (request-id, address, port); says whether it was to one of its own."""

_Response = tuple[bytes, Frame]

_Opener = Callable[[bytes], _Response | Refusal]

_SockAddr = tuple[str, int] | tuple[str, int, int, int]

_SLOT_SECONDS = 0.05
_REQUEST_ID_BITS = REQUEST_ID_MAX.bit_length()
_DATAGRAM_MAX = 65_535
_DATAGRAMS_PER_WAKE_MAX = 256  # then the loop's other work gets a turn
_RECEIVE_BUFFER_BYTES = 4 << 20  # a burst of answers waits here while the loop is elsewhere
_LATE_REMEMBERED_MAX = 8192
_SALT_BITS = 64
_OUT_OF_STEP = (Refusal.NOT_IN_TIME, Refusal.OUT_OF_DATE, Refusal.UNKNOWN_ENGINE)  # what a second look at the engine may cure
_NO_ROOM_SECONDS = 0.005
_BACK_OFF = 2.0  # each try waits twice as long as the one before
_PACKED_OCTETS = {4: 4, 6: 16}
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


class SocketStatus(_Struct, frozen=True, kw_only=True):
    """What the socket has done since it was opened."""

    requests: int
    retries: int
    answers: int
    timeouts: int
    in_flight: int
    discarded: dict[str, int]
    send_failures: dict[str, int]


class _Request(Protocol):
    def with_request_id(self, request_id: int, /) -> bytes: ...


class _Exchange:
    """A question in flight: what was sent, to whom, and who waits for the answer. `opens` is what a v3 answer has to pass."""

    __slots__ = ("answer", "datagram", "fault", "number", "opens", "sent_at", "slot", "to", "tries")

    def __init__(self, number: int, to: _Destination, datagram: bytes, answer: asyncio.Future[_Response], opens: _Opener | None) -> None:
        self.number, self.to, self.datagram, self.answer, self.opens = number, to, datagram, answer, opens
        self.tries, self.slot, self.sent_at = 0, 0, 0.0
        self.fault: PrinterError | None = None


class SnmpSocket:
    """Asks devices by SNMPv1, v2c and v3. Use as an async context manager: inside the block its loop owns the sockets."""

    def __init__(
        self,
        *,
        timeout_seconds: float,
        retries: int,
        stranger: Stranger | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.stranger = stranger
        self.configure(timeout_seconds=timeout_seconds, retries=retries)
        self._sockets: dict[int, socket.socket] = {}
        self._senders: dict[int, ManySender] = {}
        self._outgoing: list[_Exchange] = []
        self._waiting: dict[int, _Exchange] = {}
        self._turns: dict[tuple[str, int], deque[asyncio.Future[None]]] = {}
        self._asked: dict[tuple[str, int], _Exchange] = {}
        self._late: OrderedDict[int, None] = OrderedDict()
        self._numbers = random.Random()  # noqa: S311  seeded by the system; nobody off the path sees its output
        self._wheel: dict[int, list[int]] = {}
        self._slot_done = 0
        self._timer: asyncio.TimerHandle | None = None
        self._buffer = memoryview(bytearray(_DATAGRAM_MAX))
        self._sleep = sleep
        self._monotonic = monotonic  # for the clocks of engines
        self._engines = Engines(monotonic)
        self._salts = itertools.count(secrets.randbits(_SALT_BITS - 1))
        self._requests = self._retries = self._answers = self._timeouts = 0
        self._discarded: Tally[str] = Tally()
        self._send_failures: Tally[str] = Tally()
        self._round_trips = [0] * (len(exposition.ROUND_TRIP_BUCKETS_SECONDS) + 1)
        self._round_trip_seconds = 0.0

    async def __aenter__(self) -> SnmpSocket:
        self._loop = asyncio.get_running_loop()
        for version, family in _FAMILIES.items():
            try:
                sock = self._sockets[version] = self._open(family)
            except OSError as error:
                if version == 4 or error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                    raise HostError(f"cannot open a UDP socket: {error.strerror}", hint="does this user have network access?") from error
                continue  # a host without IPv6 is a host that reads IPv4 printers; a v6 target then says so
            self._senders[_PACKED_OCTETS[version]] = ManySender(sock, self._count_send_failure)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for sock in self._sockets.values():
            self._loop.remove_reader(sock)
            sock.close()
        self._sockets.clear()
        self._senders.clear()

    def configure(self, *, timeout_seconds: float, retries: int) -> None:
        """Set how long a try waits, the first one, and how many follow; what is in flight keeps to it from its next try on."""
        self._waits_seconds = tuple(timeout_seconds * _BACK_OFF**n for n in range(retries + 1))

    # --- the seam (engine.wire.Wire) -----------------------------------------------------------------------------------

    async def get(self, target: Target, question: Question) -> tuple[Value | Missing, ...]:
        """Return one value per OID, in order. Every try sends the identical bytes.

        Raises NoAnswerError, DecodeError, AgentError, AccessError.
        """
        credential = target.credential
        version, community = credential.version, credential.community.reveal()
        prepared = _prepare(question.oids, version, community)
        ask = self._ask if version != "3" else self._ask_sealed
        response = await ask(target, prepared.template)
        values = decode_values(*response, prepared.heads)
        if values is not None:
            return values
        asking = Ask(question)
        while True:
            asking.feed(self._decode(response))
            if asking.question is None:
                return asking.values()
            response = await ask(target, _prepare(asking.question.oids, version, community).template)

    async def next(self, target: Target, oid: Oid, rows: int) -> list[tuple[Oid, Value]]:
        """Return what follows *oid*: up to *rows* values by GETBULK, one by GETNEXT in v1 or for one row; [] at the end of the MIB."""
        credential = target.credential
        template = _next_template(oid, rows, credential.version, credential.community.reveal())
        ask = self._ask if credential.version != "3" else self._ask_sealed
        answer = self._decode(await ask(target, template))
        if answer.error_status == ErrorStatus.NO_SUCH_NAME:  # v1's way to say the MIB ends here, RFC 1157 section 4.1.3
            return []
        raise_for_status(answer)
        out: list[tuple[Oid, Value]] = []
        for found, value in answer.varbinds:
            if value is Missing.END_OF_MIB:
                break
            out.append(
                (found, (ber.NULL, b"") if isinstance(value, Missing) else value)
            )  # a hole is a row all the same: the walk must pass it
        return out

    def send_many(self, datagrams: Sequence[bytes], addresses: Sequence[bytes], port: int) -> int:
        """Send datagrams nobody waits for, each to the packed address beside it (engine.wire.Sounder); return how many are done with."""
        sender = self._senders.get(len(addresses[0]))
        if sender is None:
            self._send_failures["EAFNOSUPPORT"] += len(datagrams)
            return len(datagrams)
        done = sender.send(datagrams, addresses, port)
        if done < len(datagrams):
            self._send_failures["EAGAIN"] += 1
        return done

    def engines(self) -> tuple[KnownEngine, ...]:
        """Return the SNMPv3 engines that have proven who they are, for `restore_engines` after a restart."""
        return self._engines.take()

    def restore_engines(self, engines: Iterable[KnownEngine], *, age_seconds: float) -> None:
        """Take up engines that were taken *age_seconds* ago: none has to be discovered. What is wrong by now is found out when asking."""
        self._engines.restore(engines, age_seconds=age_seconds)

    def status(self) -> SocketStatus:
        return SocketStatus(
            requests=self._requests,
            retries=self._retries,
            answers=self._answers,
            timeouts=self._timeouts,
            in_flight=len(self._waiting),
            discarded=dict(self._discarded),
            send_failures=dict(self._send_failures),
        )

    def metrics(self) -> Iterable[Sample]:
        yield Sample(exposition.POLLER_SNMP_REQUESTS, self._requests)
        yield Sample(exposition.POLLER_SNMP_RETRIES, self._retries)
        yield Sample(exposition.POLLER_SNMP_ANSWERS, self._answers)
        yield Sample(exposition.POLLER_SNMP_TIMEOUTS, self._timeouts)
        yield Sample(exposition.POLLER_SNMP_IN_FLIGHT, len(self._waiting))
        yield from exposition.histogram(
            exposition.POLLER_SNMP_ROUND_TRIP, exposition.ROUND_TRIP_BUCKETS_SECONDS, self._round_trips, self._round_trip_seconds
        )
        for reason, count in sorted(self._discarded.items()):
            yield Sample(exposition.POLLER_SNMP_DISCARDED, count, (reason,))
        for reason, count in sorted(self._send_failures.items()):
            yield Sample(exposition.POLLER_SNMP_SEND_FAILURES, count, (reason,))

    # --- one question --------------------------------------------------------------------------------------------------

    async def _ask(self, target: Target, request: _Request, opens: _Opener | None = None) -> _Response:
        """Send, wait, try again; one at a time per device."""
        to = _destination(target.address, target.port)
        device = to.device
        while device in self._asked:
            await self._wait_turn(device)
        number = self._free_number()
        exchange = _Exchange(number, to, request.with_request_id(number), self._loop.create_future(), opens)
        self._waiting[number] = self._asked[device] = exchange
        try:
            if target.pause_ms:
                await self._sleep(target.pause_ms / 1000)
            self._try(exchange)
            return await exchange.answer
        finally:
            del self._waiting[number], self._asked[device]
            self._late[number] = None
            if len(self._late) > _LATE_REMEMBERED_MAX:
                self._late.popitem(last=False)
            if device in self._turns:
                self._pass_turn(device)

    def _decode(self, response: _Response) -> Answer:
        try:
            return decode(*response)
        except DecodeError:
            self._discarded["garbled"] += 1
            raise

    async def _wait_turn(self, device: tuple[str, int]) -> None:
        """Wait until a question to *device* is done. Somebody may be quicker: look again."""
        turn: asyncio.Future[None] = self._loop.create_future()
        self._turns.setdefault(device, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_turn(device)  # it was ours already: hand it on
            raise

    def _pass_turn(self, device: tuple[str, int]) -> None:
        turns = self._turns.get(device, deque())
        while turns:
            turn = turns.popleft()
            if not turn.done():
                turn.set_result(None)
                break
        if not turns:
            self._turns.pop(device, None)

    def _free_number(self) -> int:
        """Return a request-id nobody can guess and nobody waits for."""
        while True:
            number = self._numbers.getrandbits(_REQUEST_ID_BITS)
            if number >= REQUEST_ID_MIN and number not in self._waiting:
                return number

    def _try(self, exchange: _Exchange) -> None:
        """Send once more, with all that is sent in this turn of the loop, and set the time to wait."""
        wait_seconds = self._waits_seconds[exchange.tries]
        exchange.sent_at = self._loop.time()
        if exchange.tries:
            self._retries += 1
        else:
            self._requests += 1
        exchange.tries += 1
        self._set_time(exchange, wait_seconds)
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(exchange)

    def _flush(self) -> None:
        """Send what was asked since the loop last came by, in few system calls; without room in the kernel, come back soon."""
        outgoing, self._outgoing = [exchange for exchange in self._outgoing if not exchange.answer.done()], []
        for octets in _PACKED_OCTETS.values():
            self._send([exchange for exchange in outgoing if exchange.to.octets == octets], self._senders.get(octets))
        if self._outgoing:
            self._loop.call_later(_NO_ROOM_SECONDS, self._flush)

    def _send(self, exchanges: list[_Exchange], sender: ManySender | None) -> None:
        if sender is None:
            for exchange in exchanges:
                self._give_up(exchange, UnreachableError(exchange.to.address, reason="this host has no IPv6"))
            return
        for first in range(0, len(exchanges), BATCH_MAX):
            batch = exchanges[first : first + BATCH_MAX]
            done, refused = sender.send_mixed([exchange.datagram for exchange in batch], [exchange.to.name for exchange in batch])
            for place, error in refused:
                self._count_send_failure(error)
                self._give_up(batch[place], UnreachableError(batch[place].to.address, reason=_reason(error)))
            if done < len(batch):
                self._send_failures["EAGAIN"] += 1
                self._outgoing += exchanges[first + done :]
                return

    def _count_send_failure(self, error: OSError) -> None:
        self._send_failures[_reason(error)] += 1

    def _give_up(self, exchange: _Exchange, error: PrinterError) -> None:
        if not exchange.answer.done():
            exchange.answer.set_exception(error)

    # --- SNMPv3 --------------------------------------------------------------------------------------------------------

    async def _ask_sealed(self, target: Target, pdu: Template) -> _Response:
        """Ask by SNMPv3; set right once what this side believed of the engine. Raises AccessError where that does not help."""
        device = _destination(target.address, target.port).device
        for is_last in (False, True):
            is_fresh = device not in self._engines
            session = await self._session(target, device)
            request = v3.SealedRequest(pdu, session, now=self._monotonic, salt=next(self._salts) & (1 << _SALT_BITS) - 1)
            try:
                return await self._ask(target, request, request.open)
            except NoAnswerError as error:
                if session.is_proven:
                    raise
                self._engines.forget(device)
                if is_fresh and session.is_hushed and not isinstance(error, UnreachableError):
                    raise AccessError(Refusal.SILENT) from error
                if is_fresh or is_last:
                    raise  # else: off, or deaf to what it cannot read? the question for its engine tells
            except AccessError as error:
                if error.refusal not in _OUT_OF_STEP:
                    raise
                if is_last or error.refusal is not Refusal.NOT_IN_TIME:
                    self._engines.forget(device)
                if is_last:
                    raise
        raise AssertionError("the last round returns or raises")

    async def _session(self, target: Target, device: Device) -> Session:
        """Return what opens *target*; discover its engine and localise the keys if need be."""
        engine = self._engines.find(device)
        if engine is None:
            datagram, _ = await self._ask(target, v3.Discovery(), v3.Discovery.open)
            engine = v3.read_engine(datagram, self._monotonic())
            self._engines.keep(device, engine)
        session = self._engines.find_session(device, target.credential)
        if session is None:
            session = await asyncio.to_thread(begin_session, target.credential, engine)
            self._engines.keep_session(device, target.credential, session)
        return session

    # --- the wheel -----------------------------------------------------------------------------------------------------

    def _set_time(self, exchange: _Exchange, wait_seconds: float) -> None:
        exchange.slot = int((exchange.sent_at + wait_seconds) / _SLOT_SECONDS) + 1
        self._wheel.setdefault(exchange.slot, []).append(exchange.number)  # not itself: answered ones are gone at once
        if self._timer is None:
            self._slot_done = int(exchange.sent_at / _SLOT_SECONDS)
            self._timer = self._loop.call_later(_SLOT_SECONDS, self._turn_wheel)

    def _turn_wheel(self) -> None:
        """Look at every slot whose time has come; stop turning when no question waits."""
        slot_now = int(self._loop.time() / _SLOT_SECONDS)
        if slot_now - self._slot_done > len(self._wheel):  # the host slept: look at what there is, not at every slot missed
            due = sorted(slot for slot in self._wheel if slot <= slot_now)
        else:
            due = [slot for slot in range(self._slot_done + 1, slot_now + 1) if slot in self._wheel]
        self._slot_done = slot_now
        for slot in due:
            for number in self._wheel.pop(slot):
                exchange = self._waiting.get(number)
                if exchange is not None and exchange.slot == slot and not exchange.answer.done():
                    self._run_out(exchange)
        self._timer = self._loop.call_later(_SLOT_SECONDS, self._turn_wheel) if self._wheel else None

    def _run_out(self, exchange: _Exchange) -> None:
        if exchange.tries < len(self._waits_seconds):
            self._try(exchange)
            return
        self._timeouts += 1
        self._give_up(exchange, exchange.fault or NoAnswerError(exchange.to.address, tries=exchange.tries))

    # --- what arrives --------------------------------------------------------------------------------------------------

    def _open(self, family: socket.AddressFamily) -> socket.socket:
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)  # noqa: FBT003  the only way to say it
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self._loop.add_reader(sock, self._read, sock)
        except BaseException:
            sock.close()
            raise
        return sock

    def _read(self, sock: socket.socket) -> None:
        """Take what has arrived, a bounded number at a time."""
        for _ in range(_DATAGRAMS_PER_WAKE_MAX):
            try:
                size, sender = sock.recvfrom_into(self._buffer)
            except BlockingIOError:
                return
            except OSError as error:  # an ICMP error queued on the socket; the question it belongs to runs out by itself
                self._discarded[_reason(error)] += 1
                continue
            self._hear(bytes(self._buffer[:size]), sender)

    def _hear(self, datagram: bytes, sender: _SockAddr) -> None:
        device = sender[:2]
        try:
            frame = read_frame(datagram)
        except DecodeError as error:
            self._discarded["garbled"] += 1
            if (asked := self._asked.get(device)) is not None:
                asked.fault = error  # if nothing better comes, this is why
            return
        exchange = self._waiting.get(frame.request_id)
        if exchange is None:
            if frame.request_id in self._late:
                self._discarded["late"] += 1
            elif self.stranger is None or not self.stranger(frame.request_id, *device):
                self._discarded["stray"] += 1
        elif exchange.to.device != device:
            self._discarded["wrong_address"] += 1
        elif exchange.answer.done():
            self._discarded["late"] += 1
        elif exchange.opens is None or self._open_sealed(exchange, exchange.opens, datagram):
            self._answers += 1
            seconds = self._loop.time() - exchange.sent_at
            self._round_trips[bisect_left(exposition.ROUND_TRIP_BUCKETS_SECONDS, seconds)] += 1
            self._round_trip_seconds += seconds
            if exchange.opens is None:
                exchange.answer.set_result((datagram, frame))

    def _open_sealed(self, exchange: _Exchange, opens: _Opener, datagram: bytes) -> bool:
        """Say whether *datagram* ends a v3 question, and end it; one that proves nothing is remembered for want of something better."""
        try:
            opened = opens(datagram)
        except (DecodeError, AccessError) as error:
            self._discarded["unproven" if isinstance(error, AccessError) else "garbled"] += 1
            exchange.fault = error
            return False
        if isinstance(opened, Refusal):
            exchange.answer.set_exception(AccessError(opened))
        else:
            exchange.answer.set_result(opened)
        return True


class _Prepared(NamedTuple):
    """A GET as bytes, and what its answer is compared with. Shared by all devices that are asked the same with the same credential."""

    template: Template
    heads: Heads


@lru_cache(maxsize=4096)
def _prepare(oids: tuple[Oid, ...], version: str, community: str) -> _Prepared:
    return _Prepared(encode_get(oids, version=version, community=community), Heads(oids))


@lru_cache(maxsize=4096)
def _next_template(oid: Oid, rows: int, version: str, community: str) -> Template:
    return encode_next(oid, rows=rows, version=version, community=community)


class _Destination(NamedTuple):
    """A device as the kernel calls it. `device` is what an answer's sender is compared with; `octets` tells the address family."""

    address: str
    device: tuple[str, int]
    octets: int
    name: bytes


@lru_cache(maxsize=65_536)
def _destination(address: str, port: int) -> _Destination:
    """Return whom to send to; the scope of `fe80::1%eth0` becomes its number."""
    host, _, scope = address.partition("%")
    parsed = ip_address(host)
    if parsed.version == 4:
        name = _sockaddr(socket.AF_INET, port, parsed.packed + bytes(8))
    else:
        index = socket.if_nametoindex(scope) if scope else 0
        name = _sockaddr(socket.AF_INET6, port, bytes(4) + parsed.packed + index.to_bytes(4, sys.byteorder))
    return _Destination(address, (str(parsed), port), len(parsed.packed), name)


def _sockaddr(family: int, port: int, rest: bytes) -> bytes:
    """Return a sockaddr_in or sockaddr_in6."""
    return int(family).to_bytes(2, sys.byteorder) + port.to_bytes(2, "big") + rest


def _reason(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "OSError")
