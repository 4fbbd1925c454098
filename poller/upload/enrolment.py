"""How an agent becomes one of central's: by a token somebody typed, once.

    our keys, on the disk ─> GET /v1/keys ─> are they those of the token? ─> POST /v1/enrol ─> identity, on the disk

Killed between any two of these, the next start does the same with the same keys, and central answers them alike. The token's secret is
sealed to keys the token itself names, so it is told to no other server, and never in clear.
"""

from __future__ import annotations

import asyncio
import base64

import msgspec

from poller import __version__
from poller.errors import RefusedError, SealError, UnreachedError
from poller.sealing.envelope import Kind, seal
from poller.sealing.keyring import KeyRing
from poller.sealing.keys import SealingKey, SealingPublicKey, SigningKey, VerifyKey
from poller.sealing.signed import open_signed
from poller.sealing.token import Token
from poller.upload.client import CentralClient
from poller.upload.identity import Identity, Papers, Pinned, hash_of_token

HELPLESS = frozenset({"token-used", "token-expired", "agent-revoked", "conflict"})
"""Refusals that trying again cannot change."""

_AGENT_ID_DIGITS = 32
_NAME_MAX = 200


class _Shown(msgspec.Struct, frozen=True):
    sealing: str
    signing: str


class _Enrolled(msgspec.Struct, frozen=True):
    agent: str
    account: str = ""
    site: str | None = None


def agent_id_of(key: SigningKey) -> str:
    """Return the name an agent has at central: it follows from its key, so that nobody else can have it."""
    return f"a-{key.id[:_AGENT_ID_DIGITS]}"


async def enrol(client: CentralClient, papers: Papers, token_text: str, *, site: str | None) -> Pinned:
    """Enrol by this token and return the identity, which is on the disk by then.

    Raises UnreachedError (also when the server shows other keys than the token names: it is not our central), RefusedError when central
    does not take the token, HostError when the files cannot be written.
    """
    token = Token.parse(token_text)
    signing, sealing = papers.keys()
    theirs_sealing, theirs_signing = await fetch_keys(client)
    try:
        token.check_keys(theirs_sealing, theirs_signing)
    except SealError as error:
        raise UnreachedError("in-between", str(error)) from error
    body = _application(token, signing.current, sealing, to=theirs_sealing, site=site)
    reply = await client.ask("POST", "/v1/enrol", body, key=signing.current, resolve={theirs_signing.id: theirs_signing}.get)
    agent = agent_id_of(signing.current)
    try:
        opened = open_signed(reply.body, {theirs_signing.id: theirs_signing}.get, sealing, kind=Kind.ENROLLED, agent_id=agent)
        enrolled = msgspec.json.decode(opened.lines[0], type=_Enrolled)
    except (SealError, msgspec.MsgspecError) as error:
        raise RefusedError("bad-answer", f"its answer cannot be read: {error}", status=reply.status) from error
    if enrolled.agent != agent:
        raise RefusedError("bad-answer", "it answers about another agent", status=reply.status)
    identity = Identity(
        agent=agent,
        account=enrolled.account[:_NAME_MAX],
        site=(enrolled.site or "")[:_NAME_MAX],
        address=token.address,
        sealing=theirs_sealing.text(),
        signing=(theirs_signing.text(),),
        token_hash=hash_of_token(token_text),
    )
    return await asyncio.to_thread(papers.write, identity)


def _application(token: Token, signing: SigningKey, sealing: KeyRing[SealingKey], *, to: SealingPublicKey, site: str | None) -> bytes:
    line = {
        "secret": base64.b64encode(token.reveal_secret()).decode(),
        "signing": signing.public.text(),
        "sealing": sealing.current.public.text(),
        "site": site,
        "version": __version__,
    }
    return seal([msgspec.json.encode(line)], to=to, kind=Kind.ENROLMENT, agent_id=agent_id_of(signing), number=0)


async def fetch_keys(client: CentralClient) -> tuple[SealingPublicKey, VerifyKey]:
    """Return the keys the server shows, as yet unproven. Raises UnreachedError."""
    reply = await client.fetch("/v1/keys")
    try:
        shown = msgspec.json.decode(reply.body, type=_Shown)
        return SealingPublicKey.from_text(shown.sealing), VerifyKey.from_text(shown.signing)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, SealError):
        raise UnreachedError("in-between", f"{client.address} is no central: its answer has no keys") from None
