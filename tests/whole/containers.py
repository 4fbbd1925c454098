"""Builds the image and runs it as a site would, without a Docker engine: mmdebstrap makes the base, buildah builds, podman and runc run.

All they keep lies in a folder of its own, which is emptied and removed with the store.
"""

from __future__ import annotations

import ast
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

BASE = "localhost/base"
IMAGE = "localhost/poller"
LABELS = {"VERSION": "", "REVISION": "0123456789abcdef0123456789abcdef01234567", "CREATED": "2026-11-20T12:00:00Z"}

# What compose.yaml asks for, and what the kernel of a test machine wants said: it may forbid raising these two limits.
HARDENED = (
    *("--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp:size=16m,mode=1777"),
    *("--cap-drop", "all", "--security-opt", "no-new-privileges", "--memory", "256m", "--pids-limit", "64"),
    *("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"),
)
# Where pip gets things from, and nothing else of how it is set up.
_PIP_SOURCES = {"cert", "client-cert", "default-timeout", "extra-index-url", "find-links", "index-url", "no-index", "proxy", "trusted-host"}


class Store:
    """Images and containers in one folder. *programs*: the paths of buildah, mmdebstrap, podman and runc."""

    def __init__(self, folder: Path, programs: Mapping[str, str]) -> None:
        self._folder, self._programs = folder, programs
        settings = folder / "storage.conf"
        settings.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/store"\nrunroot = "{folder}/run"\n')
        self._environment = os.environ | {"CONTAINERS_STORAGE_CONF": str(settings), "TMPDIR": str(folder)}
        # There is no systemd to ask for a cgroup or to write a journal.
        self._podman_options = (
            *("--runtime", programs["runc"], "--tmpdir", f"{folder}/libpod"),
            *("--cgroup-manager", "cgroupfs", "--events-backend", "none"),
        )

    def _run(self, *command: str, is_checked: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        assert not is_checked or done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done

    def podman(self, *arguments: str, is_checked: bool = True) -> subprocess.CompletedProcess[str]:
        return self._run(self._programs["podman"], *self._podman_options, *arguments, is_checked=is_checked)

    # --- images ---

    def make_base(self) -> None:
        """Import a minimal Debian of this machine's own release and sources; its Python is /usr/bin/python3."""
        archive = self._folder / "base.tar"
        include = "--include=python3,python3-venv,ca-certificates"
        release = platform.freedesktop_os_release()["VERSION_CODENAME"]
        sources = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d/debian.sources"))
        used = [str(path) for path in sources if path.is_file() and path.read_text().strip()][:1]
        self._run(self._programs["mmdebstrap"], "--quiet", "--variant=minbase", include, release, str(archive), *used)
        self.podman("import", str(archive), BASE)
        archive.unlink()

    def build(self, version: str) -> None:
        arguments = [f"--build-arg={name}={value}" for name, value in (LABELS | {"VERSION": version, "BASE": BASE}).items()]
        # The format of Docker, since that of OCI knows no health check.
        options = ("--layers", "--format", "docker", "--isolation", "chroot", "--network", "host")
        self._run(self._programs["buildah"], "bud", *options, *arguments, *_pip_mounts(self._folder), "--tag", IMAGE, str(ROOT))

    def inspect(self, image: str = IMAGE) -> dict[str, Any]:
        (found,) = json.loads(self.podman("image", "inspect", image).stdout)
        return dict(found)

    @contextmanager
    def mounted(self) -> Iterator[Path]:
        """The files of the image, as they would be seen inside."""
        path = Path(self.podman("image", "mount", IMAGE).stdout.strip())
        try:
            yield path
        finally:
            self.podman("image", "umount", IMAGE)

    # --- containers ---

    def run(self, *command: str, entrypoint: str = "poller", options: Sequence[str] = ()) -> str:
        """Run *command* in a hardened container without a network, to its end; return what it printed."""
        more = ("--network", "none", "--no-healthcheck", "--entrypoint", entrypoint)
        return self.podman("run", "--rm", *HARDENED, *more, *options, IMAGE, *command).stdout

    @contextmanager
    def running(self, environment: Mapping[str, str], *options: str) -> Iterator[str]:
        """A hardened container in this machine's own network, where simulated printers are; its id. Removed at the end."""
        variables = [f"--env={name}={value}" for name, value in environment.items()]
        # Only systemd could run the health check by itself; `is_healthy` runs it instead.
        started = self.podman("run", "--detach", "--network", "host", *HARDENED, *variables, *options, IMAGE, is_checked=False)
        container = started.stdout.strip()
        assert container, started.stderr
        try:
            yield container
        finally:
            print(self.logs(container))  # noqa: T201  pytest shows it beside a failure
            self.podman("rm", "--force", "--volumes", "--time", "0", container)

    def is_healthy(self, container: str) -> bool:
        return self.podman("healthcheck", "run", container, is_checked=False).returncode == 0

    def stop(self, container: str, *, seconds: int) -> int:
        """Ask it to stop, kill it after *seconds*; return its exit code, 137 if it had to be killed."""
        self.podman("stop", "--time", str(seconds), container)
        return int(self.podman("inspect", "--format", "{{.State.ExitCode}}", container).stdout)

    def logs(self, container: str) -> str:
        done = self.podman("logs", container)
        return done.stdout + done.stderr

    def empty(self) -> None:
        self.podman("rm", "--all", "--force", "--volumes", "--time", "0", is_checked=False)
        self.podman("image", "umount", "--all", "--force", is_checked=False)
        self.podman("rmi", "--all", "--force", is_checked=False)


@contextmanager
def store(programs: Mapping[str, str]) -> Iterator[Store]:
    """A store in a folder of its own, removed with all that was in it."""
    folder = Path(tempfile.mkdtemp(prefix="poller-containers-"))
    try:
        made = Store(folder, programs)
        try:
            yield made
        finally:
            made.empty()
    finally:
        shutil.rmtree(folder)


def _pip_mounts(folder: Path) -> Iterator[str]:
    """Yield the options that let pip inside the build fetch from where pip outside does: its settings, and the files these name."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True).stdout
    settings: dict[str, str] = {}
    for line in sorted(listed.splitlines(), reverse=True):  # variables, `:env:`, last: they win
        name, _, value = line.partition("=")
        key = name.rpartition(".")[2]
        if key in _PIP_SOURCES:
            settings[key] = ast.literal_eval(value)
    file = folder / "pip.conf"
    file.write_text("[global]\n" + "".join(f"{key} = {' '.join(value.split())}\n" for key, value in settings.items()))
    yield f"--volume={file}:/etc/pip.conf:ro"
    for word in " ".join(settings.values()).split():
        path = word.removeprefix("file://").removesuffix("/simple")
        if path.startswith("/") and Path(path).exists():
            yield f"--volume={path}:{path}:ro"
