"""Fleet: what needs a hand now, worst first. The figures above the list say how long it is; what lies below it is for later."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from grafana import names
from grafana.boards import add_choices, board
from grafana.panels import (
    COLOUR_WORDS,
    DAYS_STEPS,
    GREEN,
    GREY,
    HOST_COLUMNS,
    KIND_WORDS,
    LEVEL_STEPS,
    ORANGE,
    PLACE_COLUMNS,
    RED,
    YELLOW,
    Column,
    Panel,
    Query,
    lines,
    number,
    rows,
)
from grafana.queries import EMPTY, ONE, SILENT, SOON_EMPTY, STOPPED, WASTE_FULL, chosen, counted, of_work_list, told, work_list
from poller.exposition import PRINTER_LAST_POLL_TIMESTAMP_SECONDS, PRINTER_UP

PROBLEMS: dict[str, str | tuple[str, str]] = {
    "jammed": ("Stopped: paper jam", RED),
    "doorOpen": ("Stopped: door open", RED),
    "noPaper": ("Stopped: no paper", RED),
    "noToner": ("Stopped: no toner", RED),
    "offline": ("Stopped: offline", RED),
    "serviceRequested": ("Stopped: wants service", RED),
    "inputTrayMissing": ("Stopped: tray missing", RED),
    "outputTrayMissing": ("Stopped: output tray missing", RED),
    "markerSupplyMissing": ("Stopped: cartridge missing", RED),
    "outputFull": ("Stopped: output full", RED),
    "empty": ("Empty", RED),
    "wasteFull": ("Waste box nearly full", ORANGE),
    "soonEmpty": ("Soon empty", YELLOW),
    "silent": ("Silent", GREY),
}
"""What the label `problem` of the work list says: an error of hrPrinterDetectedErrorState, or one of our own words."""

_BAD = ((None, GREEN), (1.0, RED))
_CARE = ((None, GREEN), (1.0, ORANGE))


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    made = add_choices(board("poller-fleet", "What needs a hand now, worst first.", since="now-24h", refresh="1m"))
    for panel in (*_figures(), _list(), _places(), *_courses()):
        made.with_panel(panel)
    return made


def _figures() -> tuple[Panel, ...]:
    def printers(expr: str) -> Query:
        return Query(counted(f"count by ({ONE}) ({chosen(expr)})"))

    return (
        number(
            "Stopped",
            "Printers that print nothing until someone goes there: jam, open door, no paper, service.",
            "none",
            printers(STOPPED),
            colours=_BAD,
            fills=True,
        ),
        number(
            "Supplies empty",
            "Toner, ink, drums and the like with nothing left.",
            "none",
            Query(counted(chosen(EMPTY))),
            colours=_BAD,
            fills=True,
        ),
        number(
            "Waste boxes nearly full",
            "Waste toner, waste ink, punch waste. When one is full its printer stops.",
            "none",
            Query(counted(chosen(WASTE_FULL))),
            colours=_CARE,
            fills=True,
        ),
        number(
            "Supplies soon empty",
            f"Low by the printer's own word or at 10 %, or at its pace of four weeks out within {names.SOON_DAYS} days. Send these today.",
            "none",
            Query(counted(chosen(SOON_EMPTY))),
            colours=_CARE,
            fills=True,
        ),
        number(
            "Silent",
            "Printers that did not answer their last poll: switched off, unplugged, moved. At night that is nothing.",
            "none",
            printers(SILENT),
            colours=((None, GREEN), (1.0, GREY)),
            fills=True,
        ),
        number(
            "Printers",
            "Printers known: found by a sweep and not silent for longer than [exporter] forget_after.",
            "none",
            printers(names.INFO),
        ),
    )


def _list() -> Panel:
    return rows(
        "What needs a hand now",
        "One row per trouble, worst first: stopped, empty, waste boxes, soon empty by days left, silent. The name leads to the printer.",
        Query(work_list()),
        Query(of_work_list(names.SUPPLY_LEVEL)),
        Query(of_work_list(names.DAYS_LEFT)),
        Query(told(f"({PRINTER_LAST_POLL_TIMESTAMP_SECONDS.name} * 1000) and on ({ONE}) ({SILENT})")),
        columns=(
            Column("problem", "Problem", meanings=PROBLEMS, painted=True, width=170),
            Column("colour", "Colour", meanings=COLOUR_WORDS, width=80),
            Column("kind", "Supply", meanings=KIND_WORDS, width=120),
            Column("Value #B", "Left", unit="percentunit", decimals=0, colours=LEVEL_STEPS, width=60),
            Column("Value #C", "Days left", unit="none", decimals=0, colours=DAYS_STEPS, width=85),
            Column("part_number", "Part", width=110),
            *PLACE_COLUMNS,
            *HOST_COLUMNS,
            Column("Value #D", "Last answer", unit="dateTimeFromNow", width=110),
            Column("description", "Description"),
            Column("Value #A", "Urgency", is_hidden=True),
        ),
        sort_by="Urgency",
        height=20,
    )


def _places() -> Panel:
    by = "site, range"

    def grouped(expr: str) -> str:
        return f"count by ({by}) (count by ({ONE}, {by}) ({told(expr, 'site', 'range')}))"

    def count(expr: str) -> Query:
        return Query(f"{grouped(expr)} or 0 * {grouped(names.INFO)}")

    return rows(
        "By site and range",
        "How many printers of each site and range are in trouble, whatever of: those with the most supplies soon empty first.",
        Query(grouped(names.INFO)),
        count(STOPPED),
        count(EMPTY),
        count(SOON_EMPTY),
        count(SILENT),
        columns=(
            Column("site", "Site"),
            Column("range", "Range"),
            Column("Value #A", "Printers", unit="none"),
            Column("Value #B", "Stopped", unit="none", colours=_BAD),
            Column("Value #C", "With a supply empty", unit="none", colours=_BAD),
            Column("Value #D", "With a supply soon empty", unit="none", colours=_CARE),
            Column("Value #E", "Silent", unit="none", colours=((None, GREEN), (1.0, GREY))),
        ),
        sort_by="With a supply soon empty",
        descending=True,
        height=8,
    )


def _courses() -> tuple[Panel, ...]:
    return (
        lines(
            "Printers that answer",
            "Printers whose last poll was answered, by site. A step down is an outage of their network or of power.",
            "none",
            Query(f"sum by (site) ({told(PRINTER_UP.name, 'site')})", "{{site}}"),
        ),
        lines(
            "Printers in trouble",
            "How many printers were stopped, had a supply empty or were silent, over time.",
            "none",
            Query(counted(f"count by ({ONE}) ({chosen(STOPPED)})"), "stopped"),
            Query(counted(f"count by ({ONE}) ({chosen(EMPTY)})"), "supply empty"),
            Query(counted(f"count by ({ONE}) ({chosen(SILENT)})"), "silent"),
        ),
    )
