"""central.toml: the agent's rules, another catalogue, another prefix; and its page says what the catalogue says."""

from __future__ import annotations

from pathlib import Path

import pytest

from poller.central.catalogue import CENTRAL, page
from poller.central.config import load
from poller.config import Listen
from poller.config import load as load_agents
from poller.config.document import catalogue_names, documented_names
from poller.errors import ConfigError

PAGE = Path(__file__).parent.parent.parent / "docs" / "central-settings.md"


def faults(path: Path | None, environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(path, environ)
    return list(raised.value.faults)


def test_without_a_file_it_runs_in_the_folder_it_is_started_in() -> None:
    config = load(None, {})
    assert config.server.listen == Listen("0.0.0.0", 8717)
    assert config.server.metrics_listen == Listen("127.0.0.1", 8718)
    assert config.database.url.reveal() == "sqlite:///central-data/central.db"
    assert config.keys_folder == Path("central-data/keys")
    assert (config.updates_folder, config.server.address, config.warnings) == (None, None, ())


def test_a_file_and_variables_over_it(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://poller:hush@db.example.com/poller\n")
    secret.chmod(0o600)
    path = tmp_path / "central.toml"
    path.write_text("""
        [server]
        listen = "127.0.0.1:1"
        address = "https://central.example.com/poller/"
        forwarded_for = true
        [database]
        url_file = "url"
        [keys]
        folder = "ours"
        [updates]
        folder = "updates"
    """)
    config = load(path, {"POLLERCENTRAL_SERVER_LISTEN": "127.0.0.1:2", "POLLERCENTRAL_SERVER_METRICS_LISTEN": "none"})
    assert (config.server.listen, config.server.metrics_listen) == (Listen("127.0.0.1", 2), None)
    assert (config.server.address, config.server.is_forwarded) == ("https://central.example.com/poller", True)
    assert config.database.url.reveal() == "postgresql://poller:hush@db.example.com/poller"
    assert (config.keys_folder, config.updates_folder) == (tmp_path / "ours", tmp_path / "updates")
    assert config.redacted()["server.listen"] == {"value": "127.0.0.1:2", "from": "POLLERCENTRAL_SERVER_LISTEN"}
    assert "hush" not in str(config)


def test_every_fault_comes_at_once_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "central.toml"
    path.write_text('[server]\nlisten = "8717"\naddres = "x"\n[sweep]\n[database]\nurl = "a"\nurl_file = "b"\n')
    found = faults(path, {"POLLERCENTRAL_SERVER_LISTN": "x", "POLLERCENTRAL_SERVER_ADDRESS": "ftp://user:hush@h"})
    assert len(found) == 6
    for part in ("did you mean 'address'?", "sweep: no such section", "did you mean 'POLLERCENTRAL_SERVER_LISTEN'?"):
        assert any(part in fault for fault in found), (part, found)
    assert "hush" not in str(found)


def test_the_two_programs_do_not_see_each_others_variables() -> None:
    """POLLER_CENTRAL_ADDRESS is where an agent finds central; one container may have both programs' variables."""
    assert load(None, {"POLLER_CENTRAL_ADDRESS": "http://192.0.2.1", "POLLER_SERVER_LISTEN": "x"}).server.address is None
    assert load_agents(None, {"POLLERCENTRAL_SERVER_LISTEN": "127.0.0.1:2", "POLLER_STATE_FOLDER": "none"}).central.address is None


def test_what_kubernetes_makes_up_is_passed_over() -> None:
    assert load(None, {"POLLERCENTRAL_PORT": "tcp://10.0.0.1:8717", "POLLERCENTRAL_SERVICE_HOST": "10.0.0.1"}).warnings == ()


def test_every_setting_is_documented_and_nothing_else() -> None:
    assert documented_names(PAGE.read_text()) == catalogue_names(CENTRAL)


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text() == page(), "run: python -m poller.central.catalogue > docs/central-settings.md"


BESIDE = {
    ("mail", ""): ("host", "from", "to"),
    ("mail", "user"): ("host", "from", "to", "password"),
    ("mail", "password"): ("host", "from", "to", "user"),
    ("mail", "password_file"): ("host", "from", "to", "user"),
    ("webhook", ""): ("url", "secret"),
    ("webhook", "secret_file"): ("url",),
}
"""What a setting, or any of its section, is nothing without."""


def test_every_example_and_default_is_one(tmp_path: Path) -> None:
    for setting in CENTRAL.settings:
        path = tmp_path / "central.toml"
        needed = BESIDE.get((setting.section, setting.key)) or BESIDE.get((setting.section, ""), ())
        beside = [one for one in CENTRAL.settings if one.key in needed]
        lines = {one.key: f"{one.key} = {one.example}\n" for one in (*beside, setting) if one.section == setting.section}
        path.write_text(f"[{setting.section}]\n" + "".join(lines.values()))
        if setting.key.endswith("_file") and setting.key != "ca_file":
            assert "no such file" in faults(path, {})[0]
        else:
            load(path, {})
