"""From central.toml and the environment to one `Config`, or to every fault at once; by the machinery, and the rules, of the agent's."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from poller.central.catalogue import CENTRAL
from poller.central.values import Config, DatabasePlace, Mail, Retention, Server, Webhook
from poller.config import Log
from poller.config.credentials import read_secret_of
from poller.config.reader import Fields, Reader
from poller.config.sources import Table, empty_tables, overlay_environment, read_toml
from poller.errors import ConfigError
from poller.model import Secret

_MAIL_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """Return the configuration of *path* (None: no file) with the POLLERCENTRAL_… variables of *environ* over it.

    Raises ConfigError with every fault.
    """
    faults: list[str] = []
    tables = empty_tables(of=CENTRAL) if path is None else read_toml(path, faults, of=CENTRAL)
    overlay_environment(tables, environ, faults, of=CENTRAL)
    reader = Reader(faults)
    single = {name: of_section[0] for name, of_section in tables.items()}
    fields = {name: reader.fields(table) for name, table in single.items()}
    url = read_secret_of(reader, single["database"], fields["database"], "url")
    mail = _mail(reader, single["mail"], fields["mail"])
    webhook = _webhook(reader, single["webhook"], fields["webhook"])
    if faults:
        raise ConfigError(faults)
    if url is None:
        url = Secret(f"sqlite:///{_place(single['database'], 'file', fields['database']['file'])}")
    updates, csv_folder = fields["updates"]["folder"], fields["csv"]["folder"]
    return Config(
        server=Server(**fields["server"]),
        database=DatabasePlace(url=url),
        keys_folder=_place(single["keys"], "folder", fields["keys"]["folder"]),
        updates_folder=_place(single["updates"], "folder", updates) if updates else None,
        log=Log(**fields["log"]),
        retention=Retention(**fields["retention"]),
        mail=mail,
        webhook=webhook,
        csv_folder=_place(single["csv"], "folder", csv_folder) if csv_folder else None,
        warnings=tuple(reader.warnings),
        origins=tuple(reader.origins),
    )


def _mail(reader: Reader, table: Table, fields: Fields) -> Mail | None:
    """Return how mail goes out; None where nothing is set, or when that is a fault."""
    password = read_secret_of(reader, table, fields, "password", is_required="user" in table.given)
    if not table.given:
        return None
    for key in ("host", "from", "to"):
        if key not in table.given:
            reader.faults.append(f"{table.place(key)}: missing; mail needs host, from and to")
    if "user" not in table.given and {"password", "password_file"} & table.given.keys():
        reader.faults.append(f"{table.place('user')}: missing; a password is set, but not whose it is")
    host, security = fields["host"], fields["security"]
    if security == "none" and host is not None and not _is_this_host(host):
        lost = "mails, and the password, " if "user" in table.given else "mails "
        reader.warnings.append(f"{table.place('security')}: {lost}go to {host} readable for everyone in between; want starttls or tls")
    if not all((host, fields["sender"], fields["to"])) or (password is None) != (fields["user"] is None):
        return None
    return Mail(
        host=host,
        port=fields["port"] or _MAIL_PORTS[security],
        security=security,
        sender=fields["sender"],
        to=fields["to"],
        user=fields["user"],
        password=password,
        language=fields["language"],
        ca_file=_place(table, "ca_file", fields["ca_file"]) if fields["ca_file"] else None,
    )


def _webhook(reader: Reader, table: Table, fields: Fields) -> Webhook | None:
    """Return where parcels are posted to; None where nothing is set, or when that is a fault."""
    secret = read_secret_of(reader, table, fields, "secret", is_required="url" in table.given)
    if table.given and "url" not in table.given:
        reader.faults.append(f"{table.place('url')}: missing; the rest of [webhook] is for nothing without it")
    url = fields["url"]
    if url is None or secret is None:
        return None
    if url.startswith("http:") and not _is_this_host(urlsplit(url).hostname or ""):
        reader.warnings.append(f"{table.place('url')}: parcels go there readable for everyone in between; want https://")
    return Webhook(url=url, secret=secret, ca_file=_place(table, "ca_file", fields["ca_file"]) if fields["ca_file"] else None)


def _is_this_host(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"


def _place(table: Table, key: str, name: str) -> Path:
    """Return where a relative name leads: from the folder of the file it stands in, else from the current one."""
    given = table.given.get(key)
    return (Path() if given is None else given.folder) / name
