"""Which files are exports, and when one is complete."""

from __future__ import annotations

import pytest

from poller.accounting.settling import Seen, Settling, is_wanted

PATTERNS = ("AccExport_*", "*.csv")


@pytest.mark.parametrize(
    "name, expected",
    [
        ("AccExport_4590_20260616_0900", True),
        ("accexport_4590.txt", True),
        ("12345678920260616.CSV", True),
        ("12345678920260616.ACL", False),
        ("AccExport_1.acl", False),
        (".AccExport_1", False),
        ("AccExport_1.part", False),
        ("AccExport_1.csv.TMP", False),
        ("AccExport_1~", False),
        ("readme.md", False),
    ],
)
def test_names_tell_exports_from_the_rest(name: str, expected: bool) -> None:
    assert is_wanted(name, PATTERNS) == expected


def test_a_file_is_complete_once_it_looked_the_same_twice() -> None:
    settling = Settling()
    small, big = Seen(10, 1, 7), Seen(20, 2, 7)
    assert settling.look({"a": small}) == []
    assert settling.look({"a": big}) == []
    assert settling.look({"a": big}) == ["a"]
    assert settling.look({"a": big}) == ["a"], "until somebody is done with it"
    settling.done("a")
    assert settling.look({"a": big}) == []
    assert settling.look({"a": small}) == []
    assert settling.look({"a": small}) == ["a"]


def test_a_file_written_anew_in_place_of_one_is_another() -> None:
    settling = Settling()
    for _ in range(2):
        settling.look({"a": Seen(10, 1, 7)})
    settling.done("a")
    assert settling.look({"a": Seen(10, 1, 8)}) == []
    assert settling.look({"a": Seen(10, 1, 8)}) == ["a"]


def test_the_oldest_comes_first_and_what_is_gone_is_forgotten() -> None:
    settling = Settling()
    both = {"b": Seen(1, 5, 1), "a": Seen(1, 9, 2)}
    settling.look(both)
    assert settling.look(both) == ["b", "a"]
    settling.done("a")
    assert settling.look({}) == []
    settling.look(both)
    assert settling.look(both) == ["b", "a"]
