"""Texts of strangers: cut, on one line, and unable to command, hide or turn round."""

from __future__ import annotations

import pytest

from poller.central.sending.texts import ANSWER_CHARACTERS_MAX, clean, clean_answer, clean_lines


@pytest.mark.parametrize(
    "text,shown",
    [
        (None, ""),
        ("", ""),
        ("  \r\n\t ", ""),
        ("Müller & Söhne", "Müller & Söhne"),
        ("ACME\r\nBcc: all@example.com", "ACME Bcc: all@example.com"),
        ("a\x00b\x1b[2Jc\x85d", "a b [2Jc d"),
        ("invoice\u202egpj.exe\u2066", "invoice gpj.exe"),
        ("one\u2028two\ufeff", "one two"),
        ("\ud800half", "half"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_a_text_is_one_line_of_what_can_be_seen(text: str | None, shown: str) -> None:
    assert clean(text) == shown


def test_a_long_text_is_cut_and_says_so() -> None:
    assert clean("x" * 65536, 10) == "x" * 9 + "…"
    assert clean("x" * 10, 10) == "x" * 10
    assert clean("\n" * 65536 + "x") == ""


def test_lines_of_an_address_are_joined_by_commas() -> None:
    assert clean_lines("Große Straße 5\r\n\n 22765 Hamburg \n") == "Große Straße 5, 22765 Hamburg"
    assert clean_lines(None) == ""


def test_a_servers_answer_is_heard_without_our_secrets() -> None:
    assert clean_answer("535 no: hush\nhush, aHVzaA==", "hush", "aHVzaA==", "") == "535 no: … …, …"
    assert len(clean_answer("x" * 65536)) == ANSWER_CHARACTERS_MAX
