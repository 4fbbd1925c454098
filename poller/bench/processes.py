"""What a process takes, as Linux' kernel counts it in /proc; where there is no /proc, such a row is not measured."""

from __future__ import annotations

import os
import re
from pathlib import Path

from poller.bench.children import NotMeasuredError

_PROC = Path("/proc")


def check() -> None:
    """Raises NotMeasuredError where memory and CPU of a process cannot be read."""
    if not (_PROC / "self" / "status").exists():
        raise NotMeasuredError("what a process takes is read from /proc, which this system has not")


def peak_megabytes(pid: int | None = None) -> float:
    """Return the peak of a process' resident memory (VmHWM), this one's unless told. Raises NotMeasuredError."""
    return _megabytes("VmHWM", pid)


def resident_megabytes() -> float:
    """Return what of this process is in memory now (VmRSS). Raises NotMeasuredError."""
    return _megabytes("VmRSS", None)


def cpu_seconds(pid: int) -> float:
    """Return what a process and its children have used: those that have ended, and those there are."""
    ticks = 0
    for path in _PROC.glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if path.parent.name == str(pid):
            ticks += sum(map(int, fields[11:15]))
        elif fields[1] == str(pid):
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _megabytes(name: str, pid: int | None) -> float:
    status = (_PROC / ("self" if pid is None else str(pid)) / "status").read_text("utf-8")
    found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise NotMeasuredError(f"this kernel does not tell {name}")
    return int(found[1]) * 1024 / 1e6
