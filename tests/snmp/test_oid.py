import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.snmp import oid as oids

ARC = st.integers(0, 2**32 - 1)
ARCS = st.tuples(st.integers(0, 1), st.integers(0, 39)).flatmap(lambda top: st.lists(ARC, max_size=40).map(lambda rest: (*top, *rest)))


@given(ARCS)
def test_arcs_survive_the_way_to_bytes_and_back(arcs: tuple[int, ...]) -> None:
    oid = oids.from_arcs(arcs)
    assert oids.arcs(oid) == arcs
    assert oids.is_well_formed(oid)
    assert oids.parse(oids.text(oid)) == oid


@given(ARCS, ARCS)
def test_beginning_with_the_bytes_is_beginning_with_the_arcs(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    assert oids.from_arcs(one).startswith(oids.from_arcs(other)) == (one[: len(other)] == other)


def test_a_leading_dot_is_allowed() -> None:
    assert oids.parse(".1.3.6.1") == oids.parse("1.3.6.1") == bytes((0x2B, 6, 1))


def test_the_second_arc_below_joint_iso_itu_may_be_large() -> None:
    assert oids.arcs(oids.parse("2.999.3")) == (2, 999, 3)


@pytest.mark.parametrize(
    "text", ["", "1", "1.", "1..3", "1.40.1", "3.1", "1.3.-6", "1.3.6a", "1.3.4294967296", "1.3." + ".".join("1" * 200)]
)
def test_what_is_not_an_object_identifier_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an object identifier"):
        oids.parse(text)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x2b\x86", b"\x2b\x80\x01", b"\x2b\xff\xff\xff\xff\xff\x7f", b"\x2b" + b"\x01" * 200],
    ids=["empty", "cut short", "padded arc", "arc beyond 32 bits", "too many arcs"],
)
def test_malformed_contents_are_told_from_well_formed_ones(content: bytes) -> None:
    assert not oids.is_well_formed(content)


def test_an_index_is_read_behind_its_column() -> None:
    column, cell = oids.parse("1.3.6.1.2.1.43.11.1.1.9"), oids.parse("1.3.6.1.2.1.43.11.1.1.9.1.16384")
    assert oids.index_text(cell[len(column) :]) == "1.16384"
