"""What only POSIX has is called in one file, and the program runs without it."""

from __future__ import annotations

import ast
import asyncio
import os
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from poller import system
from tests.test_imports import ROOT, matches_any, modules
from tests.whole.without_posix import METHODS, MODULES, OS_NAMES, SIGNALS, SOCKET_NAMES

LOOP_METHODS = "add_signal_handler remove_signal_handler create_unix_server create_unix_connection".split()
PLACES = ("/proc", "/dev/", "/sys/", "/etc/", "/run/")

# By the last part of their name, whatever they are taken from: in this program nobody else has attributes called so.
MISSING_ON_WINDOWS = {*OS_NAMES, *SIGNALS, *SOCKET_NAMES, *METHODS, *LOOP_METHODS, "waitpid", "getrusage", "pthread_sigmask", "setitimer"}

EXEMPT = {
    "system": "is the place",
    "simulator.server": "answers for a whole network by recvmsg and IP_PKTINFO, and refuses with a HostError where there is neither",
    "snmp.traps": "learns by recvmsg what the kernel had no room for, on Linux alone, and receives without elsewhere",
    "bench.processes": "reads memory and CPU of processes in /proc, and says not measured where there is none",
}


def breaches(path: Path) -> Iterator[str]:
    """Yield every use in a file of what Windows lacks, as `line: name`."""
    tree = ast.parse(path.read_bytes(), str(path))
    prose = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, _WITH_DOCSTRING) and ast.get_docstring(node)}  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.partition(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module and node.module.partition(".")[0] in MODULES else []
            names += [alias.name for alias in node.names if alias.name in MISSING_ON_WINDOWS]
        elif isinstance(node, ast.Attribute) and node.attr in MISSING_ON_WINDOWS:
            names = [node.attr]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            names = [node.value] if node.value.startswith(PLACES) or node.value in MISSING_ON_WINDOWS else []
        yield from (f"{getattr(node, 'lineno', 0)}: {name}" for name in names)


_WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def test_what_only_posix_has_is_called_in_one_file() -> None:
    known = modules(ROOT / "poller")
    assert matches_any("system", list(known))
    found = {name: list(breaches(path)) for name, path in known.items() if name not in EXEMPT}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_every_exemption_is_still_needed() -> None:
    known = modules(ROOT / "poller")
    assert [name for name in EXEMPT if not list(breaches(known[name]))] == []


@pytest.mark.parametrize(
    "source, found",
    [
        ("import os\nos.fchmod(1, 0o600)", ["2: fchmod"]),
        ("from os import O_NONBLOCK", ["1: O_NONBLOCK"]),
        ("def f():\n    import fcntl", ["2: fcntl"]),
        ("import resource as usage", ["1: resource"]),
        ("from pwd import getpwnam", ["1: pwd"]),
        ("loop.add_signal_handler(15, stop)", ["1: add_signal_handler"]),
        ("signal.signal(signal.SIGHUP, f)", ["1: SIGHUP"]),
        ("getattr(signal, 'SIGHUP')", ["1: SIGHUP"]),
        ("open('/proc/self/status')", ["1: /proc/self/status"]),
        ("sock.recvmsg(1)", ["1: recvmsg"]),
        ("import uvloop", ["1: uvloop"]),
        ('"""/proc is Linux\'."""\nimport signal\nsignal.signal(signal.SIGTERM, f)', []),
        ("from poller.system import on_signals", []),
    ],
)
def test_a_breach_is_found_and_nothing_else(tmp_path: Path, source: str, found: list[str]) -> None:
    path = tmp_path / "module.py"
    path.write_text(source)
    assert list(breaches(path)) == found


# --- signals ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def signals() -> Iterator[None]:
    """Every handler and the wake-up descriptor as they were."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    wakeup = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup)
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
    signal.set_wakeup_fd(wakeup)
    while system._waking:
        system._waking.pop().close()


@pytest.mark.both_loops
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_sigterm_and_ctrl_c_stop_and_a_hangup_reloads(number: signal.Signals, signals: None) -> None:
    stop, reload = asyncio.Event(), asyncio.Event()
    system.on_signals(stop.set, reload.set)
    signal.raise_signal(signal.SIGHUP)
    await reload.wait()
    assert not stop.is_set()
    signal.raise_signal(number)
    await stop.wait()
    for handled in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().remove_signal_handler(handled)


async def test_signals_arrive_where_the_loop_has_no_handlers_for_them(signals: None, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(type(loop), "add_signal_handler", asyncio.AbstractEventLoop.add_signal_handler)
    stop, reload = asyncio.Event(), asyncio.Event()
    system.on_signals(stop.set, reload.set)
    os.kill(os.getpid(), signal.SIGHUP)
    await reload.wait()
    assert not stop.is_set()
    os.kill(os.getpid(), signal.SIGTERM)
    await stop.wait()
    loop.remove_reader(system._waking[0])


# --- files -----------------------------------------------------------------------------------------------------------------


def test_a_private_file_is_its_users_alone_and_never_behind_a_link(tmp_path: Path) -> None:
    os.close(system.open_private(tmp_path / "key", os.O_RDWR | os.O_CREAT))
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    (tmp_path / "link").symlink_to("key")
    with pytest.raises(OSError, match="symbolic"):
        system.open_private(tmp_path / "link", os.O_RDWR)


def test_a_fifo_is_opened_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.close(system.open_without_waiting(str(tmp_path / "pipe"), os.O_RDONLY))


@pytest.mark.parametrize(
    "judge, mode, answer",
    [
        (system.may_everyone_read, 0o604, True),
        (system.may_everyone_read, 0o640, False),
        (system.may_others_read, 0o640, True),
        (system.may_others_read, 0o600, False),
        (system.may_others_read, 0o100601, True),
    ],
)
def test_who_may_read_a_file_is_told_by_its_mode(
    judge: Callable[[int], bool], mode: int, answer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert judge(mode) is answer
    monkeypatch.setattr(system, "_HAS_MODES", False)
    assert judge(mode) is False, "where modes say nothing, nobody is accused"
