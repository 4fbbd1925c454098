"""Settings for agents: versions only rise, what is set last holds, an agent alone can read its own, and keys are announced with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from poller.central.receiving.document import line_of, needed_words, read_document, without_secrets
from poller.central.receiving.settings import Settings
from poller.central.store.tables import settings as table
from poller.errors import ConfigError, SealError
from poller.sealing.envelope import Kind
from poller.sealing.keys import SealingPublicKey, VerifyKey
from tests.central.agent import TestAgent
from tests.central.running import Running


async def let_hold(central: Running, line: bytes, *, site: str | None = None, agent: str | None = None) -> int:
    office = Settings(central.database, central.central.keys)
    return await office.set("acme", line, site=site, agent=agent, who="test", now_utc=central.clock.utc())


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("central.db*"))


async def fetch(agent: TestAgent, *, newer_than: int = -1) -> tuple[int, dict[str, object]]:
    answered = await agent.settings()
    assert (answered.status, answered.is_proven) == (200, True)
    opened = agent.open(answered.body, Kind.SETTINGS, newer_than=newer_than)
    return opened.header.number, json.loads(opened.lines[0])


async def test_an_agent_is_told_of_newer_settings_and_fetches_them(central: Running) -> None:
    agent = await central.agent()
    assert (await agent.heartbeat()).json == {"settings": 0}
    assert await let_hold(central, b'{"poll":{"every":"5m"}}', site="hamburg") == 1
    assert (await agent.heartbeat()).json == {"settings": 1}
    assert (await agent.send(1, agent.batch(1, [b'{"type":"event"}']))).json == {"result": "stored", "settings": 1}
    assert await fetch(agent) == (1, {"poll": {"every": "5m"}})


async def test_what_is_set_last_holds_and_always_has_the_higher_version(central: Running) -> None:
    agent, neighbour = await central.agent(), await central.agent()
    await let_hold(central, b'{"of":"site"}', site="hamburg")
    await let_hold(central, b'{"of":"agent"}', agent=agent.id)
    assert (await fetch(agent), await fetch(neighbour)) == ((2, {"of": "agent"}), (1, {"of": "site"}))
    await let_hold(central, b'{"of":"site again"}', site="hamburg")
    assert await fetch(agent, newer_than=2) == await fetch(neighbour, newer_than=1) == (3, {"of": "site again"})


async def test_a_version_is_above_what_an_agent_says_to_have_after_a_backup_was_restored_here(central: Running) -> None:
    agent = await central.agent()
    await agent.heartbeat(settings=41)
    assert await let_hold(central, b"{}", site="hamburg") == 42


async def test_settings_of_another_site_or_account_are_nobody_elses(central: Running) -> None:
    await central.administration.add_site("acme", "bremen", now_utc=central.clock.utc())
    await central.add_site("globex", "hamburg")
    here, there, elsewhere = await central.agent(), await central.agent("acme", "bremen"), await central.agent("globex", "hamburg")
    await let_hold(central, b"{}", site="hamburg")
    assert [(await one.settings()).status for one in (here, there, elsewhere)] == [200, 204, 204]
    body = (await here.settings()).body
    with pytest.raises(SealError):
        there.open(body, Kind.SETTINGS)


async def test_a_credential_is_never_in_clear_in_the_database(central: Running, tmp_path: Path) -> None:
    await let_hold(central, b'{"credential":[{"name":"x","community":"hush-hush"}]}', site="hamburg")
    async with central.database.reading() as db:
        (row,) = (await db.execute(table.select())).mappings().all()
    assert b"hush-hush" not in row["body"]
    assert b"hush-hush" not in all_bytes(tmp_path)


async def test_rotated_keys_are_announced_and_used_once_the_agent_has_them(central: Running) -> None:
    agent, keys = await central.agent(), central.central.keys
    await let_hold(central, b'{"poll":{"every":"5m"}}', site="hamburg")
    before = keys.signing.current.id
    keys.sealing_file.rotate()
    keys.signing_file.rotate()
    central.central.reload()
    assert await Settings(central.database, keys).announce_keys(who="test", now_utc=central.clock.utc()) == 1
    assert (await agent.heartbeat()).is_proven  # still by the old key: the agent knows no other
    version, document = await fetch(agent, newer_than=1)
    announced = document.pop("central_keys")
    assert document == {"poll": {"every": "5m"}}
    assert isinstance(announced, dict)
    assert [VerifyKey.from_text(text).id for text in announced["signing"]] == [keys.signing.current.id, before]
    agent.central_sealing = SealingPublicKey.from_text(announced["sealing"])
    assert (await agent.heartbeat(settings=version)).is_proven
    agent.central_signing = VerifyKey.from_text(announced["signing"][0])
    assert (await agent.heartbeat(settings=version)).is_proven
    assert (await agent.send(1, agent.batch(1, [b'{"type":"event"}']))).word == "stored"


async def test_a_process_that_did_not_hear_of_a_rotation_finds_the_new_key_when_it_has_to_announce_it(central: Running) -> None:
    agent, keys = await central.agent(), central.central.keys
    fresh = type(keys)(keys.sealing_file._file.path.parent).load()
    fresh.signing = fresh.signing_file.rotate()
    await Settings(central.database, fresh).announce_keys(who="test", now_utc=central.clock.utc())
    _, document = await fetch(agent)
    assert isinstance(document["central_keys"], dict)
    assert VerifyKey.from_text(document["central_keys"]["signing"][0]).id == fresh.signing.current.id


# --- the file an operator writes -------------------------------------------------------------------------------------------


def document_of(folder: Path, text: str, *, suffix: str = "toml") -> bytes:
    path = folder / f"settings.{suffix}"
    path.write_text(text)
    return line_of(read_document(path))


@pytest.mark.parametrize(
    "text,words",
    [
        ("", []),
        ('[poll]\nevery = "5m"', ["intervals"]),
        ("[sweep]\nat = 10:30:00", ["intervals"]),
        ('[sweep]\nexclude = ["10.0.0.1"]', ["exclusions"]),
        ('[[range]]\nname = "known-there"\nevery = "1h"', ["intervals"]),
        ('[[range]]\nname = "new"\nnetworks = ["10.7.0.0/24"]', ["ranges"]),
        ('[[range]]\nname = "known-there"\ncredentials = ["known-there-too"]', ["credentials"]),
        ('[[credential]]\nname = "new"\ncommunity = "invented"', ["credentials"]),
        ('[privacy]\nmask = ["hostname"]', ["masks"]),
        ('[[printer]]\nid = "10.0.0.7"\nevery = "1m"\n[privacy]\nresolution = "day"', ["intervals", "masks"]),
    ],
)
def test_a_file_says_what_an_agent_has_to_accept(tmp_path: Path, text: str, words: list[str]) -> None:
    assert needed_words(document_of(tmp_path, text)) == words


def test_json_is_as_good_as_toml(tmp_path: Path) -> None:
    in_json = document_of(tmp_path, '{"poll": {"every": "5m"}}', suffix="json")
    assert in_json == document_of(tmp_path, '[poll]\nevery = "5m"')


def test_every_fault_is_told_at_once_and_none_repeats_a_secret(tmp_path: Path) -> None:
    text = """
        [poll]
        evry = "5m"
        [exporter]
        listen = "0.0.0.0:1"
        [central_keys]
        [sweep]
        exclude = ["@names.txt"]
        [[credential]]
        community_file = "/etc/passwd"
        [[credential]]
        name = "a"
        community = 'invented\tsecret'
        [[range]]
        name = "new"
        networks = ["10.7.0.0/24", "10.8.0.0/99"]
    """
    with pytest.raises(ConfigError) as raised:
        needed_words(document_of(tmp_path, text))
    faults = "\n".join(raised.value.faults)
    for part in (
        "poll.'evry': no such setting; did you mean 'every'?",
        "exporter.listen: not a setting central may change",
        "'central_keys': no such section",
        "sweep.exclude: central names no files of this host",
        "credential[0].community_file: central names no files of this host",
        "credential[1].community: want a text",
        "range[0].networks[1]: 10.8.0.0/99",
    ):
        assert part in faults
    assert "secret" not in faults


@pytest.mark.parametrize("suffix,text", [("toml", "= ="), ("json", "[]"), ("json", "{"), ("toml", "\udcff")])
def test_a_file_that_is_none_is_a_fault_that_names_it(tmp_path: Path, suffix: str, text: str) -> None:
    path = tmp_path / f"settings.{suffix}"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError) as raised:
        read_document(path)
    assert str(path) in str(raised.value)


def test_a_file_too_long_for_an_agent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        document_of(tmp_path, f'[sweep]\nexclude = ["{"x" * 300_000}"]')


def test_shown_settings_hide_their_secrets() -> None:
    document = {"credential": [{"name": "a", "community": "invented", "auth_password": "invented too"}], "poll": {"every": "5m"}}
    assert without_secrets(document) == {
        "credential": [{"name": "a", "community": "<secret>", "auth_password": "<secret>"}],
        "poll": {"every": "5m"},
    }
