"""What agents are to go by: checked as an agent would, sealed for the database, sealed and signed for the one that fetches it.

The body is the settings as their TOML has them, as one line of JSON: `{"poll": {"every": "5m"}, "range": [{"networks": [...]}]}`. Which of
them an agent lets central change, and within which limits, is decided there (`[central] accept`, `[sweep] allowed`); what it does not take
it tells with its next heartbeat.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.keys import Keys
from poller.central.receiving.answers import RefusalError
from poller.central.store import agents, settings
from poller.central.store.agents import KnownAgent
from poller.central.store.database import Database
from poller.errors import HostError, SealError
from poller.sealing.envelope import Kind, seal
from poller.sealing.keys import SealingPublicKey
from poller.sealing.signed import sign_sealed

SIGNING_ANNOUNCED_MAX = 4
"""The newest ones; more than that an agent need not believe at a time."""
VERSION_MAX = 2**53 - 1
"""As far as every JSON reader counts exactly."""


ANNOUNCED = "central_keys"
"""The member of a body that is no section: the keys central is known by from now on. It goes with every set once there are several."""


class Settings:
    """The settings of all agents; central's store key seals them in the database."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database, self._keys = database, keys

    async def set(
        self, account: str, line: bytes, *, site: str | None = None, agent: str | None = None, who: str, now_utc: datetime
    ) -> int:
        """Let *line* hold for one agent, or for all of a site. Returns its version, higher than all before in this account."""
        async with self._database.writing() as db:
            return await self._add(db, account, line, site=site, agent=agent, who=who, now_utc=now_utc)

    async def announce_keys(self, *, who: str, now_utc: datetime) -> int:
        """Set everything that holds once more, so that every agent fetches it, and with it the keys there are now. Returns how many sets.

        Each account is one transaction. The order in which things were set stays, so that the same holds for everybody as before.
        """
        count = 0
        async with self._database.reading() as db:
            accounts = [str(row["account"]) for row in await agents.accounts(db)]
        for account in accounts:
            async with self._database.writing() as db:
                known = await settings.newest_of_every(db, account)
                bare = {str(row["site"]) for row in await agents.sites(db, account)} - {one.site for one in known}
                sets: list[tuple[str | None, str | None, bytes]] = [(site, None, b"{}") for site in sorted(bare)]
                sets += [(one.site, one.agent, self._open(account, one)) for one in known]
                for site, agent, line in sets:
                    await self._add(db, account, line, site=site, agent=agent, who=who, now_utc=now_utc)
                count += len(sets)
        return count

    async def fetch(self, one: KnownAgent) -> bytes | None:
        """Return the signed envelope for *one*, None when nothing was ever set for it."""
        async with self._database.reading() as db:
            version = await settings.newest(db, one.account, site=one.site, agent=one.agent)
            kept = await settings.load(db, one.account, version) if version else None
        if kept is None:
            return None
        if self._keys.signing.get(kept.signing) is None:
            self._reload_keys()
        to, line = SealingPublicKey.from_text(one.sealing), self._with_keys(self._open(one.account, kept))
        envelope = seal([line], to=to, kind=Kind.SETTINGS, agent_id=one.agent, number=version)
        return sign_sealed(envelope, self._keys.signer(one.pinned_signing))

    async def learned_key(self, db: AsyncConnection, one: KnownAgent, version: int) -> str:
        """Return by which of our keys to answer an agent that goes by *version*: the newest it was told of."""
        kept = await settings.load(db, one.account, version) if version else None
        if kept is None or kept.signing == one.pinned_signing or self._keys.signing.get(kept.signing) is None:
            return one.pinned_signing
        concerns = kept.agent == one.agent or kept.site == one.site
        return kept.signing if concerns else one.pinned_signing

    async def show(self, account: str, *, site: str | None = None, agent: str | None = None) -> tuple[settings.Version, bytes] | None:
        """Return what was set last for exactly this site or agent, and its line, secrets and all."""
        async with self._database.reading() as db:
            kept = await settings.newest_of(db, account, site=site, agent=agent)
        return None if kept is None else (kept, self._open(account, kept))

    async def _add(
        self, db: AsyncConnection, account: str, line: bytes, *, site: str | None, agent: str | None, who: str, now_utc: datetime
    ) -> int:
        version = await settings.next_version(db, account)
        body, signing = self._keys.store.seal(line, _about(account, version)), self._keys.signing.current.id
        await settings.add(db, account, version, site=site, agent=agent, body=body, signing=signing, who=who, now_utc=now_utc)
        subject = f"site {site}" if agent is None else f"agent {agent}"
        await agents.note(db, account, who=who, what="set-settings", subject=f"{subject}, version {version}", now_utc=now_utc)
        return version

    def _reload_keys(self) -> None:
        """Take up what another process rotated. Raises RefusalError."""
        try:
            self._keys.load()
        except HostError as error:
            raise RefusalError("unavailable", "central's own keys cannot be read", retry_seconds=300) from error

    def _with_keys(self, line: bytes) -> bytes:
        if len(self._keys.signing) == 1 and len(self._keys.sealing) == 1:
            return line
        document = msgspec.json.decode(line, type=dict[str, object])
        signing = [key.public.text() for key in self._keys.signing]
        document[ANNOUNCED] = {"sealing": self._keys.sealing.current.public.text(), "signing": signing[:SIGNING_ANNOUNCED_MAX]}
        return msgspec.json.encode(document)

    def _open(self, account: str, kept: settings.Version) -> bytes:
        try:
            return self._keys.store.open(kept.body, _about(account, kept.version))
        except SealError as error:
            raise RefusalError("unavailable", "these settings cannot be read here: the store key is another", retry_seconds=3600) from error


def _about(account: str, version: int) -> bytes:
    return f"settings {account} {version}".encode()


class SettingsRefused(msgspec.Struct, frozen=True):
    """Which version an agent did not take, and why, in its own words."""

    version: int
    reason: str


class Health(msgspec.Struct, frozen=True, tag_field="type", tag="health"):
    """A heartbeat: how an agent fares that has nothing to send. Absent stays absent."""

    at: datetime
    schema: int = 1
    version: str | None = None
    printers: int | None = None
    silent: int | None = None
    waiting: int | None = None
    quarantined: int | None = None
    settings: int = 0
    settings_refused: SettingsRefused | None = None
    update: object = None


_HEALTH_CHARACTERS_MAX = 10_000


def read_heartbeat(line: bytes) -> Health:
    """Return what an agent says of itself. Raises RefusalError."""
    if len(line) > _HEALTH_CHARACTERS_MAX:
        raise RefusalError("too-large", f"a heartbeat has at most {_HEALTH_CHARACTERS_MAX} bytes")
    try:
        health = msgspec.json.decode(line, type=Health)
    except (ValueError, RecursionError) as error:
        raise RefusalError("bad-lines", "the heartbeat is not one line of health") from error
    if not 0 <= health.settings <= VERSION_MAX:
        raise RefusalError("bad-lines", "the heartbeat names a version there is not")
    return health
