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
    "The device's own billing totals in impressions, in parts only, labels as in printer_pages; a side of a large sheet counts once, even"
    " where the device counts it twice. Source: vendor MIBs, prtMarkerLifeCount.",
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
POLLER_SWEEP_ADDRESSES = _gauge("poller_sweep_addresses", "Addresses of the sweep of everything that runs, or of the last one.")
POLLER_SWEEP_PROBES_SENT = _counter("poller_sweep_probes_sent_total", "Probes sent by sweeps, repeated ones included.")
POLLER_SWEEP_ANSWERS = _counter("poller_sweep_answers_total", "Addresses that answered a sweep, counted once per sweep.")
POLLER_SWEEP_PARTS = _counter(
    "poller_sweep_parts_total", "Completed sweeps of a part: around a printer that is missing, or of what a configuration added."
)
POLLER_SWEEP_DEVICES = _gauge(
    "poller_sweep_devices",
    "Devices the last completed sweep of everything found: printer or other (of which only the count is kept).",
    "kind",
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
POLLER_POLLS_OVERDUE = _gauge("poller_polls_overdue", "Printers whose poll is due and waits for a worker.")
POLLER_POLL_WORKERS = _gauge("poller_poll_workers", "Printers that may be polled at the same time.")
POLLER_POLL_WORKERS_BUSY = _gauge("poller_poll_workers_busy", "Printers being polled now.")

POLLER_PRINTER_EVENTS = _counter(
    "poller_printer_events_total",
    "What happened to printers: new (read for the first time), moved (read at another address), gone (silent for `[poll] gone_after` while"
    " its neighbours answered), replaced (gone, and another has its address), back (read again after it was gone).",
    "event",
)
POLLER_RANGE_SILENT = _gauge(
    "poller_range_silent", "1 while most printers of a range are silent: then it is the network, and none of them counts as gone.", "range"
)

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
POLLER_LOGINS_REFUSED = _counter(
    "poller_logins_refused_total",
    "Requests to the exporter that were not let in, by reason: missing (no log-in), wrong, too_many (of all, in a short time).",
    "reason",
)
POLLER_EXPORTER_CERTIFICATE_EXPIRY = _gauge(
    "poller_exporter_certificate_expiry_timestamp_seconds",
    "Unix time at which the first certificate of the chain this exporter shows runs out, in seconds; absent without TLS.",
)
POLLER_WEB_CONFIG_RELOAD_SUCCESSFUL = _gauge(
    "poller_web_config_reload_successful",
    "Whether the exporter's web configuration file is in use as it is now; 0 while an earlier one is, since this one has a fault.",
)
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

POLLER_READINGS_RECORDED = _counter(
    "poller_readings_recorded_total",
    "Readings kept for the dealer, by reason: first, identity, part, supply, error, counter-fell, or interval (once in four hours).",
    "reason",
)
POLLER_READINGS_WAITING = _gauge(
    "poller_readings_waiting", "Readings to be kept that are not on the disk yet, or wait for the clock to be right."
)
POLLER_READINGS_PUT_OFF = _counter(
    "poller_readings_put_off_total",
    "Readings to be kept that found no room to wait; what they told is kept with the printer's next one, unless it has passed by then.",
)
POLLER_RECORD_FAILURES = _counter("poller_record_failures_total", "Times readings could not be stored; each is tried again with the same.")

POLLER_OUTBOX_LINES = _gauge("poller_outbox_lines", "Readings in the outbox that are not sealed yet.")
POLLER_OUTBOX_BATCHES = _gauge(
    "poller_outbox_batches", "Sealed batches: waiting for central's receipt, or quarantined (central refused them).", "state"
)
POLLER_OUTBOX_OLDEST_AGE = _gauge(
    "poller_outbox_oldest_age_seconds",
    "Age of the oldest reading central has no receipt for, in seconds, quarantined ones left aside; 0 when none waits.",
)
POLLER_OUTBOX_BYTES = _gauge("poller_outbox_used_bytes", "What the outbox holds, free pages of its file left aside, in bytes.")
POLLER_OUTBOX_LIMIT_BYTES = _gauge("poller_outbox_limit_bytes", "`[outbox] limit` in bytes: from 80 % of it on readings are thinned.")
POLLER_OUTBOX_STEPS = _counter(
    "poller_outbox_readings_total", "Readings by what became of them: recorded, sealed, settled (central has them), quarantined.", "step"
)
POLLER_OUTBOX_THINNED = _counter(
    "poller_outbox_thinned_total",
    "What was deleted to make room: readings (of a printer and day the first and the last stay), days of a printer's history.",
    "what",
)
POLLER_OUTBOX_REFUSALS = _counter("poller_outbox_refusals_total", "Times the outbox took nothing because it was at its limit.")
POLLER_OUTBOX_DROPPED = _counter(
    "poller_outbox_dropped_total",
    "Readings lost: unreadable (damaged or altered on the disk), unfit (too long for any batch).",
    "reason",
)
POLLER_OUTBOX_FAILURES = _counter(
    "poller_outbox_failures_total", "Transactions the disk did not take, by SQLite's name of the error; each is tried again.", "reason"
)
POLLER_OUTBOX_SET_ASIDE = _counter("poller_outbox_set_aside_total", "Times a damaged outbox file was set aside and a new one begun.")
POLLER_OUTBOX_COMMIT_DURATION = _gauge("poller_outbox_commit_duration_seconds", "How long the last transaction took, in seconds.")

POLLER_CLOCK_WRONG = _gauge(
    "poller_clock_wrong", "1 while this host's clock is not to be believed, so that readings wait for their date; else 0."
)
POLLER_CLOCK_STEPS = _counter(
    "poller_clock_steps_total", "Times the clock was set, or the host suspended, by direction: forward or backward.", "direction"
)

POLLER_CONFIG_RELOAD_SUCCESSFUL = _gauge(
    "poller_config_last_reload_successful", "1 if the configuration was accepted when it was last read, 0 if it was refused."
)
POLLER_CONFIG_RELOAD_TIMESTAMP = _gauge(
    "poller_config_last_reload_success_timestamp_seconds",
    "Unix time at which a configuration was last accepted, in seconds; absent while the clock is wrong.",
)

POLLER_PART_FAILURES = _counter(
    "poller_part_failures_total",
    "Times a part that runs beside polling (uploads, job logs, updates, reloads) was ended by a fault of this program; it begins again"
    " after a pause, and the log has the traceback.",
    "part",
)

POLLER_NOTIFICATIONS_LISTENING = _gauge("poller_notifications_listening", "1 while traps and informs are received, else 0.")
POLLER_NOTIFICATIONS = _counter(
    "poller_notifications_total",
    "Traps and informs by SNMP version and result: polled (the printer is read at once), coalesced (it was, within ten seconds), queued"
    " (too many others came first), ignored (authenticationFailure), unknown (of no printer known); not believed: garbled, community, user,"
    " level, digest, time, decryption or engine (an inform to another; each begins like that).",
    *("version", "result"),
)
POLLER_NOTIFICATIONS_DROPPED = _counter(
    "poller_notifications_dropped_total",
    "Datagrams on the notification port nobody looked at: no room in the kernel, or more than one source, all strangers, all together, or"
    " all by SNMPv3 (sealed) may send; and answers to informs this host did not send.",
    "reason",
)

# --- central: how the dealer's server fares -----------------------------------------------------------------------------------

POLLER_CENTRAL_REQUESTS = _counter(
    "poller_central_requests_total",
    "Requests of agents to central, by what was asked and the word of the answer: ok, stored, duplicate, or why it was refused.",
    *("request", "answer"),
)
POLLER_CENTRAL_BATCHES = _counter(
    "poller_central_batches_total",
    "Batches by result: stored, duplicate (here before, same content), conflict (here before, other content; the first one stays).",
    "result",
)
POLLER_CENTRAL_LINES = _counter(
    "poller_central_lines_total",
    "Lines stored by type: reading, event, job, health, other (of types not known here), unreadable (kept with the reason beside it).",
    "type",
)
POLLER_CENTRAL_LINES_MARKED = _counter(
    "poller_central_lines_marked_total",
    "Readings stored whose time cannot be right: future (more than ten minutes ahead of central) or ancient (older than 400 days).",
    "mark",
)
POLLER_CENTRAL_BYTES_IN_HAND = _gauge("poller_central_bytes_in_hand", "Bytes of request bodies being read or worked on now.")
POLLER_CENTRAL_ACCOUNTS_OVER_QUOTA = _gauge(
    "poller_central_accounts_over_quota",
    "Customers this process heard today that sent all they may send in a day; the log names them. Their agents keep what they have.",
)
POLLER_CENTRAL_DEVICES_HELD = _gauge(
    "poller_central_devices_held",
    "Devices whose meters wait for a person's decision, of all customers: no bill is made for them. Absent until the database answered.",
)
POLLER_CENTRAL_DEVICES_HELD_SINCE = _gauge(
    "poller_central_devices_held_since_timestamp_seconds",
    "Unix time of the odd reading that has waited longest for a decision, in seconds; absent while none waits.",
)
POLLER_CENTRAL_AGENTS = _gauge("poller_central_agents", "Enrolled agents: heard (within two hours), silent, or revoked.", "state")
POLLER_CENTRAL_SITE_LAST_SEEN = _gauge(
    "poller_central_site_last_seen_timestamp_seconds",
    "Unix time of the last genuine request of a site's agents, in seconds; of the thousand sites that are silent longest.",
    *("account", "site"),
)
POLLER_CENTRAL_DATABASE_UP = _gauge("poller_central_database_up", "1 if central's database answered when last asked, else 0.")
POLLER_CENTRAL_SUPPLY_READINGS = _counter(
    "poller_central_supply_readings_total",
    "Readings looked through for supplies: taken; late (older than one taken before); elsewhere (not of the device's home agent, or of a"
    " device that is none of ours); misdated by a wrong clock; unreadable.",
    "result",
)
POLLER_CENTRAL_TONER_REQUESTS = _gauge(
    "poller_central_toner_requests",
    "Toner requests of all accounts that are not done: open (hold says what for: trial, contract, clarify, stock, approval), approved,"
    " sent, delivered.",
    "state",
    "hold",
)
POLLER_CENTRAL_TASKS = _gauge("poller_central_tasks", "What people are still to do about supplies: which-colour, ask-customer.", "task")
POLLER_CENTRAL_MESSAGES = _gauge(
    "poller_central_messages",
    "Messages about parcels that are not sent, by channel (mail, webhook, csv) and state: waiting (put off ones too), sending, unclear"
    " (nobody knows whether the mail arrived), failed. The last two wait for a person.",
    *("channel", "state"),
)
POLLER_CENTRAL_MESSAGES_OLDEST = _gauge(
    "poller_central_messages_oldest_timestamp_seconds",
    "Unix time at which the oldest message that is still waiting was made, in seconds, by channel; absent where none waits.",
    "channel",
)
POLLER_CENTRAL_MESSAGE_TRIES = _counter(
    "poller_central_message_tries_total",
    "Tries to send a message by channel and what came of it: sent, put_off, unclear, failed.",
    *("channel", "result"),
)

POLLER_UPDATE_CHECKS = _counter(
    "poller_update_checks_total",
    "Looks for a newer version by result: ok, unreachable, or why the manifest was refused: garbled, signature (not by the release key),"
    " expired, rolled_back (older than one seen before).",
    "result",
)
POLLER_UPDATE_LAST_SUCCESS = _gauge(
    "poller_update_last_success_timestamp_seconds", "Unix time at which a manifest was last believed, in seconds; absent until one was."
)
POLLER_UPDATE_AVAILABLE = _gauge(
    "poller_update_available",
    "1 if the newest version known, its label, is newer than this program, else 0; absent while none is known.",
    "version",
)

POLLER_UPLOAD_ENROLLED = _gauge("poller_upload_enrolled", "1 once central knows this agent, 0 before; absent without [central].")
POLLER_UPLOAD_LAST_SUCCESS = _gauge(
    "poller_upload_last_success_timestamp_seconds",
    "Unix time of the last answer central is proven to have given, in seconds; absent before, and while the clock is wrong.",
)
POLLER_UPLOAD_BATCHES = _counter(
    "poller_upload_batches_total",
    "Batches central decided on: stored, duplicate (it had it, the receipt was lost) or quarantined (refused, kept for a person).",
    "result",
)
POLLER_UPLOAD_BYTES = _counter("poller_upload_sent_bytes_total", "Bodies of requests sent to central, tries included, in bytes.")
POLLER_UPLOAD_FAILURES = _counter(
    "poller_upload_failures_total",
    "Requests to central that did not succeed: dns, connect, tls, timeout, cut, proxy, proxy-auth, in-between (an answer not proven to be"
    " central's), settings (a set not taken), host (our own disk), or the word central refused by (clock-skew, slow-down, agent-revoked and"
    " so on).",
    "kind",
)
POLLER_UPLOAD_RETRY_AFTER = _gauge(
    "poller_upload_retry_after_seconds", "How long the last answer said to wait, in seconds; 0 once one was well again."
)
POLLER_UPLOAD_SETTINGS_VERSION = _gauge("poller_upload_settings_version", "Version of the settings of central that hold here, 0 for none.")
POLLER_UPLOAD_SETTINGS_REFUSED = _gauge(
    "poller_upload_settings_refused", "1 while the newest settings of central are refused here; the last good ones hold."
)
POLLER_UPLOAD_CLOCK_SKEW = _gauge(
    "poller_upload_clock_skew_seconds", "How far this host's clock is ahead of central's, in seconds; absent before central answered."
)

# --- accounting: what presses printed for whom, by their job logs ------------------------------------------------------------

ACCOUNTING_IMPRESSIONS = _gauge(
    "accounting_impressions",
    "Printed sides of all jobs imported from logs of presses, by cost centre: black, colour, or unknown where the log does not say (blank"
    " sides too). 200 cost centres at most, the rest is `other`; jobs without one are `(none)`.",
    *("cost_centre", "colour"),
)
ACCOUNTING_SHEETS = _gauge("accounting_sheets", "Sheets of all jobs imported from logs of presses, by cost centre.", "cost_centre")
ACCOUNTING_JOBS = _gauge("accounting_jobs", "Jobs imported from logs of presses, each once, by cost centre.", "cost_centre")

POLLER_ACCOUNTING_FILES = _counter(
    "poller_accounting_files_total",
    "Exports of presses by what became of them: imported, known (imported before), refused (no job log), failed (this host; tried again).",
    "result",
)
POLLER_ACCOUNTING_JOBS = _counter(
    "poller_accounting_jobs_total",
    "Records of these exports: new, double (there already), conflict (a double with other counts; the first stays), bad (lines left out).",
    "result",
)
POLLER_ACCOUNTING_FOLDER_UP = _gauge("poller_accounting_folder_up", "1 if the watched folder could be looked into, else 0.")
POLLER_ACCOUNTING_LAST_IMPORT = _gauge(
    "poller_accounting_last_import_timestamp_seconds", "Unix time of the last import since the start, in seconds; absent before one."
)
POLLER_ACCOUNTING_WAITING = _gauge(
    "poller_accounting_jobs_waiting", "Jobs that are not in the outbox yet; absent without [central], or with [accounting] upload = false."
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
