"""Keeps Python's full garbage collections short.

A full collection looks at every object that lives. An agent with ten thousand printers holds a million, nearly all for days, and each
such look stops the event loop for a tenth of a second and more. So what survived one is set aside (`gc.freeze`) and not looked at again;
what becomes garbage among it later, cycles only, is found once in a while, when nobody waits.
"""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE, _OLD = 20_000, 20, 20  # fewer looks at the young: a poll makes hundreds of objects and drops them by itself


def _set_aside(phase: str, info: dict[str, int]) -> None:
    if phase == "stop" and info["generation"] == 2:
        gc.freeze()


def set_policy() -> None:
    """Set aside what survives a full collection, from now on, in this process. Called again it does nothing."""
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
    if _set_aside not in gc.callbacks:
        gc.callbacks.append(_set_aside)
        gc.freeze()


def collect_everything() -> None:
    """Look at every object once, the frozen ones too. Takes a fifth of a second with ten thousand printers: once a day, before a sweep."""
    gc.unfreeze()
    gc.collect()
