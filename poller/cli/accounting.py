"""`poller accounting …`: job logs of production presses.

Each verb is a file `cli/accounting_<verb>.py` with a function of its name, registered below; what they share is in `cli/joblogs.py`. None
imports a heavy room before it runs.
"""

from __future__ import annotations

import typer

from poller.cli.accounting_charge import charge
from poller.cli.accounting_check import check
from poller.cli.accounting_convert import convert
from poller.cli.accounting_generate import generate
from poller.cli.accounting_import import import_logs
from poller.cli.accounting_watch import watch

accounting = typer.Typer(
    help="Job logs of production presses (Xerox DocuSP, FreeFlow): check them, convert them, charge them, make some up.\n\n"
    "Example:\n\n    poller accounting check AccExport_4590.csv",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

for _verb in (check, convert, charge, watch, generate):
    accounting.command()(_verb)
accounting.command("import")(import_logs)
