"""The PromQL the dashboards share: who a printer is, what needs a hand, how many pages were made.

Everything is joined on (job, instance, printer): the id of a printer without a serial number is unique within its agent only. The side of
a join that must be unique is made so by `topk … (1, …)`: where two info series overlap for a moment (a printer was moved, a Prometheus was
restarted), a panel shows one of them instead of an error.
"""

from __future__ import annotations

from grafana import names
from poller.exposition import PRINTER_ERROR, PRINTER_UP, Metric

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

TOTALS = 'function="total", sides=""'
BY_FUNCTION = 'function!~"total|scan|life"'
SCANS = 'function="scan"'
LIFE = 'function="life"'
DUPLEX = 'sides="duplex"'
"""Which of the hourly page counts, as the rule `printer:pages_by_function:last` labels them."""


DAY = "86400s"
"""A span for `printed`, which wants seconds: PromQL takes 1h86400s for a duration, and 1h1d for none."""


def printed(which: str, span: str) -> str:
    """Return how much the counts *which* (a selector's conditions) rose within *span*: what each is now, less the least it was.

    The least may be the last count before *span*, which is why an hour more is read: two months side by side then share no page and
    miss none. A count may fall (a new board, another device at the address); then this is what it rose by since. Prometheus' increase()
    would take the whole count for new pages.
    """
    series = f"{names.PAGES_HOURLY}{{{which}}}[1h{span}]"
    return f"(last_over_time({series}) - min_over_time({series}))"


def pages_by(label: str, span: str) -> str:
    """Return pages within *span* of every chosen printer, by *label*, colour or size.

    The billing totals where a device has them, else the sum by function, else what its engine counted: as `printer:pages:last` does.
    """
    engine = labelled(f"sum by ({ONE}) ({printed(LIFE, span)})", label, {"colour": "all", "size": "normal"}[label])
    meter, functions = (f"sum by ({ONE}, {label}) ({printed(which, span)})" for which in (TOTALS, BY_FUNCTION))
    return chosen(f"{meter} or on ({ONE}) {functions} or on ({ONE}) {engine}")


COLOURS_BILLED = ("colour", "single", "two")
"""The counts that are billed as colour; the others, mono and all, are not."""
_BILLED_AS_COLOUR = " or ".join(labelled("vector(1)", "colour", colour) for colour in COLOURS_BILLED)


def coloured(pages: str) -> str:
    """Return of *pages* by colour those that are billed as colour. A condition in braces is for series, not for what came of them."""
    return f"(({pages}) and on (colour) ({_BILLED_AS_COLOUR}))"


def mono(pages: str) -> str:
    """Return of *pages* by colour the others: mono, and of a device that does not tell them apart all."""
    return f"(({pages}) unless on (colour) ({_BILLED_AS_COLOUR}))"


def cost(pages: str) -> str:
    """Return what *pages* by colour cost at the dashboard's two prices; read once, since they are what takes long."""
    a_colour_page = " or ".join(labelled("vector($price_colour)", "colour", colour) for colour in COLOURS_BILLED)
    a_mono_page = " or ".join(labelled("vector($price_mono)", "colour", colour) for colour in ("mono", "all"))
    return f"({pages}) * on (colour) group_left () ({a_colour_page} or {a_mono_page})"


# --- agents ---

CHOSEN_AGENTS = 'instance=~"$instance"'


def agents(metric: Metric, *conditions: str) -> str:
    """Return *metric* of the chosen agents."""
    return f"{metric.name}{{{', '.join((CHOSEN_AGENTS, *conditions))}}}"


def rate(metric: Metric, *by: str) -> str:
    """Return how fast a counter of the chosen agents rises, per second."""
    return f"sum by ({', '.join(('instance', *by))}) (rate({agents(metric)}[$__rate_interval]))"


def in_an_hour(metric: Metric, *by: str) -> str:
    """Return how much a counter of the chosen agents rose in the hour before each moment: for what happens a few times a day."""
    return f"sum by ({', '.join(('instance', *by))}) (increase({agents(metric)}[1h]))"


def where_any(metric: Metric, by: str) -> str:
    """Return `in_an_hour` of the labels that had any, and of an agent that had none one line at 0: a dozen lines at 0 say no more."""
    each = in_an_hour(metric, by)
    return f"{each} > 0 or on (instance) {in_an_hour(metric)}"
