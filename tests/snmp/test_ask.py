import pytest

from poller.errors import AgentError
from poller.snmp.ask import Ask
from poller.snmp.message import Answer, Missing, Question, Value, Varbind
from poller.snmp.oid import Oid, parse

A, B, C = (parse(f"1.3.6.1.2.1.1.{n}.0") for n in (1, 2, 3))
VALUE: Value = (4, b"x")


def answer(*pairs: tuple[Oid, Value | Missing], status: int = 0, index: int = 0) -> Answer:
    return Answer(1, b"public", 1, status, index, [Varbind(*pair) for pair in pairs])


def test_values_come_in_the_order_asked_even_when_the_agent_reorders() -> None:
    asking = Ask(Question((A, B)))
    asking.feed(answer((B, Missing.NO_SUCH_INSTANCE), (A, VALUE)))
    assert asking.question is None
    assert asking.values() == (VALUE, Missing.NO_SUCH_INSTANCE)


def test_in_v1_an_oid_the_agent_lacks_is_set_down_and_the_rest_asked_again() -> None:
    asking = Ask(Question((A, B, C)))
    asking.feed(answer((A, Missing.NULL), (B, Missing.NULL), (C, Missing.NULL), status=2, index=2))
    assert asking.question == Question((A, C))
    asking.feed(answer((A, VALUE), (C, VALUE)))
    assert asking.question is None
    assert asking.values() == (VALUE, Missing.NO_SUCH_NAME, VALUE)


@pytest.mark.parametrize("index", [0, 4, -1])
def test_without_a_usable_error_index_oids_are_asked_one_by_one(index: int) -> None:
    asking = Ask(Question((A, B, C)))
    asking.feed(answer(status=2, index=index))
    assert asking.question == Question((A,))
    asking.feed(answer((A, VALUE)))
    assert asking.question == Question((B,))
    asking.feed(answer(status=2, index=0))
    asking.feed(answer((C, VALUE)))
    assert asking.values() == (VALUE, Missing.NO_SUCH_NAME, VALUE)


def test_an_answer_that_lacks_an_oid_is_the_agents_fault() -> None:
    with pytest.raises(AgentError, match="lacks an OID"):
        Ask(Question((A, B))).feed(answer((A, VALUE), (C, VALUE)))


def test_any_other_error_status_is_raised() -> None:
    with pytest.raises(AgentError, match="tooBig"):
        Ask(Question((A,))).feed(answer(status=1))


def test_it_ends_after_as_many_steps_as_oids_whatever_the_agent_says() -> None:
    asking, steps = Ask(Question((A, B, C))), 0
    while asking.question is not None:
        asking.feed(answer(status=2, index=1))
        steps += 1
    assert steps == 3
    assert set(asking.values()) == {Missing.NO_SUCH_NAME}
