"""How the other side is found and believed: names looked up without holding up the end of this program, certificates checked, always."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from pathlib import Path

import aiohttp.abc

from poller.errors import HostError, UnreachableError
from poller.resolver import addresses_of


def tls_of(ca_file: Path | None, setting: str) -> ssl.SSLContext:
    """Return what checks certificates: by those of the system, or of *ca_file* alone. Raises HostError when it cannot be read."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise HostError(
            f"cannot read the certificates {ca_file}: {error.strerror or type(error).__name__}", hint=f"see {setting}"
        ) from error


def reason_of(error: BaseException) -> str:
    """Return what is wrong with a connection in the system's words: others may have put ours into theirs."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return error.reason or "TLS"
    if isinstance(error, socket.gaierror):
        return error.strerror or "the name is not known"
    if isinstance(error, OSError) and error.errno is not None and error.errno in errno.errorcode:
        return os.strerror(error.errno)
    return type(error).__name__


async def connect(host: str, port: int, *, seconds: float) -> socket.socket:
    """Return a connection to the first address of *host* that takes one. Raises OSError, UnicodeError, TimeoutError."""
    async with asyncio.timeout(seconds):
        addresses = await _addresses(host)
        refused = OSError("the name has no address")
        for address in addresses:
            one = socket.socket(_family(address), socket.SOCK_STREAM)
            try:
                one.settimeout(0)
                async with asyncio.timeout(seconds / len(addresses)):
                    await asyncio.get_running_loop().sock_connect(one, (address, port))
            except OSError as error:  # TimeoutError is one
                one.close()
                refused = error
            except BaseException:
                one.close()
                raise
            else:
                return one
        raise refused


class AioResolver(aiohttp.abc.AbstractResolver):
    """The same for aiohttp."""

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[aiohttp.abc.ResolveResult]:
        return [
            aiohttp.abc.ResolveResult(
                hostname=host,
                host=one,
                port=port,
                family=_family(one),
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for one in await _addresses(host)
        ]

    async def close(self) -> None:
        """There is nothing to close."""


async def _addresses(host: str) -> tuple[str, ...]:
    try:
        return await addresses_of(host)
    except UnreachableError as error:
        raise OSError(str(error)) from None


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
