"""docs/adding-a-vendor.md, as a reader follows it: every command is run, in its order, and shows what the page says it shows."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from poller.bench.tools import free_port
from tests.whole.processes import ROOT, environment, running

PAGE = ROOT / "docs" / "adding-a-vendor.md"
_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`([\w./-]+\.toml)`")
_SECONDS_MAX = 60
LEFT_OUT = "…"


class Step(NamedTuple):
    """A block of the page: what is to be done, and what is seen then (None: the page does not say)."""

    kind: str
    """run, start (and leave open), fail, or write."""
    text: str
    shown: str | None
    file: str | None


def steps(page: str) -> Iterator[Step]:
    blocks = list(_BLOCK.finditer(page))
    for block, after in zip(blocks, [*blocks[1:], None], strict=True):
        language, more, text = block.groups()
        shown = after[3] if after is not None and after[1] == "text" and not page[block.end() : after.start()].strip() else None
        if language == "sh":
            yield Step({"": "run", "second terminal": "start", "fails": "fail"}[more.strip()], text, shown, None)
        elif language == "toml":
            yield Step("write", text, None, _FILE.findall(page[: block.start()])[-1])
        else:
            assert language == "text", f"who runs {language}?"


def differences(shown: str, said: str) -> str | None:
    """Return the first line of *shown* that was not *said* where it should be, or None. `…` is any text in a line, any lines as a line."""

    def lines(text: str) -> list[str]:
        return [" ".join(line.split()) for line in text.splitlines() if line.strip()]

    left, may_skip = lines(said), False
    for line in lines(shown):
        if line == LEFT_OUT:
            may_skip = True
            continue
        pattern = re.compile(re.escape(line).replace(rf"\ {LEFT_OUT}\ ", r"\ (?:.*?\ )?").replace(LEFT_OUT, ".*?"))
        at = next((number for number, one in enumerate(left if may_skip else left[:1]) if pattern.fullmatch(one)), None)
        if at is None:
            return f"{line!r} is not what came; what came was {left[:3]}"
        left, may_skip = left[at + 1 :], False
    return None if may_skip or not left else f"the page does not show {left[:3]}"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What of the project the page needs: the folder of the practice printer, and the command."""
    shutil.copytree(ROOT / "docs" / "adding-a-vendor", tmp_path / "docs" / "adding-a-vendor")
    command = tmp_path / ".venv" / "bin" / "poller"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m poller "$@"\n')
    command.chmod(0o755)
    return tmp_path


async def test_every_command_of_the_page_shows_what_the_page_says(clone: Path) -> None:
    page = PAGE.read_text().replace("16161", str(free_port()))
    done = list(steps(page))
    assert [step.kind for step in done].count("start") == 1
    before = "".join(line + "\n" for step in done if step.kind == "run" for line in step.text.splitlines() if line.startswith("export "))
    (simulate,) = (step for step in done if step.kind == "start")
    env = {"COLUMNS": "160"}
    async with running("/bin/sh", "-c", f"{before}exec {simulate.text}", env=env, cwd=clone) as simulated:
        assert simulated.stdout is not None
        first = (await simulated.stdout.readline()).decode()
        assert simulate.shown is not None
        assert differences(simulate.shown, first) is None
        for step in done:
            if step.kind == "write":
                assert step.file is not None
                (clone / step.file).write_text(step.text)
            elif step.kind != "start":
                ran = subprocess.run(  # noqa: ASYNC221  one thing after the other is the point
                    ["/bin/sh", "-c", before + step.text],
                    cwd=clone, env=environment(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                    text=True, timeout=_SECONDS_MAX, check=False,
                )  # fmt: skip
                assert (ran.returncode != 0) == (step.kind == "fail"), f"{step.text}{ran.stdout}"
                assert differences(step.shown or "", ran.stdout) is None, f"{step.text}{ran.stdout}"


def test_the_page_goes_through_every_tool() -> None:
    commands = "\n".join(step.text for step in steps(PAGE.read_text()))
    tools = ("simulate", "read", "record", "profiles check", "profiles test", "profiles list")
    assert [tool for tool in tools if f"poller {tool} " not in commands] == []


@pytest.mark.parametrize(
    "shown, said, fits",
    [
        ("a  b\n", "a b\n\n", True),
        ("a …\nz\n", "a b c\nz\n", True),
        ("a … c\n", "a c\n", True),
        ("a\n…\nz\n", "a\nb\nz\n", True),
        ("a\n…\n", "a\nb\nz\n", True),
        ("a\n", "a\nb\n", False),
        ("a\nz\n", "a\nb\nz\n", False),
        ("…\nz\n", "a\nb\n", False),
    ],
)
def test_what_is_left_out_of_the_page_is_marked(shown: str, said: str, fits: bool) -> None:
    assert (differences(shown, said) is None) == fits
