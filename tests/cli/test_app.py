"""The surface of the command line: help, exit codes, and what a person sees when something is wrong."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from poller import __version__
from poller.cli import app as cli
from poller.cli.running import run_async
from poller.errors import ConfigError, HostError, NoAnswerError, PollerError

ROOT = Path(__file__).parent.parent.parent

HEAVY = ("aiohttp", "jinja2", "prometheus_client", "aiosnmp", "rich", "uvloop")
"""What a verb must not make others wait for."""


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No poller.toml here and no POLLER_… variable."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POLLER_CONFIG", raising=False)


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Make a function the verb `probe`."""

    def register(function: Callable[[], None]) -> None:
        monkeypatch.setitem(cli.VERBS, "probe", lambda: function)

    return register


def raising(error: BaseException) -> Callable[[], None]:
    def probe() -> None:
        raise error

    return probe


@pytest.mark.parametrize("name", cli.VERBS)
def test_every_verb_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([name, "--help"]) == 0
    assert "Example" in (text := capsys.readouterr().out)
    assert f"poller {name}" in text


@pytest.mark.parametrize("name", cli.VERBS)
def test_an_unknown_option_is_wrong_usage(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([name, "--no-such-option"]) == 2
    assert "no-such-option" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["chek"], ["--bogus"], ["check", "extra"]])
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    assert cli.main(arguments) == 2


def test_a_mistyped_verb_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["chek"]) == 2
    assert "Did you mean 'check'?" in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"poller {__version__}\n"


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in cli.VERBS)


def test_brackets_in_a_docstring_are_text(verb: Callable[[Callable[[], None]], None], capsys: pytest.CaptureFixture[str]) -> None:
    def probe() -> None:
        """Read [sweep] and [[range]]."""

    verb(probe)
    assert cli.main(["probe", "--help"]) == 0
    assert "Read [sweep] and [[range]]." in capsys.readouterr().out


@pytest.mark.parametrize(
    "error,code,err",
    [
        (ConfigError(["a.toml: x: wrong", "a.toml: y: wrong too"]), 2, "a.toml: x: wrong\na.toml: y: wrong too\n"),
        (HostError("port 9717 is in use", hint="set [exporter] listen"), 3, "port 9717 is in use (set [exporter] listen)\n"),
        (NoAnswerError("10.1.0.7", tries=3), 1, "no answer from 10.1.0.7 in 3 tries\n"),
        (PollerError("something else"), 1, "something else\n"),
        (PermissionError(13, "Permission denied", "/var/x"), 3, "/var/x: Permission denied\n"),
        (OSError(28, "No space left on device"), 3, "No space left on device\n"),
        (KeyboardInterrupt(), 1, None),
        (typer.Exit(1), 1, ""),
        (typer.Exit(0), 0, ""),
        (SystemExit(), 0, ""),
        (BrokenPipeError(32, "Broken pipe"), 1, ""),
        (typer.Exit(130), 1, ""),
        (
            ExceptionGroup("tasks", [NoAnswerError("a", tries=1), ExceptionGroup("more", [HostError("full")])]),
            3,
            "no answer from a in 1 tries\nfull\n",
        ),
        (NoAnswerError("\x1b[2J", tries=1), 1, "no answer from \\u001b[2J in 1 tries\n"),
    ],
)
def test_what_was_expected_to_go_wrong_is_a_line_and_a_code(
    error: BaseException, code: int, err: str | None, verb: Callable[[Callable[[], None]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    verb(raising(error))
    assert cli.main(["probe"]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert err is None or printed.err == err
    assert "Traceback" not in printed.err


@pytest.mark.parametrize("error", [ZeroDivisionError(), ExceptionGroup("tasks", [HostError("full"), ZeroDivisionError()])])
def test_a_bug_is_not_hidden(error: Exception, verb: Callable[[Callable[[], None]], None]) -> None:
    verb(raising(error))
    with pytest.raises(type(error)):
        cli.main(["probe"])


def test_ctrl_c_lets_a_coroutine_clean_up_and_ends_with_the_code_of_the_verb() -> None:
    steps = []

    async def work() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("cleaned up")

    for code in (1, 0):
        with pytest.raises(typer.Exit) as raised:
            run_async(work(), interrupted_code=code)
        assert raised.value.exit_code == code
    assert steps == ["cleaned up"] * 2


def test_a_coroutine_returns_its_result() -> None:
    async def work() -> str:
        return type(asyncio.get_running_loop()).__module__

    assert run_async(work()) in ("uvloop", "asyncio.unix_events")


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    """What `poller check --json | head -c 0` does, with more output than a pipe holds."""
    program = "import sys; from poller.cli import app; app.__version__ = 'x' * 1_000_000; sys.exit(app.main(['--version']))"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait() == 1


def test_a_full_disk_behind_standard_output_is_the_host() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "poller", "--version"], stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False
        )
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].endswith("No space left on device")
    assert "Traceback" not in done.stderr


def test_no_verb_makes_another_wait_for_its_heavy_rooms() -> None:
    program = (
        "import sys; from poller.cli import app\n"
        "for load in app.VERBS.values(): load()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"
