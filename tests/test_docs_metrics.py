"""docs/metrics.md tells of every metric there is and of none there is not: its tables are the catalogue, with an example each.

Its prose is written by hand. After a change of the catalogue: `python -m tests.test_docs_metrics` writes the tables anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from poller import exposition
from poller.exposition import CATALOGUE, Metric, Sample, render
from poller.printers import gauges
from tests.readings import colour_mfp

PAGE = Path(__file__).resolve().parent.parent / "docs" / "metrics.md"
TABLES = ("printer", "accounting", "poller", "probe")

# Of what the fleet and the agent say themselves; examples of printers come from an invented one.
EXAMPLES = [
    Sample(exposition.PRINTER_UP, 1, ("…",)),
    Sample(exposition.PRINTER_LAST_POLL_TIMESTAMP_SECONDS, 1795154400.12, ("…",)),
    Sample(exposition.PRINTER_POLL_DURATION_SECONDS, 0.184, ("…",)),
    Sample(exposition.POLLER_BUILD_INFO, 1, ("0.1.0", "3.11.7")),
    Sample(exposition.POLLER_SNMP_REQUESTS, 48211),
    Sample(exposition.POLLER_SNMP_RETRIES, 310),
    Sample(exposition.POLLER_SNMP_ANSWERS, 48090),
    Sample(exposition.POLLER_SNMP_TIMEOUTS, 121),
    Sample(exposition.POLLER_SNMP_DISCARDED, 4, ("late",)),
    Sample(exposition.POLLER_SNMP_SEND_FAILURES, 2, ("ENETUNREACH",)),
    Sample(exposition.POLLER_SNMP_IN_FLIGHT, 37),
    Sample(exposition.POLLER_SNMP_ROUND_TRIP, 41873, ("0.025",), "_bucket"),
    Sample(exposition.POLLER_SWEEP_RUNNING, 0),
    Sample(exposition.POLLER_SWEEP_ADDRESSES, 65536),
    Sample(exposition.POLLER_SWEEP_PROBES_SENT, 131318),
    Sample(exposition.POLLER_SWEEP_ANSWERS, 842),
    Sample(exposition.POLLER_SWEEP_PARTS, 12),
    Sample(exposition.POLLER_SWEEP_DEVICES, 231, ("printer",)),
    Sample(exposition.POLLER_SWEEP_LAST_COMPLETED, 1795150800),
    Sample(exposition.POLLER_SWEEP_DURATION, 438.2),
    Sample(exposition.POLLER_POLLS, 22104, ("ok",)),
    Sample(exposition.POLLER_POLL_LAG, 0),
    Sample(exposition.POLLER_POLLS_OVERDUE, 0),
    Sample(exposition.POLLER_PRINTER_EVENTS, 3, ("moved",)),
    Sample(exposition.POLLER_RANGE_SILENT, 0, ("hq-2nd-floor",)),
    Sample(exposition.POLLER_POLL_WORKERS, 256),
    Sample(exposition.POLLER_POLL_WORKERS_BUSY, 12),
    Sample(exposition.POLLER_PRINTERS, 229, ("up",)),
    Sample(exposition.POLLER_SERIES_REFUSED, 0, ("printer",)),
    Sample(exposition.POLLER_SCRAPE_DURATION, 0.012),
    Sample(exposition.POLLER_SCRAPE_BYTES, 1482211),
    Sample(exposition.POLLER_LOGINS_REFUSED, 3, ("wrong",)),
    Sample(exposition.POLLER_WEB_CONFIG_RELOAD_SUCCESSFUL, 1),
    Sample(exposition.POLLER_PROBES, 17, ("ok",)),
    Sample(exposition.POLLER_STATE_ROWS, 231, ("printer",)),
    Sample(exposition.POLLER_STATE_WRITES, 1440),
    Sample(exposition.POLLER_STATE_WRITE_FAILURES, 3, ("SQLITE_FULL",)),
    Sample(exposition.POLLER_STATE_DROPPED, 1, ("reading",)),
    Sample(exposition.POLLER_STATE_BYTES, 1761280),
    Sample(exposition.POLLER_STATE_SAVE_DURATION, 0.009),
    Sample(exposition.POLLER_STATE_LAST_SAVED, 1795154460.5),
    Sample(exposition.POLLER_READINGS_RECORDED, 1386, ("interval",)),
    Sample(exposition.POLLER_READINGS_WAITING, 0),
    Sample(exposition.POLLER_READINGS_PUT_OFF, 0),
    Sample(exposition.POLLER_RECORD_FAILURES, 0),
    Sample(exposition.POLLER_OUTBOX_LINES, 148),
    Sample(exposition.POLLER_OUTBOX_BATCHES, 1, ("waiting",)),
    Sample(exposition.POLLER_OUTBOX_OLDEST_AGE, 2710),
    Sample(exposition.POLLER_OUTBOX_BYTES, 48234496),
    Sample(exposition.POLLER_OUTBOX_LIMIT_BYTES, 2000000000),
    Sample(exposition.POLLER_OUTBOX_STEPS, 18220, ("settled",)),
    Sample(exposition.POLLER_OUTBOX_THINNED, 0, ("reading",)),
    Sample(exposition.POLLER_OUTBOX_REFUSALS, 0),
    Sample(exposition.POLLER_OUTBOX_DROPPED, 0, ("unreadable",)),
    Sample(exposition.POLLER_OUTBOX_FAILURES, 2, ("SQLITE_FULL",)),
    Sample(exposition.POLLER_OUTBOX_SET_ASIDE, 0),
    Sample(exposition.POLLER_OUTBOX_COMMIT_DURATION, 0.0042),
    Sample(exposition.POLLER_CLOCK_WRONG, 0),
    Sample(exposition.POLLER_CLOCK_STEPS, 1, ("forward",)),
    Sample(exposition.POLLER_EXPORTER_CERTIFICATE_EXPIRY, 1826690400),
    Sample(exposition.POLLER_PART_FAILURES, 1, ("uploads",)),
    Sample(exposition.POLLER_CONFIG_RELOAD_SUCCESSFUL, 1),
    Sample(exposition.POLLER_CONFIG_RELOAD_TIMESTAMP, 1795154400),
    Sample(exposition.POLLER_NOTIFICATIONS_LISTENING, 1),
    Sample(exposition.POLLER_NOTIFICATIONS, 214, ("2c", "polled")),
    Sample(exposition.POLLER_NOTIFICATIONS_DROPPED, 0, ("strangers",)),
    Sample(exposition.POLLER_UPLOAD_ENROLLED, 1),
    Sample(exposition.POLLER_UPLOAD_LAST_SUCCESS, 1795154400),
    Sample(exposition.POLLER_UPLOAD_BATCHES, 310, ("stored",)),
    Sample(exposition.POLLER_UPLOAD_BYTES, 5422101),
    Sample(exposition.POLLER_UPLOAD_FAILURES, 2, ("timeout",)),
    Sample(exposition.POLLER_UPLOAD_RETRY_AFTER, 0),
    Sample(exposition.POLLER_UPLOAD_SETTINGS_VERSION, 3),
    Sample(exposition.POLLER_UPLOAD_SETTINGS_REFUSED, 0),
    Sample(exposition.POLLER_UPLOAD_CLOCK_SKEW, 0.4),
    Sample(exposition.POLLER_UPDATE_CHECKS, 12, ("ok",)),
    Sample(exposition.POLLER_UPDATE_LAST_SUCCESS, 1795154400),
    Sample(exposition.POLLER_UPDATE_AVAILABLE, 1, ("0.2.0",)),
    Sample(exposition.POLLER_CENTRAL_REQUESTS, 4821, ("heartbeat", "ok")),
    Sample(exposition.POLLER_CENTRAL_BATCHES, 1203, ("stored",)),
    Sample(exposition.POLLER_CENTRAL_LINES, 240600, ("reading",)),
    Sample(exposition.POLLER_CENTRAL_LINES_MARKED, 0, ("future",)),
    Sample(exposition.POLLER_CENTRAL_BYTES_IN_HAND, 17408),
    Sample(exposition.POLLER_CENTRAL_ACCOUNTS_OVER_QUOTA, 0),
    Sample(exposition.POLLER_CENTRAL_DEVICES_HELD, 3),
    Sample(exposition.POLLER_CENTRAL_DEVICES_HELD_SINCE, 1795154400),
    Sample(exposition.POLLER_CENTRAL_AGENTS, 41, ("heard",)),
    Sample(exposition.POLLER_CENTRAL_SITE_LAST_SEEN, 1795154400, ("acme", "hamburg")),
    Sample(exposition.POLLER_CENTRAL_DATABASE_UP, 1),
    Sample(exposition.POLLER_CENTRAL_SUPPLY_READINGS, 240112, ("taken",)),
    Sample(exposition.POLLER_CENTRAL_TONER_REQUESTS, 7, ("open", "approval")),
    Sample(exposition.POLLER_CENTRAL_TASKS, 2, ("ask-customer",)),
    Sample(exposition.POLLER_CENTRAL_MESSAGES, 2, ("webhook", "waiting")),
    Sample(exposition.POLLER_CENTRAL_MESSAGES_OLDEST, 1795154400, ("webhook",)),
    Sample(exposition.POLLER_CENTRAL_MESSAGE_TRIES, 118, ("mail", "sent")),
    Sample(exposition.ACCOUNTING_IMPRESSIONS, 18240, ("KST-100", "black")),
    Sample(exposition.ACCOUNTING_SHEETS, 9410, ("KST-100",)),
    Sample(exposition.ACCOUNTING_JOBS, 311, ("KST-100",)),
    Sample(exposition.POLLER_ACCOUNTING_FILES, 12, ("imported",)),
    Sample(exposition.POLLER_ACCOUNTING_JOBS, 4820, ("new",)),
    Sample(exposition.POLLER_ACCOUNTING_FOLDER_UP, 1),
    Sample(exposition.POLLER_ACCOUNTING_LAST_IMPORT, 1795154400),
    Sample(exposition.POLLER_ACCOUNTING_WAITING, 0),
    Sample(exposition.PROBE_SUCCESS, 1),
    Sample(exposition.PROBE_DURATION_SECONDS, 0.213),
]


def examples() -> dict[str, str]:
    """Return one sample line of each metric, without the label that all printers' samples share."""
    lines = [text.decode().splitlines()[0] for text in gauges.render(colour_mfp(), site="hamburg")]
    lines += [line for line in render(EXAMPLES).text.decode().splitlines() if not line.startswith("#")]
    short = [re.sub(r'printer="[^"]*",?', "", line).replace("{} ", " ") for line in lines]
    return {re.split(r"[{ ]", line)[0].removesuffix("_bucket"): line for line in short}


def table(prefix: str) -> str:
    """Return the table of all metrics that begin with *prefix*."""
    shown = examples()
    rows = [
        f"| `{metric.name}` | {metric.kind} | {_labels(metric)} | {metric.help} | `{shown[metric.name]}` |"
        for metric in CATALOGUE
        if metric.name.startswith(f"{prefix}_")
    ]
    return "\n".join(("| Metric | Type | Labels | Meaning, unit, source | Example |", "|---|---|---|---|---|", *rows))


def _labels(metric: Metric) -> str:
    return " ".join(f"`{label}`" for label in metric.labels if label != "printer")


def marked(prefix: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {prefix} -->\n)(.*?)(\n<!-- end -->)", re.DOTALL)


def write(tables: Iterable[str] = TABLES) -> None:
    text = PAGE.read_text("utf-8")
    for prefix in tables:
        text = marked(prefix).sub(lambda found, prefix=prefix: f"{found[1]}{table(prefix)}{found[3]}", text)  # type: ignore[misc]
    PAGE.write_text(text, "utf-8")


@pytest.mark.parametrize("prefix", TABLES)
def test_the_tables_are_the_catalogue(prefix: str) -> None:
    found = marked(prefix).search(PAGE.read_text("utf-8"))
    assert found is not None
    assert found[2] == table(prefix), "python -m tests.test_docs_metrics writes it anew"


def test_every_metric_is_in_a_table() -> None:
    assert {metric.name.partition("_")[0] for metric in CATALOGUE} == set(TABLES)


def test_the_page_names_no_metric_there_is_not() -> None:
    known = {metric.name for metric in CATALOGUE}
    named = set(re.findall(r"\b(?:printer|accounting|poller|probe)_[a-z0-9_]+\b", PAGE.read_text("utf-8")))
    assert {name.removesuffix("_bucket") for name in named} == known


def test_every_metric_has_an_example_with_its_labels() -> None:
    shown = examples()
    assert shown.keys() == {metric.name for metric in CATALOGUE}
    for metric in CATALOGUE:
        labels = re.findall(r'(\w+)="', shown[metric.name])
        assert tuple(label for label in labels if label != "le") == tuple(label for label in metric.labels if label != "printer")


if __name__ == "__main__":
    write()
