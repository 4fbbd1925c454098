"""What all five dashboards have in common: variables, links between them, time, refresh."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as model

from grafana import names
from grafana.panels import DATASOURCE
from poller.exposition import POLLER_BUILD_INFO

TAG = "poller"
TITLES = {
    "poller-fleet": "Fleet",
    "poller-toner": "Toner",
    "poller-printer": "Printer",
    "poller-pages": "Pages",
    "poller-agent": "Poller",
}
"""The dashboards by uid, in the order of the links at the top of each. Uids never change: bookmarks and mails hold them."""

_ALL = model.VariableOption(selected=True, text="All", value="$__all")


def board(uid: str, about: str, *, since: str, until: str = "now", refresh: str) -> dashboard.Dashboard:
    """Return an empty dashboard with the data source as its first variable and links to the others."""
    made = dashboard.Dashboard(f"Printers: {TITLES[uid]}").uid(uid).description(about).tags([TAG, "printers"])
    made.readonly().time(since, until).refresh(refresh).timezone("browser").week_start("monday")
    made.tooltip(model.DashboardCursorSync.CROSSHAIR)
    made.with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus").current(_named("Prometheus")))
    for other, title in TITLES.items():
        if other != uid:
            link = dashboard.DashboardLink(title).type(model.DashboardLinkType.LINK).url(f"/d/{other}")
            made.link(link.icon("dashboard").keep_time(_keeps_time(uid, other)).include_vars(True))  # noqa: FBT003 - the SDK's own switch
    return made


def _keeps_time(uid: str, other: str) -> bool:
    """Whether the time range means the same on both: the agent's own dashboard is about hours, Pages about a billing period."""
    return not {"poller-agent", "poller-pages"} & {uid, other}


def _named(name: str) -> model.VariableOption:
    return model.VariableOption(selected=True, text=name, value=name.lower())


def add_choices(made: dashboard.Dashboard) -> dashboard.Dashboard:
    """Add the variables of a dashboard over many printers: each offers what the ones before it leave."""
    made.with_variable(_choice("site", "Site", f"label_values({names.INFO}, site)"))
    made.with_variable(_choice("range", "Range", f'label_values({names.INFO}{{site=~"$site"}}, range)'))
    made.with_variable(_choice("model", "Model", f'label_values({names.INFO}{{site=~"$site", range=~"$range"}}, model)'))
    return made.with_variable(_printers("printer").multi(True).include_all(True).all_value(".*").current(_ALL))  # noqa: FBT003


def add_printer(made: dashboard.Dashboard) -> dashboard.Dashboard:
    """Add the variables of a dashboard about one printer. Site, range and model only shorten its list."""
    made.with_variable(_choice("site", "Site", f"label_values({names.INFO}, site)"))
    made.with_variable(_choice("range", "Range", f'label_values({names.INFO}{{site=~"$site"}}, range)'))
    made.with_variable(_choice("model", "Model", f'label_values({names.INFO}{{site=~"$site", range=~"$range"}}, model)'))
    return made.with_variable(_printers("printer"))


def add_agents(made: dashboard.Dashboard) -> dashboard.Dashboard:
    """Add the choice of agents, for the dashboard about them."""
    return made.with_variable(_choice("instance", "Agent", f"label_values({POLLER_BUILD_INFO.name}, instance)"))


def _choice(name: str, label: str, query: str) -> dashboard.QueryVariable:
    return _query(name, label, query).multi(True).include_all(True).all_value(".*").current(_ALL)  # noqa: FBT003


def _printers(name: str) -> dashboard.QueryVariable:
    """Return the choice of printers: shown by model, location and host name, which people know; chosen by id, which they do not."""
    some = f'{names.INFO}{{site=~"$site", range=~"$range", model=~"$model"}}'
    told = f'label_join({some}, "name", " · ", "model", "location", "hostname", "address")'
    query = f"query_result(max by (name, printer) ({told}))"
    return _query(name, "Printer", query).regex('/name="(?<text>[^"]*)".*printer="(?<value>[^"]*)"/')


def _query(name: str, label: str, query: str) -> dashboard.QueryVariable:
    asked = dashboard.QueryVariable(name).label(label).datasource(DATASOURCE).query({"query": query, "refId": f"variable-{name}"})
    return asked.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(model.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
