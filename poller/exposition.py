"""The metric catalogue and its text rendering, shared by agent and central.

Every metric this program can show is a constant here, with its help text and label names: rooms hand out `Sample`s of them, dashboards
and the page docs/metrics.md are checked against them. Rendering is the Prometheus text format, version 0.0.4.

`printer_…` says what a device told us, `poller_…` how we fare, `probe_…` how one request to /probe went (the names every exporter uses
there). Base units, ratios 0 to 1; `_total` is for our own counters alone: what a device counts may fall (a new board, a reset), so it is
a gauge. A value nobody vouches for has no sample: a level of -3 is a state, never a number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metric(NamedTuple):
    """One metric family. `name` follows the Prometheus naming conventions; `kind` is what its TYPE line says."""

    name: str
    help: str
    kind: Literal["gauge", "counter", "histogram"]
    labels: tuple[str, ...] = ()


class Sample(NamedTuple):
    """One value of a metric; `labels` are values in the order of `metric.labels`.

    `suffix` is for histograms alone: `_bucket` (whose labels end with the value of `le`), `_sum` or `_count`; see `histogram`.
    """

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()
    suffix: Literal["", "_bucket", "_sum", "_count"] = ""


# --- printers: what the devices say (each also carries `printer`, the id that is chosen once) -------------------------------

_SUPPLY = ("printer", "key", "kind", "colour")


def _of_printer(name: str, text: str, *labels: str) -> Metric:
    return Metric(name, text, "gauge", ("printer", *labels))


PRINTER_UP = _of_printer("printer_up", "1 if the last poll of this printer was answered, 0 if it is silent.")
PRINTER_INFO = _of_printer(
    "printer_info",
    "Who the printer is, always 1. Join it to other series by the label printer. Source: Printer-MIB, HOST-RESOURCES-MIB, SNMPv2-MIB.",
    *("manufacturer", "model", "serial", "firmware", "hostname", "address", "location", "profile", "site", "range"),
)
PRINTER_SUPPLY_LEVEL_RATIO = Metric(
    "printer_supply_level_ratio",
    "Usable share left of a supply, 0 to 1; of a waste box the free share. Absent unless the device vouches for level and capacity."
    " Source: prtMarkerSuppliesLevel and MaxCapacity (RFC 3805), vendor MIBs.",
    "gauge",
    _SUPPLY,
)
PRINTER_SUPPLY_STATE = Metric(
    "printer_supply_state",
    "1 for the state a supply is in: ok, low, empty, some-remaining (level -3: not empty, amount not sensed), unknown or not-reported."
    " Source: prtMarkerSuppliesLevel (RFC 3805), vendor MIBs.",
    "gauge",
    (*_SUPPLY, "state"),
)
PRINTER_SUPPLY_INFO = Metric(
    "printer_supply_info",
    "What a supply is called, always 1. Source: prtMarkerSuppliesDescription (RFC 3805), vendor MIBs.",
    "gauge",
    (*_SUPPLY, "description", "part_number"),
)
PRINTER_SUPPLY_UNITS = Metric(
    "printer_supply_units",
    "Level of a supply in the unit of its label; of a waste box the free space. Source: prtMarkerSuppliesLevel (RFC 3805).",
    "gauge",
    (*_SUPPLY, "unit"),
)
PRINTER_SUPPLY_CAPACITY_UNITS = Metric(
    "printer_supply_capacity_units",
    "Capacity of a supply in the unit of its label. Source: prtMarkerSuppliesMaxCapacity (RFC 3805).",
    "gauge",
    (*_SUPPLY, "unit"),
)
PRINTER_PAGES = _of_printer(
    "printer_pages",
    "Impressions (printed sides) by what they were made for, in parts only: summing over all labels counts each side once. size is large"
    " for what the device counts as large, else normal; colour is all only where the device has no parts. Source: vendor MIBs.",
    *("function", "colour", "size"),
)
PRINTER_DUPLEX_IMPRESSIONS = _of_printer(
    "printer_duplex_impressions",
    "Impressions on sheets printed on both sides; contained in printer_pages and printer_meter_pages. Source: vendor MIBs.",
    "colour",
)
PRINTER_SCANS = _of_printer("printer_scans", "Scanned sides, in parts by colour where the device has them. Source: vendor MIBs.", "colour")
PRINTER_METER_PAGES = _of_printer(
    "printer_meter_pages",
    "The device's own billing totals in impressions, in parts only, labels as in printer_pages. Source: vendor MIBs, prtMarkerLifeCount.",
    *("colour", "size"),
)
PRINTER_LIFE_PAGES = _of_printer(
    "printer_life_pages",
    "What the print engine counted in its life, in the unit of its label. Source: prtMarkerLifeCount (RFC 3805).",
    "unit",
)
PRINTER_STATUS = _of_printer(
    "printer_status",
    "1 for the status the printer is in: idle, printing, warmup, other or unknown. Source: hrPrinterStatus (RFC 2790).",
    "status",
)
PRINTER_ERROR = _of_printer(
    "printer_error",
    "1 for each error the printer detects now: lowToner, noPaper, jammed and so on. Source: hrPrinterDetectedErrorState (RFC 2790).",
    "error",
)
PRINTER_ALERT = _of_printer(
    "printer_alert",
    "How many such alerts are in the printer's alert table. Source: prtAlertTable (RFC 3805); code is its PrtAlertCodeTC number.",
    *("severity", "group", "code"),
)
PRINTER_TRAY_LEVEL_RATIO = _of_printer(
    "printer_tray_level_ratio",
    "Share of a paper tray that is filled, 0 to 1; absent unless the device vouches for it. Source: prtInputCurrentLevel (RFC 3805).",
    "key",
)
PRINTER_TRAY_CAPACITY = _of_printer(
    "printer_tray_capacity", "What a tray holds, in its own unit, usually sheets. Source: prtInputMaxCapacity (RFC 3805).", "key"
)
PRINTER_COVER_OPEN = _of_printer(
    "printer_cover_open", "1 if a cover or interlock is open, 0 if it is closed. Source: prtCoverStatus (RFC 3805).", "key"
)
PRINTER_BOOT_TIME_SECONDS = _of_printer(
    "printer_boot_time_seconds",
    "Unix time of the printer's last start in seconds, to the second; never early, late by 497 days where its ticks wrapped."
    " Source: sysUpTime (RFC 3418).",
)
PRINTER_LAST_POLL_TIMESTAMP_SECONDS = _of_printer(
    "printer_last_poll_timestamp_seconds",
    "Unix time of the last answered poll in seconds: all values of this printer are of then, whenever they are scraped.",
)
PRINTER_POLL_DURATION_SECONDS = _of_printer(
    "printer_poll_duration_seconds", "How long the last poll of this printer took in seconds, answered or not."
)

# --- poller: how the agent fares -------------------------------------------------------------------------------------------


def _counter(name: str, text: str, *labels: str) -> Metric:
    return Metric(name, text, "counter", labels)


def _gauge(name: str, text: str, *labels: str) -> Metric:
    return Metric(name, text, "gauge", labels)


POLLER_BUILD_INFO = _gauge("poller_build_info", "Which poller this is, always 1.", "version", "python")

POLLER_SNMP_REQUESTS = _counter("poller_snmp_requests_total", "SNMP questions asked, retries and probes of a sweep not counted.")
POLLER_SNMP_RETRIES = _counter("poller_snmp_retries_total", "Datagrams sent again because no answer came in time.")
POLLER_SNMP_ANSWERS = _counter("poller_snmp_answers_total", "SNMP questions that were answered.")
POLLER_SNMP_TIMEOUTS = _counter("poller_snmp_timeouts_total", "SNMP questions given up after the last try.")
POLLER_SNMP_DISCARDED = _counter(
    "poller_snmp_datagrams_discarded_total",
    "Datagrams that were no answer to a question: late, stray, garbled, from a wrong address, unproven (SNMPv3) and the like.",
    "reason",
)
POLLER_SNMP_SEND_FAILURES = _counter(
    "poller_snmp_send_failures_total", "Datagrams this host refused to send, by error name (errno).", "reason"
)
POLLER_SNMP_IN_FLIGHT = _gauge("poller_snmp_questions_in_flight", "SNMP questions waiting for their answer now.")
ROUND_TRIP_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
POLLER_SNMP_ROUND_TRIP = Metric(
    "poller_snmp_round_trip_seconds", "Seconds from the last datagram of a question to its answer.", "histogram"
)

POLLER_SWEEP_RUNNING = _gauge("poller_sweep_running", "1 while a sweep looks for printers, else 0.")
POLLER_SWEEP_ADDRESSES = _gauge("poller_sweep_addresses", "Addresses of the running sweep, or of the last one.")
POLLER_SWEEP_PROBES_SENT = _counter("poller_sweep_probes_sent_total", "Probes sent by sweeps, repeated ones included.")
POLLER_SWEEP_ANSWERS = _counter("poller_sweep_answers_total", "Addresses that answered a sweep, counted once per sweep.")
POLLER_SWEEP_DEVICES = _gauge(
    "poller_sweep_devices", "Devices the last completed sweep found: printer or other (of which only the count is kept).", "kind"
)
POLLER_SWEEP_LAST_COMPLETED = _gauge(
    "poller_sweep_last_completed_timestamp_seconds", "Unix time at which the last sweep was completed, in seconds."
)
POLLER_SWEEP_DURATION = _gauge("poller_sweep_duration_seconds", "How long the last completed sweep took in seconds.")

POLLER_POLLS = _counter(
    "poller_polls_total",
    "Polls by result: ok, no_answer, garbled, agent (SNMP against its own rules), access (SNMPv3 lets us not in), value_range.",
    "result",
)
POLLER_POLL_LAG = _gauge("poller_poll_lag_seconds", "How long the poll that is most overdue has been due, in seconds; 0 when none is.")
POLLER_POLL_WORKERS = _gauge("poller_poll_workers", "Printers that may be polled at the same time.")
POLLER_POLL_WORKERS_BUSY = _gauge("poller_poll_workers_busy", "Printers being polled now.")

POLLER_PRINTERS = _gauge("poller_printers", "Printers known: up (last poll answered) or silent.", "state")
POLLER_SERIES_REFUSED = _counter(
    "poller_series_refused_total",
    "Samples not shown because their series was there already (one duplicate would cost the whole scrape): of printers whose tables name a"
    " row twice, or of the agent itself.",
    "source",
)
POLLER_SCRAPE_DURATION = _gauge(
    "poller_scrape_duration_seconds", "How long the last answer to /metrics took to render and send, in seconds."
)
POLLER_SCRAPE_BYTES = _gauge("poller_scrape_size_bytes", "Size of the last answer to /metrics before compression, in bytes.")
POLLER_PROBES = _counter(
    "poller_probe_requests_total", "Requests to /probe by result: ok, failed, refused (a bad request), busy (too many at once).", "result"
)

POLLER_STATE_ROWS = _gauge("poller_state_rows", "Rows of state.db: printer, or shape (what printers of one model share).", "kind")
POLLER_STATE_WRITES = _counter("poller_state_writes_total", "Transactions committed to state.db.")
POLLER_STATE_WRITE_FAILURES = _counter(
    "poller_state_write_failures_total",
    "Transactions state.db did not take, by SQLite's name of the error; what they held is saved with the next that works.",
    "reason",
)
POLLER_STATE_DROPPED = _counter(
    "poller_state_dropped_total",
    "What state.db held and could not be read, or was given and could not be stored: a printer, a reading, a shape, a sweep.",
    "what",
)
POLLER_STATE_BYTES = _gauge("poller_state_size_bytes", "Size of state.db and its write-ahead log, in bytes.")
POLLER_STATE_SAVE_DURATION = _gauge("poller_state_save_duration_seconds", "How long the last transaction took, in seconds.")
POLLER_STATE_LAST_SAVED = _gauge(
    "poller_state_last_saved_timestamp_seconds", "Unix time at which something was last saved to state.db, in seconds."
)

# --- probe: one answer of /probe -------------------------------------------------------------------------------------------

PROBE_SUCCESS = _gauge("probe_success", "1 if the target was read, 0 if not.")
PROBE_DURATION_SECONDS = _gauge("probe_duration_seconds", "How long reading the target took in seconds.")

CATALOGUE: tuple[Metric, ...] = tuple(value for value in dict(globals()).values() if isinstance(value, Metric))


# --- rendering -------------------------------------------------------------------------------------------------------------

# What a label value cannot carry as it is: the three characters the format escapes, control characters of both sets (a NUL ends the
# line for some readers), and lone surrogates, which have no UTF-8.
_SPECIAL = re.compile('[\\\\"\x00-\x1f\x7f-\x9f\ud800-\udfff]')
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}


def escape_label(value: str) -> str:
    """Return *value* as it may stand between the quotes of a label. Control characters become U+FFFD: device text is hostile."""
    if _SPECIAL.search(value) is None:
        return value
    return _SPECIAL.sub(lambda found: _ESCAPES.get(found[0], "\ufffd"), value)


def escape_help(text: str) -> str:
    """Return *text* as it may stand in a HELP line, where quotes are plain characters."""
    return escape_label(text).replace('\\"', '"')


def format_value(value: float) -> str:
    """Return *value* as Go's ParseFloat reads it, in the shortest form that loses nothing."""
    if isinstance(value, int):  # bool too
        return str(int(value))
    if math.isfinite(value):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def header(metric: Metric) -> bytes:
    """Return the HELP and TYPE lines of *metric*."""
    return f"# HELP {metric.name} {escape_help(metric.help)}\n# TYPE {metric.name} {metric.kind}\n".encode()


class Rendered(NamedTuple):
    """Exposition text, and how many samples were left out because their series was there already."""

    text: bytes
    refused: int


def render(samples: Iterable[Sample]) -> Rendered:
    """Return *samples* grouped by metric in the order of first sight, each series once, the first one winning.

    Raises ValueError for a sample whose labels do not fit its metric: that is our own mistake, and a test's to find.
    """
    families: dict[str, tuple[Metric, dict[str, str]]] = {}
    refused = 0
    for sample in samples:
        metric = sample.metric
        _, lines = families.setdefault(metric.name, (metric, {}))
        series = _series(sample)
        if series in lines:
            refused += 1
        else:
            lines[series] = f"{series} {format_value(sample.value)}\n"
    text = b"".join(header(metric) + "".join(lines.values()).encode() for metric, lines in families.values())
    return Rendered(text, refused)


def _series(sample: Sample) -> str:
    names = (*sample.metric.labels, "le") if sample.suffix == "_bucket" else sample.metric.labels
    if len(names) != len(sample.labels):
        raise ValueError(f"{sample.metric.name}: {len(sample.labels)} label values for {len(names)} labels")
    labels = ",".join(f'{name}="{escape_label(value)}"' for name, value in zip(names, sample.labels, strict=True))
    name = sample.metric.name + sample.suffix
    return f"{name}{{{labels}}}" if labels else name


def histogram(
    metric: Metric, bounds: Sequence[float], counts: Sequence[int], total: float, labels: tuple[str, ...] = ()
) -> Iterator[Sample]:
    """Yield the samples of one histogram.

    `counts` are the observations per bucket, not summed up, one more than `bounds` (the last for what exceeds every bound);
    `total` is the sum of all observations.
    """
    assert len(counts) == len(bounds) + 1
    seen = 0
    for bound, count in zip((*bounds, math.inf), counts, strict=True):
        seen += count
        yield Sample(metric, seen, (*labels, format_value(bound)), "_bucket")
    yield Sample(metric, total, labels, "_sum")
    yield Sample(metric, seen, labels, "_count")
