"""From a file and the environment to one `Config`, or to every fault at once.

Each step notes what is wrong, goes on with the default, and `load` raises once, at the end: an operator repairs a file in one go.
Every fault says where to look and how to get out, and none repeats a secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from poller.config.credentials import KeyRing, every_credential, find_credentials, read_credentials
from poller.config.dealer import check_accept, read_allowed, read_central
from poller.config.kinds import duration_text
from poller.config.ranges import read_ranges
from poller.config.reader import Fields, Reader
from poller.config.received import Received, overlay_received
from poller.config.sources import Table, empty_tables, overlay_environment, read_toml
from poller.config.values import (
    Accounting,
    Config,
    Exporter,
    Log,
    Outbox,
    Poll,
    Printer,
    Privacy,
    Profiles,
    Site,
    State,
    Sweep,
    Traps,
    Update,
)
from poller.errors import ConfigError, SealError

_KEY_FILE = "local.key"
_JOBS_FILE = "accounting.db"


def load(path: Path | None, environ: Mapping[str, str], received: Received | None = None, *, has_exporter: bool = True) -> Config:
    """Return the configuration of *path* (None: no file) with the POLLER_… variables of *environ* over it, and over these *received*.

    Without *has_exporter* its web configuration file, which is nobody else's business, is not looked into. Raises ConfigError with every
    fault.
    """
    faults: list[str] = []
    tables = empty_tables() if path is None else read_toml(path, faults)
    overlay_environment(tables, environ, faults)

    reader = Reader(faults)
    if received is not None:
        accept = Reader([]).fields(tables["central"][0])["accept"]
        overlay_received(tables, received, accept, faults)
    single = {name: of_section[0] for name, of_section in tables.items() if of_section and of_section[0].number is None}
    fields = {name: reader.fields(table) for name, table in single.items()}
    _settle_sweep_time(reader, single["sweep"], fields["sweep"])
    _check_ages(reader, single["exporter"], fields["poll"], fields["exporter"])
    if has_exporter:
        _check_web_config(reader, single["exporter"], fields["exporter"])
    ring = read_credentials(reader, tables["credential"])
    allowed = read_allowed(reader, single["sweep"], fields["sweep"]["allowed"] or ())
    ranges = read_ranges(reader, single["sweep"], fields["sweep"], tables["range"], ring, allowed)
    central = read_central(reader, single["central"], fields["central"], environ, has_state=bool(fields["state"]["folder"]))
    check_accept(reader, single["central"], central, allowed)
    traps = _read_traps(reader, single["traps"], fields["traps"], ring)
    printers = _read_printers(reader, tables["printer"])
    _check_masks(reader, fields["privacy"], fields["state"])
    _check_update_key(reader, single["update"], fields["update"])
    accounting = _read_accounting(reader, single["accounting"], fields["accounting"], _read_state(single["state"], fields["state"]))
    if faults:
        raise ConfigError(faults)

    elsewhere = ("targets", "exclude", "allowed")  # these are in the ranges
    sweep = {name: value for name, value in fields["sweep"].items() if name not in elsewhere}
    return Config(
        site=Site(name=fields["site"]["name"] or ""),
        ranges=ranges,
        sweep=Sweep(**sweep),
        allowed=allowed,
        central=central,
        poll=Poll(**fields["poll"]),
        printers=printers,
        traps=traps,
        profiles=_read_profiles(single["profiles"], fields["profiles"]),
        exporter=Exporter(**fields["exporter"]),
        state=(state := _read_state(single["state"], fields["state"])),
        outbox=_read_outbox(single["outbox"], fields["outbox"], state),
        privacy=Privacy(**fields["privacy"]),
        update=Update(**fields["update"]),
        accounting=accounting,
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


def _read_outbox(table: Table, outbox: Fields, state: State) -> Outbox:
    """Return where readings wait: beside the state, and under its key, unless told."""
    folder = state.folder if outbox["folder"] is None else _folder_of(table, "folder") / outbox["folder"] if outbox["folder"] else None
    key_file = None
    if folder is not None:
        shared = state.key_file if folder == state.folder else folder / _KEY_FILE
        key_file = _folder_of(table, "key_file") / outbox["key_file"] if outbox["key_file"] else shared
    rest = {name: outbox[name] for name in ("limit_bytes", "keep_seconds", "control_copy_seconds")}
    return Outbox(folder=folder, key_file=key_file, **rest)


def _read_accounting(reader: Reader, table: Table, accounting: Fields, state: State) -> Accounting:
    """Return which exports of presses are taken; jobs are kept beside the state unless told, and hashes need its key."""
    folder = _folder_of(table, "folder") / accounting["folder"] if accounting["folder"] else None
    database = None if state.folder is None else state.folder / _JOBS_FILE
    if accounting["database"]:
        database = _folder_of(table, "database") / accounting["database"]
    if folder is not None and database is None:
        reader.faults.append(f"{table.place('database')}: missing; without [state] folder there is no other place for jobs")
    if folder is not None and accounting["names"] == "hash" and state.key_file is None:
        reader.faults.append(f'{table.place("names")}: "hash" needs the local key of [state], and no folder is set there; or choose "drop"')
    dialect = accounting["dialect"]
    if dialect.endswith(".toml"):
        dialect = str(_folder_of(table, "dialect") / dialect)
    rest = {name: accounting[name] for name in ("every_seconds", "files", "names", "upload")}
    return Accounting(folder=folder, database=database, dialect=dialect, **rest)


def _read_traps(reader: Reader, table: Table, traps: Fields, ring: KeyRing) -> Traps:
    """Return where to listen, and whom to believe: everybody who could be asked, unless some are named."""
    believed = find_credentials(reader, table, traps["credentials"], ring) if traps["credentials"] else every_credential(ring)
    return Traps(listen=traps["listen"], is_listen_given="listen" in table.given, credentials=believed)


def _read_printers(reader: Reader, tables: Sequence[Table]) -> tuple[Printer, ...]:
    """Return the printers with an interval of their own, each named once."""
    printers: dict[str, Printer] = {}
    for table in tables:
        fields = reader.fields(table)
        for key in ("id", "every"):
            if key not in table.given:
                reader.faults.append(f"{table.place(key)}: missing")
        printer_id, every_seconds = fields["id"], fields["every_seconds"]
        if printer_id is None or every_seconds is None:
            continue
        if printer_id in printers:
            reader.faults.append(f"{table.place('id')}: another [[printer]] is {printer_id!r}; name each once")
        printers[printer_id] = Printer(id=printer_id, every_seconds=every_seconds)
    return tuple(printers.values())


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


def _check_web_config(reader: Reader, table: Table, exporter: Fields) -> None:
    """Read the file of the exporter's TLS and users, for its faults; the name of it starts where it was written."""
    if exporter["web_config_file"] is None:
        return
    from poller.config import web_config  # with YAML and OpenSSL, which nobody else waits for

    exporter["web_config_file"] = path = _folder_of(table, "web_config_file") / exporter["web_config_file"]
    found = web_config.read(path)
    reader.faults += found.faults
    reader.warnings += found.warnings


def _check_masks(reader: Reader, privacy: Fields, state: Fields) -> None:
    """Where no local key is kept, names made of masked facts are of today's key only."""
    if not state["folder"] and {"address", "mac"} & set(privacy["mask"]):
        reader.warnings.append(
            "privacy.mask: without [state] folder no local key is kept; printers without a serial number have another id after every start"
        )


def _check_update_key(reader: Reader, table: Table, update: Fields) -> None:
    if update["key"] is None:
        return
    from poller.sealing.keys import VerifyKey  # with OpenSSL, which nobody else waits for

    try:
        VerifyKey.from_text(update["key"])
    except SealError as error:
        reader.faults.append(f"{table.place('key')}: {error}")


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
