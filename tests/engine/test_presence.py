"""Gone or not: by many misses over a long time, and never because a network was down."""

from __future__ import annotations

from poller.engine.presence import Event, Presence, Watch

HOUR = 3600.0


def street(count: int, *, name: str = "hq", watch: Watch | None = None) -> tuple[Watch, list[Presence]]:
    """Return a range of printers that were all read."""
    watch = watch or Watch(gone_after_seconds=24 * HOUR)
    printers = [Presence() for _ in range(count)]
    for one in printers:
        watch.enter(name, one)
        assert watch.heard(name, one) is Event.NEW
    return watch, printers


def miss(watch: Watch, one: Presence, *hours: float, name: str = "hq") -> list[Event | None]:
    return [watch.missed(name, one, hour * HOUR) for hour in hours]


def test_gone_is_said_once_after_several_misses_and_a_day() -> None:
    watch, (one, *_) = street(5)
    assert miss(watch, one, 0, 1, 2, 3, 20, 23.9) == [None] * 6
    assert miss(watch, one, 24, 26, 99) == [Event.GONE, None, None]
    assert watch.heard("hq", one) is Event.BACK
    assert watch.heard("hq", one) is None
    assert watch.events == {Event.NEW: 5, Event.GONE: 1, Event.BACK: 1}


def test_a_long_time_with_few_polls_is_not_gone() -> None:
    watch, (one, *_) = street(5)
    assert miss(watch, one, 0, 100, 200) == [None, None, None]
    assert miss(watch, one, 300) == [Event.GONE]


def test_an_answer_in_between_begins_it_all_anew() -> None:
    watch, (one, *_) = street(5)
    miss(watch, one, *range(23))
    assert watch.heard("hq", one) is None
    assert miss(watch, one, 23, 24, 25, 26, 46) == [None] * 5
    assert miss(watch, one, 47) == [Event.GONE]


def test_one_that_was_never_read_is_never_gone() -> None:
    watch, _ = street(5)
    one = Presence()
    watch.enter("hq", one)
    assert set(miss(watch, one, *range(0, 100, 5))) == {None}


def test_a_wrong_answer_is_no_absence() -> None:
    watch, (one, *_) = street(5)
    for _ in range(100):
        watch.failed(one)
    assert not one.is_silent
    assert watch.heard("hq", one) is None
    assert one.failures == 0


def test_when_most_of_a_range_is_silent_nobody_is_gone_and_the_range_is_told_of_once() -> None:
    watch, printers = street(5)
    turns = []
    for hour in range(0, 100, 4):
        for one in printers[:3]:
            assert watch.missed("hq", one, hour * HOUR) is None
            turns.append(watch.turned("hq"))
    assert [turn for turn in turns if turn is not None] == [True]
    assert watch.silent_ranges == {"hq"}
    assert watch.heard("hq", printers[0]) is None
    assert watch.turned("hq") is False
    assert miss(watch, printers[1], 100, 110, 119.9) == [None] * 3  # its silence counts from when the others were heard
    assert miss(watch, printers[1], 121) == [Event.GONE]


def test_two_of_three_may_be_gone_one_after_the_other() -> None:
    watch, (one, other, _) = street(3)
    assert miss(watch, one, 0, 10, 20, 30)[-1] is Event.GONE
    assert miss(watch, other, 40, 50, 60, 70)[-1] is Event.GONE


def test_when_every_printer_of_the_agent_is_silent_it_is_the_agent() -> None:
    watch, here = street(2)
    _, there = street(2, name="branch", watch=watch)
    for hour in range(0, 200, 5):
        assert set(miss(watch, here[0], hour) + miss(watch, here[1], hour)) == {None}
        assert set(miss(watch, there[0], hour, name="branch") + miss(watch, there[1], hour, name="branch")) == {None}
    assert watch.events[Event.GONE] == 0


def test_one_whose_address_another_has_is_replaced_when_it_is_not_found() -> None:
    watch, (one, *_) = street(5)
    watch.displaced("hq", one, "serial:11:NEW", 0.0)
    assert not one.is_expected
    assert miss(watch, one, 1, 2, 3, 20) == [None] * 4
    assert miss(watch, one, 25) == [Event.REPLACED]
    assert watch.heard("hq", one) is Event.BACK
    assert one.rival is None


def test_displaced_printers_do_not_make_a_range_silent() -> None:
    watch, printers = street(5)
    for one in printers[:4]:
        watch.displaced("hq", one, "serial:11:NEW", 0.0)
    assert watch.expected("hq") == 1
    assert not watch.is_together("hq")


def test_counting_comes_out_even_when_printers_leave() -> None:
    watch, printers = street(6)
    for one in printers[:4]:
        miss(watch, one, 0)
    assert watch.is_together("hq")
    for one in printers:
        watch.leave("hq", one)
    assert (watch.expected("hq"), watch.ranges, watch.is_together("hq")) == (0, [], False)
