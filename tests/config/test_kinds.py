"""What each kind of value takes, as TOML and as the text of a variable."""

from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.config.catalogue import SETTINGS, Setting
from poller.config.kinds import (
    Address,
    Choice,
    Duration,
    Folder,
    Kind,
    Listen,
    Name,
    SecretText,
    Size,
    Switch,
    Text,
    Texts,
    TimeOfDay,
    Whole,
    duration_seconds,
    duration_text,
)
from poller.config.kinds import Path as FileName
from poller.model import Secret

KINDS: list[Kind] = [
    *(
        Address(),
        Choice(("1", "2c")),
        Duration("1s", "1d"),
        FileName(),
        Folder(),
        Name(),
        SecretText(),
        Size("1MB", "1TB"),
        Switch(),
        Text(),
        Texts(),
        TimeOfDay(),
        Whole(1, 9),
    ),
]


@pytest.mark.parametrize(
    "kind,toml,text,value",
    [
        (Whole(1, 9), 7, "7", 7),
        (Duration("1s", "1d"), "15m", "15m", 900.0),
        (Duration("1s", "1d"), 90, "90", 90.0),
        (Duration("100ms", "1d"), "1500ms", "1500ms", 1.5),
        (Duration("1s", "30d"), "30d", "30 d", 2_592_000.0),
        (Size("1MB", "1TB"), "2GB", "2 GB", 2_000_000_000),
        (Size("1kB", "1TB"), 1500, "1500", 1500),
        (Switch(), True, "yes", True),
        (Switch(), False, "OFF", False),
        (Choice(("1", "2c")), "2c", "2c", "2c"),
        (TimeOfDay(), "9:05", "09:05", time(9, 5)),
        (TimeOfDay(), time(23, 59), "23:59", time(23, 59)),
        (Address(), "0.0.0.0:9717", "0.0.0.0:9717", Listen("0.0.0.0", 9717)),
        (Address(), "[::]:9717", "[::]:9717", Listen("::", 9717)),
        (Address(), "localhost:0", "localhost:0", Listen("localhost", 0)),
        (Texts(), ["a", "b"], " a ,b,", ("a", "b")),
        (Folder(), "", "none", ""),
        (Folder(), "data", "data", "data"),
        (Text(), " Grüße ", "Grüße", "Grüße"),
        (SecretText(), "geheim ", "geheim ", Secret("geheim ")),
    ],
)
def test_a_value_reads_the_same_from_file_and_environment(kind: Kind, toml: object, text: str, value: object) -> None:
    assert kind.from_toml(toml) == value
    assert kind.from_text(text) == value


@pytest.mark.parametrize(
    "kind,text",
    [
        *((Whole(1, 9), text) for text in ("", "0", "10", "-1", "1.5", "0x5", "٣", "1_0", "9" * 20)),
        *((Duration("1s", "1d"), text) for text in ("", "0s", "2d", "-5s", "1.5h", "1h30m", "5 minutes", "٣s", "999999999999d")),
        *((Size("1MB", "1TB"), text) for text in ("", "0", "999kB", "2TB", "-5GB", "1.5GB", "1GiB", "1gb", "٣MB", "999999999999TB")),
        *((Switch(), text) for text in ("", "2", "maybe")),
        *((TimeOfDay(), text) for text in ("", "24:00", "10", "10:60", "10:00:00", "noon")),
        *((Address(), text) for text in ("", ":", "9717", ":9717", "::1:9717", "[::1]", "host:65536", "host:", "a b:1", "[x]:1")),
        *((Name(), text) for text in ("", "office/v1", "@file", "-x", "a b", "ü", "x" * 65)),
        *((Text(), text) for text in ("", "  ", "a\nb", "\x1b[2J", "x" * 201, "\udcff")),
        *((Folder(), text) for text in ("a\nb", "\0")),
        *((SecretText(), text) for text in ("", "a\nb", "\0", "x" * 256, "\udcff")),
    ],
)
def test_what_is_not_wanted_is_refused(kind: Kind, text: str) -> None:
    with pytest.raises(ValueError, match=r"^want "):
        kind.from_text(text)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)
@given(
    value=st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.times(),
        st.dates(),
        st.lists(st.text() | st.integers()),
        st.dictionaries(st.text(), st.text()),
    )
)
def test_any_toml_value_is_read_or_refused_with_what_is_wanted(kind: Kind, value: object) -> None:
    try:
        kind.from_toml(value)
    except ValueError as error:
        assert str(error).startswith("want ")
        assert len(str(error)) < 400


@pytest.mark.parametrize("value", [4711, ["invented-secret"], {"x": "invented-secret"}, "invented-secret\n", "invented-secret" * 50])
def test_a_refused_secret_is_not_repeated(value: object) -> None:
    with pytest.raises(ValueError, match="want") as raised:
        SecretText().from_toml(value)
    assert "invented" not in str(raised.value)
    assert "4711" not in str(raised.value)


@given(st.integers(min_value=0, max_value=10**10))
def test_a_duration_reads_back_from_its_text(thousandths: int) -> None:
    assert duration_seconds(duration_text(thousandths / 1000)) == thousandths / 1000


@pytest.mark.parametrize("setting", [one for one in SETTINGS if one.section != "credential"], ids=lambda one: f"{one.section}.{one.key}")
def test_a_number_without_end_is_a_fault_like_any_other(setting: Setting) -> None:
    """Python turns none of so many digits into text, and TOML's hexadecimal numbers may be as long as the file."""
    with pytest.raises(ValueError, match="want"):
        setting.kind.from_toml(int("f" * 6000, 16))
