"""Enrolment: a one-time token makes the keys an agent brings those of an agent of one site.

The request is signed by the key it brings, and the secret inside is sealed to us, so a stranger learns nothing and can offer no key but
its own. The answer may be lost on the way: the same keys, coming again with the token they used, are answered alike, for as long as the
agent is not revoked. Everybody else is told "used".
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from poller.central.receiving.answers import RefusalError
from poller.central.receiving.receive import open_envelope
from poller.central.store import agents
from poller.central.store.agents import KnownAgent, KnownToken
from poller.central.store.database import Database
from poller.central.store.tables import VERSION_CHARACTERS_MAX
from poller.errors import SealError
from poller.logs import printable
from poller.sealing.envelope import Kind, read_header, seal
from poller.sealing.keyring import KeyRing
from poller.sealing.keys import SealingKey, SealingPublicKey, SigningKey, VerifyKey
from poller.sealing.signatures import AGE_SECONDS_MAX, AHEAD_SECONDS_MAX, Proof
from poller.sealing.signed import sign_sealed
from poller.sealing.token import hash_of

ENROLMENT_BYTES_MAX = 16_384
NONCE_SECONDS = AGE_SECONDS_MAX + AHEAD_SECONDS_MAX
"""For how long a recorded request could be taken for a fresh one: made a minute ahead, it is good for five minutes more."""

_AGENT_ID_DIGITS = 32


class _Claim(msgspec.Struct, frozen=True):
    """What an agent brings, as it came."""

    secret: str
    signing: str
    sealing: str
    site: str | None = None
    version: str = ""


class Applicant(msgspec.Struct, frozen=True):
    """Who wants to be let in: keys that are ones, and the id that follows from them."""

    agent: str
    secret: bytes
    signing: VerifyKey
    sealing: SealingPublicKey
    version: str


def read_claim(body: bytes, keys: KeyRing[SealingKey]) -> Applicant:
    """Return who asks, as yet unproven. Raises RefusalError."""
    try:
        header = read_header(body)
    except SealError as error:
        raise RefusalError("bad-envelope", f"the envelope was refused: {error}") from error
    if header.plain_bytes > ENROLMENT_BYTES_MAX:
        raise RefusalError("too-large", "an enrolment is one short line")
    opened = open_envelope(body, keys, kind=Kind.ENROLMENT, agent=header.agent_id)
    try:
        claim = msgspec.json.decode(opened.lines[0], type=_Claim)
        secret = base64.b64decode(claim.secret, validate=True)
        signing, sealing = VerifyKey.from_text(claim.signing), SealingPublicKey.from_text(claim.sealing)
    except (ValueError, binascii.Error, SealError) as error:
        raise RefusalError("bad-lines", "the enrolment is not what it should be: secret, signing and sealing key") from error
    if header.agent_id != agent_id_of(signing.id):
        raise RefusalError("bad-envelope", "the agent id does not follow from the signing key")
    return Applicant(header.agent_id, secret, signing, sealing, printable(claim.version)[:VERSION_CHARACTERS_MAX])


def agent_id_of(signing_key_id: str) -> str:
    return f"a-{signing_key_id[:_AGENT_ID_DIGITS]}"


async def enrol(
    database: Database, applicant: Applicant, proof: Proof, *, current: SigningKey, now_utc: datetime
) -> tuple[KnownAgent, bytes]:
    """Let *applicant*, whose request is proven, in. Returns the agent and the signed envelope that tells it so. Raises RefusalError."""
    refused: RefusalError | None = None
    one: KnownAgent | None = None
    async with database.writing() as db:
        known_token = await agents.find_token(db, hash_of(applicant.secret))
        if known_token is None:
            raise RefusalError("token-unknown", "this token is not one of this central's")
        account = known_token.account
        if not await agents.admit_nonce(db, account, key_id=proof.key_id, word=proof.nonce, now_utc=now_utc, keep_seconds=NONCE_SECONDS):
            raise RefusalError("replay", "a request that was here before")
        known = await agents.find_agent(db, applicant.signing.id)
        try:
            _judge(known_token, known, applicant, now_utc)
            one = await _let_in(db, known_token, known, applicant, current=current, now_utc=now_utc)
        except RefusalError as error:
            refused = error
        what = "enrol" if refused is None else f"enrol-{refused.word}"
        await agents.note(
            db,
            account,
            who=f"agent {applicant.agent}",
            what=what,
            subject=f"site {known_token.site}, token {known_token.hash[:12]}",
            now_utc=now_utc,
            is_refused=refused is not None,
        )
    if one is None:
        assert refused is not None
        raise refused
    line = msgspec.json.encode({"agent": one.agent, "account": one.account, "site": one.site})
    answer = seal([line], to=applicant.sealing, kind=Kind.ENROLLED, agent_id=one.agent, number=0)
    return one, sign_sealed(answer, current)


def _judge(token: KnownToken, known: KnownAgent | None, applicant: Applicant, now_utc: datetime) -> None:
    """Return when the token lets these keys in. Raises RefusalError."""
    if known is not None and known.is_revoked:
        raise RefusalError("agent-revoked", "this agent is no longer let in: let it make new keys, and give it a new token")
    if token.used_by is not None:
        if token.used_by != applicant.signing.id:
            raise RefusalError("token-used", "this token was used by another agent")
        return
    if token.revoked_utc is not None:
        raise RefusalError("token-unknown", "this token was revoked")
    if now_utc >= token.expires_utc:
        raise RefusalError("token-expired", "this token has expired: ask for a new one")
    if known is not None and known.account != token.account:
        raise RefusalError("conflict", "these keys are those of an agent of another account: let it make new ones")


async def _let_in(
    db: AsyncConnection,
    token: KnownToken,
    known: KnownAgent | None,
    applicant: Applicant,
    *,
    current: SigningKey,
    now_utc: datetime,
) -> KnownAgent:
    if known is not None and known.sealing != applicant.sealing.text():
        raise RefusalError("conflict", "the signing key is known, the sealing key is another: let it make new ones")
    if token.used_by is None:
        await agents.use_token(db, token.hash, key_id=applicant.signing.id, now_utc=now_utc)
    one = KnownAgent(
        account=token.account,
        agent=applicant.agent,
        site=token.site,
        key_id=applicant.signing.id,
        signing=applicant.signing.text(),
        sealing=applicant.sealing.text(),
        pinned_signing=current.id,
        is_revoked=False,
        settings_version=0 if known is None else known.settings_version,
    )
    if known is None:
        await agents.add_agent(db, one, version=applicant.version, now_utc=now_utc)
    else:  # an answer was lost, or it moves to the site of a new token
        values = {"site": one.site, "pinned_signing": one.pinned_signing, "seen_utc": now_utc, "version": applicant.version}
        await agents.update_agent(db, one.account, one.agent, **values)
    return one
