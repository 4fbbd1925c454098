"""Settings from central over our own: what they may change, how they meet what is there, and that a bad set is one list of faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from poller.config import Config, Received, load
from poller.config.catalogue import SETTINGS, section_named
from poller.config.kinds import Folder
from poller.config.kinds import Path as FilePath
from poller.errors import ConfigError
from poller.networks import parse

LOCAL = ("central", "exporter", "state", "outbox", "log", "update")
EVERYTHING = "intervals,exclusions,ranges,credentials,masks"
BASE = {
    "POLLER_RANGE_0_NAME": "hq",
    "POLLER_RANGE_0_NETWORKS": "10.1.0.0/24",
    "POLLER_SWEEP_ALLOWED": "10.0.0.0/8",
    "POLLER_CENTRAL_ACCEPT": EVERYTHING,
}


def merged(document: object, **environ: str) -> Config:
    return load(None, BASE | {f"POLLER_{name}": value for name, value in environ.items()}, Received(7, document))  # type: ignore[arg-type]


def faults(document: object, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        merged(document, **environ)
    assert all(fault.startswith("settings 7 of central: ") for fault in raised.value.faults), raised.value.faults
    return [fault.removeprefix("settings 7 of central: ") for fault in raised.value.faults]


def test_an_empty_set_changes_nothing() -> None:
    assert merged({}) == load(None, BASE)


def test_intervals_win_over_ours() -> None:
    config = merged({"poll": {"every": "5m", "wake_every": "1h"}, "sweep": {"every": "6h"}}, POLL_EVERY="20m", SWEEP_AT="09:00")
    assert (config.poll.every_seconds, config.poll.wake_seconds) == (300, 3600)
    assert (config.sweep.every_seconds, config.sweep.at) == (21_600, None)
    assert config.redacted()["poll.every"]["from"] == "settings 7 of central"
    assert merged({"sweep": {"at": "11:30"}}, SWEEP_EVERY="2h").sweep.every_seconds is None


def test_exclusions_are_added_and_take_none_away() -> None:
    config = merged(
        {"sweep": {"exclude": ["10.1.0.9"]}, "range": [{"name": "hq", "exclude": ["10.1.0.10"]}]},
        SWEEP_EXCLUDE="10.1.0.1",
        RANGE_0_EXCLUDE="10.1.0.2",
    )
    assert set(config.ranges[0].exclude) == {parse(f"10.1.0.{last}") for last in (1, 2, 9, 10)}


def test_exclusions_where_we_have_none() -> None:
    assert merged({"sweep": {"exclude": ["10.1.0.9"]}}).ranges[0].exclude == (parse("10.1.0.9"),)


def test_a_range_of_a_known_name_is_changed_and_another_is_new() -> None:
    config = merged({"range": [{"name": "hq", "every": "1h"}, {"name": "branch", "networks": ["10.2.0.0/24"], "location": "Bremen"}]})
    hq, branch = config.ranges
    assert (hq.every_seconds, hq.networks) == (3600, (parse("10.1.0.0/24"),))
    assert (branch.name, branch.location, branch.networks) == ("branch", "Bremen", (parse("10.2.0.0/24"),))


def test_printers_are_told_apart_by_their_id() -> None:
    ours = {"PRINTER_0_ID": "serial:11:A", "PRINTER_0_EVERY": "1h"}
    config = merged({"printer": [{"id": "serial:11:A", "every": "2m"}, {"id": "serial:11:B", "every": "3m"}]}, **ours)
    assert {one.id: one.every_seconds for one in config.printers} == {"serial:11:A": 120, "serial:11:B": 180}


def test_credentials_are_added_and_ranges_may_use_them() -> None:
    document = {
        "credential": [{"name": "office", "version": "2c", "community": "invented"}],
        "range": [{"name": "hq", "credentials": ["office"]}],
    }
    config = merged(document)
    assert [one.name for one in config.ranges[0].credentials] == ["office"]
    assert "invented" not in str(config.redacted())
    assert "invented" not in repr(Received(7, document))


def test_who_may_only_add_ranges_does_not_choose_which_of_our_secrets_is_sent_there() -> None:
    ours = {"CREDENTIAL_0_NAME": "vault", "CREDENTIAL_0_VERSION": "2c", "CREDENTIAL_0_COMMUNITY": "invented"}
    document = {"range": [{"name": "b", "networks": ["10.2.0.0/24"], "port": 1161, "credentials": ["vault"]}]}
    (fault,) = faults(document, CENTRAL_ACCEPT="ranges,intervals", **ours)
    assert fault == 'range[0].credentials: not accepted here: "credentials" is not in central.accept'
    assert [one.name for one in merged(document, CENTRAL_ACCEPT="ranges,credentials", **ours).ranges[1].credentials] == ["vault"]


@pytest.mark.parametrize(
    "word, document",
    [
        ("intervals", {"poll": {"every": "5m"}}),
        ("intervals", {"sweep": {"at": "11:00"}}),
        ("intervals", {"printer": [{"id": "x", "every": "5m"}]}),
        ("intervals", {"range": [{"name": "hq", "every": "5m"}]}),
        ("exclusions", {"sweep": {"exclude": ["10.1.0.1"]}}),
        ("exclusions", {"range": [{"name": "hq", "exclude": ["10.1.0.1"]}]}),
        ("ranges", {"range": [{"name": "b", "networks": ["10.2.0.0/24"]}]}),
        ("credentials", {"credential": [{"name": "x", "community": "invented"}]}),
        ("credentials", {"range": [{"name": "hq", "credentials": ["public"]}]}),
        ("masks", {"privacy": {"mask": ["hostname"]}}),
    ],
)
def test_only_what_is_accepted_may_change(word: str, document: object) -> None:
    merged(document, CENTRAL_ACCEPT=word)
    others = ",".join(one for one in EVERYTHING.split(",") if one != word)
    (fault,) = faults(document, CENTRAL_ACCEPT=others)
    assert f'"{word}" is not in central.accept' in fault
    assert "invented" not in fault


@pytest.mark.parametrize(
    "document, fault",
    [
        ({"swep": {}}, "'swep': no such section"),
        ({"poll": {"evry": "5m"}}, "poll.'evry': no such setting; did you mean 'every'?"),
        ({"poll": {"every": 5.5}}, "poll.every: want a duration"),
        ({"poll": {"every": "1s"}}, "poll.every: want a duration"),
        ({"poll": []}, "poll: want a table"),
        ({"range": {}}, "range: want a list of at most 1000 tables"),
        ({"range": [7]}, "range: want a list of at most 1000 tables"),
        ({"range": [{"networks": ["10.2.0.0/24"]}]}, "range[0]: a range from central has a name"),
        ({"range": [{"name": "hq", "networks": ["10.2.0.0/24"]}]}, "range[0].networks: not a setting central may change"),
        ({"range": [{"name": "b", "networks": ["11.0.0.0/24"]}]}, "range[0].networks: 11.0.0.0/24 is not in sweep.allowed"),
        ({"range": [{"name": "b", "networks": ["10.1.0.0/25"]}]}, "range[0].networks: 10.1.0.0-10.1.0.6 is in range 'b' and in range 'hq'"),
        ({"range": [{"name": "b", "networks": ["10.2.0.0/24"], "rate": 9000}]}, "range[0].rate: not a setting central may change"),
        ({"sweep": {"exclude": ["10.1.0.0/33"]}}, "sweep.exclude[0]: 10.1.0.0/33: the prefix length"),
        ({"sweep": {"exclude": "10.1.0.1"}}, "sweep.exclude: want a list"),
        ({"sweep": {"allowed": ["0.0.0.0/1"]}}, "sweep.allowed: not a setting central may change"),
        ({"sweep": {"rate": 9000}}, "sweep.rate: not a setting central may change"),
        ({"central": {"accept": ["ranges"]}}, "central.accept: not a setting central may change"),
        ({"central": {"proxy": "none"}}, "central.proxy: not a setting central may change"),
        ({"exporter": {"listen": "0.0.0.0:1"}}, "exporter.listen: not a setting central may change"),
        ({"log": {"level": "debug"}}, "log.level: not a setting central may change"),
        ({"range": [{"name": "b", "networks": ["@/etc/passwd"]}]}, "range[0].networks: central names no files of this host"),
        ({"credential": [{"name": "x", "community_file": "/etc/passwd"}]}, "credential[0].community_file: central names no files"),
    ],
)
def test_a_bad_set_is_refused_with_its_place(document: object, fault: str) -> None:
    assert faults(document, SWEEP_EXCLUDE="10.1.0.7")[0].startswith(fault)


def test_a_loaded_file_with_all_its_faults_comes_back_as_one_list() -> None:
    assert len(faults({"poll": {"evry": 1}, "log": {"level": "debug"}, "swep": {}})) == 3


def test_no_setting_of_central_names_a_file_or_moves_the_limits() -> None:
    for setting in SETTINGS:
        is_guarded = isinstance(setting.kind, FilePath | Folder) or setting.section in LOCAL
        if is_guarded or (setting.section, setting.key) == ("sweep", "allowed"):
            section = section_named(setting.section)
            assert section is not None
            example = "x" if not isinstance(setting.default, list) else ["x"]
            table = {setting.key: example}
            with pytest.raises(ConfigError) as raised:
                merged({setting.section: [table] if section.is_list else table})
            assert any("central" in fault for fault in raised.value.faults)


def test_the_place_of_a_local_file_stays_the_local_files(tmp_path: Path) -> None:
    path = tmp_path / "poller.toml"
    path.write_text('[sweep]\nexclude = ["@excluded.txt"]\ntargets = ["10.1.0.0/24"]\n')
    (tmp_path / "excluded.txt").write_text("10.1.0.3\n")
    config = load(path, {}, Received(1, {"sweep": {"exclude": ["10.1.0.4"]}}))
    assert set(config.ranges[0].exclude) == {parse("10.1.0.3"), parse("10.1.0.4")}


@pytest.mark.parametrize(
    ("ours", "theirs", "in_effect"),
    [
        ("", ["mac"], ("mac",)),
        ("none", ["mac"], ("mac",)),
        ("hostname,location", ["mac", "hostname"], ("hostname", "location", "mac")),
        ("hostname", [], ("hostname",)),
    ],
)
def test_masks_are_added_and_none_of_ours_is_lifted(ours: str, theirs: list[str], in_effect: tuple[str, ...]) -> None:
    assert merged({"privacy": {"mask": theirs}}, PRIVACY_MASK=ours).privacy.mask == in_effect


def test_masks_of_a_file_are_kept_too(tmp_path: Path) -> None:
    (tmp_path / "poller.toml").write_text('[privacy]\nmask = ["address"]\nresolution = "day"\n')
    received = Received(7, {"privacy": {"mask": ["mac"], "resolution": "full"}})
    config = load(tmp_path / "poller.toml", BASE, received)
    assert (config.privacy.mask, config.privacy.resolution) == (("address", "mac"), "day")


@pytest.mark.parametrize(
    ("ours", "theirs", "in_effect"), [("", "day", "day"), ("full", "day", "day"), ("day", "full", "day"), ("full", "full", "full")]
)
def test_days_in_place_of_times_hold_when_either_side_wants_them(ours: str, theirs: str, in_effect: str) -> None:
    assert merged({"privacy": {"resolution": theirs}}, PRIVACY_RESOLUTION=ours).privacy.resolution == in_effect


def test_masks_of_central_that_are_none_are_its_fault() -> None:
    for ours in ("", "hostname"):
        (fault,) = faults({"privacy": {"mask": ["hostnam"]}}, PRIVACY_MASK=ours)
        assert fault.startswith("privacy.mask: ")
        (fault,) = faults({"privacy": {"mask": "mac"}}, PRIVACY_MASK=ours)
        assert fault.startswith("privacy.mask: ")
    (fault,) = faults({"privacy": {"resolution": "week"}}, PRIVACY_RESOLUTION="day")
    assert fault.startswith("privacy.resolution: ")
