"""The one door for every format of job log: `read` gives jobs and faults, whatever wrote the file.

    with path.open("rb") as file:
        log = importer.read(file, Options(dialect=dialect.load("docusp-canonical")))
        for item in log:
            match item:
                case Entry(line, job): …
                case Fault(): …

A further format is a `Format` in `FORMATS`: a name, a guess from the first lines, and what opens it. Jobs of all formats are `job.Job`; a
format fills the fields it knows and leaves the rest None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, NamedTuple, Protocol

from poller.accounting import prismasync, reader
from poller.accounting.faults import Fault
from poller.accounting.fields import Version
from poller.accounting.job import Entry
from poller.accounting.lines import Lines
from poller.accounting.reader import Options
from poller.errors import ConfigError

_LOOKED_AT_LINES = 8


class Log(Protocol):
    """An opened log, to be iterated over once: an `Entry` for each job, a `Fault` for each line that is none or is remarkable.

    A line with a fault of severity `error` gave no job. Nothing is raised while iterating but OSError, of the file itself.
    """

    version: Version
    """Which fields the log can have; for another format the newest."""
    extra_columns: tuple[str, ...]

    def __iter__(self) -> Iterator[Entry | Fault]: ...


class Format(NamedTuple):
    """One format. `recognise` is shown the first lines; `open_log` raises JobLogError for what is no log of this format."""

    name: str
    recognise: Callable[[Sequence[bytes]], bool]
    open_log: Callable[[Lines, Options], Log]


FORMATS: tuple[Format, ...] = (
    Format("prismasync", prismasync.recognise, prismasync.open_log),
    Format("docusp", lambda _: True, reader.open_log),
)
"""The first that recognises a file has it; DocuSP, which is known by its columns alone, comes last."""


def read(file: BinaryIO, options: Options, *, format_name: str | None = None) -> Log:
    """Open a log in a binary file; only `readline` is used, so a pipe will do. Raises JobLogError, ConfigError for an unknown format."""
    lines = Lines(file)
    if format_name is None:
        first = lines.peek(_LOOKED_AT_LINES)
        return next(one for one in FORMATS if one.recognise(first)).open_log(lines, options)
    for one in FORMATS:
        if one.name == format_name:
            return one.open_log(lines, options)
    raise ConfigError([f"no format {format_name!r}; there are {', '.join(one.name for one in FORMATS)}"])
