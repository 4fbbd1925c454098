"""The past once more: readings as strangers write them, and a small year with known truth."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec
import pytest

from poller.central.supplies.policy import Policy
from poller.central.supplies.replay import LINE_BYTES_MAX, BadLine, Replay, SiteReading, Tally, read_line
from poller.central.supplies.replay_settings import Settings
from poller.central.supplies.watched import Decision
from tests.central.supplies.firm import MONDAY, read, toner


def line(day: float, pages: int, ratio: float | None, *, printer: str = "serial:11:A", site: str = "hq", account: str = "acme") -> bytes:
    reading = read(MONDAY + timedelta(days=day), pages, toner(ratio), printer=printer)
    return (
        msgspec.json.encode(SiteReading(**{name: getattr(reading, name) for name in reading.__struct_fields__}, site=site, account=account))
        + b"\n"
    )


def falling(days: int = 48, **more: str) -> list[bytes]:
    return [line(day, 1000 + 100 * day, round(0.98 - 0.02 * day, 2), **more) for day in range(days)]


def run(lines: Iterable[bytes], **settings: object) -> tuple[list[Decision], list[BadLine], Replay]:
    replay = Replay(Settings(**settings))  # type: ignore[arg-type]
    found = list(replay.run(lines))
    return [each for each in found if isinstance(each, Decision)], [each for each in found if isinstance(each, BadLine)], replay


def test_a_cartridge_that_runs_out_is_one_request_in_time() -> None:
    (request,), bad, _ = run(falling())
    assert (request.event, request.printer, request.supply, request.account, request.site) == (
        "request",
        "serial:11:A",
        "1.1",
        "acme",
        "hq",
    )
    assert 7 <= (MONDAY + timedelta(days=49) - request.at).days <= 20 and bad == []


def test_disorder_and_doubles_change_nothing() -> None:
    lines = falling()
    mixed = lines * 2
    random.Random(1).shuffle(mixed)
    decisions, bad, replay = run(mixed)
    assert decisions == run(lines)[0] and bad == []
    assert (replay.tally.readings, replay.tally.double) == (len(lines), len(lines))


def test_a_reading_beyond_the_window_is_counted_not_used() -> None:
    replay = Replay(Settings(), window=3)
    decisions = list(replay.run([*falling()[10:], falling()[0]]))
    assert replay.tally.late == 1 and len(decisions) == 1


@pytest.mark.parametrize(
    "broken, why",
    [
        (b"{", "truncated"),
        (b"not json at all", "JSON"),
        (b"\xff\xfe\x00", "JSON"),
        (b'{"type": "reading", "schema": 1}', "taken_at"),
        (b'{"type": "reading", "taken_at": "yesterday", "printer": {}}', "taken_at"),
        (falling()[0].replace(b'+00:00"', b'"').replace(b'Z"', b'"', 1), "zone"),
        (falling()[0].replace(b"2026-03-02", b"9999-03-02"), "2200"),
        (falling()[0].replace(b'"schema":1', b'"schema":7'), "schema"),
        (falling()[0].replace(b'"id":"serial:11:A"', b'"id":""'), "id"),
        (b'{"a": "' + b"x" * LINE_BYTES_MAX + b'"}', "longer"),
        (b"[]", "object"),
        (b"\x00" * 64, "JSON"),
        (falling()[0].replace(b'"ratio":0.98', b'"ratio":NaN'), "JSON"),
        (falling()[0].replace(b'"ratio":0.98', b'"ratio":1e999'), "range"),
        (falling()[0].replace(b'"account"', b'"nest":' + b"[" * 100_000 + b"]" * 100_000 + b',"account"'), "recursion"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_the_rest_goes_on(broken: bytes, why: str) -> None:
    lines = falling()
    decisions, bad, replay = run([*lines[:5], broken, *lines[5:]])
    assert [each.number for each in bad] == [6] and why in bad[0].reason
    assert decisions == run(lines)[0] and replay.tally.bad == 1


@pytest.mark.parametrize("other", [b'{"type": "event", "what": "x"}', b'{"type": "health"}', b'{"type":"job","n":1}'])
def test_a_line_of_another_type_is_passed_over(other: bytes) -> None:
    _, bad, replay = run([other, *falling(3)])
    assert bad == [] and replay.tally.other == 1


def test_a_device_that_is_no_printer_is_passed_over() -> None:
    assert read_line(falling()[0].replace(b'"is_printer":true', b'"is_printer":false')) is None


def test_unknown_fields_and_missing_account_are_fine() -> None:
    stranger = falling()[0].replace(b'"account":"acme"', b'"colour_of_box":"grey"')
    reading = read_line(stranger)
    assert reading is not None and reading.account == ""


def test_a_line_may_be_as_long_as_a_megabyte() -> None:
    plain = falling()
    long = plain[0].replace(b'"account"', b'"note":"' + b"x" * (LINE_BYTES_MAX - len(plain[0]) - 10) + b'","account"')
    assert len(long) == LINE_BYTES_MAX
    assert run([long, *plain[1:]])[0] == run(plain)[0]


def test_lines_of_windows_are_lines() -> None:
    lines = [each.replace(b"\n", b"\r\n") for each in falling()]
    decisions, bad, _ = run([b"\xef\xbb\xbf" + lines[0], b"\r\n", *lines[1:]])
    assert decisions == run(falling())[0] and bad == []


def test_a_file_without_a_line_decides_nothing() -> None:
    decisions, bad, replay = run([])
    assert decisions == [] and bad == [] and replay.tally == Tally()


@pytest.mark.parametrize("pack, name", [(gzip.compress, "gzip"), (bz2.compress, "bzip2"), (lzma.compress, "xz")])
def test_a_packed_file_is_named_so_once(pack: Callable[[bytes], bytes], name: str) -> None:
    decisions, (bad,), _ = run(pack(b"".join(falling())).splitlines(keepends=True))
    assert decisions == [] and bad.number == 1 and name in bad.reason and "unpack" in bad.reason


def test_a_clock_far_in_the_future_asks_for_nothing_in_between() -> None:
    lines = falling()
    far = lines[20].replace(b"2026-", b"2150-")
    decisions, bad, _ = run([*lines[:20], far, *lines[21:30]])
    assert bad == [] and [each for each in decisions if each.event in ("request", "ask-customer")] == []
    assert [each.event for each in run([*lines[:20], *lines[21:30]])[0]] == []


def test_a_counter_beyond_all_numbers_is_another_counter() -> None:
    lines = falling()
    lines[10] = lines[10].replace(b'"count":2000', b'"count":' + b"9" * 400)
    decisions, bad, _ = run(lines)
    assert [each.event for each in decisions] == ["request"] and bad == []


def test_a_hole_in_the_readings_does_not_stop_the_clock() -> None:
    lines = falling()
    (request,), _, _ = run([*lines[:26], *lines[46:]])
    assert MONDAY + timedelta(days=26) < request.at < MONDAY + timedelta(days=45)


def test_between_readings_it_is_looked_every_four_hours() -> None:
    lines = falling()
    (request,), _, _ = run([*lines[:26], *lines[46:]])
    assert request.at.hour % 4 == 0 and request.at.minute == 0


def test_the_same_printer_of_two_accounts_is_two_printers() -> None:
    both = [each for pair in zip(falling(account="a"), falling(account="b"), strict=True) for each in pair]
    decisions, _, _ = run(both)
    assert sorted(each.account for each in decisions) == ["a", "b"]


def test_a_parcel_to_a_site_takes_along_what_falls_due_there_and_nowhere_else() -> None:
    lines = [
        each
        for day in range(48)
        for each in (
            line(day, 100 * day, round(0.98 - 0.02 * day, 2), printer="serial:11:FIRST"),
            line(day, 100 * day, round(1 - 0.018 * day, 3), printer="serial:11:NEAR"),
            line(day, 100 * day, round(1 - 0.018 * day, 3), printer="serial:11:FAR", site="branch"),
        )
    ]
    decisions, _, _ = run(lines, top=Policy(bundle_days=10))
    rules = {each.printer: (each.reason.rule, each.at) for each in decisions if each.reason is not None}
    assert rules["serial:11:NEAR"] == ("bundle", rules["serial:11:FIRST"][1])
    assert rules["serial:11:FAR"][0] == "forecast"


def test_the_same_readings_always_give_the_same_decisions() -> None:
    assert msgspec.json.encode(run(small_year(3)[0])[0]) == msgspec.json.encode(run(small_year(3)[0])[0])


# --- a small year ---


def small_year(seed: int, *, printers: int = 16, days: int = 170) -> tuple[list[bytes], dict[str, list[float]]]:
    """Return readings, and for each printer the days on which a cartridge that was seen to be put in ran dry."""
    dice = random.Random(seed)
    lines: list[bytes] = []
    dry: dict[str, list[float]] = {}
    for number in range(printers):
        name, mean, full, left = f"serial:11:{number}", dice.uniform(30, 200), dice.choice([2500, 5000]), 0.0
        left, pages, changed = full * dice.uniform(0.3, 1), 1000, -1.0
        for day in range(days):
            today = int(dice.gammavariate(1.5, mean / 1.5) * (1.0 if day % 7 < 5 else 0.03))
            pages += today
            left -= today * dice.uniform(0.7, 1.3)
            if left <= 0:
                if changed >= 0 and day - changed > 10:
                    dry.setdefault(name, []).append(day)
                left, changed = full * dice.uniform(0.95, 1.05), day
            shaken = 0.04 if left < 0.08 * full and dice.random() < 0.2 else 0.0
            if dice.random() > 0.05:
                lines.append(line(day, pages, min(int(100 * (left / full + shaken)) / 100, 1.0), printer=name))
    return lines, dry


def judged(lines: list[bytes], dry: dict[str, list[float]]) -> tuple[int, int, int]:
    """Return (cartridges, asked for seven days before the end, requests beyond one for a cartridge)."""
    decisions, bad, _ = run(lines)
    assert bad == []
    asked: dict[str, list[datetime]] = {}
    seconds = 0
    for each in decisions:
        if each.event == "request":
            asked.setdefault(each.printer, []).append(each.at)
    in_time = 0
    for name, ends in dry.items():
        for end in ends:
            at = MONDAY + timedelta(days=end)
            before = [each for each in asked.get(name, []) if at - timedelta(days=50) < each <= at]
            in_time += any(at - each >= timedelta(days=7) for each in before)
    for printer, times in asked.items():
        changes = sorted(each.at for each in decisions if each.event == "replaced" and each.printer == printer)
        seconds += sum(1 for one, two in pairwise(times) if not any(one < change <= two for change in changes))
    return sum(map(len, dry.values())), in_time, seconds


@pytest.mark.parametrize("seed", [1, 2])
def test_in_a_small_year_nearly_all_are_asked_for_in_time_and_none_twice(seed: int) -> None:
    cartridges, in_time, seconds = judged(*small_year(seed))
    assert cartridges > 20
    assert in_time / cartridges >= 0.93 and seconds == 0
