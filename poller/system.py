"""What differs between operating systems, in one place: nothing else here calls what only POSIX has.

Where a system lacks something, a function says so or does the nearest thing, and the rest of the program need not know: signals without
the event loop's help, plain asyncio without uvloop, files whose mode says nothing about who may read them. Linux is where all of it is
tested; Windows is what the other branches are for, and those are tested on Linux with the POSIX parts taken away.

asyncio and ctypes are imported where they are used: reading the configuration, which comes here too, needs neither.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

_STOP = ("SIGTERM", "SIGINT", "SIGBREAK")  # the last one is Windows': Ctrl-Break, and what its service managers send
_RELOAD = ("SIGHUP",)
_NO_WAITING = getattr(os, "O_NONBLOCK", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = getattr(os, "O_DIRECTORY", None)
_HAS_MODES = hasattr(os, "geteuid")

PROC_NET = Path("/proc/net")
"""Where Linux shows its routes; elsewhere there is no such folder, and whoever reads it finds nothing."""

_LONG_OCTETS, _TIMEX_STATUS, _TIMEX_OCTETS = 8, 40, 256  # struct timex where a long has 8 octets: where its status is; it has 208 octets
_STA_UNSYNC = 0x0040  # linux/timex.h

_waking: list[socket.socket] = []  # kept open as long as signals may come, which is to the end


# --- the event loop and its signals ----------------------------------------------------------------------------------------


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the event loop the agent runs on here: uvloop's where there is one, or None for the one Python has.

    Windows' own default (the proactor) cannot watch a socket for us (`add_reader`); the selector loop can.
    """
    import asyncio

    try:
        import uvloop
    except ImportError:  # no wheel for this platform
        return asyncio.SelectorEventLoop if sys.platform == "win32" else None
    return uvloop.new_event_loop


def on_signals(stop: Callable[[], object], reload: Callable[[], object] | None = None) -> None:
    """Call *stop* in the running loop on SIGTERM, Ctrl-C or Ctrl-Break, *reload* on SIGHUP where there is such a signal.

    Without *reload*, SIGHUP does what the system has it do. For the main thread, until its loop closes.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    wanted = [(_STOP, stop)] if reload is None else [(_STOP, stop), (_RELOAD, reload)]
    numbers = [(getattr(signal, name), act) for names, act in wanted for name in names if hasattr(signal, name)]
    try:
        for number, act in numbers:
            loop.add_signal_handler(number, act)
    except RuntimeError:  # its kind for what this loop has not
        _wake_on_signals(loop)
        for number, act in numbers:
            signal.signal(number, lambda *_, act=act: loop.call_soon_threadsafe(act))


def _wake_on_signals(loop: asyncio.AbstractEventLoop) -> None:
    """Let any signal end the loop's wait for sockets: Python runs a handler only once it is back from there."""
    if not _waking:
        _waking.extend(socket.socketpair())
        for end in _waking:
            end.setblocking(False)  # noqa: FBT003  the only way to say it
        signal.set_wakeup_fd(_waking[1].fileno(), warn_on_full_buffer=False)
    loop.add_reader(_waking[0], _waking[0].recv, 4096)


# --- files -----------------------------------------------------------------------------------------------------------------


def open_without_waiting(name: str, flags: int) -> int:
    """An `opener`: where *name* is a FIFO, opening it does not wait for its writer."""
    return os.open(name, flags | _NO_WAITING)


def open_private(name: str | Path, flags: int) -> int:
    """An `opener`: a file it makes is its user's alone (0600), and none is opened through a symbolic link nor waited for."""
    return os.open(name, flags | _NO_LINK | _NO_WAITING, 0o600)


def sync_folder(folder: Path) -> None:
    """Make a new name in *folder* outlast a power cut. Windows has no such call, and keeps names in its journal by itself."""
    if _FOLDER is None:
        return
    descriptor = os.open(folder, os.O_RDONLY | _FOLDER)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def may_everyone_read(mode: int) -> bool:
    """Whether a file of this `st_mode` is open to every user of the host. Windows' modes do not tell; its folders decide."""
    return _HAS_MODES and bool(mode & stat.S_IROTH)


def may_others_read(mode: int) -> bool:
    """Whether a file of this `st_mode` is open in any way to others than its user. Windows' modes do not tell; its folders decide."""
    return _HAS_MODES and bool(mode & (stat.S_IRWXG | stat.S_IRWXO))


def user_id() -> int | None:
    """Return the number of the user this runs as; None where users have none."""
    return os.getuid() if hasattr(os, "getuid") else None


def user_name() -> str:
    """Return how an operator knows the user this runs as: `poller`, or by its number where it has no name."""
    number = user_id()
    if number is None:
        return os.environ.get("USERNAME", "this user")
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # as in a container that was told to run as any number
        return str(number)


def give_to(folder: Path, user: str) -> None:
    """Make *user* and the group of that name the owners of *folder*; only root may, and only where there are owners."""
    shutil.chown(folder, user, user)


# --- datagrams -------------------------------------------------------------------------------------------------------------


def find_sendmmsg() -> Any:
    """Return sendmmsg(2) of this system's C library, to be called as it is there; None where it has none."""
    import ctypes

    try:
        sendmmsg = ctypes.CDLL(None, use_errno=True).sendmmsg
    except (OSError, AttributeError, TypeError):
        return None
    sendmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
    sendmmsg.restype = ctypes.c_int
    return sendmmsg


# --- the clock -------------------------------------------------------------------------------------------------------------


def up_seconds() -> float:
    """Return for how long this host runs, time asleep included; 0 where the system does not tell."""
    import time

    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else 0.0


def is_clock_synchronised() -> bool | None:
    """Say whether NTP, PTP or the like keeps this host's clock; None where the system does not tell. Reading it needs no right on Linux."""
    import ctypes
    import struct

    if sys.platform != "linux" or struct.calcsize("l") != _LONG_OCTETS:
        return None
    timex = ctypes.create_string_buffer(_TIMEX_OCTETS)
    try:
        is_refused = ctypes.CDLL(None).adjtimex(timex) < 0  # with no modes set, adjtimex(2) only reads
    except (OSError, AttributeError, TypeError):
        return None
    return None if is_refused else not struct.unpack_from("i", timex, _TIMEX_STATUS)[0] & _STA_UNSYNC
