"""Who may be asked by IPP follows from the configuration alone."""

from __future__ import annotations

from pathlib import Path

from poller.config.load import load
from poller.config.values import Range, ipp_intervals
from poller.networks import HostName, Interval, parse


def part(name: str, networks: list[str], *, exclude: tuple[str, ...] = (), ipp: bool) -> Range:
    holes = tuple(one for one in map(parse, exclude) if isinstance(one, Interval))
    return Range(name=name, networks=tuple(map(parse, networks)), exclude=holes, credentials=(), rate_per_second=1, ipp=ipp)


def test_a_range_is_not_asked_by_ipp_unless_it_says_so() -> None:
    assert Range(name="x", networks=(), credentials=(), rate_per_second=1).ipp is False
    assert ipp_intervals([part("x", ["10.1.0.0/24"], ipp=False)]) == ()


def test_exclusions_and_host_names_are_left_out() -> None:
    ranges = [
        part("a", ["10.1.0.0/30", "printer.example.com"], exclude=("10.1.0.2",), ipp=True),
        part("b", ["10.2.0.0/24"], ipp=False),
        part("c", ["10.1.0.4/31"], ipp=True),
    ]
    assert isinstance(parse("printer.example.com"), HostName)
    assert [str(one) for one in ipp_intervals(ranges)] == ["10.1.0.0/31", "10.1.0.3-10.1.0.5"]


def test_it_is_one_line_of_a_range_or_one_variable(tmp_path: Path) -> None:
    path = tmp_path / "poller.toml"
    path.write_text('[[range]]\nname = "a"\nnetworks = ["10.1.0.7"]\nipp = true\n[[range]]\nname = "b"\nnetworks = ["10.1.0.8"]\n')
    assert [str(one) for one in ipp_intervals(load(path, {}).ranges)] == ["10.1.0.7"]
    assert [one.ipp for one in load(path, {"POLLER_RANGE_1_IPP": "true"}).ranges] == [True, True]
