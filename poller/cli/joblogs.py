"""What the verbs about job logs share: their options, opening a log, showing faults, writing a file whole or not at all."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from poller import system
from poller.errors import ConfigError, HostError
from poller.logs import printable

if TYPE_CHECKING:
    from poller.accounting.dialect import Dialect
    from poller.accounting.faults import Fault
    from poller.accounting.fields import Version

_STANDARD = Path("-")
_SHOWN_OF_A_RULE = 10
_TELL_EVERY = 4096  # lines
_DIALECT_OCTETS_MAX = 1_000_000

LogArgument = Annotated[
    Path, typer.Argument(metavar="LOG", exists=True, dir_okay=False, allow_dash=True, help="The exported log; - for standard input.")
]
DialectOption = Annotated[
    str | None,
    typer.Option(
        "--dialect",
        metavar="NAME|FILE",
        help="How this press writes: a dialect that comes along, or a .toml file. Default: LOG.toml beside the log, else docusp-canonical.",
    ),
]
VersionOption = Annotated[
    str | None, typer.Option("--version", metavar="2|3|3.1|4", help="The version of the log. Default: it is recognised.")
]
ZoneOption = Annotated[
    str | None, typer.Option("--zone", metavar="ZONE", help="Zone of times that name none, such as Europe/Berlin. Default: the dialect's.")
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", dir_okay=False, help="Where to write. Default: standard output.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")]


def version_of(option: str | None, name: str = "--version") -> Version | None:
    """Return the version an option means. Raises ConfigError."""
    from poller.accounting.versions import version_named

    if option is None:
        return None
    version = version_named(option)
    if version is None:
        raise ConfigError([f"{name}: want 2, 3, 3.1 or 4, got {option!r}"])
    return version


def dialect_of(option: str | None, log: Path | None = None, *, zone: str | None = None) -> Dialect:
    """Return the dialect named, else that of `LOG.toml`, else the canonical one. Raises ConfigError with every fault."""
    import msgspec

    from poller.accounting import dialect

    if option is None and log is not None and log != _STANDARD and (beside := Path(f"{log}.toml")).is_file():
        option = str(beside)
    if option is None or not option.endswith(".toml"):
        found = dialect.load(option or dialect.CANONICAL)
    else:
        found = dialect.parse(_text(Path(option)), option)
    if zone is None:
        return found
    if not dialect.is_zone(zone):
        raise ConfigError([f"--zone: {zone!r} is no time zone; want a name such as Europe/Berlin"])
    return msgspec.structs.replace(found, zone=zone)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            octets = file.read(_DIALECT_OCTETS_MAX + 1)
        if len(octets) > _DIALECT_OCTETS_MAX:
            raise ConfigError([f"{path}: longer than a dialect can be"])
        return octets.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: {error.strerror if isinstance(error, OSError) else 'not UTF-8'}"]) from error


@contextmanager
def opened(log: Path) -> Iterator[tuple[BinaryIO, Callable[[], None]]]:
    """Open a log; with it comes what is to be called for every line, and shows how far it is on a terminal."""
    if log == _STANDARD:
        yield sys.stdin.buffer, lambda: None
        return
    with log.open("rb") as file:
        if not sys.stderr.isatty():
            yield file, lambda: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

        columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("", total=log.stat().st_size or None)
            lines = 0

            def tell() -> None:
                nonlocal lines
                lines += 1
                if not lines % _TELL_EVERY:
                    progress.update(task, completed=file.tell())

            yield file, tell


class Shown:
    """The faults that are shown to people: the first of every rule, and how many there were."""

    def __init__(self) -> None:
        self._first: list[Fault] = []
        self._counts: Counter[str] = Counter()

    def take(self, fault: Fault) -> None:
        self._counts[fault.rule] += 1
        if self._counts[fault.rule] <= _SHOWN_OF_A_RULE:
            self._first.append(fault)

    def table(self, *, to_stderr: bool = False) -> None:
        """Print them, in the order of their lines."""
        if not self._first:
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table("line", "severity", "rule", "field", "what", box=None, pad_edge=False)
        for fault in self._first:
            cells = (str(fault.line) if fault.line else "", fault.severity, fault.rule, fault.field or "", printable(fault.text))
            table.add_row(*(Text(cell, overflow="fold") for cell in cells))
        console = Console(stderr=to_stderr, highlight=False)
        console.print(table)
        for rule, count in self._counts.items():
            if count > _SHOWN_OF_A_RULE:
                console.print(Text(f"{rule}: {count - _SHOWN_OF_A_RULE:,} more like these; --json shows all"))


@contextmanager
def written(output: Path | None, *, force: bool) -> Iterator[BinaryIO]:
    """Give a file to write to that appears at *output* once the block ends well, and not at all otherwise; only its user may read it.

    Without *output* it is standard output. Raises ConfigError where there is such a file already, unless *force*.
    """
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    _refuse_existing(output, force=force)
    beside = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        file = open(beside, "xb", opener=system.open_private)  # noqa: SIM115  closed below, where what fails has another reason
    except OSError as error:
        raise HostError(f"cannot write {output}: {error.strerror or error}") from error
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _refuse_existing(output, force=force)
        beside.replace(output)
        system.sync_folder(output.parent)
    finally:
        beside.unlink(missing_ok=True)


def _refuse_existing(output: Path, *, force: bool) -> None:
    if not force and output.exists():
        raise ConfigError([f"{output} is there already; --force replaces it"])
