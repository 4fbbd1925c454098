"""`central`: one that runs, for each test its own, with account acme and site hamburg. `config` may be replaced by a test module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from poller.central.values import Config
from tests.central.running import Running, config_of, running
from tests.fake_clock import FakeClock


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return config_of(tmp_path)


@pytest.fixture
async def central(config: Config, clock: FakeClock) -> AsyncIterator[Running]:
    async with running(config, clock) as one:
        await one.add_site()
        yield one
