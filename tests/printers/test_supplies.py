from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.printers.supplies import Process, read_colour, read_part

CONSUMED, RECEPTACLE = 3, 4


@pytest.mark.parametrize(
    ("text", "type_number", "kind"),
    [
        # the type column alone
        (None, 3, "toner"), (None, 4, "wasteToner"), (None, 6, "ink"), (None, 7, "ribbon"), (None, 8, "wasteInk"), (None, 9, "drum"),
        (None, 10, "developer"), (None, 11, "fuserOil"), (None, 12, "solidInk"), (None, 15, "fuser"), (None, 18, "cleaner"),
        (None, 20, "transferUnit"), (None, 21, "toner"), (None, 32, "staples"), (None, 36, "ink"), (None, 2, "unknown"),
        (None, None, "unknown"),
        (None, 99, "unknown"), (None, 30, "unknown"),
        # the type says nothing, the description does
        ("Imaging Kit", 1, "drum"), ("Photoconductor Unit", None, "drum"), ("Print Head", 1, "printhead"),
        ("Transfer Belt", 1, "transferBelt"),
        ("Image Transfer Kit", 1, "transferUnit"), ("ITB", 1, "transferBelt"), ("2nd Transfer Roller", 1, "transferRoller"),
        ("Tray 3 Feed Roller", 1, "feedRoller"), ("Pickup Roller Tray 2", 1, "feedRoller"),
        ("ADF Maintenance Kit", 1, "documentFeederKit"),
        ("Maintenance Kit 220V", 1, "maintenanceKit"), ("Ozone Filter", 1, "ozoneFilter"), ("Fuser Oil", 1, "fuserOil"),
        ("Staple Cartridge", 1, "staples"), ("Color Stix Cyan (solid ink)", 1, "solidInk"), ("Label Roll 4x6", 1, "labelRoll"),
        ("Thermal Ribbon", 1, "ribbon"), ("Drum Cleaning Unit", 1, "cleaner"), ("Graphics Option", 1, "unknown"),
        # the type is wrong or broad
        ("Belt Cleaner", 20, "transferBeltCleaner"), ("Transfer Roller", 20, "transferRoller"), ("Feed Roller, Tray 4", 20, "feedRoller"),
        ("Fuser Cleaning Pad", 19, "cleaner"), ("Drum Unit", 3, "drum"), ("Black Ink", 3, "ink"), ("Waste Toner Bottle", 3, "wasteToner"),
        ("Fuser Maintenance Kit", 15, "fuser"), ("Toner/Drum Cartridge", 3, "toner"), ("Toner/Drum Cartridge", 9, "drum"),
        ("Ultra Performance Toner", 3, "toner"), ("Black Ink Stick", 12, "solidInk"), ("Black Ink", 5, "ink"),
        ("Black Dry Ink", 3, "toner"),
        ("Wartungssatz", 1, "maintenanceKit"), ("IU912C", 1, "drum"), ("WX-993", 1, "wasteToner"),
        ("Cleaning Unit for Transfer Belt", 18, "transferBeltCleaner"),
        # what feeds paper
        ("MP Friction Pad", 1, "feedRoller"), ("ADF Rubber", 1, "feedRoller"), ("DADF Roller", 1, "feedRoller"),
        ("Pick Roller", 1, "feedRoller"), ("Pick Tires", 1, "feedRoller"), ("Paper Feeding Kit 9", 1, "feedRoller"),
        ("Paper Feed Roll", 1, "feedRoller"), ("Paper Roller", 1, "feedRoller"), ("Paper Roll", 1, "unknown"),
        # left over
        ("Toner Collection Unit", 1, "wasteToner"), ("Waste Ink Tank", 1, "wasteInk"), ("Maintenance Box", 1, "wasteInk"),
        ("Punch Waste Box", 1, "punchWaste"), ("Punch chad bin", 1, "punchWaste"),
        # other languages
        ("Tonerkartusche Cyan", 1, "toner"), ("Bildtrommel", 1, "drum"), ("Fixiereinheit", 1, "fuser"),
        ("Resttonerbehälter", 1, "wasteToner"),
        ("Wartungskit", 1, "maintenanceKit"), ("Übertragungsband", 1, "transferBelt"), ("Papiereinzug", 1, "feedRoller"),
        ("Tintenpatrone", 1, "ink"), ("Heftklammern", 1, "staples"),
        ("Tambour", 1, "drum"), ("Unité de fusion", 1, "fuser"), ("Bac de récupération du toner", 1, "wasteToner"),
        ("Cartouche d'encre", 1, "ink"),
        ("Rouleau de transfert", 1, "transferRoller"), ("Kit de maintenance", 1, "maintenanceKit"),
        ("Vaschetta toner di scarto", 1, "wasteToner"), ("Unità fusore", 1, "fuser"), ("Rullo di alimentazione", 1, "feedRoller"),
        ("Unidad de imagen", 1, "drum"), ("Tóner negro", 1, "toner"), ("Depósito de residuos de tóner", 1, "wasteToner"),
        ("Cilindro", 1, "drum"), ("Tinteiro preto (tinta)", 1, "ink"),
        ("Afvaltonerbak", 1, "wasteToner"), ("Trumma", 1, "drum"), ("Överskottstoner", 1, "wasteToner"),
        ("Servicekit", 1, "maintenanceKit"),
        ("Bęben", 1, "drum"), ("Odpadní toner", 1, "wasteToner"), ("Zapékací jednotka", 1, "fuser"),
        ("Тонер-картридж", 1, "toner"), ("Фотобарабан", 1, "drum"), ("Контейнер отработанного тонера", 1, "wasteToner"),
        ("废粉盒", 1, "wasteToner"), ("黑色碳粉", 1, "toner"), ("定影器", 1, "fuser"), ("感光鼓", 1, "drum"),
        ("转印带", 1, "transferBelt"), ("墨盒", 1, "ink"),
        ("廃トナーボックス", 1, "wasteToner"), ("ドラムカートリッジ", 1, "drum"), ("定着ユニット", 1, "fuser"),
        ("インク", 1, "ink"), ("폐토너통", 1, "wasteToner"),
        # nothing but a part number
        ("TK-9917M", 1, "toner"), ("DR-4499", 1, "drum"), ("DV-7781", 1, "developer"), ("WT-9042", 1, "wasteToner"),
        ("QX-1234", 1, "unknown"),
    ],
)  # fmt: skip
def test_a_kind_is_read_from_type_and_description(text: str | None, type_number: int | None, kind: str) -> None:
    assert read_part(text, type_number, None).kind == kind


@pytest.mark.parametrize(
    ("process", "kind"),
    [("toner", "toner"), ("ink", "ink"), (None, "unknown")],
)
def test_a_cartridge_holds_what_the_device_prints_with(process: Process | None, kind: str) -> None:
    assert read_part("Cyan Cartridge", 1, None, process=process).kind == kind


@pytest.mark.parametrize(
    ("text", "type_number", "class_number", "kind", "is_receptacle"),
    [
        ("Waste Toner", 4, RECEPTACLE, "wasteToner", True),
        ("Waste Toner", 4, None, "wasteToner", True),
        ("Resttoner", None, None, "wasteToner", True),
        ("Box", 3, RECEPTACLE, "wasteToner", True),
        ("Toner", 3, RECEPTACLE, "wasteToner", True),
        ("Black Toner", 3, RECEPTACLE, "toner", True),
        ("Waste Toner (Black)", 3, RECEPTACLE, "wasteToner", True),
        ("Box", 6, RECEPTACLE, "wasteInk", True),
        ("Box", 1, RECEPTACLE, "unknown", True),
        ("Punch", 1, RECEPTACLE, "punchWaste", True),
        ("Waste Toner", 4, CONSUMED, "wasteToner", False),
        ("Black Toner", 3, CONSUMED, "toner", False),
        ("Black Toner", 3, None, "toner", False),
    ],
)
def test_the_class_decides_what_is_a_receptacle_and_words_where_it_is_missing(
    text: str, type_number: int | None, class_number: int | None, kind: str, is_receptacle: bool
) -> None:
    part = read_part(text, type_number, class_number)
    assert (part.kind, part.is_receptacle) == (kind, is_receptacle)


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("Black Toner", "black"), ("Photo Black Ink", "black"), ("Matte Black Ink", "black"), ("Toner (Magenta)", "magenta"),
        ("Toner Schwarz", "black"), ("Toner Gelb", "yellow"), ("Toner noir", "black"), ("Toner jaune", "yellow"), ("Toner ciano", "cyan"),
        ("Toner giallo", "yellow"), ("Tóner negro", "black"), ("Tóner amarillo", "yellow"), ("Toner preto", "black"),
        ("Zwarte toner", "black"),
        ("Gul toner", "yellow"), ("Svart toner", "black"), ("Żółty toner", "yellow"), ("Черный тонер", "black"),
        ("黑色墨粉", "black"), ("黄色碳粉", "yellow"),
        ("青色碳粉", "cyan"), ("品红色碳粉", "magenta"), ("シアントナー", "cyan"), ("マゼンタ トナー", "magenta"),
        ("Light Cyan Ink", "light cyan"),
        ("Light Gray Ink", "light gray"), ("Light Black Ink", "light black"), ("Orange Ink", "orange"), ("Toner BK", "black"),
        ("Toner (K)", "black"), ("Toner Cartridge [M]", "magenta"), ("Toner C", "cyan"), ("Y Toner", "yellow"),
        ("Toner [K] [C]", None), ("PFI-9907MBK", "black"), ("Ink PBK", "black"),
        ("Cartridge 940/940H C", "cyan"), ("Drum Unit-K", "black"), ("Toner BC", None),
        ("Kit for C", None), ("Toner (R1)", None), ("PhotoCyan Ink", "light cyan"), ("Photo-gray Ink", "light gray"),
        ("Toner", None), ("Cyan, Magenta, Yellow Drum", None), ("Toner Cartridge K2", None), ("TK-9917M", "magenta"),
        ("TN-8842BK", "black"),
        ("CLT-Y777S", "yellow"), ("XY4410A", None), ("Toner Cartridge, Black", "black"),
        ("Toner, PN 12BK99;SNCYAN0001", None),
    ],
)  # fmt: skip
def test_a_colour_is_read_from_the_description(text: str, colour: str | None) -> None:
    assert read_part(text, 3, None).colour == colour


def test_the_colorant_comes_before_the_description() -> None:
    assert read_part("Toner Cartridge", 3, None, colorant="Cyan").colour == "cyan"
    assert read_part("Toner 1 (black)", 3, None, colorant="unknown").colour == "black"


@pytest.mark.parametrize("type_number", [4, 8, 15, 20, 32])
def test_what_exists_once_has_no_colour(type_number: int) -> None:
    assert read_part("Black Unit", type_number, None, colorant="black").colour is None


@pytest.mark.parametrize(
    ("name", "colour"),
    [
        ("black", "black"), ("Process Cyan", "cyan"), ("K", "black"), ("y", "yellow"), ("Gelb", "yellow"), ("none", None),
        ("", None), (None, None),
        ("Metallic Copper", "metallic copper"), ("x" * 500, "x" * 32),
    ],
)  # fmt: skip
def test_a_colorants_name_is_a_colour_of_ours_or_its_own(name: str | None, colour: str | None) -> None:
    assert read_colour(name) == colour


@pytest.mark.parametrize(
    ("text", "part_number", "serial"),
    [
        ("Black Toner, PN 099R07777;SN77AB12CD34", "099R07777", "77AB12CD34"),
        ("Cyan Toner Cartridge, WorkThing 9000DN, PN#199R01234", "199R01234", None),
        ("Fuser, PN unknown;SNunknown", None, None),
        ("Toner, PN Genuine Maker Toner;SNZ123456", None, "Z123456"),
        ("Black Toner S/N:ABCD-990011AA", None, "ABCD-990011AA"),
        ("Black Cartridge HP CQ777X", "CQ777X", None),
        ("Magenta Cartridge HP CQ779X and some more words", "CQ779X", None),
        ("HP 940XL Cyan Ink", "940XL", None),
        ("Black Cartridge HP 61", "61", None),
        ("Ink Cartridge ZQ9451-BK", "ZQ9451-BK", None),
        ("Cartridge 901/901H", "901/901H", None),
        ("TK-9917", "TK-9917", None),
        ("Part Number: 44A1122", "44A1122", None),
        ("Fuser Kit 220V", None, None),
        ("Fuser Kit 110-127V", None, None),
        ("Fuser Kit HP 110V-CQ999A, 220V-CQ998A", "CQ999A", None),
        ("C-EXV 99 Toner Cyan", "C-EXV 99", None),
        ("Black Toner Cartridge 99508712", "99508712", None),
        ("Black Ink Bottle 992", "992", None),
        ("Drum Cartridge (R3)", None, None),
        ("Black Toner 2", None, None),
        ("Toner, Phaser 9130N", None, None),
        ("Waste Toner Box", None, None),
    ],
)
def test_part_and_serial_numbers_are_found_in_the_description(text: str, part_number: str | None, serial: str | None) -> None:
    part = read_part(text, 1, None)
    assert (part.part_number, part.serial) == (part_number, serial)


@given(st.text(max_size=120), st.integers() | st.none(), st.integers() | st.none(), st.text(max_size=20) | st.none())
def test_no_text_makes_it_raise(text: str, type_number: int | None, class_number: int | None, colorant: str | None) -> None:
    assert read_part(text, type_number, class_number, colorant=colorant).kind
