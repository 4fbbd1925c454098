"""`poller run`: the agent, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import signal

from poller.cli.options import ConfigOption, load_config
from poller.cli.running import run_async
from poller.config import Config


def run(config: ConfigOption = None) -> None:
    """Find the printers of the configured networks, keep reading them, and show them at /metrics.

    Runs in the foreground and logs to standard error. SIGTERM and Ctrl-C end it cleanly, with exit code 0.

    Example:

        poller run --config poller.toml
        POLLER_SWEEP_TARGETS=10.1.0.0/24 poller run
    """
    settings = load_config(config)
    run_async(_serve(settings), interrupted_code=0)


async def _serve(settings: Config) -> None:
    from poller import garbage, logs
    from poller.agent import Agent
    from poller.clock import SystemClock

    logs.setup(settings.log.level, settings.log.format)
    garbage.set_policy()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await Agent(settings, SystemClock()).run(stop)
