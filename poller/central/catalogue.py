"""Every setting of central, as data, by the rules of the agent's: reading, faults, variables and docs/central-settings.md follow from it.

After a change: `python -m poller.central.catalogue > docs/central-settings.md` (a test compares).
"""

from __future__ import annotations

import sys

from poller.config.catalogue import Section, Setting
from poller.config.declared import Declared
from poller.config.document import settings_page
from poller.config.kinds import Address, Choice, Folder, Path, SecretText, Switch, WebAddress, Whole

SECTIONS = (
    Section("server", "Where agents come to, and how much of them at once."),
    Section("database", "Where readings are kept: a SQLite file, or PostgreSQL for more than a few hundred sites."),
    Section(
        "keys",
        "Central's own keys. Whoever has them can read what agents send and speak in its name: back them up, apart from the database.",
    ),
    Section("retention", "How long what is kept is kept. On PostgreSQL it goes by whole months, when the last day of one is over."),
    Section(
        "updates", "What agents are offered as newer versions. The manifest is signed by whoever releases it; central only hands it out."
    ),
    Section("log", "What is written to standard error."),
)

SETTINGS = (
    Setting("server", "listen", Address(), "0.0.0.0:8717", "Address and port agents come to, by HTTP.", '"127.0.0.1:8717"'),
    Setting(
        "server",
        "metrics_listen",
        Address(may_be_none=True),
        "127.0.0.1:8718",
        "Address and port of /metrics, /-/healthy and /-/ready. Metrics name accounts and sites: keep it among yourselves.",
        '"0.0.0.0:8718"',
    ),
    Setting(
        "server",
        "address",
        WebAddress(),
        None,
        "How agents reach central: it goes into every token. A path in it is one a reverse proxy passes on unchanged, and central's own "
        "begin behind it. Without one, `poller central token new` wants `--address`.",
        '"https://central.example.com/poller"',
    ),
    Setting(
        "server",
        "forwarded_for",
        Switch(),
        default=False,
        help="Whether a reverse proxy of yours is in front, so that the log names senders by the last entry of X-Forwarded-For. "
        "Nothing but the log ever depends on it.",
        example="true",
        field="is_forwarded",
    ),
    Setting(
        "server",
        "requests_per_second",
        Whole(1, 10_000),
        20,
        "How many requests an agent may make each second, five times as many at once. Whoever makes more is told when to come again.",
        "5",
    ),
    Setting(
        "database",
        "file",
        Path(),
        "central-data/central.db",
        "The SQLite file, where there is no `url`; made, with its folder, where there is none.",
        '"/var/lib/poller-central/central.db"',
    ),
    Setting(
        "database",
        "url",
        SecretText(),
        None,
        "A PostgreSQL database in place of the file, `postgresql://USER:PASSWORD@HOST/DATABASE`; or the file that holds this, which is "
        "better. The driver, asyncpg, is installed apart.",
        '"postgresql://poller@db.example.com/poller"',
    ),
    Setting("database", "url_file", Path(), None, "A file that holds the URL and nothing else.", '"/run/secrets/database-url"'),
    Setting(
        "keys",
        "folder",
        Path(),
        "central-data/keys",
        "The folder of `sealing.keys`, `signing.keys` and `store.key`; made, for its user alone, where there is none.",
        '"/etc/poller-central/keys"',
    ),
    Setting("retention", "raw_days", Whole(8, 3660), 35, "Days of every line as it came, from its arrival on.", "60"),
    Setting(
        "retention",
        "daily_months",
        Whole(1, 120),
        13,
        "Months of daily rows: first, last, least and greatest of each counter and level. Numbers of batches are remembered as long.",
        "25",
    ),
    Setting(
        "retention",
        "meter_years",
        Whole(1, 30),
        10,
        "Years of meters that bills rest on, from when they were appended on. The law may ask for some.",
        "12",
    ),
    Setting(
        "retention",
        "job_months",
        Whole(1, 360),
        24,
        "Months of the jobs of production presses, from their arrival on: they may name people, where a site keeps names.",
        "6",
    ),
    Setting(
        "updates",
        "folder",
        Folder(),
        None,
        "A folder whose files are shown under `/updates/`: `manifest.json` and what it names. No folders in it, no listing.",
        '"/srv/poller-updates"',
    ),
    Setting("log", "level", Choice(("debug", "info", "warning", "error")), "info", "The least important lines to write.", '"debug"'),
    Setting("log", "format", Choice(("logfmt", "json")), "logfmt", "One line a fact, as `key=value` pairs or as JSON.", '"json"'),
)

CENTRAL = Declared(
    SECTIONS,
    SETTINGS,
    prefix="POLLERCENTRAL_",
    page="docs/central-settings.md",
    others={"POLLERCENTRAL_CONFIG": "the file to read, as `--config`", "POLLERCENTRAL_WHO": "who is written into the audit log"},
)

_HEAD = """\
# Settings of central

<!-- Written by `python -m poller.central.catalogue > docs/central-settings.md`. Change poller/central/catalogue.py, not this page. -->

`poller central` reads `central.toml`, then the environment over it, by the rules of the agent's file ([settings.md](settings.md)). What it
does and how to run it is in [central.md](central.md). Without any file it runs on SQLite, in the folder it is started in.

- **The file** is the one named by `--config`, else by `POLLERCENTRAL_CONFIG`, else `central.toml` in the current folder if there is one.
- **Variables** begin with `POLLERCENTRAL_`, in one word: `POLLER_CENTRAL_…` are the agent's settings of how it reaches central. `[server]
  listen` is `POLLERCENTRAL_SERVER_LISTEN`.
- **Files** named in the file are looked for from its folder, those named in a variable from the current folder.
- **Secrets** can always come from a file instead (`…_file`), and no fault, log line or page ever shows one.
"""


def page() -> str:
    """Return docs/central-settings.md."""
    return settings_page(_HEAD, of=CENTRAL)


if __name__ == "__main__":
    sys.stdout.write(page())
