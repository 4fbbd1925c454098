"""`--json`: what `poller central` answers to a program, verb by verb."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from poller.cli import app as cli
from poller.cli.central import central
from poller.sealing.token import Token

WITHOUT = {"serve"}
"""Verbs nobody waits for an answer of."""


def verbs(command: Any, *words: str) -> Iterator[tuple[str, set[str]]]:
    """Yield every verb with its options, of a group of typer's or of one verb."""
    below = getattr(command, "commands", None)
    if below is None:
        yield " ".join(words), {option for parameter in command.params for option in parameter.opts}
        return
    for name, one in below.items():
        yield from verbs(one, *words, name)


ALL = dict(verbs(typer.main.get_command(central)))


@pytest.mark.parametrize("words", sorted(ALL.keys() - WITHOUT))
def test_every_verb_has_json(words: str) -> None:
    assert "--json" in ALL[words]


@pytest.mark.usefixtures("on_both")
def test_what_was_done_is_told_as_one_object(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> Any:
        """Run a verb; return the one JSON it printed."""
        assert cli.main(["central", *arguments, "--json"]) == 0
        (line,) = capsys.readouterr().out.splitlines()
        return json.loads(line)

    assert run("migrate")["migrated"] is True
    assert run("account", "add", "acme", "--title", "Acme GmbH") == {"account": "acme", "title": "Acme GmbH"}
    assert run("site", "add", "acme", "hamburg") == {"account": "acme", "site": "hamburg", "title": None}
    assert run("site", "zone", "acme", "hamburg", "Europe/Berlin")["zone"] == "Europe/Berlin"

    made = run("token", "new", "--account", "acme", "--site", "hamburg", "--address", "http://127.0.0.1:8717")
    assert Token.parse(made["token"]).address == made["address"] == "http://127.0.0.1:8717"
    listed = run("token", "list")["token"]
    assert run("token", "revoke", listed) == {"token": listed, "account": "acme", "site": "hamburg", "revoked": True}

    assert run("location", "set", "acme", "K-100", "--title", "Kantine") == {"location": "K-100", "title": "Kantine"}
    assert run("location", "remove", "acme", "K-100") == {"location": "K-100", "removed": True}
    assert run("contact", "set", "acme", "7", "--phone", "1") == {"contact": "7", "phone": "1"}
    assert run("contact", "remove", "acme", "7") == {"contact": "7", "removed": True}
    article = {"account": "-", "model": "HP*", "kind": "toner", "colour": "", "article": "CF410X"}
    assert run("catalogue", "set", "HP*", "toner", "CF410X").items() >= article.items()
    assert run("catalogue", "list").items() >= article.items()
    person = run("user", "add", "Tom Muster", "--role", "technician")["user"]
    assert run("user", "remove", person) == {"user": person, "removed": True}

    (folder / "settings.toml").write_text('[poll]\nevery = "5m"\n')
    place = ("--account", "acme", "--site", "hamburg")
    assert run("settings", "set", "settings.toml", *place) == {"version": 1, "needs": ["intervals"]}
    assert run("settings", "show", *place)["settings"] == {"poll": {"every": "5m"}}
    assert cli.main(["central", "keys", "show", "--json"]) == 0
    old = [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()]
    assert run("keys", "rotate") == {"rotated": ["sealing", "signing"], "announced": 1}
    assert run("keys", "retire", old[0]) == {"id": old[0], "retired": True}


def test_the_sql_of_many_machines_is_a_statement_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["central", "distribute", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"sql": "SELECT create_reference_table('account')"} in lines


@pytest.mark.usefixtures("folder")
def test_what_is_not_there_is_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["account", "add", "acme"], ["site", "add", "acme", "hamburg"]):
        assert cli.main(["central", *arguments]) == 0
    assert cli.main(["central", "settings", "show", "--account", "acme", "--site", "hamburg", "--json"]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "nothing was set\n")
