"""The schema: what a profile file may say, and that every fault is named at its place, all of them together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from poller.printers import library, profile, profile_file
from tests.printers.vendor_devices import HEAD

README = Path(profile.__file__).parent / "profiles" / "README.md"


def faults_of(content: str) -> list[str]:
    return profile_file.read_profile(content.encode(), "acme.toml")[1]


def test_every_example_of_the_manual_is_sound_and_together_they_are_one_profile() -> None:
    manual = README.read_text(encoding="utf-8").partition("## Brands of one engine")[0]
    content = "\n".join(re.findall(r"```toml\n(.*?)```", manual, re.DOTALL))
    sheet, faults = profile_file.read_profile(content.encode(), "acme.toml")
    assert faults == []
    assert sheet is not None
    assert library.assemble({"acme": sheet}, is_experimental=True)[1] == []


def test_the_packaged_profiles_are_sound() -> None:
    sheets, faults = library.read_sheets()
    assert faults == []
    assert library.assemble(sheets, is_experimental=True)[1] == []
    assert {"kyocera"} <= sheets.keys()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('[[counter]]\nfunction = "prnt"\nvalue = "1.3.6.1"', "counter 1 (prnt/all): function: 'prnt' is none of"),
        ('[[counter]]\nfunction = "print"', "counter 1 (print/all): want one of value and sum"),
        ('[[counter]]\nfunction = "print"\nvalue = "1.3.x"', "not an object identifier: '1.3.x'"),
        ('[[counter]]\nfunction = "print"\nvalue = "care:0x01"', "there are no records 'care'"),
        ('[[counter]]\nfunction = "other"\nvalue = "1.3.6.1"', 'function "other" wants a label'),
        ('[[counter]]\nfunction = "print"\nvalue = "1.3.6.1"\nconfidence = "C"', 'confidence "C" wants experimental = true'),
        ('[[counter]]\nfuncton = "print"\nvalue = "1.3.6.1"', "funcon: no such key".replace("funcon", "functon")),
        ('[[counter]]\nfunction = "print"\nsum = ["print/purple"]', "'print/purple' is no instance, record or cell"),
        ('[[identity]]\nfield = "serial"\noid = "1.3.6.1"\nclean = ["regex ("]', "clean: pattern '('"),
        ('[[identity]]\nfield = "serial"\noid = "1.3.6.1"\nclean = ["polish"]', "'polish' is no rule"),
        ('[[supply]]\nkey = "Drum"\nkind = "drum"\nlevel = "1.3.6.1"', "key: want lower case"),
        ('[[supply]]\nkey = "drum"\nkind = "drumm"\nlevel = "1.3.6.1"', "did you mean 'drum'?"),
        ('[[status]]\nerror = "doorAjar"\nvalue = "1.3.6.1"\nis = [1]', "error: 'doorAjar' is none of"),
        ('[[table]]\nname = "t"\ncolumns = { value = "1.3.6.1" }\nindex = ["row"]\nunless = ["s"]', "there is no other table 's'"),
        (
            '[[table]]\nname = "t"\ncolumns = { value = "1.3.6.1" }\nindex = ["row"]\n[[table.counter]]\nfunction = "print"\n'
            "where = { type = 1 }",
            "table 1 (t), counter 1: 'type' is neither a column nor part of the index",
        ),
    ],
)
def test_a_fault_is_named_with_its_place(content: str, fault: str) -> None:
    found = faults_of(HEAD + content)
    assert any(fault in one for one in found), found
    assert all(one.startswith("acme.toml: ") for one in found)


def test_all_faults_come_together() -> None:
    assert len(faults_of(HEAD.replace("acme", "Acme", 1) + '[[counter]]\nfunction = "prnt"\nvalue = "x"\n[[supply]]\nkey = "a"')) >= 4


def test_a_profile_must_say_how_to_know_its_family() -> None:
    assert faults_of('name = "acme"\ntitle = "ACME"\nsource = "invented"') == [
        "acme.toml: recognise: nothing says how to know the family: want [[recognise]]"
    ]


@pytest.mark.parametrize("content", [b"\xff", b"name = ", b"[" * 5000, b"x" * (2 << 20)])
def test_what_is_no_toml_is_one_fault(content: bytes) -> None:
    sheet, faults = profile_file.read_profile(content, "acme.toml")
    assert sheet is None
    assert len(faults) == 1
