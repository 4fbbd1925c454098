"""Imports a log and is killed at a line, for test_store.py: `python killed_import.py DATABASE LOG LINE`."""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from poller.accounting import dialect, store
from poller.accounting.pseudonyms import Pseudonyms
from poller.accounting.reader import Options


def main(database: str, log: str, line: str) -> None:
    calls = 0

    def tell(_: int) -> None:
        nonlocal calls
        calls += 1
        if calls == int(line):
            os.kill(os.getpid(), signal.SIGKILL)

    with store.opened(Path(database)) as db:
        options = Options(dialect=dialect.load("docusp-canonical"))
        db.take(Path(log), options, Pseudonyms("drop"), now_utc=datetime.now(UTC), tell=tell)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
