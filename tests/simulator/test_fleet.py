"""Which address is a device, and which one."""

from __future__ import annotations

import ipaddress

import pytest

from poller.errors import ConfigError
from poller.simulator import fleet, recordings
from poller.simulator.agent import view
from poller.simulator.fleet import Fleet, Plan
from poller.simulator.life import DEMO_SPEED

MONO, SWITCH = recordings.load("mono-laser"), recordings.load("switch")
ALL = [recordings.load(name) for name in recordings.names()]


@pytest.mark.parametrize(
    "plan, addresses",
    [
        (Plan(network="127.20.0.0/29"), ["127.20.0.1", "127.20.0.2", "127.20.0.3", "127.20.0.4", "127.20.0.5", "127.20.0.6"]),
        (Plan(network="127.20.0.0/29", every_nth=3), ["127.20.0.3", "127.20.0.6"]),
        (Plan(network="127.20.0.0/29", every_nth=7), []),
        (Plan(network="127.20.0.0/16", every_nth=100, count=2), ["127.20.0.100", "127.20.0.200"]),
        (Plan(network="127.20.0.9/32"), ["127.20.0.9"]),
        (Plan(network="127.20.0.8/31"), ["127.20.0.8", "127.20.0.9"]),
        (Plan(network="::1/128"), ["::1"]),
        (Plan(network="::1"), ["::1"]),
    ],
    ids=str,
)
def test_every_nth_address_is_a_device(plan: Plan, addresses: list[str]) -> None:
    made = Fleet([MONO], plan)
    assert made.addresses == addresses
    assert all(made.recording_at(address) is MONO for address in addresses)


def test_an_address_between_is_nobody() -> None:
    made = Fleet([MONO], Plan(network="127.20.0.0/24", every_nth=2))
    for address in ("127.20.0.1", "127.20.0.0", "127.20.0.255", "127.20.1.2", "127.0.0.1"):
        assert made.device_at(int(ipaddress.ip_address(address))) is None
        with pytest.raises(KeyError):
            made.recording_at(address)


@pytest.mark.parametrize(
    "plan, fault",
    [
        (Plan(network="10.0.0.0/24"), "network: 10.0.0.0/24 is not loopback; simulated printers live in 127.0.0.0/8 or on ::1 only"),
        (Plan(network="0.0.0.0/0"), "network: 0.0.0.0/0 is not loopback; simulated printers live in 127.0.0.0/8 or on ::1 only"),
        (Plan(network="::/0"), "network: ::/0 is not loopback; simulated printers live in 127.0.0.0/8 or on ::1 only"),
        (Plan(network="127.20.0.1/16"), "network: 127.20.0.1/16 has host bits set"),
        (Plan(every_nth=0), "every-nth: want 1 or more, got 0"),
        (Plan(count=0), "count: want 1 or more, got 0"),
        (Plan(speed=-1.0), "speed: want 0 or more, got -1.0"),
        (Plan(network="127.0.0.0/8"), "127.0.0.0/8: 16777214 devices; at most 262144: take a smaller network, or every nth"),
    ],
    ids=str,
)
def test_a_fleet_that_cannot_be_is_a_config_error(plan: Plan, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Fleet([MONO], plan)
    assert caught.value.faults == (fault,)


def test_all_faults_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Fleet([], Plan(network="10.0.0.0/8", every_nth=0, count=0, speed=float("nan")))
    assert len(caught.value.faults) == 5


def test_recordings_are_spread_over_the_fleet_and_stay_where_they_are() -> None:
    first, again = (Fleet(ALL, Plan(count=400)) for _ in range(2))
    names = [first.recording_at(address).name for address in first.addresses]
    assert names == [again.recording_at(address).name for address in again.addresses]
    assert set(names) == set(recordings.names())
    other = Fleet(ALL, Plan(count=400, seed=1))
    assert names != [other.recording_at(address).name for address in other.addresses]


def test_a_device_that_was_forgotten_comes_back_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "_DEVICES_MAX", 3)
    made = Fleet(ALL, Plan(count=50, speed=DEMO_SPEED))
    numbers = [int(ipaddress.ip_address(address)) for address in made.addresses]
    shown = []
    for _ in range(2):
        devices = [made.device_at(number) for number in numbers]
        shown.append([device.view_at(100.0) for device in devices if device is not None])
        assert len(made._devices) == 3
    assert shown[0] == shown[1]


def test_as_recorded_shows_the_recording_to_the_last_octet() -> None:
    device = Fleet([MONO], Plan(as_recorded=True, speed=DEMO_SPEED)).device_at(int(ipaddress.ip_address("127.20.0.1")))
    assert device is not None
    assert device.view_at(1e6) == view(MONO.rows)


def test_what_a_device_shows_is_at_most_half_a_second_old() -> None:
    device = Fleet([SWITCH], Plan()).device_at(int(ipaddress.ip_address("127.20.0.1")))
    assert device is not None
    shown = [device.view_at(at) for at in (10.0, 10.4, 10.6)]
    assert shown[0] is shown[1]
    assert shown[1] != shown[2]
