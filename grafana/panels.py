"""How panels look here: one function per kind, each wanting a title, a description and a unit.

The SDK's builders are used as they are; this file only says what all our panels have in common: the data source of the dashboard, colours
that mean the same everywhere, and the ways from a row to the dashboard of its printer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

Panel = Builder[model.Panel]
"""What the functions below return, whatever its kind."""

P = TypeVar("P", bargauge.Panel, stat.Panel, statetimeline.Panel, table.Panel, timeseries.Panel)
Json = dict[str, Any]
Steps = Sequence[tuple[float | None, str]]
Meanings = Mapping[str, str | tuple[str, str]]

DATASOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")

GREEN, YELLOW, ORANGE, RED, GREY, BLUE = "green", "#EAB839", "orange", "red", "#8e8e99", "blue"

INKS = {
    "black": "#7d7d88",  # black is invisible on a dark page; a mid grey is read as black beside the other three on both
    "cyan": "#00b7eb",
    "magenta": "#e0218a",
    "yellow": "#f2d600",
    "gray": "#a9a9b3",
    "mono": "#7d7d88",
    "colour": "#8f5be8",
    "single": "#5ba8e8",
    "two": "#e8935b",
    "all": "#c2b280",
}
"""What a thing of this colour is drawn in. `colour`, `single`, `two` and `all` are the page counters' words."""

LEVEL_STEPS = ((None, RED), (0.1, ORANGE), (0.25, GREEN))
DAYS_STEPS = ((None, RED), (7.0, ORANGE), (14.0, GREEN))

_ABOUT = "${site:queryparam}&${range:queryparam}&${model:queryparam}&${datasource:queryparam}&${__url_time_range}"


class Query(NamedTuple):
    """One question of a panel. *name* is its legend; `{{label}}` stands for a label."""

    expr: str
    name: str = ""


def printer_link(of: str) -> dashboard.DashboardLink:
    """Return the way to the dashboard of one printer, whose id is in *of*, a macro of Grafana."""
    address = f"/d/poller-printer?var-printer=${{{of}:percentencode}}&{_ABOUT}"
    return dashboard.DashboardLink("This printer").url(address)


FROM_ROW = "__data.fields.Id"
FROM_SERIES = "__field.labels.printer"


def steps(*pairs: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Return thresholds: from each value on this colour; None is the beginning."""
    config = dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE)
    return config.steps([model.Threshold(value=value, color=colour) for value, colour in pairs])


def words(meanings: Meanings) -> list[model.ValueMapping]:
    """Return mappings from what a label says to what people say, or to that and a colour."""
    options = {
        said: model.ValueMappingResult(text=means, index=place)
        if isinstance(means, str)
        else model.ValueMappingResult(text=means[0], color=means[1], index=place)
        for place, (said, means) in enumerate(meanings.items())
    }
    return [model.ValueMap(options=options)]


def value(name: str, setting: object) -> model.DynamicConfigValue:
    return model.DynamicConfigValue(id_val=name, value=setting)


def fixed(colour: str) -> model.DynamicConfigValue:
    return value("color", {"mode": "fixed", "fixedColor": colour})


def in_its_ink(panel: P, *colours: str) -> P:
    """Draw each series in the colour its name holds."""
    for colour in colours:
        panel.override_by_regexp(rf"/\b{colour}\b/i", [fixed(INKS[colour])])
    return panel


def _dressed(panel: P, title: str, about: str, unit: str, *, width: int, height: int) -> P:
    return panel.title(title).description(about).unit(unit).datasource(DATASOURCE).span(width).height(height)


def _ask(query: Query, ref: str, *, instant: bool, as_table: bool = False) -> prometheus.Dataquery:
    asked = prometheus.Dataquery().expr(query.expr).ref_id(ref).datasource(DATASOURCE)
    if query.name:
        asked.legend_format(query.name)
    if as_table:
        asked.format(PromQueryFormat.TABLE)
    return asked.instant() if instant else asked.range()


def _with_queries(panel: P, queries: Sequence[Query], *, instant: bool, as_table: bool = False) -> P:
    for number, query in enumerate(queries):
        panel.with_target(_ask(query, chr(ord("A") + number), instant=instant, as_table=as_table))
    return panel


def number(
    title: str,
    about: str,
    unit: str,
    *queries: Query,
    colours: Steps = ((None, BLUE),),
    width: int = 4,
    height: int = 3,
    decimals: int | None = None,
    fills: bool = False,
    meanings: Meanings | None = None,
) -> stat.Panel:
    """Return a big figure. With *fills* its colour fills the tile, for what must not be overlooked."""
    panel = _dressed(stat.Panel(), title, about, unit, width=width, height=height)
    _with_queries(panel, queries, instant=True)
    panel.graph_mode(common_model.BigValueGraphMode.NONE).thresholds(steps(*colours))
    panel.color_mode(common_model.BigValueColorMode.BACKGROUND if fills else common_model.BigValueColorMode.VALUE)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))  # noqa: FBT003 - the SDK's own switches
    if decimals is not None:
        panel.decimals(decimals)
    if meanings is not None:
        panel.mappings(words(meanings))
    return panel


def bars(
    title: str,
    about: str,
    unit: str,
    *queries: Query,
    width: int = 12,
    height: int = 8,
    most: float | None = None,
    colours: Steps = ((None, BLUE),),
) -> bargauge.Panel:
    """Return horizontal bars, in the order of the answer. *most* is the value of a full bar."""
    panel = _dressed(bargauge.Panel(), title, about, unit, width=width, height=height)
    _with_queries(panel, queries, instant=True)
    panel.orientation(common_model.VizOrientation.HORIZONTAL).display_mode(common_model.BarGaugeDisplayMode.BASIC)
    panel.value_mode(common_model.BarGaugeValueMode.TEXT).name_placement(common_model.BarGaugeNamePlacement.LEFT)
    panel.sizing(common_model.BarGaugeSizing.MANUAL).min_viz_height(18).max_viz_height(22)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))  # noqa: FBT003
    panel.min(0).decimals(0).thresholds(steps(*colours))
    if most is not None:
        panel.max(most)
    return panel


def lines(
    title: str,
    about: str,
    unit: str,
    *queries: Query,
    width: int = 12,
    height: int = 8,
    most: float | None = None,
    thick: bool = False,
) -> timeseries.Panel:
    """Return curves over time."""
    panel = _dressed(timeseries.Panel(), title, about, unit, width=width, height=height)
    _with_queries(panel, queries, instant=False)
    panel.line_width(2 if thick else 1).fill_opacity(8).show_points(common_model.VisibilityMode.NEVER).min(0)
    panel.legend(_legend("lastNotNull"))
    panel.tooltip(common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI).sort(common_model.SortOrder.DESCENDING))
    if most is not None:
        panel.max(most)
    elif unit == "none":
        panel.axis_soft_max(1)  # a count that stays at 0 is drawn on an axis up to 1, not to 100
    return panel


def days(
    title: str, about: str, unit: str, *queries: Query, width: int = 12, height: int = 8, apart: Sequence[str] = ()
) -> timeseries.Panel:
    """Return stacked bars, one per day: queries must look back `[1d]`. What is named in *apart* is a line of its own."""
    panel = _dressed(timeseries.Panel(), title, about, unit, width=width, height=height)
    _with_queries(panel, queries, instant=False)
    panel.interval("1d").draw_style(common_model.GraphDrawStyle.BARS).fill_opacity(85).line_width(0).min(0)
    panel.bar_width_factor(0.8).bar_alignment(common_model.BarAlignment.BEFORE)
    panel.stacking(common.StackingConfig().mode(common_model.StackingMode.NORMAL))
    panel.legend(_legend("sum"))
    for name in apart:
        unstacked = value("custom.stacking", {"mode": "none", "group": "A"})
        panel.override_by_name(
            name, [value("custom.drawStyle", "line"), value("custom.lineWidth", 2), value("custom.fillOpacity", 0), unstacked]
        )
    panel.tooltip(common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI))
    return panel


def _legend(calc: str) -> common.VizLegendOptions:
    legend = common.VizLegendOptions().show_legend(True).placement(common_model.LegendPlacement.BOTTOM)  # noqa: FBT003
    return legend.display_mode(common_model.LegendDisplayMode.LIST).calcs([calc] if calc == "sum" else [])


def bands(title: str, about: str, query: Query, meanings: Meanings, *, width: int = 24, height: int = 6) -> statetimeline.Panel:
    """Return what was the case when: one band per series, drawn while its value is 1."""
    panel = _dressed(statetimeline.Panel(), title, about, "none", width=width, height=height)
    _with_queries(panel, [query], instant=False)
    panel.mappings(words(meanings)).show_value(common_model.VisibilityMode.NEVER).row_height(0.8).merge_values(True)  # noqa: FBT003
    panel.legend(_legend("")).fill_opacity(80).line_width(0)
    return panel


class Column(NamedTuple):
    """One column of a table. `field` is a label, or `Value #A` for the number of query A; what is no column is not shown.

    `bar` draws a gauge from 0 to 1, in *ink* or by thresholds; `painted` fills the cell with the colour of its mapping or threshold.
    `is_hidden` keeps the field for links and sorting.
    """

    field: str
    title: str
    unit: str | None = None
    width: int | None = None
    meanings: Meanings | None = None
    colours: Steps | None = None
    bar: bool = False
    ink: str | None = None
    painted: bool = False
    decimals: int | None = None
    is_hidden: bool = False
    is_link: bool = False


def rows(
    title: str,
    about: str,
    *queries: Query,
    columns: Sequence[Column],
    sort_by: str,
    descending: bool = False,
    width: int = 24,
    height: int = 12,
) -> table.Panel:
    """Return a table with one row per thing; the queries' rows are merged by their labels. Sorted by the column titled *sort_by*."""
    panel = _dressed(table.Panel(), title, about, "none", width=width, height=height)
    _with_queries(panel, queries, instant=True, as_table=True)
    renamed = {column.field: column.title for column in columns}
    if len(queries) == 1:
        renamed["Value"] = renamed.pop("Value #A", "Value")
    else:
        renamed["Value"] = renamed.get("Value #A", "Value")  # what Grafana calls it when the other queries have no answer
    order = {column.field: place for place, column in enumerate(columns)}
    panel.with_transformation(_transformation("merge", {}))
    panel.with_transformation(
        _transformation("organize", {"indexByName": order, "renameByName": renamed, "excludeByName": {"Time": True}, "includeByName": {}})
    )
    wanted = "|".join(sorted({column.title for column in columns}))
    panel.with_transformation(_transformation("filterFieldsByName", {"include": {"pattern": f"^({wanted})$"}}))
    panel.with_transformation(_transformation("sortBy", {"fields": {}, "sort": [{"field": sort_by, "desc": descending}]}))
    panel.show_header(True).cell_height(common_model.TableCellHeight.SM).filterable(True)  # noqa: FBT003
    for column in columns:
        panel.override_by_name(column.title, _settings(column))
    return panel


def _transformation(name: str, options: Json) -> model.DataTransformerConfig:
    return model.DataTransformerConfig(id_val=name, options=options)


def _settings(column: Column) -> list[model.DynamicConfigValue]:
    settings = []
    if column.is_hidden:
        settings.append(value("custom.hidden", setting=True))
    if column.unit is not None:
        settings.append(value("unit", column.unit))
    if column.decimals is not None:
        settings.append(value("decimals", column.decimals))
    if column.width is not None:
        settings.append(value("custom.width", column.width))
    if column.meanings is not None:
        settings.append(value("mappings", words(column.meanings)))
    if column.colours is not None:
        settings += [value("thresholds", steps(*column.colours).build()), value("color", {"mode": "thresholds"})]
    if column.bar:
        settings += [value("min", 0), value("max", 1), value("custom.cellOptions", {"type": "gauge", "mode": "basic"})]
    if column.ink is not None:
        settings.append(fixed(INKS[column.ink]))
    if column.painted:
        settings.append(value("custom.cellOptions", {"type": "color-background", "mode": "basic"}))
    elif column.colours is not None and not column.bar:
        settings.append(value("custom.cellOptions", {"type": "color-text"}))
    elif any(isinstance(means, tuple) for means in (column.meanings or {}).values()):
        settings += [value("custom.cellOptions", {"type": "color-text"}), fixed("text")]  # what has no meaning is plain text
    if column.is_link:
        settings.append(value("links", [printer_link(FROM_ROW).build()]))
    return settings


PLACE_COLUMNS = (
    Column("model", "Printer", is_link=True, width=165),
    Column("location", "Location", width=135),
    Column("site", "Site", width=90),
    Column("range", "Range", width=95),
)
HOST_COLUMNS = (
    Column("hostname", "Host", width=135),
    Column("address", "Address", width=100),
    Column("printer", "Id", is_hidden=True),
)
"""Which printer a row is about, in two parts: what people go by, and what the network goes by. Links need the hidden id."""

KIND_WORDS = {
    "toner": "toner",
    "ink": "ink",
    "solidInk": "solid ink",
    "wasteToner": "waste toner box",
    "wasteInk": "waste ink box",
    "punchWaste": "punch waste box",
    "transferBelt": "transfer belt",
    "transferRoller": "transfer roller",
    "transferUnit": "transfer unit",
    "transferBeltCleaner": "belt cleaner",
    "feedRoller": "feed roller",
    "fuserOil": "fuser oil",
    "maintenanceKit": "maintenance kit",
    "documentFeederKit": "document feeder kit",
    "labelRoll": "label roll",
    "ozoneFilter": "ozone filter",
}
"""Kinds of supplies as people say them; what is not here reads well as it is."""

COLOUR_WORDS: dict[str, str | tuple[str, str]] = {
    colour: (colour, INKS[colour]) for colour in ("black", "cyan", "magenta", "yellow", "gray")
}
