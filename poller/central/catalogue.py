"""Every setting of central, as data, by the rules of the agent's: reading, faults, variables and docs/central-settings.md follow from it.

After a change: `python -m poller.central.catalogue > docs/central-settings.md` (a test compares).
"""

from __future__ import annotations

import sys

from poller.central.kinds import HookAddress, HostText, MailAddress, MailAddresses
from poller.config.catalogue import Section, Setting
from poller.config.declared import Declared
from poller.config.document import settings_page
from poller.config.kinds import Address, Choice, Folder, Path, SecretText, Switch, Text, WebAddress, Whole

SECTIONS = (
    Section("server", "Where agents come to, and how much of them at once."),
    Section("database", "Where readings are kept: a SQLite file, or PostgreSQL for more than a few hundred sites."),
    Section(
        "keys",
        "Central's own keys. Whoever has them can read what agents send and speak in its name: back them up, apart from the database.",
    ),
    Section(
        "mail", "The server by which parcels are told to whoever packs them, as mails. What becomes of them is in [sending.md](sending.md)."
    ),
    Section("webhook", "Where parcels are posted to as JSON, signed. How a receiver checks them is in [sending.md](sending.md)."),
    Section("csv", "Where a CSV file is put for each parcel."),
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
        "server",
        "account_megabytes_per_day",
        Whole(1, 100_000_000),
        10_000,
        "How many megabytes of lines each customer's agents may send between them in a day (UTC), before they are compressed. Who has sent "
        "so much is told to come again, and keeps its readings. 100,000 devices that are recorded every four hours send 2,400.",
        "500",
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
    Setting("mail", "host", HostText(), None, "The mail server, that of the dealer: without it no mail is sent.", '"mail.example.com"'),
    Setting("mail", "port", Whole(1, 65535), None, "Its port; by `security` 587, 465 or 25 unless set.", "2525"),
    Setting(
        "mail",
        "security",
        Choice(("starttls", "tls", "none")),
        "starttls",
        "How the connection is encrypted: by STARTTLS, which the server has to offer, from the first byte on, or not at all, for a server "
        "on the same host.",
        '"tls"',
    ),
    Setting("mail", "ca_file", Path(), None, "Certificates (PEM) the server's must go back to, in place of the system's.", '"ca.pem"'),
    Setting("mail", "user", Text(), None, "Who logs in there, where the server wants that.", '"toner@example.com"'),
    Setting("mail", "password", SecretText(), None, "The password of `user`; or the file that holds it, which is better.", '"…"'),
    Setting("mail", "password_file", Path(), None, "A file that holds the password and nothing else.", '"/run/secrets/mail-password"'),
    Setting("mail", "from", MailAddress(), None, "Whose mails they are. Answers go there, too.", '"toner@example.com"', field="sender"),
    Setting("mail", "to", MailAddresses(), None, "Who gets them: whoever packs.", '["warehouse@example.com"]'),
    Setting(
        "mail",
        "language",
        Choice(("de", "en")),
        None,
        "The language of all mails; without one each is in that of its account.",
        '"de"',
    ),
    Setting("webhook", "url", HookAddress(), None, "The address. A redirect is not followed.", '"https://shop.example.com/hooks/toner"'),
    Setting(
        "webhook",
        "secret",
        SecretText(octets_min=16),
        None,
        "What both sides know, and nobody else: parcels are signed by it. Or the file that holds it, which is better.",
        '"b6f0c1d25a8e4f37"',
    ),
    Setting("webhook", "secret_file", Path(), None, "A file that holds the secret and nothing else.", '"/run/secrets/webhook-secret"'),
    Setting("webhook", "ca_file", Path(), None, "Certificates (PEM) the receiver's must go back to, in place of the system's.", '"ca.pem"'),
    Setting(
        "csv",
        "folder",
        Folder(),
        None,
        "A folder that is there. Files are named by their parcel, appear when they are complete, and may be taken away.",
        '"/srv/orders"',
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
