"""Pages: volumes and what they cost, of a billing period. The time range is the period: this month so far, unless another is chosen."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from grafana.boards import add_choices, board
from grafana.panels import HOST_COLUMNS, PLACE_COLUMNS, Column, Panel, Query, bars, days, in_its_ink, number, rows
from grafana.queries import BY_FUNCTION, DAY, DUPLEX, ONE, SCANS, chosen, coloured, cost, mono, pages_by, printed, told

_RANGE = "${__range_s}s"
_COUNTS = ("mono", "colour", "single", "two", "all")
_CURRENCY = "prefix:€ "  # Grafana's own currencies shorten 1940.60 to 1.94 K
_MONO_IS = " Mono is all that is not counted as colour, also of a device that does not tell them apart."

_PAGES = pages_by("colour", _RANGE)
_LARGE = f'({pages_by("size", _RANGE)}) and on (size) label_replace(vector(1), "size", "large", "", "")'
_TWO_SIDED = f"sum by ({ONE}) ({printed(DUPLEX, _RANGE)})"
_COST = f"sum by ({ONE}) ({cost(_PAGES)})"


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    about = "What was printed in the time range, by site, range, model and printer, and what it costs. At first: this month so far."
    made = add_choices(board("poller-pages", about, since="now/M", refresh="15m"))
    made.with_variable(_price("price_mono", "Price of a mono page", "0.01"))
    made.with_variable(_price("price_colour", "Price of a colour page", "0.08"))
    for title, since, until in (("This month", "now/M", "now"), ("Last month", "now-1M/M", "now-1M/M"), ("This year", "now/y", "now")):
        link = dashboard.DashboardLink(title).url(f"/d/poller-pages?from={since}&to={until}").icon("time")
        made.link(link.include_vars(True))  # noqa: FBT003 - the SDK's own switch
    for panel in (*_figures(), *_days(), *_groups(), _printers()):
        made.with_panel(panel)
    return made


def _price(name: str, label: str, default: str) -> dashboard.TextBoxVariable:
    return dashboard.TextBoxVariable(name).label(label).default_value(default).description("In your currency, with a point: 0.05")


def _figures() -> tuple[Panel, ...]:
    def figure(title: str, about: str, unit: str, expr: str, decimals: int | None = None) -> Panel:
        return number(title, about, unit, Query(expr), width=3, height=4, decimals=decimals)

    everything, some = f"sum({_PAGES})", f"sum({coloured(_PAGES)})"
    twice = chosen(_TWO_SIDED)
    return (
        figure(
            "Pages",
            "Impressions (printed sides) in the time range, to within an hour. A count that fell is taken from where it fell to.",
            "locale",
            everything,
        ),
        figure("Mono", "Impressions in black." + _MONO_IS, "locale", f"sum({mono(_PAGES)})"),
        figure("Colour", "Impressions in colour: full, single and two colours.", "locale", f"{some} or vector(0)"),
        figure("Colour share", "Colour of all impressions.", "percentunit", f"({some} or vector(0)) / ({everything} > 0)", 1),
        figure(
            "Two-sided share",
            "Impressions on sheets printed on both sides, of all impressions of the printers that count them.",
            "percentunit",
            f"sum({twice}) / (sum(({_PAGES}) and on ({ONE}) ({twice})) > 0)",
            1,
        ),
        figure(
            "Large share",
            "What the device counts as large, usually A3, of all impressions. Some contracts count it twice.",
            "percentunit",
            f"(sum({_LARGE}) or vector(0)) / ({everything} > 0)",
            1,
        ),
        figure(
            "Pages a day",
            "The time range's impressions by its days, weekends among them.",
            "locale",
            f"{everything} / ($__range_s / 86400)",
            0,
        ),
        figure("Cost", "Mono and colour impressions at the prices above." + _MONO_IS, _CURRENCY, f"sum({chosen(_COST)})", 2),
    )


def _days() -> tuple[Panel, ...]:
    functions = f"sum by ({ONE}, function) ({printed(BY_FUNCTION, DAY)})"
    scans = f"sum by ({ONE}) ({printed(SCANS, DAY)})"
    return (
        in_its_ink(
            days(
                "Pages a day by colour",
                "Each bar is the 24 hours before midnight UTC. `all` is of devices that do not tell mono from colour.",
                "locale",
                Query(f"sum by (colour) ({pages_by('colour', DAY)})", "{{colour}}"),
                width=14,
                height=9,
            ),
            *_COUNTS,
        ),
        days(
            "Pages a day by function",
            "Print, copy and fax, of the devices that count them apart; scanned sides beside them.",
            "locale",
            Query(f"sum by (function) ({chosen(functions)})", "{{function}}"),
            Query(f"sum({chosen(scans)})", "scan"),
            width=10,
            height=9,
            apart=("scan",),
        ),
    )


def _groups() -> tuple[Panel, ...]:
    def by(label: str, title: str) -> Panel:
        pages = f"sum by ({label}) ({told(f'sum by ({ONE}) ({_PAGES})', label)})"
        return bars(
            title,
            f"Impressions in the time range by {label}; at most the 20 with most.",
            "locale",
            Query(f"sort_desc(topk(20, {pages}))", f"{{{{{label}}}}}"),
            width=8,
            height=8,
        )

    return by("site", "By site"), by("range", "By range"), by("model", "By model")


def _printers() -> Panel:
    def each(expr: str) -> Query:
        return Query(told(f"sum by ({ONE}) ({expr})"))

    return rows(
        "By printer",
        "The meter report of the time range, printer by printer, most pages first." + _MONO_IS,
        each(_PAGES),
        each(mono(_PAGES)),
        each(coloured(_PAGES)),
        each(_LARGE),
        each(_TWO_SIDED),
        each(printed(SCANS, _RANGE)),
        each(_COST),
        columns=(
            *PLACE_COLUMNS,
            Column("Value #A", "Pages", unit="locale", width=90),
            Column("Value #B", "Mono", unit="locale", width=90),
            Column("Value #C", "Colour", unit="locale", width=90),
            Column("Value #D", "Large", unit="locale", width=90),
            Column("Value #E", "Two-sided", unit="locale", width=90),
            Column("Value #F", "Scans", unit="locale", width=90),
            Column("Value #G", "Cost", unit=_CURRENCY, decimals=2, width=100),
            *HOST_COLUMNS,
        ),
        sort_by="Pages",
        descending=True,
        height=15,
    )
