"""Agent and central, killed with SIGKILL again and again while readings flow: every recorded one reaches central, once.

`TEST_KILLS` says how often; `pytest -s` shows where the kills fell.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter as Tally
from datetime import timedelta
from itertools import cycle, islice
from pathlib import Path

from tests.outbox.killed_outbox import number_of
from tests.outbox.parts import line
from tests.outbox.test_kill import records
from tests.whole.kept import agent_settings, copies, history, left_in, name_of
from tests.whole.killable import DATABASE, MOMENTS, Killable, Moments, central_in, lines_at, new_token
from tests.whole.killed_site import SIZES, read_stage
from tests.whole.relay import Relay
from tests.whole.test_agent import PRINTERS, simulated

KILLS = int(os.environ.get("TEST_KILLS", "20"))
READINGS = 10_000
STEP = 100_000  # between the numbers of two lives
STAGES = ("sealing", "settling")
PLAN = [("agent", stage) for stage in STAGES] + [(who, moment) for moment in MOMENTS for who in ("central", "agent")]
_OTHERS = 3  # kills that may meet an enrolment or a heartbeat; all later ones meet batches
_TURNS_MAX, _TURN_SECONDS = 60_000, 0.0005
_EVENT_SECONDS = 1.2  # of a kill and a start, about: so that readings flow all the time


async def test_ten_thousand_readings_arrive_once_whoever_is_killed_whenever(tmp_path: Path) -> None:
    dice = random.Random(2026)
    moments, fell = Moments(dice), Tally[tuple[str, str, str]]()
    site, central = tmp_path / "site", central_in(tmp_path)
    site.mkdir()
    agent = Killable("tests.whole.killed_site", str(site), folder=tmp_path)
    lives = 0
    pause_seconds = KILLS * _EVENT_SECONDS * sum(SIZES) / len(SIZES) / READINGS

    async def begin(*more: object) -> None:
        nonlocal lives
        await agent.start(str(lives * STEP), *map(str, more))
        lives += 1

    async def kill_agent() -> None:
        place = moments.place
        await agent.kill()
        fell["agent", read_stage(site), place] += 1

    async def kill_central() -> None:
        fell["central", moments.place, read_stage(site)] += 1
        await central.kill()

    relay = Relay(0, moments.treat)
    async with relay.serving(), central.ended_after(), agent.ended_after():
        await central.start()
        relay.central_port = int(central.found)
        (site / "token").write_text(await new_token(tmp_path, relay.address))
        await begin(pause_seconds)
        plan = list(islice(cycle(PLAN), KILLS))
        dice.shuffle(plan)
        for number, (who, moment) in enumerate(plan):
            moments.is_for_batches = number >= _OTHERS
            if who == "agent":
                if moment in STAGES:
                    await reached(site, moment)
                    await kill_agent()
                else:
                    await moments.kill(moment, kill_agent)
                await begin(pause_seconds)
            else:
                await moments.kill(moment, kill_central)
                await central.start()
                relay.central_port = int(central.found)
        flowed = len(recorded(site))
        await agent.kill()
        await begin(0, max(len(SIZES), READINGS - flowed))  # the last life records the rest, and ends when all of it has arrived
        assert await agent.end() == 0, agent.log
        arrived = lines_at(tmp_path / DATABASE)

    assert sum(fell.values()) == KILLS
    told = recorded(site)
    print(f"\n{KILLS} kills, {flowed} readings recorded meanwhile, {len(told)} in all, {sum(arrived.values())} arrived")  # noqa: T201
    for (who, where, beside), count in sorted(fell.items()):
        print(f"  {who:8} {where:22} {beside:22} {count:4}")  # noqa: T201
    numbers = {number_of(body): body for body in arrived}
    assert set(arrived.values()) == {1}
    assert len(numbers) == len(arrived), "one reading, two contents"
    assert told <= numbers.keys()
    assert len(told) >= READINGS
    assert len(numbers.keys() - told) <= max(SIZES) * KILLS, "more than the call each kill cut short"
    assert not list(site.glob("outbox.db.*broken*"))
    sample = dice.sample(sorted(numbers), 200)
    assert [numbers[one] for one in sample] == [line(1, after=timedelta(minutes=one), pages=one).json for one in sample]


async def test_nothing_of_a_whole_agent_is_lost_or_doubled_when_it_is_killed(tmp_path: Path) -> None:
    dice = random.Random(4711)
    moments, kills = Moments(dice), max(4, KILLS // 10)
    site, central = tmp_path / "site", central_in(tmp_path)
    site.mkdir()
    relay = Relay(0, moments.treat)
    async with relay.serving(), central.ended_after(), simulated(PRINTERS, "127.31.93.0/26", 60, speed=50_000) as simulator:
        await central.start()
        relay.central_port = int(central.found)
        env = agent_settings(simulator, site / "state") | {
            "POLLER_CENTRAL_TOKEN": await new_token(tmp_path, relay.address),
        }
        agent = Killable("poller", "run", folder=site, env=env, ready=r"event=agent.started .*?listen=(\S+)")
        async with agent.ended_after():
            await agent.start()
            moments.is_for_batches = True
            for moment in islice(cycle(MOMENTS), kills):
                if moment == "any":
                    await moments.kill("request sent", nothing)  # so that there is always something to lose
                await moments.kill(moment, agent.kill)
                await agent.start()
            await moments.kill("answer delivered", nothing)
            assert await agent.end(signal.SIGTERM) == 0, agent.log
        arrived, copied = lines_at(tmp_path / DATABASE), copies(site / "state")
        left = await left_in(site / "state")

    here = arrived.keys() | left.sealed | left.unsealed
    print(f"\n{kills} kills of a whole agent; {arrived.total()} readings arrived, {len(here) - len(arrived)} wait")  # noqa: T201
    assert set(arrived.values()) == {1}
    assert not arrived.keys() & left.unsealed
    assert arrived.keys() <= copied <= here, "what was sealed was not sent, or sent otherwise"
    days = await history(site / "state")
    assert days
    assert days <= {name_of(body) for body in here}
    assert not [file for file in (site / "state").iterdir() if "broken" in file.name]


async def nothing() -> None:
    """Kill nobody."""


def recorded(site: Path) -> set[int]:
    """Return the readings a call of `record` returned for."""
    return {number for first, end in records(site / "recorded") for number in range(int(first), int(end))}


async def reached(site: Path, stage: str) -> None:
    """Return while the courier is at this stage, which is a matter of milliseconds."""
    for _ in range(_TURNS_MAX):
        if read_stage(site) == stage:
            return
        await asyncio.sleep(_TURN_SECONDS)  # a memory of another process has no event to wait for
    raise AssertionError(f"the courier never was {stage}")
