"""The networks an operator wrote, as intervals: lists, `@files`, and what two ranges must not share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from poller import networks
from poller.config.files import TARGETS_BYTES_MAX, read_text
from poller.config.values import Network, Range, intervals
from poller.errors import ConfigError
from poller.networks import HostName, Interval

_FAULTS_PER_FILE_MAX = 20  # a file that is no list of targets at all must not bury the other faults


def read_targets(texts: Sequence[str], *, place: str = "TARGET", folder: Path = Path()) -> tuple[Network, ...]:
    """Return what *texts* name; an `@FILE` stands for its lines. For the command line; raises ConfigError with every fault."""
    faults: list[str] = []
    targets = collect_targets(texts, place, folder, faults)
    if faults:
        raise ConfigError(faults)
    return targets


def collect_targets(texts: Sequence[str], place: str, folder: Path, faults: list[str]) -> tuple[Network, ...]:
    """Return what *texts* name, noting in *faults* what names nothing. Relative files are looked for in *folder*."""
    found: list[Network] = []
    for number, text in enumerate(texts):
        where = f"{place}[{number}]"
        if text.startswith("@"):
            found.extend(_file_targets(folder / text[1:], where, faults))
            continue
        try:
            found.append(networks.parse(text))
        except ValueError as error:
            faults.append(f"{where}: {error}")
    return tuple(found)


def note_overlaps(ranges: Sequence[tuple[str, Range]], faults: list[str]) -> None:
    """Note every pair of ranges that hold the same address; each comes with its place. What one excludes it does not hold."""
    held = [networks.subtract(intervals(range_.networks), intervals(range_.exclude)) for _, range_ in ranges]
    shared: dict[tuple[int, int], str] = {}
    open_until: dict[int, Interval] = {}  # by range; within one range intervals are disjoint
    for interval, number in sorted((interval, number) for number, held_by in enumerate(held) for interval in held_by):
        open_until = {
            other: before for other, before in open_until.items() if before.version == interval.version and before.last >= interval.first
        }
        for other, before in open_until.items():
            both = Interval(interval.version, interval.first, min(interval.last, before.last))
            shared.setdefault((min(number, other), max(number, other)), str(both))
        open_until[number] = interval
    owners: dict[HostName, int] = {}
    for number, (_, range_) in enumerate(ranges):
        for item in range_.networks:
            if isinstance(item, HostName) and item not in range_.exclude and owners.setdefault(item, number) != number:
                shared.setdefault((owners[item], number), str(item))

    for (first, second), what in sorted(shared.items()):
        place, range_ = ranges[second]
        faults.append(f"{place}: {what} is in range {range_.name!r} and in range {ranges[first][1].name!r}; exclude it from one of them")


def _file_targets(path: Path, where: str, faults: list[str]) -> Iterable[Network]:
    """Return what the lines of a file name. `#` begins a comment; blank lines are nothing."""
    try:
        text = read_text(path, bytes_max=TARGETS_BYTES_MAX)
    except ValueError as error:
        faults.append(f"{where}: {error}")
        return []
    found: list[Network] = []
    wrong = 0
    for number, line in enumerate(text.splitlines(), start=1):
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        try:
            if entry.startswith("@"):
                raise ValueError("a file of targets names no other file")
            found.append(networks.parse(entry))
        except ValueError as error:
            wrong += 1
            if wrong <= _FAULTS_PER_FILE_MAX:
                faults.append(f"{path}:{number}: {error}")
    if wrong > _FAULTS_PER_FILE_MAX:
        faults.append(f"{path}: {wrong - _FAULTS_PER_FILE_MAX} more lines that are no targets")
    return found
