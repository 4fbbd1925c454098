"""`poller central replay`: what would have been requested, had these readings come in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import msgspec
import typer

from poller.cli.options import JsonOption
from poller.logs import printable

if TYPE_CHECKING:
    from poller.central.supplies.replay import Tally
    from poller.central.supplies.watched import Decision

_BAD_SHOWN_MAX = 100
_STANDARD_INPUT = Path("-")

ReadingsOption = Annotated[
    Path, typer.Option("--readings", metavar="FILE", help="Readings, one JSON object a line, with account and site. - is standard input.")
]
SettingsOption = Annotated[
    Path | None,
    typer.Option("--settings", metavar="FILE", help="Accounts, sites and catalogue (TOML). Default: every site live, approval automatic."),
]


def replay(readings: ReadingsOption, settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Feed readings by their own time through the code that decides on requests, and print each decision.

    Readings may be a little out of order, and doubled. Ends with 1 when there are lines that cannot be used; each is named.

    Example:

        poller central replay --readings 2025.ndjson --json
    """
    from poller.central.supplies import replay_settings
    from poller.central.supplies.replay import BadLine, Replay

    run = Replay(replay_settings.load(settings) if settings is not None else replay_settings.Settings())
    encode = msgspec.json.Encoder().encode
    if readings == _STANDARD_INPUT:
        source: BinaryIO = sys.stdin.buffer
    else:
        source = readings.open("rb")
    with source:
        for found in run.run(_lines(source)):
            if isinstance(found, BadLine):
                if run.tally.bad <= _BAD_SHOWN_MAX:
                    print(printable(f"{readings}:{found.number}: {found.reason}"), file=sys.stderr)
            elif as_json:
                print(encode(found).decode())
            else:
                print(printable(_text(found)))
    print(_summary(run.tally), file=sys.stderr)
    if run.tally.bad:
        raise typer.Exit(1)


def _lines(source: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of *source*; of one that is too long, as much as shows that."""
    from poller.central.supplies.replay import LINE_BYTES_MAX

    while line := source.readline(LINE_BYTES_MAX + 2):
        yield line
        while len(line) == LINE_BYTES_MAX + 2 and not line.endswith(b"\n"):
            line = source.readline(LINE_BYTES_MAX + 2)


def _text(decision: Decision) -> str:
    """Return a decision as a line for people."""
    what = " ".join(word for word in (decision.kind, decision.colour, decision.part_number) if word)
    key = decision.supply or ",".join(decision.choices)
    text = f"{decision.at:%Y-%m-%d %H:%M} {decision.event:15} {decision.printer} {key} {what}".rstrip()
    if decision.reason is not None:
        days = "beyond a year" if decision.reason.days is None else f"in {decision.reason.days:.0f} days"
        text += f": {decision.reason.rule}, empty {days}"
    if decision.left is not None:
        text += f": {decision.left:.0%} left"
    return text if decision.wanted is None else f"{text}: wanted {decision.wanted}"


def _summary(tally: Tally) -> str:
    """Return what became of the lines."""
    parts = [f"{tally.readings} readings"]
    for count, what in (
        (tally.double, "doubled"),
        (tally.late, "too late to be put in order"),
        (tally.other, "other lines passed over"),
        (tally.bad, "lines that cannot be used"),
    ):
        if count:
            parts.append(f"{count} {what}")
    return ", ".join(parts)
