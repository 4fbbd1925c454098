"""Devices of one fleet differ where real ones do, and nowhere else."""

from __future__ import annotations

import ipaddress

import pytest

from poller.simulator import recordings
from poller.simulator.individual import Traits, draw
from poller.snmp.message import Value
from poller.snmp.oid import Oid
from poller.snmp.oid import parse as oid

NAMES = recordings.names()
SYS_NAME, SERIAL, MAC = oid("1.3.6.1.2.1.1.5.0"), oid("1.3.6.1.2.1.43.5.1.1.17.1"), oid("1.3.6.1.2.1.2.2.1.6.2")


def device(name: str, address: str, seed: int = 0) -> dict[Oid, Value]:
    recording = recordings.load(name)
    return {**dict(recording.rows), **Traits(recording).values_of(seed, int(ipaddress.ip_address(address)))}


@pytest.mark.parametrize("name", NAMES)
def test_no_octet_of_the_recorded_serial_number_is_left_anywhere(name: str) -> None:
    serial = recordings.load(name).serial
    assert serial
    assert not any(serial in content for _, content in device(name, "127.20.3.4").values())


@pytest.mark.parametrize("name", NAMES)
def test_only_texts_change_and_none_changes_its_length(name: str) -> None:
    recorded, own = dict(recordings.load(name).rows), device(name, "127.20.3.4")
    assert recorded.keys() == own.keys()
    assert all((own[at][0], len(own[at][1])) == (tag, len(content)) for at, (tag, content) in recorded.items())


def test_the_same_serial_stands_wherever_the_recording_repeats_it() -> None:
    own = device("mono-laser", "127.20.0.7")
    serial = own[SERIAL][1]
    assert serial != b"VNX9K10042"
    assert b"SN:" + serial + b"," in own[oid("1.3.6.1.2.1.1.1.0")][1]
    assert own[oid("1.3.6.1.4.1.11.2.3.9.4.2.1.1.3.3.0")][1] == b"\x01\x15" + serial


def test_a_host_name_built_from_the_mac_follows_it() -> None:
    own = device("mono-laser", "127.20.0.7")
    assert own[MAC][1] == bytes((2, 0, 127, 20, 0, 7))
    assert own[SYS_NAME][1] == b"NPI140007"


def test_no_two_devices_of_a_network_share_serial_name_or_mac() -> None:
    traits = Traits(recordings.load("a3-colour-mfp"))
    addresses = [int(ipaddress.ip_address("127.20.0.0")) + index for index in range(2000)]
    for at in (SERIAL, SYS_NAME, oid("1.3.6.1.2.1.2.2.1.6.1")):
        assert len({traits.values_of(0, address)[at] for address in addresses}) == len(addresses)


def test_a_device_is_the_same_at_every_start() -> None:
    assert device("switch", "127.20.0.7") == device("switch", "127.20.0.7")
    assert device("switch", "127.20.0.7", seed=1)[MAC] != device("switch", "127.20.0.7", seed=2)[MAC]


def test_a_draw_is_always_the_same_number_below_one() -> None:
    draws = [draw(seed, address, what) for seed in range(5) for address in range(5) for what in ("a", "b")]
    assert len(set(draws)) == 50
    assert all(0 <= number < 1 for number in draws)
    assert draw(0, 0, "a") == pytest.approx(0.7520, abs=1e-4)
