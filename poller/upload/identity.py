"""Who this agent is to its central, and which keys it knows central by. One small file that is there whole, or not at all.

It lies in a folder of its own with the two key files: `identity.json`, `signing.key`, `sealing.key`. To enrol anew, with another central or
after this agent was revoked, a person removes that folder. Of the token only a hash is kept, to know it again.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec

from poller.errors import HostError, SealError
from poller.sealing.files import PrivateFile
from poller.sealing.keyring import KeyRing, RingFile
from poller.sealing.keys import SealingKey, SealingPublicKey, SigningKey, VerifyKey

PINNED_MAX = 4
"""Signing keys of central that are believed at a time: one, and while it changes two."""

_SETTING = "[state] folder"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """`sealing` is the key line batches are sealed to, `signing` those of central's signatures. `settings_version` never falls.

    `privacy` is what the settings of that version mask: it has to outlast a lost file of settings, which alone could be fetched again.
    """

    agent: str
    account: str
    site: str
    address: str
    sealing: str
    signing: tuple[str, ...]
    token_hash: str
    settings_version: int = 0
    privacy: dict[str, object] = {}


class Pinned:
    """An identity whose keys have been read: `sealing` to seal to, `resolve` to verify by."""

    def __init__(self, identity: Identity) -> None:
        """Raises SealError for keys that are none."""
        self.identity = identity
        self.sealing = SealingPublicKey.from_text(identity.sealing)
        self._signing = {key.id: key for key in map(VerifyKey.from_text, identity.signing[:PINNED_MAX])}
        if not self._signing:
            raise SealError("no key to verify central by")

    @property
    def signing_ids(self) -> tuple[str, ...]:
        return tuple(self._signing)

    def resolve(self, key_id: str) -> VerifyKey | None:
        return self._signing.get(key_id)


class Papers:
    """The folder: our own keys, and what central is known by. All errors are HostErrors."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = PrivateFile(folder / "identity.json", "identity", _SETTING)
        self._signing = RingFile(folder / "signing.key", SigningKey, setting=_SETTING)
        self._sealing = RingFile(folder / "sealing.key", SealingKey, setting=_SETTING)

    @classmethod
    def of_state(cls, state: Path) -> Papers:
        """Return those of an agent that keeps its state in this folder."""
        return cls(state / "central")

    def exist(self) -> bool:
        """Whether this agent was ever enrolled."""
        return self._file.path.exists()

    def keys(self) -> tuple[KeyRing[SigningKey], KeyRing[SealingKey]]:
        """Return our keys; new ones, on the disk when this returns, where there are none."""
        with suppress(OSError):  # said, with what to do, when the files are made
            self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # else it is made beside `folder`, for everybody to look into
        return self._signing.open_or_create(), self._sealing.open_or_create()

    def read(self) -> Pinned | None:
        """Return who we are; None for an agent that is not enrolled yet."""
        text = self._file.read()
        if text is None:
            return None
        try:
            return Pinned(msgspec.json.decode(text, type=Identity))
        except (msgspec.MsgspecError, SealError) as error:
            hint = f"restore it from a backup; or remove {self.folder} and enrol anew with another token"
            raise HostError(f"{self._file.path} is not an identity: {error}", hint=hint) from error

    def write(self, identity: Identity) -> Pinned:
        """Keep *identity*, in the place of another one if there is one."""
        self._file.replace(msgspec.json.encode(identity).decode("ascii"))
        return Pinned(identity)


def hash_of_token(text: str) -> str:
    """Return what a token is known again by, however it was typed. Not what central keeps: that one it shares with nobody."""
    plain = "".join(character for character in text.upper() if character.isalnum())
    return sha256(b"poller enrolled by\0" + plain.encode()).hexdigest()
