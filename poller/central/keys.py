"""Central's own keys: a ring to open with, a ring to sign with, and one key for what the database must not show.

Whoever has the folder can read what agents send and speak in central's name; whoever has only the database can do neither.
"""

from __future__ import annotations

from pathlib import Path

from poller.sealing.keyring import KeyRing, RingFile
from poller.sealing.keys import SealingKey, SigningKey
from poller.sealing.local_key import LocalKey

_SETTING = "[keys] folder"


class Keys:
    """Made where there are none. `load` again takes up what was rotated meanwhile."""

    sealing: KeyRing[SealingKey]
    signing: KeyRing[SigningKey]
    store: LocalKey

    def __init__(self, folder: Path) -> None:
        self.sealing_file = RingFile(folder / "sealing.keys", SealingKey, setting=_SETTING)
        self.signing_file = RingFile(folder / "signing.keys", SigningKey, setting=_SETTING)
        self._store_path = folder / "store.key"

    def load(self) -> Keys:
        """Read the three files, or make them. Raises HostError."""
        self.sealing, self.signing = self.sealing_file.open_or_create(), self.signing_file.open_or_create()
        self.store = LocalKey.open_or_create(self._store_path, setting=_SETTING)
        return self

    def signer(self, pinned_id: str | None) -> SigningKey:
        """Return the key an agent knows us by; one that was retired gives way to the current one."""
        known = None if pinned_id is None else self.signing.get(pinned_id)
        return known or self.signing.current
