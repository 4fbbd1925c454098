"""Private keys that change: the newest seals and signs, older ones still open, and one file holds them all.

A ring file has one key line per key, oldest first; the last one is current. Lines that begin with # are remarks. To rotate is to append a
key (the file is replaced as a whole); to retire is to take an old one out, once nothing sealed to it can still be on its way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Generic, NoReturn, TypeVar

from poller.errors import HostError, SealError
from poller.sealing.files import PrivateFile
from poller.sealing.keys import PrivateKey, SealingKey, SigningKey

Key = TypeVar("Key", bound=PrivateKey)

KEYS_MAX = 16
"""Sixteen yearly changes, or a change every three weeks for the year a batch may wait."""

_REMARK = "# Private {} keys of poller, the current one last. Whoever has them can {}.\n"
_POWER: dict[type[PrivateKey], tuple[str, str]] = {
    SealingKey: ("sealing", "read what is sealed to them"),
    SigningKey: ("signing", "speak in their owner's name"),
}


class KeyRing(Generic[Key]):
    """The current key and its elders, found by key id. Shows ids only."""

    __slots__ = ("_by_id", "current")

    def __init__(self, current: Key, older: Iterable[Key] = ()) -> None:
        self.current: Key = current
        self._by_id: dict[str, Key] = {key.id: key for key in (current, *older)}

    def __repr__(self) -> str:
        return f"<key ring of {len(self._by_id)}, current {self.current!r}>"

    def __iter__(self) -> Iterator[Key]:
        """Yield the keys, newest first."""
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, key_id: str) -> Key | None:
        return self._by_id.get(key_id)


class RingFile(Generic[Key]):
    """A ring on the disk. *setting* is where people chose its path, for the hints of errors, which are all HostErrors."""

    def __init__(self, path: Path, kind: type[Key], *, setting: str) -> None:
        self._kind: type[Key] = kind
        self._file = PrivateFile(path, f"{_POWER[kind][0]} key file", setting)

    def open_or_create(self) -> KeyRing[Key]:
        """Return the ring; where there is no file, one new key, stored before this returns."""
        text = self._file.read()
        if text is None:
            ring: KeyRing[Key] = KeyRing(self._kind.generate())
            if self._file.create(self._text(ring)):
                return ring
            text = self._file.read()  # another process was faster
        return self._parse(text or "")

    def rotate(self) -> KeyRing[Key]:
        """Add a new key, current from now on, and return the ring."""
        with self._file.alone():
            ring = self._load()
            if len(ring) >= KEYS_MAX:
                raise HostError(f"{self._file.path} holds {KEYS_MAX} keys already", hint="retire the oldest first")
            ring = KeyRing(self._kind.generate(), ring)
            self._file.replace(self._text(ring))
        return ring

    def retire(self, key_id: str) -> KeyRing[Key]:
        """Take an old key out for good and return the ring. What was sealed to it never opens again."""
        with self._file.alone():
            ring = self._load()
            if key_id == ring.current.id or ring.get(key_id) is None:
                raise HostError(f"{self._file.path} has no older key {key_id}", hint="the current key retires once a newer one is there")
            ring = KeyRing(ring.current, (key for key in ring if key.id not in (key_id, ring.current.id)))
            self._file.replace(self._text(ring))
        return ring

    def _load(self) -> KeyRing[Key]:
        text = self._file.read()
        if text is None:
            raise HostError(f"there is no {self._file.name} {self._file.path}", hint=f"is {self._file.setting} right?")
        return self._parse(text)

    def _parse(self, text: str) -> KeyRing[Key]:
        lines = [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]
        if not 1 <= len(lines) <= KEYS_MAX:
            self._refuse(f"it holds {len(lines)} keys")
        keys: list[Key] = []
        for number, line in enumerate(lines, 1):
            try:
                keys.append(self._kind.from_text(line))
            except SealError as error:
                self._refuse(f"key {number}: {error}")
        if len({key.id for key in keys}) != len(keys):
            self._refuse("it holds a key twice")
        return KeyRing(keys[-1], reversed(keys[:-1]))

    def _text(self, ring: KeyRing[Key]) -> str:
        return _REMARK.format(*_POWER[self._kind]) + "".join(f"{key.reveal()}\n" for key in reversed(list(ring)))

    def _refuse(self, reason: str) -> NoReturn:
        raise HostError(f"{self._file.path} is not a {self._file.name}: {reason}", hint="restore it from a backup")
