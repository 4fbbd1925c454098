"""`poller release`: a key, a manifest signed by it, and what an agent makes of both."""

from __future__ import annotations

import json
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from poller.cli.app import HOST, TROUBLE, USAGE, WELL, main
from poller.sealing.keys import SigningKey, VerifyKey
from poller.upload.manifest import verify


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def printed_key(capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["release", "key", "release.key"]) == WELL
    return capsys.readouterr().out.strip()


def test_a_key_is_made_once_and_only_its_public_half_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed_key(capsys)
    assert printed_key(capsys) == text
    VerifyKey.from_text(text)
    private = Path("release.key")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert text.rpartition(":")[2] not in private.read_text()


def test_what_is_signed_is_what_an_agent_believes(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed_key(capsys)
    Path("poller-9.8.7.whl").write_bytes(b"a program")
    notes = "https://example.com/9.8.7"
    assert main(["release", "sign", "--version", "9.8.7", "--expires", "30d", "--notes", notes, "poller-9.8.7.whl"]) == WELL
    manifest = verify(Path("manifest.json").read_bytes(), VerifyKey.from_text(text))
    assert (manifest.version, manifest.notes) == ("9.8.7", notes)
    assert (manifest.expires - manifest.released).days == 30
    assert [(one.name, one.size, one.sha256) for one in manifest.files] == [("poller-9.8.7.whl", 9, sha256(b"a program").hexdigest())]
    capsys.readouterr()
    assert main(["release", "show", "manifest.json", "--key", text, "--json"]) == WELL
    assert json.loads(capsys.readouterr().out)["version"] == "9.8.7"
    assert [path.name for path in Path().iterdir() if path.name.startswith(".")] == []


def test_show_refuses_what_an_agent_would_refuse(capsys: pytest.CaptureFixture[str]) -> None:
    printed_key(capsys)
    assert main(["release", "sign"]) == WELL
    assert main(["release", "show", "manifest.json", "--key", SigningKey.generate().public.text()]) == TROUBLE
    assert "not signed by the release key" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--version", "latest"], "1.2.3"),
        (["--expires", "soon"], "duration"),
        (["--expires", "0s"], "duration"),
        (["--notes", "example.com"], "notes"),
    ],
)
def test_a_manifest_no_agent_could_use_is_not_written(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed_key(capsys)
    assert main(["release", "sign", *arguments]) == USAGE
    assert said in capsys.readouterr().err
    assert not Path("manifest.json").exists()


def test_without_a_key_nothing_is_signed_and_none_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release", "sign"]) == HOST
    assert "poller release key release.key" in capsys.readouterr().err
    assert not Path("release.key").exists()
