"""The rows there are, and how one is run: whatever a row lacks, or breaks off at, becomes its verdict and leaves the others alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from poller.bench import accounting, central, day, memory, metrics, outbox, polls, polls_v3, restart, scale, scrape, sweep_loss, sweep_rate
from poller.bench.children import ChildError, NotMeasuredError
from poller.bench.runs import Runs
from poller.bench.table import Goal, Result


class Row(NamedTuple):
    """`run` yields one result for each of `goals`, in their order. It raises NotMeasuredError or ChildError."""

    goals: tuple[Goal, ...]
    run: Callable[[Runs], Iterator[Result]]


ROWS: dict[str, Row] = {
    row.GOALS[0].row: Row(row.GOALS, row.run)
    for row in (sweep_rate, sweep_loss, polls, polls_v3, metrics, scrape, memory, day, outbox, central, scale, restart, accounting)
}
"""By name, in the order of the table."""


def run(row: Row, runs: Runs) -> Iterator[Result]:
    """Yield a result for every goal of *row*, with figures or with the reason why there are none."""
    done = 0
    try:
        for result in row.run(runs):
            yield result
            done += 1
    except NotMeasuredError as error:
        yield from (goal.without_figure("not measured", str(error)) for goal in row.goals[done:])
    except ChildError as error:
        yield from (goal.without_figure("failed", str(error)) for goal in row.goals[done:])
