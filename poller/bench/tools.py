"""The tools a bench needs beside us: a load generator and a limit in C, peers in Python. They come in a folder, not with the package.

    fleetsim.c   answers SNMP for every address of 127.0.0.0/8, from recordings     blast.c    sends probes as fast as the kernel takes them
    fleet.txt    the recordings to serve, a name a line                             peers.py   reads printers with other people's libraries

The recordings lie in `../corpus/recordings` beside the folder. C is compiled into a temporary folder that goes when we do.
"""

from __future__ import annotations

import select
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from poller.bench import children
from poller.bench.children import NotMeasuredError

FIXED_PORT = 16161
"""Where blast and peers.py expect the fleet."""

_COMPILE_SECONDS = 120.0
_START_SECONDS = 10.0
_LIFE_SECONDS = 1800  # fleetsim ends itself then, whatever became of us
_RECORDINGS = Path("..") / "corpus" / "recordings"


class Tools:
    """The tools in *folder*, which may be None; each is looked for when it is needed, and compiled once. Use as a context manager."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._programs: dict[str, Path] = {}

    def __enter__(self) -> Tools:
        self._bin = tempfile.TemporaryDirectory(prefix="poller-bench-")
        return self

    def __exit__(self, *exc: object) -> None:
        self._bin.cleanup()

    def file(self, name: str) -> Path:
        """Return a file of the folder. Raises NotMeasuredError."""
        if self.folder is None:
            raise NotMeasuredError(f"needs {name}, from the folder --tools names")
        path = self.folder / name
        if not path.is_file():
            raise NotMeasuredError(f"no {name} in the folder --tools names")
        return path

    def program(self, name: str) -> Path:
        """Return the program made of `<name>.c`. Raises NotMeasuredError."""
        if name not in self._programs:
            self._programs[name] = self._compile(name)
        return self._programs[name]

    @cached_property
    def recordings(self) -> tuple[Path, ...]:
        """The recordings of the load fleet, in order. Raises NotMeasuredError."""
        listed = self.file("fleet.txt")
        paths = tuple(listed.parent / _RECORDINGS / f"{name}.snmprec" for name in listed.read_text("utf-8").split())
        missing = [path.name for path in paths if not path.is_file()]
        if missing or not paths:
            raise NotMeasuredError(f"recordings of fleet.txt are missing: {', '.join(missing) or 'it names none'}")
        return paths

    @contextmanager
    def fleet(self, *options: str | int, port: int) -> Iterator[None]:
        """Keep a fleet of simulated printers answering on *port* inside the block; *options* are fleetsim's. Raises NotMeasuredError."""
        command = [str(part) for part in (self.program("fleetsim"), "-p", port, "-s", _LIFE_SECONDS, *options, *self.recordings)]
        with children.running(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            word = _first_word(process)
            if not word.startswith("fleetsim: "):  # said once the port is its own
                raise NotMeasuredError(f"fleetsim does not start: {word or 'no word from it'}")
            yield

    def _compile(self, name: str) -> Path:
        source, program = self.file(f"{name}.c"), Path(self._bin.name) / name
        compiler = shutil.which("cc")
        if compiler is None:
            raise NotMeasuredError(f"needs a C compiler (cc) for {name}.c")
        try:
            children.run(compiler, "-O2", "-w", "-o", program, source, timeout_seconds=_COMPILE_SECONDS)
        except children.ChildError as error:
            raise NotMeasuredError(f"{name}.c does not compile: {error}") from error
        return program


def free_port() -> int:
    """Return a UDP port nobody has at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", 0))  # as fleetsim binds: every address of this host
        port: int = sock.getsockname()[1]
    return port


def free_tcp_port() -> int:
    """Return a TCP port of loopback nobody has at this moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


def require_port(port: int) -> None:
    """Raise NotMeasuredError when somebody has UDP port *port*."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("", port))
        except OSError:
            raise NotMeasuredError(f"UDP port {port} is taken, and the tool for this row knows no other") from None


def require_module(module: str, package: str) -> None:
    """Raise NotMeasuredError unless *module* can be imported here."""
    try:
        is_here = find_spec(module) is not None
    except ModuleNotFoundError:  # of a module in a package that is not there itself
        is_here = False
    if not is_here:
        raise NotMeasuredError(f"{package} is not installed (pip install poller[bench])")


def _first_word(process: subprocess.Popen[str]) -> str:
    """Return the first line *process* writes to standard error; empty when it ends, or stays mute, without one."""
    assert process.stderr is not None
    readable, _, _ = select.select([process.stderr], [], [], _START_SECONDS)
    return process.stderr.readline().strip() if readable else ""
