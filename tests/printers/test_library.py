"""Which profile fits a device, and what an heir takes from its parent."""

from __future__ import annotations

from pathlib import Path

import pytest

from poller.errors import ConfigError
from poller.printers import library
from poller.snmp.oid import Oid, parse
from tests.printers.vendor_devices import ACME, HEAD, build

COUNTER = f'[[counter]]\nfunction = "total"\nvalue = "{ACME}.2.1.0"\n'

ROADRUNNER = f"""
name = "roadrunner"
title = "Roadrunner, sold by ACME's friends"
source = "invented"
manufacturer = "Roadrunner"
inherits = "acme"
[[recognise]]
sys_object_id = ["{ACME}"]
text = "road ?runner"
"""

ENGINE = """
name = "engine"
title = "An engine sold by many"
source = "invented"
[[recognise]]
answers = ["1.3.6.1.4.1.32473.9.1"]
[[recognise]]
text = "engine inside"
[[counter]]
function = "print"
value = "1.3.6.1.4.1.32473.9.1.5.0"
"""

NUMBER = parse(f"{ACME}.4")
UNKNOWN = Oid(b"")


def names(known: library.Library, object_id: Oid, *texts: str, answering: str = "") -> list[str]:
    found = known.recognise(object_id, texts, lambda prefix: bool(answering) and parse(answering).startswith(prefix))
    return [one.name for one in found]


def test_an_heir_that_fits_stands_for_its_parent() -> None:
    known = build(HEAD + COUNTER, ROADRUNNER)
    assert names(known, NUMBER, "ACME 410") == ["acme"]
    assert names(known, NUMBER, "Road Runner 410") == ["roadrunner"]


def test_an_engine_is_read_beside_the_brand_that_sells_it() -> None:
    known = build(HEAD + COUNTER, ENGINE)
    assert names(known, NUMBER, answering="1.3.6.1.4.1.32473.9.1.5.0") == ["acme", "engine"]
    assert names(known, UNKNOWN, answering="1.3.6.1.4.1.32473.9.1.5.0") == ["engine"]


def test_text_counts_only_where_nothing_else_fits() -> None:
    known = build(HEAD + COUNTER, ENGINE)
    assert names(known, NUMBER, "engine inside") == ["acme"]
    assert names(known, UNKNOWN, "engine inside") == ["engine"]
    assert names(known, UNKNOWN, "nothing known") == []


def test_prefixes_are_compared_by_whole_arcs() -> None:
    known = build(HEAD + COUNTER)
    assert names(known, parse("1.3.6.1.4.1.32473.71")) == []
    assert names(known, parse("1.3.6.1.4.1.32473.7")) == ["acme"]


def test_an_heir_has_its_parents_rules_and_its_own_come_first() -> None:
    own = f'[[counter]]\nfunction = "total"\nvalue = "{ACME}.2.9.0"\n[[counter]]\nfunction = "copy"\nvalue = "{ACME}.2.8.0"\n'
    heir = build(HEAD + COUNTER, ROADRUNNER + own).profiles["roadrunner"]
    assert heir.moving == {parse(f"{ACME}.2.9.0"), parse(f"{ACME}.2.8.0")}


def test_a_parents_oids_can_be_moved() -> None:
    moved = ROADRUNNER + '[reroot]\n"1.3.6.1.4.1.32473.7" = "1.3.6.1.4.1.32473.100"\n'
    assert build(HEAD + COUNTER, moved).profiles["roadrunner"].moving == {parse("1.3.6.1.4.1.32473.100.2.1.0")}


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"roadrunner": ROADRUNNER}, "there is no profile 'acme'"),
        ({"roadrunner": ROADRUNNER, "acme": HEAD.replace("[[rec", 'inherits = "roadrunner"\n[[rec')}, "in a circle"),
        ({"acme": HEAD + '[[counter]]\nfunction = "print"\nsum = ["copy/all"]\n[[counter]]\nfunction = "copy"\nsum = ["print/all"]'},
         "is a sum of itself"),
        ({"engine": ENGINE.replace("9.1.5.0", "8.1.5.0")}, "nothing is read below 1.3.6.1.4.1.32473.9.1"),
        ({"acme": HEAD + f'[[table]]\nname = "t"\ncolumns = {{ value = "{ACME}.3.1" }}\nindex = ["row"]\n[[table.counter]]\n'
          'function = "print"\nwhere = { value = 3 }'}, "both chooses rows and is read"),
    ],
)  # fmt: skip
def test_what_only_shows_in_the_whole_is_named_too(tmp_path: Path, files: dict[str, str], fault: str) -> None:
    for name, content in files.items():
        (tmp_path / f"{name}.toml").write_text(content)
    with pytest.raises(ConfigError) as caught:
        library.load(tmp_path)
    assert fault in str(caught.value)


def test_a_users_profile_takes_the_place_of_a_packaged_one_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "kyocera.toml").write_text((HEAD + COUNTER).replace('"acme"', '"kyocera"', 1))
    assert library.load(tmp_path).profiles["kyocera"].sheet.title == "ACME LaserWorks"


def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"profiles\.path"):
        library.load(tmp_path / "nowhere")


def test_what_is_experimental_is_left_out_unless_wanted(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text(HEAD + COUNTER.replace("[[counter]]", "[[counter]]\nexperimental = true"))
    assert library.load(tmp_path).profiles["acme"].moving == set()
    assert len(library.load(tmp_path, is_experimental=True).profiles["acme"].moving) == 1
