"""Messages sealed and opened on paper: what is accepted, what is refused, and that any bytes give one or the other."""

from __future__ import annotations

import random

import pytest

from poller.errors import AccessError, DecodeError, Refusal
from poller.model import Secret, User
from poller.snmp import v3
from poller.snmp.message import Heads, decode, decode_values, encode_get, encode_next, read_frame
from poller.snmp.oid import parse
from poller.snmp.usm import Engine
from tests.snmp.datagrams import integer, tlv, varbind
from tests.snmp.v3_agent import (
    AUTH,
    DECRYPTION,
    DIGEST,
    ENGINE,
    GUEST,
    LEVELS,
    MONITOR,
    PRIV,
    REPORT,
    RESPONSE,
    SIGNER,
    TIME,
    USER,
    V3Agent,
    keys_of,
)

NAME = parse("1.3.6.1.2.1.1.5.0")
NUMBER = 0x1122_3344
NAMED = varbind("1.3.6.1.2.1.1.5.0", tlv(4, b"prn-1"))
OLD = User(name="old", auth="md5", auth_password=Secret("auth-invented"), priv="des", priv_password=Secret("priv-invented"))
LONG = User(name="long", auth="sha512", auth_password=Secret("auth-invented"), priv="aes256", priv_password=Secret("priv-invented"))
USERS = (MONITOR, SIGNER, GUEST, OLD, LONG)
LEVEL = {MONITOR.name: AUTH | PRIV, SIGNER.name: AUTH, GUEST.name: 0, OLD.name: AUTH | PRIV, LONG.name: AUTH | PRIV}


def session_of(agent: V3Agent, user: User = MONITOR, *, context: str = "") -> v3.Session:
    engine = Engine(agent.engine_id, agent.boots, agent.seconds, 0.0)
    return v3.Session(user.name, engine, keys_of(user, agent.engine_id), auth=user.auth, priv=user.priv, context=context)


def request_of(session: v3.Session, *, now_at: float = 0.0) -> tuple[v3.SealedRequest, bytes]:
    request = v3.SealedRequest(encode_get([NAME], version="3", community=""), session, now=lambda: now_at, salt=5)
    return request, request.with_request_id(NUMBER)


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
def test_a_question_is_understood_and_its_answer_opened(user: User) -> None:
    agent = V3Agent(users=USERS)
    session = session_of(agent, user)
    request, datagram = request_of(session)
    opened = request.open(agent.respond(datagram))
    assert agent.received == [(LEVEL[user.name] | 4, "")]
    assert not isinstance(opened, Refusal)
    assert decode_values(*opened, Heads((NAME,))) == ((4, b"prn-1"),)
    assert session.is_proven
    assert session.engine.is_authentic is bool(user.auth)


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
def test_a_datagram_shows_no_passphrase_and_an_encrypted_one_not_what_is_asked(user: User) -> None:
    _, datagram = request_of(session_of(V3Agent(), user))
    assert b"invented" not in datagram.replace(V3Agent().engine_id, b"")
    assert (bytes(NAME) in datagram) is (user.priv is None)


def test_a_context_is_named_in_the_message() -> None:
    agent = V3Agent()
    request = request_of(session_of(agent, GUEST, context="Jetdirect"))[1]
    assert tlv(4, agent.engine_id) + tlv(4, b"Jetdirect") + b"\xa0" in request


def test_a_getbulk_is_a_getbulk_inside() -> None:
    pdu = encode_next(NAME, rows=24, version="3", community="")
    request = v3.SealedRequest(pdu, session_of(V3Agent(), GUEST), now=lambda: 0.0, salt=5)
    _, bulk, behind = request.with_request_id(NUMBER).partition(b"\xa5")
    assert bulk
    assert behind[1:].startswith(b"\x02\x04\x11\x22\x33\x44\x02\x01\x00\x02\x01\x18")


def test_two_questions_never_share_a_salt() -> None:
    session = session_of(V3Agent())
    pdu = encode_get([NAME], version="3", community="")
    one, two = (v3.SealedRequest(pdu, session, now=lambda: 0.0, salt=salt).with_request_id(NUMBER) for salt in (1, 2))
    assert v3.read_message(one).priv_parameters != v3.read_message(two).priv_parameters


@pytest.mark.parametrize(
    "oid,refusal",
    [
        (LEVELS, Refusal.UNSUPPORTED_LEVEL),
        (TIME, Refusal.NOT_IN_TIME),
        (USER, Refusal.UNKNOWN_USER),
        (ENGINE, Refusal.UNKNOWN_ENGINE),
        (DIGEST, Refusal.WRONG_DIGEST),
        (DECRYPTION, Refusal.DECRYPTION_ERROR),
        ("1.3.6.1.6.3.12.1.5.0", Refusal.UNKNOWN_CONTEXT),
        ("1.3.6.1.6.3.11.2.1.3.0", Refusal.OTHER_REPORT),
    ],
)
def test_reports_are_told_apart(oid: str, refusal: Refusal) -> None:
    agent = V3Agent()
    request, _ = request_of(session_of(agent))
    assert request.open(agent.seal(NUMBER, REPORT, varbind(oid, integer(1, 0x41)), GUEST, 0, request_id=0)) is refusal
    assert request.open(agent.seal(NUMBER, REPORT, varbind(oid, integer(1, 0x41)), MONITOR, AUTH, request_id=0)) is refusal


def test_a_report_of_nothing_is_a_report_all_the_same() -> None:
    agent = V3Agent()
    request, _ = request_of(session_of(agent))
    assert request.open(agent.seal(NUMBER, REPORT, b"", GUEST, 0)) is Refusal.OTHER_REPORT


def test_the_engines_time_of_a_report_is_taken_when_it_is_proven_and_before_anything_was() -> None:
    agent = V3Agent(boots=7, seconds=70)
    session = session_of(V3Agent(boots=0, seconds=0))
    request, _ = request_of(session)
    late = varbind(TIME, integer(1, 0x41))
    request.open(agent.seal(NUMBER, REPORT, late, GUEST, 0))
    assert session.engine.clock(0.0) == (7, 70)
    assert not session.engine.is_authentic
    agent.boots = 8
    request.open(agent.seal(NUMBER, REPORT, late, MONITOR, AUTH))
    assert session.engine.clock(0.0) == (8, 70)
    agent.boots = 2**31 - 2
    request.open(agent.seal(NUMBER, REPORT, late, GUEST, 0))  # anybody could have sent this
    assert session.engine.clock(0.0) == (8, 70)


# --- what is no answer ---


def test_an_answer_at_a_lower_level_than_was_asked_proves_nothing() -> None:
    agent = V3Agent()
    for user, level in ((MONITOR, AUTH), (MONITOR, 0), (SIGNER, 0)):
        request, _ = request_of(session_of(agent, user))
        with pytest.raises(AccessError) as raised:
            request.open(agent.seal(NUMBER, RESPONSE, NAMED, user, level))
        assert raised.value.refusal is Refusal.NOT_PROVEN


def test_an_answer_of_another_user_engine_or_key_proves_nothing() -> None:
    agent = V3Agent()
    session = session_of(agent)
    request, _ = request_of(session)
    twin = User(name=MONITOR.name, auth="sha256", auth_password=Secret("another one"), priv="aes128", priv_password=Secret("priv-invented"))
    for answer in (
        agent.seal(NUMBER, RESPONSE, NAMED, LONG, AUTH | PRIV),
        agent.seal(NUMBER, RESPONSE, NAMED, twin, AUTH | PRIV),
        V3Agent(engine_id=b"\x80\0\0\0other").seal(NUMBER, RESPONSE, NAMED, MONITOR, AUTH | PRIV),
    ):
        with pytest.raises(AccessError):
            request.open(answer)
    assert not session.is_proven
    assert not session.engine.is_authentic


def test_an_answer_with_another_number_inside_is_not_ours() -> None:
    agent = V3Agent()
    request, _ = request_of(session_of(agent))
    for message_id, request_id in ((NUMBER, NUMBER + 1), (NUMBER + 1, NUMBER), (NUMBER + 1, NUMBER + 1)):
        with pytest.raises(DecodeError, match="request-id"):
            request.open(agent.seal(message_id, RESPONSE, NAMED, MONITOR, AUTH | PRIV, request_id=request_id))


def test_an_answer_from_before_is_out_of_date() -> None:
    agent = V3Agent()
    session = session_of(agent)
    request, datagram = request_of(session)
    before = agent.respond(datagram)
    agent.boots += 1
    session.engine.hear(agent.boots, 0, 0.0)
    with pytest.raises(AccessError) as raised:
        request.open(before)
    assert raised.value.refusal is Refusal.OUT_OF_DATE


def test_a_request_is_no_answer() -> None:
    agent = V3Agent()
    request, _ = request_of(session_of(agent))
    with pytest.raises(DecodeError, match="response belongs"):
        request.open(agent.seal(NUMBER, 0xA0, NAMED, MONITOR, AUTH | PRIV))


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
@pytest.mark.parametrize("kind", [RESPONSE, REPORT])
def test_an_answer_cut_anywhere_is_no_answer(user: User, kind: int) -> None:
    agent = V3Agent(users=USERS)
    request, _ = request_of(session_of(agent, user))
    whole = agent.seal(NUMBER, kind, NAMED, user, LEVEL[user.name])
    for length in range(len(whole)):
        with pytest.raises(DecodeError):
            request.open(whole[:length])
    assert request.open(whole + b"padding") is not None


@pytest.mark.parametrize("user", [MONITOR, OLD, SIGNER], ids=lambda user: user.name)
def test_a_signed_answer_with_any_bit_flipped_is_refused(user: User) -> None:
    agent = V3Agent(users=USERS)
    whole = agent.seal(NUMBER, RESPONSE, NAMED, user, LEVEL[user.name])
    for bit in range(8 * len(whole)):
        request, _ = request_of(session_of(agent, user))
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises((DecodeError, AccessError)):
            request.open(bytes(flipped))


def test_any_bytes_give_an_answer_a_refusal_or_one_of_two_errors() -> None:
    dice = random.Random(20261120)
    agent = V3Agent(users=USERS)
    wholes = [agent.seal(NUMBER, kind, NAMED, user, LEVEL[user.name]) for user in USERS for kind in (RESPONSE, REPORT)]
    for _ in range(5000):
        user = dice.choice(USERS)
        request, _ = request_of(session_of(agent, user))
        box = bytearray(dice.choice(wholes))
        for _ in range(dice.randint(1, 4)):
            box[dice.randrange(len(box))] = dice.randrange(256)
        try:
            opened = request.open(bytes(box))
            if not isinstance(opened, Refusal):
                decode(*opened)
        except (DecodeError, AccessError):
            pass


def test_signed_garbage_from_the_device_itself_is_a_decode_error() -> None:
    """Whoever has the key may still send nonsense: what decrypts to it, and what is inside."""
    agent = V3Agent()
    for varbinds in (b"\xff" * 40, tlv(0x30, b"\x06\x7f")):
        request, _ = request_of(session_of(agent))
        opened = request.open(agent.seal(NUMBER, RESPONSE, varbinds, MONITOR, AUTH | PRIV))
        assert not isinstance(opened, Refusal)
        assert decode_values(*opened, Heads((NAME,))) is None
        with pytest.raises(DecodeError):
            decode(*opened)


# --- discovery ---


def test_a_discovery_is_unsigned_and_names_no_engine_and_no_user() -> None:
    message = v3.read_message(v3.Discovery.with_request_id(NUMBER))
    assert (message.message_id, message.flags, message.engine_id, message.user) == (NUMBER, 4, b"", b"")


def test_a_report_to_a_discovery_tells_the_engine_and_hints_at_its_time() -> None:
    agent = V3Agent()
    report = agent.respond(v3.Discovery.with_request_id(NUMBER))
    assert read_frame(report).request_id == NUMBER
    assert v3.Discovery.open(report)[0] == report
    engine = v3.read_engine(report, 0.0)
    assert (engine.engine_id, engine.clock(5.0), engine.is_authentic) == (agent.engine_id, (3, 1005), False)


@pytest.mark.parametrize("engine_id", [b"", b"x" * 33])
def test_an_engine_id_of_unusable_size_is_a_decode_error(engine_id: bytes) -> None:
    with pytest.raises(DecodeError):
        v3.Discovery.open(V3Agent(engine_id=engine_id).seal(NUMBER, REPORT, b"", GUEST, 0))
