"""What a device says of its supplies without saying of which."""

from __future__ import annotations

import pytest

from poller.central.supplies.complaints import complaints_of, is_meant
from poller.central.supplies.slots import Word
from tests.central.supplies.firm import MONDAY, read


@pytest.mark.parametrize(
    "errors, codes, told",
    [
        ([], [], {}),
        (["lowToner"], [], {"toner": Word.LOW}),
        (["lowToner", "noToner"], [], {"toner": Word.EMPTY}),
        (["lowPaper", "jammed"], [8, 1301], {}),
        ([], [1104], {"toner": Word.LOW}),
        ([], [1101, 1104], {"toner": Word.EMPTY}),
        ([], [1107, 1111], {"wasteToner": Word.LOW, "drum": Word.LOW}),
        (["lowToner"], [1105], {"ink": Word.LOW}),  # the alert knows better what it is
        (["lowToner"], [1109], {"wasteToner": Word.EMPTY, "toner": Word.LOW}),
    ],
)
def test_the_strongest_word_for_each_kind_is_told(errors: list[str], codes: list[int], told: dict[str, Word]) -> None:
    assert complaints_of(read(MONDAY, 1, errors=errors, codes=codes)) == told


@pytest.mark.parametrize(
    "kind, told, meant",
    [("toner", "toner", True), ("ink", "toner", True), ("drum", "drum", True), ("drum", "toner", False), ("wasteToner", "toner", False)],
)
def test_devices_call_ink_toner_too(kind: str, told: str, meant: bool) -> None:
    assert is_meant(kind, told) is meant
