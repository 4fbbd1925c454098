"""Poller, what an agent hears, keeps and hands on: notifications, readings, outbox, central, and the configuration and clock it goes by."""

from __future__ import annotations

from grafana.panels import GREEN, ORANGE, RED, Panel, Query, bands, lines, number
from grafana.queries import agents, in_an_hour, labelled, rate, where_any
from poller import exposition as e

_HOUR = 3600.0
_WITHOUT = " No data: no chosen agent has a `[central]`."


def groups() -> tuple[tuple[str, tuple[Panel, ...]], ...]:
    """Return the groups of panels with their titles."""
    return (
        ("Notifications", _notifications()),
        ("Readings kept", _readings()),
        ("Outbox", _outbox()),
        ("Central", _central()),
        ("Configuration and clock", _configuration()),
    )


def now() -> tuple[Panel, ...]:
    """Return what belongs at the top: whether anything stands in the way of the readings."""
    wrong = f"sum({agents(e.POLLER_CLOCK_WRONG)})"
    refused = f"sum({agents(e.POLLER_CONFIG_RELOAD_SUCCESSFUL)} == bool 0)"
    web = f"(sum({agents(e.POLLER_WEB_CONFIG_RELOAD_SUCCESSFUL)} == bool 0) or vector(0))"
    some = ((None, GREEN), (1.0, RED))
    return (
        number(
            "Since central answered",
            "The longest of the chosen agents. An hour is four heartbeats missed." + _WITHOUT,
            "s",
            Query(f"max(time() - {agents(e.POLLER_UPLOAD_LAST_SUCCESS)})"),
            colours=((None, GREEN), (1 * _HOUR, ORANGE), (2 * _HOUR, RED)),
            width=6,
        ),
        number(
            "Fullest outbox",
            "Share of `[outbox] limit` that is used. From 80 % on readings are thinned. No data: no chosen agent has an outbox.",
            "percentunit",
            Query(f"max({agents(e.POLLER_OUTBOX_BYTES)} / {agents(e.POLLER_OUTBOX_LIMIT_BYTES)})"),
            colours=((None, GREEN), (0.7, ORANGE), (0.8, RED)),
            width=6,
            decimals=1,
        ),
        number(
            "Batches refused by central",
            "Quarantined: kept for a person to look at. No data: no chosen agent has an outbox.",
            "none",
            Query("sum(" + agents(e.POLLER_OUTBOX_BATCHES, 'state="quarantined"') + ")"),
            colours=some,
            width=6,
        ),
        number(
            "Wrong clocks, refused files",
            "Agents whose clock is not to be believed, and files that were refused: configurations, and those of certificates and log-ins.",
            "none",
            Query(wrong, "clocks"),
            Query(f"{refused} + {web}", "files"),
            colours=some,
            width=6,
        ),
    )


def _notifications() -> tuple[Panel, ...]:
    return (
        lines(
            "Notifications by result",
            "Traps and informs in the hour before, by SNMP version. polled: the printer was read at once; coalesced: it was a moment ago;"
            " queued: others came first; unknown: of no printer we know. Others are not believed, or say nothing. A line at 0: none came.",
            "none",
            Query(
                f"{in_an_hour(e.POLLER_NOTIFICATIONS, 'version', 'result')} > 0 or on (instance) {in_an_hour(e.POLLER_NOTIFICATIONS)}",
                "{{instance}} {{version}} {{result}}",
            ),
        ),
        lines(
            "Notifications dropped",
            "Datagrams nobody looked at, in the hour before, by reason: more than may come, or no room in the kernel. A line at 0: none.",
            "none",
            Query(where_any(e.POLLER_NOTIFICATIONS_DROPPED, "reason"), "{{instance}} {{reason}}"),
            width=6,
        ),
        bands(
            "Listening",
            "When an agent listened for notifications. Red is right where `[traps]` is off.",
            Query(agents(e.POLLER_NOTIFICATIONS_LISTENING), "{{instance}}"),
            {"1": ("listening", GREEN), "0": ("not listening", RED)},
            width=6,
            height=8,
        ),
    )


def _readings() -> tuple[Panel, ...]:
    return (
        lines(
            "Readings kept",
            "In the hour before, by reason: interval is one per printer in four hours, the others are changes.",
            "none",
            Query(where_any(e.POLLER_READINGS_RECORDED, "reason"), "{{instance}} {{reason}}"),
        ),
        lines(
            "Readings waiting",
            "To be stored, or for the clock to be right; 5,000 at most.",
            "none",
            Query(agents(e.POLLER_READINGS_WAITING), "{{instance}}"),
            width=6,
        ),
        lines(
            "Put off, not stored",
            "In the hour before: readings that found no room to wait, and times the store refused. Both should be 0.",
            "none",
            Query(in_an_hour(e.POLLER_READINGS_PUT_OFF), "{{instance}} put off"),
            Query(in_an_hour(e.POLLER_RECORD_FAILURES), "{{instance}} refused"),
            width=6,
        ),
    )


def _outbox() -> tuple[Panel, ...]:
    return (
        lines(
            "Outbox",
            "What it holds, and its limit; from 80 % of it on readings are thinned.",
            "bytes",
            Query(agents(e.POLLER_OUTBOX_BYTES), "{{instance}} holds"),
            Query(agents(e.POLLER_OUTBOX_LIMIT_BYTES), "{{instance}} limit"),
            width=6,
        ),
        lines(
            "Readings not sealed yet",
            "They are sealed and sent hourly, and at changes. Without `[central]` they stay until they are old.",
            "none",
            Query(agents(e.POLLER_OUTBOX_LINES), "{{instance}}"),
            width=6,
        ),
        lines(
            "Sealed batches",
            "Waiting for central's receipt, four at most, or quarantined: refused by central and kept for a person.",
            "none",
            Query(agents(e.POLLER_OUTBOX_BATCHES), "{{instance}} {{state}}"),
            width=6,
        ),
        lines(
            "Oldest reading waits",
            "Age of the oldest reading central has no receipt for, quarantined ones left aside. An hour or so is usual.",
            "s",
            Query(agents(e.POLLER_OUTBOX_OLDEST_AGE), "{{instance}}"),
            width=6,
        ),
        lines(
            "What becomes of readings",
            "In the hour before: recorded, sealed, settled (central has them), quarantined.",
            "none",
            Query(in_an_hour(e.POLLER_OUTBOX_STEPS, "step"), "{{instance}} {{step}}"),
        ),
        lines(
            "Thinned, refused, lost",
            "In the hour before: readings and days of history deleted to make room; times nothing was taken at the limit; readings"
            " unreadable or unfit; damaged files set aside. All should be 0.",
            "none",
            Query(where_any(e.POLLER_OUTBOX_THINNED, "what"), "{{instance}} thinned {{what}}"),
            Query(in_an_hour(e.POLLER_OUTBOX_REFUSALS), "{{instance}} refused"),
            Query(where_any(e.POLLER_OUTBOX_DROPPED, "reason"), "{{instance}} lost {{reason}}"),
            Query(in_an_hour(e.POLLER_OUTBOX_SET_ASIDE), "{{instance}} set aside"),
            width=6,
        ),
        lines(
            "A commit takes",
            "Seconds of the last transaction: the disk's word. Transactions it did not take are in the log and on the status page.",
            "s",
            Query(agents(e.POLLER_OUTBOX_COMMIT_DURATION), "{{instance}}"),
            width=6,
        ),
    )


def _central() -> tuple[Panel, ...]:
    since = f"time() - {agents(e.POLLER_UPLOAD_LAST_SUCCESS)}"
    return (
        lines(
            "Since central answered",
            "It is asked every quarter of an hour. A slope that does not fall: see the failures beside." + _WITHOUT,
            "s",
            Query(since, "{{instance}}"),
            width=6,
        ),
        lines(
            "Batches by result",
            "In the hour before: stored, duplicate (a receipt was lost on the way), quarantined (refused). A line at 0: none." + _WITHOUT,
            "none",
            Query(where_any(e.POLLER_UPLOAD_BATCHES, "result"), "{{instance}} {{result}}"),
            width=6,
        ),
        lines(
            "Requests that failed",
            "In the hour before, by kind: the way (dns, connect, tls, timeout, cut), the proxy, somebody in between, or central's own word."
            " A line at 0: none." + _WITHOUT,
            "none",
            Query(where_any(e.POLLER_UPLOAD_FAILURES, "kind"), "{{instance}} {{kind}}"),
            width=6,
        ),
        lines(
            "Sent to central",
            "Bodies of requests, tries included." + _WITHOUT,
            "Bps",
            Query(rate(e.POLLER_UPLOAD_BYTES), "{{instance}}"),
            width=6,
        ),
        lines(
            "Settings",
            "Version of central's settings that holds, 0 for none; and 1 while a newer one is refused here." + _WITHOUT,
            "none",
            Query(agents(e.POLLER_UPLOAD_SETTINGS_VERSION), "{{instance}} version"),
            Query(agents(e.POLLER_UPLOAD_SETTINGS_REFUSED), "{{instance}} refused"),
            width=6,
        ),
        lines(
            "Told to wait",
            "How long central asked to wait, when it was busy; 0 when it was well." + _WITHOUT,
            "s",
            Query(agents(e.POLLER_UPLOAD_RETRY_AFTER), "{{instance}}"),
            width=6,
        ),
        lines(
            "Looks for a newer version",
            "In the day before, by result; garbled, signature, expired and rolled_back are manifests that were not believed. No data:"
            " `[update]` is off.",
            "none",
            Query(f"sum by (instance, result) (increase({agents(e.POLLER_UPDATE_CHECKS)}[1d]))", "{{instance}} {{result}}"),
            width=6,
        ),
        lines(
            "Since a manifest was believed",
            "How old the knowledge of newer versions is. A day is usual. No data: `[update]` is off, or there was none yet.",
            "s",
            Query(f"time() - {agents(e.POLLER_UPDATE_LAST_SUCCESS)}", "{{instance}}"),
            width=6,
        ),
    )


def _configuration() -> tuple[Panel, ...]:
    files = (
        labelled(agents(e.POLLER_CONFIG_RELOAD_SUCCESSFUL), "file", "configuration"),
        labelled(agents(e.POLLER_WEB_CONFIG_RELOAD_SUCCESSFUL), "file", "web"),
    )
    return (
        bands(
            "Configuration",
            "Whether the files were accepted as they are; web: certificates and log-ins. Red: the ones before hold, and the log says why.",
            Query(" or ".join(files), "{{instance}} {{file}}"),
            {"1": ("accepted", GREEN), "0": ("refused", RED)},
            width=8,
        ),
        lines(
            "Configuration holds",
            "For how long the configuration in effect has been.",
            "s",
            Query(f"time() - {agents(e.POLLER_CONFIG_RELOAD_TIMESTAMP)}", "{{instance}}"),
            width=4,
            height=6,
        ),
        bands(
            "Clock",
            "Whether the host's clock is to be believed; while it is not, readings wait for their date.",
            Query(agents(e.POLLER_CLOCK_WRONG), "{{instance}}"),
            {"1": ("wrong", RED), "0": ("right", GREEN)},
            width=4,
        ),
        lines(
            "Clock off central's",
            "How far this host's clock is from central's, ahead or behind. Readings keep this host's time." + _WITHOUT,
            "s",
            Query(f"abs({agents(e.POLLER_UPLOAD_CLOCK_SKEW)})", "{{instance}}"),
            width=4,
            height=6,
        ),
        lines(
            "Clock steps",
            "How often the clock was set, or the host suspended, in the hour before. A line at 0: never.",
            "none",
            Query(where_any(e.POLLER_CLOCK_STEPS, "direction"), "{{instance}} {{direction}}"),
            width=4,
            height=6,
        ),
    )
