"""Every query of every dashboard, and of every variable, on a real Prometheus with weeks of two sites in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from grafana.build import FOLDER
from tests.grafana import interpolation, weeks
from tests.grafana.real_prometheus import Prometheus, filled

DASHBOARDS = sorted(FOLDER.glob("*.json"))
END_UTC = datetime(2026, 11, 20, 14, 37, 11, tzinfo=UTC)


class Asked(NamedTuple):
    """One query of a panel."""

    panel: str
    ref: str
    expr: str
    is_instant: bool
    least_step: str | None


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, real_part: Callable[[str], str]) -> Iterator[Prometheus]:
    with filled(tmp_path_factory.mktemp("prometheus"), END_UTC, real_part) as one:
        yield one


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded


def queries(dashboard: Mapping[str, Any]) -> Iterator[Asked]:
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield Asked(panel["title"], target["refId"], target["expr"], bool(target.get("instant")), panel.get("interval"))


def variables(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [one for one in dashboard["templating"]["list"] if one["type"] != "datasource"]


def unanswered(prometheus: Prometheus, dashboard: Mapping[str, Any], **chosen: list[str]) -> list[str]:
    """Ask everything; return what got an empty answer. An error fails the test."""
    since = interpolation.moment(dashboard["time"]["from"], END_UTC)
    span = interpolation.moment(dashboard["time"]["to"], END_UTC) - since
    texts = interpolation.values(variables(dashboard), chosen)
    empty = []
    for asked in queries(dashboard):
        step = interpolation.step_of(span, asked.least_step)
        expr = interpolation.fill(asked.expr, texts, span=span, step=step)
        if asked.is_instant:
            answer = prometheus.ask("query", query=expr, time=END_UTC.timestamp())
        else:
            times = {"start": since.timestamp(), "end": END_UTC.timestamp(), "step": step.total_seconds()}
            answer = prometheus.ask("query_range", query=expr, **times)
        assert answer["status"] == "success", f"{dashboard['title']}, {asked.panel}, {asked.ref}: {answer}\n{expr}"
        data: Any = answer["data"]
        if not data["result"]:
            empty.append(f"{asked.panel} {asked.ref}")
    return empty


OVER_MANY = [path for path in DASHBOARDS if path.stem != "printer"]


@pytest.mark.parametrize("path", OVER_MANY, ids=lambda path: path.stem)
@pytest.mark.parametrize("chosen", [(), ("hamburg",), ("hamburg", "münchen")], ids=lambda chosen: " ".join(chosen) or "all")
def test_every_query_about_many_printers_has_an_answer(prometheus: Prometheus, path: Path, chosen: tuple[str, ...]) -> None:
    instances = [site.instance for site in weeks.SITES if site.name in chosen]
    choice = {"site": list(chosen), "instance": instances} if chosen else {}
    assert unanswered(prometheus, load(path), **choice) == []


@pytest.mark.parametrize("path", OVER_MANY, ids=lambda path: path.stem)
def test_no_query_about_one_range_model_or_printer_is_an_error(prometheus: Prometheus, path: Path) -> None:
    dashboard = load(path)
    firsts = {name: [value] for name, value in options(prometheus, dashboard, {})}
    for name, value in firsts.items():
        assert len(unanswered(prometheus, dashboard, **{name: value})) < len(list(queries(dashboard)))


def test_every_query_about_one_printer_has_an_answer_for_some_and_an_error_for_none(prometheus: Prometheus) -> None:
    dashboard = load(FOLDER / "printer.json")
    printers = [value for name, value in options(prometheus, dashboard, {}) if name == "printer"]
    empty = [set(unanswered(prometheus, dashboard, printer=[printer])) for printer in printers]
    assert set.intersection(*empty) == set()


def options(prometheus: Prometheus, dashboard: Mapping[str, Any], chosen: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Yield (variable, value) of all that the variables offer, as Grafana makes it of the answers."""
    listed = variables(dashboard)
    texts = interpolation.values(listed, chosen)
    since = interpolation.moment(dashboard["time"]["from"], END_UTC)
    for variable in listed:
        if variable["type"] != "query":
            continue
        query = interpolation.fill(variable["query"]["query"], texts, span=END_UTC - since, step=weeks.STEP)
        if asked := re.fullmatch(r"label_values\((.*), (\w+)\)", query):
            times = {"start": since.timestamp(), "end": END_UTC.timestamp()}
            answer: Any = prometheus.ask(f"label/{asked[2]}/values", **{"match[]": asked[1]}, **times)
            assert answer["status"] == "success", answer
            yield from ((variable["name"], value) for value in answer["data"])
        else:
            asked = re.fullmatch(r"query_result\((.*)\)", query)
            assert asked is not None, query
            answer = prometheus.ask("query", query=asked[1], time=END_UTC.timestamp())
            assert answer["status"] == "success", answer
            for one in answer["data"]["result"]:
                said = "{" + ",".join(f' {name}="{value}"' for name, value in one["metric"].items()) + " } 1 0"
                found = re.search(variable["regex"].strip("/").replace("(?<", "(?P<"), said)
                assert found is not None
                assert found["text"]
                yield variable["name"], found["value"]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_variable_offers_what_there_is(prometheus: Prometheus, path: Path) -> None:
    offered: dict[str, set[str]] = {}
    for name, value in options(prometheus, load(path), {}):
        offered.setdefault(name, set()).add(value)
    if path.stem == "agent":
        assert offered == {"instance": {site.instance for site in weeks.SITES}}
        return
    assert offered["site"] == {site.name for site in weeks.SITES}
    assert offered["range"] == {range_ for site in weeks.SITES for range_ in site.ranges}
    assert len(offered["printer"]) == sum(len(names) for site in weeks.SITES for names in site.ranges.values())


def test_a_variable_offers_what_the_ones_before_it_leave(prometheus: Prometheus) -> None:
    dashboard = load(FOLDER / "fleet.json")
    offered = list(options(prometheus, dashboard, {"site": ["hamburg"], "range": ["warehouse"]}))
    (hamburg,) = (site for site in weeks.SITES if site.name == "hamburg")
    assert {value for name, value in offered if name == "range"} == set(hamburg.ranges)
    assert len([value for name, value in offered if name == "model"]) == 3
    assert len([value for name, value in offered if name == "printer"]) == 3


def test_the_work_list_tells_each_trouble_once_and_the_stopped_ones_first(prometheus: Prometheus) -> None:
    dashboard = load(FOLDER / "fleet.json")
    (expr,) = (asked.expr for asked in queries(dashboard) if (asked.panel, asked.ref) == ("What needs a hand now", "A"))
    texts = interpolation.values(variables(dashboard), {})
    filled_in = interpolation.fill(expr, texts, span=timedelta(hours=1), step=timedelta(minutes=1))
    answer: Any = prometheus.ask("query", query=filled_in, time=END_UTC.timestamp())
    found = [(one["metric"], float(one["value"][1])) for one in answer["data"]["result"]]
    supplies = [(one["printer"], one["key"]) for one, _ in found if "key" in one]
    assert len(supplies) == len(set(supplies))
    urgency = {one["problem"]: int(value) for one, value in found}
    assert {name: urgency[name] for name in ("empty", "soonEmpty", "silent")} == {"empty": 2, "soonEmpty": 4, "silent": 5}
    assert {one["printer"] for one, _ in found if one["problem"] == "silent"} == silent_ids(prometheus)


def test_the_weeks_hold_info_series_that_overlap(prometheus: Prometheus) -> None:
    """Without these, no query above could have failed over them: many-to-many matching is an error."""
    for series, labels in (("printer:info:last", "job, instance, printer"), ("supply:info:last", "job, instance, printer, key")):
        answer: Any = prometheus.ask("query", query=f"count by ({labels}) ({series}) > 1", time=END_UTC.timestamp())
        assert len(answer["data"]["result"]) >= len(weeks.MOVED)


def silent_ids(prometheus: Prometheus) -> set[str]:
    answer: Any = prometheus.ask("query", query="printer_up == 0", time=END_UTC.timestamp())
    ids = {one["metric"]["printer"] for one in answer["data"]["result"]}
    assert len(ids) == len(weeks.SILENT)
    return ids
