"""From a file and the environment to one `Config`, or to every fault at once.

Each step notes what is wrong, goes on with the default, and `load` raises once, at the end: an operator repairs a file in one go.
Every fault says where to look and how to get out, and none repeats a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from poller.config.credentials import every_credential, read_credentials
from poller.config.kinds import duration_text
from poller.config.ranges import read_ranges
from poller.config.reader import Fields, Reader
from poller.config.sources import Table, empty_tables, overlay_environment, read_toml
from poller.config.values import Config, Exporter, Log, Poll, Profiles, Site, State, Sweep
from poller.errors import ConfigError

_KEY_FILE = "local.key"


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """Return the configuration of *path* (None: no file) with the POLLER_… variables of *environ* over it.

    Raises ConfigError with every fault.
    """
    faults: list[str] = []
    tables = empty_tables() if path is None else read_toml(path, faults)
    overlay_environment(tables, environ, faults)

    reader = Reader(faults)
    single = {name: of_section[0] for name, of_section in tables.items() if of_section and of_section[0].number is None}
    fields = {name: reader.fields(table) for name, table in single.items()}
    _settle_sweep_time(reader, single["sweep"], fields["sweep"])
    _check_ages(reader, single["exporter"], fields["poll"], fields["exporter"])
    ring = read_credentials(reader, tables["credential"])
    ranges = read_ranges(reader, single["sweep"], fields["sweep"], tables["range"], ring)
    if faults:
        raise ConfigError(faults)

    sweep = {name: value for name, value in fields["sweep"].items() if name not in ("targets", "exclude")}  # they are in the ranges
    return Config(
        site=Site(name=fields["site"]["name"] or ""),
        ranges=ranges,
        sweep=Sweep(**sweep),
        poll=Poll(**fields["poll"]),
        profiles=_read_profiles(single["profiles"], fields["profiles"]),
        exporter=Exporter(**fields["exporter"]),
        state=_read_state(single["state"], fields["state"]),
        log=Log(**fields["log"]),
        credentials=every_credential(ring),
        warnings=tuple(reader.warnings),
        origins=tuple(reader.origins),
    )


def _read_state(table: Table, state: Fields) -> State:
    """Return where state is kept; the names of files start where they were written."""
    if not state["folder"]:
        return State(folder=None, key_file=None)
    folder = _folder_of(table, "folder") / state["folder"]
    return State(folder=folder, key_file=_folder_of(table, "key_file") / state["key_file"] if state["key_file"] else folder / _KEY_FILE)


def _read_profiles(table: Table, profiles: Fields) -> Profiles:
    """Return where further profiles are; a relative name starts where it was written."""
    path = _folder_of(table, "path") / profiles["path"] if profiles["path"] else None
    return Profiles(path=path, experimental=profiles["experimental"])


def _folder_of(table: Table, key: str) -> Path:
    """Return where a relative name begins: in the folder of the file it stands in, else in the current one."""
    given = table.given.get(key)
    return Path() if given is None else given.folder


def _settle_sweep_time(reader: Reader, table: Table, sweep: Fields) -> None:
    """Sweep daily at a time, or every so often: one of both."""
    if sweep["every_seconds"] is None:
        return
    if "at" in table.given:
        reader.faults.append(f"{table.place('every')}: set together with sweep.at; keep one: daily at a time, or every so often")
    sweep["at"] = None


def _check_ages(reader: Reader, table: Table, poll: Fields, exporter: Fields) -> None:
    """Values must outlive the pause between two polls, and a printer its values."""
    every, stale, forget = poll["every_seconds"], exporter["stale_after_seconds"], exporter["forget_after_seconds"]
    if stale <= every:
        reader.faults.append(
            f"{table.place('stale_after')}: {duration_text(stale)} is not longer than poll.every ({duration_text(every)}); "
            "values would vanish between two polls"
        )
    if forget < stale:
        reader.faults.append(f"{table.place('forget_after')}: {duration_text(forget)} is shorter than stale_after ({duration_text(stale)})")
