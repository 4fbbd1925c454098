"""The environment over the file: names, numbers, precedence, and variables that are not ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from poller.config import load
from poller.config.catalogue import SETTINGS, section_named, variable
from poller.errors import ConfigError

FILE = """
[sweep]
rate = 100
[[credential]]
name = "office"
community = "of-the-file"
[[range]]
name = "hq"
networks = ["10.1.0.0/24"]
"""


def faults_of(**environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        load(None, environ)
    return raised.value.faults


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "poller.toml"
    path.write_text(FILE)
    return path


def test_the_environment_wins_over_the_file(file: Path) -> None:
    assert load(file, {}).sweep.rate_per_second == 100
    assert load(file, {"POLLER_SWEEP_RATE": "200"}).sweep.rate_per_second == 200


def test_an_empty_variable_counts_as_not_set(file: Path) -> None:
    assert load(file, {"POLLER_SWEEP_RATE": "", "POLLER_RANGE_1_NETWORKS": ""}) == load(file, {})


def test_numbered_variables_change_tables_of_the_file_and_add_new_ones(file: Path) -> None:
    config = load(
        file,
        {"POLLER_RANGE_0_LOCATION": "ground floor", "POLLER_RANGE_1_NETWORKS": "10.2.0.0/24,10.3.0.0/24", "POLLER_RANGE_1_PORT": "1161"},
    )
    hq, added = config.ranges
    assert (hq.name, hq.location) == ("hq", "ground floor")
    assert (added.name, len(added.networks), added.port) == ("range-1", 2, 1161)


def test_numbers_have_no_gap() -> None:
    assert faults_of(POLLER_RANGE_2_NETWORKS="10.1.0.0/24", POLLER_RANGE_0_NETWORKS="10.2.0.0/24") == (
        "POLLER_RANGE_2_NETWORKS: there is no range 1; number them from 0, without a gap",
    )


def test_ten_tables_are_counted_as_numbers_not_as_texts() -> None:
    config = load(None, {f"POLLER_RANGE_{n}_NETWORKS": f"10.{n}.0.0/24" for n in range(12)})
    assert [str(range_.networks[0]) for range_ in config.ranges] == [f"10.{n}.0.0/24" for n in range(12)]


def test_a_secret_of_the_environment_replaces_the_other_way_of_the_file(file: Path, tmp_path: Path) -> None:
    secret = tmp_path / "community"
    secret.write_text("of-the-secret-file\n")
    config = load(file, {"POLLER_CREDENTIAL_0_COMMUNITY_FILE": str(secret)})
    assert config.credentials[0].community.reveal() == "of-the-secret-file"
    assert config.credentials[0].name == "office"


def test_a_secret_given_both_ways_in_the_environment_is_a_fault() -> None:
    faults = faults_of(POLLER_CREDENTIAL_0_COMMUNITY="invented-secret", POLLER_CREDENTIAL_0_COMMUNITY_FILE="/nowhere")
    assert faults == ("POLLER_CREDENTIAL_0_COMMUNITY_FILE: set together with community; keep one, better the file",)


@pytest.mark.parametrize(
    "name,hint",
    [
        ("POLLER_SWEEP_TARGET", "; did you mean 'POLLER_SWEEP_TARGETS'?"),
        ("POLLER_CREDENTIAL_3_COMUNITY", "; did you mean 'POLLER_CREDENTIAL_3_COMMUNITY'?"),
        ("POLLER_CREDENTIAL_COMMUNITY_FILE", "; did you mean 'POLLER_CREDENTIAL_0_COMMUNITY_FILE'?"),
        ("POLLER_SWEEP_0_RATE", "; did you mean 'POLLER_SWEEP_RATE'?"),
        ("POLLER_QQQ", "; docs/settings.md lists them all"),
    ],
)
def test_an_unknown_variable_is_a_fault_with_a_suggestion_and_without_its_value(name: str, hint: str) -> None:
    assert faults_of(**{name: "invented-secret"}) == (f"{name}: no such setting{hint}",)


def test_what_kubernetes_and_docker_make_up_is_passed_over() -> None:
    made_up = {
        "POLLER_PORT": "tcp://10.96.0.7:9717",
        "POLLER_PORT_9717_TCP": "tcp://10.96.0.7:9717",
        "POLLER_PORT_9717_TCP_ADDR": "10.96.0.7",
        "POLLER_SERVICE_HOST": "10.96.0.7",
        "POLLER_SERVICE_PORT": "9717",
        "POLLER_SERVICE_PORT_METRICS": "9717",
        "POLLER_CENTRAL_SERVICE_HOST": "10.96.0.8",
        "POLLER_CENTRAL_PORT": "tcp://10.96.0.8:443",
        "POLLER_CONFIG": "poller.toml",
    }
    assert load(None, made_up) == load(None, {})


def test_a_port_that_is_no_service_link_is_a_fault() -> None:
    assert faults_of(POLLER_PORT="9717") == ("POLLER_PORT: no such setting; did you mean 'POLLER_RANGE_0_PORT'?",)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: f"{setting.section}.{setting.key}")
def test_every_setting_is_known_in_the_environment(setting: object) -> None:
    (found,) = [known for known in SETTINGS if known is setting]
    section = section_named(found.section)
    assert section is not None
    name = variable(found, 0 if section.is_list else None)
    try:
        load(None, {name: "\x07"})
    except ConfigError as error:
        assert not any("no such setting" in fault for fault in error.faults)
