"""The tools: each one that is missing is a reason, none is a traceback."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from poller.bench.children import NotMeasuredError
from poller.bench.tools import Tools, free_port, require_module, require_port

needs_compiler = pytest.mark.usefixtures("compiler")

# Says what the real one says once its port is its own, and waits for the end.
FLEET = '#include <stdio.h>\n#include <unistd.h>\nint main(void) { fprintf(stderr, "fleetsim: 1 recordings\\n"); pause(); return 0; }\n'
NO_FLEET = '#include <stdio.h>\nint main(void) { fprintf(stderr, "bind: Address already in use\\n"); return 1; }\n'


@pytest.fixture
def compiler(real_part: Callable[[str], str]) -> None:
    real_part("cc")


def folder_of(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "bench"
    recordings = tmp_path / "corpus" / "recordings"
    folder.mkdir()
    recordings.mkdir(parents=True)
    (recordings / "one.snmprec").write_text("1.3.6.1.2.1.1.1.0|4|a printer\n")
    (folder / "fleet.txt").write_text("one\n")
    for name, content in files.items():
        (folder / f"{name}.c").write_text(content)
    return folder


def test_without_a_folder_a_row_is_not_measured() -> None:
    with Tools(None) as tools, pytest.raises(NotMeasuredError, match=r"^needs blast\.c, from the folder --tools names$"):
        tools.program("blast")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with Tools(tmp_path) as tools, pytest.raises(NotMeasuredError, match=r"^no peers\.py in the folder"):
        tools.file("peers.py")


def test_the_fleet_is_the_recordings_beside_the_folder(tmp_path: Path) -> None:
    with Tools(folder_of(tmp_path)) as tools:
        assert [path.resolve() for path in tools.recordings] == [tmp_path / "corpus" / "recordings" / "one.snmprec"]


def test_a_recording_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    (folder / "fleet.txt").write_text("one\ntwo\n")
    with Tools(folder) as tools, pytest.raises(NotMeasuredError, match=r"missing: two\.snmprec$"):
        assert tools.recordings


def test_a_machine_without_compiler_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        Tools(folder_of(tmp_path, blast="int main(void) { return 0; }")) as tools,
        pytest.raises(NotMeasuredError, match="needs a C compiler"),
    ):
        tools.program("blast")


@needs_compiler
def test_a_program_that_does_not_compile_says_why(tmp_path: Path) -> None:
    with (
        Tools(folder_of(tmp_path, blast="int main(void) { return }")) as tools,
        pytest.raises(NotMeasuredError, match=r"blast\.c does not"),
    ):
        tools.program("blast")


@needs_compiler
def test_programs_are_made_once_and_leave_nothing_behind(tmp_path: Path) -> None:
    with Tools(folder_of(tmp_path, blast="int main(void) { return 0; }")) as tools:
        program = tools.program("blast")
        assert program.exists()
        assert tools.program("blast") == program
    assert not program.exists()
    assert {path.name for path in (tmp_path / "bench").iterdir()} == {"fleet.txt", "blast.c"}


@needs_compiler
def test_a_fleet_answers_inside_its_block(tmp_path: Path) -> None:
    with Tools(folder_of(tmp_path, fleetsim=FLEET)) as tools, tools.fleet("-d", 16, port=free_port()):
        pass


@needs_compiler
def test_a_fleet_that_does_not_start_says_why(tmp_path: Path) -> None:
    with (
        Tools(folder_of(tmp_path, fleetsim=NO_FLEET)) as tools,
        pytest.raises(NotMeasuredError, match=r"^fleetsim does not start: bind: Address already in use$"),
        tools.fleet(port=free_port()),
    ):
        pytest.fail("it has not started")


def test_a_port_that_is_taken_is_noticed() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        with pytest.raises(NotMeasuredError, match="is taken"):
            require_port(sock.getsockname()[1])
    require_port(free_port())


@pytest.mark.parametrize("module", ["no_such_module", "no_such_package.inside"])
def test_a_peer_that_is_not_installed_is_named(module: str) -> None:
    with pytest.raises(NotMeasuredError, match=r"^gufo_snmp is not installed \(pip install poller\[bench\]\)$"):
        require_module(module, "gufo_snmp")
    require_module("asyncio.subprocess", "Python")
