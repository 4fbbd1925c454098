"""The catalogue agrees with itself and with the values made of it."""

from __future__ import annotations

import tomllib
from datetime import time
from types import UnionType
from typing import Union, get_args, get_origin, get_type_hints

import pytest

from poller.config import Exporter, Log, Outbox, Poll, Range, State, Sweep
from poller.config.catalogue import SECTIONS, SETTINGS, Setting, section_named, settings_of, variable
from poller.config.kinds import Duration, SecretText
from poller.config.load import load

BY_NAME = pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: f"{setting.section}.{setting.key}")


@BY_NAME
def test_a_setting_has_a_section_and_one_meaning(setting: Setting) -> None:
    assert section_named(setting.section) in SECTIONS
    assert sum((other.section, other.key) == (setting.section, setting.key) for other in SETTINGS) == 1


@BY_NAME
def test_a_default_is_a_value_its_kind_takes(setting: Setting) -> None:
    if setting.default is not None:
        setting.kind.from_toml(setting.default)


@BY_NAME
def test_an_example_is_toml_its_kind_takes(setting: Setting) -> None:
    setting.kind.from_toml(tomllib.loads(f"x = {setting.example}")["x"])


@BY_NAME
def test_a_secret_can_come_from_a_file(setting: Setting) -> None:
    if isinstance(setting.kind, SecretText):
        assert f"{setting.key}_file" in [other.key for other in settings_of(setting.section)]


@BY_NAME
def test_a_duration_is_named_with_its_unit(setting: Setting) -> None:
    assert isinstance(setting.kind, Duration) == setting.attribute.endswith("_seconds")


def test_no_two_settings_share_a_variable() -> None:
    names = [variable(setting) for setting in SETTINGS] + [variable(setting, 0) for setting in SETTINGS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "name,values",
    [("sweep", Sweep), ("poll", Poll), ("exporter", Exporter), ("state", State), ("outbox", Outbox), ("log", Log), ("range", Range)],
)
def test_every_setting_of_a_section_becomes_a_field(name: str, values: type) -> None:
    elsewhere = {"targets", "exclude", "allowed"} if name == "sweep" else set()  # these are in the ranges
    assert {setting.attribute for setting in settings_of(name)} - elsewhere == set(get_type_hints(values))


def test_values_have_the_types_they_declare() -> None:
    config = load(None, {"POLLER_SWEEP_TARGETS": "10.1.0.0/24"})
    for part in (config.sweep, config.poll, config.exporter, config.state, config.log):
        for field, hint in get_type_hints(type(part)).items():
            wanted = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
            value = getattr(part, field)
            if all(isinstance(one, type) for one in wanted):
                assert isinstance(value, wanted) or (isinstance(value, time) and time in wanted), field
