"""The whole sweep on a network in memory, in fake time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from poller.clock import Clock
from poller.engine.journal import Journal, Progress
from poller.engine.sounding import State
from poller.engine.sweep import Found, Identified, Sighting, Sweep
from poller.engine.targets import Plan, Range
from poller.errors import AccessError, HostError, NoAnswerError, Refusal
from poller.exposition import (
    POLLER_SWEEP_ADDRESSES,
    POLLER_SWEEP_ANSWERS,
    POLLER_SWEEP_DEVICES,
    POLLER_SWEEP_PARTS,
    POLLER_SWEEP_PROBES_SENT,
    POLLER_SWEEP_RUNNING,
)
from poller.model import Credential, Printer, Secret, Target
from poller.networks import Interval, parse
from tests.engine.fake_network import NO_SUCH_NAME, Agent, Network
from tests.fake_clock import FakeClock

PUBLIC = Credential(name="public", version="2c", community=Secret("public"))
OLD = Credential(name="old", version="1", community=Secret("public"))
HIDDEN = Credential(name="hidden", version="2c", community=Secret("hidden"))
TIMEOUT_SECONDS = 2.0


def networks(*texts: str) -> tuple[Interval, ...]:
    return tuple(one for one in map(parse, texts) if isinstance(one, Interval))


def plan_of(*texts: str, credentials: tuple[Credential, ...] = (PUBLIC,), rate: float | None = None, on_link: tuple[str, ...] = ()) -> Plan:
    return Plan([Range("hq", networks(*texts), credentials, rate_per_second=rate)], on_link=networks(*on_link))


async def identify_as_own(target: Target) -> Identified[str]:
    """Every address is a printer of its own."""
    name = f"serial:11:{target.address}"
    return Identified(Printer(id=name, identities=(name,), address=target.address, via="snmp-2c"), f"detail of {target.address}")


def sweep_of(
    plan: Plan,
    network: Network,
    identify: Callable[[Target], Awaitable[Identified[str]]] = identify_as_own,
    *,
    rate: float = 1000.0,
    retries: int = 3,
    workers: int = 4,
    on_found: Callable[[Sighting[str]], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    journal: Journal | None = None,
    is_whole: bool = True,
    wake_seconds: float = 0.0,
    resume: State | None = None,
) -> Sweep[str]:
    clock: Clock = network.clock
    sweep = Sweep(
        plan,
        network,
        identify,
        clock,
        rate_per_second=rate,
        retries=retries,
        timeout_seconds=TIMEOUT_SECONDS,
        workers=workers,
        sleep=network.sleep,
        on_found=on_found,
        on_progress=on_progress,
        journal=journal,
        is_whole=is_whole,
        wake_seconds=wake_seconds,
        resume=resume,
    )
    network.heard = sweep.heard
    return sweep


def every_nth(plan: Plan, n: int) -> dict[str, Agent]:
    return {plan[index][0]: Agent() for index in range(0, len(plan), n)}


def addresses(found: Found[str]) -> list[str]:
    return sorted(device.first.target.address for device in found.devices)


def busiest_second(network: Network, matches: Callable[[str], bool] = lambda address: True, seconds: float = 1.0) -> int:
    times = [one.at for one in network.sent if matches(one.address)]
    most = start = 0
    for end, at in enumerate(times):
        while times[start] <= at - seconds + 1e-6:
            start += 1
        most = max(most, end - start + 1)
    return most


async def test_every_address_that_answers_is_found_exactly_once(clock: FakeClock) -> None:
    plan = plan_of("10.0.0.0/22", "fd00::/122")
    network = Network(clock, every_nth(plan, 7))
    sightings: list[Sighting[str]] = []
    found = await sweep_of(plan, network, on_found=sightings.append).run()
    assert addresses(found) == sorted(network.agents)
    assert sorted(sighting.target.address for sighting in sightings) == sorted(network.agents)
    assert all(sighting.is_new and sighting.detail == f"detail of {sighting.target.address}" for sighting in sightings)
    assert found.progress.answered == found.progress.printers == found.progress.identified == len(network.agents)


async def test_with_two_percent_loss_and_three_retries_all_are_found(clock: FakeClock) -> None:
    plan = plan_of("10.0.0.0/21")
    network = Network(clock, every_nth(plan, 3), loss=0.02)
    found = await sweep_of(plan, network, rate=20_000.0).run()
    assert addresses(found) == sorted(network.agents)


async def test_only_silent_addresses_are_asked_again(clock: FakeClock) -> None:
    plan = plan_of("10.0.0.0/24")
    network = Network(clock, every_nth(plan, 2))
    await sweep_of(plan, network, retries=2).run()
    assert {address: times for address, times in network.times_asked().items() if times != 3} == dict.fromkeys(network.agents, 1)


async def test_each_credential_is_tried_until_one_works(clock: FakeClock) -> None:
    plan = plan_of("10.0.0.0/28", credentials=(HIDDEN, PUBLIC, OLD))
    network = Network(clock, {"10.0.0.3": Agent(versions=(0,)), "10.0.0.4": Agent(), "10.0.0.5": Agent(community="hidden")})
    found = await sweep_of(plan, network, retries=1).run()
    assert {device.first.target.address: device.first.target.credential.name for device in found.devices} == {
        "10.0.0.3": "old",
        "10.0.0.4": "public",
        "10.0.0.5": "hidden",
    }
    assert network.times_asked()["10.0.0.9"] == 6


async def test_an_error_is_an_answer_and_a_repeated_one_counts_once(clock: FakeClock) -> None:
    plan = plan_of("10.0.0.0/28")
    network = Network(clock, {"10.0.0.3": Agent(status=NO_SUCH_NAME, answers=3)})
    found = await sweep_of(plan, network).run()
    assert addresses(found) == ["10.0.0.3"]
    assert found.noise == {"duplicate": 2}


async def test_an_answer_from_another_address_or_without_the_number_is_nobodys(clock: FakeClock) -> None:
    plan = plan_of("10.0.0.0/28")
    network = Network(clock, {"10.0.0.3": Agent(answers_from="10.0.0.4"), "10.0.0.5": Agent(answers_from="192.0.2.1")})
    sweep = sweep_of(plan, network, retries=0)
    assert not sweep.heard(0x1234_5678, "192.0.2.7", 161)
    found = await sweep.run()
    assert found.devices == ()
    assert found.noise == {"foreign": 3}


async def test_an_answer_in_the_cooldown_still_counts(clock: FakeClock) -> None:
    plan = plan_of("10.0.0.0/26")
    network = Network(clock, {"10.0.0.3": Agent(delay_seconds=1.9), "10.0.0.4": Agent(delay_seconds=3.0)})
    sweep = sweep_of(plan, network, retries=0, rate=20_000.0)
    assert addresses(await sweep.run()) == ["10.0.0.3"]


async def test_nobody_is_asked_again_before_the_timeout_is_over(clock: FakeClock) -> None:
    plan = plan_of("10.0.0.0/26")
    network = Network(clock, {})
    await sweep_of(plan, network).run()
    for address in network.times_asked():
        times = [one.at for one in network.sent if one.address == address]
        assert min(late - early for early, late in pairwise(times)) >= TIMEOUT_SECONDS


async def test_the_sweep_ends_as_soon_as_everybody_has_answered(clock: FakeClock) -> None:
    plan = plan_of("10.0.0.0/26")
    network = Network(clock, every_nth(plan, 1))
    before = clock.monotonic()
    found = await sweep_of(plan, network, rate=20_000.0).run()
    assert found.progress.sent == 64
    assert clock.monotonic() - before < 0.2


async def test_a_plan_of_nothing_finds_nothing(clock: FakeClock) -> None:
    found = await sweep_of(Plan([]), Network(clock, {})).run()
    assert found.devices == ()
    assert (found.progress.addresses, found.progress.share) == (0, 1.0)


# --- pace ---


@pytest.mark.parametrize("rate", [50.0, 300.0, 20_000.0])
async def test_the_rate_is_never_exceeded_in_any_second(clock: FakeClock, rate: float) -> None:
    plan = plan_of("10.0.0.0/22" if rate > 50 else "10.0.0.0/25")
    network = Network(clock, every_nth(plan, 5))
    await sweep_of(plan, network, rate=rate, retries=1).run()
    assert busiest_second(network) <= rate


async def test_a_range_keeps_its_own_rate_within_that_of_the_sweep(clock: FakeClock) -> None:
    ranges = [Range("hq", networks("10.0.0.0/23"), (PUBLIC,)), Range("branch", networks("10.7.0.0/25"), (PUBLIC,), rate_per_second=20.0)]
    network = Network(clock, {})
    before = clock.monotonic()
    await sweep_of(Plan(ranges), network, rate=300.0, retries=0).run()
    assert busiest_second(network, lambda address: address.startswith("10.7.")) <= 20
    assert busiest_second(network) <= 300
    assert len(network.sent) == 512 + 128
    assert clock.monotonic() - before < 128 / 20 + TIMEOUT_SECONDS + 1  # the slow branch does not hold up the rest


async def test_at_most_512_on_link_addresses_are_unresolved(clock: FakeClock) -> None:
    plan = plan_of("10.0.0.0/21", on_link=("10.0.0.0/22",))
    network = Network(clock, {})
    await sweep_of(plan, network, rate=20_000.0, retries=0).run()
    assert busiest_second(network, lambda address: int(address.split(".")[2]) < 4, seconds=3.0) <= 512
    assert len(network.sent) == 2048


async def test_a_laptop_that_slept_owes_nothing(clock: FakeClock) -> None:
    plan = plan_of("10.0.0.0/22")
    network = Network(clock, {})

    def nap() -> None:
        if network.sleeps == 50:
            clock.advance(3 * 86_400)

    network.on_sleep = nap
    await sweep_of(plan, network, rate=300.0, retries=0).run()
    assert busiest_second(network) <= 300
    assert len(network.sent) == 1024


async def test_a_kernel_without_room_slows_the_sweep_down_and_loses_nothing(clock: FakeClock) -> None:
    plan = plan_of("10.0.0.0/22")
    network = Network(clock, every_nth(plan, 9), room=20)
    found = await sweep_of(plan, network, rate=20_000.0, retries=1).run()
    assert addresses(found) == sorted(network.agents)
    assert 0 < network.refused < 100
    assert set(network.times_asked().values()) == {1, 2}
    assert network.times_asked()["10.0.0.1"] == 2


async def test_a_kernel_that_takes_nothing_ends_the_sweep_as_a_fault_of_this_host(clock: FakeClock) -> None:
    network = Network(clock, {}, room=0)
    with pytest.raises(ExceptionGroup) as raised:
        await sweep_of(plan_of("10.0.0.0/24"), network).run()
    assert raised.group_contains(HostError, match="no room")


async def test_a_nap_is_no_standstill(clock: FakeClock) -> None:
    network = Network(clock, {}, room=1)
    network.on_sleep = lambda: clock.advance(3600) if network.sleeps == 5 else None
    found = await sweep_of(plan_of("10.0.0.0/26"), network, retries=0).run()
    assert found.progress.sent == 64


async def test_no_subnet_is_hit_in_a_burst(clock: FakeClock) -> None:
    plan = plan_of("10.0.0.0/18")
    network = Network(clock, {})
    await sweep_of(plan, network, rate=20_000.0, retries=0).run()
    subnets = [one.address.rpartition(".")[0] for one in network.sent]
    for start in range(0, len(subnets), 640):
        assert max(Counter(subnets[start : start + 640]).values()) <= 10 + 8  # 64 subnets, 10 each if all were even


async def test_small_networks_are_not_hit_harder_than_large_ones(clock: FakeClock) -> None:
    ranges = [Range("hq", networks("10.0.0.0/21"), (PUBLIC,)), Range("lab", networks("10.7.0.0/25"), (PUBLIC,), port=1161)]
    network = Network(clock, {})
    await sweep_of(Plan(ranges), network, rate=1000.0, retries=0).run()
    assert busiest_second(network, lambda address: address.startswith("10.7.")) <= 100


# --- identifying ---


async def test_one_device_behind_two_addresses_is_one_printer(clock: FakeClock) -> None:
    names = {
        "10.0.0.1": ("S1", None),
        "10.0.0.2": ("S1", None),
        "10.0.0.3": ("S2", "00000000000a"),
        "10.0.0.4": ("S2", "00000000000b"),
        "10.0.0.5": (None, None),
        "10.0.0.6": (None, None),
    }

    async def identify(target: Target) -> Identified[str]:
        serial, mac = names[target.address]
        identities = tuple(
            name for name, fact in ((f"serial:11:{serial}", serial), (f"mac:{mac}", mac), (f"addr:{target.address}", not serial)) if fact
        )
        return Identified(Printer(id=identities[0], identities=identities, address=target.address, mac=mac, via="snmp-2c"), "")

    plan = plan_of("10.0.0.0/28")
    network = Network(clock, dict.fromkeys(names, Agent()))
    sightings: list[Sighting[str]] = []
    found = await sweep_of(plan, network, identify, on_found=sightings.append).run()
    ids = sorted(device.first.printer.id for device in found.devices)
    assert ids[:2] == ["addr:10.0.0.5", "addr:10.0.0.6"]
    assert ids[2] == "serial:11:S1"
    assert ids[3] == "serial:11:S2"
    assert ids[4] in ("serial:11:S2#00000000000a", "serial:11:S2#00000000000b")
    (twice,) = [device for device in found.devices if device.other_addresses]
    assert sorted([twice.first.target.address, *twice.other_addresses]) == ["10.0.0.1", "10.0.0.2"]
    assert twice.first.target.address == next(one.target.address for one in sightings if one.printer.id == "serial:11:S1")
    assert [sighting.is_new for sighting in sightings].count(False) == 1
    assert (found.progress.identified, found.progress.printers) == (6, 5)


async def test_of_what_is_no_printer_only_a_count_is_kept_and_failures_count_by_kind(clock: FakeClock) -> None:
    async def identify(target: Target) -> Identified[str]:
        if target.address == "10.0.0.1":
            raise NoAnswerError(target.address, tries=3)
        return Identified(None, "a switch")

    network = Network(clock, {"10.0.0.1": Agent(), "10.0.0.2": Agent()})
    found = await sweep_of(plan_of("10.0.0.0/29"), network, identify).run()
    assert found.devices == ()
    assert (found.progress.others, found.progress.failed, dict(found.failures)) == (1, 1, {"no_answer": 1})
    assert "10.0.0.2" not in repr(found)


async def test_who_answers_a_v3_probe_and_lets_us_not_in_is_tried_with_the_other_credentials(clock: FakeClock) -> None:
    """Every v3 agent answers the probe of every v3 credential, so that only a closer look tells whether it opens the device."""
    tried: list[tuple[str, str]] = []

    async def identify(target: Target) -> Identified[str]:
        tried.append((target.address, target.credential.name))
        if target.credential is HIDDEN or target.address == "10.0.0.4":
            raise AccessError(Refusal.UNKNOWN_USER)
        return await identify_as_own(target)

    plan = plan_of("10.0.0.0/29", credentials=(HIDDEN, PUBLIC, OLD))
    network = Network(clock, {"10.0.0.3": Agent(community="hidden"), "10.0.0.4": Agent(community="hidden")})
    found = await sweep_of(plan, network, identify).run()
    (device,) = found.devices
    assert (device.first.target.address, device.first.target.credential) == ("10.0.0.3", PUBLIC)
    assert dict(found.failures) == {"access": 1}
    assert [name for address, name in tried if address == "10.0.0.4"] == ["hidden", "public", "old"]


async def test_any_other_error_ends_the_sweep_and_leaves_nothing_running(clock: FakeClock) -> None:
    async def identify(target: Target) -> Identified[str]:
        raise ZeroDivisionError(target.address)

    network = Network(clock, {"10.0.0.1": Agent()})
    before = asyncio.all_tasks()
    with pytest.raises(ExceptionGroup) as raised:
        await sweep_of(plan_of("10.0.0.0/29"), network, identify).run()
    assert raised.group_contains(ZeroDivisionError)
    assert asyncio.all_tasks() == before


async def test_stage_one_waits_when_identifying_falls_behind(clock: FakeClock) -> None:
    plan = plan_of("10.0.0.0/19")
    network = Network(clock, every_nth(plan, 1))
    gate = asyncio.Event()
    answered_before: list[int] = []

    async def identify(target: Target) -> Identified[str]:
        await gate.wait()
        return Identified(None, "")

    def look() -> None:
        if network.sleeps == 1000:
            answered_before.append(sweep.progress.answered)
            gate.set()

    network.on_sleep = look
    sweep = sweep_of(plan, network, identify, rate=20_000.0)
    found = await sweep.run()
    (bound,) = answered_before
    assert 4096 <= bound <= 4096 + 512
    assert found.progress.others == 8192


# --- ending early, and going on ---


@pytest.mark.parametrize("stop_at", [1, 5, 20, 60, 150])
async def test_a_cancelled_sweep_leaves_nothing_and_goes_on_where_it_was(clock: FakeClock, stop_at: int) -> None:
    plan = plan_of("10.0.0.0/24")
    network = Network(clock, every_nth(plan, 4))
    seen: list[str] = []
    busy = asyncio.Event()

    async def identify(target: Target) -> Identified[str]:
        if len(seen) == 20 and not busy.is_set():
            await busy.wait()  # one look is under way when the sweep is cut short
        seen.append(target.address)
        return await identify_as_own(target)

    first = sweep_of(plan, network, identify, rate=500.0, retries=1, workers=1)
    before = asyncio.all_tasks()
    running = asyncio.create_task(first.run())
    network.on_sleep = lambda: running.cancel() if network.sleeps == stop_at else False
    with pytest.raises(asyncio.CancelledError):
        await running
    assert asyncio.all_tasks() == before

    busy.set()
    state = State.from_bytes(first.state().to_bytes())
    second = sweep_of(plan, network, identify, rate=500.0, retries=1, resume=state)
    found = await second.run()
    assert sorted(seen) == sorted(network.agents)  # each identified once, in one process or the other
    assert all(times <= (1 if address in network.agents else 2) for address, times in network.times_asked().items())
    assert len(network.sent) == found.progress.sent == 64 + 2 * 192


async def test_the_journal_tells_of_the_running_and_of_the_last_complete_sweep(clock: FakeClock) -> None:
    plan = plan_of("10.0.0.0/26")
    network = Network(clock, every_nth(plan, 8))
    journal = Journal(clock)
    assert journal.status().last is None
    seen: list[float] = []
    network.on_sleep = lambda: seen.append(values(journal)[POLLER_SWEEP_RUNNING.name, ()])
    await sweep_of(plan, network, retries=0, journal=journal).run()
    await sweep_of(plan, network, retries=0, journal=journal).run()
    cut_short = asyncio.create_task(sweep_of(plan, network, retries=0, journal=journal).run())
    network.on_sleep = cut_short.cancel
    with pytest.raises(asyncio.CancelledError):
        await cut_short
    now = values(journal)
    assert set(seen) == {1.0}
    assert now[POLLER_SWEEP_RUNNING.name, ()] == 0.0
    assert now[POLLER_SWEEP_PROBES_SENT.name, ()] == len(network.sent)
    assert now[POLLER_SWEEP_ANSWERS.name, ()] >= 16
    assert (now[POLLER_SWEEP_DEVICES.name, ("printer",)], now[POLLER_SWEEP_DEVICES.name, ("other",)]) == (8.0, 0.0)
    assert journal.status().running is None


async def test_a_sweep_of_a_part_is_counted_and_tells_nothing_of_all_devices(clock: FakeClock) -> None:
    plan, part = plan_of("10.0.0.0/26"), plan_of("10.0.0.0/29")
    network = Network(clock, every_nth(plan, 8))
    journal = Journal(clock)
    await sweep_of(plan, network, retries=0, journal=journal).run()
    whole = journal.status()
    await sweep_of(part, network, retries=0, journal=journal, is_whole=False).run()
    assert journal.status() == whole
    now = values(journal)
    assert (now[POLLER_SWEEP_DEVICES.name, ("printer",)], now[POLLER_SWEEP_ADDRESSES.name, ()]) == (8.0, 64.0)
    assert (now[POLLER_SWEEP_PARTS.name, ()], now[POLLER_SWEEP_PROBES_SENT.name, ()]) == (1.0, len(network.sent))


@pytest.mark.parametrize("credentials", [(PUBLIC,), (PUBLIC, HIDDEN)])
async def test_the_last_try_leaves_a_sleeper_time_to_wake(clock: FakeClock, credentials: tuple[Credential, ...]) -> None:
    plan = plan_of("10.0.0.0/28", credentials=credentials)
    network = Network(clock, {})
    began_at = clock.monotonic()
    await sweep_of(plan, network, retries=2).run()
    usual_seconds = clock.monotonic() - began_at
    began_at = clock.monotonic()
    await sweep_of(plan, network, retries=2, wake_seconds=30.0).run()
    assert clock.monotonic() - began_at == pytest.approx(usual_seconds + 30.0 - TIMEOUT_SECONDS, abs=0.5)


def values(journal: Journal) -> dict[tuple[str, tuple[str, ...]], float]:
    return {(sample.metric.name, sample.labels): sample.value for sample in journal.metrics()}


async def test_progress_only_rises_and_ends_at_one(clock: FakeClock) -> None:
    plan = plan_of("10.0.0.0/23")
    network = Network(clock, every_nth(plan, 10))
    told: list[Progress] = []
    await sweep_of(plan, network, rate=300.0, on_progress=told.append).run()
    assert len(told) > 10
    assert [one.share for one in told] == sorted(one.share for one in told)
    assert [one.pass_number for one in told] == sorted(one.pass_number for one in told)
    assert (told[-1].share, told[-1].pass_number, told[-1].passes) == (1.0, 4, 4)
    assert told[-1].elapsed_seconds == pytest.approx(clock.monotonic() - 1000.0)
