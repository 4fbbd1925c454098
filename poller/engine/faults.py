"""The border between one device and the rest: what this program gets wrong about a device stays with that device.

The same for parts of the program beside polling is in `poller/beside.py`; `tell` is what both say of a fault of ours.
"""

from __future__ import annotations

import logging
import traceback
from collections import Counter as Tally
from pathlib import PurePath
from types import TracebackType

from poller.errors import MisreadError, PollerError
from poller.logs import emit
from poller.model import Target

log = logging.getLogger(__name__)

_PLACES_MAX = 256  # then nobody reads another traceback

_times: Tally[str] = Tally()
"""How often each place in the code has failed since the start."""


class contained:  # noqa: N801  read as a word: `with contained(target)`
    """Keep a fault of ours to the device that shows it: one odd printer must not blind a whole site.

    It logs and raises MisreadError, which is counted like any other failure. A fault that every device meets is logged with its traceback
    once for each place in the code; from then on with the place and how often.

    A class, since every poll enters it: as a generator it would cost four times as much.
    """

    __slots__ = ("_target",)

    def __init__(self, target: Target) -> None:
        self._target = target

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, Exception) and not isinstance(error, PollerError):
            tell(error, "device.misread", address=self._target.address)
            raise MisreadError(self._target.address) from error


def tell(error: Exception, event: str, **fields: object) -> str:
    """Log a fault of ours as *event*, its traceback once for each place in the code; return the place."""
    place = _place(error)
    is_known = place in _times or len(_times) >= _PLACES_MAX
    if place in _times or not is_known:
        _times[place] += 1
    fields |= {"error": type(error).__name__, "place": place, "times": _times.get(place)}
    emit(log, logging.ERROR, event, exc_info=None if is_known else error, **fields)
    return place


def _place(error: Exception) -> str:
    """Return where *error* was raised. Neither its text nor any value is part of that."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{PurePath(frame.filename).name}:{frame.lineno} {type(error).__name__}"
