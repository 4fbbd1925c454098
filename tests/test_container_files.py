"""What a site gets to run the agent in a container: linted, validated, and held to what docs/container.md promises."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from poller.central.config import load as load_central
from tests.conftest import ROOT
from tests.test_project import CENTRAL_DEPENDENCIES, DEPENDENCIES
from tests.whole.processes import environment

RealPart = Callable[[str], str]
COMPOSE = ROOT / "compose.yaml"
LOCKS = {name: (ROOT / f"requirements{name}.lock").read_text() for name in ("", "-agent", "-build", "-central")}
AGENT, CENTRAL, PROMETHEUS, ALERTMANAGER, GRAFANA = "poller", "central", "prometheus", "alertmanager", "grafana"


def run(*command: str | Path, **variables: str) -> str:
    """Return what *command* said; fail with it when it is not content."""
    done = subprocess.run(list(map(str, command)), cwd=ROOT, env=environment(variables), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def services() -> dict[str, dict[str, Any]]:
    return dict(yaml.safe_load(COMPOSE.read_text())["services"])


def resolved(real_part: RealPart, **variables: str) -> dict[str, dict[str, Any]]:
    """Return the services as docker-compose understands them."""
    return dict(yaml.safe_load(run(real_part("docker-compose"), "--file", COMPOSE, "config", **variables))["services"])


# --- the image ---


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    assert json.loads(run(Path(sys.executable).parent / "hadolint", "--format", "json", "Dockerfile")) == []


def test_the_image_is_built_from_listed_files_alone() -> None:
    listed = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), flags=re.MULTILINE)
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"
    assert sorted(listed) == sorted(name for line in copied for name in line.split())
    assert [name for name in listed if not (ROOT / name).exists()] == []


def pins(text: str) -> dict[str, set[str]]:
    """Return name with version -> its hashes."""
    entries = re.split(r"\n(?=[a-z0-9])", text)[1:]
    return {entry.partition("\\")[0].strip(): set(re.findall(r"sha256:\w+", entry)) for entry in entries}


def names(pinned: Iterable[str]) -> set[str]:
    return {canonicalize_name(Requirement(pin).name) for pin in pinned}


@pytest.mark.parametrize("part", ["agent", "central"])
def test_what_an_image_runs_with_is_what_is_tested(part: str) -> None:
    tested, shipped = pins(LOCKS[""]), pins(LOCKS[f"-{part}"])
    wanted = [*DEPENDENCIES, *(CENTRAL_DEPENDENCIES if part == "central" else ())]
    assert names(shipped) >= {canonicalize_name(one.name) for one in wanted}
    assert {pin: tested.get(pin) for pin in shipped} == shipped, "run: make lock"


def test_the_agents_image_has_nothing_of_what_central_alone_needs() -> None:
    assert not {canonicalize_name(one.name) for one in CENTRAL_DEPENDENCIES} & names(pins(LOCKS["-agent"]))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_lock_pins_by_hash_and_names_no_address(lock: str) -> None:
    assert [pin for pin, hashes in pins(LOCKS[lock]).items() if not hashes or "==" not in pin] == []
    assert "://" not in LOCKS[lock]


# --- the site ---


def test_docker_compose_accepts_the_site_with_nothing_but_its_networks(real_part: RealPart) -> None:
    agent = resolved(real_part, POLLER_SWEEP_TARGETS="192.0.2.0/24")[AGENT]
    assert agent["environment"]["POLLER_SWEEP_TARGETS"] == "192.0.2.0/24"


def test_docker_compose_refuses_what_it_does_not_know(real_part: RealPart, tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(COMPOSE.read_text().replace("read_only:", "readonly:"))
    with pytest.raises(AssertionError, match="Unsupported config option"):
        run(real_part("docker-compose"), "--file", wrong, "config", "--quiet")


def test_a_site_is_four_services_and_central_comes_when_it_is_asked_for(real_part: RealPart) -> None:
    profiles = {name: service.get("profiles") for name, service in services().items()}
    assert profiles == dict.fromkeys((AGENT, PROMETHEUS, ALERTMANAGER, GRAFANA)) | {CENTRAL: ["central"]}
    central = resolved(real_part, CENTRAL_LISTEN="0.0.0.0")[CENTRAL]
    assert central["ports"] == ["0.0.0.0:8717:8717/tcp"]
    assert central["build"]["args"]["PART"] == "central"


def test_central_of_the_site_keeps_everything_in_its_volume(real_part: RealPart) -> None:
    assert (services()[CENTRAL]["read_only"], services()[CENTRAL]["volumes"]) == (True, ["central-data:/var/lib/poller"])
    told = load_central(None, resolved(real_part)[CENTRAL]["environment"])
    assert told.database.url.reveal() == "sqlite:////var/lib/poller/central.db"
    assert told.keys_folder == Path("/var/lib/poller/keys")
    assert (told.server.address, told.server.listen.port) == ("http://central:8717", 8717)


def test_the_token_of_the_dealer_reaches_the_agent(real_part: RealPart) -> None:
    told = resolved(real_part, POLLER_CENTRAL_TOKEN_FILE="/run/secrets/central-token")[AGENT]["environment"]
    # None: not set in the container. Empty it would be a slip, which the agent warns of.
    assert (told["POLLER_CENTRAL_TOKEN"], told["POLLER_CENTRAL_TOKEN_FILE"]) == (None, "/run/secrets/central-token")


def test_every_service_is_pinned_bounded_restarted_and_without_rights() -> None:
    for name, service in services().items():
        assert service["restart"] == "unless-stopped", name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        if name not in (AGENT, CENTRAL):  # built here
            assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name


def test_the_agent_can_write_to_its_volume_and_its_scratch_folder_alone() -> None:
    agent = services()[AGENT]
    assert agent["read_only"] is True
    assert [mount for mount in agent["volumes"] if not mount.endswith(":ro")] == ["poller-state:/var/lib/poller"]
    assert [mount.partition(":")[0] for mount in agent["tmpfs"]] == ["/tmp"]


def test_only_notifications_come_in_from_beyond_this_host() -> None:
    ports = [(name, port) for name, service in services().items() for port in service["ports"]]
    here = ("127.0.0.1:", "${GRAFANA_LISTEN:-127.0.0.1}:", "${CENTRAL_LISTEN:-127.0.0.1}:")
    assert [one for one in ports if not one[1].startswith(here)] == [(AGENT, "162:1162/udp")]


def test_grafana_can_be_opened_to_the_house(real_part: RealPart) -> None:
    assert resolved(real_part)[GRAFANA]["ports"] == ["127.0.0.1:3000:3000/tcp"]
    assert resolved(real_part, GRAFANA_LISTEN="0.0.0.0")[GRAFANA]["ports"] == ["0.0.0.0:3000:3000/tcp"]


def test_every_file_a_service_is_given_exists() -> None:
    mounts = [mount for service in services().values() for mount in service["volumes"]]
    files = [re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", mount).partition(":")[0] for mount in mounts]
    own = {file for file in files if file.startswith("./") and not file.startswith("./secrets/")}
    assert len(own) >= 7
    assert [file for file in own if not (ROOT / file).exists()] == []


def test_no_password_stands_in_the_site_but_the_one_grafana_has_anyway() -> None:
    variables = [f"{name}={value}" for service in services().values() for name, value in service.get("environment", {}).items()]
    assert [one for one in variables if "PASSWORD" in one] == ["GF_SECURITY_ADMIN_PASSWORD=${GRAFANA_ADMIN_PASSWORD:-admin}"]
    assert "community" not in COMPOSE.read_text()


# --- its configuration ---


def test_promtool_accepts_the_configuration_of_the_site(real_part: RealPart, tmp_path: Path) -> None:
    (tmp_path / "rules").symlink_to(ROOT / "prometheus" / "rules")  # as compose.yaml lays them
    (tmp_path / "prometheus.yml").write_bytes((ROOT / "compose" / "prometheus.yml").read_bytes())
    count = len(list((ROOT / "prometheus" / "rules").glob("*.yml")))
    assert f"{count} rule files found" in run(real_part("promtool"), "check", "config", tmp_path / "prometheus.yml")


def test_amtool_accepts_the_configuration_of_the_site(real_part: RealPart) -> None:
    assert "1 receivers" in run(real_part("amtool"), "check-config", ROOT / "compose" / "alertmanager.yml")


def test_prometheus_of_the_site_says_as_its_example_does() -> None:
    mine, example = (
        yaml.safe_load(path.read_text()) for path in (ROOT / "compose/prometheus.yml", ROOT / "prometheus/examples/prometheus.yml")
    )
    jobs = {job["job_name"]: job for job in example["scrape_configs"]}
    assert mine["scrape_configs"] == [jobs["poller"], jobs["poller-live"]]
    assert (mine["global"], mine["alerting"]) == (example["global"], example["alerting"])


def test_the_agents_configuration_of_the_site_has_no_fault() -> None:
    run(sys.executable, "-m", "poller", "check", "--config", "compose/agent/poller.toml", POLLER_SWEEP_TARGETS="192.0.2.0/24")


def test_grafana_of_the_site_finds_prometheus_and_dashboards_where_they_are_mounted() -> None:
    (source,) = yaml.safe_load((ROOT / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((ROOT / "grafana/provisioning/dashboards/poller.yml").read_text())["providers"]
    assert source["url"] == f"http://{PROMETHEUS}:9090"
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in services()[GRAFANA]["volumes"]
