"""An SNMPv3 agent for tests, RFC 3414 section 3.2 from the other side. That both sides are right is shown against net-snmp's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from poller.model import Credential, Secret, Target, User
from poller.snmp import ber, usm, v3
from tests.snmp.datagrams import integer, tlv, varbind

AUTH, PRIV = 1, 2
REPORT, RESPONSE = 0xA8, 0xA2
STATS = "1.3.6.1.6.3.15.1.1"
LEVELS, TIME, USER, ENGINE, DIGEST, DECRYPTION = (f"{STATS}.{n}.0" for n in range(1, 7))

_AUTH, _PRIV = Secret("auth-invented"), Secret("priv-invented")
MONITOR = User(name="monitor", auth="sha256", auth_password=_AUTH, priv="aes128", priv_password=_PRIV)
SIGNER = User(name="signer", auth="sha1", auth_password=_AUTH)
GUEST = User(name="guest")


def credential_of(user: User, context: str = "") -> Credential:
    return Credential(name=f"v3-{user.name}", version="3", user=user, context=context)


def keys_of(user: User, engine_id: bytes) -> usm.Keys:
    passwords = [one.reveal() if one is not None else "" for one in (user.auth_password, user.priv_password)]
    return usm.keys_of(user.auth, passwords[0], user.priv, passwords[1], engine_id)


@dataclass
class V3Agent:
    """`answers` gives the varbinds to a request's PDU, which is (bytes, from, to). `received` lists (flags, report or "") of each."""

    engine_id: bytes = b"\x80\x00\x1f\x88\x04invented"
    boots: int = 3
    seconds: int = 1000
    users: tuple[User, ...] = (MONITOR, SIGNER, GUEST)
    tells_time: bool = True
    answers: Callable[[bytes, int, int], bytes] = lambda box, at, end: varbind("1.3.6.1.2.1.1.5.0", tlv(4, b"prn-1"))
    received: list[tuple[int, str]] = field(default_factory=list)

    def script(self, request: bytes, _: int) -> Iterable[bytes]:
        return [self.respond(request)]

    def respond(self, request: bytes) -> bytes:
        message = v3.read_message(request)
        report, user = self._judge(request, message)
        self.received.append((message.flags, report))
        if report == TIME:
            return self.seal(message.message_id, REPORT, varbind(report, integer(1, 0x41)), user, AUTH)
        if report:
            return self.seal(message.message_id, REPORT, varbind(report, integer(1, 0x41)), GUEST, 0)
        assert user is not None
        box, at, end = request, message.at, message.end
        if message.flags & PRIV:
            assert user.priv is not None
            at, end = ber.read_element(request, at, end, tag=ber.OCTET_STRING)
            keys = keys_of(user, self.engine_id)
            box = usm.decrypt(user.priv, keys.priv, message.boots, message.seconds, message.priv_parameters, request[at:end])
            at, end = 0, len(box)
        at, end = ber.read_element(box, at, end, tag=ber.SEQUENCE)
        _, at = ber.read_element(box, at, end, tag=ber.OCTET_STRING)
        _, at = ber.read_element(box, at, end, tag=ber.OCTET_STRING)
        return self.seal(message.message_id, RESPONSE, self.answers(box, at, end), user, message.flags & (AUTH | PRIV))

    def _judge(self, request: bytes, message: v3.Message) -> tuple[str, User | None]:
        """Return the report due, or "", and the user who asks."""
        user = next((one for one in self.users if one.name.encode() == message.user), None)
        if message.engine_id != self.engine_id:
            return ENGINE, None
        if user is None:
            return USER, None
        if (message.flags & AUTH and not user.auth) or (message.flags & PRIV and not user.priv):
            return LEVELS, None
        if message.flags & AUTH:
            assert user.auth is not None
            key = keys_of(user, self.engine_id).auth
            if not usm.is_signed(user.auth, key, request, message.digest_at, message.digest_end):
                return DIGEST, None
            if message.boots != self.boots or abs(message.seconds - self.seconds) > 150:
                return TIME, user
        return "", user

    def seal(
        self, number: int, kind: int, varbinds: bytes, user: User | None, flags: int, *, request_id: int | None = None, salt: int = 7
    ) -> bytes:
        """Return a message of this engine; *request_id* is the PDU's where it is not the message's."""
        user = user or GUEST
        boots, seconds = (self.boots, self.seconds) if flags & AUTH or self.tells_time else (0, 0)
        keys = keys_of(user, self.engine_id)
        body = integer(number if request_id is None else request_id) + integer(0) + integer(0) + tlv(0x30, varbinds)
        data = tlv(0x30, tlv(4, self.engine_id) + tlv(4, b"") + tlv(kind, body))
        parameters = b""
        if flags & PRIV:
            assert user.priv is not None
            data, parameters = usm.encrypt(user.priv, keys.priv, boots, seconds, salt, data)
            data = tlv(4, data)
        octets = usm.DIGESTS[user.auth].octets if flags & AUTH and user.auth else 0
        head = integer(3) + tlv(0x30, integer(number) + integer(65507) + tlv(4, bytes([flags])) + integer(3))

        def message(digest: bytes) -> bytes:
            names = tlv(4, self.engine_id) + integer(boots) + integer(seconds) + tlv(4, user.name.encode())
            return tlv(0x30, head + tlv(4, tlv(0x30, names + tlv(4, digest) + tlv(4, parameters))) + data)

        if not octets:
            return message(b"")
        assert user.auth is not None
        return message(usm.sign(user.auth, keys.auth, message(bytes(octets))))


def target_of(address: tuple[str, int], user: User = MONITOR) -> Target:
    return Target(address=address[0], port=address[1], credential=credential_of(user))
