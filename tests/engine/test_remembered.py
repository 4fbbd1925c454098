"""A printer as bytes and back: the same, or a StateError; shapes and equal values once; never a community."""

from __future__ import annotations

from datetime import UTC, datetime
from zlib import crc32

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.engine.remembered import Remembered, Unpacker, Way, pack, pack_shape, unpack_shape
from poller.errors import StateError
from poller.model import Credential, Printer, Secret, Target
from poller.printers.layout import Layout, Shape
from poller.snmp.message import Missing
from poller.snmp.oid import parse
from tests.engine.remembered_fleet import layouts, printer

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MAYBE_TEXTS = st.none() | TEXTS
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  hypothesis adds the zone
WAYS = st.builds(Way, address=st.ip_addresses().map(str), port=st.integers(1, 65535), credential=TEXTS, range=MAYBE_TEXTS)
VALUES = st.tuples(st.integers(0, 255), st.binary(max_size=12)) | st.sampled_from(Missing)


@st.composite
def some_layouts(draw: st.DrawFn) -> Layout:
    """A real shape, in which any steady value may be anything, or missing in any way."""
    shape = draw(st.sampled_from([one.shape for one in layouts()]))
    return Layout(shape, tuple(draw(st.lists(VALUES, min_size=len(shape.steady), max_size=len(shape.steady)))))


PRINTERS = st.builds(
    Remembered,
    printer=st.builds(Printer, id=TEXTS, identities=st.lists(TEXTS, max_size=3).map(tuple), address=TEXTS, model=MAYBE_TEXTS, via=TEXTS),
    way=WAYS,
    other_way=st.none() | WAYS,
    location=MAYBE_TEXTS,
    layout=st.none() | some_layouts(),
    learned_utc=st.none() | TIMES,
    config_changes=st.none() | st.integers(-(2**31), 2**32),
    oids_max=st.integers(1, 128),
    bulk_rows=st.integers(1, 128),
    is_proven=st.booleans(),
    pause_ms=st.integers(0, 10_000),
    context=TEXTS,
    due_utc=TIMES,
    is_silent=st.booleans(),
    boot_utc=st.none() | TIMES,
    last_ok_utc=st.none() | TIMES,
    last_poll_seconds=st.floats(0, 1e6),
    reading=st.binary(max_size=20),
)


def again(remembered: Remembered) -> Remembered:
    """Return *remembered* after its way through bytes."""
    packed = pack(remembered)
    shapes = {} if packed.shape is None else {packed.shape.name: unpack_shape(*packed.shape)}
    return Unpacker(shapes).unpack(packed.body, remembered.reading)


@given(PRINTERS)
def test_a_printer_comes_back_as_it_was(remembered: Remembered) -> None:
    assert again(remembered) == remembered


@pytest.mark.parametrize("layout", layouts())
def test_the_layout_of_every_recording_comes_back(layout: Layout) -> None:
    assert again(msgspec.structs.replace(printer(), layout=layout)).layout == layout


def test_what_is_missing_stays_missing_in_its_own_way() -> None:
    shape = Shape((), tuple(parse(f"1.3.6.1.2.1.43.11.1.1.7.1.{row}") for row in range(1, 7)))
    steady = (*Missing, (0, b""))
    assert again(msgspec.structs.replace(printer(), layout=Layout(shape, steady))).layout == Layout(shape, steady)


def test_equal_models_share_their_shape_and_their_values() -> None:
    first, second = (msgspec.structs.replace(printer(number), layout=layouts()[0]) for number in (1, 2))
    packed = pack(first)
    assert packed.shape is not None
    assert packed.shape == pack(second).shape
    unpacker = Unpacker({packed.shape.name: unpack_shape(*packed.shape)})
    one, other = (unpacker.unpack(pack(remembered).body).layout for remembered in (first, second))
    assert one is not None and other is not None
    assert one.shape is other.shape
    assert all(mine is its for mine, its in zip(one.steady, other.steady, strict=True))


def test_a_way_has_the_name_of_its_credential_and_never_the_community() -> None:
    credential = Credential(name="office", version="2c", community=Secret("geheim"))
    target = Target(address="10.1.0.7", port=1161, credential=credential, range="hq")
    way = Way.of(target)
    assert b"geheim" not in pack(msgspec.structs.replace(printer(), way=way, other_way=way)).body
    assert way.target({"office": credential}) == target
    assert way.target({"branch": credential}) is None


@pytest.mark.parametrize(
    "field, value",
    [
        ("location", "half \ud800 a pair"),
        ("config_changes", 2**64),
        ("layout", Layout(Shape((), (parse("1.3.6.1.2.1.1.5.0"),)), ((256, b""),))),
    ],
)
def test_what_has_no_form_as_bytes_is_refused(field: str, value: object) -> None:
    with pytest.raises(StateError):
        pack(msgspec.structs.replace(printer(), **{field: value}))


def test_a_bit_flipped_anywhere_is_noticed() -> None:
    packed = pack(printer())
    assert packed.shape is not None
    unpacker = Unpacker({packed.shape.name: unpack_shape(*packed.shape)})
    for at in range(len(packed.body)):
        flipped = bytearray(packed.body)
        flipped[at] ^= 1 << at % 8
        with pytest.raises(StateError):
            unpacker.unpack(bytes(flipped))
    for at in range(len(packed.shape.body)):
        flipped = bytearray(packed.shape.body)
        flipped[at] ^= 1 << at % 8
        with pytest.raises(StateError):
            unpack_shape(packed.shape.name, bytes(flipped))


def summed(body: bytes) -> bytes:
    return crc32(body).to_bytes(4, "big") + body


@given(st.binary(max_size=200))
def test_any_bytes_are_a_state_error(body: bytes) -> None:
    for packed in (body, summed(body)):
        with pytest.raises(StateError):
            Unpacker({}).unpack(packed)


@given(st.data())
def test_any_change_that_fits_the_checksum_is_a_printer_or_a_state_error(data: st.DataObject) -> None:
    packed = pack(printer())
    assert packed.shape is not None
    unpacker = Unpacker({packed.shape.name: unpack_shape(*packed.shape)})
    body = bytearray(packed.body[4:])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert unpacker.unpack(summed(bytes(body))).due_utc.tzinfo is not None
    except StateError:
        pass


def test_a_body_nested_without_end_is_a_state_error() -> None:
    with pytest.raises(StateError):
        Unpacker({}).unpack(summed(b"\x91" * 100_000 + b"\xc0"))
    with pytest.raises(StateError):
        Unpacker({}).unpack(summed(b"\xdc\x00\x11\x81\xa1x" + b"\x91" * 100_000 + b"\xc0"))


@pytest.mark.parametrize("address", ["printer.example.com", "", "10.1.0.256", "10.1.0.0/24"])
def test_an_address_that_is_none_is_a_state_error(address: str) -> None:
    way = Way(address=address, port=161, credential="office", range=None)
    for field in ("way", "other_way"):
        with pytest.raises(StateError):
            again(msgspec.structs.replace(printer(), **{field: way}))


@pytest.mark.parametrize(
    "field, value",
    [
        ("oids_max", 0),
        ("bulk_rows", -1),
        ("oids_max", 10**6),
        ("pause_ms", -1),
        ("context_at", (8000,)),
        ("due_utc", datetime(2026, 11, 20)),  # noqa: DTZ001
    ],
)
def test_numbers_and_times_no_printer_has_are_a_state_error(field: str, value: object) -> None:
    with pytest.raises(StateError):
        again(msgspec.structs.replace(printer(), **{field: value}))


def test_what_is_asked_in_a_context_comes_back() -> None:
    one = msgspec.structs.replace(printer(), pause_ms=20, context="Jetdirect", context_at=(0, 2))
    assert again(one) == one


def test_a_printer_whose_shape_is_gone_is_kept_and_has_to_be_learned_anew() -> None:
    packed = pack(printer())
    assert packed.shape is not None
    kept = Unpacker({}).unpack(packed.body)
    assert kept == msgspec.structs.replace(printer(), layout=None, context_at=(), reading=b"")


def test_a_printer_whose_shape_is_another_is_a_state_error() -> None:
    packed = pack(printer())
    assert packed.shape is not None
    with pytest.raises(StateError):
        Unpacker({packed.shape.name: Shape((), ())}).unpack(packed.body)


@pytest.mark.parametrize(
    "shape",
    [
        Shape((parse("1.3.6.1.4.1.32473.1"),), ()),  # the OID of another program, or of another version of this one
        Shape((parse("1.3.6.1.2.1.1.3.0"),), (parse("1.3.6.1.2.1.1.3.0"),)),
        Shape((parse("1.3.6.1.2.1.43.11.1.1.7"),), ()),
    ],
)
def test_a_shape_this_program_would_never_ask_is_a_state_error(shape: Shape) -> None:
    with pytest.raises(StateError):
        unpack_shape(*pack_shape(shape))
