"""The agent's side of central: whose settings hold when, across reloads and restarts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
import pytest

from poller.config import Config, Received, load
from poller.engine.dating import Dating
from poller.engine.handover import Line
from poller.engine.notable import Reason
from poller.errors import ConfigError, OutboxError
from poller.logs import as_dict
from poller.sealing.keys import SealingKey, SigningKey
from poller.upload.courier import Vitals
from poller.upload.identity import Identity, Papers
from poller.uploading import Announcer, Uploading, nothing_uploaded
from tests.fake_clock import START_UTC, FakeClock


class Bench:
    """One agent's folder with a file that may change. `begin` anew is a restart."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.file, self.clock, self.folder = folder / "poller.toml", clock, folder
        self.reloads = 0
        self.write('[sweep]\ntargets = ["10.1.0.0/24"]')
        identity = Identity(
            agent="a-1",
            account="acme",
            site="hamburg",
            address="http://127.0.0.1:1",
            sealing=SealingKey.generate().public.text(),
            signing=(SigningKey.generate().public.text(),),
            token_hash="",
        )
        papers = Papers(folder / "state" / "central")
        papers.keys()
        papers.write(identity)

    def write(self, text: str) -> None:
        self.file.write_text(f'{text}\n[state]\nfolder = "state"\n')

    @property
    def load(self) -> Callable[..., Config]:
        return partial(load, self.file, {})

    def begin(self) -> tuple[Uploading, Config]:
        local = self.load()
        uploading = Uploading.begin(local, self.clock, load=self.load, load_with=self.load)
        assert uploading is not None
        config = uploading.merge(local)
        dating = Dating(self.clock, is_synchronised=lambda: True)
        uploading.start(config, outbox=None, dating=dating, vitals=lambda: Vitals(0, 0), reload=self._reload)
        return uploading, config

    def _reload(self) -> None:
        self.reloads += 1


FIVE = Received(3, {"poll": {"every": "5m"}})


async def test_what_was_taken_holds_after_the_reload_and_after_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    one = Bench(tmp_path, clock)
    uploading, config = one.begin()
    assert config.poll.every_seconds == 900
    assert await uploading.take(FIVE) is None
    assert one.reloads == 1
    assert uploading.load().poll.every_seconds == 300
    again, config = one.begin()
    assert config.poll.every_seconds == 300
    status = again.status()
    assert status is not None
    assert (status.settings_version, status.settings_refused) == (3, None)


async def test_a_set_that_does_not_fit_changes_nothing_and_says_why(tmp_path: Path, clock: FakeClock) -> None:
    one = Bench(tmp_path, clock)
    uploading, _ = one.begin()
    assert await uploading.take(FIVE) is None
    reason = await uploading.take(Received(4, {"poll": {"every": "5m", "evry": 1, "rows_max": 2, "workers": 3}, "log": {}, "x": {}}))
    assert reason is not None
    assert reason.startswith("settings 4 of central: poll.'evry': no such setting")
    assert reason.endswith("; and 1 more")
    assert (one.reloads, uploading.load().poll.every_seconds) == (1, 300)


async def test_when_the_file_changes_so_that_they_no_longer_fit_the_file_holds_alone(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    one = Bench(tmp_path, clock)
    uploading, _ = one.begin()
    await uploading.take(FIVE)
    one.write('[sweep]\ntargets = ["10.1.0.0/24"]\n[poll]\nevery = "20m"\n[central]\naccept = ["exclusions"]')
    config = uploading.load()
    assert config.poll.every_seconds == 1200
    uploading.configure(config)
    status = uploading.status()
    assert status is not None
    assert status.settings_refused is not None
    assert '"intervals" is not in central.accept' in status.settings_refused.reason
    assert any("do not hold here" in note for note in uploading.notes)
    assert [as_dict(record)["event"] for record in caplog.records] == ["upload.settings_refused"]
    one.write('[sweep]\ntargets = ["10.1.0.0/24"]')
    config = uploading.load()
    uploading.configure(config)
    assert config.poll.every_seconds == 300
    assert uploading.notes == ()


async def test_while_the_file_is_at_fault_nothing_is_judged_against_it(tmp_path: Path, clock: FakeClock) -> None:
    one = Bench(tmp_path, clock)
    uploading, _ = one.begin()
    one.write("[poll]\nevry = 1")
    with pytest.raises(ConfigError):
        await uploading.take(FIVE)
    assert one.reloads == 0


async def test_settings_that_cannot_be_read_any_more_are_told_and_fetched_again(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    one = Bench(tmp_path, clock)
    uploading, _ = one.begin()
    await uploading.take(FIVE)
    (tmp_path / "state" / "central" / "settings").write_bytes(b"garbage")
    _, config = one.begin()
    assert config.poll.every_seconds == 900
    assert [as_dict(record)["event"] for record in caplog.records] == ["upload.settings_lost"]


MASKED = '[central]\naccept = ["intervals", "masks"]\n[privacy]\nmask = ["mac"]'


def lost(one: Bench, **privacy: object) -> Config:
    """Return what holds at a start that finds no settings, where a set with *privacy* was taken before."""
    papers = Papers(one.folder / "state" / "central")
    pinned = papers.read()
    assert pinned is not None
    papers.write(msgspec.structs.replace(pinned.identity, settings_version=3, privacy=privacy))
    return one.begin()[1]


def test_what_central_masked_is_masked_although_its_settings_are_lost(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    one = Bench(tmp_path, clock)
    one.write(MASKED)
    config = lost(one, mask=["hostname"], resolution="day")
    assert (config.privacy.mask, config.privacy.resolution) == (("mac", "hostname"), "day")
    assert [as_dict(record)["reason"] for record in caplog.records] == ["they are of version 0, and 3 was taken"]


async def test_an_older_set_that_came_back_masks_what_the_newer_one_did(tmp_path: Path, clock: FakeClock) -> None:
    one = Bench(tmp_path, clock)
    one.write(MASKED)
    uploading, _ = one.begin()
    assert await uploading.take(Received(2, {"poll": {"every": "5m"}, "privacy": {"mask": ["location"]}})) is None
    config = lost(one, mask=["hostname"])
    assert (config.poll.every_seconds, config.privacy.mask) == (300, ("mac", "hostname"))
    uploading, _ = one.begin()
    assert await uploading.take(Received(4, {"privacy": {"mask": ["address"]}})) is None
    assert uploading.load().privacy.mask == ("mac", "address")


def test_a_site_that_takes_no_masks_any_more_has_its_own_alone(tmp_path: Path, clock: FakeClock) -> None:
    one = Bench(tmp_path, clock)
    one.write('[privacy]\nmask = ["mac"]')
    assert lost(one, mask=["hostname"]).privacy.mask == ("mac",)
    uploading, _ = one.begin()
    assert uploading.notes == ()  # there is no set that could be refused


async def test_masks_hold_although_the_rest_of_the_set_no_longer_fits(tmp_path: Path, clock: FakeClock) -> None:
    one = Bench(tmp_path, clock)
    one.write(MASKED)
    uploading, _ = one.begin()
    assert await uploading.take(Received(3, {"poll": {"every": "5m"}, "privacy": {"mask": ["hostname"]}})) is None
    one.write(MASKED.replace('"intervals", ', ""))
    config = uploading.load()
    assert (config.poll.every_seconds, config.privacy.mask) == (900, ("mac", "hostname"))
    uploading.configure(config)
    assert any("settings 3 of central do not hold here" in note for note in uploading.notes)


def test_an_agent_without_token_and_identity_uploads_nothing(tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    for environ in ({}, {"POLLER_CENTRAL_ADDRESS": "https://central.example.com"}, {"POLLER_CENTRAL_TOKEN": ""}):
        config = load(None, environ | {"POLLER_STATE_FOLDER": str(tmp_path)})
        assert Uploading.begin(config, clock, load=lambda config=config: config, load_with=None) is None  # type: ignore[misc]
    assert list(tmp_path.iterdir()) == []
    assert [as_dict(record)["event"] for record in caplog.records] == ["upload.no_token"] * 2
    assert nothing_uploaded(load(None, {})) is None
    without_state = nothing_uploaded(load(None, {"POLLER_STATE_FOLDER": "none", "POLLER_CENTRAL_ADDRESS": "https://central.example.com"}))
    assert without_state is not None
    assert without_state.startswith("POLLER_CENTRAL_ADDRESS is set, but there is no token")


async def test_what_was_recorded_is_announced_once_it_is_stored() -> None:
    stored: list[Line] = []
    announced: list[Line] = []

    class Recorder:
        is_full = False

        async def record(self, lines: Sequence[Line]) -> None:
            if self.is_full:
                raise OutboxError("full")
            stored.extend(lines)

    recorder = Recorder()
    announcer = Announcer(recorder, announced.extend)
    line = Line("serial:11:A", START_UTC, Reason.SUPPLY, b"{}")
    await announcer.record([line])
    await Announcer(recorder, lambda _: [].pop()).record([line])  # what is stored is not stored again for it
    assert stored.pop() == line
    recorder.is_full = True
    with pytest.raises(OutboxError):
        await announcer.record([line])
    assert stored == announced == [line]
