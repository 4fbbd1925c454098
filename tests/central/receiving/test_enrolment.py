"""A token lets one agent in, once; a lost answer is given again; everybody else is told why not."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from poller.central.store import agents
from poller.sealing.envelope import Kind
from poller.sealing.keys import SealingKey, SigningKey
from poller.sealing.token import Token
from tests.central.agent import Answered, TestAgent
from tests.central.running import Running


def facts(agent: TestAgent, answered: Answered) -> dict[str, str]:
    assert (answered.status, answered.is_proven) == (200, True), answered
    found: dict[str, str] = json.loads(agent.open(answered.body, Kind.ENROLLED).lines[0])
    return found


async def log(central: Running) -> set[tuple[str, bool]]:
    async with central.database.reading() as db:
        return {(row["what"], row["is_refused"]) for row in await agents.audit_log(db, "acme", rows_max=100)}


async def test_a_token_makes_an_agent_of_a_site(central: Running) -> None:
    agent = central.stranger()
    answered = await agent.enrol(await central.token())
    assert facts(agent, answered) == {"agent": agent.id, "account": "acme", "site": "hamburg"}
    shown = await central.administration.find_agent(agent.id)
    assert (shown["site"], shown["version"], shown["key_id"]) == ("hamburg", "0.0-test", agent.signing.id)
    assert await log(central) == {("add-account", False), ("add-site", False), ("new-token", False), ("enrol", False)}


async def test_a_lost_answer_is_given_again_even_after_the_token_expired(central: Running) -> None:
    agent, token = central.stranger(), await central.token()
    first = await agent.enrol(token)
    central.clock.advance(8 * 86400)
    assert facts(agent, await agent.enrol(token)) == facts(agent, first)
    async with central.database.reading() as db:
        assert len(await agents.agents(db)) == 1


async def test_a_used_token_lets_nobody_else_in(central: Running) -> None:
    token = await central.token()
    await central.stranger().enrol(token)
    answered = await central.stranger().enrol(token)
    assert (answered.status, answered.word, answered.is_proven) == (403, "token-used", True)
    assert ("enrol-token-used", True) in await log(central)


async def test_an_expired_token_lets_nobody_in(central: Running) -> None:
    token = await central.token(valid=timedelta(hours=1))
    central.clock.advance(3600)
    answered = await central.stranger().enrol(token)
    assert (answered.status, answered.word, answered.is_proven) == (403, "token-expired", True)


async def test_a_token_of_nobody_is_unknown(central: Running) -> None:
    agent = central.stranger()
    await agent.meet()
    assert agent.central_sealing is not None
    assert agent.central_signing is not None
    expires_utc = central.clock.utc() + timedelta(days=1)
    forged = Token.make(central.address, agent.central_sealing, agent.central_signing, expires_utc=expires_utc)
    answered = await agent.enrol(forged)
    assert (answered.status, answered.word, answered.is_proven) == (403, "token-unknown", True)


async def test_a_revoked_token_is_unknown(central: Running) -> None:
    token = await central.token()
    (row,) = await central.administration.tokens("acme", now_utc=central.clock.utc())
    await central.administration.revoke_token(row["token"], now_utc=central.clock.utc())
    assert (await central.stranger().enrol(token)).word == "token-unknown"


async def test_a_recorded_enrolment_counts_once(central: Running) -> None:
    agent, token = central.stranger(), await central.token()
    await agent.meet()
    claim = {"secret": "AAAA", "signing": agent.signing.public.text(), "sealing": agent.sealing.public.text()}
    body = agent.envelope(Kind.ENROLMENT, [json.dumps(claim).encode()])
    assert (await agent.post("/v1/enrol", body)).word == "token-unknown"
    await agent.enrol(token)
    request = agent.sign("POST", "/v1/enrol", body)
    assert [(await agent.deliver(request)).word for _ in range(2)] == ["token-unknown", "token-unknown"]
    good = agent.sign("POST", "/v1/enrol", (await enrolment_body(agent, token)))
    assert [(await agent.deliver(good)).status for _ in range(2)] == [200, 409]


async def enrolment_body(agent: TestAgent, token: Token) -> bytes:
    claim = {
        "secret": base64.b64encode(token.reveal_secret()).decode(),
        "signing": agent.signing.public.text(),
        "sealing": agent.sealing.public.text(),
        "site": None,
        "version": "1",
    }
    return agent.envelope(Kind.ENROLMENT, [json.dumps(claim).encode()])


async def test_nobody_enrols_a_key_it_cannot_sign_with(central: Running) -> None:
    agent, token = central.stranger(), await central.token()
    await agent.meet()
    body = await enrolment_body(agent, token)
    agent.signing = SigningKey.generate()
    answered = await agent.post("/v1/enrol", body)
    assert (answered.status, answered.word, answered.is_proven) == (401, "bad-signature", False)


async def test_an_agent_id_follows_from_the_key(central: Running) -> None:
    agent, token = central.stranger(), await central.token()
    await agent.meet()
    agent.id = "a-chosen-by-myself"
    answered = await agent.post("/v1/enrol", await enrolment_body(agent, token))
    assert (answered.status, answered.word) == (400, "bad-envelope")


@pytest.mark.parametrize(
    "claims", [{"signing": "no key"}, {"sealing": SigningKey.generate().public.text()}, {"secret": "%"}, {"secret": 5}]
)
async def test_a_claim_that_is_none_is_refused(central: Running, claims: dict[str, object]) -> None:
    answered = await central.stranger().enrol(await central.token(), **claims)
    assert (answered.status, answered.word) == (400, "bad-lines")


async def test_a_long_enrolment_is_refused_unopened(central: Running) -> None:
    answered = await central.stranger().enrol(await central.token(), site="x" * 20_000)
    assert (answered.status, answered.word) == (413, "too-large")


async def test_a_revoked_agent_needs_new_keys(central: Running) -> None:
    agent = await central.agent()
    await central.administration.revoke_agent(agent.id, now_utc=central.clock.utc())
    assert (await agent.enrol(await central.token())).word == "agent-revoked"


async def test_an_agent_moves_to_the_site_of_a_new_token_and_never_to_another_account(central: Running) -> None:
    await central.administration.add_site("acme", "bremen", now_utc=central.clock.utc())
    await central.add_site("globex", "berlin")
    agent = await central.agent()
    assert facts(agent, await agent.enrol(await central.token("acme", "bremen")))["site"] == "bremen"
    answered = await agent.enrol(await central.token("globex", "berlin"))
    assert (answered.status, answered.word, answered.is_proven) == (409, "conflict", True)
    agent.sealing = SealingKey.generate()
    assert (await agent.enrol(await central.token())).word == "conflict"


async def test_a_clock_that_is_wrong_is_told_so_before_the_token_is_spent(central: Running) -> None:
    agent, token = central.stranger(), await central.token()
    agent.skew = timedelta(days=400)
    answered = await agent.enrol(token)
    assert (answered.word, answered.is_proven) == ("clock-skew", True)
    agent.skew = timedelta()
    assert (await agent.enrol(token)).status == 200


async def test_no_secret_of_a_token_is_in_the_database_or_the_log(central: Running, caplog: pytest.LogCaptureFixture) -> None:
    token = await central.token()
    await central.stranger().enrol(token)
    await central.stranger().enrol(token)
    text = caplog.text + str([getattr(record, "fields", None) for record in caplog.records])
    async with central.database.reading() as db:
        for table in ("token", "audit", "agent", "agent_key"):
            text += str((await db.exec_driver_sql(f"SELECT * FROM {table}")).all())
    assert token.reveal() not in text
    assert token.reveal_secret().hex() not in text
    assert str(token.reveal_secret()) not in text
