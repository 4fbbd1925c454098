"""Real datagrams, of which 30 in a hundred are lost, and nobody is reported gone for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest

from tests.whole.lossy import POLLS_EACH, PRINTERS
from tests.whole.processes import unshared


async def test_with_30_percent_loss_no_printer_is_reported_gone(real_part: Callable[[str], str]) -> None:
    unshare, nft, ip = real_part("unshare"), real_part("nft"), real_part("ip")
    code, _, error = await unshared(unshare, ip, "link", "set", "lo", "up")
    if code:
        pytest.skip(f"no network namespace to be had here: {error.strip()}")
    code, out, error = await unshared(unshare, sys.executable, "-m", "tests.whole.lossy", nft, ip, "30")
    assert code == 0, error
    told = json.loads(out)
    assert told["retries"] > 0.2 * told["requests"]  # the rule does what it says
    assert told["polls_each_min"] >= POLLS_EACH
    assert told["printers"] == told["events"]["new"] == PRINTERS
    assert {event: count for event, count in told["events"].items() if count and event != "new"} == {}
