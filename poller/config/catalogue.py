"""Every setting there is, as data: section, key, kind, default, help.

Reading, faults, names of environment variables and docs/settings.md all follow from this one list. A setting is here only when
something uses it. After a change: `python -m poller.config > docs/settings.md` (a test compares).
"""

from __future__ import annotations

from typing import NamedTuple, get_args

from poller.config.kinds import Address, Choice, Duration, Folder, Kind, Name, Path, SecretText, Switch, Text, Texts, TimeOfDay, Whole
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
    Section("poll", "How a known printer is read."),
    Section("profiles", "What is known of the vendors' own MIBs: one TOML file per family comes with the program; `poller profiles list`."),
    Section("exporter", "Where Prometheus fetches the metrics, and how long a silent printer stays in them."),
    Section(
        "state",
        "What the agent keeps across a restart: every printer with its last reading, so that all are shown at once and none is walked "
        "anew. It can all be found out again; deleting the folder loses nothing but time.",
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
    Setting("poll", "every", Duration("10s", "7d"), "15m", "How often each printer is read.", '"5m"', "every_seconds"),
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
