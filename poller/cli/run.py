"""`poller run`: the agent, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial

from poller.cli.options import ConfigOption, config_path, load_config
from poller.cli.running import run_async
from poller.config import Config, load
from poller.system import on_signals


def run(config: ConfigOption = None) -> None:
    """Find the printers of the configured networks, keep reading them, and show them at /metrics.

    Runs in the foreground and logs to standard error. SIGTERM and Ctrl-C end it cleanly, with exit code 0. SIGHUP has it read the
    configuration again: a good one holds from the next round of polls, a faulty one is refused and the old stays.

    Example:

        poller run --config poller.toml
        POLLER_SWEEP_TARGETS=10.1.0.0/24 poller run
    """
    settings = load_config(config, for_agent=True)
    run_async(_serve(settings, partial(load, config_path(config), os.environ)), interrupted_code=0)


async def _serve(settings: Config, load_again: Callable[..., Config]) -> None:
    from poller import garbage, logs
    from poller.agent import Agent
    from poller.clock import SystemClock

    logs.setup(settings.log.level, settings.log.format)
    garbage.set_policy()
    stop = asyncio.Event()
    agent = Agent(settings, SystemClock(), load=load_again, load_with=load_again)
    on_signals(stop.set, agent.reload)
    await agent.run(stop)
