"""From TOML and environment to one Config, or to every fault at once."""

from __future__ import annotations

import os
import shutil
from datetime import time
from pathlib import Path

import msgspec
import pytest

from poller.config import Config, State, load
from poller.config.kinds import Listen
from poller.errors import ConfigError
from poller.model import Credential, Secret
from poller.networks import HostName, parse
from tests.privileges import file_modes_hold

BAD_CONFIGS = Path(__file__).parent.parent / "bad_configs"


def load_toml(folder: Path, text: str, **environ: str) -> Config:
    path = folder / "poller.toml"
    path.write_text(text)
    return load(path, environ)


def faults_of(folder: Path, text: str, **environ: str) -> list[str]:
    """Return the faults, without the folder they were found in."""
    with pytest.raises(ConfigError) as raised:
        load_toml(folder, text, **environ)
    return [fault.replace(f"{folder}/", "") for fault in raised.value.faults]


@pytest.mark.parametrize("name", sorted(path.name for path in BAD_CONFIGS.glob("*.toml")))
def test_a_bad_config_gives_exactly_the_message_in_its_first_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD_CONFIGS)
    path = Path(name)
    with pytest.raises(ConfigError) as raised:
        load(path, {})
    assert raised.value.faults == (path.read_text().splitlines()[0].removeprefix("# "),)


@pytest.mark.parametrize("path", sorted(BAD_CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_no_fault_shows_a_secret(path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load(path, {})
    for secret in ("invented-secret", "4711", "second line"):
        assert secret not in str(raised.value)


def test_all_faults_come_together(tmp_path: Path) -> None:
    text = """
        [sweep]
        rat = 5
        timeout = "soon"
        targets = ["10.1.0.0/33", "10.1.0.0/24"]
        [[range]]
        networks = ["10.1.0.0/25"]
        credentials = ["offic"]
        [[credential]]
        name = "office"
        [charges]
        limit = 3
    """
    assert faults_of(tmp_path, text, POLLER_POLL_WROKERS="5", POLLER_LOG_LEVEL="loud") == [
        "poller.toml: sweep.rat: no such setting; did you mean 'rate'?",
        "poller.toml: charges: no such section; there are site, sweep, range, credential, poll, printer, traps, profiles, exporter, state,"
        " outbox, central, privacy, update, accounting, log",
        "POLLER_POLL_WROKERS: no such setting; did you mean 'POLLER_POLL_WORKERS'?",
        'poller.toml: sweep.timeout: want a duration "100ms" to "60s" (units ms, s, m, h, d), got \'soon\'',
        'POLLER_LOG_LEVEL: want "debug" or "info" or "warning" or "error", got \'loud\'',
        "poller.toml: credential[0].community_file: missing; want community_file, or community",
        "poller.toml: sweep.targets[0]: 10.1.0.0/33: the prefix length is not in 0..32",
        "poller.toml: range[0].credentials[0]: no [[credential]] has this name; did you mean 'office'?",
        "poller.toml: range[0].networks: 10.1.0.0/25 is in range 'range-0' and in range 'default'; exclude it from one of them",
    ]


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b"a = " + b"[" * 100_000, b"a = 0x" + b"f" * 5000, b"[sweep]\nrate = " + b"9" * 5000, b"\0", b"#" * (5 << 20)],
    ids=["not UTF-8", "nested", "huge hexadecimal", "huge number", "NUL", "too large"],
)
def test_any_bytes_give_a_fault_and_nothing_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "poller.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError):
        load(path, {})


def test_a_fifo_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ConfigError, match="not a regular file"):
        load(tmp_path / "fifo", {})


def test_without_anything_it_loads_and_says_there_is_nothing_to_sweep() -> None:
    config = load(None, {})
    assert config.ranges == ()
    assert config.warnings == ("nothing to sweep: there is no [[range]], no [sweep] targets and no POLLER_SWEEP_TARGETS",)


def test_with_nothing_but_targets_it_runs() -> None:
    config = load(None, {"POLLER_SWEEP_TARGETS": "10.1.0.0/24, 10.2.0.0/24", "PATH": "/bin"})
    (only,) = config.ranges
    assert (only.name, only.networks, only.port) == ("default", (parse("10.1.0.0/24"), parse("10.2.0.0/24")), 161)
    assert only.credentials == (
        Credential(name="public", version="2c", community=Secret("public")),
        Credential(name="public/v1", version="1", community=Secret("public")),
    )
    assert only.count_addresses() == 512
    assert config.warnings == ()


def test_defaults_are_those_of_the_design() -> None:
    config = load(None, {})
    assert (config.sweep.at, config.sweep.every_seconds, config.sweep.rate_per_second, config.sweep.retries) == (time(10), None, 300, 1)
    assert (config.poll.every_seconds, config.poll.timeout_seconds, config.poll.retries) == (900, 1, 2)
    assert config.exporter.listen == Listen("0.0.0.0", 9717)
    assert (config.exporter.stale_after_seconds, config.exporter.forget_after_seconds) == (86_400, 30 * 86_400)
    assert (config.log.level, config.log.format, config.site.name) == ("info", "logfmt", "")


def test_a_range_brings_its_own_and_takes_the_rest_from_the_sweep(tmp_path: Path) -> None:
    config = load_toml(
        tmp_path,
        """
        [sweep]
        exclude = ["10.1.0.1"]
        rate = 100
        [[range]]
        name = "hq"
        networks = ["10.1.0.0/24", "printer.example.com"]
        exclude = ["10.1.0.8/29"]
        credentials = ["b", "a/v1"]
        location = "2nd floor"
        [[range]]
        networks = ["10.2.0.0/24"]
        rate = 7
        port = 1161
        [[credential]]
        name = "a"
        community = "first"
        [[credential]]
        name = "b"
        version = "1"
        community = "second"
        """,
    )
    hq, second = config.ranges
    assert hq.networks == (parse("10.1.0.0/24"), HostName("printer.example.com"))
    assert hq.exclude == (parse("10.1.0.8/29"), parse("10.1.0.1"))
    assert hq.count_addresses() == 256 - 8 - 1 + 1
    assert [(credential.name, credential.version) for credential in hq.credentials] == [("b", "1"), ("a/v1", "1")]
    assert (hq.rate_per_second, hq.location, hq.port) == (100, "2nd floor", 161)
    assert (second.name, second.rate_per_second, second.port) == ("range-1", 7, 1161)
    assert [credential.name for credential in second.credentials] == ["a", "a/v1", "b"]


def test_ranges_may_touch_and_may_share_what_one_excludes(tmp_path: Path) -> None:
    text = """
        [[range]]
        networks = ["10.1.0.0/20", "10.3.0.0/24", "fd00::1", "printer.example.com"]
        exclude = ["10.1.5.0/24", "printer.example.com"]
        [[range]]
        networks = ["10.1.5.0/24", "10.3.1.0/24", "printer.example.com"]
    """
    assert len(load_toml(tmp_path, text).ranges) == 2


def test_every_pair_of_overlapping_ranges_is_named(tmp_path: Path) -> None:
    text = "".join(f'[[range]]\nnetworks = ["{network}"]\n' for network in ("10.1.0.0/16", "10.1.0.0/20", "10.1.5.0-10.1.6.0"))
    assert [fault.partition("; ")[0] for fault in faults_of(tmp_path, text, POLLER_SWEEP_ADDRESSES_MAX="1000000")] == [
        "poller.toml: range[1].networks: 10.1.0.0/20 is in range 'range-1' and in range 'range-0'",
        "poller.toml: range[2].networks: 10.1.5.0-10.1.6.0 is in range 'range-2' and in range 'range-0'",
        "poller.toml: range[2].networks: 10.1.5.0-10.1.6.0 is in range 'range-2' and in range 'range-1'",
    ]


def test_an_unknown_address_is_tried_with_three_credentials_and_it_is_said(tmp_path: Path) -> None:
    text = '[sweep]\ntargets = ["10.1.0.0/24"]\n' + "".join(f'[[credential]]\nname = "c{n}"\ncommunity = "x{n}"\n' for n in range(2))
    config = load_toml(tmp_path, text)
    assert [credential.name for credential in config.credentials] == ["c0", "c0/v1", "c1", "c1/v1"]
    assert [credential.name for credential in config.ranges[0].credentials] == ["c0", "c0/v1", "c1"]
    assert config.warnings == (
        "range 'default' names no credentials, and there are 4: an unknown address is tried with c0, c0/v1, c1 only",
    )


def test_a_range_of_which_nothing_is_left_is_said(tmp_path: Path) -> None:
    config = load_toml(tmp_path, '[sweep]\nexclude = ["10.0.0.0/8"]\n[[range]]\nname = "hq"\nnetworks = ["10.1.0.0/24"]\n')
    assert [warning.replace(f"{tmp_path}/", "") for warning in config.warnings] == [
        "poller.toml: range[0].networks: every address of range 'hq' is excluded"
    ]


def test_sweeping_every_so_often_replaces_the_time_of_day(tmp_path: Path) -> None:
    config = load_toml(tmp_path, '[sweep]\nevery = "4h"\n')
    assert (config.sweep.at, config.sweep.every_seconds) == (None, 14_400)


# --- target files


def test_a_target_file_has_one_target_a_line_and_comments(tmp_path: Path) -> None:
    (tmp_path / "networks.txt").write_text("# ours\n10.1.0.0/24   # the office\n\nprinter.example.com\r\n")
    config = load_toml(tmp_path, '[sweep]\ntargets = ["@networks.txt", "10.2.0.7"]\n')
    assert config.ranges[0].networks == (parse("10.1.0.0/24"), HostName("printer.example.com"), parse("10.2.0.7"))


def test_faults_of_a_target_file_name_file_and_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD_CONFIGS)
    with pytest.raises(ConfigError) as raised:
        load(None, {"POLLER_SWEEP_TARGETS": "@files/networks.txt"})
    assert raised.value.faults == (
        "files/networks.txt:2: 10.2.0.9-10.2.0.1: first address is after the last; did you mean 10.2.0.1-10.2.0.9?",
        "files/networks.txt:4: a file of targets names no other file",
    )


def test_a_file_that_is_no_target_list_does_not_bury_the_other_faults(tmp_path: Path) -> None:
    (tmp_path / "wrong.txt").write_text("10.0.0.300\n" * 1000)
    faults = faults_of(tmp_path, '[sweep]\ntargets = ["@wrong.txt"]\nrate = 0\n')
    assert len(faults) == 1 + 20 + 1
    assert faults[-1] == "wrong.txt: 980 more lines that are no targets"


# --- secrets


def test_a_secret_file_loses_its_final_newline_only(tmp_path: Path) -> None:
    for name, content in (("unix", "geheim \n"), ("windows", "geheim\r\n"), ("bare", "geheim")):
        secret = tmp_path / name
        secret.write_bytes(content.encode())
        secret.chmod(0o600)
    text = "".join(f'[[credential]]\nversion = "1"\ncommunity_file = "{name}"\n' for name in ("unix", "windows", "bare"))
    config = load_toml(tmp_path, text, POLLER_SWEEP_TARGETS="10.1.0.1")
    assert [credential.community.reveal() for credential in config.credentials] == ["geheim ", "geheim", "geheim"]
    assert config.warnings == ()


def test_a_secret_file_everyone_may_read_is_said_and_used(tmp_path: Path) -> None:
    (tmp_path / "community").write_text("geheim")
    (tmp_path / "community").chmod(0o644)
    config = load_toml(tmp_path, '[[credential]]\ncommunity_file = "community"\n', POLLER_SWEEP_TARGETS="10.1.0.1")
    assert config.credentials[0].community.reveal() == "geheim"
    assert [warning.replace(f"{tmp_path}/", "") for warning in config.warnings] == [
        "poller.toml: credential[0].community_file: community: everyone on this host may read it; chmod o-r"
    ]


def test_a_secret_file_without_permission_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "community").write_text("geheim")
    (tmp_path / "community").chmod(0)
    with file_modes_hold():
        faults = faults_of(tmp_path, '[[credential]]\ncommunity_file = "community"\n')
    assert faults == ["poller.toml: credential[0].community_file: community: no permission to read it"]


def test_state_is_kept_in_a_folder_here_unless_told(tmp_path: Path) -> None:
    assert load(None, {}).state == State(folder=Path("poller-data"), key_file=Path("poller-data/local.key"))
    assert load_toml(tmp_path, '[state]\nfolder = "data"\n').state == State(
        folder=tmp_path / "data", key_file=tmp_path / "data" / "local.key"
    )
    assert load_toml(tmp_path, '[state]\nkey_file = "secrets/key"\n', POLLER_STATE_FOLDER="data").state == State(
        folder=Path("data"), key_file=tmp_path / "secrets" / "key"
    )


@pytest.mark.parametrize("text, variable", [('[state]\nfolder = ""\n', ""), ("", "none"), ('[state]\nfolder = "data"\n', "none")])
def test_state_can_be_kept_nowhere(tmp_path: Path, text: str, variable: str) -> None:
    config = load_toml(tmp_path, text, POLLER_STATE_FOLDER=variable)
    assert config.state == State(folder=None, key_file=None)
    assert config.redacted()["state.folder"]["value"] == ""


def test_a_secret_is_in_no_repr_and_no_dump(tmp_path: Path) -> None:
    (tmp_path / "community").write_text("geheim-file")
    config = load_toml(
        tmp_path,
        '[[credential]]\ncommunity = "geheim-toml"\n[[credential]]\ncommunity_file = "community"\n',
        POLLER_CREDENTIAL_2_COMMUNITY="geheim-variable",
    )
    assert len(config.credentials) == 6
    assert "geheim" not in repr(config) + str(config) + str(config.redacted()) + str(msgspec.structs.asdict(config))
    with pytest.raises(TypeError):
        msgspec.json.encode(config)


def test_the_dump_says_where_each_value_came_from(tmp_path: Path) -> None:
    config = load_toml(tmp_path, '[poll]\nevery = 1800\n[[credential]]\ncommunity = "geheim"\n', POLLER_SWEEP_RATE="50")
    dump = config.redacted()
    assert dump["poll.every"] == {"value": "30m", "from": str(tmp_path / "poller.toml")}
    assert dump["sweep.rate"] == {"value": 50, "from": "POLLER_SWEEP_RATE"}
    assert dump["sweep.at"] == {"value": "10:00", "from": "default"}
    assert dump["credential[0].community"] == {"value": "<secret>", "from": str(tmp_path / "poller.toml")}
    assert "credential[0].version" not in dump


def test_the_example_is_right(tmp_path: Path) -> None:
    shutil.copy(BAD_CONFIGS.parent.parent / "poller.example.toml", tmp_path / "poller.toml")
    (tmp_path / "secrets").mkdir()
    for name in ("office", "branch"):
        (tmp_path / "secrets" / f"{name}-community").write_text("geheim\n")
        (tmp_path / "secrets" / f"{name}-community").chmod(0o600)
    config = load(tmp_path / "poller.toml", {})
    assert [range_.name for range_ in config.ranges] == ["default", "branch-bremen"]
    assert config.warnings == ()


def test_single_printers_have_intervals_of_their_own_each_named_once(tmp_path: Path) -> None:
    file = tmp_path / "poller.toml"
    file.write_text(
        '[sweep]\ntargets = ["10.0.0.1"]\n[[printer]]\nid = "10.0.0.1"\nevery = "1m"\n[[printer]]\nid = "mac:0025b3a1c2d4"\nevery = "1d"\n'
    )
    assert [(one.id, one.every_seconds) for one in load(file, {}).printers] == [("10.0.0.1", 60.0), ("mac:0025b3a1c2d4", 86_400.0)]
    file.write_text(
        '[[printer]]\nid = "a"\n[[printer]]\nevery = "1m"\n[[printer]]\nid = "b"\nevery = "1m"\n[[printer]]\nid = "b"\nevery = "2m"\n'
    )
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    assert [fault.partition(": ")[2].partition("printer")[2] for fault in caught.value.faults] == [
        "[0].every: missing",
        "[1].id: missing",
        "[3].id: another [[printer]] is 'b'; name each once",
    ]
