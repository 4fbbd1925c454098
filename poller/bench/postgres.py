"""A PostgreSQL of one's own for a while: made in a throw-away folder, reached by a socket in it, gone at the end.

It listens on no network. As root, which PostgreSQL refuses to run as, it is given to the user `postgres` that its package makes. The
folder is where temporary files are; what is measured there is that disk.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from poller import system
from poller.bench.children import ChildError, NotMeasuredError, last_words

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_LOOK_SECONDS = 0.05
_FOLDERS = Path("/usr/lib/postgresql")


class Place(NamedTuple):
    """Where it is reached, and its first process, whose children the others are."""

    url: str
    pid: int


def find_programs() -> Path:
    """Return the folder of `postgres` and `initdb`: that of the path, else Debian's newest. Raises NotMeasuredError."""
    on_path = shutil.which("postgres")
    found = [Path(on_path).parent] if on_path else sorted(_FOLDERS.glob("*/bin"), key=lambda folder: float(folder.parent.name))
    if not found or not (found[-1] / "initdb").exists():
        raise NotMeasuredError("PostgreSQL is not installed (Debian: postgresql)")
    return found[-1]


@contextmanager
def postgres(programs: Path, **settings: str | int) -> Iterator[Place]:
    """Run PostgreSQL inside the block. *settings* are its own, by name. Raises ChildError."""
    as_whom: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if system.user_id() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="poller-pg-"))
    try:
        if as_whom:
            system.give_to(folder, "postgres")
        data = folder / "data"
        command = [
            programs / "initdb",
            "--pgdata",
            data,
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
            "--no-locale",
            "--no-sync",
            "-U",
            "postgres",
        ]
        made = subprocess.run(  # noqa: S603  PostgreSQL's own
            list(map(str, command)), cwd=folder, capture_output=True, text=True, timeout=_START_SECONDS, check=False, **as_whom
        )
        if made.returncode != 0:
            raise ChildError(f"initdb: {last_words(made.stderr)}")
        with _running(programs, folder, data, settings, as_whom) as pid:
            yield Place(f"postgresql://postgres@/postgres?host={folder}", pid)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(programs: Path, folder: Path, data: Path, settings: Mapping[str, str | int], as_whom: Mapping[str, Any]) -> Iterator[int]:
    own = {"listen_addresses": "", "unix_socket_directories": folder, **settings}
    command = [programs / "postgres", "-D", data, *(part for name, value in own.items() for part in ("-c", f"{name}={value}"))]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(list(map(str, command)), cwd=folder, stdout=log, stderr=log, **as_whom)  # noqa: S603
    try:
        _await_ready(server, folder)
        yield server.pid
    finally:
        server.send_signal(signal.SIGINT)  # fast shutdown: whoever is still connected is sent away
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _await_ready(server: subprocess.Popen[bytes], folder: Path) -> None:
    """Return once it takes connections: then the last word of the eighth line of postmaster.pid says so."""
    for _ in range(round(_START_SECONDS / _LOOK_SECONDS)):
        if server.poll() is not None:
            raise ChildError(f"postgres: {last_words((folder / 'log').read_text(errors='replace'))}")
        try:
            lines = (folder / "data" / "postmaster.pid").read_text().splitlines()
        except OSError:
            lines = []
        if len(lines) >= 8 and lines[7].strip() == "ready":
            return
        time.sleep(_LOOK_SECONDS)
    raise ChildError(f"postgres did not start within {_START_SECONDS:.0f} seconds")
