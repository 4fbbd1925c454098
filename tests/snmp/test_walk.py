import pytest

from poller.errors import AgentError
from poller.snmp.oid import Oid, parse
from poller.snmp.walk import Walk

ROOT = parse("1.3.6.1.2.1.43.11.1.1")
VALUE = (2, b"\x01")


def row(suffix: str) -> tuple[Oid, tuple[int, bytes]]:
    return parse(f"1.3.6.1.2.1.43.11.1.1.{suffix}"), VALUE


def test_rows_below_the_root_are_taken_until_the_first_outside() -> None:
    walk = Walk(ROOT, rows_max=100)
    assert walk.feed([row("9.1.1"), row("9.1.2")]) == [row("9.1.1"), row("9.1.2")]
    assert (walk.is_done, walk.next_oid) == (False, row("9.1.2")[0])
    assert walk.feed([row("9.1.3"), (parse("1.3.6.1.2.1.43.12.1"), VALUE), row("9.1.4")]) == [row("9.1.3")]
    assert walk.is_done


def test_a_neighbour_whose_text_begins_alike_is_outside() -> None:
    walk = Walk(ROOT, rows_max=100)
    assert walk.feed([(parse("1.3.6.1.2.1.43.11.1.10"), VALUE)]) == []
    assert walk.is_done


def test_an_empty_reply_ends_the_walk() -> None:
    walk = Walk(ROOT, rows_max=100)
    assert walk.feed([]) == []
    assert walk.is_done


def test_order_is_by_arcs_where_bytes_would_lie() -> None:
    walk = Walk(ROOT, rows_max=100)
    assert len(walk.feed([row("9.1.16383"), row("9.1.16384")])) == 2  # ff 7f sorts behind 81 80 00 as bytes


def test_an_agent_that_goes_back_ends_the_walk_and_keeps_the_rows_before() -> None:
    walk = Walk(ROOT, rows_max=100)
    with pytest.raises(AgentError, match="OID did not advance"):
        walk.feed([row("9.1.2"), row("9.1.1")])
    assert walk.taken == [row("9.1.2")]
    assert walk.is_done


@pytest.mark.parametrize("times", [1, 24])
def test_an_agent_that_stands_still_ends_the_walk(times: int) -> None:
    walk = Walk(ROOT, rows_max=100)
    walk.feed([row("9.1.2")])
    with pytest.raises(AgentError, match="OID did not advance"):
        walk.feed([row("9.1.2")] * times)
    assert walk.taken == []
    assert walk.is_done


def test_a_row_said_twice_counts_once() -> None:
    walk = Walk(ROOT, rows_max=100)
    assert walk.feed([row("9.1.1"), row("9.1.1"), row("9.1.2"), row("9.1.2")]) == [row("9.1.1"), row("9.1.2")]
    assert walk.feed([row("9.1.2"), row("9.1.3")]) == [row("9.1.3")]  # begins with the row that was asked from
    assert not walk.is_done


def test_a_runaway_table_is_cut_at_the_cap() -> None:
    walk = Walk(ROOT, rows_max=3)
    with pytest.raises(AgentError, match="rows_max"):
        walk.feed([row(f"9.1.{number}") for number in range(1, 9)])
    assert len(walk.taken) == 3


def test_a_subtree_stepped_over_is_left_behind_whole() -> None:
    walk = Walk(ROOT, rows_max=100)
    walk.feed([row("5.1.1")])
    walk.step_over(parse("1.3.6.1.2.1.43.11.1.1.5"))
    assert walk.feed([row("6.1.1")]) == [row("6.1.1")]
    with pytest.raises(AgentError, match="did not advance"):
        walk.feed([row("5.1.2")])
