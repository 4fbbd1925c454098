"""The ledger's chain: its exact form, and that nothing can be changed, removed, swapped or put in."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from poller.central.meters.chain import Entry, Head, Meter, Row, append, form, genesis, head_of, verify

AT = datetime(2026, 11, 20, 6, 28, 42, 120_000, tzinfo=UTC)
ENTRY = Entry(
    device="serial:11:VNB3K12345",
    day=date(2026, 11, 19),
    zone="Europe/Berlin",
    kind="meter",
    origin="read",
    reason="daily",
    taken_utc=datetime(2026, 11, 19, 20, 15, tzinfo=UTC),
    run=1,
    meters=(Meter(cell="total", count=8123, total=512), Meter(cell="print.mono", count=7000, total=400)),
)

FORM = (
    b'["poller-meter-1",1,"2026-11-20T06:28:42.120Z","serial:11:VNB3K12345","2026-11-19","Europe/Berlin","meter","read","daily",'
    b'"2026-11-19T20:15:00.000Z",1,[["total",8123,512],["print.mono",7000,400]],null,null]'
)


def rows_of(count: int) -> list[Row]:
    entries = [replace(ENTRY, day=ENTRY.day + timedelta(days=number), run=1 + number // 3) for number in range(count)]
    half = append(genesis("acme"), entries[: count // 2], appended_utc=AT)
    return half + append(head_of(half[-1]), entries[count // 2 :], appended_utc=AT + timedelta(days=1))


def test_the_form_of_a_row_is_fixed_to_the_byte() -> None:
    assert form(1, AT, ENTRY) == FORM
    assert genesis("acme").hash.hex() == "33c0bae5cfe0d183e2082ffd1bd6574d4def60855fc5904f904afa0cd86f16c8"
    row = append(genesis("acme"), [ENTRY], appended_utc=AT)[0]
    assert row.hash.hex() == "20945982827817cf3ef4cc3307cc37a98e86c332f30b12d2e1a749956222d109"  # by sha256sum, of docs/meters.md
    assert row.hash == sha256(sha256(b"poller meter chain 1\0acme").digest() + FORM).digest()


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_the_form_is_what_rfc_8785_makes_of_any_text(device: str, user: str) -> None:
    entry = replace(ENTRY, device=device, user=user)
    plain = json.loads(FORM)
    plain[3], plain[12] = device, user
    assert form(1, AT, entry) == json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()


def test_a_whole_chain_holds_from_its_beginning_from_a_kept_row_and_with_its_anchors() -> None:
    rows = rows_of(8)
    anchors = {3: rows[2].hash, 8: rows[7].hash}
    assert verify(genesis("acme"), rows) is None
    assert verify(genesis("acme"), rows, anchors=anchors) is None
    assert verify(head_of(rows[3]), rows[4:], anchors=anchors) is None
    assert verify(genesis("acme"), []) is None


@pytest.mark.parametrize(
    "tampered, number, why",
    [
        (lambda rows: rows[:3] + rows[4:], 4, "row 4 is missing"),
        (lambda rows: rows[:3] + rows[6:], 4, "rows 4 to 6 are missing"),
        (lambda rows: [*rows[:3], rows[4], rows[3], *rows[5:]], 4, "row 4 is missing"),
        (lambda rows: [*rows[:4], rows[3], *rows[4:]], 4, "it stands where row 5 should"),
        (lambda rows: rows[1:], 1, "row 1 is missing"),
        (lambda rows: rows[:-1], 8, "rows are missing at the end"),
        (lambda rows: append(genesis("acme"), [replace(ENTRY, run=9)] * 8, appended_utc=AT), 8, "made anew"),
        (lambda rows: append(genesis("other"), [ENTRY] * 8, appended_utc=AT), 1, "not what was sealed"),
    ],
)
def test_a_break_is_named_by_its_row(tampered: object, number: int, why: str) -> None:
    assert callable(tampered)
    rows = rows_of(8)
    found = verify(genesis("acme"), tampered(rows), anchors={8: rows[-1].hash})
    assert found is not None
    assert found.number == number
    assert why in found.why


@st.composite
def tampering(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    rows = rows_of(draw(st.integers(2, 12)))
    at = draw(st.integers(0, len(rows) - 1))
    row = rows[at]
    meter = row.entry.meters[0]
    changes = {
        "device": "other", "day": row.entry.day + timedelta(days=1), "zone": "UTC", "kind": "held", "origin": "estimated", "reason": "late",
        "taken_utc": row.entry.taken_utc + timedelta(milliseconds=1), "run": row.entry.run + 1, "user": "", "evidence": "",
        "meters": draw(st.sampled_from([(), row.entry.meters[:1], row.entry.meters[::-1], (replace(meter, total=meter.total - 1),),
                                        (replace(meter, count=meter.count + 1), row.entry.meters[1])])),
    }  # fmt: skip
    match draw(st.sampled_from(["entry", "number", "time", "hash", "remove", "swap", "insert", "double"])):
        case "entry":
            name = draw(st.sampled_from(sorted(changes)))
            changed = [*rows[:at], replace(row, entry=replace(row.entry, **{name: changes[name]})), *rows[at + 1 :]]
        case "number":
            changed = [*rows[:at], replace(row, number=row.number + draw(st.sampled_from([-1, 1, 100]))), *rows[at + 1 :]]
        case "time":
            changed = [*rows[:at], replace(row, appended_utc=row.appended_utc + timedelta(seconds=1)), *rows[at + 1 :]]
        case "hash":
            changed = [*rows[:at], replace(row, hash=bytes(32)), *rows[at + 1 :]]
        case "remove":
            changed = rows[:at] + rows[at + 1 :]
        case "swap":
            other = (at + 1) % len(rows)
            changed = list(rows)
            changed[at], changed[other] = changed[other], changed[at]
        case "insert":
            changed = [
                *rows[:at],
                *append(Head(number=row.number - 1, hash=rows[at - 1].hash), [replace(ENTRY, run=77)], appended_utc=AT),
                *rows[at:],
            ]
        case _:
            changed = [*rows[:at], row, *rows[at:]]
    return rows, changed


@given(tampering())
def test_no_change_removal_swap_or_insertion_goes_unseen(case: tuple[list[Row], list[Row]]) -> None:
    rows, changed = case
    assert verify(genesis("acme"), rows, anchors={len(rows): rows[-1].hash}) is None
    assert verify(genesis("acme"), changed, anchors={len(rows): rows[-1].hash}) is not None
