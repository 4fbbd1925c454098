import random

from poller.engine.schedule import Schedule


def schedule(every_seconds: float = 900.0) -> Schedule:
    return Schedule(every_seconds=every_seconds, random_source=random.Random(7))


def test_the_earliest_is_taken_first_and_only_when_due() -> None:
    plan = schedule()
    plan.add("b", 20.0)
    plan.add("a", 10.0)
    assert plan.next_at() == 10.0
    assert plan.take(9.9) is None
    assert [plan.take(25.0), plan.take(25.0), plan.take(25.0)] == ["a", "b", None]


def test_a_printer_under_way_is_not_handed_out_twice() -> None:
    plan = schedule()
    plan.add("a", 0.0)
    assert plan.take(1.0) == "a"
    assert plan.take(10_000.0) is None


def test_the_next_poll_comes_after_one_interval_give_or_take_five_percent() -> None:
    plan = schedule()
    dues = set()
    for _ in range(50):
        due_at = plan.after_answer("a", 1000.0)
        assert 1855.0 <= due_at <= 1945.0
        dues.add(due_at)
    assert len(dues) > 40


def test_a_silent_printer_is_asked_less_and_less_often_up_to_a_limit() -> None:
    plan = schedule(100.0)
    waits = [plan.after_silence("a", 0.0) / 100.0 for _ in range(6)]
    assert [round(wait) for wait in waits] == [1, 2, 4, 8, 8, 8]
    plan.after_answer("a", 0.0)
    assert round(plan.after_silence("a", 0.0) / 100.0) == 1


def test_a_new_time_replaces_the_old_one() -> None:
    plan = schedule()
    plan.add("a", 10.0)
    plan.add("a", 50.0)
    assert plan.take(20.0) is None
    assert plan.take(50.0) == "a"


def test_a_removed_printer_is_never_due() -> None:
    plan = schedule()
    plan.add("a", 10.0)
    plan.remove("a")
    assert plan.next_at() is None
    assert len(plan) == 0


def test_replacing_often_does_not_grow_the_heap() -> None:
    plan = schedule()
    for turn in range(10_000):
        plan.add("a", float(turn))
    assert len(plan._heap) < 100


def test_lag_is_how_long_the_oldest_has_been_due() -> None:
    plan = schedule()
    assert plan.lag_seconds(5.0) == 0.0
    plan.add("a", 10.0)
    assert plan.lag_seconds(5.0) == 0.0
    assert plan.lag_seconds(12.5) == 2.5
