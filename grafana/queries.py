"""The PromQL the dashboards share: who a printer is, what needs a hand, how many pages were made.

Everything is joined on (job, instance, printer): the id of a printer without a serial number is unique within its agent only. The side of
a join that must be unique is made so by `topk … (1, …)`: where two info series overlap for a moment (a printer was moved, a Prometheus was
restarted), a panel shows one of them instead of an error.
"""

from __future__ import annotations

from grafana import names
from poller.exposition import PRINTER_ERROR, PRINTER_LIFE_PAGES, PRINTER_METER_PAGES, PRINTER_PAGES, PRINTER_UP

ONE = "job, instance, printer"
"""The labels of one printer."""

CHOSEN = 'site=~"$site", range=~"$range", model=~"$model", printer=~"$printer"'
"""What the variables of a dashboard over many printers choose."""

WHO = ("site", "range", "model", "location", "hostname", "address")
"""What a table tells of a printer, besides its id."""


def chosen(expr: str) -> str:
    """Return *expr* for the chosen printers only."""
    return f"({expr}) and on ({ONE}) {names.INFO}{{{CHOSEN}}}"


def told(expr: str, *labels: str) -> str:
    """Return *expr* for the chosen printers, with *labels* (default: WHO) of each. Values stay as they are: the info is 1."""
    return f"({expr}) * on ({ONE}) group_left ({', '.join(labels or WHO)}) topk by ({ONE}) (1, {names.INFO}{{{CHOSEN}}})"


def described(expr: str) -> str:
    """Return *expr*, of supplies, with their description and part number."""
    parts = f"topk by ({ONE}, key) (1, {names.SUPPLY_INFO})"
    return f"({expr}) * on ({ONE}, key) group_left (description, part_number) {parts}"


def counted(expr: str) -> str:
    """Return how many series *expr* has, 0 where there is none."""
    return f"count({expr}) or vector(0)"


def labelled(expr: str, name: str, value: str) -> str:
    """Return *expr* with the label *name* set."""
    return f'label_replace({expr}, "{name}", "{value}", "", "")'


# --- what needs a hand ---

SILENT = f"{PRINTER_UP.name} == 0"

EMPTY = f'max without (state) ({names.SUPPLY_STATE}{{state="empty", kind!~"{names.WASTE_KINDS}"}})'
WASTE_FULL = f'max without (state) ({names.SUPPLY_STATE}{{state=~"low|empty", kind=~"{names.WASTE_KINDS}"}})'
RUNS_OUT = f'{names.DAYS_LEFT}{{kind!~"{names.WASTE_KINDS}"}} < {names.SOON_DAYS}'
SOON_EMPTY = f"({names.SUPPLY_LOW} or {RUNS_OUT}) unless {EMPTY}"
"""Low, or at its pace out within a week, and not empty already. All of these have the same labels, so `or` and `unless` need no `on`."""

# That toner is missing is said better by the supply that is empty, where one is.
STOPPED = (
    f'{PRINTER_ERROR.name}{{error=~"{names.STOPPING_ERRORS}"}}'
    f" unless on ({ONE}) {SILENT}"
    f" unless on ({ONE}, error) {labelled(f'max by ({ONE}) ({EMPTY})', 'error', 'noToner')}"
)


def work_list() -> str:
    """Return one series for all that needs a hand, labelled `problem`; the smaller its value, the sooner.

    1 stopped, 2 a supply is empty, 3 a waste box is full, 4 soon empty (with a fraction by days left), 5 silent.
    """
    stopped = f'max by ({ONE}, problem) (label_replace({STOPPED}, "problem", "$1", "error", "(.+)"))'
    soon = f"4 + clamp_max({names.DAYS_LEFT} and ({SOON_EMPTY}), 900) / 1000 or 4.9 + 0 * ({SOON_EMPTY})"
    supplies = " or ".join(
        labelled(f"({urgency})", "problem", problem)
        for problem, urgency in (("empty", f"2 + 0 * {EMPTY}"), ("wasteFull", f"3 + 0 * {WASTE_FULL}"), ("soonEmpty", soon))
    )
    silent = labelled(f"5 + ({SILENT})", "problem", "silent")
    return told(f"{stopped} or {described(supplies)} or {silent}")


def of_work_list(series: str) -> str:
    """Return *series*, of supplies, for those on the work list."""
    return told(described(f"{series} and ({EMPTY} or {WASTE_FULL} or {SOON_EMPTY})"))


# --- pages ---


def printed(series: str, span: str) -> str:
    """Return how much a device's count rose within *span*: what it is now, less the least it was.

    The count may fall (a new board, another device at the address); then this is what it rose by since. Prometheus' increase() would take
    the whole count for new pages.
    """
    return f"(last_over_time({series}[{span}]) - min_over_time({series}[{span}]))"


def pages_by(label: str, span: str) -> str:
    """Return pages within *span* of every chosen printer, by *label*, colour or size.

    The billing totals where a device has them, else the sum by function, else what its engine counted: as `printer:pages:last` does.
    """
    life = PRINTER_LIFE_PAGES.name + '{unit=~"impressions|sheets"}'
    engine = labelled(f"sum by ({ONE}) ({printed(life, span)})", label, {"colour": "all", "size": "normal"}[label])
    meter, functions = (f"sum by ({ONE}, {label}) ({printed(metric.name, span)})" for metric in (PRINTER_METER_PAGES, PRINTER_PAGES))
    return chosen(f"{meter} or on ({ONE}) {functions} or on ({ONE}) {engine}")


_BILLED_AS_COLOUR = " or ".join(labelled("vector(1)", "colour", colour) for colour in ("colour", "single", "two"))


def coloured(pages: str) -> str:
    """Return of *pages* by colour those that are billed as colour. A condition in braces is for series, not for what came of them."""
    return f"(({pages}) and on (colour) ({_BILLED_AS_COLOUR}))"


def mono(pages: str) -> str:
    """Return of *pages* by colour the others: mono, and of a device that does not tell them apart all."""
    return f"(({pages}) unless on (colour) ({_BILLED_AS_COLOUR}))"
