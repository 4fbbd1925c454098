"""The small notations of a profile."""

from __future__ import annotations

import pytest

from poller.printers import profile


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("print/mono", profile.Term(1, "print/mono", is_optional=False)),
        ("-copy/colour?", profile.Term(-1, "copy/colour", is_optional=True)),
        ("2*1.3.6.1.0", profile.Term(2, "1.3.6.1.0", is_optional=False)),
        ("-0.5*care:0x6f", profile.Term(-0.5, "care:0x6f", is_optional=False)),
    ],
)
def test_terms_of_a_sum(text: str, term: profile.Term) -> None:
    assert profile.read_term(text) == term
