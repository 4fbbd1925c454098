"""The recordings the simulator serves: those that come with the package, and files of the operator's.

Remarks at the head of a file tell what rows cannot; recordings/README.md lists them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from poller.errors import ConfigError
from poller.snmp import ber, snmprec
from poller.snmp.message import Value
from poller.snmp.oid import Oid
from poller.snmp.oid import parse as oid
from poller.snmp.snmprec import Row

_SUFFIX = ".snmprec"
_VERSIONS = ("1", "2c")
_SERIAL_NUMBER = oid("1.3.6.1.2.1.43.5.1.1.17")  # prtGeneralSerialNumber
_FILE_OCTETS_MAX = 64 * 2**20


@dataclass(frozen=True)
class Recording:
    """One device as recorded.

    `grows` are counters beyond prtMarkerLifeCount with what each gains per page; `serial` is empty where unknown.
    """

    name: str
    rows: tuple[Row, ...]
    versions: tuple[str, ...] = _VERSIONS
    is_printer: bool = True
    serial: bytes = b""
    grows: tuple[tuple[Oid, float], ...] = ()

    @cached_property
    def values(self) -> Mapping[Oid, Value]:
        """The rows by OID; every device that serves this recording reads the same ones."""
        return dict(self.rows)


def names() -> list[str]:
    """Return the names of the recordings that come with the package."""
    return sorted(entry.name.removesuffix(_SUFFIX) for entry in _folder().iterdir() if entry.name.endswith(_SUFFIX))


def load(name_or_path: str | Path) -> Recording:
    """Return a recording by its name, or from a file. Raises ConfigError, naming file, line and fault."""
    text_name = str(name_or_path)
    if text_name in names():
        return read(text_name, (_folder() / (text_name + _SUFFIX)).read_text(encoding="utf-8"))
    path = Path(name_or_path)
    try:
        if path.stat().st_size > _FILE_OCTETS_MAX:
            raise ConfigError([f"{path}: larger than the {_FILE_OCTETS_MAX // 2**20} MiB that are read"])
        return read(path.name.removesuffix(_SUFFIX), path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        near = get_close_matches(text_name, names(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(names())}"
        raise ConfigError([f"{text_name}: neither a recording of this name nor a file{hint}"]) from error
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8; octets that are not text belong in hex, as tag 4x"]) from error


def read(name: str, text: str) -> Recording:
    """Return the recording in *text*. Raises ConfigError."""
    try:
        rows = tuple(snmprec.parse(text))
        recording = Recording(name, rows, serial=_recorded_serial(rows))
        for number, line in enumerate(text.split("\n"), start=1):
            if line.startswith("#"):
                recording = _heed(recording, line[1:].strip(), number)
    except ValueError as fault:
        raise ConfigError([f"{name}: {fault}"]) from fault
    if not rows:
        raise ConfigError([f"{name}: no rows"])
    return recording


def _folder() -> Traversable:
    return resources.files("poller.simulator") / "recordings"


def _recorded_serial(rows: Iterable[Row]) -> bytes:
    serials = (content for at, (tag, content) in rows if at.startswith(_SERIAL_NUMBER) and tag == ber.OCTET_STRING)
    return next(serials, b"").strip()


def _heed(recording: Recording, remark: str, number: int) -> Recording:
    """Return *recording* with what *remark* says of it; most remarks are for people."""
    word, colon, text = remark.partition(":")
    text = text.strip()
    if remark == "not a printer":
        return replace(recording, is_printer=False)
    if not colon or word not in ("versions", "serial", "grows"):
        return recording
    if word == "versions":
        versions = tuple(part.strip() for part in text.split(","))
        if not set(versions) <= set(_VERSIONS):
            raise ValueError(f"line {number}: versions are 1 and 2c, not {text!r}")
        return replace(recording, versions=versions)
    if word == "serial":
        return replace(recording, serial=text.encode())
    counter, share = _read_growth(text, number)
    return replace(recording, grows=(*recording.grows, (counter, share)))


def _read_growth(text: str, number: int) -> tuple[Oid, float]:
    try:
        counter, share = text.split()
        growth = oid(counter), float(share)
    except ValueError as fault:
        raise ValueError(f"line {number}: want 'grows: OID SHARE', got {text!r}") from fault
    if not 0 <= growth[1] <= 100:
        raise ValueError(f"line {number}: a share of {growth[1]} per page")
    return growth
