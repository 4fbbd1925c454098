"""Who is believed: only a notification with a community or by a user that is configured gets any further (RFC 3414, RFC 3584).

SNMPv3 knows two ways. A trap counts by the clock of who sends it: its engine's boots and time may only go forward, from the first message
that is signed rightly. An inform counts by ours: whoever sends one first asks for our engine id, boots and time, and is told by reports.
Engines are kept per address, as everywhere in this program: cloned devices share an id, and each of them has its own clock.

    gate = Gate(credentials, engine_id=…, boots=…, now_at=…, salt=…)
    gate.open(datagram, sender, now_at)     # Believed or Refused, each with what is to be sent back, if anything; or a DecodeError

Nothing is kept of a sender who proves nothing. Sans-io: clock and salt are handed in.
"""

from __future__ import annotations

import hmac
import itertools
from collections import Counter as Tally
from collections import OrderedDict
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from poller.errors import DecodeError
from poller.model import Credential, User
from poller.snmp import ber, usm, v3
from poller.snmp.notification import (
    PDU_INFORM,
    PDU_REPORT,
    PDU_TRAP,
    Envelope,
    Notification,
    encode_response,
    encode_response_pdu,
    read_envelope,
    read_notification,
    version_of,
)
from poller.snmp.oid import Oid, parse
from poller.snmp.usm import Engine, Keys
from poller.snmp.v3 import Message, Session

_SALTS = 1 << 64
_SENDERS_MAX = 32_768
_COUNTER_MAX = 2**32
_BOOTS_PER_SECONDS = 60.0
ENGINE_ID_OCTETS = 12
_ENGINE_ID_HEAD = bytes.fromhex("8000000005")  # RFC 3411 section 5: no enterprise number is ours, so 0, which is nobody's; then octets


class Reason(Enum):
    """Why a notification is not believed; the value is what it is counted under."""

    COMMUNITY = "community"
    ENGINE = "engine"
    USER = "user"
    LEVEL = "level"
    DIGEST = "digest"
    TIME = "time"
    DECRYPTION = "decryption"


class Believed(NamedTuple):
    """A notification and, for an inform, the response to it."""

    notification: Notification
    answer: bytes | None


class Refused(NamedTuple):
    """Why, and the report that tells the sender of an inform so."""

    reason: Reason
    answer: bytes | None = None


_USM_STATS: dict[Reason, Oid] = {
    Reason.LEVEL: parse("1.3.6.1.6.3.15.1.1.1.0"),  # usmStatsUnsupportedSecLevels … RFC 3414 section 5
    Reason.TIME: parse("1.3.6.1.6.3.15.1.1.2.0"),
    Reason.USER: parse("1.3.6.1.6.3.15.1.1.3.0"),
    Reason.ENGINE: parse("1.3.6.1.6.3.15.1.1.4.0"),
    Reason.DIGEST: parse("1.3.6.1.6.3.15.1.1.5.0"),
    Reason.DECRYPTION: parse("1.3.6.1.6.3.15.1.1.6.0"),
}


class _Scoped(NamedTuple):
    """A scoped PDU, opened: `head` is its context as sent, the PDU of the tag `pdu` lies in `box` between `at` and `end`."""

    box: bytes
    head: bytes
    pdu: int
    at: int
    end: int


class _Person:
    """A user with the passphrases stretched once, so that a new engine costs a hash."""

    __slots__ = ("_auth_stretched", "_priv_stretched", "auth", "name", "own", "priv")

    def __init__(self, user: User, own: Engine) -> None:
        self.name, self.auth, self.priv = user.name.encode(), user.auth, user.priv
        self._auth_stretched = self._priv_stretched = b""
        if user.auth is not None and user.auth_password is not None:
            self._auth_stretched = usm.stretch(user.auth, user.auth_password.reveal().encode())
            if user.priv_password is not None:
                self._priv_stretched = usm.stretch(user.auth, user.priv_password.reveal().encode())
        keys = Keys(self.auth_key(own.engine_id), self.priv_key(own.engine_id))
        self.own = Session(user.name, own, keys, auth=user.auth, priv=user.priv)

    def auth_key(self, engine_id: bytes) -> bytes:
        return usm.localise(self.auth, self._auth_stretched, engine_id) if self.auth is not None else b""

    def priv_key(self, engine_id: bytes) -> bytes:
        """Return the key of the cipher; for the `c` ciphers milliseconds of work, so only for who has signed rightly."""
        if self.auth is None or self.priv is None:
            return b""
        return usm.extend(self.auth, self.priv, usm.localise(self.auth, self._priv_stretched, engine_id), engine_id)

    def has_level(self, flags: int) -> bool:
        """Say whether this user may send at the level of *flags*: never unsigned who can sign; privacy is the sender's choice."""
        return bool(flags & v3.AUTH) == (self.auth is not None) and (self.priv is not None or not flags & v3.PRIV)


class _Sender:
    """One user's engine at one address, once it has proven itself. *priv_key* is made when it is first needed."""

    __slots__ = ("auth_key", "engine", "priv_key")

    def __init__(self, engine: Engine, auth_key: bytes) -> None:
        self.engine, self.auth_key = engine, auth_key
        self.priv_key = b""


class Gate:
    """Opens datagrams. Stretches passphrases when made, milliseconds each: make it outside an event loop.

    *engine_id*, *boots*: our own engine, as authoritative for informs (see `new_engine_id`, `next_boots`). Believed are the communities of
    *credentials* for v1 and v2c alike, and their users, who never sign less than they can.
    """

    def __init__(self, credentials: Iterable[Credential], *, engine_id: bytes, boots: int, now_at: float, salt: int) -> None:
        self._own = Engine(engine_id, boots, 0, now_at)
        self._salts = itertools.count(salt)
        communities: dict[bytes, None] = {}
        people: dict[User, _Person] = {}
        for one in credentials:
            if one.user is None:
                communities[one.community.reveal().encode()] = None
            elif one.user not in people:
                people[one.user] = _Person(one.user, self._own)
        self._communities = tuple(communities)
        self._people: dict[bytes, list[_Person]] = {}
        for person in people.values():
            self._people.setdefault(person.name, []).append(person)
        self._senders: OrderedDict[tuple[bytes, str, _Person], _Sender] = OrderedDict()
        self._reports: Tally[Reason] = Tally()

    @property
    def senders(self) -> int:
        """How many SNMPv3 senders of traps are known."""
        return len(self._senders)

    def open(self, datagram: bytes, sender: str, now_at: float) -> Believed | Refused:
        """Return what *sender* notifies of, or why that is not believed. Raises DecodeError for what is no notification at all."""
        if version_of(datagram) == "3":
            return self._open_sealed(datagram, sender, now_at)
        envelope = read_envelope(datagram)
        if not self._is_believed(envelope.community):
            return Refused(Reason.COMMUNITY)
        notification = read_notification(datagram, envelope)
        return Believed(notification, encode_response(datagram, envelope) if notification.is_inform else None)

    def _is_believed(self, community: bytes) -> bool:
        """Compare with every one, each in the same time wherever they differ."""
        return any([hmac.compare_digest(community, one) for one in self._communities])  # noqa: C419  a generator would stop early

    # --- SNMPv3, in the order of RFC 3414 section 3.2 --------------------------------------------------------------------

    def _open_sealed(self, datagram: bytes, sender: str, now_at: float) -> Believed | Refused:
        message = v3.read_message(datagram)
        if message.flags & v3.LEVEL == v3.PRIV:
            raise DecodeError("encrypted, but not signed", 0)  # RFC 3412 section 7.2
        is_own = message.engine_id == self._own.engine_id
        if not is_own and (message.flags & v3.REPORTABLE or not message.engine_id):
            return self._refuse(Reason.ENGINE, datagram, message, now_at)
        people = self._people.get(message.user, [])
        if not people:
            return self._refuse(Reason.USER, datagram, message, now_at)
        people = [person for person in people if person.has_level(message.flags)]
        if not people:
            return self._refuse(Reason.LEVEL, datagram, message, now_at)
        if is_own:
            return self._open_inform(datagram, message, people, now_at)
        return self._open_trap(datagram, message, people, sender, now_at)

    def _open_inform(self, datagram: bytes, message: Message, people: list[_Person], now_at: float) -> Believed | Refused:
        """We are the authoritative engine: the message is in time by our clock, or it is not. Step 7a."""
        for person in people:
            session = person.own
            if session.auth is None or _is_signed(datagram, message, session.auth, session.keys.auth):
                break
        else:
            return self._refuse(Reason.DIGEST, datagram, message, now_at)
        if session.auth is not None and not self._is_in_time(message, now_at):
            return self._refuse(Reason.TIME, datagram, message, now_at, session)
        try:
            scoped = _open_scoped(datagram, message, session.priv, session.keys.priv)
        except DecodeError:
            if message.flags & v3.PRIV:
                return self._refuse(Reason.DECRYPTION, datagram, message, now_at)
            raise
        if scoped.pdu != PDU_INFORM:
            raise DecodeError(f"PDU 0x{scoped.pdu:02x} where an inform belongs", scoped.at)
        notification = _read(scoped)
        response = ber.encode(ber.SEQUENCE, scoped.head + encode_response_pdu(scoped.box, scoped.at, scoped.end))
        return Believed(notification, self._seal(session, response, message, flags=message.flags & v3.LEVEL, now_at=now_at))

    def _open_trap(self, datagram: bytes, message: Message, people: list[_Person], address: str, now_at: float) -> Believed | Refused:
        """The sender is the authoritative engine: its clock may only go forward. Step 7b."""
        for person in people:
            name = message.engine_id, address, person
            if person.auth is None:
                return Believed(_read_trap(_open_scoped(datagram, message, None, b"")), None)
            sender = self._senders.get(name) or _Sender(Engine(message.engine_id, 0, 0, now_at), person.auth_key(message.engine_id))
            if _is_signed(datagram, message, person.auth, sender.auth_key):
                break
        else:
            return Refused(Reason.DIGEST)
        self._senders[name] = sender
        self._senders.move_to_end(name)
        if len(self._senders) > _SENDERS_MAX:
            self._senders.popitem(last=False)
        if not sender.engine.hear(message.boots, message.seconds, now_at):
            return Refused(Reason.TIME)
        if message.flags & v3.PRIV and not sender.priv_key:
            sender.priv_key = person.priv_key(message.engine_id)
        try:
            scoped = _open_scoped(datagram, message, person.priv, sender.priv_key)
        except DecodeError:
            if message.flags & v3.PRIV:
                return Refused(Reason.DECRYPTION)
            raise
        return Believed(_read_trap(scoped), None)

    def _is_in_time(self, message: Message, now_at: float) -> bool:
        boots, seconds = self._own.clock(now_at)
        return boots == message.boots and boots != usm.BOOTS_MAX and abs(message.seconds - seconds) <= usm.TIME_WINDOW_SECONDS

    # --- what is sent back -----------------------------------------------------------------------------------------------

    def _refuse(self, reason: Reason, datagram: bytes, message: Message, now_at: float, session: Session | None = None) -> Refused:
        """Refuse, with a report where one is wanted: signed only where *session* is whose digest was right, as the clock's has to be."""
        if not message.flags & v3.REPORTABLE:
            return Refused(reason)
        self._reports[reason] += 1
        count = ber.encode_integer(self._reports[reason] % _COUNTER_MAX, ber.COUNTER32)
        varbind = ber.encode(ber.SEQUENCE, ber.encode(ber.OBJECT_IDENTIFIER, _USM_STATS[reason]) + count)
        zero = ber.encode_integer(0)
        pdu = ber.encode(PDU_REPORT, _request_id(datagram, message) + zero * 2 + ber.encode(ber.SEQUENCE, varbind))
        if session is None:
            session = Session("", self._own, Keys(b"", b""), auth=None, priv=None)
            session.user_element = ber.encode(ber.OCTET_STRING, message.user)
        data = ber.encode(ber.SEQUENCE, session.context_head + pdu)
        return Refused(reason, self._seal(session, data, message, flags=session.flags & v3.AUTH, now_at=now_at))

    def _seal(self, session: Session, data: bytes, message: Message, *, flags: int, now_at: float) -> bytes:
        salt = next(self._salts) % _SALTS
        return v3.seal(session, data, message_id=message.message_id, flags=flags, now_at=now_at, salt=salt)


def new_engine_id(octets: bytes) -> bytes:
    """Return an engine id of *octets*, twelve that nobody else has: at random, once. RFC 3411 section 5, SnmpEngineID."""
    assert len(octets) == ENGINE_ID_OCTETS
    return _ENGINE_ID_HEAD + octets


def next_boots(before: int, utc_seconds: float) -> int:
    """Return a number of boots above *before*, and above that of any earlier start of which no trace is left.

    It must rise with every start, whatever became of the disk: senders of informs take no clock that goes back, so one number used twice
    makes them deaf for as long as the earlier run lasted. So it is never less than the minutes of the wall clock. RFC 3414 section 2.2.2.
    """
    return min(max(before + 1, int(utc_seconds / _BOOTS_PER_SECONDS)), usm.BOOTS_MAX - 1)


def _is_signed(datagram: bytes, message: Message, auth: str, key: bytes) -> bool:
    return usm.is_signed(auth, key, datagram[: message.end], message.digest_at, message.digest_end)


def _open_scoped(datagram: bytes, message: Message, priv: str | None, key: bytes) -> _Scoped:
    """Return the scoped PDU, decrypted if need be. Raises DecodeError, for one encrypted under another key, too."""
    box, at, end = datagram, message.at, message.end
    if message.flags & v3.PRIV:
        assert priv is not None
        at, end = ber.read_element(box, at, end, tag=ber.OCTET_STRING)
        box = usm.decrypt(priv, key, message.boots, message.seconds, message.priv_parameters, box[at:end])
        at, end = 0, len(box)
    start, end = ber.read_element(box, at, end, tag=ber.SEQUENCE)  # a cipher may have padded behind it
    _, at = ber.read_element(box, start, end, tag=ber.OCTET_STRING)
    _, at = ber.read_element(box, at, end, tag=ber.OCTET_STRING)
    pdu, first, last = ber.read_header(box, at, end)
    return _Scoped(box, box[start:at], pdu, first, last)


def _read_trap(scoped: _Scoped) -> Notification:
    if scoped.pdu != PDU_TRAP:
        raise DecodeError(f"PDU 0x{scoped.pdu:02x} where a trap belongs", scoped.at)
    return _read(scoped)


def _read(scoped: _Scoped) -> Notification:
    return read_notification(scoped.box, Envelope("3", b"", scoped.pdu, scoped.at, scoped.end))


def _request_id(datagram: bytes, message: Message) -> bytes:
    """Return the request-id of a PDU that anybody can read, as an element; 0 for all others. RFC 3412 section 7.1, step 3."""
    try:
        if not message.flags & v3.PRIV:
            scoped = _open_scoped(datagram, message, None, b"")
            _, behind = ber.read_integer(scoped.box, scoped.at, scoped.end)
            return scoped.box[scoped.at : behind]
    except DecodeError:
        pass
    return ber.encode_integer(0)
