"""`poller release key|sign|show`: for whoever publishes versions of poller, a maker or a dealer with a build of his own."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poller import __version__
from poller.cli.options import JsonOption
from poller.config.kinds import duration_seconds
from poller.errors import ConfigError, HostError

if TYPE_CHECKING:
    from poller.sealing.keyring import RingFile
    from poller.sealing.keys import SigningKey

release = typer.Typer(
    help="Releases of poller: the key they are signed with, and the manifest that tells agents of a new one.\n\n"
    "Example:\n\n    poller release sign --key release.key --expires 90d -o updates/manifest.json dist/*.whl",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

KeyOption = Annotated[Path, typer.Option("--key", metavar="FILE", help="The file with the release key.")]


@release.command("key")
def key(file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key is, or is to be made.")]) -> None:
    """Print the public release key, for `[update] key` of agents. Where the file is not there, a new key is made.

    Example:

        poller release key release.key
    """
    for one in _ring_file(file).open_or_create():
        print(one.public.text())


@release.command("sign")
def sign(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="The files of the release, to be named with their SHA-256.")
    ] = None,
    key: KeyOption = Path("release.key"),
    version: Annotated[str, typer.Option(help="The version, such as 1.2.3.")] = __version__,
    expires: Annotated[str, typer.Option(metavar="DURATION", help="How long it may be believed; sign again before it has passed.")] = "90d",
    notes: Annotated[str | None, typer.Option(metavar="URL", help="Where to read what is new.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where the manifest goes.")] = Path("manifest.json"),
) -> None:
    """Write the signed manifest that tells agents which version there is. Every key of the file signs it.

    Example:

        poller release sign --key release.key --expires 90d -o updates/manifest.json dist/*.whl
    """
    from poller.clock import SystemClock
    from poller.upload.manifest import File, Manifest
    from poller.upload.manifest import sign as signed

    seconds = duration_seconds(expires)
    if seconds is None or seconds <= 0:
        raise ConfigError([f"--expires: want a duration such as 90d, got {expires!r}"])
    if not key.exists():
        raise HostError(f"there is no release key {key}", hint=f"make one: poller release key {key}")
    now_utc = SystemClock().utc().replace(microsecond=0)
    manifest = Manifest(
        version=version,
        released=now_utc,
        expires=now_utc + timedelta(seconds=seconds),
        notes=notes,
        files=tuple([File(name=file.name, size=file.stat().st_size, sha256=_sha256(file)) for file in files or ()]),
    )
    try:
        body = signed(manifest, list(_ring_file(key).open_or_create()))
    except ValueError as fault:
        raise ConfigError([str(fault)]) from fault
    # Beside its place and then into it: whoever serves the folder never serves half of it.
    beside = output.with_name(f".{output.name}.new")
    beside.write_bytes(body)
    beside.replace(output)
    print(f"{output}: {manifest.version}, to be believed until {manifest.expires:%Y-%m-%d}")


@release.command("show")
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A manifest.json.")],
    key: Annotated[str, typer.Option("--key", metavar="KEY", help="The public key to verify it by, as `poller release key` prints it.")],
    as_json: JsonOption = False,
) -> None:
    """Verify a manifest as an agent does, and print what it says.

    Example:

        poller release show manifest.json --key poller-signing-public-1:…
    """
    import msgspec

    from poller.sealing.keys import VerifyKey
    from poller.upload.manifest import verify

    manifest = verify(file.read_bytes(), VerifyKey.from_text(key))
    if as_json:
        print(json.dumps(msgspec.to_builtins(manifest)))
        return
    print(f"{manifest.version}, released {manifest.released:%Y-%m-%d}, to be believed until {manifest.expires:%Y-%m-%d}")
    for one in manifest.files:
        print(f"{one.sha256}  {one.name}")


def _ring_file(file: Path) -> RingFile[SigningKey]:
    from poller.sealing.keyring import RingFile
    from poller.sealing.keys import SigningKey

    return RingFile(file, SigningKey, setting="--key")


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return file_digest(content, "sha256").hexdigest()
