"""What is shipped for a host without Docker: the unit, its example of settings, and the script that installs both."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from configparser import RawConfigParser
from pathlib import Path

import pytest

from poller.cli.app import VERBS
from poller.config import load
from tests.conftest import ROOT

PACKAGING = ROOT / "packaging"
UNIT = PACKAGING / "poller.service"
DROP_IN = PACKAGING / "port-162.conf"
ENVIRONMENT = PACKAGING / "poller.env.example"
INSTALL = PACKAGING / "install"


def directives(path: Path) -> dict[str, list[str]]:
    """Return the values of every directive, whatever section it stands in."""
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def variables(*, with_remarks: bool) -> dict[str, str]:
    """Return what the example sets; *with_remarks* what it suggests in remarks, too."""
    pattern = re.compile(r"^#?(POLLER_[A-Z0-9_]+)=(.*)$" if with_remarks else r"^(POLLER_[A-Z0-9_]+)=(.*)$", re.MULTILINE)
    return dict(pattern.findall(ENVIRONMENT.read_text()))


def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path, real_part: Callable[[str], str]) -> None:
    program = tmp_path / "poller"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "poller.service"
    unit.write_text(UNIT.read_text().replace("/opt/poller/current/bin/poller", str(program)).replace("User=poller", "User=root"))
    folder = tmp_path / "poller.service.d"
    folder.mkdir()
    (folder / DROP_IN.name).write_text(DROP_IN.read_text())
    done = subprocess.run(
        [real_part("systemd-analyze"), "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    ours = [line for line in done.stderr.splitlines() if "poller" in line]
    assert (done.returncode, ours) == (0, [])


def test_systemd_finds_little_left_to_attack(tmp_path: Path, real_part: Callable[[str], str]) -> None:
    command = [real_part("systemd-analyze"), "security", "--offline=true", "--threshold=20", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"SYSTEMD_COLORS": "0"})
    assert done.returncode == 0, done.stdout[-2000:]
    assert "OK" in done.stdout.splitlines()[-1]


def test_the_unit_can_be_parsed_and_starts_verbs_there_are() -> None:
    unit = RawConfigParser(strict=False, delimiters="=")
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(UNIT.read_text())
    assert unit.sections() == ["Unit", "Service", "Install"]
    started = [value for key, values in directives(UNIT).items() if key.startswith("ExecStart") for value in values]
    assert [value.split()[0] for value in started] == ["/opt/poller/current/bin/poller"]
    assert {value.split()[1] for value in started} <= set(VERBS)


def test_the_unit_gives_no_privilege_and_the_drop_in_one() -> None:
    ours = directives(UNIT)
    assert ours["CapabilityBoundingSet"] == ours["AmbientCapabilities"] == [""]
    assert ours["NoNewPrivileges"] == ["yes"] and ours["ProtectSystem"] == ["strict"]
    assert set(directives(DROP_IN)) == {"CapabilityBoundingSet", "AmbientCapabilities"}
    assert all(values == ["CAP_NET_BIND_SERVICE"] for values in directives(DROP_IN).values())


def test_every_variable_of_unit_and_example_is_a_setting(tmp_path: Path) -> None:
    community = tmp_path / "community"
    community.write_text("invented\n")
    web = tmp_path / "web.yml"
    web.write_text("{}\n")
    of_unit = dict(word.split("=", 1) for word in directives(UNIT)["Environment"][0].split() if word.startswith("POLLER_"))
    given = of_unit | variables(with_remarks=True)
    given |= {"POLLER_CREDENTIAL_0_COMMUNITY_FILE": str(community), "POLLER_EXPORTER_WEB_CONFIG_FILE": str(web)}
    config = load(None, given)
    assert config.state.folder == Path("/var/lib/poller")
    assert (config.site.name, len(config.ranges), config.credentials[0].name) == ("hamburg", 1, "office")


def test_the_example_holds_no_secret() -> None:
    assert [name for name in variables(with_remarks=True) if re.search(r"(COMMUNITY|PASSWORD|TOKEN)$", name)] == []


def test_the_install_script_is_posix_shell_and_names_files_there_are() -> None:
    subprocess.run(["sh", "-n", str(INSTALL)], check=True)
    assert os.access(INSTALL, os.X_OK)
    named = re.findall(r"\$(here|checkout)/([\w.-]+)", INSTALL.read_text())
    assert {name for _, name in named} >= {"poller.service", "poller.env.example", "requirements-agent.lock", "requirements-build.lock"}
    assert [name for where, name in named if not ((PACKAGING if where == "here" else ROOT) / name).exists()] == []


@pytest.mark.parametrize("python", ["/nowhere/python", "false"])
def test_the_install_script_ends_early_without_a_python_it_can_use(python: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", str(INSTALL), "--only-files"],
        env={"PATH": os.environ["PATH"], "PYTHON": python, "FOLDER": str(tmp_path / "made")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Python 3.11" in done.stderr
    assert not (tmp_path / "made").exists()
    assert sys.version_info >= (3, 11)


# --- the timer that fetches a newer image ---

UPDATE_UNITS = [PACKAGING / "poller-update.service", PACKAGING / "poller-update.timer"]


def test_systemd_finds_no_fault_in_the_update_units(tmp_path: Path, real_part: Callable[[str], str]) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for unit in UPDATE_UNITS:
        (tmp_path / unit.name).write_text(unit.read_text().replace("/usr/bin/docker", str(program)))
    command = [real_part("systemd-analyze"), "verify", "--man=no", *(str(tmp_path / unit.name) for unit in UPDATE_UNITS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    ours = [line for line in done.stderr.splitlines() if "poller" in line]
    assert (done.returncode, ours) == (0, [])


def test_the_update_service_pulls_then_starts_and_builds_nothing() -> None:
    pull, up = directives(UPDATE_UNITS[0])["ExecStart"]
    assert pull.split()[1:3] == ["compose", "pull"]
    assert up.split()[1:3] == ["compose", "up"]
    assert "--no-build" in up
    assert directives(UPDATE_UNITS[0])["Type"] == ["oneshot"]
    assert {"RandomizedDelaySec", "Persistent"} <= set(directives(UPDATE_UNITS[1]))
