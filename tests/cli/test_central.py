"""`poller central …`: what the dealer's people type, in a folder of its own, and what they see."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from poller.sealing.token import Token
from tests.cli.central_shell import Shell, verbs


@pytest.fixture
def run(shell: Shell) -> Shell:
    shell("account", "add", "acme", "--title", "Acme GmbH")
    shell("site", "add", "acme", "hamburg")
    return shell


@pytest.mark.parametrize("words", list(verbs()), ids=" ".join)
def test_every_verb_has_help_with_an_example(words: tuple[str, ...], shell: Shell) -> None:
    text, _ = shell(*words, "--help")
    assert "Example" in text
    assert f"poller central {' '.join(words)}" in text


def test_accounts_and_sites_are_listed(run: Shell) -> None:
    (account,) = run.rows("account", "list")
    assert (account["account"], account["title"], account["sites"], account["agents"]) == ("acme", "Acme GmbH", 1, 0)
    (site,) = run.rows("site", "list", "acme")
    assert (site["site"], site["agents"], site["seen_utc"]) == ("hamburg", 0, None)
    assert run.rows("site", "list", "globex") == []
    assert "Acme GmbH" in run("account", "list")[0]


@pytest.mark.parametrize(
    "arguments,says",
    [
        (["account", "add", "acme"], "there is an account acme already"),
        (["account", "add", "Acme GmbH"], "is no name of account"),
        (["site", "add", "acme", "hamburg"], "has a site hamburg already"),
        (["site", "add", "globex", "berlin"], "there is no account globex"),
        (["token", "new", "--account", "acme", "--site", "berlin", "--address", "http://h"], "poller central site add acme berlin"),
        (["token", "new", "--account", "acme", "--site", "hamburg", "--address", "http://h", "--valid", "91d"], "at most 90 days"),
        (["token", "new", "--account", "acme", "--site", "hamburg", "--address", "h"], "set [server] address, or give --address"),
        (["token", "revoke", "ffff"], "no unused tokens begin with ffff"),
        (["agent", "show", "a-1"], "no agents begin with a-1"),
        (["agent", "revoke", "1"], "no agents begin with a-1"),
        (["settings", "show", "--account", "acme", "--site", "hamburg"], ""),
    ],
)
def test_what_cannot_be_done_is_said_with_a_way_out(run: Shell, arguments: list[str], says: str) -> None:
    assert says in run(*arguments, code=1)[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["token", "new", "--account", "acme", "--site", "hamburg"],
        ["token", "new", "--account", "acme", "--site", "hamburg", "--address", "http://h", "--valid", "soon"],
        ["settings", "show"],
        ["settings", "show", "--agent", "a-1", "--site", "hamburg"],
        ["settings", "set", "nothing.toml", "--account", "acme", "--site", "hamburg"],
    ],
)
def test_wrong_usage_is_2(run: Shell, arguments: list[str]) -> None:
    assert run(*arguments, code=2)[1] != ""


def test_a_token_is_printed_once_and_alone(run: Shell) -> None:
    out, err = run("token", "new", "--account", "acme", "--site", "hamburg", "--address", "http://127.0.0.1:8717", "--valid", "12h")
    token = Token.parse(out)
    assert out == token.reveal() + "\n"
    assert token.address == "http://127.0.0.1:8717"
    assert "POLLER_CENTRAL_TOKEN_FILE" in err
    (row,) = run.rows("token", "list")
    assert (row["account"], row["site"], row["state"]) == ("acme", "hamburg", "open")
    assert token.reveal_secret().hex() not in json.dumps(row)
    run("token", "revoke", str(row["token"]))
    assert run.rows("token", "list", "acme")[0]["state"] == "revoked"


def test_the_address_of_a_token_comes_from_the_configuration(run: Shell, folder: Path) -> None:
    (folder / "central.toml").write_text('[server]\naddress = "https://central.example.com/poller"\n')
    out, _ = run("token", "new", "--account", "acme", "--site", "hamburg")
    assert Token.parse(out).address == "https://central.example.com/poller"


def test_keys_are_rotated_announced_and_retired(run: Shell) -> None:
    before = run.rows("keys", "show")
    assert [(row["kind"], row["current"]) for row in before] == [("sealing", True), ("signing", True)]
    assert re.search(r"announced with 1 sets", run("keys", "rotate")[0])
    assert [row["current"] for row in run.rows("keys", "show")] == [True, False, True, False]
    for row in before:
        run("keys", "retire", str(row["id"]))
    after = run.rows("keys", "show")
    assert len(after) == 2
    assert not {row["id"] for row in after} & {row["id"] for row in before}
    assert "no older key" in run("keys", "retire", str(after[0]["id"]), code=3)[1]


def test_settings_are_checked_stored_and_shown_without_their_secrets(run: Shell, folder: Path) -> None:
    file = folder / "settings.toml"
    file.write_text('[poll]\nevery = "5m"\n[[credential]]\nname = "office"\ncommunity = "hush-hush"\n')
    out, err = run("settings", "set", "settings.toml", "--account", "acme", "--site", "hamburg")
    assert out == "version 1\n"
    assert err == "An agent takes it if its [central] accept names intervals, credentials.\n"
    shown = run("settings", "show", "--account", "acme", "--site", "hamburg")[0]
    assert "hush-hush" not in shown
    assert json.loads(shown)["settings"] == {"poll": {"every": "5m"}, "credential": [{"name": "office", "community": "<secret>"}]}
    file.write_text('[poll]\nevry = "5m"\n[exporter]\nlisten = "0.0.0.0:1"\n')
    faults = run("settings", "set", "settings.toml", "--account", "acme", "--site", "hamburg", code=2)[1]
    assert len(faults.splitlines()) == 2
    assert run("settings", "show", "--account", "acme", "--site", "hamburg")[0] == shown


def test_a_folder_that_cannot_be_used_is_the_host(run: Shell, folder: Path) -> None:
    (folder / "file").write_text("")
    (folder / "central.toml").write_text('[keys]\nfolder = "file/keys"\n')
    assert "[keys] folder" in run("account", "list", code=3)[1]


@pytest.mark.parametrize("words", [["serve"], ["migrate"], ["account", "list"], ["agent", "list"], ["keys", "rotate"]], ids=" ".join)
def test_without_its_packages_it_says_what_to_install(run: Shell, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    for name in [name for name in sys.modules if name.startswith(("sqlalchemy", "poller.central"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    assert "pip install 'poller[central]'" in run(*words, code=3)[1]
