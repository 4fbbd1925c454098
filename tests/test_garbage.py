from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from poller import garbage


class Loop:
    """Something that refers to itself, so that only a collection ends it."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def policy() -> Iterator[None]:
    before = gc.get_threshold()
    garbage.set_policy()
    yield
    gc.callbacks.remove(garbage._set_aside)
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.usefixtures("policy")
def test_what_survives_a_full_collection_is_not_looked_at_again() -> None:
    lasting = [Loop() for _ in range(1000)]
    before = gc.get_freeze_count()
    gc.collect()
    assert gc.get_freeze_count() >= before + 1000
    assert len(gc.get_objects()) < 1000
    assert len(lasting) == 1000


@pytest.mark.usefixtures("policy")
def test_a_cycle_set_aside_is_found_by_the_look_at_everything() -> None:
    cycle = Loop()
    gone = weakref.ref(cycle)
    gc.collect()
    del cycle
    gc.collect()
    assert gone() is not None  # that is the price
    garbage.collect_everything()
    assert gone() is None
