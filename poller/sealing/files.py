"""Files that hold a secret: for their owner alone, whole or not there at all.

What is read is judged by what was opened, not by its name: a regular file, of bounded size, that nobody else may touch. A symbolic link is
followed for reading (mounted secrets are links) and never written through.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from poller import system
from poller.errors import HostError

_FILE_BYTES_MAX = 16_384


@dataclass(frozen=True, slots=True)
class PrivateFile:
    """One secret's place on the disk. `name` is what people call it, `setting` says where they chose the path."""

    path: Path
    name: str
    setting: str

    def read(self) -> str | None:
        """Return the text of the file, None when there is none. Raises HostError when it is not one to trust."""
        try:
            with open(self.path, "rb", opener=system.open_without_waiting) as file:
                mode = os.fstat(file.fileno()).st_mode
                if not stat.S_ISREG(mode):
                    raise HostError(f"the {self.name} {self.path} is not a regular file", hint=f"name another with {self.setting}")
                if system.may_others_read(mode):
                    hint = f"chmod 600 {self.path}; a mounted secret has a mode to set, 0400"
                    raise HostError(f"others may read the {self.name} {self.path}", hint=hint)
                content = file.read(_FILE_BYTES_MAX + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._refuse(error)
        # More than could ever be written here is not ours: it reads as nothing anyone would take for a key.
        return "" if len(content) > _FILE_BYTES_MAX else content.decode("ascii", errors="replace")

    def create(self, text: str) -> bool:
        """Make the file, whole or not at all; False when there is one by now. Raises HostError when this host does not let us.

        Written beside its place and linked into it: a link is refused where a name is taken, and never made through a symbolic link.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._beside(text) as beside:
                os.link(beside, self.path)
        except FileExistsError:
            if self.path.is_symlink() and not self.path.exists():
                raise HostError(
                    f"the {self.name} {self.path} is a link to nowhere", hint="nothing is written through a link; remove it"
                ) from None
            return False
        except OSError as error:
            self._refuse(error)
        return True

    def replace(self, text: str) -> None:
        """Put *text* in the place of what is there: after a power cut there is the old file or the new one. Raises HostError."""
        if self.path.is_symlink():
            raise HostError(f"the {self.name} {self.path} is a link", hint="change the file it leads to, where that file is kept")
        try:
            with self._beside(text) as beside:
                beside.replace(self.path)
        except OSError as error:
            self._refuse(error)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep out others that want to change the file: who reads, changes and replaces must not lose what another added meanwhile."""
        mark = self.path.with_name(f".{self.path.name}.changing")
        try:
            mark.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            hint = f"wait for it; if it died on the way, remove {mark}"
            raise HostError(f"another process is changing the {self.name} {self.path}", hint=hint) from None
        except OSError as error:
            self._refuse(error)
        try:
            yield
        finally:
            mark.unlink(missing_ok=True)

    @contextmanager
    def _beside(self, text: str) -> Iterator[Path]:
        """Yield a durable file with *text* in the same folder; what the body does to names there is durable afterwards."""
        beside = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        try:
            with open(beside, "x", encoding="ascii", opener=system.open_private) as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            yield beside
        finally:
            beside.unlink(missing_ok=True)
        # Without it, a power cut may leave values sealed under a key that is gone.
        system.sync_folder(self.path.parent)

    def _refuse(self, error: OSError) -> NoReturn:
        hint = f"let this user write to that folder, or name another with {self.setting}"
        raise HostError(f"cannot read or make the {self.name} {self.path}: {error.strerror or error}", hint=hint) from error
