"""Many datagrams in one system call: Linux sendmmsg(2), which Python's socket module does not offer.

A sweep sends small datagrams as fast as it may. A call for each, with its address as text, costs half as much again as the kernel's own
work. Where there is no sendmmsg (other systems), or a batch does not suit it, the same is done one by one.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from itertools import accumulate, chain

from poller.system import find_sendmmsg

BATCH_MAX = 256

_DATAGRAM_MAX = 1500  # a probe has about 50 octets, a GET of 64 OIDs some 1,200
_NO_ROOM = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS, errno.ENOMEM)


Refused = tuple[int, OSError]
"""The place of a datagram in its batch, and why the kernel would never send it."""


class _IoVec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("len", ctypes.c_size_t))


class _MsgHdr(ctypes.Structure):
    """struct msghdr, recvmsg(2), as glibc has it. musl's smaller fields and their padding fill the same octets on 64-bit little-endian."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("namelen", ctypes.c_uint32),
        ("iov", ctypes.c_void_p),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _MMsgHdr(ctypes.Structure):
    _fields_ = (("hdr", _MsgHdr), ("len", ctypes.c_uint))


class ManySender:
    """Sends batches on one non-blocking UDP socket. *on_failure* is told the error of every datagram the kernel refused for good."""

    def __init__(self, sock: socket.socket, on_failure: Callable[[OSError], None]) -> None:
        self._sock, self._on_failure = sock, on_failure
        self._sendmmsg = find_sendmmsg()
        is_ipv6 = sock.family == socket.AF_INET6
        family = int(sock.family).to_bytes(2, sys.byteorder)
        # sockaddr_in: family, port, address, 8 zeros. sockaddr_in6: family, port, flow (4), address, scope (4).
        self._family, self._flow, self._rest = family, bytes(4 if is_ipv6 else 0), bytes(4 if is_ipv6 else 8)
        self._names = ctypes.create_string_buffer(BATCH_MAX * (28 if is_ipv6 else 16))
        self._data = ctypes.create_string_buffer(BATCH_MAX * _DATAGRAM_MAX)
        self._iovecs = (_IoVec * BATCH_MAX)()
        self._messages = (_MMsgHdr * BATCH_MAX)()
        name_size = len(self._names) // BATCH_MAX
        for number, (message, iovec) in enumerate(zip(self._messages, self._iovecs, strict=True)):
            message.hdr.name, message.hdr.namelen = ctypes.addressof(self._names) + number * name_size, name_size
            message.hdr.iov, message.hdr.iovlen = ctypes.addressof(iovec), 1
        self._datagram_size = 0

    def send(self, datagrams: Sequence[bytes], addresses: Sequence[bytes], port: int) -> int:
        """Send each datagram to the packed address beside it; return how many are done with, in order.

        Fewer than given means that the kernel has no room. One it refuses for another reason (no route …) is told of and done with.
        """
        assert len(datagrams) == len(addresses) <= BATCH_MAX
        sizes = set(map(len, datagrams))
        if self._sendmmsg is None or len(sizes) != 1 or max(sizes) > _DATAGRAM_MAX:
            done, refused = self._send_singly(datagrams, [self.name(address, port) for address in addresses])
        else:
            self._lay_out(datagrams, addresses, port, size=max(sizes))
            done, refused = self._push(len(datagrams))
        for _, error in refused:
            self._on_failure(error)
        return done

    def send_mixed(self, datagrams: Sequence[bytes], names: Sequence[bytes]) -> tuple[int, list[Refused]]:
        """Send datagrams of any length, each to the socket address (`name`) beside it; return how many are done with, and the refused."""
        assert len(datagrams) == len(names) <= BATCH_MAX
        sizes = list(map(len, datagrams))
        if self._sendmmsg is None or len(sizes) == 1 or max(sizes) > _DATAGRAM_MAX:
            return self._send_singly(datagrams, names)
        at = ctypes.addressof(self._data)
        ctypes.memmove(self._names, b"".join(names), len(names) * len(names[0]))
        ctypes.memmove(at, b"".join(datagrams), sum(sizes))
        pairs = zip(accumulate(sizes, initial=at), sizes, strict=False)
        struct.pack_into("PN" * len(sizes), self._iovecs, 0, *chain.from_iterable(pairs))
        self._datagram_size = 0
        return self._push(len(sizes))

    def name(self, address: bytes, port: int, scope: int = 0) -> bytes:
        """Return the socket address of a packed address as the kernel reads it: sockaddr_in or sockaddr_in6."""
        rest = self._rest if scope == 0 else scope.to_bytes(4, sys.byteorder)
        return self._family + port.to_bytes(2, "big") + self._flow + address + rest

    def _push(self, count: int) -> tuple[int, list[Refused]]:
        """Hand the first *count* messages as laid out to the kernel."""
        assert self._sendmmsg is not None
        done, refused = 0, list[Refused]()
        while done < count:
            first = ctypes.byref(self._messages, done * ctypes.sizeof(_MMsgHdr))
            sent = self._sendmmsg(self._sock.fileno(), first, count - done, 0)
            if sent > 0:
                done += sent  # an error of the next one shows when it is first
                continue
            number = ctypes.get_errno()
            if number in _NO_ROOM:
                break
            if number != errno.EINTR:
                refused.append((done, OSError(number, "sendmmsg")))
                done += 1
        return done, refused

    def _lay_out(self, datagrams: Sequence[bytes], addresses: Sequence[bytes], port: int, *, size: int) -> None:
        """Copy a batch to where the message headers point."""
        before = self._family + port.to_bytes(2, "big") + self._flow
        names = before + (self._rest + before).join(addresses) + self._rest
        ctypes.memmove(self._names, names, len(names))
        ctypes.memmove(self._data, b"".join(datagrams), size * len(datagrams))
        if size != self._datagram_size:
            self._datagram_size = size
            for number, iovec in enumerate(self._iovecs):
                iovec.base, iovec.len = ctypes.addressof(self._data) + number * size, size

    def _send_singly(self, datagrams: Sequence[bytes], names: Sequence[bytes]) -> tuple[int, list[Refused]]:
        refused = list[Refused]()
        for done, (datagram, name) in enumerate(zip(datagrams, names, strict=True)):
            try:
                self._sock.sendto(datagram, self.readable(name))
            except OSError as error:
                if error.errno in _NO_ROOM:
                    return done, refused
                refused.append((done, error))
        return len(datagrams), refused

    def readable(self, name: bytes) -> tuple[str, int] | tuple[str, int, int, int]:
        """Return *name* as Python's socket module wants it."""
        port = int.from_bytes(name[2:4], "big")
        if self._sock.family == socket.AF_INET:
            return socket.inet_ntop(socket.AF_INET, name[4:8]), port
        return socket.inet_ntop(socket.AF_INET6, name[8:24]), port, 0, int.from_bytes(name[24:28], sys.byteorder)
