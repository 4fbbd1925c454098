"""Each way to go wrong, as datagrams."""

from __future__ import annotations

import pytest

from poller.errors import DecodeError
from poller.simulator import misbehaviour
from poller.simulator.agent import answer, view
from poller.simulator.misbehaviour import Misbehaviour, Outgoing
from poller.snmp.message import ErrorStatus, decode, encode_get, encode_next
from poller.snmp.oid import parse as oid
from tests.fake_clock import FakeClock

AT, AFTER = oid("1.3.6.1.2.1.1.1.0"), oid("1.3.6.1.2.1.1.5.0")
SHOWN = view([(AT, (4, b"Laser")), (AFTER, (4, b"name"))])
GET = encode_get([AT, AFTER], version="2c", community="public").with_request_id(0x01020304)
GET_V1 = encode_get([AT, AFTER], version="1", community="public").with_request_id(0x01020304)
NEXT = encode_next(AT, rows=1, version="2c", community="public").with_request_id(0x01020304)
BULK = encode_next(AT, rows=3, version="2c", community="public").with_request_id(0x01020304)


def sent(how: Misbehaviour, question: bytes) -> list[Outgoing]:
    return list(how(question, answer(question, SHOWN)))


@pytest.mark.parametrize("question, times", [(NEXT, 1), (BULK, 3)])
def test_a_loop_returns_the_oid_that_was_asked(question: bytes, times: int) -> None:
    [outgoing] = sent(misbehaviour.loop, question)
    assert [varbind.oid for varbind in decode(outgoing.payload).varbinds] == [AT] * times
    assert sent(misbehaviour.loop, GET) == [Outgoing(answer(GET, SHOWN) or b"")]


@pytest.mark.parametrize(
    "how", [misbehaviour.lie_about_length, misbehaviour.truncate, misbehaviour.send_garbage, misbehaviour.send_nothing_in_a_datagram]
)
def test_what_is_garbled_does_not_decode(how: Misbehaviour) -> None:
    [outgoing] = sent(how, GET)
    with pytest.raises(DecodeError):
        decode(outgoing.payload)


def test_another_request_id_is_the_only_thing_wrong() -> None:
    [outgoing] = sent(misbehaviour.answer_with_other_request_id, GET)
    wrong, right = decode(outgoing.payload), decode(answer(GET, SHOWN) or b"")
    assert wrong.request_id != right.request_id
    assert wrong._replace(request_id=0) == right._replace(request_id=0)


def test_a_device_may_ignore_v2c_or_everything() -> None:
    assert sent(misbehaviour.ignore_version_2c, GET) == []
    assert len(sent(misbehaviour.ignore_version_2c, GET_V1)) == 1
    assert sent(misbehaviour.stay_silent, GET_V1) == []


def test_getbulk_alone_fails_with_gen_err() -> None:
    [failed], [fine] = sent(misbehaviour.fail_bulk, BULK), sent(misbehaviour.fail_bulk, NEXT)
    assert decode(failed.payload).error_status == ErrorStatus.GEN_ERR
    assert decode(fine.payload).error_status == ErrorStatus.NO_ERROR


def test_a_table_without_end_has_always_one_row_more() -> None:
    row, behind = oid("1.3.6.1.2.1.43.11.1.1.9.1.4"), oid("1.3.6.1.2.1.43.11.1.1.9.1.5")
    question = encode_next(row, rows=1, version="2c", community="public").with_request_id(0x01020304)
    [outgoing] = sent(misbehaviour.never_end, question)
    assert [varbind.oid for varbind in decode(outgoing.payload).varbinds] == [behind]
    assert sent(misbehaviour.never_end, NEXT) == [Outgoing(answer(NEXT, SHOWN) or b"")]


def test_rows_may_be_said_twice() -> None:
    [outgoing] = sent(misbehaviour.say_rows_twice, BULK)
    assert [varbind.oid for varbind in decode(outgoing.payload).varbinds] == [AFTER, AFTER]


def test_one_asleep_answers_when_it_is_awake(clock: FakeClock) -> None:
    how = misbehaviour.wake_slowly(20.0, after_idle_seconds=3600, monotonic=clock.monotonic)
    delays = []
    for wait_seconds in (0, 15, 10, 3000, 4000):
        clock.advance(wait_seconds)
        delays.append(sent(how, GET)[0].after_seconds)
    assert delays == [20, 5, 0, 0, 20]


def test_one_that_is_hurried_starts_anew(clock: FakeClock) -> None:
    how = misbehaviour.reboot_when_hurried(0.05, boot_seconds=60, monotonic=clock.monotonic)
    answers = []
    for wait_seconds in (0, 0.06, 0.01, 0.06, 60, 0.06):
        clock.advance(wait_seconds)
        answers.append(len(sent(how, GET)))
    assert answers == [1, 1, 0, 0, 1, 1]


@pytest.mark.parametrize("varbinds, status", [(1, ErrorStatus.TOO_BIG), (2, ErrorStatus.NO_ERROR)])
def test_too_big_begins_above_so_many_varbinds(varbinds: int, status: int) -> None:
    [outgoing] = sent(misbehaviour.too_big_above(varbinds), GET)
    assert decode(outgoing.payload).error_status == status


@pytest.mark.parametrize(
    "how",
    [
        misbehaviour.loop,
        misbehaviour.lie_about_length,
        misbehaviour.truncate,
        misbehaviour.flood,
        misbehaviour.answer_with_other_request_id,
        misbehaviour.answer_from_other_port,
        misbehaviour.answer_from("127.0.0.9"),
        misbehaviour.answer_late(1.0),
        misbehaviour.never_end,
        misbehaviour.say_rows_twice,
        misbehaviour.wake_slowly(20.0, after_idle_seconds=1.0, monotonic=lambda: 0.0),
        misbehaviour.reboot_when_hurried(1.0, boot_seconds=1.0, monotonic=lambda: 0.0),
        misbehaviour.ignore_version_2c,
        misbehaviour.fail_bulk,
        misbehaviour.too_big_above(1),
    ],
)
def test_where_a_good_device_is_silent_so_is_a_bad_one(how: Misbehaviour) -> None:
    assert list(how(b"garbage", None)) == []
