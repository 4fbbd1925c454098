from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from poller.model import Alert, Counter, Cover, Decoded, Printer, Reading, Status, Supply, Tray
from poller.printers.merge import fill_supplies, is_same_printer, merge, wants_levels

NOW = datetime(2026, 11, 20, 6, 28, 42, tzinfo=UTC)


def by_snmp(key: str = "1.1", **told: object) -> Supply:
    base = Supply(key=key, index=key, description="Black Toner", kind="toner", colour="black", state="some-remaining")
    return msgspec.structs.replace(base, **told)


def by_ipp(key: str = "v:toner-black", level: int | None = 40, **told: object) -> Supply:
    base = Supply(key=key, index=None, description="black", kind="toner", colour="black", unit="percent")
    if level is not None:
        base = msgspec.structs.replace(base, ratio=level / 100, units=level, capacity=100, state="ok" if level else "empty")
    return msgspec.structs.replace(base, **told)


def printer(via: str, **told: object) -> Printer:
    base = Printer(id="addr:192.0.2.7", identities=("addr:192.0.2.7",), address="192.0.2.7", via=via)
    return msgspec.structs.replace(base, **told)


def decoded(via: str, **told: object) -> Decoded:
    base = Reading(taken_at=NOW, printer=printer(via))
    return Decoded(reading=msgspec.structs.replace(base, **told))


# --- levels ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "snmp, ipp, wanted",
    [  # (ratio, state, units, capacity, unit) of the outcome
        (by_snmp(), by_ipp(), (0.4, "ok", 40, 100, "percent")),
        (by_snmp(state="unknown"), by_ipp(level=5, state="low"), (0.05, "low", 5, 100, "percent")),
        (by_snmp(state="unknown"), by_ipp(level=0), (0.0, "empty", 0, 100, "percent")),
        (by_snmp(state="not-reported"), by_ipp(level=None, state="some-remaining"), (None, "some-remaining", None, None, None)),
        (by_snmp(state="unknown"), by_ipp(level=None, state="unknown"), (None, "unknown", None, None, None)),
        # SNMP has a number: it stays
        (by_snmp(ratio=0.63, state="ok", units=1449, capacity=2300, unit="impressions"), by_ipp(), (0.63, "ok", 1449, 2300, "impressions")),
        (by_snmp(ratio=0.0, state="empty", units=0, capacity=100, unit="percent"), by_ipp(), (0.0, "empty", 0, 100, "percent")),
        # a capacity in pages stays a capacity in pages; per cents are no pages
        (by_snmp(capacity=2300, unit="impressions"), by_ipp(), (0.4, "ok", None, 2300, "impressions")),
        (by_snmp(units=55, unit="sheets", state="ok"), by_ipp(), (0.4, "ok", 55, None, "sheets")),
        # what contradicts is left as SNMP said it
        (by_snmp(), by_ipp(level=0), (None, "some-remaining", None, None, None)),
        (by_snmp(state="empty"), by_ipp(), (None, "empty", None, None, None)),
        # the device's own word for the row is stronger than a threshold of ours
        (by_snmp(state="low"), by_ipp(level=40), (0.4, "low", 40, 100, "percent")),
    ],
)
def test_ipp_fills_what_snmp_leaves_open_and_nothing_else(snmp: Supply, ipp: Supply, wanted: tuple[object, ...]) -> None:
    ((one,), _) = fill_supplies((snmp,), (ipp,))
    assert (one.ratio, one.state, one.units, one.capacity, one.unit) == wanted
    assert (one.key, one.index, one.description) == ("1.1", "1.1", "Black Toner")


def test_who_told_a_level_is_kept() -> None:
    snmp = decoded("snmp-2c", supplies=(by_snmp(), by_snmp("1.2", colour="cyan", description="Cyan Toner", ratio=0.5, state="ok")))
    ipp = decoded("ipp", supplies=(by_ipp(), by_ipp("v:toner-cyan", colour="cyan"), by_ipp("v:fuser", kind="fuser", colour=None)))
    both = merge(snmp, ipp)
    assert [(one.key, one.ratio) for one in both.reading.supplies] == [("1.1", 0.4), ("1.2", 0.5), ("v:fuser", 0.4)]
    assert both.by_ipp == ("1.1", "v:fuser")
    assert both.reading.printer.via == "snmp-2c+ipp"


# --- which supply is which ---------------------------------------------------------------------------------------------


def test_two_of_a_kind_are_told_apart_by_their_words() -> None:
    mine = (by_snmp("1.1", description="Black Ink"), by_snmp("1.2", description="Photo Black Ink"))
    theirs = (by_ipp(level=27, description="PHOTO BLACK  ink"), by_ipp("v:2", level=64, description="black ink"))
    supplies, gained = fill_supplies(mine, theirs)
    assert [(one.key, one.units) for one in supplies] == [("1.1", 64), ("1.2", 27)]
    assert gained == (0, 1)


def test_equally_many_of_a_kind_are_taken_in_order() -> None:
    supplies, _ = fill_supplies((by_snmp("1.1"), by_snmp("1.2")), (by_ipp(level=10), by_ipp("v:2", level=20)))
    assert [(one.key, one.units) for one in supplies] == [("1.1", 10), ("1.2", 20)]


def test_what_might_be_either_fills_neither_and_is_not_added() -> None:
    mine = (by_snmp("1.1"), by_snmp("1.2"))
    assert fill_supplies(mine, (by_ipp(level=10),)) == (mine, ())


def test_a_supply_of_an_unknown_kind_is_only_known_by_its_words() -> None:
    mine = (by_snmp(kind="unknown", colour=None, description="Cartridge 7"),)
    supplies, _ = fill_supplies(mine, (by_ipp(description="cartridge 7"),))
    assert [(one.key, one.kind, one.colour, one.ratio) for one in supplies] == [("1.1", "toner", "black", 0.4)]
    assert fill_supplies(mine, (by_ipp(description="cartridge 8"),)) == (mine, ())  # it might be this one


def test_the_only_toner_is_the_only_toner_whatever_its_colour_is_called() -> None:
    supplies, _ = fill_supplies((by_snmp(colour=None), by_snmp("1.2", kind="drum", colour="black")), (by_ipp(),))
    assert [(one.key, one.colour, one.ratio) for one in supplies] == [("1.1", "black", 0.4), ("1.2", "black", None)]
    mine = (by_snmp(colour="cyan"),)
    assert [one.key for one in fill_supplies(mine, (by_ipp(),))[0]] == ["1.1", "v:toner-black"]


def test_a_waste_box_and_a_cartridge_of_the_same_words_are_two() -> None:
    waste = by_snmp(kind="wasteToner", colour=None, is_receptacle=True, description="Toner")
    supplies, _ = fill_supplies((waste,), (by_ipp(description="Toner"),))
    assert [(one.key, one.ratio) for one in supplies] == [("1.1", None), ("v:toner-black", 0.4)]


# --- the rest of a reading ---------------------------------------------------------------------------------------------


def test_counters_of_two_sources_are_not_mixed() -> None:
    snmp = decoded("snmp-2c", counters=(Counter(function="total", count=1000),))
    ipp = decoded("ipp", counters=(Counter(function="total", colour="mono", count=7), Counter(function="total", count=9, unit="sheets")))
    assert [(one.count, one.unit) for one in merge(snmp, ipp).reading.counters] == [(1000, "impressions"), (9, "sheets")]


def test_blanks_of_the_identity_are_filled_and_the_id_is_kept() -> None:
    snmp = decoded(
        "snmp-1", printer=printer("snmp-1", id="mac:0025b3a1c2d4", identities=("mac:0025b3a1c2d4", "addr:192.0.2.7"), model="M1")
    )
    ipp = decoded(
        "ipp",
        printer=printer(
            "ipp",
            id="serial:11:VNB3K12345",
            identities=("serial:11:VNB3K12345", "addr:192.0.2.7", "uuid:ab"),
            serial="VNB3K12345",
            model="M2",
        ),
    )
    both = merge(snmp, ipp).reading.printer
    assert (both.id, both.serial, both.model) == ("mac:0025b3a1c2d4", "VNB3K12345", "M1")
    assert both.identities == ("mac:0025b3a1c2d4", "addr:192.0.2.7", "serial:11:VNB3K12345", "uuid:ab")


def test_one_serial_number_is_one_identity() -> None:
    """IPP knows the brand's enterprise number only; a device sold under another brand has its maker's in SNMP."""
    snmp = decoded("snmp-1", printer=printer("snmp-1", id="serial:641:AB12345", identities=("serial:641:AB12345",), serial="AB12345"))
    ipp = decoded("ipp", printer=printer("ipp", id="serial:674:AB12345", identities=("serial:674:AB12345", "uuid:ab"), serial="ab12345"))
    assert is_same_printer(snmp.reading.printer, ipp.reading.printer)
    assert merge(snmp, ipp).reading.printer.identities == ("serial:641:AB12345", "uuid:ab")


@pytest.mark.parametrize(
    "other, is_same",
    [
        ({}, True),
        ({"serial": "AB12345"}, True),
        ({"serial": "ab12345", "address": "192.0.2.8"}, True),
        ({"serial": "XY99999"}, False),  # another device at this address by now
        ({"address": "192.0.2.8", "identities": ("mac:0025b3a1c2d4",)}, True),
        ({"address": "192.0.2.8", "identities": ("mac:0025b3a1c2d5",)}, False),
    ],
)
def test_what_makes_two_descriptions_one_printer(other: dict[str, object], is_same: bool) -> None:
    one = printer("snmp-1", serial="AB12345", identities=("mac:0025b3a1c2d4", "addr:192.0.2.7"))
    assert is_same_printer(one, printer("ipp", **({"identities": ()} | other))) is is_same


def test_status_alerts_trays_and_covers() -> None:
    snmp = decoded(
        "snmp-1",
        status=Status(printer="unknown", device="running", errors=("jammed",)),
        trays=(Tray(key="1.1", name="Tray 1", state="some-remaining"), Tray(key="1.2", name="Tray 2", ratio=0.5, state="ok")),
        covers=(Cover(key="1.1", open=True),),
    )
    ipp = decoded(
        "ipp",
        status=Status(printer="idle", device="warning", errors=("lowToner", "jammed")),
        trays=(Tray(key="v:tray-1", name="tray 1", ratio=0.25, state="ok", units=25, capacity=100, media="iso_a4_210x297mm"),),
        alerts=(Alert(key="v:alert-1", severity="critical"),),
    )
    ipp = msgspec.structs.replace(ipp, boot_utc=NOW - timedelta(hours=1), alert_texts=(("v:alert-1", "Jam"),))
    both = merge(snmp, ipp)
    reading = both.reading
    assert reading.status == Status(printer="idle", device="running", errors=("jammed", "lowToner"))
    assert [(one.key, one.ratio, one.media) for one in reading.trays] == [("1.1", 0.25, "iso_a4_210x297mm"), ("1.2", 0.5, None)]
    assert (both.by_ipp, both.boot_utc, both.alert_texts) == (("tray:1.1",), NOW - timedelta(hours=1), (("v:alert-1", "Jam"),))
    assert (len(reading.covers), len(reading.alerts)) == (1, 1)


def test_trays_of_ipp_are_taken_where_snmp_shows_none() -> None:
    ipp = decoded("ipp", trays=(Tray(key="v:tray-1", name="Tray 1"),))
    assert [one.key for one in merge(decoded("snmp-1"), ipp).reading.trays] == ["v:tray-1"]


def test_merging_twice_is_merging_once() -> None:
    snmp, ipp = (
        decoded("snmp-2c", supplies=(by_snmp(),)),
        decoded("ipp", supplies=(by_ipp(),), counters=(Counter(function="total", count=7),)),
    )
    once = merge(snmp, ipp)
    assert merge(once, ipp).reading == once.reading


@pytest.mark.parametrize(
    "told, wants",
    [
        ({}, True),
        ({"supplies": (by_snmp(ratio=0.5, state="ok"),)}, True),  # no counter
        ({"supplies": (by_snmp(ratio=0.5, state="ok"),), "counters": (Counter(function="total", count=7),)}, False),
        ({"supplies": (by_snmp(),), "counters": (Counter(function="total", count=7),)}, True),
        ({"supplies": (by_snmp(state="empty"),), "counters": (Counter(function="total", count=7),)}, False),
    ],
)
def test_ipp_is_wanted_only_where_something_is_open(told: dict[str, object], wants: bool) -> None:
    assert wants_levels(decoded("snmp-2c", **told)) is wants
