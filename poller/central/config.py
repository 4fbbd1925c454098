"""From central.toml and the environment to one `Config`, or to every fault at once; by the machinery, and the rules, of the agent's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from poller.central.catalogue import CENTRAL
from poller.central.values import Config, DatabasePlace, Retention, Server
from poller.config import Log
from poller.config.credentials import read_secret_of
from poller.config.reader import Reader
from poller.config.sources import Table, empty_tables, overlay_environment, read_toml
from poller.errors import ConfigError
from poller.model import Secret


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
    if faults:
        raise ConfigError(faults)
    if url is None:
        url = Secret(f"sqlite:///{_place(single['database'], 'file', fields['database']['file'])}")
    updates = fields["updates"]["folder"]
    return Config(
        server=Server(**fields["server"]),
        database=DatabasePlace(url=url),
        keys_folder=_place(single["keys"], "folder", fields["keys"]["folder"]),
        updates_folder=_place(single["updates"], "folder", updates) if updates else None,
        log=Log(**fields["log"]),
        retention=Retention(**fields["retention"]),
        warnings=tuple(reader.warnings),
        origins=tuple(reader.origins),
    )


def _place(table: Table, key: str, name: str) -> Path:
    """Return where a relative name leads: from the folder of the file it stands in, else from the current one."""
    given = table.given.get(key)
    return (Path() if given is None else given.folder) / name
