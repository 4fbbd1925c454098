"""The dashboards as files: they are what the code makes, they name what there is, and every panel says what it shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana import boards, build, names
from poller.exposition import CATALOGUE
from poller.printers.mib import ERROR_BITS
from tests.conftest import ROOT

PROVISIONING = ROOT / "grafana" / "provisioning"
RULES = ROOT / "prometheus" / "rules"
FILES = sorted(build.FOLDER.glob("*.json"))
DASHBOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text("utf-8")) for path in FILES}
PANELS = [
    pytest.param(panel, id=f"{name} {panel['title']}")
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
    if panel["type"] != "row"
]
VARIABLES = [(name, variable) for name, dashboard in DASHBOARDS.items() for variable in dashboard["templating"]["list"]]

# What stands in a query and is no series: keywords, functions and labels are followed by a bracket or stand where labels stand.
_NAME = re.compile(r"(?<![\w:$])(?:(?:printer|poller|probe|supply|process)[_:][a-z0-9_:]+|up)(?![\w:])")


def named(text: str) -> set[str]:
    """Return the series that a query names, what stands in quotes left aside; of a histogram its family."""
    return {name.removesuffix("_bucket") for name in _NAME.findall(re.sub(r'"[^"]*"', '""', text))}


def queries() -> Iterator[str]:
    for dashboard in DASHBOARDS.values():
        for panel in dashboard["panels"]:
            yield from (target["expr"] for target in panel.get("targets", ()))
        yield from (one["query"]["query"] for one in dashboard["templating"]["list"] if one["type"] == "query")


def test_the_files_are_what_the_code_makes() -> None:
    assert {path.name: path.read_text("utf-8") for path in FILES} == build.texts(), "make dashboards writes them anew"


def test_every_series_a_query_names_is_one_we_show_record_or_everyone_has() -> None:
    known = {metric.name for metric in CATALOGUE} | set(names.RECORDED) | set(names.USUAL)
    for query in queries():
        assert named(query) <= known, query
        assert named(query), query


def test_a_series_that_does_not_exist_is_found() -> None:
    assert named('rate(printer_toner{key="printer_up"}[1h]) and supply:left and up') == {"printer_toner", "supply:left", "up"}


def test_every_recorded_series_is_one_of_the_rules() -> None:
    groups = yaml.safe_load((RULES / "recording.yml").read_text("utf-8"))["groups"]
    assert set(names.RECORDED) <= {rule["record"] for group in groups for rule in group["rules"]}


def test_what_stops_a_printer_and_what_is_soon_are_the_alerts_own_words() -> None:
    alerts = (RULES / "alerts.yml").read_text("utf-8")
    assert f'error=~"{names.STOPPING_ERRORS}"' in alerts
    assert f'kind!~"{names.WASTE_KINDS}"' in alerts
    assert f"< {names.SOON_DAYS})" in alerts


def test_every_error_that_stops_a_printer_has_its_words_in_the_work_list() -> None:
    fleet = DASHBOARDS["fleet"]
    (panel,) = (one for one in fleet["panels"] if one["title"] == "What needs a hand now")
    (override,) = (one for one in panel["fieldConfig"]["overrides"] if one["matcher"]["options"] == "Problem")
    (mapping,) = (one["value"][0]["options"] for one in override["properties"] if one["id"] == "mappings")
    words = set(names.STOPPING_ERRORS.split("|"))
    assert words <= set(mapping)
    assert words <= set(ERROR_BITS)
    assert all(re.search(f'"problem", "{problem}"', panel["targets"][0]["expr"]) for problem in set(mapping) - words)


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_says_what_it_shows_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith("."), "a sentence"
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert {json.dumps(target["datasource"]) for target in panel["targets"]} == {json.dumps(panel["datasource"])}


@pytest.mark.parametrize("panel", PANELS)
def test_every_figure_and_bar_has_thresholds(panel: dict[str, Any]) -> None:
    if panel["type"] in ("stat", "bargauge"):
        assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_dashboard_has_a_fixed_uid_a_range_a_refresh_and_links_to_the_others(name: str) -> None:
    dashboard = DASHBOARDS[name]
    assert dashboard["uid"] == f"poller-{name}"
    assert dashboard["uid"] in boards.TITLES
    assert "id" not in dashboard or dashboard["id"] is None
    assert dashboard["time"]["to"] == "now"
    assert dashboard["refresh"]
    assert dashboard["editable"] is False
    linked = {link["url"].removeprefix("/d/") for link in dashboard["links"] if "?" not in link["url"]}
    assert linked == set(boards.TITLES) - {dashboard["uid"]}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_have_numbers_of_their_own_and_do_not_overlap(name: str) -> None:
    panels = DASHBOARDS[name]["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    taken: set[tuple[int, int]] = set()
    for at in (panel["gridPos"] for panel in panels):
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_variables_have_names_that_people_read_and_the_same_order_everywhere() -> None:
    order = ["datasource", "site", "range", "model", "printer", "price_mono", "price_colour"]
    for name, dashboard in DASHBOARDS.items():
        listed = [variable["name"] for variable in dashboard["templating"]["list"]]
        assert listed == ([one for one in order if one in listed] if name != "agent" else ["datasource", "instance"])
    assert [(name, variable["name"]) for name, variable in VARIABLES if not variable.get("label")] == []


def test_each_variable_narrows_those_behind_it() -> None:
    for _, variable in VARIABLES:
        if variable["name"] in ("range", "model", "printer"):
            before = {"range": ("site",), "model": ("site", "range"), "printer": ("site", "range", "model")}[variable["name"]]
            assert all(f'{label}=~"${label}"' in variable["query"]["query"] for label in before)


def test_all_is_short_however_many_printers_there_are() -> None:
    assert {variable["allValue"] for _, variable in VARIABLES if variable.get("includeAll")} == {".*"}


@pytest.mark.parametrize("name", ["fleet", "toner", "pages"])
def test_rows_about_printers_lead_to_the_printer_with_time_and_variables(name: str) -> None:
    tables = [panel for panel in DASHBOARDS[name]["panels"] if panel["type"] == "table" and '"printer"' in json.dumps(panel)]
    assert tables
    for panel in tables:
        (links,) = re.findall(r'"url": "(/d/poller-printer\?[^"]*)"', json.dumps(panel))
        assert "var-printer=${__data.fields.Id:percentencode}" in links
        for kept in ("${site:queryparam}", "${datasource:queryparam}", "${__url_time_range}"):
            assert kept in links


def test_provisioning_names_the_data_source_the_dashboards_begin_with() -> None:
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text("utf-8"))["datasources"]
    assert (source["uid"], source["type"], source["url"]) == ("prometheus", "prometheus", "http://prometheus:9090")
    for _, variable in VARIABLES:
        if variable["type"] == "datasource":
            assert variable["current"]["value"] == source["uid"]
            assert variable["current"]["text"] == source["name"]


def test_provisioning_reads_the_folder_that_is_mounted() -> None:
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "poller.yml").read_text("utf-8"))["providers"]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"


def test_the_page_shows_every_dashboard_by_a_small_picture() -> None:
    text = (ROOT / "docs" / "dashboards.md").read_text("utf-8")
    for name in DASHBOARDS:
        picture = Path("pictures") / f"{name}.png"
        assert f"({picture})" in text
        assert 0 < (ROOT / "docs" / picture).stat().st_size < 200_000
