"""The simulator's one socket: thousands of printers on one UDP port of loopback.

IPv4: one socket takes what is sent to any address; the kernel says which was asked (IP_PKTINFO, Linux ip(7)), and the reply leaves from
there. It only ever serves loopback: bound to the device `lo` where the kernel permits, and whatever came from or was sent to
an address outside 127.0.0.0/8 is dropped and counted. IPv6: one device on ::1.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import struct
from collections.abc import Mapping, Sequence

import msgspec

from poller.clock import Clock
from poller.errors import HostError
from poller.simulator.agent import answer
from poller.simulator.fleet import Fleet, Plan
from poller.simulator.misbehaviour import Misbehaviour, Outgoing
from poller.simulator.recordings import Recording

_IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)  # Linux; named by Python from 3.14 on
_PKTINFO = struct.Struct("=I4s4s")  # struct in_pktinfo: interface index, local address, destination in the header
_SO_BINDTODEVICE = getattr(socket, "SO_BINDTODEVICE", 25)
_LOOPBACK_FIRST_OCTET = 127
_DATAGRAM_OCTETS_MAX = 65_535
_TURN_DATAGRAMS = 64  # answered at a stretch before others get the event loop
_BUFFER_OCTETS = 4 * 2**20  # room for a sweep's burst
_DELAYED_MAX = 10_000


class SimulatorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Datagrams since the start."""

    devices: int
    requests: int
    replies: int
    dropped: int
    """Questions a device stays silent at: garbage, a wrong community or version, a SET."""
    nobody: int
    """Asked where no device is."""
    foreign: int
    """Not from loopback to loopback."""
    unsent: int
    """Replies the kernel had no room for."""


class Simulator:
    """A fleet of simulated devices, answering SNMPv1 and v2c.

        simulator = Simulator([load(name) for name in names()], count=200, speed=DEMO_SPEED, clock=SystemClock())
        await simulator.start()        # HostError when the port is taken
        simulator.port, simulator.addresses
        simulator.close()

    The fleet is that of `fleet.Plan`. *as_recorded* serves recordings to the last octet, with no identity and no life of their own;
    *misbehaving* makes single addresses go wrong, see `misbehaviour`. Raises ConfigError for a fleet that cannot be.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        *,
        network: str = "127.20.0.0/16",
        port: int = 0,
        every_nth: int = 1,
        count: int | None = None,
        community: str = "public",
        seed: int = 0,
        speed: float = 0.0,
        as_recorded: bool = False,
        misbehaving: Mapping[str, Misbehaviour] | None = None,
        clock: Clock,
    ) -> None:
        plan = Plan(network=network, every_nth=every_nth, count=count, seed=seed, speed=speed, as_recorded=as_recorded)
        self.fleet = Fleet(recordings, plan)
        self.addresses = self.fleet.addresses
        self._clock, self._port, self._community = clock, port, community.encode()
        self._misbehaving = {int(ipaddress.ip_address(address)): how for address, how in (misbehaving or {}).items()}
        self._is_ipv6 = self.fleet.network.version == 6
        self._started_at = 0.0
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._delayed: set[asyncio.TimerHandle] = set()
        self._requests = self._replies = self._dropped = self._nobody = self._foreign = self._unsent = 0

    @property
    def port(self) -> int:
        """The UDP port, known after `start`."""
        return self._port

    def status(self) -> SimulatorStatus:
        return SimulatorStatus(
            devices=len(self.addresses),
            requests=self._requests,
            replies=self._replies,
            dropped=self._dropped,
            nobody=self._nobody,
            foreign=self._foreign,
            unsent=self._unsent,
        )

    async def start(self) -> None:
        """Begin to answer; the devices' life begins now. Raises HostError when the port cannot be had."""
        assert self._socket is None, "started twice"
        self._loop = asyncio.get_running_loop()
        self._socket = _open_ipv6(self._port) if self._is_ipv6 else _open_ipv4(self._port)
        self._port = self._socket.getsockname()[1]
        self._started_at = self._clock.monotonic()
        self._loop.add_reader(self._socket.fileno(), self._on_readable)

    def close(self) -> None:
        """Stop answering. Closing twice is closing once."""
        for timer in self._delayed:
            timer.cancel()
        self._delayed.clear()
        if self._socket is not None and self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
        self._socket = None

    def _on_readable(self) -> None:
        assert self._socket is not None
        for _ in range(_TURN_DATAGRAMS):
            try:
                question, control, _, sender = self._socket.recvmsg(_DATAGRAM_OCTETS_MAX, 128)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # an ICMP error of an earlier reply; nothing was read
            asked = self._asked_address(control, sender)
            if asked is None:
                self._foreign += 1
            else:
                self._on_question(question, asked, sender)

    def _asked_address(self, control: list[tuple[int, int, bytes]], sender: tuple[str, int]) -> bytes | None:
        """Return the address that was asked, or None for a datagram that is not from loopback to loopback."""
        if self._is_ipv6:
            return ipaddress.IPv6Address(1).packed if sender[0] == "::1" else None
        for level, kind, content in control:
            if level == socket.IPPROTO_IP and kind == _IP_PKTINFO and len(content) >= _PKTINFO.size:
                _, _, asked = _PKTINFO.unpack_from(content)
                is_ours = asked[0] == _LOOPBACK_FIRST_OCTET and sender[0].startswith("127.")
                return bytes(asked) if is_ours else None
        return None

    def _on_question(self, question: bytes, asked: bytes, sender: tuple[str, int]) -> None:
        self._requests += 1
        address = int.from_bytes(asked, "big")
        device = self.fleet.device_at(address)
        if device is None:
            self._nobody += 1
            return
        shown = device.view_at(self._clock.monotonic() - self._started_at)
        reply = answer(question, shown, community=self._community, versions=device.recording.versions)
        how = self._misbehaving.get(address) if self._misbehaving else None
        if how is not None:
            for outgoing in how(question, reply):
                self._send_oddly(outgoing, asked, sender)
        elif reply is not None:
            self._send(reply, asked, sender)
        else:
            self._dropped += 1

    def _send(self, payload: bytes, source: bytes, to: tuple[str, int]) -> None:
        if self._socket is None:
            return
        try:
            if self._is_ipv6:
                self._socket.sendto(payload, to)
            else:
                control = (socket.IPPROTO_IP, _IP_PKTINFO, _PKTINFO.pack(0, source, bytes(4)))
                self._socket.sendmsg((payload,), (control,), 0, to)
        except OSError:
            self._unsent += 1  # no room in the kernel: a datagram may be lost
        else:
            self._replies += 1

    def _send_oddly(self, outgoing: Outgoing, asked: bytes, to: tuple[str, int]) -> None:
        source = asked if outgoing.from_address is None else ipaddress.ip_address(outgoing.from_address).packed
        if outgoing.from_other_port:
            self._send_from_other_port(outgoing.payload, source, to)
        elif outgoing.after_seconds <= 0:
            self._send(outgoing.payload, source, to)
        elif self._loop is not None and len(self._delayed) < _DELAYED_MAX:

            def send_now() -> None:
                self._delayed.discard(timer)
                self._send(outgoing.payload, source, to)

            timer = self._loop.call_later(outgoing.after_seconds, send_now)
            self._delayed.add(timer)
        else:
            self._unsent += 1

    def _send_from_other_port(self, payload: bytes, source: bytes, to: tuple[str, int]) -> None:
        """Send through a socket of its own; rare enough to open one each time."""
        family = socket.AF_INET6 if self._is_ipv6 else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as other:
                other.setblocking(False)  # noqa: FBT003  the only way to say it
                other.bind((str(ipaddress.ip_address(source)), 0))
                other.sendto(payload, to)
        except OSError:
            self._unsent += 1
        else:
            self._replies += 1


def _open_ipv4(port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if not hasattr(opened, "recvmsg"):  # Windows
            raise OSError(errno.ENOPROTOOPT, "nobody says which address was asked")
        opened.setblocking(False)  # noqa: FBT003  the only way to say it
        opened.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_OCTETS)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_OCTETS)
        try:
            opened.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, b"lo\0")
        except PermissionError:
            pass  # older kernels keep this for root; every datagram is checked anyway
        opened.bind(("", port))
    except OSError as error:
        opened.close()
        raise _refusal(port, error) from error
    return opened


def _open_ipv6(port: int) -> socket.socket:
    try:
        opened = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    except OSError as error:
        raise _refusal(port, error) from error
    try:
        opened.setblocking(False)  # noqa: FBT003  the only way to say it
        opened.bind(("::1", port))
    except OSError as error:
        opened.close()
        raise _refusal(port, error) from error
    return opened


def _refusal(port: int, error: OSError) -> HostError:
    hints = {
        errno.EADDRINUSE: "another program has this port; choose a different --port, or 0 for any free one",
        errno.EACCES: "ports below 1024 need a privilege; choose a --port above",
        errno.EAFNOSUPPORT: "this host has no such protocol",
        errno.EADDRNOTAVAIL: "this host has no such address",
        errno.ENOPROTOOPT: "simulated printers need Linux (IP_PKTINFO)",
        errno.ENODEV: "this host has no loopback device named lo",
    }
    return HostError(f"simulator: UDP port {port}: {error.strerror}", hint=hints.get(error.errno or 0, ""))
