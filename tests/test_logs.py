"""Log lines as facts: what is in them, and what can never be."""

from __future__ import annotations

import io
import json
import logging
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.logs import DEBUG, ERROR, INFO, Format, as_dict, emit, printable, setup
from poller.model import Credential, Secret

log = logging.getLogger("poller.test")

Lines = Callable[..., io.StringIO]


@contextmanager
def logging_restored() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("poller")
    handlers, root_level, our_level = list(root.handlers), root.level, ours.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(root_level)
        ours.setLevel(our_level)


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Set logging up on a text to look at; afterwards everything is as it was."""

    def start(level: str = "info", form: Format = "logfmt") -> io.StringIO:
        stream = io.StringIO()
        setup(level, form, stream)
        return stream

    with logging_restored():
        yield start


def test_a_record_is_a_fact_with_fields(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(INFO)
    emit(log, INFO, "poll.done", target="10.1.2.3", duration_seconds=0.041, supplies=5)
    (record,) = caplog.records
    fact = as_dict(record)
    ts = fact.pop("ts")
    assert isinstance(ts, str)
    assert ts.endswith("Z")
    assert fact == {"level": "info", "event": "poll.done", "target": "10.1.2.3", "duration_seconds": 0.041, "supplies": 5}
    assert record.funcName == "test_a_record_is_a_fact_with_fields"


def test_logfmt_and_json_say_the_same(lines: Lines) -> None:
    out = lines()
    emit(
        log,
        INFO,
        "poll.failed",
        target="10.1.2.3",
        error='no "answer"',
        tries=3,
        next_try_seconds=None,
        is_late=True,
        names=["a", "b"],
        empty="",
    )
    assert out.getvalue().partition(" ")[2] == (
        'level=info event=poll.failed target=10.1.2.3 error="no \\"answer\\"" tries=3 next_try_seconds=null is_late=true '
        'names="[\\"a\\",\\"b\\"]" empty=""\n'
    )
    out = lines(form="json")
    emit(log, INFO, "poll.failed", error='no "answer"', next_try_seconds=None, is_late=True, names=["a", "b"])
    fact = json.loads(out.getvalue())
    del fact["ts"]
    assert fact == {
        "level": "info",
        "event": "poll.failed",
        "error": 'no "answer"',
        "next_try_seconds": None,
        "is_late": True,
        "names": ["a", "b"],
    }


def test_lines_below_the_level_are_not_written(lines: Lines) -> None:
    out = lines("warning")
    emit(log, INFO, "poll.done")
    emit(log, ERROR, "poll.failed")
    assert out.getvalue().count("\n") == 1
    out = lines("debug")
    emit(log, DEBUG, "poll.asked")
    assert "event=poll.asked" in out.getvalue()


def test_setting_up_again_replaces_the_first_set_up(lines: Lines) -> None:
    first, second = lines(), lines()
    emit(log, INFO, "agent.started")
    assert (first.getvalue(), second.getvalue().count("agent.started")) == ("", 1)


def test_others_are_quiet_below_a_warning_and_come_in_the_same_form(lines: Lines) -> None:
    out = lines("debug", "json")
    logging.getLogger("aiohttp.access").info("GET /metrics")
    logging.getLogger("asyncio").debug("Using selector")
    logging.getLogger("aiohttp.server").warning("slow %s", "client\n")
    fact = json.loads(out.getvalue())
    assert (fact["event"], fact["logger"], fact["text"]) == ("log.text", "aiohttp.server", "slow client\n")


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_a_secret_is_hidden_wherever_it_stands(lines: Lines, form: Format) -> None:
    out = lines(form=form)
    secret = Secret("geheim")
    emit(
        log,
        INFO,
        "x.y",
        bare=secret,
        listed=[secret],
        deep={"a": {"b": (secret,)}},
        credential=Credential(name="office", version="2c", community=secret),
    )
    assert "geheim" not in out.getvalue()
    assert "<secret>" in out.getvalue()


@pytest.mark.parametrize("form", ["logfmt", "json"])
@given(st.text(alphabet=st.characters(), max_size=50))
def test_no_text_of_the_network_breaks_out_of_its_line(form: Format, text: str) -> None:
    record = logging.makeLogRecord({"levelname": "INFO", "event": "x.y", "fields": {"value": text, "key": {text: [text]}}})
    stream = io.StringIO()
    with logging_restored():
        setup("info", form, stream)
        logging.getLogger().handlers[-1].handle(record)
    line = stream.getvalue()
    assert len(line.splitlines()) == 1
    assert not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in line[:-1])
    if form == "json":
        assert json.loads(line)["value"] == text


@pytest.mark.parametrize(
    "hostile",
    ["\x1b[2J", "a\nlevel=error event=forged", "\x9b31m", "\u202egnp.exe", "\u2028", "\udcff", "\x00", "\r"],
    ids=lambda text: text.encode("unicode_escape").decode(),
)
@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_what_commands_a_terminal_is_escaped(lines: Lines, form: Format, hostile: str) -> None:
    out = lines(form=form)
    emit(log, INFO, "sweep.found", hostname=hostile)
    assert hostile not in out.getvalue()
    assert "\\" in out.getvalue()
    assert hostile not in printable(hostile)


def test_what_is_long_is_cut(lines: Lines) -> None:
    out = lines()
    emit(log, INFO, "x.y", text="x" * 100_000, many=list(range(100_000)), deep=[[[[[[["x" * 100_000]]]]]]])
    assert len(out.getvalue()) < 10_000


def test_what_json_does_not_have_becomes_text(lines: Lines) -> None:
    out = lines(form="json")
    emit(log, INFO, "x.y", ratio=float("nan"), raw=b"\x01\xff", at_utc=datetime(2026, 11, 20, tzinfo=UTC))
    fact = json.loads(out.getvalue())
    assert (fact["ratio"], fact["raw"], fact["at_utc"]) == ("nan", "01ff", "2026-11-20T00:00:00+00:00")


def test_an_exception_is_one_field_of_one_line(lines: Lines) -> None:
    out = lines(form="json")
    try:
        raise ValueError("broken")
    except ValueError as error:
        emit(log, ERROR, "agent.crashed", exc_info=error)
    assert out.getvalue().count("\n") == 1
    assert json.loads(out.getvalue())["exception"].endswith("ValueError: broken")


def test_a_stream_that_is_gone_stops_nobody(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    lines().close()
    emit(log, INFO, "agent.started")
    assert capsys.readouterr().err == ""


def test_a_field_cannot_pose_as_a_part_every_line_has() -> None:
    for name in ("ts", "level", "event"):
        fields: dict[str, Any] = {name: "forged"}
        with pytest.raises(AssertionError):
            emit(log, INFO, "x.y", **fields)
