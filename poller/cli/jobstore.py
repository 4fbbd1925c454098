"""What the verbs that keep or charge jobs share: where jobs are kept, what becomes of names, the tariff, progress over several files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poller.errors import ConfigError

if TYPE_CHECKING:
    from poller.accounting.pseudonyms import Pseudonyms
    from poller.accounting.store import Imported
    from poller.accounting.tariff import Tariff
    from poller.config import Config

_TELL_EVERY = 4096  # lines
_TARIFF_OCTETS_MAX = 4_000_000

DatabaseOption = Annotated[
    Path | None,
    typer.Option(
        "--database", metavar="FILE", dir_okay=False, help="Where jobs are kept. Default: [accounting] database of the configuration."
    ),
]


def database_of(option: Path | None, settings: Config) -> Path:
    """Return where jobs are kept. Raises ConfigError."""
    found = option or settings.accounting.database
    if found is None:
        raise ConfigError(["accounting.database: missing, and there is no [state] folder; or give --database FILE"])
    return found


def pseudonyms_of(settings: Config) -> Pseudonyms:
    """Return what takes names out of jobs. Raises ConfigError where there is no key to hash them by."""
    from poller.collecting import pseudonyms

    if settings.accounting.names == "hash" and settings.state.key_file is None:
        raise ConfigError(['accounting.names: "hash" needs the local key of [state], and no folder is set there; or choose "drop"'])
    return pseudonyms(settings)


def tariff_of(path: Path) -> Tariff:
    """Return the tariff in a file. Raises ConfigError with every fault."""
    from poller.accounting import tariff_file

    try:
        with path.open("rb") as file:
            octets = file.read(_TARIFF_OCTETS_MAX + 1)
        if len(octets) > _TARIFF_OCTETS_MAX:
            raise ConfigError([f"{path}: longer than a tariff can be"])
        return tariff_file.parse(octets.decode(), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: {error.strerror if isinstance(error, OSError) else 'not UTF-8'}"]) from error


@contextmanager
def progress(total: int | None) -> Iterator[Callable[[int], None]]:
    """Give what is to be told how far it is; on a terminal a bar shows it. Told often, it draws seldom."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        times = 0

        def tell(done: int) -> None:
            nonlocal times
            times += 1
            if not times % _TELL_EVERY:
                bar.update(task, completed=done)

        yield tell


def told(found: Imported) -> str:
    """Return what became of a file, in a line for people."""
    if found.is_known:
        return f"{found.file}: imported before"
    parts = [f"{found.jobs:,} jobs"]
    for count, what in (
        (found.doubles, "there already"),
        (found.conflicts, "of these with other counts, left as they were"),
        (found.lines_bad, "lines left out; poller accounting check tells why"),
    ):
        if count:
            parts.append(f"{count:,} {what}")
    return f"{found.file}: {', '.join(parts)}"
