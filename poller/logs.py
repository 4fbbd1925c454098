"""A log line is a fact with fields: a stable event name, and values beside it, never inside a sentence.

    log = logging.getLogger(__name__)
    emit(log, INFO, "poll.done", target="10.1.2.3", duration_seconds=0.041, supplies=5)

    ts=2026-11-20T06:28:42.120Z level=info event=poll.done target=10.1.2.3 duration_seconds=0.041 supplies=5

Built on the standard library's logging, so what others log (aiohttp, asyncio) comes out in the same form, as event `log.text`, and only
from warnings up. Values may come from the network: they are cut, and characters that would command a terminal or forge a line are
escaped. A `Secret` prints as `<secret>` wherever it stands. A record carries `event` and `fields`; `as_dict` is the whole fact.
"""

from __future__ import annotations

import json
import logging
import math
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Literal, TextIO

DEBUG, INFO, WARNING, ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR

Format = Literal["logfmt", "json"]
Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
"""What JSON has."""

_TEXT_MAX = 2_000
_TRACEBACK_MAX = 20_000
_ITEMS_MAX = 100
_DEPTH_MAX = 4

# C0 and C1 controls, line and paragraph separators, marks that turn the direction of text, half of a surrogate pair.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_BARE = re.compile(r"[^\s\"=\\]+")
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_RESERVED = frozenset({"ts", "level", "event"})


def emit(log: logging.Logger, level: int, event: str, /, *, exc_info: BaseException | None = None, **fields: object) -> None:
    """Log one fact. *event* is `room.what_happened` and never changes; every number among *fields* has its unit in its name."""
    assert not _RESERVED & fields.keys(), f"{event}: a field has the name of a part every line has"
    if log.isEnabledFor(level):
        log.log(level, event, exc_info=exc_info, stacklevel=2, extra={"event": event, "fields": fields})


def setup(level: str = "info", format: Format = "logfmt", stream: TextIO | None = None) -> None:  # noqa: A002 - named like the setting
    """Send every log line to *stream* (standard error unless told) in one format. Called again, it replaces what it set up before."""
    handler = _Lines(sys.stderr if stream is None else stream)
    handler.setFormatter(_JsonFormatter() if format == "json" else _LogfmtFormatter())
    root = logging.getLogger()
    for earlier in [earlier for earlier in root.handlers if isinstance(earlier, _Lines)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)  # others: no line per scrape (aiohttp.access), none per slow callback
    logging.getLogger("poller").setLevel(level.upper())


def as_dict(record: logging.LogRecord) -> dict[str, Plain]:
    """Return a record as one flat fact: `ts`, `level`, `event`, then its fields. Texts are cut but not escaped."""
    fact: dict[str, Plain] = {
        "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
    }
    event = getattr(record, "event", None)
    if isinstance(event, str):
        fields: Mapping[str, object] = getattr(record, "fields", {})
        fact |= {"event": event} | {name: _plain(value) for name, value in fields.items()}
    else:
        fact |= {"event": "log.text", "logger": record.name, "text": _cut(record.getMessage())}
    if record.exc_info and record.exc_info[0] is not None:
        fact["exception"] = _cut(logging.Formatter().formatException(record.exc_info), _TRACEBACK_MAX)
    return fact


def printable(text: str) -> str:
    """Return *text* on one line, with nothing in it that could command a terminal. For what is shown to people."""
    return _UNSAFE.sub(_escape, text)


class _Lines(logging.StreamHandler[TextIO]):
    """Writes lines. A stream that is gone (a closed pipe, a full disk) neither stops the agent nor prints a traceback into it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        pass


class _LogfmtFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{key}={_logfmt(value)}" for key, value in as_dict(record).items())


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # What json leaves as it is can only stand inside a string, where \u is an escape too.
        return _UNSAFE.sub(_escape, _json(as_dict(record)))


def _plain(value: object, depth: int = 0) -> Plain:
    """Return *value* as JSON has it. What is no JSON, a `Secret` first of all, is shown by its own `str`."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case str():
            return _cut(value)
        case bytes():
            return _cut(value.hex())
        case datetime():
            return value.isoformat()
        case Mapping() if depth < _DEPTH_MAX:
            return {_cut(str(key)): _plain(item, depth + 1) for key, item in islice(value.items(), _ITEMS_MAX)}
        case list() | tuple() | set() | frozenset() if depth < _DEPTH_MAX:
            return [_plain(item, depth + 1) for item in islice(value, _ITEMS_MAX)]
        case _:
            return _cut(str(value))


def _logfmt(value: Plain) -> str:
    text = value if isinstance(value, str) else _json(value)
    if _BARE.fullmatch(text) and not _UNSAFE.search(text):
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_UNSAFE.sub(_escape, quoted)}"'


def _json(value: Plain) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _cut(text: str, length_max: int = _TEXT_MAX) -> str:
    return text if len(text) <= length_max else text[:length_max] + "…"


def _escape(match: re.Match[str]) -> str:
    return _SHORT_ESCAPES.get(match[0]) or f"\\u{ord(match[0]):04x}"
