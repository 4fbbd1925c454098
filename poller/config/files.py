"""Files a configuration names: the TOML itself, lists of targets, secrets.

Every way a file can fail becomes one sentence that names the file and never its content. Nothing waits: a FIFO or device is refused.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from poller import system
from poller.config.kinds import SecretText
from poller.model import Secret

TOML_BYTES_MAX = 4 << 20
TARGETS_BYTES_MAX = 16 << 20
_SECRET_BYTES_MAX = 4096


def read_text(path: Path, *, bytes_max: int) -> str:
    """Return the text of a regular UTF-8 file, or raise ValueError("path: what is wrong with it")."""
    text, _ = read_text_and_mode(path, bytes_max=bytes_max)
    return text


def read_secret(path: Path, kind: SecretText = SecretText()) -> tuple[Secret, bool]:  # noqa: B008  frozen
    """Return the secret a file holds, without the newline at its end, and whether everyone on this host may read it.

    Raises ValueError("path: what is wrong with it").
    """
    text, mode = read_text_and_mode(path, bytes_max=_SECRET_BYTES_MAX)
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip():
        raise ValueError(f"{path}: empty")
    try:
        secret = kind.from_text(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None  # no cause: keep every trace of the text out of reach
    return secret, system.may_everyone_read(mode)


def read_text_and_mode(path: Path, *, bytes_max: int) -> tuple[str, int]:
    """Return the text of a regular UTF-8 file and its `st_mode`, or raise ValueError("path: what is wrong with it")."""
    try:
        with open(path, "rb", opener=system.open_without_waiting) as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise ValueError(f"{path}: not a regular file")
            content = file.read(bytes_max + 1)
    except OSError as error:
        reason = {"FileNotFoundError": "no such file", "PermissionError": "no permission to read it"}.get(type(error).__name__)
        raise ValueError(f"{path}: {reason or error.strerror or type(error).__name__}") from error
    if len(content) > bytes_max:
        raise ValueError(f"{path}: larger than {bytes_max} bytes")
    try:
        return content.decode("utf-8-sig"), mode
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}:{line}: not UTF-8 text") from None
