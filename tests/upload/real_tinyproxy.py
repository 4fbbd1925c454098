"""A real tinyproxy on loopback, with a user and a password or for everyone."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TRIES = 3
_START_SECONDS = 10.0

USER, PASSWORD = "poller", "invented-4711"


@contextmanager
def tinyproxy(program: str, folder: Path, *, has_password: bool = True) -> Iterator[str]:
    """Yield its `host:port`. It writes its log to folder/proxy.log."""
    for attempt in range(_TRIES):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = folder / "tinyproxy.conf"
        lines = [f"Port {port}", "Listen 127.0.0.1", "Timeout 60", "Allow 127.0.0.1", f'LogFile "{folder}/proxy.log"', "LogLevel Connect"]
        lines += [f"BasicAuth {USER} {PASSWORD}"] if has_password else []
        settings.write_text("\n".join(lines) + "\n")
        process = subprocess.Popen([program, "-d", "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            if _listens(port, process):
                yield f"127.0.0.1:{port}"
                return
        finally:
            process.terminate()
            process.wait(10)
        assert attempt < _TRIES - 1, "tinyproxy does not listen"


def _listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return True
    return False
