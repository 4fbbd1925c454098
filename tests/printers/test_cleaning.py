"""Rules that clean a model, serial number or version."""

from __future__ import annotations

import pytest

from poller.printers.cleaning import clean, cleaner
from poller.snmp import ber
from poller.snmp.message import Missing, Value
from poller.snmp.oid import parse


@pytest.mark.parametrize(
    ("octets", "rules", "text"),
    [
        (b"  X-410 \x00", (), "X-410"),
        (b"\x01\x15VNB3K12345", ("pml",), "VNB3K12345"),
        (b"VNB3K12345", ("pml",), "VNB3K12345"),
        (b"ab12", ("strip 2",), "12"),
        (b"MFG:ACME;MDL:X-410;SERIALNUMBER:77A;", ("key MDL",), "X-410"),
        (b"MANUFACTURER:ACME;MODEL:X-410;", ("key MODEL",), "X-410"),
        (b"MFG:ACME;", ("key MDL",), None),
        (b"ACME X-410 v2", (r"regex ACME (\S+)",), "X-410"),
        (b"X-410", (r"regex ACME (\S+)",), None),
        (b"Ver.1.14", ("drop ^Ver\\.",), "1.14"),
        (b"-", ("refuse ^-$",), None),
        (b"2.1", ("refuse ^-$",), "2.1"),
        (b"\x01\x15MDL:X 4;", ("pml", "key MDL", "drop \\s"), "X4"),
    ],
)
def test_rules_are_applied_in_order(octets: bytes, rules: tuple[str, ...], text: str | None) -> None:
    assert clean((ber.OCTET_STRING, octets), rules, None) == text


def test_a_number_is_its_digits() -> None:
    assert clean((ber.INTEGER, b"\x07\xe8"), (), None) == "2024"


def test_a_model_spelled_in_arcs() -> None:
    prefix = "1.3.6.1.4.1.32473.3"
    spelled: Value = (ber.OBJECT_IDENTIFIER, parse(prefix + ".5.88.45.52.49.48"))
    assert clean(spelled, (f"arcs {prefix}",), None) == "X-410"
    assert clean(spelled, ("arcs 1.3.6.1.4.1.11",), None) is None
    assert clean(spelled, (), None) is None


def test_what_is_missing_stays_so() -> None:
    assert clean(Missing.NO_SUCH_INSTANCE, (), None) is None


@pytest.mark.parametrize("rule", ["", "pml now", "strip", "strip 0", "strip x", "key", "regex", "regex (", "arcs x", "polish"])
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match=r"rule|pattern|identifier"):
        cleaner(rule)
