"""`poller accounting generate`: made-up logs, for trying things out and for measuring."""

from __future__ import annotations

from typing import Annotated

import typer

from poller.cli.joblogs import ForceOption, OutputOption, dialect_of, version_of, written


def generate(
    jobs: Annotated[int, typer.Option(min=0, metavar="N", help="How many jobs.")] = 1000,
    version: Annotated[str, typer.Option(metavar="2|3|3.1|4", help="The version to write.")] = "4",
    dialect: Annotated[str, typer.Option(metavar="NAME|FILE", help="How to write.")] = "docusp-canonical",
    seed: Annotated[int, typer.Option(help="The same seed gives the same log.")] = 0,
    output: OutputOption = None,
    force: ForceOption = False,
) -> None:
    """Write a plausible job log of an invented print shop, of any size.

    Example:

        poller accounting generate --jobs 1000000 -o million.csv
        poller accounting generate --version 2 --dialect docusp-condensed | poller accounting check -
    """
    from poller.accounting import generate as generating
    from poller.accounting.writer import Writer

    target = version_of(version)
    assert target is not None
    writer = Writer(target, dialect_of(dialect))
    with written(output, force=force) as out:
        out.write(writer.header())
        out.writelines(map(writer.line, generating.generate(jobs, seed=seed)))
