"""The dashboard Pages over the turn of a month: its own queries and links, on counts whose rise is known to the page."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from grafana.build import FOLDER
from tests.grafana import interpolation

START_UTC = datetime(1970, 1, 1, tzinfo=UTC)  # where promtool's clock begins
WEEKS = 12
STEP = timedelta(minutes=4)
PER_HOUR = 10
MINUTE = 20  # of each hour, at which the counts are recorded
_A_DAY = 24 * PER_HOUR

PAGES: dict[str, Any] = json.loads((FOLDER / "pages.json").read_text("utf-8"))


def series() -> list[dict[str, str]]:
    """Return a printer that prints evenly, day and night, as the recording rules keep it."""
    who = 'job="poller", instance="poller:9717", printer="serial:11:VNB3K12345"'
    steps = timedelta(weeks=WEEKS) // STEP
    each = timedelta(hours=1) // STEP
    counts = [str(1000 + step // each * PER_HOUR) if step % each == MINUTE // 4 else "_" for step in range(steps)]
    info = f'printer:info:last{{{who}, site="hamburg", range="hq", model="LaserJet 7"}}'
    count = f'printer:pages_by_function:last{{{who}, function="total", colour="mono", size="normal"}}'
    return [{"series": info, "values": f"1x{steps}"}, {"series": count, "values": " ".join(counts)}]


def asked(panel: str, times: str, now_utc: datetime) -> tuple[str, datetime]:
    """Return the query of *panel* as Grafana sends it when *times*, the address of a link, is chosen; and its moment."""
    chosen = {name: values[0] for name, values in parse_qs(urlsplit(times).query).items()}
    since = interpolation.moment(chosen["from"], now_utc)
    until = interpolation.moment(chosen["to"], now_utc, is_end=True)
    (expr,) = (target["expr"] for one in PAGES["panels"] if one["title"] == panel for target in one["targets"])
    texts = interpolation.values([one for one in PAGES["templating"]["list"] if one["type"] != "datasource"], {})
    return interpolation.fill(expr, texts, span=until - since, step=until - since), until


def link(title: str) -> str:
    (url,) = (one["url"] for one in PAGES["links"] if one["title"] == title)
    assert isinstance(url, str)
    return url


def answers(promtool: str, folder: Path, expr: str, at_utc: datetime, value: float | None) -> None:
    """Fail unless *expr* is *value* at that moment; None is no answer."""
    expected = [] if value is None else [{"labels": "{}", "value": value}]
    at = f"{(at_utc - START_UTC) // timedelta(seconds=1)}s"
    test = {
        "interval": "4m",
        "input_series": series(),
        "promql_expr_test": [{"expr": expr, "eval_time": at, "exp_samples": expected}],
    }
    file = folder / "months.yml"
    file.write_text(yaml.safe_dump({"rule_files": [], "tests": [test]}))
    done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("times", "now", "pages"),
    [
        pytest.param("This month", "1970-02-28T23:59:59", 28 * _A_DAY, id="the last second of a month has the whole month"),
        pytest.param("This month", "1970-03-01T00:00:30", 0, id="the first minute of a month has no page, and is no gap"),
        pytest.param("This month", "1970-03-01T00:30:00", PER_HOUR, id="the first count of a month is of that month"),
        pytest.param("This month", "1970-03-10T12:00:00", 9 * _A_DAY + 12 * PER_HOUR, id="month to date"),
        pytest.param("Last month", "1970-03-01T00:00:30", 28 * _A_DAY, id="last month from the first minute on"),
        pytest.param("Last month", "1970-03-24T07:11:00", 28 * _A_DAY, id="last month stays what it was"),
    ],
)
def test_the_pages_of_a_month_are_all_of_that_month_and_of_no_other(
    times: str, now: str, pages: int, real_part: Callable[[str], str], tmp_path: Path
) -> None:
    expr, at_utc = asked("Pages", link(times), datetime.fromisoformat(now).replace(tzinfo=UTC))
    answers(real_part("promtool"), tmp_path, expr, at_utc, pages)


def test_the_dashboard_begins_with_this_month() -> None:
    assert link("This month") == f"/d/poller-pages?from={PAGES['time']['from']}&to={PAGES['time']['to']}"


def test_a_month_that_nothing_is_known_of_has_no_pages_rather_than_none(real_part: Callable[[str], str], tmp_path: Path) -> None:
    expr, at_utc = asked("Pages", link("Last month"), START_UTC + timedelta(days=150))
    answers(real_part("promtool"), tmp_path, expr, at_utc, None)


def test_every_count_a_panel_reads_is_an_hourly_one() -> None:
    read = {name for panel in PAGES["panels"] for one in panel["targets"] for name in re.findall(r"([\w:]+)\{[^{}]*\}\[", one["expr"])}
    assert read == {"printer:pages_by_function:last"}
