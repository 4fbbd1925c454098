"""Who is believed, and what an inform's sender is told: the steps of RFC 3414 section 3.2, from the receiving side."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.errors import DecodeError
from poller.model import Credential, Secret, User
from poller.snmp import gate as gate_module
from poller.snmp import usm, v3
from poller.snmp.gate import Believed, Gate, Reason, Refused, new_engine_id, next_boots
from poller.snmp.message import Frame, decode
from poller.snmp.oid import text
from poller.snmp.usm import Engine
from tests.snmp.notifications import (
    GUEST,
    INFORM,
    MONITOR,
    OWN_ID,
    PRINTER_ID,
    PUBLIC,
    SIGNER,
    TRAP,
    credential,
    pdu,
    sealed,
    session_of,
    v1_trap,
    v2_notification,
    v3_inform,
    v3_trap,
)

USERS = [MONITOR, SIGNER, GUEST]
BOOTS = 7
PRINTER = "10.1.2.3"


def gate(*credentials: Credential) -> Gate:
    """A gate at time 0 whose engine has just booted for the seventh time."""
    return Gate(credentials or (PUBLIC, *map(credential, USERS)), engine_id=OWN_ID, boots=BOOTS, now_at=0.0, salt=1)


def reason(found: Believed | Refused) -> Reason:
    assert isinstance(found, Refused)
    return found.reason


def other(user: User, **changed: object) -> User:
    return msgspec.structs.replace(user, **changed)


def report(answer: bytes | None) -> tuple[v3.Message, str]:
    """Return a report's outer form, and the counter it tells."""
    assert answer is not None
    message = v3.read_message(answer)
    scoped = gate_module._open_scoped(answer, message, None, b"")
    assert scoped.pdu == 0xA8
    (varbind,) = decode(scoped.box, Frame(3, b"", 0, scoped.at + 2 + scoped.box[scoped.at + 1], scoped.end)).varbinds
    return message, text(varbind.oid)


# --- communities -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("datagram", [v1_trap(), v2_notification()], ids=["1", "2c"])
def test_a_trap_with_a_configured_community_is_believed_in_either_version(datagram: bytes) -> None:
    found = gate().open(datagram, PRINTER, 0.0)
    assert isinstance(found, Believed)
    assert found.answer is None


@pytest.mark.parametrize("community", [b"", b"Public", b"publi", b"public\0", b"publicity"])
def test_any_other_community_is_refused(community: bytes) -> None:
    for datagram in (v1_trap(community=community), v2_notification(community=community), v2_notification(INFORM, community=community)):
        assert gate().open(datagram, PRINTER, 0.0) == Refused(Reason.COMMUNITY)


def test_without_a_community_configured_none_is_believed() -> None:
    assert reason(gate(credential(GUEST)).open(v2_notification(community=b""), PRINTER, 0.0)) is Reason.COMMUNITY


def test_an_inform_is_answered_once_believed() -> None:
    found = gate().open(v2_notification(INFORM), PRINTER, 0.0)
    assert isinstance(found, Believed)
    assert found.answer is not None
    assert decode(found.answer).request_id == 77


# --- v3 traps: the sender's engine counts --------------------------------------------------------------------------------


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
def test_a_v3_trap_by_a_known_user_of_an_unknown_engine_is_believed(user: User) -> None:
    found = gate().open(v3_trap(user), PRINTER, 0.0)
    assert isinstance(found, Believed)
    assert (found.notification.version, found.notification.is_inform, found.answer) == ("3", False, None)


@pytest.mark.parametrize("priv", ["des", "aes128", "aes192", "aes256", "aes192c", "aes256c"])
def test_every_cipher_is_opened(priv: str) -> None:
    user = other(MONITOR, priv=priv)
    assert isinstance(gate(credential(user)).open(v3_trap(user), PRINTER, 0.0), Believed)


@pytest.mark.parametrize(
    "user, flags, expected",
    [
        (other(MONITOR, name="nobody"), None, Reason.USER),
        (other(MONITOR, auth_password=Secret("another one")), None, Reason.DIGEST),
        (other(MONITOR, auth="sha512"), None, Reason.DIGEST),
        (other(MONITOR, priv_password=Secret("another one")), None, Reason.DECRYPTION),
        (MONITOR, 0, Reason.LEVEL),  # could sign, and did not
        (other(GUEST, name="signer"), None, Reason.LEVEL),
        (other(MONITOR, name="signer"), None, Reason.LEVEL),  # encrypts, and we have no key for that
        (other(SIGNER, name="guest"), None, Reason.LEVEL),
    ],
)
def test_what_does_not_prove_its_sender_is_refused_and_nothing_kept(user: User, flags: int | None, expected: Reason) -> None:
    one = gate()
    assert one.open(v3_trap(user, flags=flags), PRINTER, 0.0) == Refused(expected)
    assert one.senders == (1 if expected is Reason.DECRYPTION else 0)  # that one is signed rightly


def test_signed_but_not_encrypted_is_the_senders_choice() -> None:
    assert isinstance(gate().open(v3_trap(MONITOR, flags=v3.AUTH), PRINTER, 0.0), Believed)


def test_two_users_of_one_name_are_both_tried() -> None:
    later = other(MONITOR, auth_password=Secret("the other vendor's"))
    one = gate(credential(MONITOR), credential(later))
    assert isinstance(one.open(v3_trap(later), PRINTER, 0.0), Believed)
    assert isinstance(one.open(v3_trap(MONITOR), PRINTER, 0.0), Believed)


def test_an_engines_clock_only_goes_forward() -> None:
    one = gate()
    assert isinstance(one.open(v3_trap(seconds=1000), PRINTER, 0.0), Believed)
    assert isinstance(one.open(v3_trap(seconds=860), PRINTER, 0.0), Believed)  # overtaken on the way: within 150 s
    assert reason(one.open(v3_trap(seconds=849), PRINTER, 0.0)) is Reason.TIME
    assert reason(one.open(v3_trap(boots=2, seconds=9000), PRINTER, 0.0)) is Reason.TIME
    assert reason(one.open(v3_trap(seconds=1000), PRINTER, 151.0)) is Reason.TIME  # a replay
    assert isinstance(one.open(v3_trap(seconds=1151), PRINTER, 151.0), Believed)
    assert isinstance(one.open(v3_trap(boots=4, seconds=1), PRINTER, 152.0), Believed)  # it restarted
    assert reason(one.open(v3_trap(boots=usm.BOOTS_MAX, seconds=1), PRINTER, 152.0)) is Reason.TIME


def test_cloned_engines_are_told_apart_by_their_address() -> None:
    one = gate()
    assert isinstance(one.open(v3_trap(boots=90), PRINTER, 0.0), Believed)
    assert isinstance(one.open(v3_trap(boots=2), "10.1.2.4", 0.0), Believed)


def test_engines_are_bounded_and_the_one_heard_least_recently_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "_SENDERS_MAX", 3)
    one, datagram = gate(), v3_trap(SIGNER, seconds=1000)
    for number in (1, 2, 3, 1, 4):
        assert isinstance(one.open(datagram, f"10.1.2.{number}", 0.0), Believed)
    assert one.senders == 3
    replay = v3_trap(SIGNER, boots=1)
    assert reason(one.open(replay, "10.1.2.1", 0.0)) is Reason.TIME
    assert isinstance(one.open(replay, "10.1.2.2", 0.0), Believed)


def test_encrypted_but_not_signed_is_no_message() -> None:
    with pytest.raises(DecodeError):
        gate().open(v3_trap(MONITOR, flags=v3.PRIV), PRINTER, 0.0)


@pytest.mark.parametrize("datagram", [v3_trap(tag=INFORM), v3_trap(engine_id=OWN_ID, boots=BOOTS, seconds=0), v3_trap(tag=0xA2)])
def test_another_pdu_than_belongs_to_the_engine_is_no_notification(datagram: bytes) -> None:
    with pytest.raises(DecodeError):
        gate().open(datagram, PRINTER, 0.0)


# --- v3 informs: our engine counts ---------------------------------------------------------------------------------------


def test_discovery_is_answered_with_our_engine_boots_and_time() -> None:
    found = gate().open(v3.encode_discovery().with_request_id(0x1122_3344), PRINTER, 42.0)
    assert isinstance(found, Refused)
    message, counter = report(found.answer)
    assert (found.reason, counter) == (Reason.ENGINE, "1.3.6.1.6.3.15.1.1.4.0")
    assert (message.engine_id, message.boots, message.seconds) == (OWN_ID, BOOTS, 42)
    assert (message.message_id, message.flags) == (0x1122_3344, 0)


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
def test_an_inform_in_time_is_believed_and_its_response_proves_itself(user: User) -> None:
    found = gate().open(v3_inform(user, BOOTS, 100), PRINTER, 120.0)
    assert isinstance(found, Believed)
    assert found.notification.is_inform
    assert found.answer is not None
    # opened as the sender does it, by the same code that opens a printer's answers
    session = session_of(user, Engine(OWN_ID, BOOTS, 100, 120.0))
    message = v3.read_message(found.answer)
    assert (message.message_id, message.flags, message.seconds) == (5, session.flags, 120)
    if user.auth is not None:
        assert usm.is_signed(user.auth, session.keys.auth, found.answer, message.digest_at, message.digest_end)
    scoped = gate_module._open_scoped(found.answer, message, user.priv, session.keys.priv)
    assert scoped.pdu == 0xA2
    assert scoped.head == session.context_head
    assert scoped.box[scoped.at : scoped.end].startswith(b"\x02\x01\x4d\x02\x01\x00\x02\x01\x00\x30")


@pytest.mark.parametrize("boots, seconds", [(0, 0), (BOOTS - 1, 1000), (BOOTS + 1, 1000), (BOOTS, 849), (BOOTS, 1151)])
def test_an_inform_out_of_time_is_told_the_time_by_a_signed_report(boots: int, seconds: int) -> None:
    found = gate().open(v3_inform(MONITOR, boots, seconds), PRINTER, 1000.0)
    assert isinstance(found, Refused)
    message, counter = report(found.answer)
    assert (found.reason, counter) == (Reason.TIME, "1.3.6.1.6.3.15.1.1.2.0")
    assert (message.boots, message.seconds, message.flags) == (BOOTS, 1000, v3.AUTH)
    session = session_of(MONITOR, Engine(OWN_ID, 0, 0, 0.0))
    assert found.answer is not None
    assert usm.is_signed("sha256", session.keys.auth, found.answer, message.digest_at, message.digest_end)


@pytest.mark.parametrize("boots, seconds", [(BOOTS, 850), (BOOTS, 1150)])
def test_the_window_is_150_seconds_either_way(boots: int, seconds: int) -> None:
    assert isinstance(gate().open(v3_inform(MONITOR, boots, seconds), PRINTER, 1000.0), Believed)


@pytest.mark.parametrize(
    "user, expected, counter",
    [
        (other(MONITOR, name="nobody"), Reason.USER, 3),
        (other(MONITOR, auth_password=Secret("another one")), Reason.DIGEST, 5),
        (other(MONITOR, priv_password=Secret("another one")), Reason.DECRYPTION, 6),
        (other(GUEST, name="signer"), Reason.LEVEL, 1),
    ],
)
def test_an_inform_that_is_refused_is_told_why_unsigned(user: User, expected: Reason, counter: int) -> None:
    found = gate().open(v3_inform(user, BOOTS, 0), PRINTER, 0.0)
    assert isinstance(found, Refused)
    message, told = report(found.answer)
    assert (found.reason, told, message.flags, message.user) == (expected, f"1.3.6.1.6.3.15.1.1.{counter}.0", 0, user.name.encode())


def test_an_inform_to_another_engine_is_told_ours() -> None:
    found = gate().open(v3_inform(MONITOR, BOOTS, 0, engine_id=PRINTER_ID), PRINTER, 0.0)
    assert isinstance(found, Refused)
    assert report(found.answer)[0].engine_id == OWN_ID


def test_who_wants_no_report_gets_none() -> None:
    datagram = sealed(session_of(GUEST, Engine(b"", 0, 0, 0.0)), pdu(INFORM))
    assert gate().open(datagram, PRINTER, 0.0) == Refused(Reason.ENGINE)


def test_no_two_responses_share_a_salt() -> None:
    one = gate()
    answers = [one.open(v3_inform(MONITOR, BOOTS, 0), PRINTER, 0.0) for _ in range(3)]
    assert len({v3.read_message(found.answer or b"").priv_parameters for found in answers}) == 3


# --- our engine across restarts ------------------------------------------------------------------------------------------


def test_an_engine_id_is_one_of_rfc_3411() -> None:
    made = new_engine_id(bytes(range(12)))
    assert 5 <= len(made) <= usm.ENGINE_ID_OCTETS_MAX
    assert made[0] & 0x80
    assert made[4] == 5  # octets, administratively assigned


def test_boots_rise_with_every_start_whatever_the_disk_kept() -> None:
    noon = 1_795_000_000.0
    first = next_boots(0, noon)
    assert next_boots(first, noon + 5) == first + 1  # twice within a minute
    assert next_boots(0, noon + 86_400) > first  # the disk forgot
    assert next_boots(first, 0.0) == first + 1  # a Raspberry Pi without a battery
    assert next_boots(usm.BOOTS_MAX, noon) < usm.BOOTS_MAX  # at the maximum nobody is in time


# --- whatever comes ------------------------------------------------------------------------------------------------------

GATE = gate()
WHOLE = [v1_trap(), v2_notification(), v2_notification(INFORM), v3_trap(), v3_trap(GUEST), v3_inform(MONITOR, BOOTS, 0)]
WHOLE += [v3_inform(GUEST, BOOTS, 0), v3.encode_discovery().with_request_id(0x1122_3344)]


@pytest.mark.parametrize("datagram", WHOLE, ids=range(len(WHOLE)))
def test_a_message_cut_anywhere_is_never_believed(datagram: bytes) -> None:
    for length in range(len(datagram)):
        with pytest.raises(DecodeError):
            GATE.open(datagram[:length], PRINTER, 0.0)


@given(st.sampled_from(WHOLE), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=5))
def test_bytes_changed_anywhere_raise_nothing_but_a_decode_error(datagram: bytes, changes: list[tuple[int, int]]) -> None:
    changed = bytearray(datagram)
    for at, octet in changes:
        changed[at % len(changed)] = octet
    try:
        found = GATE.open(bytes(changed), PRINTER, 0.0)
    except DecodeError:
        return
    assert found.answer is None or len(found.answer) < 2 * len(datagram) + 64


@given(st.binary(max_size=200), st.sampled_from([TRAP, INFORM, 0xA4, 0xA2]), st.sampled_from([0, v3.REPORTABLE]))
def test_hostile_content_behind_a_right_head_raises_nothing_but_a_decode_error(content: bytes, tag: int, flags: int) -> None:
    for engine_id in (OWN_ID, PRINTER_ID):
        for user in (GUEST, SIGNER, MONITOR):
            session = session_of(user, Engine(engine_id, BOOTS, 0, 0.0))
            for inside in (content, bytes((tag, len(content) & 0x7F)) + content):
                try:
                    GATE.open(sealed(session, inside, flags=session.flags | flags), PRINTER, 0.0)
                except DecodeError:
                    continue


@given(st.binary(max_size=400))
def test_any_bytes_are_a_decode_error(datagram: bytes) -> None:
    with pytest.raises(DecodeError):
        GATE.open(datagram, PRINTER, 0.0)
