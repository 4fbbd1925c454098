"""Which SNMPv3 engine lives where, and which sessions are open with it. Bounded: what is forgotten is discovered again.

Kept per address and port, not per engine id: cloned devices share an id, and each of them has its own clock.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

import msgspec

from poller.model import Credential
from poller.snmp import usm
from poller.snmp.usm import Engine
from poller.snmp.v3 import Session

_ENGINES_MAX = 131_072
_SESSIONS_MAX = 4  # credentials that open one engine

Device = tuple[str, int]
"""Address and port, as the kernel says them."""


class KnownEngine(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the engine of one device, for those who remember it: its clock as of when it was taken."""

    address: str
    port: int
    engine_id: bytes
    boots: int
    time_seconds: int


class Engines:
    """The engines of all devices. *monotonic* is what their clocks go on by."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._peers: OrderedDict[Device, _Peer] = OrderedDict()  # by when they were asked last

    def __contains__(self, device: Device) -> bool:
        return device in self._peers

    def find(self, device: Device) -> Engine | None:
        peer = self._peers.get(device)
        if peer is None:
            return None
        self._peers.move_to_end(device)
        return peer.engine

    def keep(self, device: Device, engine: Engine) -> None:
        """Take *engine* as the one of *device*; sessions with another are over."""
        self._peers[device] = _Peer(engine)
        if len(self._peers) > _ENGINES_MAX:
            self._peers.popitem(last=False)

    def forget(self, device: Device) -> None:
        self._peers.pop(device, None)

    def find_session(self, device: Device, credential: Credential) -> Session | None:
        peer = self._peers.get(device)
        return None if peer is None else peer.find(credential)

    def keep_session(self, device: Device, credential: Credential, session: Session) -> None:
        """Keep *session* while its engine is that of *device*."""
        peer = self._peers.get(device)
        if peer is not None and peer.engine is session.engine:
            peer.add(credential, session)

    def take(self) -> tuple[KnownEngine, ...]:
        """Return those that have proven who they are, with their clocks as of now."""
        now_at = self._monotonic()
        known = []
        for (address, port), peer in self._peers.items():
            if peer.engine.is_authentic:
                boots, seconds = peer.engine.clock(now_at)
                known.append(KnownEngine(address=address, port=port, engine_id=peer.engine.engine_id, boots=boots, time_seconds=seconds))
        return tuple(known)

    def restore(self, engines: Iterable[KnownEngine], *, age_seconds: float) -> None:
        """Take up engines taken *age_seconds* ago. Their clocks are hints until each has proven itself again."""
        now_at = self._monotonic()
        for one in engines:
            seconds = min(one.time_seconds + max(0, int(age_seconds)), usm.BOOTS_MAX)
            self.keep((one.address, one.port), Engine(one.engine_id, one.boots, seconds, now_at))


class _Peer:
    """A device's engine, and the sessions of those credentials that were tried there."""

    __slots__ = ("_sessions", "engine")

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._sessions: list[tuple[Credential, Session]] = []

    def find(self, credential: Credential) -> Session | None:
        for known, session in self._sessions:
            if known is credential or known == credential:
                return session
        return None

    def add(self, credential: Credential, session: Session) -> None:
        del self._sessions[: -_SESSIONS_MAX + 1]
        self._sessions.append((credential, session))


def begin_session(credential: Credential, engine: Engine) -> Session:
    """Localise the keys of a v3 credential for one engine: milliseconds, so not in the loop."""
    user = credential.user
    assert user is not None
    passwords = [one.reveal() if one is not None else "" for one in (user.auth_password, user.priv_password)]
    keys = usm.keys_of(user.auth, passwords[0], user.priv, passwords[1], engine.engine_id)
    return Session(user.name, engine, keys, auth=user.auth, priv=user.priv, context=credential.context)
