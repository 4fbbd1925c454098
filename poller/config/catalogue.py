"""Every setting there is, as data: section, key, kind, default, help.

Reading, faults, names of environment variables and docs/settings.md all follow from this one list. A setting is here only when
something uses it. After a change: `python -m poller.config > docs/settings.md` (a test compares).
"""

from __future__ import annotations

from typing import NamedTuple, get_args

from poller.config.kinds import (
    Address,
    Choice,
    Choices,
    Duration,
    Folder,
    Kind,
    Name,
    Path,
    ProxyAddress,
    SecretText,
    Size,
    Switch,
    Text,
    Texts,
    TimeOfDay,
    WebAddress,
    Whole,
)
from poller.model import AuthProtocol, PrivProtocol


class Section(NamedTuple):
    """One table of the file; `is_list` where it may stand several times, as `[[name]]`."""

    name: str
    help: str
    is_list: bool = False

    @property
    def header(self) -> str:
        return f"[[{self.name}]]" if self.is_list else f"[{self.name}]"


class Setting(NamedTuple):
    """One line of a table. `default` and `example` are written as in TOML; `field` is its name in the values, with its unit."""

    section: str
    key: str
    kind: Kind
    default: str | int | bool | list[str] | None
    help: str
    example: str
    field: str = ""

    @property
    def attribute(self) -> str:
        return self.field or self.key


AUTH_PROTOCOLS: tuple[str, ...] = get_args(AuthProtocol)
PRIV_PROTOCOLS: tuple[str, ...] = get_args(PrivProtocol)
PASSPHRASE_OCTETS_MIN = 8  # RFC 3414 section 11.2

CREDENTIALS_PER_ADDRESS_MAX = 3
"""An unknown address is never tried with more (design: what never happens)."""

SECTIONS = (
    Section("site", "The place this agent stands at."),
    Section(
        "sweep",
        "When and how printers are looked for. The sweep asks every address of every range once for its identity; "
        "what answers like a printer is polled from then on.",
    ),
    Section(
        "range",
        "A part of the network that differs from the rest: own credentials, pace or location. "
        "Two ranges never hold the same address; take it out of one with `exclude`.",
        is_list=True,
    ),
    Section(
        "credential",
        "What opens the printers. Without any, community `public` is tried as v2c, then as v1, under the names `public` and `public/v1`.",
        is_list=True,
    ),
    Section("poll", "How, and how often, a known printer is read."),
    Section("printer", "A single printer that is read more often, or less, than the rest of its range.", is_list=True),
    Section(
        "traps",
        "Where printers send notifications to: SNMP traps and informs. One from a known printer has it read at once; what it says is never "
        "shown. Only who knows a community or user of `[[credential]]` is believed.",
    ),
    Section("profiles", "What is known of the vendors' own MIBs: one TOML file per family comes with the program; `poller profiles list`."),
    Section("exporter", "Where Prometheus fetches the metrics, and how long a silent printer stays in them."),
    Section(
        "state",
        "What the agent keeps across a restart: every printer with its last reading, so that all are shown at once and none is walked "
        "anew. It can all be found out again; deleting the folder loses nothing but time.",
    ),
    Section(
        "outbox",
        "Where readings are kept until the dealer's central has them, encrypted, and the site's own daily history. What it holds, what "
        "happens when it is full, and `poller outbox`: [outbox.md](outbox.md).",
    ),
    Section(
        "central",
        "The dealer's server, which readings are uploaded to, sealed. Without a token, and without having been enrolled by one, nothing is "
        "sent. How it works, and what proxies need: [upload.md](upload.md).",
    ),
    Section(
        "privacy",
        "What of a printer is neither shown nor recorded: not in metrics, pages, `/sd`, `/api`, `/probe` or the outbox. It holds from the "
        "next round of polls; see [privacy.md](privacy.md#masks-and-days).",
    ),
    Section(
        "update",
        "Whether the agent looks once a day if there is a newer version, and says so. It fetches one signed file and never installs "
        "anything; see [updates.md](updates.md).",
    ),
    Section(
        "accounting",
        "Job logs of production presses, taken from a folder they are exported to: [accounting.md](accounting.md#collecting). Without "
        "`folder` nothing is watched. What it means for people's names: [privacy.md](privacy.md#job-logs).",
    ),
    Section("log", "What is written to standard error."),
)

SETTINGS = (
    Setting("site", "name", Text(), None, "Name of the site; the label `site` of `printer_info`.", '"hamburg"'),
    # --- sweep
    Setting(
        "sweep",
        "targets",
        Texts(),
        [],
        'The networks to sweep, the short way: they become a range named "default". Networks, addresses, address ranges, host names, '
        "or `@FILE` for a file with one of these a line (`#` begins a comment).",
        '["10.1.0.0/24", "10.2.0.5-20", "printer.example.com", "@networks.txt"]',
    ),
    Setting("sweep", "exclude", Texts(), [], "Never asked, whatever range they are in. Written like `targets`.", '["10.1.0.1"]'),
    Setting(
        "sweep",
        "allowed",
        Texts(),
        None,
        "The only networks a range may hold, wherever the range comes from: a limit that no setting from central widens. Host names are "
        "asked only at addresses within. Written like `targets`, but without host names. Not set: no limit.",
        '["10.0.0.0/8"]',
    ),
    Setting(
        "sweep",
        "at",
        TimeOfDay(),
        "10:00",
        "When the daily sweep begins, in the time zone of this host (`TZ`). In the daytime: at night printers are off.",
        '"10:00"',
    ),
    Setting(
        "sweep", "every", Duration("1m", "30d"), None, "Sweep this often instead of daily; then `at` is not set.", '"4h"', "every_seconds"
    ),
    Setting("sweep", "on_start", Switch(), default=True, help="Whether to sweep at once when the agent starts.", example="false"),
    Setting(
        "sweep",
        "search",
        Switch(),
        default=True,
        help="Whether to look for a printer that fell silent, or whose address another one has: by a sweep of the 256 addresses around, "
        "then of its range if that has no more than 65,536. At the same rate, at most every five minutes, a whole range once an hour.",
        example="false",
    ),
    Setting("sweep", "rate", Whole(1, 100_000), 300, "Packets a second.", "1000", "rate_per_second"),
    Setting("sweep", "retries", Whole(0, 10), 1, "How often a silent address is asked again.", "3"),
    Setting("sweep", "timeout", Duration("100ms", "60s"), "2s", "How long to wait for an answer.", '"5s"', "timeout_seconds"),
    Setting(
        "sweep",
        "addresses_max",
        Whole(1, 1 << 26),
        65_536,
        "How many addresses all ranges together may hold. A guard against a slip of the pen: a /8 is sixteen million addresses, "
        "half a day at 300 packets a second.",
        "16777216",
    ),
    # --- range
    Setting("range", "name", Name(), None, "The label `range` of its printers. Without one: `range-0`, `range-1` …", '"hq-2nd-floor"'),
    Setting(
        "range",
        "networks",
        Texts(),
        None,
        "What belongs to the range, written like `[sweep] targets`. Required.",
        '["10.1.2.0/24", "10.1.3.0/24"]',
    ),
    Setting(
        "range", "exclude", Texts(), [], "What does not belong to it. Written like `[sweep] targets`.", '["10.1.2.1", "10.1.2.200-254"]'
    ),
    Setting(
        "range",
        "credentials",
        Texts('a list of names of [[credential]], such as ["office"]'),
        [],
        f"Names of `[[credential]]`, in the order to try. At most {CREDENTIALS_PER_ADDRESS_MAX} are tried at an unknown address; "
        "one without a version counts as two. Without any named here: the first ones configured.",
        '["office", "public"]',
    ),
    Setting("range", "port", Whole(1, 65_535), 161, "UDP port of the printers' SNMP agent.", "1161"),
    Setting("range", "rate", Whole(1, 100_000), None, "Packets a second in this range. Default: `[sweep] rate`.", "50", "rate_per_second"),
    Setting(
        "range",
        "slow",
        Switch(),
        default=False,
        help="Whether it lies behind a slow or lossy line: answers are kept within 1,200 octets, so that none is cut up.",
        example="true",
    ),
    Setting(
        "range",
        "ipp",
        Switch(),
        default=False,
        help="Whether its printers may also be read by IPP: a connection to TCP port 631, where SNMP tells nothing or too little. "
        "Only printer attributes are asked for, nothing is ever printed. No other range gets a TCP connection.",
        example="true",
    ),
    Setting(
        "range",
        "every",
        Duration("10s", "7d"),
        None,
        "How often its printers are read. Default: `[poll] every`; a vendor profile may ask for more time between two polls.",
        '"1h"',
        "every_seconds",
    ),
    Setting("range", "location", Text(), None, "Where its devices stand: deliveries and meters are booked there.", '"Hamburg, 2nd floor"'),
    # --- credential
    Setting("credential", "name", Name(), None, "What logs, metrics and `--credential` call it. Without one: `credential-0` …", '"office"'),
    Setting(
        "credential",
        "version",
        Choice(("1", "2c", "3")),
        None,
        "SNMP version. Without one it is tried as 2c, then as 1: two credentials, `NAME` and `NAME/v1`. Versions 1 and 2c have a "
        "community, version 3 has a `user`.",
        '"2c"',
    ),
    Setting(
        "credential",
        "community",
        SecretText(),
        None,
        "The community; or its file, which is better. One of both is required for versions 1 and 2c.",
        '"public"',
    ),
    Setting(
        "credential",
        "community_file",
        Path(),
        None,
        "A file that holds the community and nothing else. A newline at its end does not count.",
        '"/run/secrets/community"',
    ),
    Setting("credential", "user", Text(32), None, "User name. Required for version 3, and only there.", '"monitor"'),
    Setting(
        "credential",
        "auth",
        Choice(AUTH_PROTOCOLS),
        None,
        "How messages are signed (RFC 3414, RFC 7860). Without it anybody can read and forge them (level noAuthNoPriv).",
        '"sha256"',
    ),
    Setting(
        "credential",
        "auth_password",
        SecretText(PASSPHRASE_OCTETS_MIN),
        None,
        "The passphrase to `auth`; or its file, which is better.",
        '"an invented passphrase"',
    ),
    Setting(
        "credential",
        "auth_password_file",
        Path(),
        None,
        "A file that holds this passphrase and nothing else.",
        '"/run/secrets/snmp-auth"',
    ),
    Setting(
        "credential",
        "priv",
        Choice(PRIV_PROTOCOLS),
        None,
        "How messages are encrypted (RFC 3414, RFC 3826); needs `auth`. Without it they are signed and can be read (level authNoPriv). "
        "`aes192c` and `aes256c` are those of Cisco; they differ where the digest of `auth` is shorter than the key.",
        '"aes128"',
    ),
    Setting(
        "credential",
        "priv_password",
        SecretText(PASSPHRASE_OCTETS_MIN),
        None,
        "The passphrase to `priv`; or its file, which is better.",
        '"another invented passphrase"',
    ),
    Setting(
        "credential",
        "priv_password_file",
        Path(),
        None,
        "A file that holds this passphrase and nothing else.",
        '"/run/secrets/snmp-priv"',
    ),
    Setting(
        "credential",
        "context",
        Text(32),
        None,
        "Which of several agents behind one address is meant. In version 3 the contextName; in 1 and 2c the community is sent as "
        "`community@context`. HP print servers call it `Jetdirect`. Most devices need none.",
        '"Jetdirect"',
    ),
    # --- poll
    Setting(
        "poll",
        "every",
        Duration("10s", "7d"),
        "15m",
        "How often each printer is read. Another interval for some: `[[range]] every`, `[[printer]] every`.",
        '"5m"',
        "every_seconds",
    ),
    Setting(
        "poll",
        "every_busy",
        Duration("10s", "7d"),
        "5m",
        "How often while it prints, or while a supply is low or empty. Where the usual interval is another one than `every`, this is "
        "longer or shorter in the same proportion. As long as `every`: it makes no difference.",
        '"1m"',
        "busy_seconds",
    ),
    Setting(
        "poll",
        "wake_every",
        Duration("10s", "30d"),
        "4h",
        "How often at most while it sleeps, so that questions do not keep it awake. It counts as asleep when it says so (standby, power "
        "saver), or needed to be woken twice in a row before it answered. Not longer than `every`: sleep makes no difference.",
        '"1h"',
        "wake_seconds",
    ),
    Setting(
        "poll",
        "gone_after",
        Duration("1m", "365d"),
        "24h",
        "How long a printer is silent, while others of its range answer, until it counts as gone. `printer_up` is 0 long before that.",
        '"3d"',
        "gone_after_seconds",
    ),
    Setting("poll", "timeout", Duration("100ms", "60s"), "1s", "How long the first try waits for an answer.", '"3s"', "timeout_seconds"),
    Setting("poll", "retries", Whole(0, 10), 2, "How often an unanswered question is sent again.", "4"),
    Setting("poll", "workers", Whole(1, 10_000), 200, "How many printers are read at the same time.", "50"),
    Setting(
        "poll",
        "rows_max",
        Whole(100, 100_000),
        2_000,
        "Values taken of one table of one printer before it counts as runaway.",
        "5000",
    ),
    # --- traps
    Setting(
        "traps",
        "listen",
        Address(may_be_none=True),
        "[::]:1162",
        "Address and UDP port; `[::]` is every address of this host, IPv4 too. Printers send to port 162: publish or redirect that to this "
        'one. Where nothing is set and the port is taken, the agent says so and does without. `"none"`: do not listen.',
        '"0.0.0.0:162"',
    ),
    Setting(
        "traps",
        "credentials",
        Texts('a list of names of [[credential]], such as ["office"]'),
        [],
        "Names of `[[credential]]`: their communities, in versions 1 and 2c alike, and their users are believed. Without any named here: "
        "all of them.",
        '["office", "secure"]',
    ),
    # --- printer
    Setting(
        "printer",
        "id",
        Text(),
        None,
        "Which one: its id as the label `printer` has it, another of its identities (`mac:0025b3a1c2d4`), or its address. Required.",
        '"serial:11:VNB3K12345"',
    ),
    Setting("printer", "every", Duration("10s", "7d"), None, "How often it is read. Required.", '"1m"', "every_seconds"),
    # --- profiles
    Setting(
        "profiles",
        "path",
        Folder(),
        None,
        "A folder with further profiles (`*.toml`). One of the same name as a packaged one takes its place.",
        '"profiles"',
    ),
    Setting("profiles", "experimental", Switch(), default=False, help="Whether to read what is marked experimental, too.", example="true"),
    # --- exporter
    Setting("exporter", "listen", Address(), "0.0.0.0:9717", "Address and port of the metrics and the status page.", '"[::]:9717"'),
    Setting(
        "exporter",
        "web_config_file",
        Path(),
        None,
        "TLS and log-ins for it: a web configuration file as Prometheus' own exporters take it. Read again when it changes; "
        "see [exporter.md](exporter.md).",
        '"web.yml"',
    ),
    Setting(
        "exporter",
        "stale_after",
        Duration("1m", "30d"),
        "24h",
        "How long the last values of a silent printer are shown. Longer than `[poll] every`.",
        '"4h"',
        "stale_after_seconds",
    ),
    Setting(
        "exporter",
        "forget_after",
        Duration("1m", "3650d"),
        "30d",
        "How long a silent printer is shown at all, as `printer_up` 0. Not shorter than `stale_after`.",
        '"90d"',
        "forget_after_seconds",
    ),
    # --- state
    Setting(
        "state",
        "folder",
        Folder(),
        "poller-data",
        "Where `state.db` and the local key are kept; the default is in the folder the agent is started in. Made, for its user alone, "
        'where there is none. One agent, one folder. `""`: keep nothing, begin every start from scratch.',
        '"/var/lib/poller"',
    ),
    Setting(
        "state",
        "key_file",
        Path(),
        None,
        "The local key, under which readings are stored; made where there is none. Default: `local.key` in that folder. Kept elsewhere, "
        "on a mounted secret for one, it makes the disk worthless to a thief. Nobody else on the host may read it (mode 0600 or 0400).",
        '"/run/secrets/local.key"',
    ),
    # --- outbox
    Setting(
        "outbox",
        "folder",
        Folder(),
        None,
        'Where `outbox.db` is kept. Default: the folder of `[state]`; without one, and with `""`, nothing is kept nor uploaded.',
        '"/var/lib/poller"',
    ),
    Setting(
        "outbox",
        "key_file",
        Path(),
        None,
        "The local key it lies under; made where there is none. Default: that of `[state]` in the same folder, else `local.key` beside "
        "`outbox.db`. Without it nobody can read what waits: keep it where a thief of the disk does not find it.",
        '"/run/secrets/local.key"',
    ),
    Setting(
        "outbox",
        "limit",
        Size("1MB", "1TB"),
        "2GB",
        "What it may hold. Near it the history is cut to a month, then readings of the day are thinned to the first and the last; at it "
        "nothing more is taken. Ten thousand printers fill 300 MB a day while central cannot be reached.",
        '"500MB"',
        "limit_bytes",
    ),
    Setting(
        "outbox",
        "keep",
        Duration("1d", "3650d"),
        "400d",
        "How long the daily history is kept: up to a kilobyte for a printer and day.",
        '"90d"',
        "keep_seconds",
    ),
    Setting(
        "outbox",
        "control_copy",
        Duration("1h", "3650d"),
        None,
        "Keep in clear what was uploaded, this long: the lines of each batch as a file in `control-copy/` beside `outbox.db`, for whoever "
        "wants to see what leaves. Not set: nothing is kept in clear.",
        '"30d"',
        "control_copy_seconds",
    ),
    # --- central
    Setting(
        "central",
        "token",
        SecretText(1, 600),
        None,
        "The enrolment token the dealer gave; all that has to be typed, since it names the address, too. It works once and expires; "
        "afterwards it may stay where it is.",
        '"POLLER1-INVENTED"',
    ),
    Setting("central", "token_file", Path(), None, "A file that holds the token and nothing else.", '"/run/secrets/central-token"'),
    Setting(
        "central",
        "address",
        WebAddress(),
        None,
        "Where central is, if not where the token says: another port, another name. It has to be the same central: its keys are known.",
        '"http://central.example.com"',
    ),
    Setting(
        "central",
        "ca_file",
        Path(),
        None,
        "Certificates (PEM) of the authorities that are believed in place of this host's own: for a server with a private one, or a proxy "
        "that opens TLS. Certificates are always checked.",
        '"/etc/ssl/company.pem"',
    ),
    Setting(
        "central",
        "proxy",
        ProxyAddress(),
        None,
        'The proxy on the way to central. Without it those of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`. `"none"`: none, whatever these '
        "say. For a proxy that wants NTLM or Kerberos see [upload.md](upload.md).",
        '"http://proxy.example.com:3128"',
    ),
    Setting("central", "proxy_user", Text(), None, "Who we are to the proxy (Basic).", '"poller"'),
    Setting("central", "proxy_password", SecretText(), None, "The password to it; or its file, which is better.", '"an invented password"'),
    Setting(
        "central",
        "proxy_password_file",
        Path(),
        None,
        "A file that holds this password and nothing else.",
        '"/run/secrets/proxy-password"',
    ),
    Setting(
        "central",
        "every",
        Duration("10s", "7d"),
        "1h",
        "How often readings are uploaded. 500 of them, a changed supply, error or part and a counter that fell do not wait for it.",
        '"4h"',
        "every_seconds",
    ),
    Setting(
        "central",
        "heartbeat",
        Duration("1m", "1d"),
        "15m",
        "How often the agent says that it lives when there was nothing else to send. Changed settings are learned by it, too.",
        '"1h"',
        "heartbeat_seconds",
    ),
    Setting(
        "central",
        "accept",
        Choices(("intervals", "exclusions", "ranges", "credentials", "masks")),
        ["intervals", "exclusions"],
        "What settings from central may change: `intervals` when is swept and how often read; `exclusions` more addresses that are never "
        "asked; `ranges` more networks, within `[sweep] allowed`; `credentials` what opens printers; `masks` more of `[privacy]`, never "
        "less than is set here. `[]`, in a variable `none`: nothing.",
        '["intervals"]',
    ),
    # --- privacy
    Setting(
        "privacy",
        "mask",
        Choices(("hostname", "location", "address", "mac")),
        [],
        "Facts that are left out: `hostname`, `location` (a range's own, too), `address`, `mac`. An id made of one becomes a keyed hash, "
        "the same one as long as the local key of `[state]` is kept.",
        '["hostname", "location"]',
    ),
    Setting(
        "privacy",
        "resolution",
        Choice(("full", "day")),
        "full",
        "`day`: counters and levels move once a day, one reading a day is recorded, dated to that day, and nothing tells when somebody "
        "prints. For printers on somebody's desk.",
        '"day"',
    ),
    # --- update
    Setting(
        "update",
        "enabled",
        Switch(),
        default=True,
        help="Whether to look at all. `false`: not one packet.",
        example="false",
    ),
    Setting(
        "update",
        "url",
        WebAddress(),
        None,
        "The folder with `manifest.json`. Default: `updates/` at central, through the same proxy, so that one host in the firewall is "
        "enough; without `[central]` nobody is asked.",
        '"https://updates.example.com/poller/"',
    ),
    Setting(
        "update",
        "key",
        Text(),
        None,
        "The public key releases are signed with, as whoever publishes them tells it: one line. No key comes with the program yet; without "
        "one nobody is asked.",
        '"poller-signing-public-1:…"',
    ),
    # --- accounting
    Setting(
        "accounting",
        "folder",
        Folder(),
        None,
        "The folder that is watched. A file is taken once it looked the same twice; it stays where it is.",
        '"/srv/accounting"',
    ),
    Setting("accounting", "every", Duration("1s", "1d"), "1m", "How often it is looked into.", '"10s"', "every_seconds"),
    Setting(
        "accounting",
        "files",
        Texts('a list of names of files, with * and ?, such as ["AccExport_*"]'),
        ["AccExport_*", "*.csv"],
        "Which files are exports; capitals do not count. Hidden files, `.ACL` and what copying programs call unfinished (`.part`, `.tmp`) "
        "never are.",
        '["AccExport_*", "AC*.TXT"]',
    ),
    Setting(
        "accounting",
        "dialect",
        Text(),
        "docusp-canonical",
        "How the press writes: the name of a dialect that comes along, or the path of a `.toml` file.",
        '"press-7.toml"',
    ),
    Setting(
        "accounting",
        "database",
        Path(),
        None,
        "Where the jobs are kept; made where there is none. Default: `accounting.db` in the folder of `[state]`. Nothing is ever "
        "deleted from it: bills depend on it.",
        '"/var/lib/poller/accounting.db"',
    ),
    Setting(
        "accounting",
        "names",
        Choice(("hash", "drop", "keep")),
        "hash",
        "What becomes of the names of documents, senders and recipients before anything is stored. `hash`: a keyed hash, by a key "
        "derived from the local key of `[state]`; `drop`: nothing; `keep`: they stay, in the database and in what the dealer gets.",
        '"drop"',
    ),
    Setting(
        "accounting",
        "upload",
        Switch(),
        default=True,
        help="Whether jobs go to the dealer's central, where there is one.",
        example="false",
    ),
    # --- log
    Setting("log", "level", Choice(("debug", "info", "warning", "error")), "info", "The least important lines to write.", '"debug"'),
    Setting("log", "format", Choice(("logfmt", "json")), "logfmt", "One line a fact, as `key=value` pairs or as JSON.", '"json"'),
)


def section_named(name: str) -> Section | None:
    return next((section for section in SECTIONS if section.name == name), None)


def settings_of(section: str) -> tuple[Setting, ...]:
    return tuple(setting for setting in SETTINGS if setting.section == section)


def variable(setting: Setting, number: int | str | None = None) -> str:
    """Return the environment variable of a setting; *number* counts the tables of a list from 0."""
    middle = "" if number is None else f"{number}_"
    return f"POLLER_{setting.section}_{middle}{setting.key}".upper()
