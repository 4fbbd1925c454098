"""`poller healthy`: does the agent of this host answer? For a container's health check and a supervisor's.

Runs every half minute, so it imports next to nothing, and reads of the configuration only where the agent listens: an operator's slip in
the rest of the file, or in the certificates, must not have a running agent taken down.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import ssl
import time
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from poller.cli.options import ConfigOption, JsonOption, config_path

_ASKED = "/-/healthy"
_BODY_BYTES_MAX = 1024
_HANDSHAKE_RECORD = b"\x16"  # ContentType of RFC 8446 section 5.1; an alert has another
_TLS = re.compile(r"^\s*[\"']?tls_server_config[\"']?\s*:", re.MULTILINE)
_CLIENT_CERTIFICATE = re.compile(r"RequireAndVerifyClientCert")
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared, not bound


class Verdict(NamedTuple):
    """What was found, in one line."""

    ok: bool
    url: str
    reason: str


def healthy(
    config: ConfigOption = None,
    timeout: Annotated[float, typer.Option(min=0.1, max=60, help="Seconds to wait for the answer.")] = 3.0,
    as_json: JsonOption = False,
) -> None:
    """Ask the agent of this host whether it lives, at /-/healthy. Ends with 0 if it answers, else with 1, and says why in one line.

    The address is that of [exporter] listen. TLS is spoken where the agent does; its certificate is not verified, for nothing is sent and
    the way is loopback. An agent that demands certificates of its clients counts as well when it begins the handshake.

    Example:

        poller healthy --config poller.toml
        poller healthy || systemctl restart poller
    """
    host, port, web_config_file = where(config_path(config))
    verdict = look(host, port, _text_of(web_config_file), timeout_seconds=timeout)
    if as_json:
        print(json.dumps(verdict._asdict()))
    else:
        print(f"{verdict.url}: {verdict.reason}")
    if not verdict.ok:
        raise typer.Exit(1)


def where(path: Path | None) -> tuple[str, int, Path | None]:
    """Return host and port to ask, and the web configuration file; the faults of other settings are passed over.

    Raises ConfigError when there is no such file, or it is not TOML.
    """
    from poller.config.reader import Reader
    from poller.config.sources import empty_tables, overlay_environment, read_toml

    faults: list[str] = []
    tables = empty_tables() if path is None else read_toml(path, faults)
    overlay_environment(tables, os.environ, faults)
    (table,) = tables["exporter"]
    fields = Reader(faults).fields(table)
    host, port = fields["listen"]
    name, given = fields["web_config_file"], table.given.get("web_config_file")
    return _EVERYWHERE.get(host, host), port, None if not name or given is None else given.folder / name


def look(host: str, port: int, web_config: str, *, timeout_seconds: float) -> Verdict:
    """Ask, by HTTPS first where *web_config* (the text of that file) has TLS; by the other if the agent has not read it so yet."""
    began_at = time.monotonic()
    schemes = ("https", "http") if _TLS.search(web_config) else ("http", "https")
    demands_certificate = _CLIENT_CERTIFICATE.search(web_config) is not None
    first = None
    for scheme in schemes:
        left_seconds = timeout_seconds - (time.monotonic() - began_at)
        if left_seconds <= 0:
            break
        verdict, speaks_other = _ask(scheme, host, port, left_seconds, demands_certificate=demands_certificate)
        if verdict.ok or not speaks_other:
            return verdict
        first = first or verdict
    assert first is not None
    return first


def _ask(scheme: str, host: str, port: int, timeout_seconds: float, *, demands_certificate: bool) -> tuple[Verdict, bool]:
    """Return what one request found, and whether it looks as if the agent spoke the other of HTTP and HTTPS."""
    url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{_ASKED}"
    connection = _connection(scheme, host, port, timeout_seconds)
    try:
        connection.request("GET", _ASKED)
        answer = connection.getresponse()
        answer.read(_BODY_BYTES_MAX)
    except TimeoutError:
        return Verdict(False, url, f"no answer within {timeout_seconds:.1f} s"), False
    except ConnectionRefusedError:
        return Verdict(False, url, "nobody listens there"), False
    except (http.client.HTTPException, OSError) as error:
        if scheme == "https" and demands_certificate and _says_hello(host, port, timeout_seconds):
            return Verdict(True, url, "alive: it speaks TLS and demands a certificate of its clients, so it was asked no further"), False
        is_other = isinstance(error, http.client.HTTPException | ssl.SSLError | ConnectionResetError)
        return Verdict(False, url, f"no answer: {getattr(error, 'strerror', None) or type(error).__name__}"), is_other
    finally:
        connection.close()
    if answer.status == http.client.OK:
        return Verdict(True, url, "healthy"), False
    return Verdict(False, url, f"answers {answer.status} {answer.reason}"), answer.status == http.client.BAD_REQUEST


def _says_hello(host: str, port: int, timeout_seconds: float) -> bool:
    """Whether a TLS server answers a ClientHello. The agent's event loop does that: it is alive, whomever it lets in afterwards."""
    answered, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = _unverified().wrap_bio(answered, sent)
    try:
        hello.do_handshake()
    except ssl.SSLWantReadError:
        pass
    try:
        with socket.create_connection((host, port), timeout_seconds) as asked:
            asked.sendall(sent.read())
            return asked.recv(1) == _HANDSHAKE_RECORD
    except OSError:
        return False


def _connection(scheme: str, host: str, port: int, timeout_seconds: float) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=timeout_seconds)
    return http.client.HTTPSConnection(host, port, timeout=timeout_seconds, context=_unverified())


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _text_of(path: Path | None) -> str:
    """Return the text of a file; "" where it cannot be read: asking will show."""
    from poller.config.files import read_text

    if path is None:
        return ""
    try:
        return read_text(path, bytes_max=1 << 20)
    except ValueError:
        return ""
