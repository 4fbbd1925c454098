"""Invented printers as readings: what the tests of gauges, fleet and exporter show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from poller.model import Alert, Counter, Cover, Decoded, Printer, Reading, Status, Supply, Tray

TAKEN_UTC = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)

HOSTILE = 'a"b\\c\nd\x00e\x1bfg</script><b>\u202e'
"""What a device may put into any text: quotes, breaks, control characters, markup, a mark that turns text around."""


def colour_mfp(number: int = 1, *, grown: int = 0) -> Decoded:
    """Return a colour MFP with four toners, drums, waste box, trays, counters by function and an alert: about 70 series."""
    toners = tuple(
        Supply(
            key=f"1.{row}",
            index=f"1.{row}",
            description=f"{name} Toner Cartridge TN-{400 + row}{name[0]}",
            kind="toner",
            colour=colour,
            part_number=f"TN-{400 + row}{name[0]}",
            serial=f"CRG{number:06}{row}",
            ratio=ratio,
            state="low" if ratio <= 0.1 else "ok",
            units=round(ratio * 12000),
            capacity=12000,
            unit="impressions",
        )
        for row, (name, colour, ratio) in enumerate(
            (("Black", "black", 0.63), ("Cyan", "cyan", 0.08), ("Magenta", "magenta", 0.41), ("Yellow", "yellow", 0.97)), 1
        )
    )
    drums = tuple(
        Supply(
            key=f"1.{row}",
            index=f"1.{row}",
            description=f"{colour.title()} Imaging Drum",
            kind="drum",
            colour=colour,
            ratio=0.5,
            state="ok",
            units=50,
            capacity=100,
            unit="percent",
        )
        for row, colour in enumerate(("black", "cyan"), 5)
    )
    waste = Supply(
        key="1.9",
        index="1.9",
        description="Waste Toner Box",
        kind="wasteToner",
        state="some-remaining",
        capacity=100,
        unit="percent",
        is_receptacle=True,
    )
    counts = (
        ("total", "all", "all", 9000), ("total", "mono", "all", 6000), ("total", "colour", "all", 3000), ("total", "mono", "large", 40),
        ("total", "colour", "large", 60), ("print", "all", "all", 7000), ("print", "mono", "all", 4500), ("print", "colour", "all", 2500),
        ("copy", "mono", "all", 1400), ("copy", "colour", "all", 500), ("fax", "all", "all", 100),
        ("scan", "mono", "all", 300), ("scan", "colour", "all", 900),
    )  # fmt: skip
    counters = tuple(
        Counter(function=function, colour=colour, size=size, count=count + grown, oid="1.3.6.1.4.1.32473.1")  # type: ignore[arg-type]
        for function, colour, size, count in counts
    )
    return Decoded(
        reading=Reading(
            taken_at=TAKEN_UTC,
            printer=Printer(
                id=f"serial:32473:MFP{number:05}",
                identities=(f"serial:32473:MFP{number:05}", f"mac:02000000{number:04x}"),
                address=f"127.20.{number // 256}.{number % 256}",
                range="hq-2nd-floor",
                manufacturer="Acme",
                model="Color MFP 4500",
                serial=f"MFP{number:05}",
                firmware="3.14.2",
                hostname=f"prn-{number:05}",
                location="Haus 2, 1. OG, Flur Süd",
                mac=f"02000000{number:04x}",
                profile="acme",
                via="snmp-2c",
            ),
            status=Status(printer="idle", device="warning", errors=("lowToner",)),
            supplies=(*toners, *drums, waste),
            counters=(
                *counters,
                Counter(function="total", sides="duplex", count=4000),
                Counter(function="other", count=9123, label="prtMarkerLifeCount", oid="1.3.6.1.2.1.43.10.2.1.4.1.1"),
            ),
            trays=tuple(
                Tray(
                    key=f"1.{row}",
                    name=f"Tray {row}",
                    ratio=row / 4,
                    state="ok",
                    units=row * 125,
                    capacity=500,
                    unit="sheets",
                    media="iso-a4",
                )
                for row in (1, 2, 3)
            ),
            covers=(
                Cover(key="1.1", name="Front Door", open=False),
                Cover(key="1.2", name="Duplex unit", open=True),
                Cover(key="1.3", name="Left side"),
            ),
            alerts=(
                Alert(key="1.61", severity="warning", group="markerSupplies", code=1104),
                Alert(key="1.62", severity="warning", group="markerSupplies", code=1104),
            ),
        ),
        boot_utc=TAKEN_UTC - timedelta(days=3, milliseconds=600),
    )


def bare(number: int = 1, **facts: object) -> Decoded:
    """Return a device of which nothing is known but that it is a printer; *facts* are fields of its `Printer`."""
    about: dict[str, object] = {
        "id": f"addr:127.20.9.{number}",
        "identities": (),
        "address": f"127.20.9.{number}",
        "via": "snmp-1",
        **facts,
    }
    return Decoded(reading=Reading(taken_at=TAKEN_UTC, printer=Printer(**about)))  # type: ignore[arg-type]


def hostile() -> Decoded:
    """Return a device whose every text is an attack."""
    return Decoded(
        reading=Reading(
            taken_at=TAKEN_UTC,
            printer=Printer(
                **dict.fromkeys(("id", "manufacturer", "model", "serial", "firmware", "hostname", "location", "range", "profile"), HOSTILE),
                identities=(HOSTILE,),
                address="127.20.8.1",
                via="snmp-2c",
            ),
            status=Status(printer=HOSTILE, device=HOSTILE, errors=(HOSTILE, HOSTILE)),
            supplies=tuple(
                Supply(
                    key=HOSTILE,
                    index=None,
                    description=HOSTILE * 50,
                    kind=HOSTILE,
                    colour=HOSTILE,
                    part_number=HOSTILE,
                    ratio=0.5,
                    state="ok",
                    units=1,
                    capacity=2,
                    unit=HOSTILE,
                )
                for _ in range(2)
            ),
            trays=(Tray(key=HOSTILE, name=HOSTILE, media=HOSTILE, unit=HOSTILE, ratio=1.0, capacity=5),) * 2,
            covers=(Cover(key=HOSTILE, name=HOSTILE, open=True),) * 2,
            alerts=(Alert(key=HOSTILE, severity="critical", group=HOSTILE),),
        )
    )
