"""`poller VERB`: finds the verb, runs it, and turns what goes wrong into a line on standard error and an exit code.

    0  well
    1  ran but found trouble (PrinterError, Ctrl-C of a tool in the foreground, a reader of our output that went away)
    2  wrong usage or configuration (ConfigError: each fault on its line)
    3  this host (HostError and OSError: disk, permission, a port in use)

A verb is a file `cli/<verb>.py` with a function of that name, or with a Typer for a verb of several (`profiles list`); it is added to
`VERBS` below. It is imported when asked for, and imports heavy rooms inside its function, so that `poller read` does not wait for
the HTTP server.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from poller import __version__
from poller.errors import ConfigError, HostError, PollerError
from poller.logs import printable

WELL, TROUBLE, USAGE, HOST = range(4)

Verb = Callable[..., None] | typer.Typer


def _run() -> Verb:
    from poller.cli.run import run

    return run


def _check() -> Verb:
    from poller.cli.check import check

    return check


def _healthy() -> Verb:
    from poller.cli.healthy import healthy

    return healthy


def _sweep() -> Verb:
    from poller.cli.sweep import sweep

    return sweep


def _read() -> Verb:
    from poller.cli.read import read

    return read


def _record() -> Verb:
    from poller.cli.record import record

    return record


def _simulate() -> Verb:
    from poller.cli.simulate import simulate

    return simulate


def _demo() -> Verb:
    from poller.cli.demo import demo

    return demo


def _profiles() -> Verb:
    from poller.cli.profiles import profiles

    return profiles


def _outbox() -> Verb:
    from poller.cli.outbox import outbox

    return outbox


def _upload() -> Verb:
    from poller.cli.upload import upload

    return upload


def _central() -> Verb:
    from poller.cli.central import central

    return central


def _accounting() -> Verb:
    from poller.cli.accounting import accounting

    return accounting


def _release() -> Verb:
    from poller.cli.release import release

    return release


def _bench() -> Verb:
    from poller.cli.bench import bench

    return bench


VERBS: dict[str, Callable[[], Verb]] = {
    "run": _run,
    "check": _check,
    "healthy": _healthy,
    "sweep": _sweep,
    "read": _read,
    "record": _record,
    "simulate": _simulate,
    "demo": _demo,
    "profiles": _profiles,
    "outbox": _outbox,
    "upload": _upload,
    "central": _central,
    "accounting": _accounting,
    "release": _release,
    "bench": _bench,
}
"""How to import each verb, in the order of `poller --help`."""


class _Commands(Mapping[str, Any]):
    """The verbs as typer wants them, each imported when it is first looked at; their names are known before."""

    def __getitem__(self, name: str) -> Any:
        verb = VERBS[name]()
        if not isinstance(verb, typer.Typer):
            alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
            # A docstring is text: [sweep] in it means the section, not a style.
            alone.command(name, help=(inspect.getdoc(verb) or "").replace("[", r"\["))(verb)
            verb = alone
        command = get_command(verb)
        command.name = name
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(VERBS)

    def __len__(self) -> int:
        return len(VERBS)


class _Verbs(TyperGroup):
    """`poller` itself."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        lazy: Any = _Commands()
        self.commands = lazy

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)


app = typer.Typer(
    cls=_Verbs,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"poller {__version__}")
        raise typer.Exit


@app.callback()
def poller(
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and end.")] = False,
) -> None:
    """Find printers by SNMP, read their supplies and counters, show them to Prometheus.

    Example:

        poller sweep 10.1.0.0/24
        poller read 10.1.0.7
        poller run --config poller.toml
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code. An exception that leaves here is a bug of ours."""
    try:
        get_command(app).main(args=None if arguments is None else list(arguments), prog_name="poller")
        code = WELL
    except SystemExit as end:
        code = WELL if end.code is None else int(end.code) if end.code in (WELL, TROUBLE, USAGE, HOST) else TROUBLE
    except BaseException as error:  # judged right here, and raised if it is not ours
        explained = _explain(error)
        if explained is None:
            raise
        code, lines = explained
        for line in lines:
            print(printable(line), file=sys.stderr)
    return max(code, _flush())


def _explain(error: BaseException) -> tuple[int, list[str]] | None:
    """Return exit code and lines for an error that is expected; None for a bug. Of a group all members must be expected."""
    match error:
        case ConfigError():
            return USAGE, list(error.faults)
        case HostError():
            return HOST, [str(error)]
        case PollerError():
            return TROUBLE, [str(error)]
        case BrokenPipeError():
            return TROUBLE, []
        case OSError():
            reason = error.strerror or type(error).__name__
            return HOST, [f"{error.filename}: {reason}" if error.filename else reason]
        case KeyboardInterrupt():
            return TROUBLE, ["stopped"]
        case BaseExceptionGroup():
            members = [_explain(member) for member in error.exceptions]
            known = [member for member in members if member is not None]
            if len(known) == len(members):
                return max(code for code, _ in known), [line for _, lines in known for line in lines]
    return None


def _flush() -> int:
    """Empty standard output. Where that fails, keep the interpreter from trying again, and complaining, on its way out."""
    if sys.stdout is None:  # closed before we began
        return WELL
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return TROUBLE
        print(f"standard output: {error.strerror}", file=sys.stderr)
        return HOST
    return WELL
