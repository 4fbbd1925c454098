"""The project as a whole: what a stranger gets with a clone, and what must not be in it."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import typer
from packaging.requirements import Requirement

from tests.conftest import ROOT

LOCK = ROOT / "requirements.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DEPENDENCIES = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
CENTRAL_DEPENDENCIES = [Requirement(line) for line in PROJECT["project"]["optional-dependencies"]["central"]]
DEV_DEPENDENCIES = [Requirement(line) for line in PROJECT["dependency-groups"]["dev"]]
PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md")] + sorted((ROOT / "docs").rglob("*.md"))

# Written in two halves, so that this file does not find itself.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:wo" r"rk|fa" r"rm|ro" r"ot|ho" r"me|tm" r"p)/[A-Za-z.]")
REGISTRY = re.compile("py" r"pi\.org|python" r"hosted\.org|deb\.deb" r"ian\.org|registry\.np" r"mjs|crates\.i" r"o|proxy\.gol" r"ang\.org")
LEFT_OPEN = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|Not" r"ImplementedError)\b")


def texts() -> Iterator[tuple[str, str]]:
    """Yield (path, text) of every text file of the project: what git would take, or in a copy without git all but what tools made."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
        )
        paths = [ROOT / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    else:
        made = {".venv", "dist", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"}
        paths = [path for path in ROOT.rglob("*") if not made & set(path.relative_to(ROOT).parts)]
    for path in paths:
        if path.is_file():
            try:
                yield path.relative_to(ROOT).as_posix(), path.read_text()
            except UnicodeDecodeError:
                continue  # a picture, or a recording in another charset


def matching(pattern: re.Pattern[str], *, under: str = "") -> list[str]:
    return [
        f"{path}:{number}: {line.strip()[:100]}"
        for path, text in texts()
        if path.startswith(under)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


# --- nothing of one machine, nothing left open ---


def test_no_file_names_a_path_of_one_machine() -> None:
    assert matching(MACHINE_PATH) == []


def test_no_file_names_the_host_of_a_registry() -> None:
    assert matching(REGISTRY) == []


def test_the_package_needs_nothing_beside_the_repository() -> None:
    assert matching(re.compile(r"\.\./shared|\bshared/"), under="poller/") == []


def test_nothing_is_left_open() -> None:
    assert matching(LEFT_OPEN, under="poller/") + matching(LEFT_OPEN, under="tests/") == []


@pytest.mark.parametrize(
    "pattern, text",
    [
        (MACHINE_PATH, "see /ro" + "ot/notes"),
        (MACHINE_PATH, '"/tm' + 'p/x"'),
        (REGISTRY, "https://py" + "pi.org/simple"),
        (LEFT_OPEN, "# TO" + "DO later"),
    ],
)
def test_these_searches_can_find(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)


# --- source ---


def test_every_module_begins_with_what_it_is_for() -> None:
    modules = sorted((ROOT / "poller").rglob("*.py"))
    assert modules
    assert [str(path.relative_to(ROOT)) for path in modules if not ast.get_docstring(ast.parse(path.read_bytes()))] == []


# --- dependencies and lock ---


def locked() -> dict[str, list[tuple[Requirement, int]]]:
    """Return name -> [(pin with its marker, number of hashes)] of the lock."""
    found: dict[str, list[tuple[Requirement, int]]] = {}
    for entry in re.split(r"\n(?=[a-z0-9])", LOCK.read_text())[1:]:
        pin = Requirement(entry.partition("\\")[0].strip())
        found.setdefault(pin.name, []).append((pin, entry.count("--hash=sha256:")))
    return found


def imported_by_package(*, central: bool) -> set[str]:
    """Return what poller/central imports, or else what all the rest of the package does."""
    found: set[str] = set()
    for path in (ROOT / "poller").rglob("*.py"):
        if path.is_relative_to(ROOT / "poller" / "central") != central:
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"poller", "compression"}  # the last one is the standard library's from 3.14 on


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_has_its_reason_beside_it() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    begin = lines.index("dependencies = [") + 1
    listed = lines[begin : lines.index("]", begin)]
    reason = ""
    for before, line in zip(["", *listed], listed, strict=False):
        if line.strip().startswith('"'):
            reason = before if before.strip().startswith("#") else reason  # two lines of one name share theirs
            assert reason, f"no reason beside {line.strip()}"
        if line.strip().startswith("#"):
            reason = ""


def test_the_package_imports_what_it_declares_and_declares_what_it_imports() -> None:
    providers = packages_distributions()
    imported, by_central = (
        {normal(name) for module in imported_by_package(central=central) for name in providers.get(module, [module])}
        for central in (False, True)
    )
    declared, extra = ({normal(one.name) for one in listed} for listed in (DEPENDENCIES, CENTRAL_DEPENDENCIES))
    assert imported == declared
    assert extra <= by_central <= declared | extra


def test_the_lock_pins_every_entry_by_hash_and_names_no_address() -> None:
    entries = [entry for group in locked().values() for entry in group]
    assert len(entries) > len(DEPENDENCIES) + len(DEV_DEPENDENCIES)
    assert [str(pin) for pin, hashes in entries if hashes == 0 or not re.fullmatch(r"==[\w.!+]+", str(pin.specifier))] == []
    assert "://" not in LOCK.read_text()
    assert not re.search(r"^\s*-(?!-hash=)", LOCK.read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("dependency", DEPENDENCIES + DEV_DEPENDENCIES, ids=str)
def test_the_lock_holds_every_dependency_in_an_allowed_version(dependency: Requirement) -> None:
    pins = [pin for pin, _ in locked().get(normal(dependency.name), [])]
    assert any(dependency.specifier.contains(str(pin.specifier).removeprefix("==")) for pin in pins), "run: make lock"


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], cwd=ROOT, check=True, capture_output=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("poller/")}
    package = ROOT / "poller"
    assert inside == {
        path.relative_to(ROOT).as_posix() for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_licence_is_apache_2_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License\n" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert PROJECT["project"]["license"] == "Apache-2.0"


# --- pages ---


def slugs(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as hosting sites make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    for link in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists():
            yield f"{page.name}: {link} leads nowhere"
        elif anchor and anchor not in slugs(target):
            yield f"{page.name}: {link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Here it is\n[a](nowhere.md) [b](#here-it-is) [c](#not-here) [d](https://example.com)\n")
    assert list(broken_links(page)) == ["page.md: nowhere.md leads nowhere", "page.md: #not-here: no such heading"]


def test_the_index_of_the_docs_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert [page for page in pages if page != "README.md" and f"({page})" not in index] == []


def test_every_make_command_of_a_page_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(), flags=re.MULTILINE)}
    assert {"demo", "test"} <= named <= targets


def verbs() -> dict[str, list[str]]:
    """Return every verb of the command line and the words below it."""
    command = typer.main.get_command(import_module("poller.cli.app").app)
    top: dict[str, object] = getattr(command, "commands", {})
    return {name: sorted(getattr(below, "commands", {})) for name, below in top.items() if not getattr(below, "hidden", False)}


def test_the_readme_names_every_verb_and_no_other() -> None:
    rows = re.findall(r"^\| `poller ([a-z]+)", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    assert sorted(rows) == sorted(verbs())


def test_every_verb_a_page_shows_exists() -> None:
    shown = {name for page in PAGES for name in re.findall(r"(?:`|bin/)poller ([a-z]+)\b", page.read_text())}
    assert shown <= set(verbs())


def test_the_changelog_has_a_place_for_what_comes() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    version = re.search(r'__version__ = "([^"]+)"', (ROOT / "poller" / "__init__.py").read_text())
    assert version is not None
    assert re.findall(r"^## \[([^\]]+)\]", text, flags=re.MULTILINE)[0] in ("Unreleased", version[1])


def test_the_configuration_of_the_install_page_has_no_fault(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "install.md").read_text(), flags=re.DOTALL)
    secret = tmp_path / "secret"
    secret.write_text("invented-secret\n")
    config = tmp_path / "poller.toml"
    config.write_text(re.sub(r'(?<=_file = ")[^"]*', secret.as_posix(), example))
    done = subprocess.run(
        [sys.executable, "-m", "poller", "check", "--config", str(config)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
