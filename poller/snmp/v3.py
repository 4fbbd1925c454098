"""SNMPv3 messages (RFC 3412): a question sealed for one engine, an answer opened only once it has proven who sent it.

    request = SealedRequest(pdu, session, now=loop.time, salt=next(salts))
    request.with_request_id(n)      # the datagram; msgID and request-id are both n
    request.open(datagram)          # (bytes, Frame) of the PDU inside, or the Refusal a report stands for

The order of `open` is what makes it safe: the message's outer form, its digest, its time, then decryption, and only then what is inside.
A datagram that fails on the way is no answer, and the question goes on waiting. Reports alone may come unsigned, since an agent that knows
neither user nor key cannot sign: they can end a question, never answer it. Any bytes give a result, a DecodeError or an AccessError.

Sans-io: clock and salt are handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from poller.errors import AccessError, DecodeError, Refusal
from poller.snmp import ber, oid, usm
from poller.snmp.message import REQUEST_ID_MIN, Frame, Template, decode
from poller.snmp.usm import Engine, Keys

AUTH, PRIV, REPORTABLE = 0x01, 0x02, 0x04  # msgFlags, RFC 3412 section 6.4
LEVEL = AUTH | PRIV
_PDU_GET, _PDU_RESPONSE, _PDU_REPORT = 0xA0, 0xA2, 0xA8
_VERSION = b"\x02\x01\x03"
_GLOBAL_HEAD = b"\x30\x11\x02\x04"  # msgGlobalData with a msgID of four octets, as all of ours are …
_GLOBAL_TAIL = b"\x02\x03\x00\xff\xe3\x04\x01%c\x02\x01\x03"  # … msgMaxSize 65,507, msgFlags, msgSecurityModel 3 (USM)
_SECURITY_MODEL = 3
_NUMBER_MAX = 2**31 - 1

_REPORTS = {
    oid.parse(f"{counter}.0"): refusal
    for counter, refusal in {
        "1.3.6.1.6.3.15.1.1.1": Refusal.UNSUPPORTED_LEVEL,  # usmStats…, RFC 3414 section 5
        "1.3.6.1.6.3.15.1.1.2": Refusal.NOT_IN_TIME,
        "1.3.6.1.6.3.15.1.1.3": Refusal.UNKNOWN_USER,
        "1.3.6.1.6.3.15.1.1.4": Refusal.UNKNOWN_ENGINE,
        "1.3.6.1.6.3.15.1.1.5": Refusal.WRONG_DIGEST,
        "1.3.6.1.6.3.15.1.1.6": Refusal.DECRYPTION_ERROR,
        "1.3.6.1.6.3.12.1.4": Refusal.UNKNOWN_CONTEXT,  # snmpUnavailableContexts, snmpUnknownContexts, RFC 3413 section 4.1.1
        "1.3.6.1.6.3.12.1.5": Refusal.UNKNOWN_CONTEXT,
    }.items()
}


class Message(NamedTuple):
    """A v3 message but for its scoped PDU, which lies between `at` and `end`. `digest_at` to `digest_end` is its digest's place."""

    message_id: int
    flags: int
    engine_id: bytes
    boots: int
    seconds: int
    user: bytes
    digest_at: int
    digest_end: int
    priv_parameters: bytes
    at: int
    end: int


class Session:
    """One user at one engine: everything of a message that is the same each time. `is_proven` once an answer was opened with it.

    *auth* and *priv* are keys of `usm.DIGESTS` and `usm.KEY_OCTETS`, or None below that level.
    """

    __slots__ = ("auth", "context_head", "engine", "flags", "is_hushed", "is_proven", "keys", "priv", "user", "user_element")

    def __init__(self, user: str, engine: Engine, keys: Keys, *, auth: str | None, priv: str | None, context: str = "") -> None:
        self.user, self.engine, self.keys, self.auth, self.priv = user.encode(), engine, keys, auth, priv
        self.flags = (AUTH if auth else 0) | (PRIV if priv else 0)
        self.user_element = ber.encode(ber.OCTET_STRING, self.user)
        self.context_head = ber.encode(ber.OCTET_STRING, engine.engine_id) + ber.encode(ber.OCTET_STRING, context.encode())
        self.is_hushed = bool(priv or context)  # agents are silent to what they cannot decrypt, and to a context they lack
        self.is_proven = False


def seal(session: Session, data: bytes, *, message_id: int, flags: int, now_at: float, salt: int) -> bytes:
    """Return the message around *data*, a scoped PDU: with the engine's time of now, signed and encrypted as *flags* say.

    The flags ask for nothing the session's user has no key for. *salt* is used for no other message under these keys.
    """
    auth = session.auth if flags & AUTH else None
    boots, seconds = session.engine.clock(now_at)
    parameters = b""
    if flags & PRIV:
        assert session.priv is not None
        data, parameters = usm.encrypt(session.priv, session.keys.priv, boots, seconds, salt, data)
        data = ber.encode(ber.OCTET_STRING, data)
    digest = bytes(usm.DIGESTS[auth].octets) if auth is not None else b""
    behind = ber.encode(ber.OCTET_STRING, parameters)
    security = (
        ber.encode(ber.OCTET_STRING, session.engine.engine_id)
        + ber.encode_integer(boots)
        + ber.encode_integer(seconds)
        + session.user_element
        + ber.encode(ber.OCTET_STRING, digest)
        + behind
    )
    message = _message(message_id, flags, security, data)
    if auth is None:
        return message
    end = len(message) - len(data) - len(behind)
    return message[: end - len(digest)] + usm.sign(auth, session.keys.auth, message) + message[end:]


class SealedRequest:
    """One question to one engine, and what opens its answer. *pdu* is a `Template` of version 3; *salt* is used for no other question."""

    __slots__ = ("_now", "_number", "_pdu", "_salt", "_session")

    def __init__(self, pdu: Template, session: Session, *, now: Callable[[], float], salt: int) -> None:
        self._pdu, self._session, self._now, self._salt = pdu, session, now, salt
        self._number = 0

    def with_request_id(self, request_id: int) -> bytes:
        """Return the message, signed and encrypted as its user can, with the engine's time of now."""
        self._number = request_id
        session = self._session
        data = ber.encode(ber.SEQUENCE, session.context_head + self._pdu.with_request_id(request_id))
        return seal(session, data, message_id=request_id, flags=session.flags | REPORTABLE, now_at=self._now(), salt=self._salt)

    def open(self, datagram: bytes) -> tuple[bytes, Frame] | Refusal:
        """Return the PDU in *datagram* as (bytes, its frame), or what the report in it says.

        Raises DecodeError for what is no such message, AccessError for one that does not prove what it should: neither is the answer.
        """
        message = read_message(datagram)
        session = self._session
        is_ours = message.engine_id == session.engine.engine_id and message.user == session.user
        if message.flags & AUTH:
            self._authenticate(datagram, message, is_ours=is_ours)
        box, at, end = self._decrypted(datagram, message) if message.flags & PRIV else (datagram, message.at, message.end)
        kind, frame = _read_scoped_pdu(box, at, end)
        if kind == _PDU_REPORT:
            refusal = _read_report(box, frame)
            if refusal is Refusal.NOT_IN_TIME and message.engine_id == session.engine.engine_id:
                session.engine.hint(message.boots, message.seconds, self._now())
            return refusal
        if kind != _PDU_RESPONSE:
            raise DecodeError(f"tag 0x{kind:02x} where a response belongs", at)
        if not is_ours or message.flags & LEVEL != session.flags:
            raise AccessError(Refusal.NOT_PROVEN)
        if message.message_id != self._number or frame.request_id != self._number:
            raise DecodeError("a request-id that was not asked", frame.at)
        session.is_proven = True
        return box, frame

    def _authenticate(self, datagram: bytes, message: Message, *, is_ours: bool) -> None:
        session = self._session
        auth, engine = session.auth, session.engine
        whole = datagram[: message.end]  # without what some agents pad
        if auth is None or not is_ours or not usm.is_signed(auth, session.keys.auth, whole, message.digest_at, message.digest_end):
            raise AccessError(Refusal.NOT_PROVEN)
        if not engine.hear(message.boots, message.seconds, self._now()):
            raise AccessError(Refusal.OUT_OF_DATE)

    def _decrypted(self, datagram: bytes, message: Message) -> tuple[bytes, int, int]:
        session = self._session
        priv = session.priv
        if not message.flags & AUTH or priv is None:
            raise AccessError(Refusal.NOT_PROVEN)
        at, end = ber.read_element(datagram, message.at, message.end, tag=ber.OCTET_STRING)
        plain = usm.decrypt(priv, session.keys.priv, message.boots, message.seconds, message.priv_parameters, datagram[at:end])
        return plain, 0, len(plain)


class Discovery:
    """The question for a device's engine id: unsigned, with an empty id, which no engine has. RFC 3414 section 4."""

    @staticmethod
    def with_request_id(request_id: int) -> bytes:
        return encode_discovery().with_request_id(request_id)

    @staticmethod
    def open(datagram: bytes) -> tuple[bytes, Frame]:
        """Return *datagram* once it is sure to tell an engine id, for `read_engine`. Raises DecodeError."""
        message = read_message(datagram)
        if not message.engine_id:
            raise DecodeError("a report without an engine id", 0)
        return datagram, Frame(_SECURITY_MODEL, b"", message.message_id, message.at, message.end)


def encode_discovery() -> Template:
    """Return an empty GET to nobody's engine; what is patched in is the msgID, which the report repeats. Also the probe of a sweep."""
    empty = ber.encode(ber.OCTET_STRING, b"")
    zero = ber.encode_integer(0)
    pdu = ber.encode(_PDU_GET, ber.encode_integer(REQUEST_ID_MIN) + zero * 2 + ber.encode(ber.SEQUENCE, b""))
    security = empty + zero * 2 + empty * 3
    message = _message(REQUEST_ID_MIN, REPORTABLE, security, ber.encode(ber.SEQUENCE, empty * 2 + pdu))
    at = message.index(_VERSION + _GLOBAL_HEAD) + len(_VERSION + _GLOBAL_HEAD)
    return Template(message[:at], message[at + 4 :])


def read_engine(datagram: bytes, now_at: float) -> Engine:
    """Return the engine a discovered device says to be; its boots and time are but a hint. Raises DecodeError."""
    message = read_message(datagram)
    return Engine(message.engine_id, message.boots, message.seconds, now_at)


def read_message(datagram: bytes) -> Message:
    """Return the outer form of a v3 message under the USM, or raise DecodeError. Nothing of it is proven."""
    at, end = ber.read_element(datagram, 0, len(datagram), tag=ber.SEQUENCE)
    version, at = ber.read_integer(datagram, at, end)
    if version != 3:
        raise DecodeError(f"version {version}", 0)
    at, security_at = ber.read_element(datagram, at, end, tag=ber.SEQUENCE)
    message_id, at = _read_number(datagram, at, security_at)
    _, at = _read_number(datagram, at, security_at)  # msgMaxSize: what we ask is always smaller
    at, stop = ber.read_element(datagram, at, security_at, tag=ber.OCTET_STRING)
    if stop - at != 1:
        raise DecodeError("flags of unusable size", at)
    flags = datagram[at]
    model, _ = _read_number(datagram, stop, security_at)
    if model != _SECURITY_MODEL:
        raise DecodeError(f"security model {model}", stop)
    at, data_at = ber.read_element(datagram, security_at, end, tag=ber.OCTET_STRING)
    at, stop = ber.read_element(datagram, at, data_at, tag=ber.SEQUENCE)
    id_at, at = ber.read_element(datagram, at, stop, tag=ber.OCTET_STRING)
    engine_id = datagram[id_at:at]
    if len(engine_id) > usm.ENGINE_ID_OCTETS_MAX:
        raise DecodeError("engine id of unusable size", id_at)
    boots, at = _read_number(datagram, at, stop)
    seconds, at = _read_number(datagram, at, stop)
    user_at, at = ber.read_element(datagram, at, stop, tag=ber.OCTET_STRING)
    digest_at, digest_end = ber.read_element(datagram, at, stop, tag=ber.OCTET_STRING)
    priv_at, priv_end = ber.read_element(datagram, digest_end, stop, tag=ber.OCTET_STRING)
    user, parameters = datagram[user_at:at], datagram[priv_at:priv_end]
    return Message(message_id, flags, engine_id, boots, seconds, user, digest_at, digest_end, parameters, data_at, end)


def _read_scoped_pdu(box: bytes, at: int, end: int) -> tuple[int, Frame]:
    """Return the PDU's tag and its frame."""
    at, end = ber.read_element(box, at, end, tag=ber.SEQUENCE)  # a cipher may have padded behind it
    _, at = ber.read_element(box, at, end, tag=ber.OCTET_STRING)  # contextEngineID and contextName: with both numbers right, ours
    _, at = ber.read_element(box, at, end, tag=ber.OCTET_STRING)
    kind, at, end = ber.read_header(box, at, end)
    request_id, at = ber.read_integer(box, at, end)
    return kind, Frame(3, b"", request_id, at, end)


def _read_report(box: bytes, frame: Frame) -> Refusal:
    """Return what the counter in a report stands for."""
    varbinds = decode(box, frame).varbinds
    return _REPORTS.get(varbinds[0].oid, Refusal.OTHER_REPORT) if varbinds else Refusal.OTHER_REPORT


def _read_number(box: bytes, at: int, end: int) -> tuple[int, int]:
    value, stop = ber.read_integer(box, at, end)
    if not 0 <= value <= _NUMBER_MAX:
        raise DecodeError("number out of range", at)
    return value, stop


def _message(message_id: int, flags: int, security: bytes, data: bytes) -> bytes:
    head = _VERSION + ber.encode(ber.SEQUENCE, ber.encode_integer(message_id) + _GLOBAL_TAIL % flags)
    return ber.encode(ber.SEQUENCE, head + ber.encode(ber.OCTET_STRING, ber.encode(ber.SEQUENCE, security)) + data)
