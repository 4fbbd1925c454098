"""Many simulated devices in one network: which address serves which recording, and what it shows at a moment. No socket.

Devices are made when they are first asked, and forgotten when too many are known: whatever a device shows follows from seed,
address and time, so that it comes back as if it had been there all along.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from poller.errors import ConfigError
from poller.simulator.agent import Key, View, encode_varbind, key_of, view
from poller.simulator.individual import Traits, draw
from poller.simulator.life import Life
from poller.simulator.recordings import Recording

ADDRESSES_MAX = 2**18
_DEVICES_MAX = 4096  # about 15 KiB each, more while alerts stand
_FRESH_SECONDS = 0.5  # how old what a device shows may be

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What fleet there is to be.

    Every *every_nth* address of *network* (counted from its first, without a network and a broadcast address) is a device, up to *count*.
    `speed` is how many times faster than the clock printers age; 0 keeps levels and states as they are. `as_recorded`, every device shows
    its recording to the last octet, with no identity and no life of its own.
    """

    network: str = "127.20.0.0/16"
    every_nth: int = 1
    count: int | None = None
    seed: int = 0
    speed: float = 0.0
    as_recorded: bool = False


class Device:
    """One simulated device, and what it shows."""

    def __init__(self, stage: _Stage, *, plan: Plan, address: int) -> None:
        self.recording = stage.recording
        self._stage = stage
        own = stage.traits.values_of(plan.seed, address) if not plan.as_recorded else {}
        self._own: dict[Key, bytes | None] = {key_of(at): encode_varbind(at, tag, content) for at, (tag, content) in own.items()}
        self._life = Life(stage.recording, seed=plan.seed, address=address, speed=plan.speed) if not plan.as_recorded else None
        self._shown, self._stale_at_seconds = stage.view, 0.0

    def view_at(self, elapsed_seconds: float) -> View:
        """Return what the device shows *elapsed_seconds* after the simulation began."""
        if self._life is not None and elapsed_seconds >= self._stale_at_seconds:
            self._shown = self._stage.view_with(self._own | _encoded(self._life, elapsed_seconds))
            self._stale_at_seconds = elapsed_seconds + _FRESH_SECONDS
        return self._shown


class Fleet:
    """All devices of a plan. Raises ConfigError for a plan that cannot be."""

    def __init__(self, recordings: Sequence[Recording], plan: Plan) -> None:
        self.network = _check(recordings, plan)
        self._plan = plan
        self._stages = [_Stage(recording) for recording in recordings]
        self._devices: OrderedDict[int, Device] = OrderedDict()
        first = int(self.network.network_address)
        taken = range(plan.every_nth, self.network.num_addresses, plan.every_nth)
        if self.network.num_addresses <= 2:  # a single address is a network too
            taken = range(self.network.num_addresses)
        elif taken and taken[-1] == self.network.num_addresses - 1:
            taken = taken[:-1]
        self._taken = taken[: plan.count] if plan.count is not None else taken
        if len(self._taken) > ADDRESSES_MAX:
            raise ConfigError(
                [f"{plan.network}: {len(self._taken)} devices; at most {ADDRESSES_MAX}: take a smaller network, or every nth"]
            )
        self._first = first

    @property
    def addresses(self) -> list[str]:
        """The addresses that are devices, in order."""
        family = type(self.network.network_address)
        return [str(family(self._first + index)) for index in self._taken]

    def recording_at(self, address: str) -> Recording:
        """Return what the device at *address* was made from. Raises KeyError where there is none."""
        device = self.device_at(int(ipaddress.ip_address(address)))
        if device is None:
            raise KeyError(address)
        return device.recording

    def device_at(self, address: int) -> Device | None:
        """Return the device at *address* (as a number), or None."""
        device = self._devices.get(address)
        if device is not None:
            self._devices.move_to_end(address)
            return device
        if address - self._first not in self._taken:
            return None
        own = address & 0xFFFF_FFFF
        stage = self._stages[int(draw(self._plan.seed, own, "recording") * len(self._stages))]
        device = self._devices[address] = Device(stage, plan=self._plan, address=own)
        if len(self._devices) > _DEVICES_MAX:
            self._devices.popitem(last=False)
        return device


class _Stage:
    """A recording made ready: what all devices that serve it share."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.traits = Traits(recording)
        self.view = view(recording.rows)
        self._places = {key: place for place, key in enumerate(self.view.keys)}

    def view_with(self, changes: dict[Key, bytes | None]) -> View:
        """Return the recording's view with *changes* in it; None takes a row out."""
        varbinds = list(self.view.varbinds)
        others: dict[Key, bytes | None] = {}
        for key, varbind in changes.items():
            place = self._places.get(key)
            if place is None or varbind is None:
                others[key] = varbind
            else:
                varbinds[place] = varbind
        if not others:
            return self.view._replace(varbinds=varbinds)
        shown: dict[Key, bytes | None] = {**dict(zip(self.view.keys, varbinds, strict=True)), **others}
        rows = sorted((key, varbind) for key, varbind in shown.items() if varbind is not None)
        return View([key for key, _ in rows], [varbind for _, varbind in rows], self.view.wide)


def _encoded(life: Life, elapsed_seconds: float) -> dict[Key, bytes | None]:
    changes = life.changes_at(elapsed_seconds)
    return {key_of(at): None if value is None else encode_varbind(at, *value) for at, value in changes.items()}


def _check(recordings: Sequence[Recording], plan: Plan) -> Network:
    faults = [] if recordings else ["no recordings to serve"]
    try:
        network: Network | None = ipaddress.ip_network(plan.network)
    except ValueError as fault:
        network = None
        faults.append(f"network: {fault}")
    if network is not None and not (network.is_loopback and (network.version == 4 or network.num_addresses == 1)):
        faults.append(f"network: {plan.network} is not loopback; simulated printers live in 127.0.0.0/8 or on ::1 only")
    if plan.every_nth < 1:
        faults.append(f"every-nth: want 1 or more, got {plan.every_nth}")
    if plan.count is not None and plan.count < 1:
        faults.append(f"count: want 1 or more, got {plan.count}")
    if not plan.speed >= 0:
        faults.append(f"speed: want 0 or more, got {plan.speed}")
    if faults or network is None:
        raise ConfigError(faults)
    return network
