"""Printer: one device, from what is wrong with it to what it printed."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from grafana import names
from grafana.boards import add_printer, board
from grafana.panels import (
    BLUE,
    COLOUR_WORDS,
    DAYS_STEPS,
    GREEN,
    GREY,
    KIND_WORDS,
    LEVEL_STEPS,
    ORANGE,
    RED,
    YELLOW,
    Column,
    Panel,
    Query,
    bands,
    bars,
    days,
    in_its_ink,
    lines,
    number,
    rows,
)
from grafana.queries import BY_FUNCTION, DAY, DUPLEX, SCANS, TOTALS, described, printed
from grafana.toner import STATES
from poller.exporter import wording
from poller.exposition import (
    PRINTER_ALERT,
    PRINTER_BOOT_TIME_SECONDS,
    PRINTER_COVER_OPEN,
    PRINTER_ERROR,
    PRINTER_INFO,
    PRINTER_LAST_POLL_TIMESTAMP_SECONDS,
    PRINTER_POLL_DURATION_SECONDS,
    PRINTER_STATUS,
    PRINTER_TRAY_CAPACITY,
    PRINTER_TRAY_LEVEL_RATIO,
    PRINTER_UP,
)
from poller.model import Alert

THIS = 'printer="$printer"'
_INKS = ("black", "cyan", "magenta", "yellow")
_COUNTS = ("mono", "colour", "single", "two", "all")
_ALERT_CODES = range(1, 1600)  # PrtAlertCodeTC


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    about = "One printer: supplies over time, pages, trays, covers, alerts, errors, uptime."
    made = add_printer(board("poller-printer", about, since="now-30d", refresh="1m"))
    for panel in (*_who(), *_figures(), *_supplies(), *_pages(), *_state(), *_polls()):
        made.with_panel(panel)
    return made


def _of(name: str, *conditions: str) -> str:
    return f"{name}{{{', '.join((THIS, *conditions))}}}"


def _who() -> tuple[Panel, ...]:
    columns = ("manufacturer", "model", "location", "hostname", "address", "serial", "firmware", "site", "range")
    return (
        rows(
            "Who it is",
            "As the printer says itself, and the site and range of the agent's configuration. Kept for a day after it fell"
            " silent; `poller read --explain` shows where each word comes from.",
            Query(_of(PRINTER_INFO.name)),
            columns=[Column(one, one.capitalize()) for one in columns],
            sort_by="Model",
            height=4,
        ),
    )


def _figures() -> tuple[Panel, ...]:
    inks = "toner|ink|solidInk|ribbon"
    first = 'kind=~"' + inks + '"'
    return (
        number(
            "Answers",
            "Whether the last poll was answered.",
            "none",
            Query(f"min({_of(PRINTER_UP.name)})"),
            colours=((None, RED), (1.0, GREEN)),
            fills=True,
            meanings={"0": "silent", "1": "yes"},
        ),
        number(
            "Last answer",
            "All values here are of then.",
            "dateTimeFromNow",
            Query(f"max({_of(PRINTER_LAST_POLL_TIMESTAMP_SECONDS.name)}) * 1000"),
        ),
        number(
            "First toner out in",
            "Days until the first toner or ink is empty, at the pace of the last four weeks.",
            "d",
            Query(f"min({_of(names.DAYS_LEFT, first)})"),
            colours=DAYS_STEPS,
            decimals=0,
        ),
        number(
            "Pages a day",
            "Over up to four weeks, weekends among them, days on which a counter fell left out.",
            "locale",
            Query(f"sum({_of(names.PAGES_PER_DAY)})"),
            decimals=0,
        ),
        number(
            "Pages in its life",
            "Its billing totals, else the sum by function, else what its engine counted.",
            "locale",
            Query(f"sum({_of(names.PAGES)})"),
            decimals=0,
        ),
        number(
            "Running since",
            "Its last start. A printer that starts often has a problem, or people who switch it off.",
            "dateTimeFromNow",
            Query(f"max({_of(PRINTER_BOOT_TIME_SECONDS.name)}) * 1000"),
        ),
    )


def _supplies() -> tuple[Panel, ...]:
    series = "{{colour}} {{kind}} {{key}}"
    return (
        rows(
            "Supplies now",
            "Worst first. Of a waste box the level is the room left.",
            Query(
                described(
                    f"{_of(names.DAYS_LEFT)} or 1000 + {_of(names.SUPPLY_LEVEL)}"
                    f" or 2000 + 0 * max without (state) ({_of(names.SUPPLY_STATE)})"
                )
            ),
            Query(described(_of(names.SUPPLY_LEVEL))),
            Query(described(_of(names.DAYS_LEFT))),
            Query(described(_of(names.USED_PER_DAY))),
            Query(described(_of(names.SUPPLY_STATE))),
            columns=(
                Column("colour", "Colour", meanings=COLOUR_WORDS, width=100),
                Column("kind", "Supply", meanings=KIND_WORDS, width=140),
                Column("Value #B", "Left", unit="percentunit", decimals=0, colours=LEVEL_STEPS, bar=True),
                Column("Value #C", "Days left", unit="none", decimals=0, colours=DAYS_STEPS, width=100),
                Column("Value #D", "Used a day", unit="percentunit", decimals=1, width=110),
                Column("state", "State", meanings=STATES, width=110),
                Column("part_number", "Part", width=130),
                Column("description", "Description"),
                Column("Value #A", "Urgency", is_hidden=True),
            ),
            sort_by="Urgency",
            height=9,
        ),
        in_its_ink(
            lines(
                "Supplies over time",
                "Each in its own colour. A step up is a new cartridge, a small rise a shaken one.",
                "percentunit",
                Query(_of(names.SUPPLY_LEVEL), series),
                width=24,
                height=9,
                most=1.0,
                thick=True,
            ),
            *_INKS,
        ),
    )


def _pages() -> tuple[Panel, ...]:
    def counted(which: str) -> str:
        return printed(f"{THIS}, {which}", DAY)

    by_colour = f"sum by (colour) ({counted(TOTALS)})"
    by_function = f"sum by (function) ({counted(BY_FUNCTION)})"
    both_sides = f"sum({counted(DUPLEX)})"
    scans = f"sum({counted(SCANS)})"
    return (
        in_its_ink(
            days(
                "Pages a day by colour",
                "The device's own billing totals; `all` where it does not tell mono from colour.",
                "none",
                Query(by_colour, "{{colour}}"),
            ),
            *_COUNTS,
        ),
        days(
            "Pages a day by function",
            "Print, copy and fax, of devices that count them; beside them, not among them: scanned sides, and"
            " pages on sheets printed on both sides.",
            "none",
            Query(by_function, "{{function}}"),
            Query(scans, "scan"),
            Query(both_sides, "of these two-sided"),
            apart=("scan", "of these two-sided"),
        ),
    )


def _state() -> tuple[Panel, ...]:
    severity = {"critical": ("critical", RED), "warning": ("warning", ORANGE), "warningBinaryChangeEvent": ("warning", YELLOW)}
    return (
        bands(
            "Errors",
            "What the printer said was wrong, and when (hrPrinterDetectedErrorState).",
            Query(_of(PRINTER_ERROR.name), "{{error}}"),
            {"1": ("yes", RED)},
            width=12,
        ),
        bands(
            "Status",
            "Idle, printing, warming up, or something else (hrPrinterStatus), at each poll.",
            Query(_of(PRINTER_STATUS.name), "{{status}}"),
            {"1": ("yes", BLUE)},
            width=12,
        ),
        rows(
            "Alerts in the printer's table",
            "What stands there now (prtAlertTable), alike ones counted.",
            Query(_of(PRINTER_ALERT.name)),
            columns=(
                Column("severity", "Severity", meanings=severity, width=110),
                Column("group", "Part", meanings=_groups(), width=170),
                Column("code", "What", meanings=_codes()),
                Column("Value #A", "How many", unit="none", width=110),
            ),
            sort_by="Severity",
            height=7,
            width=12,
        ),
        bars(
            "Paper trays",
            "How full each tray is, by its row in the device's table; only trays that measure it.",
            "percentunit",
            Query(f"sort({_of(PRINTER_TRAY_LEVEL_RATIO.name)})", "tray {{key}}"),
            width=6,
            height=7,
            most=1.0,
            colours=LEVEL_STEPS,
        ),
        bars(
            "Trays hold",
            "What each tray holds when full, in its own unit, usually sheets.",
            "none",
            Query(f"sort({_of(PRINTER_TRAY_CAPACITY.name)})", "tray {{key}}"),
            width=3,
            height=7,
        ),
        number(
            "Covers open",
            "Covers and interlocks that are open now.",
            "none",
            Query(f"sum({_of(PRINTER_COVER_OPEN.name)})"),
            colours=((None, GREEN), (1.0, RED)),
            width=3,
            height=7,
        ),
    )


def _polls() -> tuple[Panel, ...]:
    return (
        bands(
            "Answered",
            "Whether polls were answered: gaps at night are a printer that is switched off.",
            Query(_of(PRINTER_UP.name), "polls"),
            {"0": ("silent", GREY), "1": ("answered", GREEN)},
            width=12,
            height=4,
        ),
        lines(
            "How long a poll takes",
            "Seconds for one reading of this printer. Long ones are a slow network, or a printer that sleeps.",
            "s",
            Query(_of(PRINTER_POLL_DURATION_SECONDS.name), "poll"),
            width=12,
            height=4,
        ),
    )


def _codes() -> dict[str, str | tuple[str, str]]:
    """Return what each alert code means, in the words of the agent's own status page."""
    said = {code: wording.alert(Alert(key="", severity="warning", group="x", code=code)).partition(": ")[2] for code in _ALERT_CODES}
    return {str(code): words for code, words in said.items() if words != f"code {code}"}


def _groups() -> dict[str, str | tuple[str, str]]:
    groups = ("markerSupplies", "mediaPath", "coverEngine", "finisherSupply", "generalPrinter", "hostResourcesMIBPrinterTable")
    return {group: wording.spaced(group).lower() for group in groups}
