"""The web configuration file: what of the exporter-toolkit's format is taken, and every fault of a bad one."""

from __future__ import annotations

import json
import os
import re
import ssl
from pathlib import Path

import bcrypt
import pytest

from poller.cli.app import main
from poller.config import web_config
from tests.certificates import authority
from tests.conftest import ROOT

HASH = bcrypt.hashpw(b"an invented password", b"$2b$04$inventedinventedinvenu").decode()  # of one salt: it is part of tests' names

GOOD = f"""
tls_server_config:
  cert_file: server.crt
  key_file: server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
  min_version: TLS12
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256]
  prefer_server_cipher_suites: false
http_server_config:
  http2: false
  headers:
    Strict-Transport-Security: max-age=3600
    X-Frame-Options: deny
    X-XSS-Protection: ""
basic_auth_users:
  prometheus: {HASH}
  "7": {HASH.replace("$2b$", "$2y$")}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with server.crt, server.key, ca.crt and other.key."""
    authority().write(tmp_path, "server")
    authority().write(tmp_path, "other")
    (tmp_path / "ca.crt").write_bytes(authority().pem)
    return tmp_path


def read(folder: Path, text: str) -> web_config.WebFile:
    path = folder / "web.yml"
    path.write_text(text)
    return web_config.read(path)


def faults(folder: Path, text: str) -> list[str]:
    """Return the faults without the name of the file and the folder."""
    found = read(folder, text)
    assert found.config is None and found.context is None
    assert all(fault.startswith(f"{folder}/") for fault in found.faults)
    return [fault.removeprefix(f"{folder / 'web.yml'}: ").replace(f"{folder}/", "") for fault in found.faults]


def test_a_whole_file_is_taken(folder: Path) -> None:
    found = read(folder, GOOD)
    assert (found.faults, found.warnings) == ((), ())
    assert found.config is not None and found.config.tls is not None and found.context is not None
    assert found.config.headers == {"Strict-Transport-Security": "max-age=3600", "X-Frame-Options": "deny"}
    assert {name: hashed.reveal()[:4] for name, hashed in found.config.users.items()} == {"prometheus": "$2b$", "7": "$2y$"}
    assert found.context.verify_mode is ssl.CERT_REQUIRED
    assert found.context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert not found.context.options & ssl.OP_CIPHER_SERVER_PREFERENCE
    older = [cipher["name"] for cipher in found.context.get_ciphers() if cipher["protocol"] != "TLSv1.3"]
    assert older == ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"]
    assert [path.name for path in found.files] == ["web.yml", "server.crt", "server.key", "ca.crt"]
    assert HASH not in repr(found)


@pytest.mark.parametrize("suite", web_config._CIPHERS)
def test_every_suite_is_one_that_openssl_has(suite: str, folder: Path) -> None:
    found = read(folder, f"tls_server_config: {{cert_file: server.crt, key_file: server.key, cipher_suites: [{suite}]}}")
    assert found.context is not None, found.faults
    older = [cipher["name"] for cipher in found.context.get_ciphers() if cipher["protocol"] != "TLSv1.3"]
    assert older == [web_config._CIPHERS[suite]]


TLS = "cert_file: server.crt, key_file: server.key"


@pytest.mark.parametrize(
    "text, expected",
    [
        ("tls_config: {}", ["tls_config: no such setting; did you mean 'tls_server_config'?"]),
        ("web: {}", ["web: no such setting; there are tls_server_config, http_server_config, basic_auth_users"]),
        ("rate_limit: {burst: 20}", ["rate_limit: not offered: log-ins are limited by themselves, scrapes by how many run at once"]),
        ("auth_excluded_paths: [/metrics]", ["auth_excluded_paths: not offered: /-/healthy is the one page that is open without a log-in"]),
        ("- a list", ["want tables such as tls_server_config and basic_auth_users"]),
        ("a: [", ["not YAML, line 1, column 5"]),
        ("basic_auth_users:\n  a: x\n  a: y", ["not YAML, line 3, column 3: 'a' stands there twice"]),
        (
            "tls_server_config: yes",
            ["tls_server_config: want a table of " + ", ".join(web_config._TLS)]
            + [f"tls_server_config.{key}: missing; TLS needs a certificate and its key" for key in ("cert_file", "key_file")],
        ),
        (f"tls_server_config: {{{TLS}, cert_fle: x}}", ["tls_server_config.cert_fle: no such setting; did you mean 'cert_file'?"]),
        (
            f"tls_server_config: {{{TLS}, client_allowed_sans: [x]}}",
            [
                "tls_server_config.client_allowed_sans: not offered: let a certificate authority of its own sign who may come in, and"
                " name that as client_ca_file"
            ],
        ),
        (
            "tls_server_config: {cert_file: no.crt, key_file: no.key}",
            [
                "tls_server_config.cert_file: no.crt: no such file",
                "tls_server_config.key_file: no.key: no such file",
            ],
        ),
        (
            "tls_server_config: {cert_file: server.key, key_file: server.crt}",
            [
                "tls_server_config.cert_file: server.key: not in PEM form; want BEGIN CERTIFICATE in it",
                "tls_server_config.key_file: server.crt: not in PEM form; want PRIVATE KEY in it",
            ],
        ),
        (
            "tls_server_config: {cert_file: server.crt, key_file: other.key}",
            ["tls_server_config.key_file: the key does not belong to the certificate in cert_file"],
        ),
        (
            "tls_server_config: {cert_file: server.crt, key_file: shut.key}",
            ["tls_server_config.key_file: shut.key: behind a passphrase; nobody is there to type it"],
        ),
        (
            f"tls_server_config: {{{TLS}, client_auth_type: RequireAndVerifyClientCert}}",
            ["tls_server_config.client_ca_file: missing; client_auth_type has certificates of clients verified against it"],
        ),
        (
            f"tls_server_config: {{{TLS}, client_ca_file: ca.crt}}",
            ["tls_server_config.client_auth_type: missing; without RequireAndVerifyClientCert client_ca_file has no effect"],
        ),
        (
            f"tls_server_config: {{{TLS}, client_auth_type: RequireAnyClientCert}}",
            ["tls_server_config.client_auth_type: RequireAnyClientCert is not offered: a certificate that is not verified proves nothing"],
        ),
        (
            f"tls_server_config: {{{TLS}, client_auth_type: RequireAndVerify}}",
            [
                "tls_server_config.client_auth_type: want NoClientCert or VerifyClientCertIfGiven or RequireAndVerifyClientCert, got"
                " RequireAndVerify; did you mean 'RequireAndVerifyClientCert'?"
            ],
        ),
        (
            f"tls_server_config: {{{TLS}, min_version: TLS10}}",
            ["tls_server_config.min_version: TLS10 is not offered: it is no longer safe"],
        ),
        (
            f"tls_server_config: {{{TLS}, min_version: TLS13, max_version: TLS12}}",
            ["tls_server_config.min_version: newer than max_version"],
        ),
        (
            f"tls_server_config: {{{TLS}, cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}}",
            [
                "tls_server_config.cipher_suites: no such suite: TLS_RSA_WITH_RC4_128_SHA; did you mean"
                " 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA'?"
            ],
        ),
        ("http_server_config: {http2: maybe}", ["http_server_config.http2: want true or false"]),
        (
            "http_server_config: {headers: {X-Frame-Options: always}}",
            ["http_server_config.headers.X-Frame-Options: want deny or sameorigin"],
        ),
        (
            'http_server_config: {headers: {X-XSS-Protection: "a\\nb"}}',
            ["http_server_config.headers.X-XSS-Protection: want a text on one line"],
        ),
        (
            "http_server_config: {headers: {Server: x}}",
            ["http_server_config.headers.Server: no such setting; there are " + ", ".join(web_config._HEADERS)],
        ),
        (
            "basic_auth_users: {prometheus: secret}",
            ['basic_auth_users.prometheus: want a bcrypt hash, as `htpasswd -nBC 10 ""` prints behind the colon'],
        ),
        (
            f"basic_auth_users: {{prometheus: {HASH.replace('$04$', '$31$')}}}",
            ["basic_auth_users.prometheus: want a cost of 4 to 15, got 31"],
        ),
        (
            f"basic_auth_users: {{7: {HASH}}}",
            ["basic_auth_users: a name is a text of up to 255 characters without a colon; put one of digits in quotes"],
        ),
        ("basic_auth_users: [prometheus]", ["basic_auth_users: want at most 1000 lines NAME: HASH"]),
        ("[" * 5000, ["nested too deeply"]),
    ],
)
def test_what_is_wrong_is_said_with_a_way_out(text: str, expected: list[str], folder: Path) -> None:
    authority().write(folder, "shut", passphrase=b"an invented passphrase")
    assert faults(folder, text) == expected


def test_all_faults_come_at_once(folder: Path) -> None:
    text = "tls_server_config: {cert_file: no.crt, key_file: server.key, min: 1}\nbasic_auth_users: {a: b}\nhttp_server_config: {http2: 1}"
    assert len(faults(folder, text)) == 3
    assert len(faults(folder, text.replace(", min: 1", "").partition("\n")[0] + "\nbasic_auth_users: {}")) == 1


def test_a_fault_never_repeats_a_hash_or_password(folder: Path) -> None:
    for text in (
        f"basic_auth_users: {HASH}",
        f"{HASH}: x",
        f"basic_auth_users: {{a: 'hunter2 {HASH}'}}",
        f"tls_server_config: {HASH}",
        f"a: {{{HASH}",
    ):
        assert "hunter2" not in str(faults(folder, text)) and HASH[10:] not in str(faults(folder, text))


@pytest.mark.parametrize("name", ["no.yml", "."])
def test_a_file_that_cannot_be_read_is_a_fault(name: str, folder: Path) -> None:
    found = web_config.read(folder / name)
    assert found.config is None and len(found.faults) == 1
    assert found.files == (folder / name,)


@pytest.mark.parametrize(
    "text, warning",
    [
        ("", "neither TLS nor a user: everyone who reaches the exporter may read it"),
        (f"basic_auth_users: {{a: {HASH}}}", "users without TLS: their passwords cross the network as plain text"),
        (f"tls_server_config: {{{TLS}}}", "tls_server_config.key_file: {}/server.key: everyone on this host may read it; chmod o-r"),
    ],
)
def test_what_protects_less_than_it_seems_is_a_warning(text: str, warning: str, folder: Path) -> None:
    (folder / "server.key").chmod(0o604)
    found = read(folder, text)
    assert found.faults == ()
    assert found.warnings == (f"{folder / 'web.yml'}: {warning.format(folder)}",)


def test_the_example_of_the_docs_has_no_fault(folder: Path) -> None:
    example, _ = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "exporter.md").read_text(), flags=re.DOTALL)
    (folder / "clients.crt").write_bytes(authority().pem)
    found = read(folder, example)
    assert (found.faults, found.warnings) == ((), ())
    assert found.config is not None and list(found.config.users) == ["prometheus"]


def test_poller_check_lists_its_faults_among_all_others(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("POLLER_")]:
        monkeypatch.delenv(name)
    (folder / "poller.toml").write_text('[sweep]\nrat = 5\n[exporter]\nweb_config_file = "web.yml"\n')
    (folder / "web.yml").write_text("tls_server_config: {cert_file: server.crt, key_file: other.key}\n")
    assert main(["check", "--config", str(folder / "poller.toml"), "--json"]) == 2
    first, second = json.loads(capsys.readouterr().out)["faults"]
    assert first.endswith("sweep.rat: no such setting; did you mean 'rate'?")
    assert second == f"{folder / 'web.yml'}: tls_server_config.key_file: the key does not belong to the certificate in cert_file"
    (folder / "poller.toml").write_text('[sweep]\nrate = 5\n[exporter]\nweb_config_file = "web.yml"\n')
    (folder / "web.yml").write_text(GOOD)
    assert main(["check", "--config", str(folder / "poller.toml")]) == 0
