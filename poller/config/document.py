"""The page docs/settings.md, written from the catalogue, so that it cannot say anything else.

`python -m poller.config > docs/settings.md` writes it; a test compares.
"""

from __future__ import annotations

from collections.abc import Iterator

from poller.config.catalogue import Section, Setting
from poller.config.declared import AGENT, Declared
from poller.config.kinds import SecretText

_HEAD = """\
# Settings

<!-- Written by `python -m poller.config > docs/settings.md`. Change poller/config/catalogue.py, not this page. -->

`poller` reads a TOML file, then the environment over it. `poller check` lists every fault at once, each with its place and a way out.
With nothing but `POLLER_SWEEP_TARGETS=10.1.0.0/24` it runs. A larger example is [poller.example.toml](../poller.example.toml).
A running agent reads all of it again on SIGHUP; see [operations.md](operations.md).

- **The file** is the one named by `--config`, else by `POLLER_CONFIG`, else `poller.toml` in the current folder if there is one.
- **Variables** win over the file. `[sweep] rate` is `POLLER_SWEEP_RATE`. Lists are separated by commas:
  `POLLER_SWEEP_TARGETS=10.1.0.0/24,10.2.0.0/24`. Tables that may stand several times are counted from 0, those of the file first:
  `POLLER_RANGE_0_NETWORKS`, `POLLER_CREDENTIAL_0_COMMUNITY_FILE`. An empty variable counts as not set. Variables that Kubernetes and
  Docker make up for a service called poller (`POLLER_SERVICE_HOST`, `POLLER_PORT_9717_TCP` …) are passed over.
- **Durations** are texts such as `"90s"`, `"15m"`, `"4h"`, `"30d"`, `"500ms"`, or whole seconds.
- **Networks** are `10.1.0.0/24`, `10.0.0.7`, `10.0.0.5-10.0.0.20`, `10.0.0.5-20`, `fd00::/120`, a host name, or `@FILE` for a file with one
  of these a line, `#` beginning a comment.
- **Files** named in the file are looked for from its folder, those named in a variable from the current folder.
- **Secrets** can always come from a file instead (`…_file`), and no fault, log line or page ever shows one.
"""


def settings_page(head: str = _HEAD, *, of: Declared = AGENT) -> str:
    """Return the page as Markdown: what is to be known first, then every setting."""
    return "\n".join(_lines(head, of))


def default_text(setting: Setting) -> str:
    """Return a default as it would be written in TOML; a dash where there is none."""
    match setting.default:
        case None:
            return "–"
        case bool():
            return str(setting.default).lower()
        case str():
            return f'"{setting.default}"'
        case _:
            return str(setting.default)


def _lines(head: str, of: Declared) -> Iterator[str]:
    yield head
    for section in of.sections:
        yield f"## {section.header}\n\n{section.help}\n"
        for setting in of.settings_of(section.name):
            yield from _entry(section, setting, of)
    yield "## Variables that are no settings\n"
    for name, meaning in of.others.items():
        yield f"- `{name}`: {meaning}."
    yield ""


def _entry(section: Section, setting: Setting, of: Declared) -> Iterator[str]:
    yield f"### {section.name}.{setting.key}\n"
    yield f"{setting.help}\n"
    yield f"- Takes: {setting.kind.wanted}"
    if setting.default is not None:
        yield f"- Default: `{default_text(setting)}`"
    yield f"- Variable: `{of.variable(setting, 'N' if section.is_list else None)}`"
    if isinstance(setting.kind, SecretText):
        yield f"- From a file: `{setting.key}_file`"
    yield f"- Example: `{setting.key} = {setting.example}`\n"


def documented_names(page: str) -> set[str]:
    """Return the settings a page has an entry for, as `section.key`."""
    return {line.removeprefix("### ") for line in page.splitlines() if line.startswith("### ")}


def catalogue_names(of: Declared = AGENT) -> set[str]:
    return {f"{setting.section}.{setting.key}" for setting in of.settings}
