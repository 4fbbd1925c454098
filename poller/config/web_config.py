"""The web configuration file of the exporter: TLS, headers and log-ins, in the format Prometheus' own exporters take.

Source: docs/web-configuration.md of prometheus/exporter-toolkit. What of it is not offered here is refused with its reason, never passed
over: a file that asks for more protection than it gets must not look as if it worked. Files it names are looked for from its own folder.

`read` notes every fault and goes on, like the rest of the configuration; what it returns also says which files to look at for changes.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from poller.config.files import read_text, read_text_and_mode
from poller.config.kinds import suggest
from poller.model import Secret
from poller.sealing.certificates import earliest_expiry_utc
from poller.system import may_everyone_read

_FILE_BYTES_MAX = 1 << 20
_USERS_MAX = 1_000
_COST_MIN, _COST_MAX = 4, 15  # each step doubles the work of a log-in; 15 takes seconds
_HASH = re.compile(r"\$2[abxy]\$([0-9]{2})\$[./A-Za-z0-9]{53}")

# The suites of Go's crypto/tls (CipherSuites) by their IANA names, and what OpenSSL calls them. Those of TLS 1.3 cannot be chosen, in Go as
# here: they are always on.
_CIPHERS = {
    f"TLS_ECDHE_{key}_WITH_{iana}": f"ECDHE-{key}-{openssl}"
    for key in ("ECDSA", "RSA")
    for iana, openssl in {
        "AES_128_GCM_SHA256": "AES128-GCM-SHA256",
        "AES_256_GCM_SHA384": "AES256-GCM-SHA384",
        "CHACHA20_POLY1305_SHA256": "CHACHA20-POLY1305",
        "AES_128_CBC_SHA": "AES128-SHA",
        "AES_256_CBC_SHA": "AES256-SHA",
    }.items()
}
_CIPHERS_TLS13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CLIENTS = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_HEADERS: dict[str, tuple[str, ...]] = {  # which may be set, and to what; () is any text
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}

_TOP = ("tls_server_config", "http_server_config", "basic_auth_users")
_TLS = (
    *("cert_file", "key_file", "client_auth_type", "client_ca_file", "min_version", "max_version"),
    *("cipher_suites", "prefer_server_cipher_suites"),
)
_HTTP = ("http2", "headers")
_NOT_OFFERED = {
    "auth_excluded_paths": "/-/healthy is the one page that is open without a log-in",
    "rate_limit": "log-ins are limited by themselves, scrapes by how many run at once",
    "cert": "want the name of a file, cert_file",
    "key": "want the name of a file, key_file",
    "client_ca": "want the name of a file, client_ca_file",
    "client_allowed_sans": "let a certificate authority of its own sign who may come in, and name that as client_ca_file",
    "curve_preferences": "the curves are those of OpenSSL",
    "RequestClientCert": "a certificate that is not verified proves nothing",
    "RequireAnyClientCert": "a certificate that is not verified proves nothing",
    "TLS10": "it is no longer safe",
    "TLS11": "it is no longer safe",
}


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """`clients`: whether clients show a certificate, and then `client_ca_file` is whose. `ciphers` as OpenSSL has them, "" for its own."""

    cert_file: Path
    key_file: Path
    clients: ssl.VerifyMode = ssl.CERT_NONE
    client_ca_file: Path | None = None
    min_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    max_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    ciphers: str = ""
    is_server_first: bool = True


class WebConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a web configuration file asks for. `users` are bcrypt hashes by name; nobody has to log in where there are none."""

    tls: Tls | None = None
    headers: dict[str, str] = {}
    users: dict[str, Secret] = {}


class WebFile(NamedTuple):
    """A file as it was read. `config` and, with TLS, `context` are None where there is a fault; `files` is every file it depends on.

    `expires_utc` is when the first certificate of the chain in `cert_file` runs out, None without one.
    """

    config: WebConfig | None
    context: ssl.SSLContext | None
    faults: tuple[str, ...]
    warnings: tuple[str, ...]
    files: tuple[Path, ...]
    expires_utc: datetime | None = None


def read(path: Path) -> WebFile:
    """Read the file and the certificates and keys it names. Nothing is raised for what they hold: the faults say it."""
    reader = _Reader(path)
    document = reader.document()
    config = WebConfig() if document is None else reader.config(document)
    context = None if config.tls is None or reader.faults else reader.context(config.tls)
    if not reader.faults and not config.users and config.tls is None:
        reader.warnings.append(f"{path}: neither TLS nor a user: everyone who reaches the exporter may read it")
    elif config.users and config.tls is None:
        reader.warnings.append(f"{path}: users without TLS: their passwords cross the network as plain text")
    is_good = not reader.faults
    return WebFile(
        config if is_good else None,
        context if is_good else None,
        tuple(reader.faults),
        tuple(reader.warnings),
        tuple(reader.files),
        reader.expires_utc if is_good else None,
    )


class _Strict(yaml.SafeLoader):
    """YAML without a key given twice: of two users of one name, which password counts?"""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} stands there twice", key.start_mark)
            seen.add(key.value if isinstance(key.value, str) else id(key))
        return super().construct_mapping(node, deep)


class _Reader:
    """Gathers faults while reading one file. Nothing it notes repeats a value that may be a secret in the wrong place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.files = [path]
        self.faults: list[str] = []
        self.warnings: list[str] = []
        self.expires_utc: datetime | None = None

    def fault(self, where: str, text: str) -> None:
        self.faults.append(f"{self._path}: {where}: {text}")

    def document(self) -> dict[str, object] | None:
        try:
            document = yaml.load(read_text(self._path, bytes_max=_FILE_BYTES_MAX), _Strict)  # noqa: S506  a SafeLoader
        except yaml.YAMLError as error:
            self.faults.append(f"{self._path}: not YAML{_place(error)}")
        except (ValueError, RecursionError) as error:
            self.faults.append(f"{self._path}: nested too deeply" if isinstance(error, RecursionError) else str(error))
        else:
            if isinstance(document, dict):
                return document
            if document is not None:  # an empty file asks for nothing
                self.faults.append(f"{self._path}: want tables such as tls_server_config and basic_auth_users")
        return None

    def config(self, document: Mapping[str, object]) -> WebConfig:
        self._check_keys(document, "", _TOP)
        http = self._table(document, "http_server_config", _HTTP)
        self._switch(http, "http_server_config.http2", default=True)  # there is HTTP/1.1 alone, which every client takes
        return WebConfig(
            tls=self._tls(self._table(document, "tls_server_config", _TLS)) if "tls_server_config" in document else None,
            headers=self._headers(self._table(http, "http_server_config.headers", tuple(_HEADERS))),
            users=self._users(document.get("basic_auth_users")),
        )

    # --- TLS

    def _tls(self, table: Mapping[str, object]) -> Tls | None:
        cert, key = (self._file(table, f"tls_server_config.{name}", is_required=True) for name in ("cert_file", "key_file"))
        authority = self._file(table, "tls_server_config.client_ca_file", is_required=False)
        clients = self._choice(table, "tls_server_config.client_auth_type", _CLIENTS, "NoClientCert")
        lowest = self._choice(table, "tls_server_config.min_version", _VERSIONS, "TLS12")
        highest = self._choice(table, "tls_server_config.max_version", _VERSIONS, "TLS13")
        if lowest > highest:
            self.fault("tls_server_config.min_version", "newer than max_version")
        if authority is None and clients is not ssl.CERT_NONE and "client_ca_file" not in table:
            self.fault("tls_server_config.client_ca_file", "missing; client_auth_type has certificates of clients verified against it")
        if authority is not None and clients is ssl.CERT_NONE and "client_auth_type" not in table:
            self.fault("tls_server_config.client_auth_type", "missing; without RequireAndVerifyClientCert client_ca_file has no effect")
        ciphers = self._ciphers(table.get("cipher_suites"))
        is_server_first = self._switch(table, "tls_server_config.prefer_server_cipher_suites", default=True)
        if cert is None or key is None:
            return None
        return Tls(
            cert_file=cert,
            key_file=key,
            clients=clients,
            client_ca_file=authority,
            min_version=lowest,
            max_version=highest,
            ciphers=ciphers,
            is_server_first=is_server_first,
        )

    def _ciphers(self, value: object) -> str:
        where = "tls_server_config.cipher_suites"
        if value is None:
            return ""
        if not isinstance(value, list) or not value:
            self.fault(where, f"want a list such as [{next(iter(_CIPHERS))}]")
            return ""
        chosen = []
        for name in value:
            if name in _CIPHERS:
                chosen.append(_CIPHERS[name])
            elif name not in _CIPHERS_TLS13:
                self.fault(where, f"no such suite: {_word(name)}{_suggest(name, tuple(_CIPHERS))}")
        return ":".join(chosen)

    def context(self, tls: Tls) -> ssl.SSLContext | None:
        """Return what connections are opened with, or None and the faults of the files named."""
        count = len(self.faults)
        chain, _ = self._pem("cert_file", tls.cert_file, "BEGIN CERTIFICATE")
        self.expires_utc = earliest_expiry_utc(chain)
        key, mode = self._pem("key_file", tls.key_file, "PRIVATE KEY")
        if "ENCRYPTED" in key:
            self.fault("tls_server_config.key_file", f"{tls.key_file}: behind a passphrase; nobody is there to type it")
        if may_everyone_read(mode):
            self.warnings.append(f"{self._path}: tls_server_config.key_file: {tls.key_file}: everyone on this host may read it; chmod o-r")
        authority = ""
        if tls.client_ca_file is not None:
            authority, _ = self._pem("client_ca_file", tls.client_ca_file, "BEGIN CERTIFICATE")
        if len(self.faults) > count:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version, context.maximum_version = tls.min_version, tls.max_version
        context.set_alpn_protocols(["http/1.1"])
        if not tls.is_server_first:
            context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
        self._try("cipher_suites", lambda: context.set_ciphers(tls.ciphers) if tls.ciphers else None)
        # An answer to the question for a passphrase: OpenSSL would ask on the terminal.
        self._try("key_file", lambda: context.load_cert_chain(tls.cert_file, tls.key_file, password=lambda: b""))
        if authority:
            self._try("client_ca_file", lambda: context.load_verify_locations(cadata=authority))
            context.verify_mode = tls.clients
        return context if len(self.faults) == count else None

    def _pem(self, key: str, path: Path, mark: str) -> tuple[str, int]:
        try:
            text, mode = read_text_and_mode(path, bytes_max=_FILE_BYTES_MAX)
        except ValueError as error:
            self.fault(f"tls_server_config.{key}", str(error))
            return "", 0
        if mark not in text:
            self.fault(f"tls_server_config.{key}", f"{path}: not in PEM form; want {mark} in it")
        return text, mode

    def _try(self, key: str, work: Callable[[], object]) -> None:
        try:
            work()
        except ssl.SSLError as error:
            is_other = error.reason == "KEY_VALUES_MISMATCH"
            reason = "the key does not belong to the certificate in cert_file" if is_other else error.reason or "OpenSSL cannot use it"
            self.fault(f"tls_server_config.{key}", reason)
        except (OSError, ValueError):
            self.fault(f"tls_server_config.{key}", "OpenSSL cannot use it")

    # --- headers and users

    def _headers(self, table: Mapping[str, object]) -> dict[str, str]:
        found = {}
        for name, value in table.items():
            words = _HEADERS.get(name)
            if words is None:
                continue  # noted already
            if not isinstance(value, str) or not value.isascii() or not value.isprintable():
                self.fault(f"http_server_config.headers.{name}", "want a text on one line")
            elif value and words and value.lower() not in words:
                self.fault(f"http_server_config.headers.{name}", f"want {' or '.join(words)}")
            elif value:
                found[name] = value
        return found

    def _users(self, value: object) -> dict[str, Secret]:
        if value is None:
            return {}
        if not isinstance(value, dict) or len(value) > _USERS_MAX:
            self.fault("basic_auth_users", f"want at most {_USERS_MAX} lines NAME: HASH")
            return {}
        users = {}
        for name, hashed in value.items():
            if not isinstance(name, str) or not name or ":" in name or not name.isprintable() or len(name) > 255:
                self.fault("basic_auth_users", "a name is a text of up to 255 characters without a colon; put one of digits in quotes")
                continue
            match = _HASH.fullmatch(hashed) if isinstance(hashed, str) else None
            if match is None:
                self.fault(f"basic_auth_users.{name}", 'want a bcrypt hash, as `htpasswd -nBC 10 ""` prints behind the colon')
            elif not _COST_MIN <= int(match[1]) <= _COST_MAX:
                self.fault(f"basic_auth_users.{name}", f"want a cost of {_COST_MIN} to {_COST_MAX}, got {int(match[1])}")
            else:
                users[name] = Secret(hashed)
        return users

    # --- pieces

    def _table(self, parent: Mapping[str, object], where: str, known: tuple[str, ...]) -> Mapping[str, object]:
        value = parent.get(where.rpartition(".")[2])
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.fault(where, f"want a table of {', '.join(known)}")
            return {}
        self._check_keys(value, where, known)
        return value

    def _check_keys(self, table: Mapping[str, object], where: str, known: tuple[str, ...]) -> None:
        for key in table:
            if key in known:
                continue
            place = f"{where}.{_word(key)}" if where else _word(key)
            if key in _NOT_OFFERED:
                self.fault(place, f"not offered: {_NOT_OFFERED[key]}")
            else:
                self.fault(place, f"no such setting{_suggest(key, known) or f'; there are {_listed(known)}'}")

    def _file(self, table: Mapping[str, object], where: str, *, is_required: bool) -> Path | None:
        value = table.get(where.rpartition(".")[2])
        if isinstance(value, str) and value and "\0" not in value:
            self.files.append(self._path.parent / value)
            return self.files[-1]
        if value is not None:
            self.fault(where, "want the name of a file")
        elif is_required:
            self.fault(where, "missing; TLS needs a certificate and its key")
        return None

    def _choice(self, table: Mapping[str, object], where: str, words: Mapping[str, Any], default: str) -> Any:
        value = table.get(where.rpartition(".")[2], default)
        if isinstance(value, str) and value in words:
            return words[value]
        if isinstance(value, str) and value in _NOT_OFFERED:
            self.fault(where, f"{value} is not offered: {_NOT_OFFERED[value]}")
        else:
            self.fault(where, f"want {' or '.join(words)}, got {_word(value)}{_suggest(value, tuple(words))}")
        return words[default]

    def _switch(self, table: Mapping[str, object], where: str, *, default: bool) -> bool:
        value = table.get(where.rpartition(".")[2], default)
        if isinstance(value, bool):
            return value
        self.fault(where, "want true or false")
        return default


def _word(value: object) -> str:
    """Name a key or a choice; what is too long or odd to be one may be a secret in the wrong place."""
    return value if isinstance(value, str) and re.fullmatch(r"[\w.-]{1,60}", value) else "something else"


def _suggest(value: object, known: tuple[str, ...]) -> str:
    return suggest(value, known) if isinstance(value, str) else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _place(error: yaml.YAMLError) -> str:
    """Say where, and what if it is one of our own words: the parser's may quote the line."""
    mark = getattr(error, "problem_mark", None)
    place = "" if mark is None else f", line {mark.line + 1}, column {mark.column + 1}"
    problem = getattr(error, "problem", None) or ""
    return f"{place}: {problem}" if problem.endswith("stands there twice") else place
