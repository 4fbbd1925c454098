"""What the dashboards may ask for besides the metric catalogue (`poller.exposition`): recorded series, and what everybody's exporters show.

A test compares the recorded ones with prometheus/rules/recording.yml, and every query with the names here and there.
"""

from __future__ import annotations

# prometheus/rules/recording.yml
INFO = "printer:info:last"
PAGES = "printer:pages:last"
PAGES_PER_DAY = "printer:pages:per_day4w"
PAGES_HOURLY = "printer:pages_by_function:last"
SUPPLY_INFO = "supply:info:last"
SUPPLY_LEVEL = "supply:level_ratio:last"
SUPPLY_STATE = "supply:state:last"
SUPPLY_LOW = "supply:low:held"
USED_PER_DAY = "supply:used_ratio:per_day4w"
DAYS_LEFT = "supply:days_left:estimate"
RECORDED = (INFO, PAGES, PAGES_PER_DAY, PAGES_HOURLY, SUPPLY_INFO, SUPPLY_LEVEL, SUPPLY_STATE, SUPPLY_LOW, USED_PER_DAY, DAYS_LEFT)

# Prometheus itself, and prometheus-client about its process
UP = "up"
CPU_SECONDS = "process_cpu_seconds_total"
MEMORY_BYTES = "process_resident_memory_bytes"
OPEN_FILES = "process_open_fds"
OPEN_FILES_MAX = "process_max_fds"
STARTED = "process_start_time_seconds"
USUAL = (UP, CPU_SECONDS, MEMORY_BYTES, OPEN_FILES, OPEN_FILES_MAX, STARTED)

WASTE_KINDS = "wasteToner|wasteInk|punchWaste"
"""What fills up instead of running out; the alert rules tell them apart by the same words."""

STOPPING_ERRORS = (
    "jammed|doorOpen|noPaper|noToner|offline|serviceRequested|inputTrayMissing|outputTrayMissing|markerSupplyMissing|outputFull"
)
"""Errors with which nothing is printed, as in the alert PrinterErrorStanding."""

SOON_DAYS = 7
"""Below this a supply runs out before a parcel arrives, as in the alert SupplyRunsOut."""
