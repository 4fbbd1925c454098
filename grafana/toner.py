"""Toner: every supply by days left and level, worst first; who looks here wants to know what to send."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from grafana import names
from grafana.boards import add_choices, board
from grafana.panels import (
    COLOUR_WORDS,
    DAYS_STEPS,
    FROM_SERIES,
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
    bars,
    in_its_ink,
    lines,
    number,
    printer_link,
    rows,
)
from grafana.queries import EMPTY, ONE, SOON_EMPTY, WASTE_FULL, chosen, counted, described, told

_PRINTS = "toner|ink|solidInk|ribbon"
_BARS_MAX = 25
STATES: dict[str, str | tuple[str, str]] = {
    "ok": ("ok", GREEN),
    "low": ("low", ORANGE),
    "empty": ("empty", RED),
    "some-remaining": ("some left", YELLOW),
    "unknown": ("unknown", GREY),
    "not-reported": ("not reported", GREY),
}
_SHORT = '"name", " ", "colour", "kind", "model", "location", "hostname"'


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    made = add_choices(board("poller-toner", "Every supply by days left and level, worst first.", since="now-30d", refresh="5m"))
    for panel in (*_figures(), _list(), _matrix(), _lowest(), *_courses()):
        made.with_panel(panel)
    return made


def _figures() -> tuple[Panel, ...]:
    def within(days: int) -> Query:
        return Query(counted(chosen(f'{names.DAYS_LEFT}{{kind!~"{names.WASTE_KINDS}"}} < {days}')))

    some_left = f'{names.SUPPLY_STATE}{{state=~"some-remaining|unknown|not-reported"}}'
    care, bad = ((None, GREEN), (1.0, ORANGE)), ((None, GREEN), (1.0, RED))
    return (
        number(
            "Empty", "Supplies with nothing left, waste boxes not counted.", "none", Query(counted(chosen(EMPTY))), colours=bad, fills=True
        ),
        number(
            "Soon empty",
            f"Low, or out within {names.SOON_DAYS} days. Send these today.",
            "none",
            Query(counted(chosen(SOON_EMPTY))),
            colours=care,
            fills=True,
        ),
        number("Out within 14 days", "At the pace of the last four weeks. The next parcel.", "none", within(14), colours=care),
        number("Out within 30 days", "At the pace of the last four weeks. What to have on the shelf.", "none", within(30)),
        number(
            "Waste boxes nearly full",
            "Low or no room for waste toner, ink or punch waste.",
            "none",
            Query(counted(chosen(WASTE_FULL))),
            colours=care,
        ),
        number(
            "No number known",
            "Supplies of which the printer says no level, or only that some is left. Nobody is warned of these by"
            " days; the printer's own word `low` is all there is.",
            "none",
            Query(counted(chosen(some_left))),
        ),
    )


def _list() -> Panel:
    # No pace known: by level, behind all that have one; no level either: last.
    urgency = f"{names.DAYS_LEFT} or 1000 + {names.SUPPLY_LEVEL} or 2000 + 0 * max without (state) ({names.SUPPLY_STATE})"
    return rows(
        "Every supply, worst first",
        "By days left at the pace of the last four weeks; those without a pace behind them by level; those without a level last."
        " Of a waste box the level is the room left. Filter the columns to narrow it down; the name leads to the printer.",
        Query(told(described(urgency))),
        Query(told(described(names.SUPPLY_LEVEL))),
        Query(told(described(names.DAYS_LEFT))),
        Query(told(described(names.USED_PER_DAY))),
        Query(told(described(names.SUPPLY_STATE))),
        columns=(
            Column("Value #C", "Days left", unit="none", decimals=0, colours=DAYS_STEPS, width=85),
            Column("Value #B", "Left", unit="percentunit", decimals=0, colours=LEVEL_STEPS, bar=True, width=150),
            Column("colour", "Colour", meanings=COLOUR_WORDS, width=85),
            Column("kind", "Supply", meanings=KIND_WORDS, width=120),
            Column("state", "State", meanings=STATES, width=90),
            Column("part_number", "Part", width=110),
            *PLACE_COLUMNS,
            *HOST_COLUMNS,
            Column("Value #D", "Used a day", unit="percentunit", decimals=1, width=95),
            Column("description", "Description"),
            Column("Value #A", "Urgency", is_hidden=True),
        ),
        sort_by="Urgency",
        height=16,
    )


def _matrix() -> Panel:
    inks = ("black", "cyan", "magenta", "yellow")

    prints = f'{{kind=~"{_PRINTS}"}}'

    def least(series: str, colour: str = "") -> Query:
        colours = f', colour="{colour}"' if colour else ""
        return Query(told(f'min by ({ONE}) ({series}{{kind=~"{_PRINTS}"{colours}}})'))

    return rows(
        "Toner and ink by printer",
        "What each printer has left, worst first, in the supply's own colour; of several of one colour the least."
        " No number: none of that colour.",
        *(least(names.SUPPLY_LEVEL, colour) for colour in inks),
        least(names.DAYS_LEFT),
        Query(told(f"min by ({ONE}) ({names.DAYS_LEFT}{prints} or 1000 + {names.SUPPLY_LEVEL}{prints})")),
        columns=(
            *PLACE_COLUMNS,
            Column("Value #E", "Days left", unit="none", decimals=0, colours=DAYS_STEPS, width=85),
            *(
                Column(f"Value #{ref}", colour.capitalize(), unit="percentunit", decimals=0, bar=True, ink=colour)
                for ref, colour in zip("ABCD", inks, strict=True)
            ),
            *HOST_COLUMNS,
            Column("Value #F", "Urgency", is_hidden=True),
        ),
        sort_by="Urgency",
        height=14,
    )


def _lowest() -> Panel:
    level = f"label_join({told(names.SUPPLY_LEVEL)}, {_SHORT})"
    panel = bars(
        f"The {_BARS_MAX} lowest",
        "What is left of the supplies with least, each bar in the supply's own colour; grey where it has none.",
        "percentunit",
        Query(f"sort(bottomk({_BARS_MAX}, {level}))", "{{name}}"),
        width=24,
        height=15,
        most=1.0,
    )
    panel.color_scheme(dashboard.FieldColor().mode("fixed").fixed_color("#9aa5b1"))  # type: ignore[arg-type]
    panel.data_links([printer_link(FROM_SERIES)])
    return in_its_ink(panel, "black", "cyan", "magenta", "yellow")


def _courses() -> tuple[Panel, ...]:
    name = "{{model}} {{location}} {{colour}} {{kind}}"
    soon = f'bottomk(8, {names.DAYS_LEFT}{{kind=~"{_PRINTS}"}} @ end() and on (job, instance, printer) {names.INFO})'
    worst = f"({names.SUPPLY_LEVEL}) and on (job, instance, printer, key) ({soon})"
    return (
        in_its_ink(
            lines(
                "The eight that run out first",
                "Their levels over time: a straight way down is a sound estimate, a step up a new cartridge.",
                "percentunit",
                Query(told(worst, "model", "location"), name),
                width=12,
                height=10,
                most=1.0,
            ),
            "black",
            "cyan",
            "magenta",
            "yellow",
        ),
        lines(
            "Soon empty over time",
            "How many supplies were empty, and how many soon will be. If both rise, parcels come too late.",
            "none",
            Query(counted(chosen(EMPTY)), "empty"),
            Query(counted(chosen(SOON_EMPTY)), "soon empty"),
            width=12,
            height=10,
        ),
    )
