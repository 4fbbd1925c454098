"""Targets of the command line: what `read_targets` makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from poller.config import count_addresses, read_targets
from poller.errors import ConfigError
from poller.networks import parse


def test_arguments_and_files_become_networks(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("10.2.0.0/30\n")
    assert read_targets(["10.1.0.0/24", "@list"], folder=tmp_path) == (parse("10.1.0.0/24"), parse("10.2.0.0/30"))


def test_every_wrong_argument_is_named() -> None:
    with pytest.raises(ConfigError) as raised:
        read_targets(["10.1.0.0/33", "10.1.0.7", "10.0.0.256"])
    assert [fault.partition(":")[0] for fault in raised.value.faults] == ["TARGET[0]", "TARGET[2]"]


def test_an_address_named_twice_counts_once_and_a_host_name_counts_as_one() -> None:
    networks = read_targets(["10.1.0.0/24", "10.1.0.128-255", "a.example.com", "A.example.com", "b.example.com"])
    assert count_addresses(networks, read_targets(["10.1.0.0/25", "b.example.com"])) == 128 + 1
