"""The parts of the network to sweep: `[[range]]` tables, and `[sweep] targets` as the range named "default"."""

from __future__ import annotations

from collections.abc import Sequence

from poller.config.credentials import KeyRing, first_credentials, named_credentials
from poller.config.dealer import check_allowed
from poller.config.reader import Fields, Reader
from poller.config.sources import Table
from poller.config.targets import note_overlaps
from poller.config.values import Network, Range
from poller.networks import Interval

Placed = tuple[str, Range]
"""A range, and where its networks are written."""


def read_ranges(
    reader: Reader, sweep_table: Table, sweep: Fields, tables: Sequence[Table], ring: KeyRing, allowed: tuple[Interval, ...] | None
) -> tuple[Range, ...]:
    """Return all ranges: each with its own name, none sharing an address, all within *allowed*, together no more than `addresses_max`."""
    exclude = reader.networks(sweep_table, "exclude", sweep["exclude"])
    placed: list[Placed] = []
    if targets := reader.networks(sweep_table, "targets", sweep["targets"]):
        short = Range(
            name="default",
            networks=targets,
            exclude=exclude,
            credentials=first_credentials(reader, "default", ring),
            rate_per_second=sweep["rate_per_second"],
        )
        placed.append((sweep_table.place("targets"), short))
    placed.extend(_range(reader, table, exclude, sweep["rate_per_second"], ring) for table in tables)

    names: set[str] = set()
    for place, range_ in placed:
        if range_.name in names:
            reader.faults.append(f"{place}: another range is called {range_.name!r}; each needs its own name")
        names.add(range_.name)
    note_overlaps(placed, reader.faults)
    check_allowed(reader, placed, allowed)
    _check_size(reader, placed, sweep_table.place("addresses_max"), sweep["addresses_max"])
    if not placed:
        reader.warnings.append("nothing to sweep: there is no [[range]], no [sweep] targets and no POLLER_SWEEP_TARGETS")
    return tuple(range_ for _, range_ in placed)


def _range(reader: Reader, table: Table, exclude_everywhere: tuple[Network, ...], rate_per_second: int, ring: KeyRing) -> Placed:
    fields = reader.fields(table)
    name = fields["name"] or f"range-{table.number}"
    names = fields["credentials"]
    networks = reader.networks(table, "networks", fields["networks"] or ())
    is_wrong = "networks" in table.given and fields["networks"] is None  # noted already
    if not fields["networks"] and not is_wrong:
        reader.faults.append(f"{table.place('networks')}: missing; name at least one network, or remove the range")
    return table.place("networks"), Range(
        name=name,
        networks=networks,
        exclude=reader.networks(table, "exclude", fields["exclude"]) + exclude_everywhere,
        credentials=named_credentials(reader, table, names, ring) if names else first_credentials(reader, name, ring),
        port=fields["port"],
        rate_per_second=fields["rate_per_second"] or rate_per_second,
        location=fields["location"],
        slow=fields["slow"],
        ipp=fields["ipp"],
        every_seconds=fields["every_seconds"],
    )


def _check_size(reader: Reader, placed: Sequence[Placed], place: str, addresses_max: int) -> None:
    total, seconds = 0, 0.0
    for range_place, range_ in placed:
        count = range_.count_addresses()
        total += count
        seconds += range_.pass_seconds()
        if range_.networks and not count:
            reader.warnings.append(f"{range_place}: every address of range {range_.name!r} is excluded")
    if total > addresses_max:
        took = f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"
        reader.faults.append(
            f"{place}: the ranges hold {total} addresses, more than {addresses_max}; raise it if {took} of sweeping are meant"
        )
