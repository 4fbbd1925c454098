"""Runs `poller` in a Python that lacks what Windows lacks: `python without_posix.py VERB …`, or `--import` for every module.

Taken away are modules, functions, constants, the loop's signal handlers, sendmmsg and /proc. What the standard library itself needs of
them on this host was imported before; the program comes after. It is not Windows: paths, the proactor and `sys.platform` stay.
"""

from __future__ import annotations

import asyncio
import builtins
import ctypes
import importlib
import importlib.abc
import io
import os
import pkgutil
import shutil  # noqa: F401  this and others for what the standard library takes from them, once and for all
import signal
import socket
import subprocess  # noqa: F401
import sys
import tempfile  # noqa: F401
from collections.abc import Sequence
from typing import Any, NoReturn

MODULES = "fcntl resource pwd grp termios tty pty uvloop syslog readline crypt spwd nis".split()
OS_NAMES = (
    "O_NONBLOCK O_NOFOLLOW O_DIRECTORY O_CLOEXEC fchmod fchown chown lchown geteuid getuid getegid getgid getgroups fork killpg uname"
    " sysconf getloadavg mkfifo nice sendfile sched_getaffinity pread pwrite statvfs setsid getpgid"
).split()
SIGNALS = "SIGHUP SIGUSR1 SIGUSR2 SIGQUIT SIGKILL SIGALRM SIGPIPE SIGCHLD".split()
SOCKET_NAMES = "AF_UNIX SOCK_NONBLOCK SOCK_CLOEXEC MSG_DONTWAIT SO_REUSEPORT SO_BINDTODEVICE IP_PKTINFO CMSG_LEN CMSG_SPACE".split()
METHODS = "recvmsg recvmsg_into sendmsg".split()


class Refuses(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> None:
        if name.partition(".")[0] in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _absent(_: object) -> NoReturn:
    raise AttributeError


def _pair(*_: object) -> tuple[socket.socket, socket.socket]:
    """What socketpair() is where there is no AF_UNIX."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        one = socket.create_connection(listening.getsockname())
        other, _ = listening.accept()
    return one, other


def take_away() -> None:
    for name in MODULES:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, Refuses())
    for module, names in ((os, OS_NAMES), (signal, SIGNALS), (socket, SOCKET_NAMES)):
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    for method in METHODS:
        setattr(socket.socket, method, property(_absent))
    for way in ("add_signal_handler", "remove_signal_handler", "create_unix_server", "create_unix_connection"):
        setattr(asyncio.SelectorEventLoop, way, getattr(asyncio.AbstractEventLoop, way))  # which says that it has not
    untyped: Any = socket
    untyped.socketpair = _pair
    opened, library = io.open, ctypes.CDLL

    def open_without_proc(file: Any, *arguments: Any, **options: Any) -> Any:
        if str(file).startswith("/proc"):
            raise FileNotFoundError(2, "No such file or directory", str(file))
        return opened(file, *arguments, **options)

    def load(name: object, *arguments: Any, **options: Any) -> Any:
        if name is None:  # the C library of this very process: Windows has no such thing
            raise TypeError("argument of type 'NoneType' is not iterable")
        return library(name, *arguments, **options)  # type: ignore[arg-type]

    for module, name, replacement in ((builtins, "open", open_without_proc), (io, "open", open_without_proc), (ctypes, "CDLL", load)):
        setattr(module, name, replacement)


def import_everything() -> None:
    import poller

    # Alembic runs its steps itself
    for module in pkgutil.walk_packages(poller.__path__, "poller."):
        if not module.name.endswith("__main__") and not module.name.startswith("poller.central.store.migrations."):
            sys.stdout.write(f"{importlib.import_module(module.name).__name__}\n")


if __name__ == "__main__":
    take_away()
    if sys.argv[1:] == ["--import"]:
        import_everything()
    else:
        from poller.cli.app import main

        sys.exit(main(sys.argv[1:]))
