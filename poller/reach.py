"""Whom the agent may ask, and how, by one configuration: the plan of a sweep, and which of the known printers are still among it.

Host names stand for addresses that change, so the plan is made anew from time to time (`resolve`); between two times it stays.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping

from poller import host
from poller.config import Config, Network, ipp_intervals
from poller.config import Range as ConfiguredRange
from poller.engine.asking import OCTETS_MAX, OCTETS_MAX_SLOW
from poller.engine.poll import Place
from poller.engine.targets import Plan, Range
from poller.logs import WARNING, emit
from poller.model import Credential, Target
from poller.networks import HostName, Interval, address_number, address_text, merge, subtract

log = logging.getLogger(__name__)


class Reach:
    """The ranges of *config*, as the engine wants them. `resolve` before a sweep; until then host names have no address."""

    def __init__(self, config: Config) -> None:
        self._ranges, self._allowed = config.ranges, config.allowed
        self._credentials: Mapping[str, Credential] = {one.name: one for one in config.credentials}
        self.places: Mapping[str | None, Place] = {
            one.name: Place(location=one.location, octets_max=OCTETS_MAX_SLOW if one.slow else OCTETS_MAX) for one in config.ranges
        }
        self.plan = Plan([_engine_range(one) for one in config.ranges])
        """Whom we may ask; with the addresses of host names once these were asked for."""
        self.by_ipp = ipp_intervals(config.ranges)
        """Whom we may ask by IPP, too."""
        self.unknown_names: tuple[str, ...] = ()
        self._with_names = {one.name for one in config.ranges if any(isinstance(item, HostName) for item in one.networks)}
        self._holes = merge(part for one in config.ranges for part in _intervals(one.exclude))

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._ranges)

    async def resolve(self) -> Plan:
        """Ask for the addresses of all host names anew, and return the plan they make."""
        ranges: list[Range] = []
        unknown: list[str] = []
        by_ipp: list[Interval] = []
        for one in self._ranges:
            not_these = {item for item in one.exclude if isinstance(item, HostName)}
            names = {item for item in one.networks if isinstance(item, HostName)} - not_these
            found, missing = await host.resolve_all(sorted(names))
            found = self._within(found)
            excluded, not_excluded = await host.resolve_all(sorted(not_these))
            unknown += (*missing, *not_excluded)
            by_ipp += subtract(found, (*_intervals(one.exclude), *excluded)) if one.ipp else ()
            ranges.append(_engine_range(one, found, excluded))
        self.by_ipp = (*ipp_intervals(self._ranges), *by_ipp)
        self.unknown_names = tuple(unknown)
        for name in unknown:
            emit(log, WARNING, "sweep.name_unknown", name=name)
        self.plan = Plan(ranges, on_link=host.attached_networks())
        return self.plan

    def is_wanted(self, target: Target) -> bool:
        """Say whether an address of earlier days may still be asked. Where a range has names, they may stand for any."""
        if self.plan.find(target.address, target.port) is not None:
            return True
        version, number = address_number(target.address)
        if not self._within([Interval(version, number, number)]):
            return False
        return target.range in self._with_names and not any(
            hole.version == version and hole.first <= number <= hole.last for hole in self._holes
        )

    def _within(self, found: Iterable[Interval]) -> tuple[Interval, ...]:
        """Return what of *found* `[sweep] allowed` lets us ask: a name may turn into any address."""
        found = tuple(found)
        return found if self._allowed is None else subtract(found, subtract(found, self._allowed))

    def retarget(self, target: Target) -> Target | None:
        """Return how the address of *target* is asked by this configuration; None when it is not.

        With the credential of the same name while its range has one, else with the range's first.
        """
        index = self.plan.find(target.address, target.port)
        if index is not None:
            owner = self.plan.owner(index)
            name, credentials = owner.name, owner.credentials
        elif self.is_wanted(target):
            name = target.range
            credentials = next(one.credentials for one in self._ranges if one.name == name)
        else:
            return None
        same = next((one for one in credentials if one.name == target.credential.name), None)
        return Target(address=target.address, port=target.port, credential=same or credentials[0], range=name, pause_ms=target.pause_ms)

    def credentials_for(self, address: str, port: int, name: str | None, *, default: str) -> tuple[Credential, ...]:
        """Return what `/probe` may ask with: the credential called *name*, else those of the address's range, else *default*."""
        index = self.plan.find(address, port)
        if name is None and index is not None:
            return self.plan.owner(index).credentials
        wanted = name or default
        return tuple(one for one in self._credentials.values() if one.name in (wanted, f"{wanted}/v1"))

    def beyond(self, before: Reach) -> Plan:
        """Return a plan of what *before* did not ask, or asked by other credentials."""
        added = []
        for one in self.plan.ranges:
            asked = [
                part for other in before.plan.ranges if _is_asked_alike(one, other) for part in subtract(other.intervals, other.excluded)
            ]
            if left := subtract(one.intervals, (*one.excluded, *asked)):
                added.append(one._replace(intervals=left, excluded=()))
        return Plan(added, on_link=host.attached_networks())

    def is_same(self, plan: Plan) -> bool:
        """Say whether *plan* is this one: the same addresses, by the same ranges, with the same secrets."""
        secrets = [one.credentials for one in self.plan.ranges]
        return plan.fingerprint() == self.plan.fingerprint() and [one.credentials for one in plan.ranges] == secrets

    def ipp_targets(self) -> Iterator[Target]:
        """Yield every address that may be found by IPP."""
        for one in self._ranges:
            if one.ipp:
                for part in ipp_intervals([one]):
                    for number in range(part.first, part.last + 1):
                        yield Target(
                            address=address_text(part.version, number), port=one.port, credential=one.credentials[0], range=one.name
                        )


def _is_asked_alike(one: Range, other: Range) -> bool:
    return one.port == other.port and one.credentials == other.credentials


def _engine_range(one: ConfiguredRange, resolved: tuple[Interval, ...] = (), excluded: tuple[Interval, ...] = ()) -> Range:
    return Range(
        name=one.name,
        intervals=(*_intervals(one.networks), *resolved),
        credentials=one.credentials,
        excluded=(*_intervals(one.exclude), *excluded),
        port=one.port,
        rate_per_second=one.rate_per_second,
        location=one.location,
    )


def _intervals(items: Iterable[Network]) -> tuple[Interval, ...]:
    return tuple(item for item in items if isinstance(item, Interval))
