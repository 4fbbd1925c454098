"""Rules, examples and runbook pages agree with each other and with the metrics there are; Prometheus' own tools have the last word."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from poller.exposition import CATALOGUE
from poller.printers.mib import ERROR_BITS
from tests.conftest import ROOT

FOLDER = ROOT / "prometheus"
RULE_FILES = sorted((FOLDER / "rules").glob("*.yml"))
TEST_FILES = sorted((FOLDER / "tests").glob("*.yml"))
EXAMPLES = FOLDER / "examples"
PAGES = ROOT / "docs" / "alerts"

RealPart = Callable[[str], str]


def rules() -> Iterator[dict[str, Any]]:
    for path in RULE_FILES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["rules"]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
RECORDED = {rule["record"] for rule in rules() if "record" in rule}


def run(*command: str | Path) -> str:
    """Return what *command* said; fail with it when it is not content."""
    lavish = os.environ | {"GOGC": "400"}  # promtool collects garbage for a third of its time
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False, env=lavish)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# --- Prometheus' own tools ---


def test_promtool_accepts_the_rules(real_part: RealPart) -> None:
    run(real_part("promtool"), "check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES)


def test_promtool_accepts_the_example_configuration(real_part: RealPart) -> None:
    run(real_part("promtool"), "check", "config", EXAMPLES / "prometheus.yml")


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.stem)
def test_the_rules_do_what_their_tests_say(real_part: RealPart, path: Path) -> None:
    run(real_part("promtool"), "test", "rules", path)


def test_amtool_accepts_the_example_configuration(real_part: RealPart) -> None:
    assert "1 templates" in run(real_part("amtool"), "check-config", EXAMPLES / "alertmanager.yml")


# --- alerts, their tests, their pages ---


def cases() -> Iterator[tuple[str, bool]]:
    """Yield (alert, whether it is expected to fire) of every case."""
    for path in TEST_FILES:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test.get("alert_rule_test", ()):
                yield case["alertname"], bool(case["exp_alerts"])


@pytest.mark.parametrize("fires", [True, False], ids=["fire", "no fire"])
def test_every_alert_has_a_case(fires: bool) -> None:
    assert {alert for alert, expected in cases() if expected is fires} == set(ALERTS)


def test_every_alert_says_how_grave_it_is_what_it_is_and_where_to_read_on() -> None:
    for name, rule in ALERTS.items():
        assert rule["labels"]["severity"] in ("info", "warning", "critical"), name
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}, name
        assert rule["annotations"]["runbook_url"] == f"docs/alerts/{name}.md"


def test_every_test_evaluates_all_groups_in_the_order_of_the_files() -> None:
    tests = [(path, yaml.safe_load(path.read_text())) for path in TEST_FILES]
    assert {name for _, test in tests for name in test["rule_files"]} == {f"../rules/{path.name}" for path in RULE_FILES}
    for path, test in tests:
        files = [yaml.safe_load((path.parent / name).read_text()) for name in test["rule_files"]]
        groups = [group["name"] for file in files for group in file["groups"]]
        assert test.get("group_eval_order", groups[:1]) == groups, path.name


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} - {"README"} == set(ALERTS)
    for name in ALERTS:
        text = (PAGES / f"{name}.md").read_text()
        assert re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE) == [name, "Meaning", "What to look at", "What to do", "It ends when"]


def test_the_index_names_every_alert_with_its_severity_and_every_recorded_series() -> None:
    text = (PAGES / "README.md").read_text()
    listed = dict(re.findall(r"^\| \[(\w+)\]\(\1\.md\) \| (\w+) \|", text, flags=re.MULTILINE))
    assert listed == {name: rule["labels"]["severity"] for name, rule in ALERTS.items()}
    assert set(re.findall(r"`((?:\w+:)+\w+)`", text)) == RECORDED


# --- metrics ---

# Ours, recorded ones, and the two Prometheus makes itself.
_NAME = re.compile(r"(?<![\w:])(?:(?:printer|poller|probe|supply)[_:][a-z0-9_:]+|up|ALERTS)(?![\w:])")


def named(text: str) -> set[str]:
    """Return the series that *text* names, what stands in quotes left aside."""
    return set(_NAME.findall(re.sub(r'"[^"]*"', '""', text)))


def test_every_metric_a_rule_names_is_one_we_show_or_record() -> None:
    known = {metric.name for metric in CATALOGUE} | RECORDED | {"up", "ALERTS"}
    for rule in rules():
        found = named(rule["expr"]) | set(re.findall(r'printf "([\w:]+)\{', str(rule.get("annotations"))))
        assert found <= known, rule
        assert found or rule["record"] == "poller:working_hours", rule


def test_no_series_is_recorded_twice() -> None:
    assert len(RECORDED) == len([rule for rule in rules() if "record" in rule])


def test_a_metric_that_does_not_exist_is_found() -> None:
    assert named('printer_toner{key="printer_up"} > 0 and up') == {"printer_toner", "up"}


def test_every_error_an_alert_waits_for_is_a_word_of_the_mib() -> None:
    (words,) = re.findall(r'error=~"([^"]+)"', ALERTS["PrinterErrorStanding"]["expr"])
    assert set(words.split("|")) <= set(ERROR_BITS)


# --- the mail ---


def mail(amtool: str, folder: Path, name: str, **labels: str) -> str:
    """Return subject and text of the mail about one alert *name*."""
    labels["alertname"] = name
    alert = {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": "what it is", "description": "more of it", "runbook_url": f"docs/alerts/{name}.md"},
        "startsAt": "2026-11-20T06:28:42Z",
        "endsAt": "0001-01-01T00:00:00Z",
    }
    data = {"status": "firing", "receiver": "service", "alerts": [alert], "groupLabels": {"alertname": name}, "commonLabels": labels}
    file = folder / "data.json"
    file.write_text(json.dumps(data))
    text = '{{ template "poller.subject" . }}\n{{ template "poller.text" . }}'
    return run(
        *(amtool, "template", "render", f"--template.glob={EXAMPLES / 'mail.tmpl'}", f"--template.text={text}", f"--template.data={file}")
    )


def test_the_mail_is_german_and_english(real_part: RealPart, tmp_path: Path) -> None:
    text = mail(
        real_part("amtool"),
        tmp_path,
        "SupplyLow",
        site="hamburg",
        printer="serial:11:VNB3K12345",
        model="LaserJet 7",
        kind="toner",
        colour="black",
        location="Flur Süd",
    )
    assert text.splitlines()[0] == "[1 offen/open] hamburg: Verbrauchsmaterial fast leer / Supply low"
    german, _, english = text.partition("----- English -----")
    assert "Verbrauchsmaterial fast leer: Toner Schwarz\n" in german
    assert "Drucker:  LaserJet 7, serial:11:VNB3K12345\n  Standort: Flur Süd\n" in german
    assert "Angaben:  more of it\n  Seit:     20.11.2026 06:28 UTC\n  Was tun:  docs/alerts/SupplyLow.md\n" in german
    assert "Supply low\n  what it is\n  more of it\n" in english


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_every_alert_has_its_words_in_both_languages(name: str) -> None:
    assert (EXAMPLES / "mail.tmpl").read_text().count(f'eq . "{name}"') == 2


def test_every_error_an_alert_waits_for_has_a_german_word() -> None:
    (words,) = re.findall(r'error=~"([^"]+)"', ALERTS["PrinterErrorStanding"]["expr"])
    template = (EXAMPLES / "mail.tmpl").read_text()
    assert [word for word in words.split("|") if f'eq . "{word}"' not in template] == []
