from poller.engine.schedule import Schedule


def test_the_earliest_is_taken_first_and_only_when_due() -> None:
    plan = Schedule()
    plan.add("b", 20.0)
    plan.add("a", 10.0)
    assert plan.next_at() == 10.0
    assert plan.take(9.9) is None
    assert [plan.take(25.0), plan.take(25.0), plan.take(25.0)] == ["a", "b", None]


def test_a_printer_under_way_is_not_handed_out_twice() -> None:
    plan = Schedule()
    plan.add("a", 0.0)
    assert plan.take(1.0) == "a"
    assert plan.take(10_000.0) is None


def test_a_new_time_replaces_the_old_one() -> None:
    plan = Schedule()
    plan.add("a", 10.0)
    plan.add("a", 50.0)
    assert plan.take(20.0) is None
    assert plan.take(50.0) == "a"


def test_a_removed_printer_is_never_due() -> None:
    plan = Schedule()
    plan.add("a", 10.0)
    plan.remove("a")
    assert plan.next_at() is None
    assert len(plan) == 0


def test_replacing_often_does_not_grow_the_heap() -> None:
    plan = Schedule()
    for turn in range(10_000):
        plan.add("a", float(turn))
    assert len(plan._heap) < 100


def test_lag_is_how_long_the_oldest_has_been_due() -> None:
    plan = Schedule()
    assert plan.lag_seconds(5.0) == 0.0
    plan.add("a", 10.0)
    assert plan.lag_seconds(5.0) == 0.0
    assert plan.lag_seconds(12.5) == 2.5


def test_overdue_counts_who_is_due_once_and_nobody_whose_time_was_replaced() -> None:
    plan = Schedule()
    for number in range(1000):
        plan.add(f"printer-{number}", float(number % 100))
    plan.add("printer-0", 500.0)  # was the earliest
    plan.add("printer-1", 2.0)
    plan.add("printer-1", 1.0)
    plan.remove("printer-2")
    assert plan.overdue(0.0) == 0
    assert plan.overdue(10.0) == 10 * 10 - 2
    assert plan.overdue(1000.0) == 999
    while plan.take(50.0) is not None:
        pass
    assert plan.overdue(50.5) == 0
