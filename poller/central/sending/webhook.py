"""The channel `webhook`: the parcel as JSON, by POST, signed. One that was not answered is sent again with the same id and the same body.

Everything is bounded: time, what is read of an answer, how long a server may put us off. No redirect is followed: an address that moved is
for a person to look at. No proxy is used.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp
from aiohttp import hdrs

from poller import __version__
from poller.central.sending.faults import PutOffError
from poller.central.sending.hooksign import signed_headers
from poller.central.sending.names import AioResolver, reason_of, tls_of
from poller.central.sending.sender import Begin
from poller.central.sending.texts import clean_answer
from poller.central.store.messages import Claim
from poller.central.values import Webhook
from poller.clock import Clock

CONNECT_SECONDS, TOTAL_SECONDS = 15.0, 30.0
FEW_TRIES = 5
"""After so many a receiver that finds fault with the request is believed."""
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_ANSWER_BYTES_MAX = 2048
_SERVER_ERROR = 500


class WebhookChannel:
    """Where parcels are posted to. Raises HostError when the certificates of `ca_file` cannot be read."""

    def __init__(self, hook: Webhook, clock: Clock) -> None:
        self._hook, self._clock = hook, clock
        self._tls = tls_of(hook.ca_file, "webhook.ca_file") if hook.url.startswith("https:") else True
        self._timeout = aiohttp.ClientTimeout(total=TOTAL_SECONDS, sock_connect=CONNECT_SECONDS)

    async def deliver(self, claim: Claim, begin: Begin) -> str:
        """Post the parcel; return what the receiver said to it. Raises PutOffError."""
        body = body_of(claim.body)
        headers = signed_headers(body, claim.key.parcel, self._hook.secret, now_utc=self._clock.utc())
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(limit=1, ssl=self._tls, resolver=AioResolver(), use_dns_cache=False, force_close=True),
                    timeout=self._timeout,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    auto_decompress=False,
                    trust_env=False,
                    headers={hdrs.USER_AGENT: f"poller/{__version__}", hdrs.ACCEPT_ENCODING: "identity"},
                    max_line_size=4096,
                    max_field_size=4096,
                ) as session,
                session.post(
                    self._hook.url, data=body, headers={**headers, hdrs.CONTENT_TYPE: "application/json"}, allow_redirects=False
                ) as answer,
            ):
                said = clean_answer((await answer.content.read(_ANSWER_BYTES_MAX)).decode(errors="replace"), self._hook.secret.reveal())
                status, after = answer.status, answer.headers.get(hdrs.RETRY_AFTER)
        except aiohttp.ClientConnectorCertificateError as error:
            raise PutOffError("tls", reason_of(error.certificate_error), for_all=True, is_slow=True) from None
        except aiohttp.ClientSSLError as error:
            raise PutOffError("tls", reason_of(error.os_error), for_all=True, is_slow=True) from None
        except TimeoutError:
            raise PutOffError("timeout", for_all=True) from None
        except (aiohttp.ClientError, OSError) as error:  # its own text may have the header fields in it
            inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
            raise PutOffError("unreachable", reason_of(inner), for_all=True) from None
        return self._judge(status, said, after)

    def _judge(self, status: int, said: str, after: str | None) -> str:
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return said
        after_seconds = retry_after_seconds(after, self._clock.utc())
        word, text = f"http-{status}", said or _phrase(status)
        if status >= _SERVER_ERROR or status in _LATER:
            raise PutOffError(word, text, for_all=True, after_seconds=after_seconds)
        raise PutOffError(word, text, after_seconds=after_seconds, tries_max=FEW_TRIES)


def body_of(parcel: str) -> bytes:
    """Return the body that tells of a parcel: its own JSON, named and versioned."""
    return b'{"type":"parcel","schema":1,"parcel":' + parcel.encode() + b"}"


def retry_after_seconds(value: str | None, now_utc: datetime) -> float | None:
    """Return how long a Retry-After (RFC 9110 section 10.2.3) asks to wait; None for none, and for one that cannot be read."""
    if not value:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    try:
        told = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (told.replace(tzinfo=told.tzinfo or UTC) - now_utc).total_seconds())


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
