"""Settings from central on this host's disk: the last set that was good, encrypted under the local key, since it may open printers.

What arrives is proven before it is looked at: sealed to this agent, signed by central, newer than what is held. Whether it is *good* is not
for this room to say: whoever applies it tells.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

import msgspec

from poller import system
from poller.config import Received
from poller.errors import HostError, SealError, StateError
from poller.sealing.envelope import Kind
from poller.sealing.keyring import KeyRing
from poller.sealing.keys import SealingKey
from poller.sealing.local_key import LocalKey
from poller.sealing.signed import open_signed
from poller.upload.identity import PINNED_MAX, Pinned

SETTINGS_BYTES_MAX = 256 * 2**10
"""Of one set as JSON. 65,536 addresses to exclude fit, as networks."""

KEYS = "central_keys"
"""The member of a set that is no section: keys central is known by from now on."""

_ABOUT = b"settings of central 1"


class _Keys(msgspec.Struct, frozen=True):
    """`sealing` is what batches are sealed to; `signing` are all keys that sign, among them the one this set is signed by."""

    sealing: str
    signing: list[str]


class _Kept(msgspec.Struct, frozen=True):
    version: int
    document: dict[str, object]


def open_settings(body: bytes, pinned: Pinned, keys: KeyRing[SealingKey], *, newer_than: int) -> tuple[Received, _Keys | None]:
    """Return the settings of an answer, and the keys announced with them. Raises SealError for what is not to be believed or read."""
    signer: list[str] = []

    def note(key_id: str) -> object:
        signer.append(key_id)
        return pinned.resolve(key_id)

    opened = open_signed(body, note, keys, kind=Kind.SETTINGS, agent_id=pinned.identity.agent, newer_than=newer_than)  # type: ignore[arg-type]
    if len(opened.lines[0]) > SETTINGS_BYTES_MAX:
        raise SealError(f"settings of more than {SETTINGS_BYTES_MAX} bytes")
    try:
        document = msgspec.json.decode(opened.lines[0], type=dict[str, object])
        announced = document.pop(KEYS, None)
        announced_keys = None if announced is None else msgspec.convert(announced, type=_Keys)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SealError("settings that are no JSON of settings") from error
    if announced_keys is not None:
        _check_keys(announced_keys, signer[0], pinned)
    return Received(opened.header.number, document), announced_keys


def _check_keys(announced: _Keys, signer_id: str, pinned: Pinned) -> None:
    """Refuse keys after which nobody could be believed: among them has to be the one they are signed by."""
    if not 1 <= len(announced.signing) <= PINNED_MAX:
        raise SealError(f"central announces {len(announced.signing)} signing keys, where 1 to {PINNED_MAX} can be believed")
    changed = msgspec.structs.replace(pinned.identity, sealing=announced.sealing, signing=tuple(announced.signing))
    if Pinned(changed).resolve(signer_id) is None:
        raise SealError("central announces keys without the one it signs them by: the old one goes once the new one signs")


class SettingsFile:
    """The last good set. Read once at the start; `good` is None where there is none."""

    def __init__(self, path: Path, key: LocalKey) -> None:
        self._path, self._key = path, key
        self.good: Received | None = None

    def read(self) -> None:
        """Take up what is kept. Raises StateError when it cannot be read: it can be fetched again."""
        try:
            with open(self._path, "rb", opener=system.open_without_waiting) as file:
                content = file.read(SETTINGS_BYTES_MAX * 2)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StateError(f"{self._path}: {error.strerror}") from error
        try:
            kept = msgspec.json.decode(self._key.open(content, _ABOUT), type=_Kept)
        except (SealError, msgspec.MsgspecError) as error:
            raise StateError(f"{self._path}: {error}") from error
        self.good = Received(kept.version, kept.document)

    def write(self, received: Received) -> None:
        """Keep *received* in the place of what was: after a power cut there is the old set or the new one. Raises HostError."""
        plain = msgspec.json.encode(_Kept(received.version, dict(received.document)))
        beside = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}")
        try:
            with open(beside, "xb", opener=system.open_private) as file:
                file.write(self._key.seal(plain, _ABOUT))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
            system.sync_folder(self._path.parent)
        except OSError as error:
            raise HostError(f"cannot keep {self._path}: {error.strerror or error}", hint="see [state] folder") from error
        finally:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
        self.good = received
