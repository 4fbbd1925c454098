"""Builds notifications byte by byte, the way a printer would; v3 ones are sealed as a printer's engine does it."""

from __future__ import annotations

from poller.model import Credential, Secret, User
from poller.snmp import usm, v3
from poller.snmp.usm import Engine
from poller.snmp.v3 import Session
from tests.snmp.datagrams import integer, tlv, varbind

V2_ALERT = "1.3.6.1.2.1.43.18.2.0.1"
V1_ALERT = "1.3.6.1.2.1.43.18.2"
TRAP, INFORM = 0xA7, 0xA6

OWN_ID = bytes.fromhex("800000000501020304050607080910aa")
PRINTER_ID = bytes.fromhex("80000002010a0b0c0d")

MONITOR = User(name="monitor", auth="sha256", auth_password=Secret("auth-invented"), priv="aes128", priv_password=Secret("priv-invented"))
SIGNER = User(name="signer", auth="sha1", auth_password=Secret("auth-invented"))
GUEST = User(name="guest")
PUBLIC = Credential(name="public", version="2c", community=Secret("public"))


def credential(user: User) -> Credential:
    return Credential(name=user.name, version="3", user=user)


def address(text: str) -> bytes:
    return tlv(0x40, bytes(map(int, text.split("."))))


def oid_value(text: str) -> bytes:
    return varbind(text, b"")[2:]


def v1_trap(
    enterprise: str = V1_ALERT, generic: int = 6, specific: int = 1, *, agent: str = "0.0.0.0", community: bytes = b"public"
) -> bytes:
    alert = varbind("1.3.6.1.2.1.43.18.1.1.2.1.61", integer(3))
    body = oid_value(enterprise) + address(agent) + integer(generic) + integer(specific) + integer(4711, 0x43) + tlv(0x30, alert)
    return tlv(0x30, integer(0) + tlv(0x04, community) + tlv(0xA4, body))


def varbinds(kind: str = V2_ALERT, *, agent: str | None = None) -> bytes:
    out = varbind("1.3.6.1.2.1.1.3.0", integer(4711, 0x43)) + varbind("1.3.6.1.6.3.1.1.4.1.0", oid_value(kind))
    out += varbind("1.3.6.1.2.1.43.18.1.1.2.1.61", integer(3))
    return out + (varbind("1.3.6.1.6.3.18.1.3.0", address(agent)) if agent is not None else b"")


def pdu(tag: int = TRAP, kind: str = V2_ALERT, *, agent: str | None = None, request_id: int = 77) -> bytes:
    return tlv(tag, integer(request_id) + integer(0) * 2 + tlv(0x30, varbinds(kind, agent=agent)))


def v2_notification(tag: int = TRAP, kind: str = V2_ALERT, *, agent: str | None = None, community: bytes = b"public") -> bytes:
    return tlv(0x30, integer(1) + tlv(0x04, community) + pdu(tag, kind, agent=agent))


def session_of(user: User, engine: Engine) -> Session:
    passwords = [one.reveal() if one is not None else "" for one in (user.auth_password, user.priv_password)]
    keys = usm.keys_of(user.auth, passwords[0], user.priv, passwords[1], engine.engine_id)
    return Session(user.name, engine, keys, auth=user.auth, priv=user.priv)


def sealed(session: Session, content: bytes, *, now_at: float = 0.0, flags: int | None = None, message_id: int = 5, salt: int = 9) -> bytes:
    """Return a v3 message by the engine of *session* around the PDU *content*."""
    data = tlv(0x30, session.context_head + content)
    return v3.seal(session, data, message_id=message_id, flags=session.flags if flags is None else flags, now_at=now_at, salt=salt)


def v3_trap(
    user: User = MONITOR, *, engine_id: bytes = PRINTER_ID, boots: int = 3, seconds: int = 1000, flags: int | None = None, tag: int = TRAP
) -> bytes:
    return sealed(session_of(user, Engine(engine_id, boots, seconds, 0.0)), pdu(tag), flags=flags)


def v3_inform(user: User, boots: int, seconds: int, *, engine_id: bytes = OWN_ID, flags: int | None = None) -> bytes:
    session = session_of(user, Engine(engine_id, boots, seconds, 0.0))
    return sealed(session, pdu(INFORM), flags=(session.flags if flags is None else flags) | v3.REPORTABLE)
